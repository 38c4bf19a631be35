"""Left and right: comparison with the contralateral structure, and position relative to the midline.

The midline is the spine or, if no part of the spine was segmented, the center of the body. The center of the image is
not used, because patients are often positioned off center and images are often cropped.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.imaging.images import Grid
from ctpop.study.label_sets import LabelSet

SPINES = ("vertebrae_.+|sacrum", "spinal_cord")  # the second pattern is used if no structure matches the first
SMALLEST_ANCHOR_ML = 1.0  # ASSUME: smaller volumes are fragments; the smallest plausible vertebra is three times larger
BODY_HU = -300  # ASSUME: higher values are the body, lower values are air and lung
CENTROID = ["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]


def compared_with_contralateral(rows: pd.DataFrame, label_set: LabelSet) -> pd.DataFrame:
    """Return the rows of a scan with `contralateral_ratio` and `asymmetry`, missing unless both sides have voxels."""
    volume = rows.set_index("structure")["volume_ml"].astype("float64")
    volume = volume.where(volume > 0)
    own, other = rows["structure"].map(volume), rows["structure"].map(label_set.contralateral).map(volume)
    sign = side_of(rows, label_set).map({"left": 1.0, "right": -1.0})
    return rows.assign(contralateral_ratio=own / other, asymmetry=sign * (own - other) / (own + other))


def placed_by_side(rows: pd.DataFrame, label_set: LabelSet, hu: NDArray[Any] | None, grid: Grid) -> pd.DataFrame:
    """Return the rows of a scan with `side_mm`, the distance of a center from the midline, positive on its own side.

    The midline is a sagittal plane at each level. It passes through the centers of the vertebrae and the sacrum, with
    interpolation between them. Without these structures, it passes through the center of the spinal cord or, without a
    spinal cord, through the center of the body in the CT.
    """
    sign = side_of(rows, label_set).map({"left": -1.0, "right": 1.0}).to_numpy(dtype=np.float64)  # x grows to the right
    centroids = rows[CENTROID].to_numpy(dtype=np.float64)
    asked = ~np.isnan(sign) & ~np.isnan(centroids[:, 0])
    midline = np.full(len(rows), np.nan)
    midline[asked] = midline_mm(rows, centroids[asked], hu, grid)
    return rows.assign(side_mm=sign * (centroids[:, 0] - midline))


def side_of(rows: pd.DataFrame, label_set: LabelSet) -> "pd.Series[str]":
    """Return the side of the structure of each row, missing for unpaired structures."""
    return rows["structure"].map(dict(zip(label_set.table["structure"], label_set.table["side"], strict=True)))


def midline_mm(
    rows: pd.DataFrame, places_mm: NDArray[np.float64], hu: NDArray[Any] | None, grid: Grid
) -> NDArray[np.float64]:
    """Return the world x (mm) of the midline at the level of each position (x, y, z); missing if undetermined."""
    large = rows[rows["volume_ml"].ge(SMALLEST_ANCHOR_ML)].sort_values(["centroid_z_mm", "structure"])
    for names in SPINES:
        spine = large[large["structure"].str.fullmatch(names)]
        if len(spine):
            return np.asarray(np.interp(places_mm[:, 2], spine["centroid_z_mm"], spine["centroid_x_mm"]))
    if hu is None:
        return np.full(len(places_mm), np.nan)
    return _body_centers_mm(places_mm, hu, grid)


def _body_centers_mm(places_mm: NDArray[np.float64], hu: NDArray[Any], grid: Grid) -> NDArray[np.float64]:
    """Return the world x (mm) of the center of the body in the slice of each position."""
    voxels = (places_mm - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    slices = np.clip(np.rint(voxels[:, 2]), 0, grid.shape[2] - 1).astype(int)
    centers = {place: _body_center(hu[:, :, place]) for place in sorted(set(slices.tolist()))}
    found = np.array([[*centers[place], place] for place in slices.tolist()]).reshape(-1, 3)
    return np.asarray(found @ grid.affine[0, :3] + grid.affine[0, 3])


def _body_center(axial: NDArray[Any]) -> tuple[float, float]:
    """Return the center (x, y) of the largest connected component of the body in an axial slice, in voxels."""
    from scipy import ndimage

    parts, number = ndimage.label(axial > BODY_HU)
    if not number:
        return np.nan, np.nan
    x, y = np.nonzero(parts == np.bincount(parts.ravel())[1:].argmax() + 1)
    return float(x.mean()), float(y.mean())
