"""Wilcoxon rank-sum test of two age groups with its effect sizes."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.ranks import ranks_of
from ctpop.stats.shift import shift_of_counts
from ctpop.stats.tails import log10_p_of_normal


@dataclass(frozen=True)
class RankSum:
    """Test and effect sizes of an older and a younger group; missing (NaN) if they are not defined.

    `u` and `z` refer to the younger group and are low if values increase with age; `auc`, `cliffs_delta`, and `shift`
    are then high.

    Attributes
    ----------
    u : float
        Mann-Whitney U: the number of pairs in which the younger group has the larger value, ties counted half.
    z : float
        Standard normal deviate of U.
    log10_p : float
        Decimal logarithm of the two-sided P.
    auc : float
        Probability that the older group has the larger value, ties counted half, from 0 to 1.
    cliffs_delta : float
        Cliff's delta, 2 auc - 1, from -1 to 1.
    shift : float
        Hodges-Lehmann shift: the median of all differences older - younger, in the unit of the values.

    Examples
    --------
    >>> RankSum().auc
    nan

    """

    u: float = math.nan
    z: float = math.nan
    log10_p: float = math.nan
    auc: float = math.nan
    cliffs_delta: float = math.nan
    shift: float = math.nan


def rank_sum(younger: np.ndarray, older: np.ndarray, continuity: bool = True) -> RankSum:
    """Return the Wilcoxon rank-sum (Mann-Whitney) test, corrected for ties, and its effect sizes.

    z is (U - m +- 1/2) / s with m = ab/2 and s^2 = ab/12 (n + 1 - sum(t^3 - t) / (n (n - 1))), where a and b are the
    sizes of the groups, n = a + b, and t are the sizes of the ties. z is 0 if U is within 1/2 of m. The 1/2 is the
    continuity correction.

    Parameters
    ----------
    younger : np.ndarray of float, shape (a,)
        Values of the younger group, in any unit (HU, mL), without missing values.
    older : np.ndarray of float, shape (b,)
        Values of the older group, in the same unit.
    continuity : bool
        Whether z includes the continuity correction.

    Returns
    -------
    RankSum
        Test and effect sizes; NaN if a group is empty or all values are equal.

    Examples
    --------
    >>> found = rank_sum(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0, 6.0]))
    >>> found.u, round(found.z, 2), round(found.auc, 3), found.shift
    (0.5, -1.78, 0.958, 2.5)

    """
    ranks = ranks_of(np.concatenate([younger, older]))
    group = np.repeat([1, 2], [len(younger), len(older)])
    younger_at, older_at = ranks.tallies(group, 2)
    return rank_sum_of_tallies(ranks.distinct, younger_at, older_at, continuity)


def rank_sum_of_tallies(
    distinct: np.ndarray, younger: np.ndarray, older: np.ndarray, continuity: bool = True
) -> RankSum:
    """Return the Wilcoxon rank-sum test of two groups given as counts of sorted distinct values.

    The test and the effect sizes are those of `rank_sum`.

    Parameters
    ----------
    distinct : np.ndarray of float, shape (k,)
        Distinct values of both groups in ascending order, in any unit (HU, mL).
    younger : np.ndarray of int, shape (k,)
        Number of values of the younger group at each distinct value.
    older : np.ndarray of int, shape (k,)
        Number of values of the older group at each distinct value.
    continuity : bool
        Whether z includes the continuity correction.

    Returns
    -------
    RankSum
        Test and effect sizes; NaN if a group is empty or all values are equal.

    Examples
    --------
    >>> found = rank_sum_of_tallies(np.array([1.0, 2.0, 3.0]), np.array([2, 1, 0]), np.array([0, 1, 2]))
    >>> found.u, round(found.auc, 3), found.shift
    (0.5, 0.944, 1.0)

    """
    ties = (younger + older).astype(float)
    if not younger.any() or not older.any() or np.count_nonzero(ties) < 2:
        return RankSum()
    n, pairs = float(ties.sum()), float(younger.sum()) * float(older.sum())
    u = float(younger @ (np.cumsum(older) - older / 2))
    excess = u - pairs / 2
    deviation = math.sqrt(pairs / 12 * (n + 1 - float((ties * (ties * ties - 1)).sum()) / (n * (n - 1))))
    z = math.copysign(max(abs(excess) - continuity / 2, 0.0), excess) / deviation + 0.0  # no minus zero
    auc = (pairs - u) / pairs
    x, y = younger > 0, older > 0
    shift = shift_of_counts((distinct[x], younger[x]), (distinct[y], older[y]))
    return RankSum(u, z, log10_p_of_normal(z), auc, 2 * auc - 1, shift)
