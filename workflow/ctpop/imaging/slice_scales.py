"""Detection of axial slices whose scale differs from the other slices of a CT.

Two causes are an intercept that is missing in some of the files and two series that were joined. Padding also has
unusual values, and resampling mixes padding with adjacent slices. Two criteria are therefore combined: the values of
the slices, and their borders. At the border of a different scale, two adjacent slices show the same anatomy, one of
them with an offset or in a narrow range.
"""

import numpy as np
from numpy.typing import NDArray

AIR_HU = -900.0  # a volume with air contains lower values
NARROWEST_HU = 25.0  # smallest range of values in an image of a body
SOFT_TISSUE_HU = (-150.0, 250.0)
OFFSET = 1012  # between 1000 and 1024, which scanners and programs add to HU
SHARE_OF_TISSUE = 0.1  # proportion of voxels; in an image with an offset, their values are 1024 HU higher
SHARE_AT_LIMIT = 0.05  # proportion of voxels with the lowest value in a clipped image
SHARE_TOO_LOW = 0.05
TOO_LOW_HU = -1500.0  # noise in air does not reach this value
MOST_FREQUENT = 0.1  # ASSUME: proportion of the most frequent value in an image with noise, without its limits
IN_A_SLICE = 900  # largest number of voxels
FEWEST_IN_A_SLICE = 200  # ASSUME: fewer voxels can all be in the same tissue
SHARE_OF_AIR = 0.05  # ASSUME: proportion of an axial slice; if some slices of a scan contain air, the others do also
JUMP_HU = (800.0, 1250.0)  # ASSUME: median difference between adjacent slices at the start or end of an offset
MOST_LIGHT = 0.01  # ASSUME: proportion below soft tissue, due to noise, in a slice with a different scale
FEWEST_VALUES = 3  # ASSUME: a slice with fewer values is padding or a phantom
CONSTANT_HU = 0.001  # ASSUME: range of values in a slice of padding; rounding differences are smaller
FEWEST_IN_A_ROW = 3  # ASSUME: number of slices; resampling can mix padding and image in fewer slices
FEWEST_NARROW = 3  # ASSUME: number of slices of a volume
WHOLE_RANGE_HU = 250.0  # ASSUME: range of a slice in HU next to narrow slices; the range of ringing is smaller
LEAST_CORRELATION = 0.5  # ASSUME: correlation of adjacent slices; below this value, they show different anatomy
SAME_CONTRAST = (0.75, 1.33)  # ASSUME: ratio of standard deviations; a mixture with padding has less contrast
EVEN_SHARE = 0.5  # ASSUME: proportion of narrow slices with half of their largest contrast; ringing decreases faster


def slices_of_other_scale(values: NDArray[np.number]) -> NDArray[np.intp]:
    """Return the axial slices whose scale certainly differs from other slices with air.

    Slices with an offset are detected by the jump at their first or last slice. Slices that were scaled to a narrow
    range are detected by an adjacent slice in HU with the same anatomy. Slices that padding and resampling can explain
    are ignored.

    Parameters
    ----------
    values : numpy.ndarray, shape (x, y, z)
        Values of the volume, in HU if the scale is correct.

    Returns
    -------
    numpy.ndarray of shape (n,), intp
        Indices of slices along the third axis, from 0 and ascending. More slices can have the same scale.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> hu = np.where(np.indices((20, 20, 9))[0] < 8, -1000, 40) + rng.normal(0, 20, (20, 20, 9))
    >>> slices_of_other_scale(hu)
    array([], dtype=int64)
    >>> hu[..., 3:5] += 1024
    >>> slices_of_other_scale(hu)
    array([3, 4])

    """
    slices = _sample_of_slices(values)
    if len(slices) < FEWEST_IN_A_SLICE:
        return np.empty(0, np.intp)
    padding = ~np.isfinite(slices).all(axis=0)
    slices[:, padding] = 0
    padding |= np.ptp(slices, axis=0) < CONSTANT_HU
    with_air = (slices <= AIR_HU).mean(axis=0) > SHARE_OF_AIR
    if not (with_air & ~padding).any():
        return np.empty(0, np.intp)
    shifted = ~padding & (_shifted_up(slices) | _shifted_down(slices))
    narrow = ~padding & _narrow(slices)
    runs = [run for run in _runs(shifted) if _is_offset_run(run, slices, padding)]
    if narrow.sum() >= FEWEST_NARROW:
        runs += [run for run in _runs(narrow) if _is_scaled_run(run, slices, padding)]
    return np.unique(np.concatenate([np.empty(0, np.intp), *runs]))


def varies(values: NDArray[np.floating]) -> bool:
    """Return whether no value is frequent, as in an image with noise.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Values of voxels (HU).

    Returns
    -------
    bool
        Whether values are present and no whole number accounts for more than one tenth of them.

    Examples
    --------
    >>> varies(np.arange(20.0)), varies(np.array([-1000.0, 40.0, 40.2]))
    (True, False)

    """
    if not len(values):
        return False
    counts = np.unique(np.rint(values), return_counts=True)[1]
    return bool(counts.max() <= MOST_FREQUENT * len(values))


def _sample_of_slices(values: NDArray[np.number]) -> NDArray[np.floating]:
    """Return evenly spaced voxels of each axial slice, shape (n, z)."""
    step = max(1, int(np.ceil((values.shape[0] * values.shape[1] / IN_A_SLICE) ** 0.5)))
    part = values[step // 2 :: step, step // 2 :: step]
    return part.reshape(-1, values.shape[2]).astype(np.float64)


def _runs(mask: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Return the indices of each run of slices."""
    indices = mask.nonzero()[0]
    return np.split(indices, (np.diff(indices) > 1).nonzero()[0] + 1) if len(indices) else []


def _borders(run: NDArray[np.intp], padding: NDArray[np.bool_]) -> tuple[list[tuple[int, int]], bool]:
    """Return the pairs of slices (outside, inside) at the ends of a run, and whether padding is adjacent to the run."""
    pairs = [(int(run[0]) - 1, int(run[0])), (int(run[-1]) + 1, int(run[-1]))]
    inside = [pair for pair in pairs if 0 <= pair[0] < len(padding)]
    images = [pair for pair in inside if not padding[pair[0]]]
    return images, len(images) < len(inside)


def _shifted_up(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the slices with soft tissue 1024 too high and, except for padding, no values of air and lung."""
    lightest, densest = (hu + OFFSET for hu in SOFT_TISSUE_HU)
    padding = slices.min(axis=0)
    light = ((slices < SOFT_TISSUE_HU[0]) & (slices > padding)).mean(axis=0)
    has_padding = (slices == padding).mean(axis=0) > SHARE_AT_LIMIT
    none_light = (light < MOST_LIGHT) & (has_padding | (padding >= SOFT_TISSUE_HU[0]))
    shifted: NDArray[np.bool_] = none_light & (
        ((slices > lightest) & (slices < densest)).mean(axis=0) > SHARE_OF_TISSUE
    )
    for k in shifted.nonzero()[0]:
        shifted[k] = varies(slices[slices[:, k] > padding[k], k])  # excludes phantoms of air, water, and bone
    return shifted


def _shifted_down(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the slices with more than one value far below air."""
    too_low = slices < TOO_LOW_HU
    padding = np.where(too_low, slices, 0).min(axis=0)
    found: NDArray[np.bool_] = (too_low & (slices > padding)).mean(axis=0) > SHARE_TOO_LOW
    return found


def _is_offset_run(run: NDArray[np.intp], slices: NDArray[np.floating], padding: NDArray[np.bool_]) -> bool:
    """Return whether a run of slices has a constant offset and starts or ends with a jump at the same anatomy."""
    borders, beside_padding = _borders(run, padding)
    is_short = len(run) < FEWEST_IN_A_ROW
    if is_short and (beside_padding or not borders):
        return False
    steps = np.abs(np.median(np.diff(slices[:, run], axis=1), axis=0))
    if steps.max(initial=0) > JUMP_HU[0] / 2:  # the proportion of padding increases from slice to slice
        return False
    pairs = [(slices[:, inside], slices[:, outside]) for outside, inside in borders]
    explained = all(_is_step(*pair) or _is_shifted_copy(*pair) for pair in pairs)
    return any(_is_shifted_copy(*pair) for pair in pairs) and (explained or not is_short)


def _is_step(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> bool:
    """Return whether two slices have the same scale."""
    return bool(abs(np.median(inside - outside)) < JUMP_HU[0] / 2)


def _is_shifted_copy(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> bool:
    """Return whether two slices show the same anatomy, one of them with an offset, which padding does not have."""
    difference = inside - outside
    if not JUMP_HU[0] < abs(np.median(difference)) < JUMP_HU[1]:
        return False
    image = difference != 0
    contrast = inside[image].std() / max(outside[image].std(), CONSTANT_HU)
    return SAME_CONTRAST[0] < contrast < SAME_CONTRAST[1] and _correlate(inside[image], outside[image])


def _correlate(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> bool:
    return inside.std() > 0 and outside.std() > 0 and bool(np.corrcoef(inside, outside)[0, 1] > LEAST_CORRELATION)


def _narrow(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return the slices that have several values in a range too narrow for HU and are not air."""
    is_narrow: NDArray[np.bool_] = (np.ptp(slices, axis=0) < NARROWEST_HU) & (np.median(slices, axis=0) > AIR_HU)
    for k in is_narrow.nonzero()[0]:
        is_narrow[k] = len(np.unique(slices[:, k])) >= FEWEST_VALUES
    return is_narrow


def _is_scaled_run(run: NDArray[np.intp], slices: NDArray[np.floating], padding: NDArray[np.bool_]) -> bool:
    """Return whether narrow slices show the anatomy of an adjacent slice in HU and are not ringing near padding."""
    borders, beside_padding = _borders(run, padding)
    contrast = slices[:, run].std(axis=0)
    is_even = len(run) >= FEWEST_NARROW and (contrast > contrast.max() / 2).mean() > EVEN_SHARE
    if (beside_padding or len(borders) < 2) and not is_even:
        return False
    copies = [
        np.ptp(slices[:, outside]) > WHOLE_RANGE_HU and _correlate(slices[:, inside], slices[:, outside])
        for outside, inside in borders
    ]
    return any(copies) if is_even else all(copies)
