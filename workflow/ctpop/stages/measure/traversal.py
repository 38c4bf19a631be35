"""Traversal of the voxels of a scan in memory order.

Files store images in one of 48 axis orders, and reorienting an image takes longer than measuring it. The arrays are
therefore viewed with permuted and reversed axes, in which the last axis is contiguous in memory, and in slabs that fit
into the caches. Results are converted back to the axes of the image.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOXELS_PER_SLAB = 2 << 20  # half or twice this number results in the same run time


@dataclass(frozen=True)
class Traversal:
    """Labels and attenuation of a scan, shape (plane, line, voxel); the last axis is contiguous in memory.

    `axes` contains the image axis (x, y, z) of each axis of the traversal. `is_reversed` maps each image axis to
    whether the traversal runs in the opposite direction.
    """

    labels: NDArray[np.unsignedinteger[Any]]
    hu: NDArray[Any] | None
    axes: tuple[int, ...]
    is_reversed: dict[int, bool]

    def slabs(self) -> Iterator[slice]:
        """Yield the planes of each slab, in order."""
        n_planes, n_lines, n_voxels = self.labels.shape
        step = max(1, VOXELS_PER_SLAB // (n_lines * n_voxels))
        for first in range(0, n_planes, step):
            yield slice(first, min(first + step, n_planes))


def traverse(labels: NDArray[np.unsignedinteger[Any]], hu: NDArray[Any] | None) -> Traversal:
    """Return the traversal in the memory order of the labels; attenuation is viewed in the same order."""
    axes = tuple(sorted(range(3), key=lambda axis: -abs(labels.strides[axis])))
    is_reversed = {axis: labels.strides[axis] < 0 for axis in axes}
    ahead = tuple(slice(None, None, -1 if is_reversed[axis] else None) for axis in axes)
    return Traversal(
        labels.transpose(axes)[ahead], hu.transpose(axes)[ahead] if hu is not None else None, axes, is_reversed
    )
