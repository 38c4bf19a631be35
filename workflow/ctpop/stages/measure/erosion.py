"""Erosion of structures to a depth in mm.

A voxel remains if its center is deeper than this distance below the faces of the voxels around the structure. Most
distance transforms measure the distance to the centers of these voxels and therefore remove less from a fine grid than
from a coarse grid: at 1.5 mm, one layer of 0.8-mm voxels and one layer of 1.5-mm voxels. The method of this module
removes two layers and one layer.

All structures are eroded simultaneously. The ellipsoid of neighbors within the depth is decomposed into rows and discs,
which reduces the number of comparisons per voxel.

A face of the image is not a surface, because the body continues beyond it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-6  # removes a center exactly at the depth despite the rounding of float32 spacings in headers


@dataclass(frozen=True)
class Ball:
    """Voxels within a distance of the center of one voxel.

    `reach[plane][line]` is the number of voxels to either side along the last axis, at a distance of `plane` planes and
    `line` lines. Planes and lines outside the ball are not listed.
    """

    reach: tuple[tuple[int, ...], ...]


def ball_of(distance_mm: float, spacing_mm: NDArray[np.float64]) -> Ball:
    """Return the voxels within a distance (mm); `spacing_mm` is in the order of the axes of the traversal."""
    most = distance_mm * (1 + ROUNDING)
    plane_mm, line_mm, voxel_mm = (float(edge) for edge in spacing_mm)

    def row(plane: int, line: int) -> int:
        left = most**2 - (max(plane - 0.5, 0) * plane_mm) ** 2 - (max(line - 0.5, 0) * line_mm) ** 2
        return -1 if left < 0 else int(left**0.5 / voxel_mm + 0.5)

    def disc(plane: int) -> tuple[int, ...]:
        return tuple(takewhile(lambda reach: reach >= 0, (row(plane, line) for line in count())))

    return Ball(tuple(takewhile(len, (disc(plane) for plane in count()))))


class Erosion:
    """Erosion of the structures of a traversal, plane by plane."""

    def __init__(self, labels: NDArray[np.unsignedinteger[Any]], ball: Ball) -> None:
        self.labels = labels
        self.ball = ball
        self.discs: dict[int, dict[tuple[int, ...], NDArray[Any]]] = {}

    def deep(self, planes: slice) -> NDArray[np.bool_]:
        """Return the mask of remaining voxels in planes of the traversal, shape (plane, line, voxel)."""
        return np.stack([self._plane(place) for place in range(planes.start, planes.stop)])

    def _plane(self, place: int) -> NDArray[np.bool_]:
        labels = self.labels[place]
        left: NDArray[np.bool_] = labels != 0
        for step, disc in enumerate(self.ball.reach):
            others = {place - step, place + step}
            for other in (other for other in others if 0 <= other < len(self.labels)):
                left &= self._uniform(other, disc) == labels
        self.discs.pop(place - len(self.ball.reach) + 1, None)
        return left

    def _uniform(self, place: int, disc: tuple[int, ...]) -> NDArray[Any]:
        """Return the labels of a plane, with 0 where the disc around a voxel contains another label."""
        known = self.discs.setdefault(place, {})
        if disc not in known:
            known[disc] = uniform_discs(np.ascontiguousarray(self.labels[place]), disc)
        return known[disc]


def uniform_discs(plane: NDArray[Any], disc: tuple[int, ...]) -> NDArray[Any]:
    """Return the labels of a plane (line, voxel), with 0 where the disc around a voxel contains another label."""
    uniform = dict(zip(range(disc[0] + 1), _uniform_rows(plane, disc[0]), strict=True))
    whole = uniform[disc[0]].copy()
    for step, reach in enumerate(disc[1:], start=1):
        same = plane[step:] == plane[:-step]
        whole[:-step] &= same & uniform[reach][step:]
        whole[step:] &= same & uniform[reach][:-step]
    return plane * whole


def _uniform_rows(plane: NDArray[Any], reach: int) -> Iterator[NDArray[np.bool_]]:
    """Yield the masks of voxels whose neighbors up to 0, 1, … `reach` steps along the line have the same label."""
    whole = np.ones(plane.shape, bool)
    yield whole
    for step in range(1, reach + 1):
        same = plane[:, step:] == plane[:, :-step]
        whole = whole.copy()
        whole[:, :-step] &= same
        whole[:, step:] &= same
        yield whole
