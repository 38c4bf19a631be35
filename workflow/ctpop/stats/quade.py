"""Rank analysis of covariance for differences between age groups after adjustment for covariates."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.f_tail import log10_p_of_f

NOTHING_LEFT = 1e-10  # residual proportions of the variance of the ranks below this limit are rounding errors


@dataclass(frozen=True)
class RankAncova:
    """F, its degrees of freedom, log10 P, and the effect size; missing (NaN) if the test is not defined.

    Attributes
    ----------
    f : float
        F statistic of the residual ranks between the groups.
    df_between : float
        Degrees of freedom between the groups, k - 1.
    df_within : float
        Degrees of freedom within the groups, n - k.
    log10_p : float
        Decimal logarithm of P.
    eta_squared : float
        Proportion of the residual variance of the ranks between the groups, from 0 to 1.

    Examples
    --------
    >>> RankAncova().f
    nan

    """

    f: float = math.nan
    df_between: float = math.nan
    df_within: float = math.nan
    log10_p: float = math.nan
    eta_squared: float = math.nan


def quade(values: np.ndarray, groups: np.ndarray, numbers: np.ndarray, kinds: np.ndarray) -> RankAncova:
    """Return Quade's rank analysis of covariance (J Am Stat Assoc 1967;62:1187).

    The mid-ranks of the values are regressed on the mid-ranks of each column of `numbers` and on the columns of
    `kinds`. The F test of a one-way analysis of variance, with k - 1 and n - k degrees of freedom, then compares the
    residuals between the k groups.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values to be compared, in any unit (HU, mL).
    groups : np.ndarray, shape (n,)
        Label of the group of each value, such as the number of its age group.
    numbers : np.ndarray of float, shape (n, p)
        Continuous covariates, one column each; p can be 0.
    kinds : np.ndarray of float, shape (n, q)
        Indicators (0 or 1) of categories, which have no order; q can be 0.

    Returns
    -------
    RankAncova
        Test and effect size; NaN for fewer than two groups, for no more values than groups, or if the covariates
        explain the ranks completely.

    Examples
    --------
    >>> values, groups = np.array([1.0, 3.0, 2.0, 6.0, 5.0, 4.0]), np.array([1, 1, 1, 2, 2, 2])
    >>> found = quade(values, groups, np.array([[1.0], [2.0], [3.0], [1.0], [2.0], [3.0]]), np.empty((6, 0)))
    >>> round(found.f, 2), found.df_between, found.df_within, round(found.eta_squared, 3)
    (14.4, 1, 4, 0.783)

    """
    from scipy.stats import rankdata

    present, group = np.unique(groups, return_inverse=True)
    n, k = len(values), len(present)
    if k < 2 or n <= k:
        return RankAncova()
    ranks = centered(rankdata(values))
    columns = [*(rankdata(column) for column in numbers.T), *kinds.T]
    terms = np.column_stack([np.empty((n, 0)), *map(centered, columns)])
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


def centered(column: np.ndarray) -> np.ndarray:
    """Return a column minus its mean.

    Parameters
    ----------
    column : np.ndarray of float, shape (n,)
        Values, in any unit.

    Returns
    -------
    np.ndarray of float, shape (n,)
        Values with mean 0, in the same unit.

    Examples
    --------
    >>> centered(np.array([1.0, 2.0, 6.0])).tolist()
    [-2.0, -1.0, 3.0]

    """
    result: np.ndarray = column - column.mean()
    return result
