"""Hodges-Lehmann shift between two groups, exact and in little memory."""

from dataclasses import dataclass

import numpy as np

STEPS = 200  # of the narrowing: every second halves the range, so that 128 reach the last digit of a double
FEWEST_LISTED = 1024  # differences that are listed and sorted at once
SAMPLED = 64  # quantiles of each group
MARGIN = 1 / 64  # share of the differences that are left, by which a step aims beside the one that is sought

Counted = tuple[np.ndarray, np.ndarray]  # distinct values, ascending, and how often each occurs


@dataclass(frozen=True)
class _Bound:
    """A shift, for each younger value the number of distinct older ones up to it, and the differences up to it."""

    shift: float
    places: np.ndarray
    count: int


def hodges_lehmann_shift(younger: np.ndarray, older: np.ndarray) -> float:
    """Return the median of all differences older - younger of two groups that are not empty.

    The estimate of Hodges and Lehmann (Ann Math Stat 1963;34:598). With a and b values, it takes memory for some
    multiple of a + b numbers, where a table of all differences would take a b (5 GB for 25,000 against 25,000).

    Parameters
    ----------
    younger : np.ndarray of float, shape (a,)
        Values of the younger group, in any unit (HU, mL), without missing values.
    older : np.ndarray of float, shape (b,)
        Values of the older group, in the same unit.

    Returns
    -------
    float
        Shift, in the unit of the values: positive where the older group has the larger values.

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
    """Return the Hodges-Lehmann shift of two groups whose values are sorted and counted.

    Parameters
    ----------
    younger : tuple of np.ndarray, each of shape (k,)
        Distinct values of the younger group in ascending order, and the number of times that each occurs (1 or more).
    older : tuple of np.ndarray, each of shape (m,)
        The same of the older group.

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
        Distinct values of the younger group in ascending order, and the number of times that each occurs (1 or more).
    older : tuple of np.ndarray, each of shape (m,)
        The same of the older group.
    rank : int
        Number of differences that come before it in ascending order; 0 is the smallest difference.

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
    """Return the differences older - younger of two neighbouring ranks, `first` and `last`, which may be the same.

    The range that holds both is narrowed until few differences lie inside, which are then listed and sorted. The first
    two steps use shifts on either side of the position of the rank in a sample of quantiles. The other steps use the
    position that the rank has if the remaining differences are evenly spread, alternately somewhat below and above it,
    and the middle of the range where two steps did not reduce the number of differences to a quarter. Equal values are
    counted, not repeated, so that ties cannot keep the range full.

    Parameters
    ----------
    younger : tuple of np.ndarray, each of shape (k,)
        Distinct values of the younger group in ascending order, and the number of times that each occurs (1 or more).
    older : tuple of np.ndarray, each of shape (m,)
        The same of the older group.
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
        if first < at.count <= last:  # the one ends here, the other begins
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
    """Return two shifts that are likely to lie just below and above a share of all differences, the higher first."""
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
