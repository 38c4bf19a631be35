"""Rank analysis of covariance: whether age groups differ once what covariates explain is taken away."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.f_tail import log10_p_of_f

NOTHING_LEFT = 1e-10  # share of the variance of the ranks: below it, rounding alone is left


@dataclass(frozen=True)
class RankAncova:
    """F, its degrees of freedom, log10 P and the effect size; missing where the test is not defined.

    `eta_squared` is the share of the residual variance of the ranks that lies between the groups.
    """

    f: float = math.nan
    df_between: float = math.nan
    df_within: float = math.nan
    log10_p: float = math.nan
    eta_squared: float = math.nan


def quade(values: np.ndarray, groups: np.ndarray, numbers: np.ndarray, kinds: np.ndarray) -> RankAncova:
    """Return Quade's rank analysis of covariance (J Am Stat Assoc 1967;62:1187).

    The mid-ranks of the values are regressed on the mid-ranks of each column of `numbers` (n, p) and on the columns of
    `kinds` (n, q), the indicators of categories, which have no order to rank by. Whether the residuals differ between
    the groups is told by the F test of a one-way analysis of variance, with k - 1 and n - k degrees of freedom.
    Fewer than two groups, no value beyond the number of groups, or ranks that the covariates explain wholly give no
    results.
    """
    from scipy.stats import rankdata

    present, group = np.unique(groups, return_inverse=True)
    n, k = len(values), len(present)
    if k < 2 or n <= k:
        return RankAncova()
    ranks = centred(rankdata(values))
    columns = [*(rankdata(column) for column in numbers.T), *kinds.T]
    terms = np.column_stack([np.empty((n, 0)), *map(centred, columns)])
    residuals = ranks - terms @ np.linalg.lstsq(terms, ranks)[0]
    total = float(residuals @ residuals)
    if total <= NOTHING_LEFT * max(float(ranks @ ranks), 1.0):
        return RankAncova()
    between = float((np.bincount(group, weights=residuals) ** 2 / np.bincount(group)).sum())
    within = max(total - between, 0.0)
    f = between / (k - 1) / (within / (n - k)) if within > NOTHING_LEFT * total else math.inf
    if math.isinf(f):
        return RankAncova()
    return RankAncova(f, k - 1, n - k, log10_p_of_f(f, k - 1, n - k), between / total)


def centred(column: np.ndarray) -> np.ndarray:
    """Return a column minus its mean."""
    result: np.ndarray = column - column.mean()
    return result
