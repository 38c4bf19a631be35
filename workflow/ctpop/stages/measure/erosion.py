"""What is left of structures when their surface is taken off to a depth in mm.

A voxel is left if its centre lies deeper than that below the faces of the voxels around the structure. Depth counted to
the centres of these voxels, as most distance transforms do, would take off less of a fine grid than of a coarse one: at
1.5 mm, one layer of 0.8 mm and one layer of 1.5 mm; this takes off two and one.

All structures are eroded at once. The ellipsoid of neighbours within the depth is taken apart into rows, discs and the
whole, so that a voxel is compared with a few neighbours and not with all of them.

Beyond a face of the image nothing is known, and the body goes on there: the face of the image is no surface.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-6  # a centre at the depth itself is taken off, whatever the header's float32 makes of its place


@dataclass(frozen=True)
class Ball:
    """Voxels that come within a distance of the centre of one voxel.

    `reach[plane][line]` is the number of voxels to either side along the last axis, in the plane and line that many
    steps away; planes and lines that the ball does not meet are not listed.
    """

    reach: tuple[tuple[int, ...], ...]


def ball_of(distance_mm: float, spacing_mm: NDArray[np.float64]) -> Ball:
    """Return the voxels that come within a distance; edges of a voxel in the order of the axes of the walk."""
    most = distance_mm * (1 + ROUNDING)
    plane_mm, line_mm, voxel_mm = (float(edge) for edge in spacing_mm)

    def row(plane: int, line: int) -> int:
        left = most**2 - (max(plane - 0.5, 0) * plane_mm) ** 2 - (max(line - 0.5, 0) * line_mm) ** 2
        return -1 if left < 0 else int(left**0.5 / voxel_mm + 0.5)

    def disc(plane: int) -> tuple[int, ...]:
        return tuple(takewhile(lambda reach: reach >= 0, (row(plane, line) for line in count())))

    return Ball(tuple(takewhile(len, (disc(plane) for plane in count()))))


class Erosion:
    """Tells plane by plane which voxels of a walk are left."""

    def __init__(self, labels: NDArray[np.unsignedinteger[Any]], ball: Ball) -> None:
        self.labels = labels
        self.ball = ball
        self.discs: dict[int, dict[tuple[int, ...], NDArray[Any]]] = {}

    def deep(self, planes: slice) -> NDArray[np.bool_]:
        """Return where voxels of structures are left in planes of the walk, shape (plane, line, voxel)."""
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
        """Return the labels of a plane, 0 where the disc around a voxel holds another label as well."""
        known = self.discs.setdefault(place, {})
        if disc not in known:
            known[disc] = uniform_discs(np.ascontiguousarray(self.labels[place]), disc)
        return known[disc]


def uniform_discs(plane: NDArray[Any], disc: tuple[int, ...]) -> NDArray[Any]:
    """Return the labels of a plane (line, voxel), 0 where the disc around a voxel holds another label as well."""
    uniform = dict(zip(range(disc[0] + 1), _uniform_rows(plane, disc[0]), strict=True))
    whole = uniform[disc[0]].copy()
    for step, reach in enumerate(disc[1:], start=1):
        same = plane[step:] == plane[:-step]
        whole[:-step] &= same & uniform[reach][step:]
        whole[step:] &= same & uniform[reach][:-step]
    return plane * whole


def _uniform_rows(plane: NDArray[Any], reach: int) -> Iterator[NDArray[np.bool_]]:
    """Yield where the voxels up to 0, 1, … `reach` steps along the line carry the same label."""
    whole = np.ones(plane.shape, bool)
    yield whole
    for step in range(1, reach + 1):
        same = plane[:, step:] == plane[:, :-step]
        whole = whole.copy()
        whole[:, :-step] &= same
        whole[:, step:] &= same
        yield whole
