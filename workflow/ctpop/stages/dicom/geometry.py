"""Geometry of the slices of a series: spacing, gaps, repeated positions, tilt, and extent.

Positions are in DICOM coordinates (mm; x to the left, y to posterior, z to superior), one per slice, in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME_PLACE_MM = 0.01  # positions are written with two or more decimals
GAP_FROM = 1.5  # multiple of the median distance; larger distances are gaps
LARGEST_DEVIATION = 0.5  # fraction of the spacing; a slice with a larger deviation is closer to another position
LARGEST_ROUNDING = 0.01  # in the length of a direction and in the cosine of the angle between rows and columns
FEWEST_EVEN_STEPS = 0.75  # fraction of equal steps between image numbers of neighboring slices; 0.5 if interleaved
PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class Stack:
    """Geometry of a stack of slices, with lengths in mm. Values that require two positions are None for one position.

    `order` sorts the slices along their normal. `first` and `last` are the outermost positions, and `normal` is the
    unit vector perpendicular to the slices. `spacing` is the distance between the outermost slices divided by the
    number of steps, including missing slices. `deviation` is the largest distance of a slice, in any direction, from
    its position on the even grid between the first and the last slice. `shear_deg` is the angle between the normal and
    the line from the first to the last slice.
    """

    order: NDArray[np.intp]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    normal: NDArray[np.float64]
    n_places: int
    n_repeated: int
    spacing: float | None = None
    n_gaps: int | None = None
    n_missing: int | None = None
    deviation: float | None = None
    shear_deg: float | None = None

    @property
    def plane(self) -> str:
        """The anatomic plane whose normal is closest to the normal of the slices."""
        return PLANES[int(np.argmax(np.abs(self.normal)))]

    def z_extent(self, thickness: float | None) -> float | None:
        """Return the length along the body (mm) from the lowest to the highest edge of the slices."""
        edge = self.spacing or thickness
        return None if edge is None else float(abs(self.last[2] - self.first[2]) + edge * abs(self.normal[2]))


def is_frame(orientation: Sequence[float]) -> bool:
    """Return whether six numbers are two perpendicular unit vectors."""
    if len(orientation) != 6:
        return False
    directions = np.array(orientation).reshape(2, 3)
    return bool(np.abs(directions @ directions.T - np.eye(2)).max() <= LARGEST_ROUNDING * 2)


def are_interleaved(numbers: Sequence[int | None]) -> bool:
    """Return whether the image numbers along the body indicate two interleaved stacks.

    In interleaved stacks, numbers repeat and alternate from slice to slice. Numbers also repeat in consecutive stacks.
    If all images have the same number, or numbers are missing, they contain no information.

    Examples
    --------
    >>> are_interleaved([1, 1, 2, 2, 3, 3]), are_interleaved([1, 2, 3, 1, 2, 3]), are_interleaved([0, 0, 0, 0])
    (True, False, False)

    """
    known = [number for number in numbers if number is not None]
    if len(set(known)) in (len(known), 1) or len(known) < len(numbers):
        return False
    _, counts = np.unique(np.diff(known), return_counts=True)
    return bool(counts.max() < FEWEST_EVEN_STEPS * counts.sum())


def stack_of(positions: NDArray[np.float64], orientation: NDArray[np.float64]) -> Stack:
    """Return the geometry of slices from their positions (n, 3) and the directions of rows and columns (6)."""
    normal = np.cross(orientation[:3], orientation[3:])
    normal = normal / (np.linalg.norm(normal) or 1.0)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    distances = np.diff(along[order])
    apart = distances[distances > SAME_PLACE_MM]
    first, last = positions[order[0]], positions[order[-1]]
    n_places = len(apart) + 1
    n_repeated = len(positions) - n_places
    if not len(apart):
        return Stack(order, first, last, normal, n_places, n_repeated)
    steps = np.where(apart > GAP_FROM * np.median(apart), np.round(apart / np.median(apart)), 1.0)
    spacing = float(apart.sum() / steps.sum())
    way = (last - first) / np.linalg.norm(last - first)
    return Stack(
        order,
        first,
        last,
        normal,
        n_places,
        n_repeated,
        spacing=spacing,
        n_gaps=int((steps > 1).sum()),
        n_missing=int((steps - 1).sum()),
        deviation=_deviation(positions[order], distances, steps),
        shear_deg=float(np.degrees(np.arccos(np.clip(way @ normal, -1, 1)))),
    )


def _deviation(places: NDArray[np.float64], distances: NDArray[np.float64], steps: NDArray[np.float64]) -> float:
    """Return the largest distance (mm) of ordered slices from the even grid between the first and the last slice."""
    taken = np.zeros(len(distances))
    taken[distances > SAME_PLACE_MM] = steps
    on_grid = np.append(0.0, np.cumsum(taken)) / taken.sum()
    return float(np.linalg.norm(places - places[0] - on_grid[:, None] * (places[-1] - places[0]), axis=1).max())


def faults_of(stack: Stack, numbers: Sequence[int | None], even_within_mm: float) -> list[str]:
    """Return the reasons why slices do not form one evenly spaced volume, as codes of `COMPLETE_REASONS`.

    `numbers` are the image numbers of the slices. `index` uses this rule to decide whether a series is complete, and
    `convert` uses the same rule to reject a series.
    """
    off_grid = min(even_within_mm, LARGEST_DEVIATION * (stack.spacing or 0.0))
    broken = {
        "gaps": bool(stack.n_gaps),
        "repeated_positions": bool(stack.n_repeated),
        "uneven_spacing": (stack.deviation or 0.0) > off_grid,
        "interleaved": not stack.n_repeated and are_interleaved([numbers[place] for place in stack.order]),
    }
    return [reason for reason, holds in broken.items() if holds]


def affine_of(stack: Stack, orientation: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine (4, 4) from voxel (column, row, slice along the normal) to RAS+ world coordinates (mm).

    The thickness of a single slice is set to 1 mm.
    """
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * edges[0]
    affine[:3, 1] = orientation[3:] * edges[1]
    affine[:3, 2] = (stack.last - stack.first) / (stack.n_places - 1) if stack.n_places > 1 else stack.normal
    affine[:3, 3] = stack.first
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
