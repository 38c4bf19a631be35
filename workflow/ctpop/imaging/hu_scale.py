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
LIGHT_HU = -700.0  # air and lung
LEAST_TISSUE = 0.005  # ASSUME: of the voxels; a crop of the lung has vessels
LOWEST_AIR_HU = -1075.0  # ASSUME: of the median of air and lung; noise lies on both sides of -1000
SAMPLED = 250_000  # voxels at most
NARROWEST_HU = 25.0  # between the smallest and the largest value of an image of a body
SOFT_TISSUE_HU = (-150.0, 250.0)
OFFSET = 1012  # between 1000 and 1024, which scanners and programs add to HU
SHARE_OF_TISSUE = 0.1  # of the voxels; an offset image has as many of them 1024 HU higher
SHARE_AT_LIMIT = 0.05  # of the voxels with the very lowest value, where values were cut off there
SHARE_TOO_LOW = 0.05
TOO_LOW_HU = -1500.0  # noise in air stays above
SHARE_TOO_HIGH = 0.05
TOO_HIGH_HU = 4000.0  # above bone and most metal
METAL_HU = 1500.0  # a highest value above it is the end of the scanner's range
SHARE_AT_HIGHEST = 0.005  # ASSUME: of the voxels; an image of the trunk that is cut off at 400 HU has 0.006
MOST_FREQUENT = 0.1  # ASSUME: share of the most frequent value in an image with noise, without its limits
BESIDE_LIMIT_HU = 10.0  # these values together are rarer than that of the limit if values were cut off there
NEAR_LOWEST = 0.1  # of the range up to the 99th percentile; air is there, and rarely in as much of the range above
NO_FAT_HU = -50.0  # an image without lower values has no fat
NO_TISSUE_HU = (-700.0, -250.0)  # between lung and fat
BYTES = ((0.0, 255.0), (-128.0, 127.0))  # the ranges of 8 bits
IN_A_SLICE = 900  # voxels at most
FEWEST_IN_A_SLICE = 200  # ASSUME: of fewer voxels, all may be of one tissue
SHARE_OF_AIR = 0.05  # ASSUME: of an axial slice; where some slices contain it, the others of the scan do, too
JUMP_HU = (800.0, 1250.0)  # ASSUME: of the median voxel, from one slice to the next, where an offset begins or ends
MOST_LIGHT = 0.01  # ASSUME: of a slice with another scale, below soft tissue, by noise
FEWEST_VALUES = 3  # ASSUME: a slice with fewer values is padding or a phantom
MEANINGS = {
    "hu": "the values are HU: the volume contains air",
    "uncertain": "the volume contains no air, so that the scale of its values is not known",
    "scaled": "the values were scaled to another range",
    "offset": "the values have an offset from HU",
    "bytes": "the values were scaled to, or cut down to, 8 bits",
    "mixed": "some axial slices have another scale than the others",
    "windowed": "the values were cut off at the limits of a window",
}


@dataclass(frozen=True)
class HuScale:
    """The finding about the values of a CT, and whether it is certain that they are not Hounsfield units.

    Attributes
    ----------
    finding : str
        `hu`, `uncertain`, or what the values are: `scaled`, `offset`, `bytes`, `windowed`, `mixed`.
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
    if values.dtype.itemsize == 1 or (low, high) in BYTES:
        return HuScale("bytes", f"{extent}, which is the range of 8 bits", False)
    if high - low < NARROWEST_HU:
        return HuScale("scaled", f"{extent}, which is too narrow for HU", False)
    inside = sample[sample > low] if low < TOO_LOW_HU and high > low else sample  # one value may stand for padding
    certain = _far_from_hu(sample, inside) or _shifted(sample, extent) or _air_elsewhere(sample, extent)
    certain = certain or (None if inside.min() <= AIR_HU else _without_air(inside, extent)) or _cut_off_above(sample)
    certain = certain or _mixed(values)
    if certain:
        return certain
    if inside.min() <= AIR_HU:
        return HuScale("hu", extent, True)
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


def _far_from_hu(sample: NDArray[np.float64], inside: NDArray[np.float64]) -> HuScale | None:
    """Return the finding if too many voxels, padding aside, have values that no tissue has."""
    below_highest = sample[sample < sample.max()]  # one value may stand for padding
    too_low, too_high = float(np.mean(inside < TOO_LOW_HU)), float(np.mean(below_highest > TOO_HIGH_HU))
    if too_low > SHARE_TOO_LOW:
        return HuScale("offset", f"{too_low:.0%} of the voxels are below {TOO_LOW_HU:g}", False)
    if too_high > SHARE_TOO_HIGH:
        return HuScale("offset", f"{too_high:.0%} of the voxels are above {TOO_HIGH_HU:g}", False)
    return None


def _shifted(sample: NDArray[np.float64], extent: str) -> HuScale | None:
    """Return the finding if soft tissue is where it is after 1024 is added; the lowest value may be padding."""
    above = sample[sample > sample.min()]
    lightest, densest = (hu + OFFSET for hu in SOFT_TISSUE_HU)
    shifted = float(np.mean((sample > lightest) & (sample < densest)))
    has_air = sample.min() <= AIR_HU
    if shifted <= SHARE_OF_TISSUE or (above.min() if has_air else sample.min()) <= SOFT_TISSUE_HU[0]:
        return None
    if has_air and not _varies(above):  # a phantom of air, water and bone
        return None
    return HuScale("offset", f"{extent}, and {shifted:.0%} of the voxels are soft tissue if 1024 is subtracted", False)


def _air_elsewhere(sample: NDArray[np.float64], extent: str) -> HuScale | None:
    """Return the finding if air is where no air can be: below vacuum, at the place of bone, or alone in the image."""
    lowest = sample.min()
    light = sample[(sample < LIGHT_HU) & (sample > lowest)]  # the lowest value may be padding
    if len(light) > SHARE_AT_LIMIT * len(sample) and np.median(light) < LOWEST_AIR_HU and _varies(light):
        return HuScale("offset", f"half of the light voxels are below {np.median(light):g}; air is -1000", False)
    if lowest <= AIR_HU and np.mean(sample >= LIGHT_HU) < LEAST_TISSUE:
        return HuScale("scaled", f"{extent}, and nearly all voxels are below {LIGHT_HU:g}: no tissue", False)
    below, middle, above = (float(np.mean(np.abs(sample - hu) < 60)) for hu in (880, 1000, 1120))
    if middle > max(SHARE_AT_LIMIT, 2 * below, 2 * above) and np.mean(sample <= AIR_HU) < MOST_LIGHT:
        return HuScale("scaled", f"{middle:.0%} of the voxels are near +1000, as air is with the sign reversed", False)
    return None


def _cut_off_above(sample: NDArray[np.float64]) -> HuScale | None:
    """Return the finding if many voxels of an image with noise have the highest value, far below that of metal."""
    low, high = sample.min(), sample.max()
    at_high = float(np.mean(sample == high))
    usual = float(np.mean((sample >= high - BESIDE_LIMIT_HU) & (sample < high)))
    if high >= METAL_HU or at_high <= max(SHARE_AT_HIGHEST, usual):
        return None
    if not _varies(sample[(sample > low) & (sample < high)]):  # a phantom
        return None
    return HuScale("windowed", f"{at_high:.1%} of the voxels have the highest value, {high:g}", False)


def _without_air(inside: NDArray[np.float64], extent: str) -> HuScale | None:
    """Return the finding if an image without values of air has air at another value: frequent, and near the lowest."""
    lowest, high = float(inside.min()), float(inside.max())
    at_low, usual = float(np.mean(inside == lowest)), float(np.mean(inside <= lowest + BESIDE_LIMIT_HU))
    cut_off = at_low > max(SHARE_AT_LIMIT, usual - at_low)
    band = NEAR_LOWEST * (np.percentile(inside, 99) - lowest)
    near_low = float(np.mean(inside <= lowest + band))
    is_air = near_low > max(SHARE_AT_LIMIT, 2 * float(np.mean(inside <= lowest + 2 * band)) - 2 * near_low)
    if lowest >= 0 and high <= BYTES[0][1] and (is_air or cut_off):
        return HuScale("bytes", f"{extent}, and {near_low:.0%} of the voxels are {lowest:g} or little more", False)
    if cut_off and (lowest >= 0 or _varies(inside[(inside > lowest) & (inside < high)])):
        return HuScale("windowed", f"{at_low:.0%} of the voxels have the lowest value, {lowest:g}; none is air", False)
    if is_air and (lowest > NO_FAT_HU or NO_TISSUE_HU[0] < lowest < NO_TISSUE_HU[1]):
        return HuScale("scaled", f"{extent}, and {near_low:.0%} of the voxels are near the lowest, as air is", False)
    return None


def _mixed(values: NDArray[np.number]) -> HuScale | None:
    """Return the finding if axial slices without air have another scale than those with air.

    An intercept that is missing in a part of the files, or two series that were joined, give such a volume.
    """
    if values.ndim != 3:
        return None
    slices = _sample_of_slices(values)
    if len(slices) < FEWEST_IN_A_SLICE:
        return None
    usable = np.isfinite(slices).all(axis=0) & (slices.min(axis=0) < slices.max(axis=0))
    numbers, slices = usable.nonzero()[0], slices[:, usable]
    with_air = (slices <= AIR_HU).mean(axis=0) > SHARE_OF_AIR
    if not with_air.any():
        return None
    shifted = _shifted_up(slices) | _shifted_down(slices)
    other = _runs_with_jump(shifted, slices) | _narrow(slices)
    if not other.any():
        return None
    return HuScale(
        "mixed", f"{int(other.sum())} of {values.shape[2]} slices, the first is slice {numbers[other][0] + 1}", False
    )


def _shifted_up(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which slices have soft tissue 1024 higher and nothing of the density of air and lung, padding aside."""
    lightest, densest = (hu + OFFSET for hu in SOFT_TISSUE_HU)
    padding = slices.min(axis=0)
    light = ((slices < SOFT_TISSUE_HU[0]) & (slices > padding)).mean(axis=0)
    has_padding = (slices == padding).mean(axis=0) > SHARE_AT_LIMIT
    none_light = (light < MOST_LIGHT) & (has_padding | (padding >= SOFT_TISSUE_HU[0]))
    shifted: NDArray[np.bool_] = none_light & (
        ((slices > lightest) & (slices < densest)).mean(axis=0) > SHARE_OF_TISSUE
    )
    for k in shifted.nonzero()[0]:
        shifted[k] = _varies(slices[slices[:, k] > padding[k], k])  # not in a phantom of air, water and bone
    return shifted


def _shifted_down(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which slices have more than one value that is far below air."""
    too_low = slices < TOO_LOW_HU
    padding = np.where(too_low, slices, 0).min(axis=0)
    found: NDArray[np.bool_] = (too_low & (slices > padding)).mean(axis=0) > SHARE_TOO_LOW
    return found


def _runs_with_jump(shifted: NDArray[np.bool_], slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the runs of slices that begin or end with a jump of most voxels; a crop of a bone does not."""
    changes = np.diff(shifted.astype(np.int8)).nonzero()[0]
    jumps = np.abs(np.median(slices[:, changes + 1] - slices[:, changes], axis=0))
    run_of = np.concatenate([[0], np.cumsum(np.diff(shifted.astype(np.int8)) != 0)])
    sharp = changes[(jumps > JUMP_HU[0]) & (jumps < JUMP_HU[1])]
    return shifted & np.isin(run_of, [run_of[sharp], run_of[sharp + 1]])


def _narrow(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which slices have several values in a range that is too narrow for HU, and are not air."""
    is_narrow: NDArray[np.bool_] = (np.ptp(slices, axis=0) < NARROWEST_HU) & (np.median(slices, axis=0) > AIR_HU)
    for k in is_narrow.nonzero()[0]:
        is_narrow[k] = len(np.unique(slices[:, k])) >= FEWEST_VALUES
    return is_narrow


def _sample_of_slices(values: NDArray[np.number]) -> NDArray[np.floating]:
    """Return evenly spaced voxels of each axial slice, shape (n, z)."""
    step = max(1, int(np.ceil((values.shape[0] * values.shape[1] / IN_A_SLICE) ** 0.5)))
    part = values[step // 2 :: step, step // 2 :: step]
    return part.reshape(-1, values.shape[2]).astype(np.float32)


def _varies(values: NDArray[np.float64]) -> bool:
    """Return whether no value is frequent, as in images with noise."""
    if not len(values):
        return False
    counts = np.unique(np.rint(values), return_counts=True)[1]
    return bool(counts.max() <= MOST_FREQUENT * len(values))


def _sample(values: NDArray[np.number]) -> NDArray[np.float64]:
    """Return evenly spaced voxels as float, at most `SAMPLED` of them."""
    step = int(np.ceil(max(1.0, values.size / SAMPLED) ** (1 / 3))) | 1  # odd: slices may alternate
    part = values[tuple(slice(None, None, step) for _ in range(values.ndim))].astype(np.float64).ravel()
    finite: NDArray[np.float64] = part[np.isfinite(part)]
    return finite
