"""Three planes through a structure in radiological convention: the patient's right is on the left of the image.

Planes are parallel to the axes of the image, which equal the axes of the patient except for the tilt of the affine.
Pixels are square regardless of the voxel spacing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.imaging.images import Grid

PIXELS = 320  # along each side of a plane
LARGEST_OVERSAMPLING = 4
SHORTEST_SIDE_MM = 100.0  # includes the surroundings of small structures, such as a 20-mm gland
MARGIN = 1.2  # ratio of the width of a plane to the extent of the structure


@dataclass(frozen=True)
class View:
    """A viewing direction: the image axes (x, y, z) across the plane, down the plane, and along the line of sight.

    Pixels run in the negative direction of the image axes (RAS+): `across` from the patient's right to left or from
    anterior to posterior, `down` from anterior to posterior or from superior to inferior.
    """

    name: str
    across: int
    down: int
    along: int
    marks: tuple[str, str, str, str]  # orientation marks at the left, right, upper, and lower edges


VIEWS = (
    View("axial", 0, 1, 2, ("R", "L", "A", "P")),
    View("coronal", 0, 2, 1, ("R", "L", "S", "I")),
    View("sagittal", 1, 2, 0, ("A", "P", "S", "I")),
)


@dataclass(frozen=True)
class PlaneFrame:
    """Position of square planes: through voxel `at`, `side_mm` wide, centered on `center` (voxels, x, y, z)."""

    at: tuple[int, int, int]
    center: NDArray[np.float64]
    side_mm: float


@dataclass(frozen=True)
class Plane:
    """Attenuation and labels of the pixels, shape (PIXELS, PIXELS), top row first; `inside` marks the image area."""

    hu: NDArray[np.float32]
    labels: NDArray[Any]
    inside: NDArray[np.bool_]


def frame_of(
    labels: NDArray[Any], label: int, grid: Grid, centroid_mm: NDArray[np.float64], box_mm: NDArray[np.float64]
) -> PlaneFrame:
    """Return the position of planes through the center of mass of a structure that cover the whole structure.

    If a plane through the center of mass misses the structure, as in an arch or a structure with several parts, the
    nearest plane that intersects the structure is used.

    Parameters
    ----------
    labels, label
        Label map (x, y, z), RAS+, and the label of the structure, which must have at least one voxel.
    grid
        Grid of the voxels.
    centroid_mm, box_mm
        Center of mass (3) and lowest and highest corner of the bounding box (2, 3) in world coordinates (mm).

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
    """Return a plane with linearly interpolated attenuation, averaged over each pixel, and nearest-neighbor labels.

    Attenuation is NaN without a CT and outside the image.
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


def _nearest_plane(mask: NDArray[np.bool_], axis: int, begin: int, center: float) -> int:
    others = tuple(other for other in range(3) if other != axis)
    planes = np.flatnonzero(mask.any(axis=others)) + begin
    return int(planes[np.abs(planes - center).argmin()])


def _places(frame: PlaneFrame, axis: int, spacing_mm: float, number: int) -> NDArray[np.float64]:
    """Return the voxel coordinates of pixels along an image axis in the negative direction."""
    offset_mm = ((np.arange(number) + 0.5) / number - 0.5) * frame.side_mm
    return np.asarray(frame.center[axis] - offset_mm / spacing_mm)


def _weights(places: NDArray[np.float64], number: int) -> NDArray[np.float32]:
    """Return the weight of each voxel along an axis in each pixel, shape (PIXELS, voxels).

    Each pixel is the mean of values interpolated linearly at voxel coordinates. Beyond the image, the value of the
    outermost voxel is used.
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
