"""Three planes through a structure, as a radiologist looks at them: the patient's right on the left of the picture.

Planes follow the axes of the image, which are those of the patient up to the tilt of the affine. Their pixels are
square in mm, whatever the spacing of the voxels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.imaging.images import Grid

PIXELS = 320  # along each side of a plane
LARGEST_OVERSAMPLING = 4
SHORTEST_SIDE_MM = 100.0  # a gland of 20 mm is shown with what is around it
MARGIN = 1.2  # a plane is so many times as wide as the structure


@dataclass(frozen=True)
class View:
    """A direction to look from: axes of the image (x, y, z) across it, down it and along the line of sight.

    Both axes are walked backwards: from right to left or from anterior to posterior, and from anterior or superior
    downwards.
    """

    name: str
    across: int
    down: int
    along: int
    marks: tuple[str, str, str, str]  # at the left, right, upper and lower edge


VIEWS = (
    View("axial", 0, 1, 2, ("R", "L", "A", "P")),
    View("coronal", 0, 2, 1, ("R", "L", "S", "I")),
    View("sagittal", 1, 2, 0, ("A", "P", "S", "I")),
)


@dataclass(frozen=True)
class PlaneFrame:
    """What is shown: planes through voxel `at`, square, `side_mm` wide, around the point `centre` (voxels, x, y, z)."""

    at: tuple[int, int, int]
    centre: NDArray[np.float64]
    side_mm: float


@dataclass(frozen=True)
class Plane:
    """Attenuation and labels of the pixels, shape (PIXELS, PIXELS), first row on top; `inside` is the image itself."""

    hu: NDArray[np.float32]
    labels: NDArray[Any]
    inside: NDArray[np.bool_]


def frame_of(
    labels: NDArray[Any], label: int, grid: Grid, centroid_mm: NDArray[np.float64], box_mm: NDArray[np.float64]
) -> PlaneFrame:
    """Return the planes through the centre of mass of a structure that show all of it.

    Where a plane through the centre misses the structure, as it may with an arch or with several parts, the nearest
    plane that meets it is taken.

    Parameters
    ----------
    labels, label
        Label map (x, y, z), RAS+, and the number of the structure, which has one voxel at least.
    grid
        Where the voxels lie.
    centroid_mm, box_mm
        Centre of mass (3) and lowest and highest corner of the bounding box (2, 3) in world coordinates.

    """
    to_voxel = np.linalg.inv(grid.affine)
    corners = np.array(np.meshgrid(*box_mm.T)).reshape(3, -1)
    reached = to_voxel[:3, :3] @ corners + to_voxel[:3, 3:]
    low, high = reached.min(axis=1), reached.max(axis=1)
    begin = np.clip(np.floor(low), 0, None).astype(int)
    end = np.minimum(np.ceil(high) + 1, grid.shape).astype(int)
    mask = labels[tuple(slice(*ends) for ends in zip(begin, end, strict=True))] == label
    centroid = to_voxel[:3, :3] @ centroid_mm + to_voxel[:3, 3]
    at = [_nearest_plane(mask, axis, begin[axis], centroid[axis]) for axis in range(3)]
    side_mm = max(SHORTEST_SIDE_MM, MARGIN * float(((high - low) * grid.spacing_mm).max()))
    return PlaneFrame((at[0], at[1], at[2]), (low + high) / 2, side_mm)


def plane_of(labels: NDArray[Any], hu: NDArray[Any] | None, grid: Grid, frame: PlaneFrame, view: View) -> Plane:
    """Return one plane; attenuation is interpolated linearly and averaged over a pixel, labels are the nearest one.

    Without a CT, and outside of the image, attenuation is NaN.
    """
    axes, steps = (view.down, view.across), grid.spacing_mm
    finest = min(steps[axis] for axis in axes)
    fold = int(np.clip(np.ceil(frame.side_mm / PIXELS / finest), 1, LARGEST_OVERSAMPLING))
    shape = [grid.shape[axis] for axis in axes]
    fine = [_places(frame, axis, steps[axis], PIXELS * fold) for axis in axes]
    coarse = [_places(frame, axis, steps[axis], PIXELS) for axis in axes]
    inside = np.logical_and.outer(*[_within(place, n) for place, n in zip(coarse, shape, strict=True)])
    rows, columns = (np.clip(np.rint(place), 0, n - 1).astype(int) for place, n in zip(coarse, shape, strict=True))
    order = (view.along, *axes)
    shown_labels = np.where(inside, labels.transpose(order)[frame.at[view.along]][np.ix_(rows, columns)], 0)
    if hu is None:
        return Plane(np.full((PIXELS, PIXELS), np.nan, np.float32), shown_labels, inside)
    stored = hu.transpose(order)[frame.at[view.along]].astype(np.float32)
    down, across = (_weights(place, n) for place, n in zip(fine, shape, strict=True))
    averaged = down @ stored @ across.T
    return Plane(np.where(inside, averaged, np.float32(np.nan)), shown_labels, inside)


def _nearest_plane(mask: NDArray[np.bool_], axis: int, begin: int, centre: float) -> int:
    others = tuple(other for other in range(3) if other != axis)
    planes = np.flatnonzero(mask.any(axis=others)) + begin
    return int(planes[np.abs(planes - centre).argmin()])


def _places(frame: PlaneFrame, axis: int, spacing_mm: float, number: int) -> NDArray[np.float64]:
    """Return the voxel coordinates of pixels along an axis that is walked backwards."""
    offset_mm = ((np.arange(number) + 0.5) / number - 0.5) * frame.side_mm
    return np.asarray(frame.centre[axis] - offset_mm / spacing_mm)


def _weights(places: NDArray[np.float64], number: int) -> NDArray[np.float32]:
    """Return how much each voxel along an axis counts in each pixel, shape (PIXELS, voxels).

    Pixels are means of values that are interpolated at voxel coordinates in between; beyond the last voxel, its own.
    """
    inner = np.clip(places, 0, number - 1)
    before = np.minimum(np.floor(inner).astype(int), max(number - 2, 0))
    after = np.minimum(before + 1, number - 1)
    pixel = np.arange(places.size) * PIXELS // places.size
    weights = np.zeros((PIXELS, number), np.float32)
    np.add.at(weights, (pixel, before), 1 - (inner - before))
    np.add.at(weights, (pixel, after), inner - before)
    return weights * np.float32(PIXELS / places.size)


def _within(places: NDArray[np.float64], number: int) -> NDArray[np.bool_]:
    return (places >= -0.5) & (places <= number - 0.5)
