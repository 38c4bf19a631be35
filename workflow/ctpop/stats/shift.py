"""Exact Hodges-Lehmann shift between two groups with small memory requirements."""

from dataclasses import dataclass

import numpy as np

STEPS = 200  # largest number of steps; every second step halves the range, so 128 steps reach double precision
FEWEST_LISTED = 1024  # largest number of differences that are listed and sorted
SAMPLED = 64  # number of quantiles of each group
MARGIN = 1 / 64  # offset of a step from the estimated position, as a share of the remaining differences

Counted = tuple[np.ndarray, np.ndarray]  # distinct values in ascending order, and the count of each


@dataclass(frozen=True)
class _Bound:
    """A shift with the number of differences up to it; `places` counts the distinct older values per younger value."""

    shift: float
    places: np.ndarray
    count: int


def hodges_lehmann_shift(younger: np.ndarray, older: np.ndarray) -> float:
    """Return the median of all differences older - younger of two nonempty groups.

    This is the estimate of Hodges and Lehmann (Ann Math Stat 1963;34:598). With a and b values, the memory is
    proportional to a + b, whereas a table of all differences requires a × b numbers (5 GB for two groups of 25,000
    values).

    Parameters
    ----------
    younger : np.ndarray of float, shape (a,)
        Values of the younger group, in any unit (HU, mL), without missing values.
    older : np.ndarray of float, shape (b,)
        Values of the older group, in the same unit.

    Returns
    -------
    float
        Shift, in the unit of the values: positive if the older group has larger values.

    Raises
    ------
    IndexError
        If a group is empty.

    Examples
    --------
    >>> hodges_lehmann_shift(np.array([1.0, 2.0, 3.0]), np.array([3.0, 5.0, 9.0]))
    3.0

    """
    return shift_of_counts(np.unique(younger, return_counts=True), np.unique(older, return_counts=True))


def shift_of_counts(younger: Counted, older: Counted) -> float:
    """Return the Hodges-Lehmann shift of two groups given as counts of sorted distinct values.

    Parameters
    ----------
    younger : tuple of np.ndarray, each of shape (k,)
        Distinct values of the younger group in ascending order, and the count of each value (1 or more).
    older : tuple of np.ndarray, each of shape (m,)
        Distinct values and counts of the older group.

    Returns
    -------
    float
        Median of all differences older - younger, in the unit of the values.

    Raises
    ------
    IndexError
        If a group is empty.

    Examples
    --------
    >>> younger = (np.array([1.0, 2.0]), np.array([3, 1]))  # 1, 1, 1, 2
    >>> older = (np.array([4.0, 6.0]), np.array([1, 2]))  # 4, 6, 6
    >>> shift_of_counts(younger, older)
    4.5

    """
    total = int(younger[1].sum()) * int(older[1].sum())
    return float(np.mean(differences_of_ranks(younger, older, (total - 1) // 2, total // 2)))


def difference_of_rank(younger: Counted, older: Counted, rank: int) -> float:
    """Return the difference older - younger of a given rank among all differences.

    Parameters
    ----------
    younger : tuple of np.ndarray, each of shape (k,)
        Distinct values of the younger group in ascending order, and the count of each value (1 or more).
    older : tuple of np.ndarray, each of shape (m,)
        Distinct values and counts of the older group.
    rank : int
        Rank in ascending order, counted from 0 (the smallest difference).

    Returns
    -------
    float
        Difference, in the unit of the values.

    Raises
    ------
    IndexError
        If a group is empty.

    Examples
    --------
    >>> younger, older = (np.array([1.0, 2.0]), np.array([3, 1])), (np.array([4.0, 6.0]), np.array([1, 2]))
    >>> [difference_of_rank(younger, older, rank) for rank in (0, 1, 11)]
    [2.0, 3.0, 5.0]

    """
    return differences_of_ranks(younger, older, rank, rank)[0]


def differences_of_ranks(younger: Counted, older: Counted, first: int, last: int) -> tuple[float, float]:
    """Return the differences older - younger of two adjacent or equal ranks, `first` and `last`.

    The range that contains both is narrowed until it contains few differences, which are then listed and sorted. The
    first two steps use shifts on either side of the position of the rank in a sample of quantiles. The next steps
    assume that the remaining differences are evenly distributed, and use positions slightly below and above the
    estimated position in turn. If two steps do not reduce the number of differences to a quarter, the next step uses
    the middle of the range. Equal values are counted and not repeated, so ties do not increase the range.

    Parameters
    ----------
    younger : tuple of np.ndarray, each of shape (k,)
        Distinct values of the younger group in ascending order, and the count of each value (1 or more).
    older : tuple of np.ndarray, each of shape (m,)
        Distinct values and counts of the older group.
    first : int
        Lower rank, counted from 0 (the smallest difference).
    last : int
        Upper rank: `first` or `first` + 1.

    Returns
    -------
    tuple of (float, float)
        Differences of the ranks `first` and `last`, in the unit of the values.

    Raises
    ------
    IndexError
        If a group is empty.

    Examples
    --------
    >>> younger, older = (np.array([1.0, 2.0]), np.array([3, 1])), (np.array([4.0, 6.0]), np.array([1, 2]))
    >>> differences_of_ranks(younger, older, 0, 1)  # of 2, 3, 3, 3, 4, 4, 5, 5, 5, 5, 5, 5
    (2.0, 3.0)

    """
    x, y = younger[0], older[0]
    total = int(younger[1].sum()) * int(older[1].sum())
    low = _Bound(float(y[0] - x[-1]), np.zeros(len(x), dtype=int), 0)
    high = _Bound(float(y[-1] - x[0]), np.full(len(x), len(y)), total)
    few, starts, halve = max(FEWEST_LISTED, (len(x) + len(y)) // 2), list(_starts(younger, older, first / total)), False
    left = [total, total]
    for step in range(STEPS):
        if (high.places - low.places).sum() <= few:
            break
        share = (first + 0.5 - low.count) / (high.count - low.count) + (MARGIN if step % 2 else -MARGIN)
        share = 0.5 if halve else min(max(share, MARGIN / 2), 1 - MARGIN / 2)
        shift = starts.pop() if starts else low.shift + (high.shift - low.shift) * share
        at = _bound(younger, older, shift)
        if first < at.count <= last:  # the bound separates the two ranks
            return _last_until(at, x, y), _first_from(at, x, y)
        low, high = (at, high) if at.count <= first else (low, at)
        left.append(high.count - low.count)
        halve = not halve and left[-1] > left[-3] / 4
    x_index, y_index = _listed(low.places, high.places)
    differences, times = y[y_index] - x[x_index], younger[1][x_index] * older[1][y_index]
    order = np.argsort(differences, kind="stable")
    found = np.searchsorted(np.cumsum(times[order]), np.array([first, last]) - low.count, side="right")
    return float(differences[order][found[0]]), float(differences[order][found[1]])


def _bound(younger: Counted, older: Counted, shift: float) -> _Bound:
    places = np.searchsorted(older[0], younger[0] + shift, side="right")
    until = np.concatenate([[0], np.cumsum(older[1])])
    return _Bound(shift, places, int(younger[1] @ until[places]))


def _starts(younger: Counted, older: Counted, share: float) -> np.ndarray:
    """Return two shifts, estimated to be just above and just below a share of all differences, in this order."""
    x, y = _quantiles(younger), _quantiles(older)
    aims = np.clip(share + np.array([1, -1]) / len(x), 0, 1)
    starts: np.ndarray = np.quantile(np.subtract.outer(y, x), aims)
    return starts


def _quantiles(values: Counted) -> np.ndarray:
    """Return values at evenly spaced ranks."""
    until = np.cumsum(values[1])
    quantiles: np.ndarray = values[0][np.searchsorted(until, (np.arange(SAMPLED) + 0.5) / SAMPLED * until[-1])]
    return quantiles


def _last_until(bound: _Bound, x: np.ndarray, y: np.ndarray) -> float:
    """Return the largest difference up to a bound."""
    some = bound.places > 0
    return float((y[bound.places[some] - 1] - x[some]).max())


def _first_from(bound: _Bound, x: np.ndarray, y: np.ndarray) -> float:
    """Return the smallest difference beyond a bound."""
    some = bound.places < len(y)
    return float((y[bound.places[some]] - x[some]).min())


def _listed(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs (i, j) with low[i] <= j < high[i], as two arrays."""
    sizes = high - low
    owner = np.repeat(np.arange(len(low)), sizes)
    starts = np.cumsum(sizes) - sizes
    return owner, np.arange(len(owner)) - starts[owner] + low[owner]
