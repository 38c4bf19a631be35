"""Rank test of age groups if patients have several scans: a score test with sums over the scans of each patient."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.patient_sums import sums_by_patient
from ctpop.stats.ranks import Ranks
from ctpop.stats.tails import log10_p_of_chi_squared, log10_p_of_normal

LEAST_EIGENVALUE = 1e-9  # of the correlation matrix of the scores; smaller values are rounding errors of 0


@dataclass(frozen=True)
class ScoreTest:
    """The score test; missing (NaN) if it is not defined.

    Attributes
    ----------
    q : float
        Quadratic form of the scores, approximately chi-squared if age groups do not differ.
    df : float
        Degrees of freedom: the number of groups with values, minus 1.
    log10_p : float
        Decimal logarithm of P, from the chi-squared approximation.
    z : float
        For two groups, the signed square root of `q`, which is positive if the second group has larger values.

    Examples
    --------
    >>> ScoreTest()
    ScoreTest(q=nan, df=nan, log10_p=nan, z=nan)

    """

    q: float = math.nan
    df: float = math.nan
    log10_p: float = math.nan
    z: float = math.nan


def score_test(ranks: Ranks, groups: np.ndarray, patients: np.ndarray, weights: np.ndarray | None = None) -> ScoreTest:
    """Return the score test of equal mean ranks in all groups, with independent patients instead of scans.

    With the weighted proportion F_i of smaller values plus half that of equal values, and the weighted share pi_j of
    group j, the scores of a patient are U_j = sum_i w_i (1[group_i = j] - pi_j) (F_i - 1/2) for all groups except the
    first. The sum U of the scores of all patients and V = sum U_g U_g' yield Q = U' V^-1 U. The scans of a patient can
    be in different groups. V is computed under the null hypothesis, because a variance under the alternative rejects
    the null hypothesis too often. With weights of 1/(number of scans), the null hypothesis is that of Datta and Satten
    (JASA 2005;100:908).

    Parameters
    ----------
    ranks : Ranks
        Ranks of the n values.
    groups : np.ndarray of int, shape (n,)
        Group of each value, in ascending order of age.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each value.
    weights : np.ndarray of float, shape (n,), optional
        Weight of each value, above 0. By default, all weights are equal.

    Returns
    -------
    ScoreTest
        The test; NaN if only one group has values, all values are equal, V is singular (for example, if all values of
        a group belong to one patient), or the number of patients does not exceed the number of groups.

    Examples
    --------
    >>> from ctpop.stats.ranks import ranks_of
    >>> values, groups = np.array([3.0, 5.0, 1.0, 2.0, 8.0, 6.0, 4.0, 9.0]), np.array([1, 1, 1, 1, 2, 2, 2, 2])
    >>> found = score_test(ranks_of(values), groups, np.array([0, 0, 1, 2, 3, 3, 4, 5]))
    >>> round(found.q, 3), found.df, round(found.z, 3), round(found.log10_p, 3)
    (4.083, 1, 2.021, -1.363)

    """
    present, group = np.unique(groups, return_inverse=True)
    if len(present) < 2 or not ranks.varies:
        return ScoreTest()
    w = np.full(len(group), 1 / len(group)) if weights is None else weights / weights.sum()
    scores = _scores(ranks, group, patients, w)
    statistics, covariance = scores.sum(axis=0), scores.T @ scores
    if len(scores) <= len(present) or not _invertible(covariance):
        return ScoreTest()
    q, df = float(statistics @ np.linalg.solve(covariance, statistics)), len(present) - 1
    if df > 1:
        return ScoreTest(q, df, log10_p_of_chi_squared(q, df))
    z = float(statistics[0] / math.sqrt(covariance[0, 0]))
    return ScoreTest(q, df, log10_p_of_normal(z), z)


def _scores(ranks: Ranks, group: np.ndarray, patients: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the scores of the patients (rows) for all groups except the first (columns)."""
    weighted = weights * ranks.proportions(weights)
    inside = group[:, None] == np.arange(1, group.max() + 1)
    return sums_by_patient((inside - weights @ inside) * weighted[:, None], patients)


def _invertible(covariance: np.ndarray) -> bool:
    deviations = np.sqrt(np.diag(covariance))
    if not deviations.min() > 0:
        return False
    return bool(np.linalg.eigvalsh(covariance / np.outer(deviations, deviations))[0] > LEAST_EIGENVALUE)
