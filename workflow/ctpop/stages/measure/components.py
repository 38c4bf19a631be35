"""Connected parts of structures.

Two voxels belong together if they share a face, an edge or a corner (26 neighbours), so that a thin structure that runs
obliquely through the grid, a rib or a vessel, is one part as long as its voxels touch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.measure.runs import Runs


@dataclass(frozen=True)
class Edge:
    """The runs of the last plane that was taken in, and the part that each of them belongs to."""

    runs: Runs
    part: NDArray[np.intp]


class Components:
    """Joins the runs of a walk, slab by slab, into connected parts.

    Of earlier slabs only the runs of the last plane are kept; of all parts, the structure, the number of voxels, and
    which part of one slab goes on in which part of the next.
    """

    def __init__(self, shape: tuple[int, ...], n_rows: int) -> None:
        self.shape = shape
        self.n_rows = n_rows
        self.edge: Edge | None = None
        self.n_parts = 0
        self.rows: list[NDArray[np.intp]] = []
        self.sizes: list[NDArray[np.int64]] = []
        self.bridges: list[NDArray[np.intp]] = []

    def add(self, runs: Runs, last_plane: int) -> None:
        """Take in the runs of the next slab, of which `last_plane` is the last."""
        both = self.edge.runs.then(runs) if self.edge else runs
        n_old = len(both.row) - len(runs.row)
        n_found, part = connected(len(both.row), touching(both, self.shape))
        row = np.empty(n_found, np.intp)
        row[part] = both.row
        self.rows.append(row)
        self.sizes.append(np.bincount(part[n_old:], runs.length, n_found).astype(np.int64))
        part += self.n_parts
        if self.edge:
            self.bridges.append(np.stack([self.edge.part, part[:n_old]]))
        self.n_parts += n_found
        last = both.plane == last_plane
        self.edge = Edge(both.take(last), part[last])

    def counted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each structure the number of its parts, and the voxels of the largest."""
        nothing: NDArray[np.intp] = np.empty(0, np.intp)
        bridges = np.concatenate([np.empty((2, 0), np.intp), *self.bridges], axis=1)
        n_found, part = connected(self.n_parts, bridges)
        sizes = np.bincount(part, np.concatenate([nothing, *self.sizes]), n_found).astype(np.int64)
        row = np.empty(n_found, np.intp)
        row[part] = np.concatenate([nothing, *self.rows])
        largest: NDArray[np.int64] = np.zeros(self.n_rows, np.int64)
        np.maximum.at(largest, row, sizes)
        return np.bincount(row, minlength=self.n_rows), largest


def connected(n: int, pairs: NDArray[np.intp]) -> tuple[int, NDArray[np.intp]]:
    """Return how many parts n things form that are joined in pairs, shape (2, number), and the part of each thing."""
    from scipy import sparse
    from scipy.sparse import csgraph

    joined = np.ones(pairs.shape[1], np.int8)
    graph = sparse.coo_array((joined, (pairs[0], pairs[1])), shape=(n, n))
    n_found, part = csgraph.connected_components(graph, directed=False)
    return int(n_found), part.astype(np.intp)


def touching(runs: Runs, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the pairs of runs of one structure that touch, shape (2, number); shape is that of the walk."""
    _, n_lines, n_voxels = shape
    row_of_lines = (
        runs.plane * (n_lines + 1) + runs.line
    )  # one empty line after each plane: no plane touches by its end
    steps = (1, n_lines, n_lines + 1, n_lines + 2)  # the next line, and three of the next plane
    width = n_voxels + 1
    begins, ends = row_of_lines * width + runs.begin, row_of_lines * width + runs.end
    found = []
    for step in steps:
        first = np.searchsorted(ends, begins + step * width, "left")
        number = np.searchsorted(begins, ends + step * width, "right") - first
        one = np.repeat(np.arange(len(number)), number)
        other = np.arange(len(one)) + np.repeat(first - np.cumsum(number) + number, number)
        same = runs.row[one] == runs.row[other]
        found.append(np.stack([one[same], other[same]]))
    return np.concatenate(found, axis=1)
