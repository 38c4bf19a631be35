"""Mid-ranks of a sample: sorted once, they serve every rank test of it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranks:
    """Mid-ranks of a sample, centred at 0 (in order, half-integers: sums of their products carry no rounding error).

    `level` is the position of each value among the `distinct` values, which ascend; `ties` is the number of values at
    each level.
    """

    centred: np.ndarray
    level: np.ndarray
    ties: np.ndarray
    distinct: np.ndarray

    @property
    def varies(self) -> bool:
        """Whether there are two different values."""
        return len(self.ties) > 1

    def sum_above(self, weights: np.ndarray) -> np.ndarray:
        """Return for each member the sum of the weights of larger members and half that of its equals."""
        totals = np.bincount(self.level, weights=weights, minlength=len(self.ties))
        above: np.ndarray = (totals.sum() - np.cumsum(totals) + totals / 2)[self.level]
        return above

    def tallies(self, groups: np.ndarray, number: int) -> np.ndarray:
        """Return how many values of each group, 1 to `number`, are at each level: one row per group."""
        levels = len(self.ties)
        counts = np.bincount(self.level + levels * (groups - 1), minlength=levels * number)
        return counts.reshape(number, levels)


def ranks_of(values: np.ndarray) -> Ranks:
    """Return the mid-ranks of a sample."""
    distinct, level, ties = np.unique(values, return_inverse=True, return_counts=True)
    return _ranks(level, ties, distinct)


def ranks_of_levels(level: np.ndarray, distinct: np.ndarray) -> Ranks:
    """Return the mid-ranks of a part of a sample, whose members are given by their positions among its distinct values.

    Nothing is sorted: the order of the values is known.
    """
    ties = np.bincount(level, minlength=len(distinct))
    present = ties > 0
    return _ranks((np.cumsum(present) - 1)[level], ties[present], distinct[present])


def _ranks(level: np.ndarray, ties: np.ndarray, distinct: np.ndarray) -> Ranks:
    centred = np.cumsum(ties) - (ties + len(level)) / 2
    return Ranks(centred[level], level, ties, distinct)
