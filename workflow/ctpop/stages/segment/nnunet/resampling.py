"""Resampling between the grids of a scan and a model, one axis at a time, on any torch device.

Two geometries are used. In TotalSegmentator, the centers of the outermost voxels coincide (`scipy.ndimage.zoom`). In
nnU-Net, the outermost edges coincide (`skimage.transform.resize`). Successive linear interpolation along three axes is
trilinear interpolation, so each voxel of the new grid requires only two neighbors and one weight per axis.

The original functions sum in a different order. Logits that are interpolated in float64 (CPU) and rounded to float16,
as in nnU-Net, differ only by rounding of float64. Attenuation in float32 agrees to within 0.001 HU before truncation to
whole HU, so a voxel within this distance of a whole number can differ by 1 HU.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

CHUNK_VOXELS = 1 << 24


@dataclass(frozen=True)
class Taps:
    """Two input positions (ascending) and the weight of the second position, for each output position along an axis."""

    first: Tensor
    second: Tensor
    weight: Tensor

    def to(self, device: torch.device, dtype: torch.dtype) -> "Taps":
        """Return the taps on a device, with weights of the given data type."""
        return Taps(self.first.to(device), self.second.to(device), self.weight.to(device, dtype))

    def part(self, rows: slice, offset: int) -> "Taps":
        """Return the taps of some output positions for an input that starts at `offset`."""
        return Taps(self.first[rows] - offset, self.second[rows] - offset, self.weight[rows])


def by_centers(size: int, new_size: int) -> Tensor:
    """Return the positions of new voxels in the old grid if the centers of the outermost voxels coincide."""
    scale = (size - 1) / (new_size - 1) if new_size > 1 else 1.0
    return (torch.arange(new_size, dtype=torch.float64) * scale).clamp_(0, size - 1)


def by_edges(size: int, new_size: int) -> Tensor:
    """Return the positions of new voxels in the old grid if the outermost edges coincide."""
    return ((torch.arange(new_size, dtype=torch.float64) + 0.5) * (size / new_size) - 0.5).clamp_(0, size - 1)


def linear_taps(positions: Tensor, size: int) -> Taps:
    """Return the neighbors and weights of linear interpolation at positions from 0 to size - 1."""
    first = positions.floor().long().clamp_(max=max(size - 2, 0))
    return Taps(first, (first + 1).clamp_(max=size - 1), positions - first)


def nearest_taps(positions: Tensor, size: int) -> Taps:
    """Return the nearest neighbors; halfway between two voxels, the upper voxel is selected, as in scipy."""
    index = (positions + 0.5).floor().long().clamp_(max=size - 1)
    return Taps(index, index, torch.zeros_like(positions))


def interpolate(values: Tensor, taps: tuple[Taps, Taps, Taps]) -> Tensor:
    """Interpolate values (z, y, x) at the taps of each axis, which have the same device and data type."""
    for axis, tap in enumerate(taps):
        weight = tap.weight.view([-1 if other == axis else 1 for other in range(3)])
        values = values.index_select(axis, tap.first).lerp_(values.index_select(axis, tap.second), weight)
    return values


def resample_hu(image: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Resample a CT (z, y, x; any real type) to a new shape on its device, as whole HU in float32.

    This is the method of TotalSegmentator since version 2.16: linear interpolation in which the centers of the
    outermost voxels coincide, and truncation toward zero. Slabs limit the peak memory to the result and a few slices.
    """
    pairs = zip(image.shape, shape, strict=True)
    taps = [linear_taps(by_centers(old, new), old).to(image.device, torch.float32) for old, new in pairs]
    result = torch.empty(shape, dtype=torch.float32, device=image.device)
    for rows, low, high in chunks(taps[0], CHUNK_VOXELS // (image.shape[1] * image.shape[2])):
        slab = image[low:high].to(torch.float32)
        result[rows] = interpolate(slab, (taps[0].part(rows, low), taps[1], taps[2]))
    return result.trunc_()


def chunks(taps: Taps, size: int, start: int = 0, stop: int | None = None) -> Iterator[tuple[slice, int, int]]:
    """Yield runs of at most `size` output positions, each with the range of input positions that it requires."""
    stop = len(taps.first) if stop is None else stop
    for begin in range(start, stop, max(1, size)):
        rows = slice(begin, min(begin + max(1, size), stop))
        yield rows, int(taps.first[rows.start]), int(taps.second[rows.stop - 1]) + 1


def resample_hu_cubic(image: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Resample a CT (z, y, x) to a new shape by cubic splines, as in TotalSegmentator before version 2.16.

    scipy computes the splines on the CPU, because a cubic spline is not local and would require a separate filter for a
    GPU.
    """
    zoom = np.divide(shape, image.shape)
    values = ndimage.zoom(image.astype(np.float64), zoom, order=3, mode="nearest", grid_mode=False)
    whole: NDArray[np.float32] = np.trunc(values).astype(np.float32)
    return whole


def nearest_labels(labels: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Resample labels (z, y, x) to a new shape by nearest neighbors; the centers of the outermost voxels coincide."""
    for axis, (old, new) in enumerate(zip(labels.shape, shape, strict=True)):
        if old != new:
            labels = labels.index_select(axis, nearest_taps(by_centers(old, new), old).first)
    return labels
