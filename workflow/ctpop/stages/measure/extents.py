"""Extent of structures: number of voxels, faces of the image that they reach, bounding box, and center of mass.

All values are computed from profiles, which contain the number of voxels of a structure at each position of an axis.
Profiles are integers and are reoriented to the axes of the image before any computation. The results are therefore
identical for all storage orders of a file.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.measure.runs import Runs
from ctpop.stages.measure.traversal import Traversal


@dataclass(frozen=True)
class Extent:
    """Voxels of structures along the axes of the image (x, y, z; RAS+).

    `profiles` contains the number of voxels at each position of each axis, shape (row, position). `inner` is the number
    of voxels outside the outermost `border_layers`.
    """

    profiles: tuple[NDArray[np.int64], ...]
    inner: NDArray[np.int64]
    border_layers: int

    @property
    def n_voxels(self) -> NDArray[np.int64]:
        """Number of voxels of each structure."""
        n_voxels: NDArray[np.int64] = self.profiles[0].sum(axis=1)
        return n_voxels

    @property
    def faces(self) -> NDArray[np.int64]:
        """Voxels of each structure in the outermost layers of each face (low and high x, y, z), shape (row, face)."""
        layers = self.border_layers
        ends = [part.sum(axis=1) for axis in self.profiles for part in (axis[:, :layers], axis[:, -layers:])]
        return np.stack(ends, axis=1)

    def centroids_mm(self, affine: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the center of mass of each structure (world, mm), shape (row, axis); missing without voxels."""
        sums = np.stack([axis @ np.arange(axis.shape[1]) for axis in self.profiles], axis=1)
        return sums / self._present() @ affine[:3, :3].T + affine[:3, 3]

    def boxes_mm(self, affine: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the lowest and highest world coordinates of the box of each structure, shape (row, end, axis).

        The sides of the box are parallel to the axes of the image and end at the outer edges of the outermost voxels.
        The coordinates are missing without voxels.
        """
        first = np.stack([(axis > 0).argmax(axis=1) for axis in self.profiles], axis=1)
        last = np.stack([axis.shape[1] - 1 - (axis[:, ::-1] > 0).argmax(axis=1) for axis in self.profiles], axis=1)
        edges = np.stack([first - 0.5, last + 0.5]) + 0 * self._present()
        shifts = affine[:3, :3] * edges[:, :, None, :]  # contribution of each image axis to each world axis
        ends = [shifts.min(axis=0).sum(axis=-1), shifts.max(axis=0).sum(axis=-1)]
        return np.stack(ends, axis=1) + affine[:3, 3]

    def _present(self) -> NDArray[np.float64]:
        return np.where(self.n_voxels > 0, self.n_voxels, np.nan)[:, None]


class Extents:
    """Profiles of structures along the axes of a traversal, accumulated from runs."""

    def __init__(self, walk: Traversal, n_rows: int, border_layers: int) -> None:
        self.walk = walk
        self.n_rows = n_rows
        self.border_layers = border_layers
        planes, lines, voxels = walk.labels.shape
        self.planes: NDArray[np.int64] = np.zeros((n_rows, planes), np.int64)
        self.lines: NDArray[np.int64] = np.zeros((n_rows, lines), np.int64)
        self.steps: NDArray[np.int64] = np.zeros((n_rows, voxels + 1), np.int64)  # changes between voxels of a line
        self.inner: NDArray[np.int64] = np.zeros(n_rows, np.int64)

    def add(self, runs: Runs, planes: slice) -> None:
        """Add the runs of several planes."""
        self.planes[:, planes] = self._counted(runs, runs.plane - planes.start, planes.stop - planes.start, runs.length)
        self.lines += self._counted(runs, runs.line, self.lines.shape[1], runs.length)
        self.steps += self._counted(runs, runs.begin, self.steps.shape[1])
        self.steps -= self._counted(runs, runs.end, self.steps.shape[1])
        layers, shape = self.border_layers, self.walk.labels.shape
        begin, end = np.maximum(runs.begin, layers), np.minimum(runs.end, shape[2] - layers)
        is_inner = (runs.plane >= layers) & (runs.plane < shape[0] - layers)
        is_inner &= (runs.line >= layers) & (runs.line < shape[1] - layers) & (begin < end)
        self.inner += self._counted(runs, 0, 1, (end - begin) * is_inner)[:, 0]

    def in_image(self) -> Extent:
        """Return the extents along the axes of the image."""
        along_traversal = self.planes, self.lines, np.cumsum(self.steps, axis=1)[:, :-1]
        profiles = dict(zip(self.walk.axes, along_traversal, strict=True))
        turned = {axis: profiles[axis][:, :: -1 if back else 1] for axis, back in self.walk.is_reversed.items()}
        return Extent((turned[0], turned[1], turned[2]), self.inner, self.border_layers)

    def _counted(
        self, runs: Runs, place: NDArray[np.intp] | int, n_places: int, voxels: NDArray[np.intp] | None = None
    ) -> NDArray[np.int64]:
        """Return the voxels of each structure per position, shape (row, position); the runs if `voxels` is None."""
        found = np.bincount(runs.row * n_places + place, voxels, self.n_rows * n_places)
        return found.astype(np.int64).reshape(self.n_rows, n_places)  # below 2^53, float64 sums are exact
