"""Masks of solids with known surfaces, and pairs of masks for tests of evaluations."""

from typing import NamedTuple

import numpy as np

NOISE_SHAPE = (9, 8, 7)


class Pair(NamedTuple):
    """A reference mask and a predicted mask on the same grid."""

    reference: np.ndarray
    prediction: np.ndarray
    spacing_mm: tuple[float, float, float]


def box(shape: tuple[int, ...], begin: tuple[int, ...], end: tuple[int, ...]) -> np.ndarray:
    """Return a mask of the voxels from `begin` up to `end`."""
    found = np.zeros(shape, bool)
    found[tuple(map(slice, begin, end))] = True
    return found


def ball(shape: tuple[int, ...], spacing_mm: tuple[float, ...], center_mm: tuple[float, ...], radius_mm: float):
    """Return a mask of the voxels whose centers are within a radius of a point."""
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    squares = [(axis * spacing - at) ** 2 for axis, spacing, at in zip(axes, spacing_mm, center_mm, strict=True)]
    return sum(squares) <= radius_mm**2


def noise(seed: int, share: float) -> np.ndarray:
    """Return scattered voxels, in which every arrangement of eight neighbors occurs."""
    return np.random.RandomState(seed).random_sample(NOISE_SHAPE) < share  # equal in all versions of numpy


def shifted_balls(spacing_mm: tuple[float, float, float], radius_mm: float, shift_mm: float) -> Pair:
    """Return two balls, shifted along x, in an image that contains both."""
    size_mm = 2 * radius_mm + shift_mm + 8
    shape = tuple(int(np.ceil(size_mm / spacing)) for spacing in spacing_mm)
    middle = size_mm / 2
    centers = [(middle + sign * shift_mm / 2, middle, middle) for sign in (-1, 1)]
    reference, prediction = (ball(shape, spacing_mm, center, radius_mm) for center in centers)
    return Pair(reference, prediction, spacing_mm)


PAIRS = {
    "equal boxes": Pair(box((8, 7, 6), (2, 2, 2), (5, 5, 4)), box((8, 7, 6), (2, 2, 2), (5, 5, 4)), (1, 1, 1)),
    "boxes shifted along x": Pair(
        box((16, 12, 10), (1, 2, 2), (9, 9, 8)), box((16, 12, 10), (3, 2, 2), (11, 9, 8)), (1.5, 1.5, 1.5)
    ),
    "boxes shifted along z, thick slices": Pair(
        box((12, 12, 10), (2, 2, 1), (10, 9, 6)), box((12, 12, 10), (2, 2, 3), (10, 9, 8)), (0.75, 0.75, 5.0)
    ),
    "distant boxes": Pair(
        box((30, 10, 10), (1, 1, 1), (5, 5, 5)), box((30, 10, 10), (25, 5, 5), (29, 9, 9)), (1.0, 1.25, 2.0)
    ),
    "truncated boxes": Pair(
        box((9, 9, 9), (0, 0, 0), (9, 9, 4)), box((9, 9, 9), (0, 0, 0), (9, 9, 7)), (1.0, 1.0, 1.5)
    ),
    "adjacent voxels": Pair(
        box((5, 5, 5), (1, 1, 1), (2, 2, 2)), box((5, 5, 5), (2, 2, 1), (3, 3, 2)), (2.0, 2.5, 3.0)
    ),
    "shifted balls": shifted_balls((1.0, 1.25, 2.0), 14.0, 5.0),
    "noise, few voxels": Pair(noise(1, 0.05), noise(2, 0.05), (1.5, 2.0, 4.0)),
    "noise, half of the voxels": Pair(noise(3, 0.5), noise(4, 0.4), (0.7, 0.9, 3.5)),
    "noise, most voxels": Pair(noise(5, 0.85), noise(6, 0.9), (1.1, 1.3, 1.7)),
}
TOLERANCES_MM = (0.5, 1.0, 2.0, 3.0, 5.0)
