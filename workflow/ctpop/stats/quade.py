"""Rank analysis of covariance for differences between age groups after adjustment for covariates."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.f_tail import log10_p_of_f
from ctpop.stats.tails import log10_p_of_chi_squared

NOTHING_LEFT = 1e-10  # residual proportions of the variance of the ranks below this limit are rounding errors


@dataclass(frozen=True)
class RankAncova:
    """F, its degrees of freedom, log10 P, and the effect size; missing (NaN) if the test is not defined.

    Attributes
    ----------
    f : float
        F statistic of the residual ranks between the groups; with several scans per patient, the chi-square statistic
        of the score test divided by its degrees of freedom.
    df_between : float
        Degrees of freedom between the groups, k - 1.
    df_within : float
        Degrees of freedom within the groups, n - k; NaN with several scans per patient.
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


def quade(
    values: np.ndarray,
    groups: np.ndarray,
    numbers: np.ndarray,
    kinds: np.ndarray,
    patients: np.ndarray | None = None,
) -> RankAncova:
    """Return Quade's rank analysis of covariance (J Am Stat Assoc 1967;62:1187).

    The mid-ranks of the values are regressed on the mid-ranks of each column of `numbers` and on the columns of
    `kinds`. The F test of a one-way analysis of variance, with k - 1 and n - k degrees of freedom, then compares the
    residuals between the k groups.

    With several scans per patient, a score test replaces the F test. The indicators of groups 2 to k are regressed on
    the same columns. U_g is the sum of the products of the residual indicators and the residual ranks of patient g, U
    is the sum of U_g, and V is the sum of U_g U_g'. Q = U' V^-1 U has a chi-squared distribution with k - 1 degrees of
    freedom; f is Q / (k - 1).

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
    patients : np.ndarray of int, shape (n,), optional
        Number of the patient of each value; None if each value is of a different patient.

    Returns
    -------
    RankAncova
        Test and effect size; NaN for fewer than two groups, for no more values than groups, or if the covariates
        explain the ranks or the groups completely. With several scans per patient, also NaN if a group contains fewer
        than two patients.

    Examples
    --------
    >>> values, groups = np.array([1.0, 3.0, 2.0, 6.0, 5.0, 4.0]), np.array([1, 1, 1, 2, 2, 2])
    >>> found = quade(values, groups, np.array([[1.0], [2.0], [3.0], [1.0], [2.0], [3.0]]), np.empty((6, 0)))
    >>> round(found.f, 2), found.df_between, found.df_within, round(found.eta_squared, 3)
    (14.4, 1, 4, 0.783)

    """
    present, group = np.unique(groups, return_inverse=True)
    n, k = len(values), len(present)
    if k < 2 or n <= k:
        return RankAncova()
    ranks = centered(rank_columns(values[:, np.newaxis])[:, 0])
    terms = ancova_columns(numbers, kinds)
    residuals = ranks - terms @ np.linalg.lstsq(terms, ranks)[0]
    total = float(residuals @ residuals)
    if total <= NOTHING_LEFT * max(float(ranks @ ranks), 1.0):
        return RankAncova()
    between = float((np.bincount(group, weights=residuals) ** 2 / np.bincount(group)).sum())
    within = max(total - between, 0.0)
    if within <= NOTHING_LEFT * total:
        return RankAncova()
    if patients is not None and len(np.unique(patients)) < n:
        return _score_test(residuals, group, terms, patients, between / total)
    f = between / (k - 1) / (within / (n - k))
    return RankAncova(f, k - 1, n - k, log10_p_of_f(f, k - 1, n - k), between / total)


def ancova_columns(numbers: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return the columns to which the ranks are adjusted: ranks of numbers, and indicators of categories.

    Parameters
    ----------
    numbers : np.ndarray of float, shape (n, p)
        Continuous covariates, one column each; p can be 0.
    kinds : np.ndarray of float, shape (n, q)
        Indicators (0 or 1) of categories; q can be 0.

    Returns
    -------
    np.ndarray of float, shape (n, p + q)
        Columns with mean 0.

    Examples
    --------
    >>> ancova_columns(np.array([[7.0], [9.0], [8.0]]), np.array([[0.0], [1.0], [0.5]])).tolist()
    [[-1.0, -0.5], [1.0, 0.5], [0.0, 0.0]]

    """
    columns = np.column_stack([rank_columns(numbers), kinds])
    result: np.ndarray = columns - (columns.mean(axis=0) if len(columns) else 0)
    return result


def rank_columns(columns: np.ndarray) -> np.ndarray:
    """Return the mid-ranks of each column.

    Parameters
    ----------
    columns : np.ndarray of float, shape (n, p)
        Columns, in any unit; p can be 0.

    Returns
    -------
    np.ndarray of float, shape (n, p)
        Mid-ranks from 1 to n.

    Examples
    --------
    >>> rank_columns(np.array([[7.0], [9.0], [7.0]])).tolist()
    [[1.5], [3.0], [1.5]]

    """
    from scipy.stats import rankdata

    return np.column_stack([np.empty((len(columns), 0)), *map(rankdata, columns.T)])


def _score_test(
    residuals: np.ndarray, group: np.ndarray, terms: np.ndarray, patients: np.ndarray, eta_squared: float
) -> RankAncova:
    """Return the test of the residual ranks with sums by patient.

    The residuals of the indicators account for the estimated coefficients of the covariates. The covariance matrix of U
    is that under the null hypothesis.
    """
    patient = np.unique(patients, return_inverse=True)[1]
    k = int(group.max()) + 1
    in_groups = np.unique(group * len(patients) + patient) // len(patients)  # of each pair of a group and a patient
    indicators = (group[:, np.newaxis] == np.arange(1, k)).astype(float)
    indicators -= indicators.mean(axis=0)
    smallest = math.sqrt(NOTHING_LEFT) * float(np.linalg.norm(indicators))
    indicators -= terms @ np.linalg.lstsq(terms, indicators)[0]
    scores = np.zeros((int(patient.max()) + 1, k - 1))
    np.add.at(scores, patient, indicators * residuals[:, np.newaxis])
    determined = np.linalg.matrix_rank(indicators, tol=smallest) < k - 1
    if determined or np.bincount(in_groups).min() < 2 or np.linalg.matrix_rank(scores, rtol=NOTHING_LEFT) < k - 1:
        return RankAncova()
    # U'(scores' scores)^-1 U is the squared length of the projection of a column of ones on the columns of scores
    basis, _ = np.linalg.qr(scores)
    q = float((basis.sum(axis=0) ** 2).sum())
    return RankAncova(q / (k - 1), k - 1, log10_p=log10_p_of_chi_squared(q, k - 1), eta_squared=eta_squared)


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
