"""Signs of differences between patients of a stratum, summed over pairs in time proportional to n log n."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Signs:
    """Signs of the differences of a variable between members of the same stratum.

    Attributes
    ----------
    level : np.ndarray of int, shape (n,)
        Position of each value among the distinct values, which are sorted by stratum and then by value.
    stratum_of_level : np.ndarray of int, shape (k,)
        Stratum of each distinct value, in ascending order.

    Examples
    --------
    >>> signs = signs_of(np.array([3.0, 1.0, 5.0, 9.0]), np.array([0, 0, 1, 1]))
    >>> signs.level.tolist(), signs.stratum_of_level.tolist()
    ([1, 0, 2, 3], [0, 0, 1, 1])

    """

    level: np.ndarray
    stratum_of_level: np.ndarray

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Return for each member i the sum over the members j of its stratum of weight_j sign(x_i - x_j).

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each member.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Sums.

        Examples
        --------
        >>> signs_of(np.array([3.0, 1.0, 5.0, 9.0]), np.array([0, 0, 1, 1])).sums(np.ones(4)).tolist()
        [1.0, -1.0, -1.0, 1.0]

        """
        totals = np.bincount(self.level, weights=weights, minlength=len(self.stratum_of_level))
        below = np.concatenate([[0.0], np.cumsum(totals)])  # sum of the weights below each level, and of all weights
        first = np.searchsorted(self.stratum_of_level, self.stratum_of_level)
        last = np.searchsorted(self.stratum_of_level, self.stratum_of_level, side="right")
        difference: np.ndarray = ((below[:-1] - below[first]) - (below[last] - below[1:]))[self.level]
        return difference


def signs_of(values: np.ndarray, strata: np.ndarray) -> Signs:
    """Return the signs of the differences of a variable within strata.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the variable, in any unit.
    strata : np.ndarray of int, shape (n,)
        Number of the stratum of each value, from 0.

    Returns
    -------
    Signs
        The signs, in the order of the values.

    Examples
    --------
    >>> signs_of(np.array([3.0, 1.0, 3.0]), np.array([0, 0, 0])).level.tolist()
    [1, 0, 1]

    """
    order = np.lexsort((values, strata))
    changes = (np.diff(values[order]) != 0) | (np.diff(strata[order]) != 0)
    level = np.empty(len(values), dtype=int)
    level[order] = np.concatenate([[0], np.cumsum(changes)])[: len(values)]
    stratum_of_level = np.zeros(level.max(initial=-1) + 1, dtype=int)
    stratum_of_level[level] = strata
    return Signs(level, stratum_of_level)


@dataclass(frozen=True)
class StratumPoints:
    """StratumPoints in the plane, each in a stratum.

    Attributes
    ----------
    x, y : np.ndarray, shape (n,)
        Coordinates, in any unit.
    strata : np.ndarray of int, shape (n,)
        Number of the stratum of each point, from 0.

    Examples
    --------
    >>> len(StratumPoints(np.array([1.0]), np.array([2.0]), np.array([0])).x)
    1

    """

    x: np.ndarray
    y: np.ndarray
    strata: np.ndarray


def concordance(points: StratumPoints, others: StratumPoints) -> np.ndarray:
    """Return for each point i the sum over the others j of its stratum of sign(x_i - x_j) sign(y_i - y_j).

    Parameters
    ----------
    points : StratumPoints
        StratumPoints, n of them.
    others : StratumPoints
        StratumPoints with which the points are compared, in strata with the same numbers.

    Returns
    -------
    np.ndarray of int, shape (n,)
        Number of concordant pairs minus the number of discordant pairs of each point.

    Examples
    --------
    >>> points = StratumPoints(np.array([1, 2, 3]), np.array([1, 3, 2]), np.zeros(3, dtype=int))
    >>> concordance(points, points).tolist()
    [2, 0, 0]

    """
    n = len(points.x)
    strata = np.concatenate([points.strata, others.strata])
    x, y = (
        signs_of(np.concatenate(pair), strata).level for pair in ((points.x, others.x), (points.y, others.y))
    )  # a lower stratum is below in both coordinates
    is_other = np.arange(len(strata)) >= n
    both_below = _below(x, y, is_other)
    below_x, equal_x = _counts(x, is_other)
    below_y, equal_y = _counts(y, is_other)
    below_x_equal_y = _before_in_group(y, x, is_other)
    below_y_equal_x = _before_in_group(x, y, is_other)
    _, equal = _counts(np.unique(x * (y.max(initial=0) + 1) + y, return_inverse=True)[1], is_other)
    # 4 K(x) K(y) with K = 1, 1/2, or 0 for a member below, equal, or above
    product = 4 * both_below + 2 * (below_x_equal_y + below_y_equal_x) + equal
    whole = product - (2 * below_x + equal_x) - (2 * below_y + equal_y) + len(others.x)
    outside = len(others.x) - np.bincount(others.strata, minlength=strata.max(initial=0) + 1)[points.strata]
    result: np.ndarray = whole[:n] - outside  # each point of another stratum is concordant
    return result


def _counts(level: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each member the number of counted members below it and equal to it."""
    sizes = np.bincount(level[counted], minlength=level.max(initial=0) + 1)
    return (np.cumsum(sizes) - sizes)[level], sizes[level]


def _before_in_group(group: np.ndarray, level: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return for each member the number of counted members of its group with a lower level."""
    pair = np.unique(group * (level.max(initial=0) + 1) + level, return_inverse=True)[1]
    result: np.ndarray = _counts(pair, counted)[0] - _counts(group, counted)[0]
    return result


def _below(x: np.ndarray, y: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return for each member that is not counted the number of counted members below it in both coordinates.

    The members are sorted by x and divided into halves repeatedly. At each division, counted members of the lower half
    with a smaller y are added to the counts of members of the upper half. Ties are not counted: among members of equal
    x, counted members are last, and among members of equal y, those of the lower half are last.
    """
    by_x = np.lexsort((counted, x))
    place = np.empty(len(x), dtype=int)
    place[by_x] = np.arange(len(x))
    counted_at = counted[by_x]
    member = place[np.lexsort((-place, y))]
    found = np.zeros(len(x), dtype=int)
    here = np.arange(len(x))
    for bit in reversed(range(len(x).bit_length())):
        upper = (member >> bit) & 1
        start = (member >> (bit + 1)) << (bit + 1)
        lower_before = np.concatenate([[0], np.cumsum(counted_at[member] & (upper == 0))])
        found[member] += np.where(upper == 1, lower_before[1:] - lower_before[start], 0)
        in_lower = np.concatenate([[0], np.cumsum(1 - upper)])
        among = in_lower[1:] - in_lower[start]
        moved = np.empty(len(x), dtype=int)
        moved[np.where(upper == 1, here + (1 << bit) - among, start + among - 1)] = member
        member = moved
    result: np.ndarray = found[place]
    return result
