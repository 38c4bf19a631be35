"""Detection of CT volumes whose values are not Hounsfield units.

Each finding is based on a sample of the voxels. If a finding is impossible for an image in HU, the scan is rejected. An
image without air, such as a crop, can be in HU or not and is only marked.

SOURCE of the limits: air is -1000 HU by definition of the scale; 41 CTs of the body from public collections have minima
at or below -942 HU. The other limits are far from the values of fat, organs, and bone (-120 to about 1900 HU).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ctpop.foundation.errors import ScanError
from ctpop.imaging.slice_scales import (
    AIR_HU,
    MOST_FREQUENT,
    MOST_LIGHT,
    NARROWEST_HU,
    OFFSET,
    SHARE_AT_LIMIT,
    SHARE_OF_TISSUE,
    SHARE_TOO_LOW,
    SOFT_TISSUE_HU,
    TOO_LOW_HU,
    slices_of_other_scale,
    varies,
)

LIGHT_HU = -700.0  # air and lung
LEAST_TISSUE = 0.0002  # ASSUME: proportion of voxels without the most frequent value; 0.0004 for a finger, wide image
FEW_TISSUE = 0.005  # ASSUME: proportion of voxels, in an image with values below vacuum
SHARE_BELOW_VACUUM = 0.1  # ASSUME: proportion in an image without tissue; noise in air has less below LOWEST_AIR_HU
LOWEST_AIR_HU = -1075.0  # ASSUME: limit for the median of air and lung; noise is symmetric around -1000
SAMPLED = 250_000  # largest number of voxels
MOST_DENSE = 0.25  # ASSUME: proportion other than air and lung: bone if the image is 1024 HU too low, otherwise tissue
MIXED_VOXELS = 2  # ASSUME: distance from padding in voxels of the sample, within which values are mixtures
RINGING_HU = 10.0  # ASSUME: range around values of padding
SHARE_TOO_HIGH = 0.05
TOO_HIGH_HU = 4000.0  # above bone and most metal
METAL_HU = 1500.0  # a maximum above this value can be the limit of the scanner
SHARE_AT_HIGHEST = 0.005  # ASSUME: proportion of voxels; 0.006 in an image of the trunk clipped at 400 HU
BESIDE_LIMIT_HU = 10.0  # in a clipped image, values within this range are less frequent than the limit itself
NEAR_LOWEST = 0.1  # proportion of the range up to the 99th percentile, in which values of air are more frequent
NO_FAT_HU = -50.0  # an image without lower values contains no fat
NO_TISSUE_HU = (-700.0, -250.0)  # between lung and fat
BYTES = ((0.0, 255.0), (-128.0, 127.0))  # the ranges of 8 bits
SHARE_OF_REVERSED_AIR = 0.1  # ASSUME: proportion of voxels; a bladder with contrast can have more, with other tissue
FAT_HU = (-120.0, -80.0)
ORGANS_HU = (10.0, 80.0)  # muscle, blood and most organs, with and without contrast medium
MEANINGS = {
    "hu": "the values are HU: the volume contains air",
    "uncertain": "the volume contains no air or no tissue, so the scale of its values is uncertain",
    "scaled": "the values were scaled to another range",
    "offset": "the values have an offset from HU",
    "bytes": "the values were scaled or clipped to 8 bits",
    "mixed": "the scale of some axial slices differs from the other slices",
    "windowed": "the values were clipped to a display window",
}


@dataclass(frozen=True)
class HuScale:
    """A finding about the scale of the values of a CT.

    Attributes
    ----------
    finding : str
        `hu`, `uncertain`, or the error: `scaled`, `offset`, `bytes`, `windowed`, `mixed`.
    detail : str
        The values on which the finding is based.
    is_hu : bool or None
        True for `hu`, None for `uncertain`, False for the errors.

    """

    finding: str
    detail: str
    is_hu: bool | None


def scale_of(values: NDArray[np.number]) -> HuScale:
    """Return the finding about the values of a CT.

    Parameters
    ----------
    values : numpy.ndarray, shape (x, y, z)
        Values of the volume; values that are not finite are ignored.

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
    part = _sample(values)
    sample = part[np.isfinite(part)]
    if not len(sample):
        return HuScale("uncertain", "no voxel is finite", None)
    low, high = float(sample.min()), float(sample.max())
    extent = f"values are from {low:g} to {high:g}"
    if values.dtype.itemsize == 1 or (low, high) in BYTES:
        return HuScale("bytes", f"{extent}, which is the range of 8 bits", False)
    if high - low < NARROWEST_HU:
        return HuScale("scaled", f"{extent}, a range too narrow for HU", False)
    image, inside = _apart_from_padding(sample), _away_from_padding(part)
    found = _far_from_hu(sample, image) or _shifted(sample, extent) or _air_elsewhere(sample, inside)
    found = found or (None if inside.min() <= AIR_HU else _without_air(inside, extent)) or _cut_off_above(sample)
    found = found or _mixed(values) or _without_tissue(image, extent)
    if found:
        return found
    if inside.min() <= AIR_HU:
        return HuScale("hu", extent, True)
    return HuScale("uncertain", f"{extent}, and no voxel is air", None)


def refuse_other_scales(values: NDArray[np.number]) -> HuScale:
    """Return the finding about the values of a CT, or raise an error if the values are not Hounsfield units.

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


def _apart_from_padding(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the voxels except padding far below air and values close to it (from rounding and resampling)."""
    low = sample.min()
    image = sample[sample > low] if low < TOO_LOW_HU and sample.max() > low else sample
    too_low = sample[sample < TOO_LOW_HU]
    values, counts = np.unique(np.rint(too_low), return_counts=True)
    for value in values[counts > MOST_FREQUENT * len(too_low)]:
        image = image[np.abs(image - value) > RINGING_HU]
    return image


def _away_from_padding(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the finite voxels not adjacent to values far below air, because resampling mixes padding and image."""
    finite, too_low = np.isfinite(part), part < TOO_LOW_HU
    away = finite & ~ndimage.binary_dilation(too_low, iterations=MIXED_VOXELS)
    return part[away] if away.mean() > SHARE_AT_LIMIT else part[finite]


def _far_from_hu(sample: NDArray[np.float64], image: NDArray[np.float64]) -> HuScale | None:
    """Return a finding if few voxels are tissue and too many, except padding, have values impossible for tissue."""
    in_range = sample[sample >= TOO_LOW_HU]
    if not len(in_range):
        return HuScale("offset", f"all voxels are below {TOO_LOW_HU:g}", False)
    too_low, too_high = (float(np.sum(part)) / len(sample) for part in (image < TOO_LOW_HU, _too_high(sample)))
    at_padding = np.sum(sample < TOO_LOW_HU) / len(sample) - too_low
    if too_low > max(SHARE_TOO_LOW, at_padding / 2) and np.mean(in_range >= LIGHT_HU) < MOST_DENSE:
        return HuScale("offset", f"{too_low:.0%} of the voxels are below {TOO_LOW_HU:g}", False)
    if too_high > SHARE_TOO_HIGH and np.mean(sample < NO_FAT_HU) < MOST_LIGHT:
        return HuScale("offset", f"{too_high:.0%} of the voxels are above {TOO_HIGH_HU:g}", False)
    return None


def _too_high(sample: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which voxels are above bone, except the highest value, which can be padding."""
    return np.asarray((sample > TOO_HIGH_HU) & (sample < sample.max()))


def _shifted(sample: NDArray[np.float64], extent: str) -> HuScale | None:
    """Return a finding if soft tissue has values that are 1024 too high; the lowest value can be padding."""
    above = sample[sample > sample.min()]
    lightest, densest = (hu + OFFSET for hu in SOFT_TISSUE_HU)
    shifted = float(np.mean((sample > lightest) & (sample < densest)))
    has_air = sample.min() <= AIR_HU
    if shifted <= SHARE_OF_TISSUE or (above.min() if has_air else sample.min()) <= SOFT_TISSUE_HU[0]:
        return None
    if (has_air and not varies(above)) or _share(sample, FAT_HU) > SHARE_AT_LIMIT:  # a phantom, or contrast medium
        return None
    return HuScale("offset", f"{extent}, and {shifted:.0%} of the voxels are soft tissue if 1024 is subtracted", False)


def _air_elsewhere(sample: NDArray[np.float64], inside: NDArray[np.float64]) -> HuScale | None:
    """Return a finding if air has values that air cannot have, below vacuum or at the values of bone."""
    light = inside[(inside < LIGHT_HU) & (inside > sample.min())]  # the lowest value can be padding
    if len(light) > SHARE_AT_LIMIT * len(sample) and np.median(light) < LOWEST_AIR_HU and varies(light):
        return HuScale("offset", f"half of the voxels of air and lung are below {np.median(light):g}", False)
    below, middle, above = (float(np.mean(np.abs(sample - hu) < 60)) for hu in (880, 1000, 1120))
    is_narrow = middle > max(SHARE_OF_REVERSED_AIR, 2 * below, 2 * above)
    if is_narrow and np.mean(sample <= AIR_HU) < MOST_LIGHT and _is_reversed(sample):
        return HuScale("scaled", f"{middle:.0%} of the voxels are near +1000, like air with a reversed sign", False)
    return None


def _is_reversed(sample: NDArray[np.float64]) -> bool:
    """Return whether the values of organs, and of organs and fat together, fit better with a reversed sign."""
    negative, positive = ([_share(part, limits) for limits in (ORGANS_HU, FAT_HU)] for part in (-sample, sample))
    return negative[0] > SHARE_OF_TISSUE and sum(negative) > sum(positive)


def _share(sample: NDArray[np.float64], limits: tuple[float, float]) -> float:
    """Return the proportion of voxels between two values."""
    return float(np.mean((sample > limits[0]) & (sample < limits[1])))


def _without_tissue(image: NDArray[np.float64], extent: str) -> HuScale | None:
    """Return a finding if almost all voxels are air or lung; it is certain if values are below vacuum."""
    values, counts = np.unique(image, return_counts=True)
    others = image[image != values[counts.argmax()]] if len(values) > 1 else image
    tissue = float(np.mean(others >= LIGHT_HU)) if len(others) else 0.0
    if image.min(initial=0) > AIR_HU or tissue >= FEW_TISSUE:
        return None
    detail = f"{extent}, and almost all voxels are below {LIGHT_HU:g} (no tissue)"
    if np.mean(others < LOWEST_AIR_HU) > SHARE_BELOW_VACUUM and varies(10 * others):  # in tenths of a HU
        return HuScale("scaled", detail, False)
    return HuScale("uncertain", detail, None) if tissue < LEAST_TISSUE else None


def _cut_off_above(sample: NDArray[np.float64]) -> HuScale | None:
    """Return a finding if many voxels of an image with noise have the highest value, and it is far below metal."""
    low, high = sample.min(), sample.max()
    at_high = float(np.mean(sample == high))
    usual = float(np.mean((sample >= high - BESIDE_LIMIT_HU) & (sample < high)))
    if high >= METAL_HU or at_high <= max(SHARE_AT_HIGHEST, usual):
        return None
    if not varies(sample[(sample > low) & (sample < high)]):  # a phantom
        return None
    return HuScale("windowed", f"{at_high:.1%} of the voxels have the highest value, {high:g}", False)


def _without_air(inside: NDArray[np.float64], extent: str) -> HuScale | None:
    """Return a finding if an image without values of air has frequent values near its minimum, as air has."""
    lowest, high = float(inside.min()), float(inside.max())
    at_low, usual = float(np.mean(inside == lowest)), float(np.mean(inside <= lowest + BESIDE_LIMIT_HU))
    cut_off = at_low > max(SHARE_AT_LIMIT, usual - at_low)
    band = NEAR_LOWEST * (np.percentile(inside, 99) - lowest)
    near_low = float(np.mean(inside <= lowest + band))
    is_air = near_low > max(SHARE_AT_LIMIT, 2 * float(np.mean(inside <= lowest + 2 * band)) - 2 * near_low)
    if lowest >= 0 and high <= BYTES[0][1] and (is_air or cut_off):
        return HuScale("bytes", f"{extent}, and {near_low:.0%} of the voxels are {lowest:g} or slightly above", False)
    if cut_off and (lowest >= 0 or varies(inside[(inside > lowest) & (inside < high)])):
        return HuScale("windowed", f"{at_low:.0%} of the voxels have the lowest value, {lowest:g}; no air", False)
    if is_air and (lowest > NO_FAT_HU or NO_TISSUE_HU[0] < lowest < NO_TISSUE_HU[1]):
        return HuScale("scaled", f"{extent}, and {near_low:.0%} of the voxels are near the lowest, like air", False)
    return None


def _mixed(values: NDArray[np.number]) -> HuScale | None:
    """Return a finding if the scale of axial slices differs from slices with air."""
    if values.ndim != 3:
        return None
    found = slices_of_other_scale(values)
    if not len(found):
        return None
    detail = f"at least {len(found)} of {values.shape[2]} slices, including slice {found[0] + 1}"
    return HuScale("mixed", detail, False)


def _sample(values: NDArray[np.number]) -> NDArray[np.float64]:
    """Return evenly spaced voxels as float, at most `SAMPLED`, along the axes of the image."""
    step = int(np.ceil(max(1.0, values.size / SAMPLED) ** (1 / 3))) | 1  # odd because slices can alternate
    return values[tuple(slice(None, None, step) for _ in range(values.ndim))].astype(np.float64)
