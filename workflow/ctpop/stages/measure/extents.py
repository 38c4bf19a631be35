"""Where structures lie: number of voxels, the faces of the image that they reach, bounding box and centre of mass.

All of it follows from the number of voxels that a structure has at each place of an axis (its profile). Profiles are
whole numbers and are turned to the axes of the image before anything is computed, so that the result does not depend on
how a file happens to be stored, not in its last digit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.measure.runs import Runs
from ctpop.stages.measure.traversal import Traversal


@dataclass(frozen=True)
class Extent:
    """Voxels of structures along the axes of the image (x, y, z; RAS+).

    `profiles` counts for each axis the voxels at each of its places, shape (row, place); `inner` the voxels that are in
    none of the outermost `border_layers`.
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
        """Return the centre of mass of each structure in world mm, shape (row, axis); missing without a voxel."""
        sums = np.stack([axis @ np.arange(axis.shape[1]) for axis in self.profiles], axis=1)
        return sums / self._present() @ affine[:3, :3].T + affine[:3, 3]

    def boxes_mm(self, affine: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the lowest and highest world coordinates of each structure's box, shape (row, end, axis).

        The box has its sides along the axes of the image and ends at the outer edges of the outermost voxels; missing
        without a voxel.
        """
        first = np.stack([(axis > 0).argmax(axis=1) for axis in self.profiles], axis=1)
        last = np.stack([axis.shape[1] - 1 - (axis[:, ::-1] > 0).argmax(axis=1) for axis in self.profiles], axis=1)
        edges = np.stack([first - 0.5, last + 0.5]) + 0 * self._present()
        shifts = affine[:3, :3] * edges[:, :, None, :]  # what each axis of the image adds to each world axis
        ends = [shifts.min(axis=0).sum(axis=-1), shifts.max(axis=0).sum(axis=-1)]
        return np.stack(ends, axis=1) + affine[:3, 3]

    def _present(self) -> NDArray[np.float64]:
        return np.where(self.n_voxels > 0, self.n_voxels, np.nan)[:, None]


class Extents:
    """Adds up the profiles of structures along the axes of a walk, run by run."""

    def __init__(self, walk: Traversal, n_rows: int, border_layers: int) -> None:
        self.walk = walk
        self.n_rows = n_rows
        self.border_layers = border_layers
        planes, lines, voxels = walk.labels.shape
        self.planes: NDArray[np.int64] = np.zeros((n_rows, planes), np.int64)
        self.lines: NDArray[np.int64] = np.zeros((n_rows, lines), np.int64)
        self.steps: NDArray[np.int64] = np.zeros((n_rows, voxels + 1), np.int64)  # from one voxel of a line to the next
        self.inner: NDArray[np.int64] = np.zeros(n_rows, np.int64)

    def add(self, runs: Runs, planes: slice) -> None:
        """Take in the runs of some planes."""
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
        """Return the voxels (or without them, the runs) of each structure at each place, shape (row, place)."""
        found = np.bincount(runs.row * n_places + place, voxels, self.n_rows * n_places)
        return found.astype(np.int64).reshape(self.n_rows, n_places)  # below 2^53, float64 sums are exact
