"""Padding: voxels inside an image that contain no measurement, and structures that end at or extend into them.

Scanners fill the corners outside the reconstruction circle with a value that does not occur in tissue. Programs that
resample, mask, or deface images use a constant, which can be a plausible attenuation. A structure in contact with these
voxels may continue beyond them, like a structure at a face of the image.

Measured attenuation varies from voxel to voxel, whereas padding is constant. Padding is therefore identified by values
below that of air, or by values that fill entire neighborhoods while the rest of the image varies. Images without noise,
such as digital phantoms, contain no evidence for the second criterion.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LOWEST_OF_AIR = -1100.0  # HU; noise of air, and values that scanners write for air, are higher
HIGHEST_OF_AIR = -900.0
HIGHEST_FILLING_OF_AIR = -1010.0  # HU; -1000 can be air, as in phantoms; -1024 is the lowest value of 12 bits
AROUND_AIR = (-1060.0, -940.0)  # HU; measured air
SHARE_OF_PADDING = 0.001  # lowest proportion of voxels with a padding value below that of air
SHARE_IN_REGIONS = 0.3  # ASSUME: lowest proportion of padding voxels before a neighbor; at least 0.5 in a 2-voxel slab
SHARE_OF_RUNS = 0.0001  # ASSUME: lowest proportion of voxels between equal voxels; 1e-5 in noise with an SD of 2 HU
SHARE_OF_QUIET = 0.05  # ASSUME: highest proportion of tissue between equal voxels in an image with noise
SHARE_OF_OTHER_AIR = 0.1  # ASSUME: lowest proportion of air with values other than the padding value
MOST = 0.5  # lowest proportion of equal neighbors in an image without noise
SOLID = 0.8  # ASSUME: lowest proportion of voxels with a padding value in the range of air in entire neighborhoods
HIGHEST = 1500.0  # HU; higher frequent values are metal beyond the range of the scanner
SHARE_OF_NEXT = 0.02  # ASSUME: highest proportion of runs with an adjacent value, which occur in smooth tissue
RUN = 3  # number of equal voxels on either side
SAMPLED = 4_000_000  # number of voxels in the sample for padding values


class PaddingContact(NamedTuple):
    """Numbers of voxels of each structure in contact with padding.

    `touching` voxels are in padding or within a number of layers of it. `inner` voxels are the touching voxels outside
    the outermost layers of the image, and `inside` voxels are in padding.
    """

    touching: NDArray[np.int64]
    inner: NDArray[np.int64]
    inside: NDArray[np.int64]


def padding_of(hu: NDArray[Any], labels: NDArray[np.unsignedinteger[Any]] | None = None) -> NDArray[np.bool_] | None:
    """Return the mask of padding voxels, or None if the image contains no padding.

    In an image without noise, a uniform axial slice can be the space between two objects. Such slices are padding only
    if they contain labels.

    Parameters
    ----------
    hu
        Attenuation (HU), shape (x, y, z).
    labels
        Label of each voxel, same shape, if available.

    """
    regions = [hu == value for value in values_below_air(hu)]
    regions += [region for value in constant_values(hu) if (region := _solid_region(hu, value)) is not None]
    void = void_slices(hu)
    labeled = labels is not None and bool(labels[..., void].any())
    if void.any() and (labeled or not _is_without_noise(hu[..., ~void])):
        regions.append(np.broadcast_to(void, hu.shape))
    regions = [region for region in regions if region.any()]
    return reduce(np.logical_or, regions) if regions else None


def values_below_air(hu: NDArray[Any]) -> list[float]:
    """Return the values (HU) below that of air that are frequent, which excludes artifacts, and form regions."""
    if hu.min() >= LOWEST_OF_AIR:
        return []
    sample = _sample(hu)
    values, counts = np.unique(sample[sample < LOWEST_OF_AIR], return_counts=True)
    frequent = values[counts >= SHARE_OF_PADDING * sample.size]
    return [float(value) for value in frequent if _in_regions(hu == value)]


def constant_values(hu: NDArray[Any]) -> list[float]:
    """Return the values (HU) of air and above that fill neighborhoods while the rest of the image varies.

    Values of metal are not included, and neither are adjacent values that all fill neighborhoods, as in smoothed
    images. A value in the range of air is included only if the image contains other air; otherwise, it is the value of
    air.
    """
    sample = _sample(hu)
    values, counts = np.unique(_amid_equal(sample), return_counts=True)
    high = values > HIGHEST_OF_AIR
    frequent = counts >= max(SHARE_OF_RUNS * sample.size, 1)
    chosen = frequent & high & (values <= HIGHEST)
    tissue = int(np.count_nonzero(sample > HIGHEST_OF_AIR))
    found = []
    for value, count in zip(values[chosen], counts[chosen], strict=True):
        others = tissue - np.count_nonzero(sample == value)
        quiet = counts[high].sum() - count >= SHARE_OF_QUIET * others
        if not quiet and _runs_beside(sample, value, values, counts) <= SHARE_OF_NEXT * count:
            found.append(float(value))
    in_air = frequent & (values >= LOWEST_OF_AIR) & (values <= HIGHEST_FILLING_OF_AIR)
    return found + [float(value) for value in values[in_air] if _is_beside_air(sample, value)]


def void_slices(hu: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask of uniform axial slices between slices with varying values; shape (z,)."""
    middle = hu[hu.shape[0] // 2]
    candidates = (middle.min(axis=0) == middle.max(axis=0)).nonzero()[0]
    void = np.zeros(hu.shape[2], bool)
    void[[k for k in candidates if hu[..., k].min() == hu[..., k].max()]] = True
    varying = (~void).nonzero()[0]
    if len(varying):
        void[: varying[0]] = void[varying[-1] :] = False
    return void


def contact(
    labels: NDArray[np.unsignedinteger[Any]], hu: NDArray[Any], numbers: list[int], layers: int
) -> PaddingContact | None:
    """Return the numbers of voxels of structures in padding or within a number of layers of it.

    Parameters
    ----------
    labels
        Label of each voxel, shape (x, y, z).
    hu
        Attenuation (HU), same shape.
    numbers
        Labels of the structures.
    layers
        Number of layers around padding, counted in voxels along the axes, that belong to the border.

    Returns
    -------
    PaddingContact or None
        Counts in the order of `numbers`; None if the image has no padding.

    """
    padding = padding_of(hu, labels)
    if padding is None:
        return None
    near = padding
    for _ in range(layers):
        near = _dilated(near)
    length = int(max(labels.max(), *numbers)) + 1
    inner = tuple(slice(layers, -layers) for _ in range(3))
    near = near & (labels > 0)
    parts = ((labels, near), (labels[inner], near[inner]), (labels, padding & near))
    counts = (np.bincount(part.T[where.T], minlength=length)[numbers] for part, where in parts)  # .T: memory order
    return PaddingContact(*(count.astype(np.int64) for count in counts))


def _sample(hu: NDArray[Any]) -> NDArray[Any]:
    """Return entire lines along the first axis, with at most about `SAMPLED` voxels."""
    step = int(np.ceil(max(1.0, hu.size / SAMPLED) ** 0.5))
    return hu[:, ::step, ::step]


def _in_regions(mask: NDArray[np.bool_]) -> bool:
    """Return whether many voxels of a mask have a neighbor in the mask along an axis, unlike scattered voxels."""
    least = SHARE_IN_REGIONS * np.count_nonzero(mask)
    whole = slice(None)
    for axis in range(mask.ndim):
        before, after = ((*[whole] * axis, part) for part in (slice(None, -1), slice(1, None)))
        if np.count_nonzero(mask[before] & mask[after]) >= least:
            return True
    return False


def _amid_equal(sample: NDArray[Any]) -> NDArray[Any]:
    """Return the values of voxels between equal voxels along the first axis."""
    length = len(sample) - 2 * RUN
    if length < 1:
        return sample[:0].ravel()
    center = sample[RUN : RUN + length]
    equal = np.ones(center.shape, bool)
    for shift in (*range(RUN), *range(RUN + 1, 2 * RUN + 1)):
        equal &= center == sample[shift : shift + length]
    return center[equal]


def _runs_beside(sample: NDArray[Any], value: float, values: NDArray[Any], counts: NDArray[np.intp]) -> int:
    """Return the number of runs of the next lower or the next higher value of an image, whichever is larger."""
    below, above = sample[sample < value], sample[sample > value]
    beside = [*([below.max()] if below.size else []), *([above.min()] if above.size else [])]
    return int(counts[np.isin(values, beside)].max(initial=0))


def _is_without_noise(hu: NDArray[Any]) -> bool:
    """Return whether most neighbors in tissue are equal, or the image contains no tissue."""
    tissue = hu > HIGHEST_OF_AIR
    both = tissue[1:] & tissue[:-1]
    return bool(np.count_nonzero(both & (hu[1:] == hu[:-1])) >= MOST * np.count_nonzero(both))


def _is_beside_air(sample: NDArray[Any], value: float) -> bool:
    """Return whether enough of the air has other, varying values; a single other value indicates a phantom."""
    air = (sample >= AROUND_AIR[0]) & (sample <= AROUND_AIR[1])
    other = sample[air & (sample != value)]
    if other.size < SHARE_OF_OTHER_AIR * max(1, int(np.count_nonzero(air))):
        return False
    return bool(np.unique(other, return_counts=True)[1].max() < MOST * other.size)


def _solid_region(hu: NDArray[Any], value: float) -> NDArray[np.bool_] | None:
    """Return the axial neighborhoods filled by a value (morphological opening), or None if they are too small."""
    has_value: NDArray[np.bool_] = hu == value
    region = has_value
    for combine in (np.logical_and, np.logical_or):
        for axis in (0, 1):
            region = _with_neighbors(region, axis, RUN - 1, combine)
    if value <= HIGHEST_OF_AIR and np.count_nonzero(region) < SOLID * np.count_nonzero(has_value):
        return None
    return region


def _dilated(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask dilated by the six face neighbors of its voxels."""
    found = mask.copy(order="K")
    for axis in range(3):
        _combine_neighbors(found, mask, axis, 1, np.logical_or)
    return found


def _with_neighbors(mask: NDArray[np.bool_], axis: int, reach: int, combine: np.ufunc) -> NDArray[np.bool_]:
    """Return each voxel of a mask combined with its neighbors along an axis, within the image."""
    found = mask.copy(order="K")
    for shift in range(1, reach + 1):
        _combine_neighbors(found, mask, axis, shift, combine)
    return found


def _combine_neighbors(
    found: NDArray[np.bool_], mask: NDArray[np.bool_], axis: int, shift: int, combine: np.ufunc
) -> None:
    before = tuple(slice(None, -shift) if k == axis else slice(None) for k in range(3))
    after = tuple(slice(shift, None) if k == axis else slice(None) for k in range(3))
    combine(found[after], mask[before], out=found[after])
    combine(found[before], mask[after], out=found[before])
