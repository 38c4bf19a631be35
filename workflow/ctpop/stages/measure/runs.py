"""Runs: consecutive voxels in memory with the same label.

A label map of a patient has about one hundred times fewer runs than voxels. Values that depend only on labels (volume,
position, faces, connected components) are computed from runs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Runs:
    """Runs of structures in the order of plane, line, and voxel; each array has one entry per run.

    A run contains the voxels from `begin` up to but not including `end` of its line, the last axis of the traversal.
    `row` is the row of the structure.
    """

    row: NDArray[np.intp]
    plane: NDArray[np.intp]
    line: NDArray[np.intp]
    begin: NDArray[np.intp]
    end: NDArray[np.intp]

    @property
    def length(self) -> NDArray[np.intp]:
        """Number of voxels of each run."""
        return self.end - self.begin

    @property
    def row_of_voxels(self) -> NDArray[np.intp]:
        """Row of each voxel, in order."""
        return np.repeat(self.row, self.length)

    def take(self, which: NDArray[np.bool_]) -> "Runs":
        """Return the selected runs."""
        return Runs(self.row[which], self.plane[which], self.line[which], self.begin[which], self.end[which])

    def then(self, others: "Runs") -> "Runs":
        """Return these runs followed by others."""
        mine, theirs = vars(self).values(), vars(others).values()
        return Runs(*(np.append(one, other) for one, other in zip(mine, theirs, strict=True)))


def runs_of(planes: NDArray[np.unsignedinteger[Any]], row_of: NDArray[np.intp], first_plane: int) -> Runs:
    """Return the runs of structures in planes of a traversal.

    Parameters
    ----------
    planes
        Labels, shape (plane, line, voxel).
    row_of
        Row of each label; -1 for the background and for labels that are not measured.
    first_plane
        Index of the first plane in the traversal.

    """
    _, n_lines, n_voxels = planes.shape
    lines = np.ascontiguousarray(planes).reshape(-1, n_voxels)
    starts = np.empty(lines.shape, bool)
    starts[:, 0] = True  # no run continues in the next line
    np.not_equal(lines[:, 1:], lines[:, :-1], out=starts[:, 1:])
    begin = np.flatnonzero(starts)
    end = np.append(begin[1:], lines.size)
    row = row_of[lines.reshape(-1)[begin]]
    begin, end, row = (part[row >= 0] for part in (begin, end, row))
    line = begin // n_voxels
    begin, end = begin - line * n_voxels, end - line * n_voxels
    return Runs(row, first_plane + line // n_lines, line % n_lines, begin, end)
