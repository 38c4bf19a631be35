"""Mid-ranks of a sample, which is sorted once for all rank tests."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranks:
    """Mid-ranks of a sample, centered at 0.

    The centered ranks are multiples of 1/2, so sums of their products have no rounding error.

    Attributes
    ----------
    centered : np.ndarray of float, shape (n,)
        Mid-rank of each value minus the mean rank, (n + 1) / 2, in the order of the sample.
    level : np.ndarray of int, shape (n,)
        Position of each value among the distinct values, counted from 0.
    ties : np.ndarray of int, shape (k,)
        Number of values at each level.
    distinct : np.ndarray of float, shape (k,)
        Distinct values in ascending order, in the unit of the sample.

    Examples
    --------
    >>> ranks = ranks_of(np.array([5.0, 2.0, 5.0, 9.0]))
    >>> ranks.level.tolist(), ranks.ties.tolist(), ranks.distinct.tolist()
    ([1, 0, 1, 2], [1, 2, 1], [2.0, 5.0, 9.0])
    >>> ranks.varies
    True

    """

    centered: np.ndarray
    level: np.ndarray
    ties: np.ndarray
    distinct: np.ndarray

    @property
    def varies(self) -> bool:
        """Whether the sample contains at least two different values."""
        return len(self.ties) > 1

    def sum_above(self, weights: np.ndarray) -> np.ndarray:
        """Return for each member the sum of the weights of larger members plus half the weights of equal members.

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each member, in the order of the sample.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Sum for each member, in the order of the sample. Equal members include the member.

        Examples
        --------
        >>> ranks_of(np.array([5.0, 2.0, 5.0, 9.0])).sum_above(np.ones(4)).tolist()
        [2.0, 3.5, 2.0, 0.5]

        """
        totals = np.bincount(self.level, weights=weights, minlength=len(self.ties))
        above: np.ndarray = (totals.sum() - np.cumsum(totals) + totals / 2)[self.level]
        return above

    def proportions(self, weights: np.ndarray) -> np.ndarray:
        """Return for each member the weight of smaller members plus half the weight of equal members, minus 1/2.

        With equal weights, this is the centered mid-rank divided by n.

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each member, in the order of the sample, with a sum of 1.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Weighted mid-distribution function minus 1/2, with a weighted mean of 0.

        Examples
        --------
        >>> ranks_of(np.array([5.0, 2.0, 5.0, 9.0])).proportions(np.full(4, 0.25)).tolist()
        [0.0, -0.375, 0.0, 0.375]

        """
        centered: np.ndarray = 0.5 - self.sum_above(weights)
        return centered

    def tallies(self, groups: np.ndarray, number: int) -> np.ndarray:
        """Return the number of values of each group at each level.

        Parameters
        ----------
        groups : np.ndarray of int, shape (n,)
            Group of each value, from 1 to `number`, in the order of the sample.
        number : int
            Number of groups.

        Returns
        -------
        np.ndarray of int, shape (number, k)
            Number of values of each group (rows) at each level (columns).

        Examples
        --------
        >>> ranks_of(np.array([5.0, 2.0, 5.0, 9.0])).tallies(np.array([1, 1, 2, 2]), 2).tolist()
        [[1, 1, 0], [0, 1, 1]]

        """
        levels = len(self.ties)
        counts = np.bincount(self.level + levels * (groups - 1), minlength=levels * number)
        return counts.reshape(number, levels)


def ranks_of(values: np.ndarray) -> Ranks:
    """Return the mid-ranks of a sample.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the sample, in any unit (years, HU, mL), without missing values.

    Returns
    -------
    Ranks
        Ranks in the order of the sample.

    Examples
    --------
    >>> ranks_of(np.array([5.0, 2.0, 5.0, 9.0])).centered.tolist()
    [0.0, -1.5, 0.0, 1.5]

    """
    distinct, level, ties = np.unique(values, return_inverse=True, return_counts=True)
    return _ranks(level, ties, distinct)


def ranks_of_levels(level: np.ndarray, distinct: np.ndarray) -> Ranks:
    """Return the mid-ranks of a part of a sample from the positions of its members among the distinct values.

    The function does not sort, because the order of the values is given.

    Parameters
    ----------
    level : np.ndarray of int, shape (m,)
        Position of each member of the part among the distinct values of the whole sample, counted from 0.
    distinct : np.ndarray of float, shape (k,)
        Distinct values of the whole sample in ascending order.

    Returns
    -------
    Ranks
        Ranks within the part, in the order of `level`, without values that do not occur in the part.

    Examples
    --------
    >>> part = ranks_of_levels(np.array([2, 0, 2]), np.array([2.0, 5.0, 9.0]))
    >>> part.centered.tolist(), part.distinct.tolist()
    ([0.5, -1.0, 0.5], [2.0, 9.0])

    """
    ties = np.bincount(level, minlength=len(distinct))
    present = ties > 0
    return _ranks((np.cumsum(present) - 1)[level], ties[present], distinct[present])


def _ranks(level: np.ndarray, ties: np.ndarray, distinct: np.ndarray) -> Ranks:
    centered = np.cumsum(ties) - (ties + len(level)) / 2
    return Ranks(centered[level], level, ties, distinct)
