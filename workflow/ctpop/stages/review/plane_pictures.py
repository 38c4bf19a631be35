"""Planes as small pictures: a window of attenuation in shades of grey, and outlines of masks as paths beside it."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.review.planes import PIXELS, Plane

LARGEST_BYTES = 40_000
ATTEMPTS = tuple((fold, quality) for fold in (1, 2, 4) for quality in (80, 60, 40))  # first that is small enough
OUTSIDE = 72  # shade of what lies outside of the image
TOLERANCE, COARSE = 0.25, 0.75  # pixels by which an outline may leave the edge of its mask
UNITS = 2  # of a path per pixel


@dataclass(frozen=True)
class DisplayWindow:
    """A range of attenuation (HU) that is shown from black to white."""

    name: str
    low: int
    high: int


# SOURCE: the usual windows of body CT: soft tissue 40/400, bone 300/1500, lung -600/1500 (level/width)
SOFT, BONE, LUNG = (
    DisplayWindow("soft tissue", -160, 240),
    DisplayWindow("bone", -450, 1050),
    DisplayWindow("lung", -1350, 150),
)
AIR_BELOW_HU = -300  # a structure with a lower median is shown in the lung window
BRIGHT_ABOVE_HU = 300  # one with a higher 95th percentile in the bone window: the other would show it white


def window_of(median_hu: float, p95_hu: float) -> DisplayWindow:
    """Return the window that shows a structure of this attenuation; soft tissue where it is not known (NaN)."""
    if median_hu < AIR_BELOW_HU:
        return LUNG
    return BONE if p95_hu > BRIGHT_ABOVE_HU else SOFT


def picture_of(planes: list[Plane], window: DisplayWindow) -> bytes:
    """Return planes side by side as WebP in shades of grey, below `LARGEST_BYTES`; without a CT they are black.

    A picture that is full of noise has fewer pixels.
    """
    from PIL import Image

    shown = Image.fromarray(np.hstack([_shades(plane, window) for plane in planes]))
    for fold, quality in ATTEMPTS:
        file = io.BytesIO()
        shown.reduce(fold).save(file, "WEBP", quality=quality, method=4)
        if file.tell() < LARGEST_BYTES:
            break
    return file.getvalue()


def outlines_of(labels: NDArray[Any], label: int) -> dict[int, str]:
    """Return the outline of each label in a plane as an SVG path, in halves of a pixel from the upper left corner.

    The path follows the edge of the mask, within a quarter of a pixel for `label` and three quarters for the others.
    A label that is not in the plane has no path; background has none.
    """
    from skimage import measure

    return {
        int(region.label): _path(region.image, region.bbox[:2], TOLERANCE if region.label == label else COARSE)
        for region in measure.regionprops(labels)
    }


def _shades(plane: Plane, window: DisplayWindow) -> NDArray[np.uint8]:
    shade = (np.nan_to_num(plane.hu, nan=window.low) - window.low) / (window.high - window.low) * 255
    return np.where(plane.inside, np.clip(np.rint(shade), 0, 255), OUTSIDE).astype(np.uint8)


def _path(mask: NDArray[np.bool_], corner: tuple[int, int], tolerance: float) -> str:
    """Return the edge of a mask whose first pixel is at this corner (row, column)."""
    from skimage import measure

    padded = np.pad(mask, 1).astype(np.uint8)
    parts = []
    for line in measure.find_contours(padded, 0.5):
        corners = measure.approximate_polygon(line, tolerance)[:-1] if len(line) > 5 else line[:-1]
        places = np.rint((corners + np.array(corner) - 0.5) * UNITS).astype(int)
        places = np.clip(places, 0, PIXELS * UNITS)
        steps = np.diff(places, axis=0)
        first = f"M{places[0, 1]} {places[0, 0]}l"
        parts.append(first + " ".join(f"{across} {down}" for down, across in steps) + "z")
    return "".join(parts)
