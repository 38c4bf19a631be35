"""Planes as small images: attenuation in a display window as gray levels, and outlines of masks as SVG paths."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctpop.stages.review.planes import PIXELS, Plane

LARGEST_BYTES = 40_000
ATTEMPTS = tuple(
    (fold, quality) for fold in (1, 2, 4) for quality in (80, 60, 40)
)  # the first result below LARGEST_BYTES is used
OUTSIDE = 72  # gray level of areas outside the image
TOLERANCE, COARSE = 0.25, 0.75  # maximum distance (pixels) of an outline from the edge of its mask
UNITS = 2  # path units per pixel


@dataclass(frozen=True)
class DisplayWindow:
    """Display window: the attenuation range (HU) that is shown from black to white."""

    name: str
    low: int
    high: int


# SOURCE: common display windows of body CT (level/width): soft tissue 40/400, bone 300/1500, lung -600/1500
SOFT, BONE, LUNG = (
    DisplayWindow("soft tissue", -160, 240),
    DisplayWindow("bone", -450, 1050),
    DisplayWindow("lung", -1350, 150),
)
AIR_BELOW_HU = -300  # structures with a lower median are shown in the lung window
BRIGHT_ABOVE_HU = 300  # structures with a higher 95th percentile are shown in the bone window to avoid saturation


def window_of(median_hu: float, p95_hu: float) -> DisplayWindow:
    """Return the display window for the attenuation of a structure; soft tissue if it is unknown (NaN)."""
    if median_hu < AIR_BELOW_HU:
        return LUNG
    return BONE if p95_hu > BRIGHT_ABOVE_HU else SOFT


def picture_of(planes: list[Plane], window: DisplayWindow) -> bytes:
    """Return planes side by side as a grayscale WebP image; planes without a CT are black.

    The resolution of noisy images is reduced until the image is smaller than `LARGEST_BYTES`.
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
    """Return the outline of each label in a plane as an SVG path in half pixels from the upper left corner.

    The path follows the edge of the mask within a quarter of a pixel for `label` and within three quarters of a pixel
    for other labels. The background and labels outside the plane have no path.
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
    """Return the outline of a mask whose upper left corner is at the pixel `corner` (row, column)."""
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
