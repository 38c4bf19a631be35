"""The voxels of a scan in the order in which they lie in memory.

Images come off the disk in one of 48 orders, and turning one costs more than measuring it. So the arrays are looked at
with their axes exchanged and reversed until neighbours in the last axis are neighbours in memory, in slabs that fit
into the caches, and what is found is told in the axes of the image again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOXELS_PER_SLAB = 2 << 20  # half as many or twice as many take as long


@dataclass(frozen=True)
class Traversal:
    """Labels and attenuation of a scan, shape (plane, line, voxel): the last axis is the one along the memory.

    `axes` gives the axis of the image (x, y, z) behind each axis of the walk, `is_reversed` by axis of the image
    whether the walk goes against it.
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
    """Return the walk along the memory of the labels; attenuation follows, in whatever order it is stored."""
    axes = tuple(sorted(range(3), key=lambda axis: -abs(labels.strides[axis])))
    is_reversed = {axis: labels.strides[axis] < 0 for axis in axes}
    ahead = tuple(slice(None, None, -1 if is_reversed[axis] else None) for axis in axes)
    return Traversal(
        labels.transpose(axes)[ahead], hu.transpose(axes)[ahead] if hu is not None else None, axes, is_reversed
    )
