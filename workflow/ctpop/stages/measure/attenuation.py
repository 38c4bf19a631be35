"""Attenuation statistics of a structure: mean, standard deviation, percentiles, minimum, and maximum.

Statistics from counts of whole HU equal those from the individual values, without additional rounding error: sums are
computed in integers, and percentiles interpolate between the same two values as in numpy. The standard deviation
divides by n, and percentiles interpolate linearly between order statistics.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (5, 25, 50, 75, 95)
COLUMNS = ("hu_mean", "hu_sd", *(f"hu_p{percent:02d}" for percent in PERCENTILES), "hu_min", "hu_max")


def of_counts(hu: NDArray[np.int64], counts: NDArray[np.int64]) -> list[float]:
    """Return the `COLUMNS` of a structure from its sorted whole HU and their counts; missing without voxels."""
    if not len(hu):
        return [np.nan] * len(COLUMNS)
    n, total, squares = (int((counts * power).sum()) for power in (np.ones_like(hu), hu, hu * hu))
    variance = (n * squares - total * total) / (n * n)  # Python integers do not overflow
    return [total / n, math.sqrt(variance), *percentiles(hu, counts, PERCENTILES), float(hu[0]), float(hu[-1])]


def of_values(values: NDArray[Any]) -> list[float]:
    """Return the `COLUMNS` of a structure from its values in any order; missing without voxels."""
    if not values.size:
        return [np.nan] * len(COLUMNS)
    ordered = np.sort(values).astype(np.float64)  # makes sums independent of the storage order
    return [ordered.mean(), ordered.std(), *np.percentile(ordered, PERCENTILES), ordered[0], ordered[-1]]


def percentiles(hu: NDArray[np.int64], counts: NDArray[np.int64], percents: tuple[float, ...]) -> list[float]:
    """Return percentiles from sorted values and their counts, identical to `numpy.percentile` of the values."""
    up_to = np.cumsum(counts)
    place = (up_to[-1] - 1) * (np.asarray(percents) / 100)
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, up_to[-1] - 1)
    low, high = (hu[np.searchsorted(up_to, rank, side="right")].astype(np.float64) for rank in (before, after))
    share, step = place - before, high - low
    return [float(value) for value in np.where(share < 0.5, low + step * share, high - step * (1 - share))]
