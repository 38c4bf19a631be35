"""Wilcoxon rank-sum test of two age groups, with the effect sizes that belong to it."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ctpop.stats.shift import hodges_lehmann_shift
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


def rank_sum(younger: np.ndarray, older: np.ndarray) -> RankSum:
    """Return the Wilcoxon rank-sum (Mann-Whitney) test with tie and continuity correction, and its effect sizes.

    z is (U - m +- 1/2) / s with m = ab/2 and s^2 = ab/12 (n + 1 - sum(t^3 - t) / (n (n - 1))), where a and b are the
    sizes of the groups, n = a + b, and t those of the ties; it is 0 where U is within 1/2 of m. An empty group, or
    values that are all equal, give no results.
    """
    pooled = np.concatenate([younger, older])
    if not len(younger) or not len(older) or np.ptp(pooled) == 0:
        return RankSum()
    pairs = len(younger) * len(older)
    rank_total = float(rankdata(pooled)[: len(younger)].sum())
    u = rank_total - len(younger) * (len(younger) + 1) / 2
    excess = u - pairs / 2
    z = math.copysign(max(abs(excess) - 0.5, 0.0), excess) / _deviation(pooled, pairs) + 0.0  # no minus zero
    auc = (pairs - u) / pairs
    return RankSum(u, z, log10_p_of_normal(z), auc, 2 * auc - 1, hodges_lehmann_shift(younger, older))


def _deviation(pooled: np.ndarray, pairs: int) -> float:
    n = len(pooled)
    ties = np.unique(pooled, return_counts=True)[1].astype(float)
    return math.sqrt(pairs / 12 * (n + 1 - float((ties**3 - ties).sum()) / (n * (n - 1))))
