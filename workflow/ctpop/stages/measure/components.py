"""Connected components of structures.

Two voxels are connected if they share a face, an edge, or a corner (26-connectivity). A thin oblique structure, such as
a rib or a vessel, therefore remains one component as long as its voxels touch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.measure.runs import Runs


@dataclass(frozen=True)
class Edge:
    """The runs of the last plane that was added, and the component of each run."""

    runs: Runs
    part: NDArray[np.intp]


class Components:
    """Connected components from the runs of a traversal, added slab by slab.

    Only the runs of the last plane of earlier slabs are kept. For all components, the structure, the number of voxels,
    and the connections between components of consecutive slabs are kept.
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
        """Add the runs of the next slab, which ends with `last_plane`."""
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
        """Return the number of components of each structure, and the number of voxels of the largest component."""
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
    """Return the number of components of n items connected by pairs, shape (2, number), and the component of each."""
    from scipy import sparse
    from scipy.sparse import csgraph

    joined = np.ones(pairs.shape[1], np.int8)
    graph = sparse.coo_array((joined, (pairs[0], pairs[1])), shape=(n, n))
    n_found, part = csgraph.connected_components(graph, directed=False)
    return int(n_found), part.astype(np.intp)


def touching(runs: Runs, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the pairs of touching runs of one structure, shape (2, number); `shape` is that of the traversal."""
    _, n_lines, n_voxels = shape
    # An empty line after each plane prevents contact between the last line of a plane and the first of the next
    row_of_lines = runs.plane * (n_lines + 1) + runs.line
    steps = (1, n_lines, n_lines + 1, n_lines + 2)  # the next line, and three lines of the next plane
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
