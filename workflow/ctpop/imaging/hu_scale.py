"""Whether the values of a CT volume are Hounsfield units.

Each finding follows from a sample of the voxels. A finding that no image in HU can have is certain, and the scan is
refused; an image without air, such as a crop, may be in HU or not, and is only reported.

SOURCE of the limits: air is -1000 HU by definition of the scale; 41 CTs of the body from public collections have minima
at or below -942 HU. The other limits are far from what fat, organs and bone can have (-120 to about 1900 HU).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.foundation.errors import ScanError

AIR_HU = -900.0  # a volume with air has voxels below
SAMPLED = 250_000  # voxels at most
NARROWEST_HU = 25.0  # between the smallest and the largest value of an image of a body
SOFT_TISSUE_HU = (-150.0, 250.0)
OFFSET = 1012  # between 1000 and 1024, which scanners and programs add to HU
SHARE_OF_TISSUE = 0.1  # of the voxels; an offset image has as many of them 1024 HU higher
SHARE_AT_LIMIT = 0.05  # of the voxels with the very lowest value, where values were cut off there
SHARE_TOO_LOW = 0.05
TOO_LOW_HU = -1500.0  # noise in air stays above
BYTE = 255.0
MEANINGS = {
    "hu": "the values are HU: the volume contains air",
    "uncertain": "the volume contains no air, so that the scale of its values is not known",
    "scaled": "the values were scaled to a narrow range",
    "offset": "the values have an offset from HU",
    "bytes": "the values were scaled to 0 to 255",
    "windowed": "the values were cut off at the limits of a window",
}


@dataclass(frozen=True)
class HuScale:
    """The finding about the values of a CT, and whether it is certain that they are not Hounsfield units.

    Attributes
    ----------
    finding : str
        `hu`, `uncertain`, or what the values are: `scaled`, `offset`, `bytes`, `windowed`.
    detail : str
        The values that the finding follows from.
    is_hu : bool or None
        True for `hu`, None for `uncertain`, False for the others.

    """

    finding: str
    detail: str
    is_hu: bool | None


def scale_of(values: NDArray[np.number]) -> HuScale:
    """Return the finding about the values of a CT.

    Parameters
    ----------
    values : numpy.ndarray, shape (x, y, z)
        Values of the volume; those that are not finite are left out.

    Returns
    -------
    HuScale
        Finding.

    Examples
    --------
    >>> body = np.concatenate([np.full(500, -1000.0), np.linspace(-100, 100, 500)]).reshape(10, 10, 10)
    >>> scale_of(body).finding, scale_of(body + 1024).finding, scale_of((body + 1000) / 1100).finding
    ('hu', 'offset', 'scaled')

    """
    sample = _sample(values)
    if not len(sample):
        return HuScale("uncertain", "no voxel is finite", None)
    low, high = float(sample.min()), float(sample.max())
    extent = f"values are from {low:g} to {high:g}"
    if high - low < NARROWEST_HU:
        return HuScale("scaled", f"{extent}, which is too narrow for HU", False)
    inside = sample[sample > low] if low < TOO_LOW_HU and high > low else sample  # one value may stand for padding
    if np.mean(inside < TOO_LOW_HU) > SHARE_TOO_LOW:
        return HuScale("offset", f"{np.mean(inside < TOO_LOW_HU):.0%} of the voxels are below {TOO_LOW_HU:g}", False)
    if inside.min() <= AIR_HU:
        return HuScale("hu", extent, True)
    lowest = float(inside.min())
    at_low = float(np.mean(inside == lowest))
    lightest, densest = (hu + OFFSET for hu in SOFT_TISSUE_HU)
    shifted = float(np.mean((sample > lightest) & (sample < densest)))
    if lowest > SOFT_TISSUE_HU[0] and shifted > SHARE_OF_TISSUE:
        return HuScale(
            "offset", f"{extent}, and {shifted:.0%} of the voxels are soft tissue if 1024 is subtracted", False
        )
    if lowest >= 0 and high <= BYTE and at_low > SHARE_AT_LIMIT:
        return HuScale("bytes", f"{extent}, and {at_low:.0%} of the voxels are {lowest:g}", False)
    if at_low > SHARE_AT_LIMIT:
        return HuScale("windowed", f"{at_low:.0%} of the voxels have the lowest value, {lowest:g}; none is air", False)
    return HuScale("uncertain", f"{extent}, and no voxel is air", None)


def refuse_other_scales(values: NDArray[np.number]) -> HuScale:
    """Return the finding about the values of a CT that are, or may be, Hounsfield units.

    Parameters
    ----------
    values : numpy.ndarray, shape (x, y, z)
        Values of the volume.

    Returns
    -------
    HuScale
        Finding.

    Raises
    ------
    ScanError
        `not_hu` if it is certain that the values are not Hounsfield units.

    Examples
    --------
    >>> refuse_other_scales(np.linspace(-1000, 200, 1000).reshape(10, 10, 10)).finding
    'hu'

    """
    found = scale_of(values)
    if found.is_hu is False:
        raise ScanError("not_hu", f"{MEANINGS[found.finding]}: {found.detail}")
    return found


def _sample(values: NDArray[np.number]) -> NDArray[np.float64]:
    """Return evenly spaced voxels as float, at most `SAMPLED` of them."""
    step = int(np.ceil(max(1.0, values.size / SAMPLED) ** (1 / 3))) | 1  # odd: slices may alternate
    part = values[tuple(slice(None, None, step) for _ in range(values.ndim))].astype(np.float64).ravel()
    finite: NDArray[np.float64] = part[np.isfinite(part)]
    return finite
