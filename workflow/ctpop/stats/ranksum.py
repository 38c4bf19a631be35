"""Wilcoxon rank-sum test of two age groups, with the effect sizes that belong to it."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.ranks import ranks_of
from ctpop.stats.shift import shift_of_counts
from ctpop.stats.tails import log10_p_of_normal


@dataclass(frozen=True)
class RankSum:
    """Test and effect sizes of an older against a younger group; missing where they are not defined.

    `u` and `z` belong to the younger group, so that both are low where values rise with age; `auc` (the probability
    that the older group has the larger value, ties counted half), `cliffs_delta` and `shift` are high there.
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
    sizes of the groups, n = a + b, and t those of the ties; it is 0 where U is within 1/2 of m. The 1/2 is the
    correction for continuity. An empty group, or values that are all equal, give no results.
    """
    ranks = ranks_of(np.concatenate([younger, older]))
    group = np.repeat([1, 2], [len(younger), len(older)])
    younger_at, older_at = ranks.tallies(group, 2)
    return rank_sum_of_tallies(ranks.distinct, younger_at, older_at, continuity)


def rank_sum_of_tallies(
    distinct: np.ndarray, younger: np.ndarray, older: np.ndarray, continuity: bool = True
) -> RankSum:
    """Return the same of groups of which it is known how many values are at each of the distinct values, ascending."""
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
