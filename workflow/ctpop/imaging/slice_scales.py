"""Axial slices that have another scale than the other slices of a CT.

An intercept that is missing in a part of the files, or two series that were joined, give such a volume. Padding has
such values, too, and resampling mixes it with the slices beside it. The slices are therefore found in two steps: by
their values, and by their borders: at the border of another scale, a slice shows what the slice beside it shows, with
an offset or in a narrow range.
"""

import numpy as np
from numpy.typing import NDArray

AIR_HU = -900.0  # a volume with air has voxels below
NARROWEST_HU = 25.0  # between the smallest and the largest value of an image of a body
SOFT_TISSUE_HU = (-150.0, 250.0)
OFFSET = 1012  # between 1000 and 1024, which scanners and programs add to HU
SHARE_OF_TISSUE = 0.1  # of the voxels; an offset image has as many of them 1024 HU higher
SHARE_AT_LIMIT = 0.05  # of the voxels with the very lowest value, where values were cut off there
SHARE_TOO_LOW = 0.05
TOO_LOW_HU = -1500.0  # noise in air stays above
MOST_FREQUENT = 0.1  # ASSUME: share of the most frequent value in an image with noise, without its limits
IN_A_SLICE = 900  # voxels at most
FEWEST_IN_A_SLICE = 200  # ASSUME: of fewer voxels, all may be of one tissue
SHARE_OF_AIR = 0.05  # ASSUME: of an axial slice; where some slices contain it, the others of the scan do, too
JUMP_HU = (800.0, 1250.0)  # ASSUME: of the median voxel, from one slice to the next, where an offset begins or ends
MOST_LIGHT = 0.01  # ASSUME: of a slice with another scale, below soft tissue, by noise
FEWEST_VALUES = 3  # ASSUME: a slice with fewer values is padding or a phantom
CONSTANT_HU = 0.001  # ASSUME: between the values of a slice of padding; rounding stays below
FEWEST_IN_A_ROW = 3  # ASSUME: slices; fewer may be a mixture of padding and image, which resampling makes
FEWEST_NARROW = 3  # ASSUME: slices of a volume
WHOLE_RANGE_HU = 250.0  # ASSUME: between the values of a slice in HU beside narrow ones; ringing beside them has less
LEAST_CORRELATION = 0.5  # ASSUME: of a slice with the slice beside it; below, they show different things
SAME_CONTRAST = (0.75, 1.33)  # ASSUME: ratio of standard deviations; a mixture with padding has less contrast
EVEN_SHARE = 0.5  # ASSUME: of narrow slices with half of the largest contrast among them; ringing fades faster


def slices_of_other_scale(values: NDArray[np.number]) -> NDArray[np.intp]:
    """Return axial slices of a CT that certainly have another scale than others, which contain air.

    Slices with an offset are found at the jump where they begin or end, and slices that were scaled to a narrow range
    beside a slice in HU of the same content. Slices that padding and resampling explain do not count.

    Parameters
    ----------
    values : numpy.ndarray, shape (x, y, z)
        Values of the volume, in HU where the scale is right.

    Returns
    -------
    numpy.ndarray of shape (n,), intp
        Indices of slices along the third axis, from 0 and ascending; there may be more slices of that scale.

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
    """Return whether no value is frequent, as in images with noise.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Values of voxels (HU).

    Returns
    -------
    bool
        Whether there are values, and no whole number is a tenth of them.

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
    """Return pairs of the slice beside a run and the slice of the run there, and whether padding is beside the run."""
    pairs = [(int(run[0]) - 1, int(run[0])), (int(run[-1]) + 1, int(run[-1]))]
    inside = [pair for pair in pairs if 0 <= pair[0] < len(padding)]
    images = [pair for pair in inside if not padding[pair[0]]]
    return images, len(images) < len(inside)


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
        shifted[k] = varies(slices[slices[:, k] > padding[k], k])  # not in a phantom of air, water and bone
    return shifted


def _shifted_down(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which slices have more than one value that is far below air."""
    too_low = slices < TOO_LOW_HU
    padding = np.where(too_low, slices, 0).min(axis=0)
    found: NDArray[np.bool_] = (too_low & (slices > padding)).mean(axis=0) > SHARE_TOO_LOW
    return found


def _is_offset_run(run: NDArray[np.intp], slices: NDArray[np.floating], padding: NDArray[np.bool_]) -> bool:
    """Return whether slices have one offset, and begin or end with a jump between slices of the same content."""
    borders, beside_padding = _borders(run, padding)
    is_short = len(run) < FEWEST_IN_A_ROW
    if is_short and (beside_padding or not borders):
        return False
    steps = np.abs(np.median(np.diff(slices[:, run], axis=1), axis=0))
    if steps.max(initial=0) > JUMP_HU[0] / 2:  # the share of padding grows from slice to slice
        return False
    pairs = [(slices[:, inside], slices[:, outside]) for outside, inside in borders]
    explained = all(_is_step(*pair) or _is_shifted_copy(*pair) for pair in pairs)
    return any(_is_shifted_copy(*pair) for pair in pairs) and (explained or not is_short)


def _is_step(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> bool:
    """Return whether two slices have one scale."""
    return bool(abs(np.median(inside - outside)) < JUMP_HU[0] / 2)


def _is_shifted_copy(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> bool:
    """Return whether two slices show the same, one of them with an offset; padding has none."""
    difference = inside - outside
    if not JUMP_HU[0] < abs(np.median(difference)) < JUMP_HU[1]:
        return False
    image = difference != 0
    contrast = inside[image].std() / max(outside[image].std(), CONSTANT_HU)
    return SAME_CONTRAST[0] < contrast < SAME_CONTRAST[1] and _correlate(inside[image], outside[image])


def _correlate(inside: NDArray[np.floating], outside: NDArray[np.floating]) -> bool:
    return inside.std() > 0 and outside.std() > 0 and bool(np.corrcoef(inside, outside)[0, 1] > LEAST_CORRELATION)


def _narrow(slices: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which slices have several values in a range that is too narrow for HU, and are not air."""
    is_narrow: NDArray[np.bool_] = (np.ptp(slices, axis=0) < NARROWEST_HU) & (np.median(slices, axis=0) > AIR_HU)
    for k in is_narrow.nonzero()[0]:
        is_narrow[k] = len(np.unique(slices[:, k])) >= FEWEST_VALUES
    return is_narrow


def _is_scaled_run(run: NDArray[np.intp], slices: NDArray[np.floating], padding: NDArray[np.bool_]) -> bool:
    """Return whether narrow slices show what a slice in HU beside them shows, and are no ringing of padded ends."""
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
