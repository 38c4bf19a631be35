"""Wilcoxon rank-sum test of two age groups with its effect sizes."""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.auc_interval import PlacedGroup, auc_error, auc_interval
from ctpop.stats.patient_sums import has_repeats
from ctpop.stats.ranks import Ranks, ranks_of
from ctpop.stats.score_test import score_test
from ctpop.stats.shift import shift_of_counts
from ctpop.stats.shift_interval import shift_interval
from ctpop.stats.tails import log10_p_of_normal

Patients = tuple[np.ndarray, np.ndarray]  # patients of the values of the younger and of the older group


@dataclass(frozen=True)
class RankSum:
    """Test and effect sizes of an older and a younger group; missing (NaN) if they are not defined.

    All results refer to the older group: `u`, `z`, `auc`, `cliffs_delta`, and `shift` are high if values increase with
    age.

    Attributes
    ----------
    u : float
        Mann-Whitney U: the number of pairs in which the older group has the larger value, ties counted half.
    z : float
        Standard normal deviate of U.
    log10_p : float
        Decimal logarithm of the two-sided P.
    auc : float
        Probability that the older group has the larger value, ties counted half, from 0 to 1.
    auc_ci_low, auc_ci_high : float
        Confidence limits of `auc`.
    cliffs_delta : float
        Cliff's delta, 2 auc - 1, from -1 to 1.
    cliffs_delta_ci_low, cliffs_delta_ci_high : float
        Confidence limits of `cliffs_delta`.
    shift : float
        Hodges-Lehmann shift: the median of all differences older - younger, in the unit of the values.
    shift_ci_low, shift_ci_high : float
        Confidence limits of `shift`.

    Examples
    --------
    >>> RankSum().auc
    nan

    """

    u: float = math.nan
    z: float = math.nan
    log10_p: float = math.nan
    auc: float = math.nan
    auc_ci_low: float = math.nan
    auc_ci_high: float = math.nan
    cliffs_delta: float = math.nan
    cliffs_delta_ci_low: float = math.nan
    cliffs_delta_ci_high: float = math.nan
    shift: float = math.nan
    shift_ci_low: float = math.nan
    shift_ci_high: float = math.nan


def rank_sum(
    younger: np.ndarray,
    older: np.ndarray,
    continuity: bool = True,
    confidence: float = 0.95,
    patients: Patients | None = None,
) -> RankSum:
    """Return the Wilcoxon rank-sum (Mann-Whitney) test, corrected for ties, and its effect sizes with intervals.

    z is (U - m +- 1/2) / s with m = ab/2 and s^2 = ab/12 (n + 1 - sum(t^3 - t) / (n (n - 1))), where a and b are the
    sizes of the groups, n = a + b, and t are the sizes of the ties. z is 0 if U is within 1/2 of m. The 1/2 is the
    continuity correction. If a patient has several scans in the two groups, z is that of the score test by patient
    (`stats.score_test`) instead.

    The intervals of the AUC and of the shift allow for unequal spread (`stats.auc_interval`, `stats.shift_interval`),
    whereas the test has the null hypothesis of equal distributions. The test and the intervals can therefore disagree.

    Parameters
    ----------
    younger : np.ndarray of float, shape (a,)
        Values of the younger group, in any unit (HU, mL), without missing values.
    older : np.ndarray of float, shape (b,)
        Values of the older group, in the same unit.
    continuity : bool
        Whether z includes the continuity correction.
    confidence : float
        Level of the confidence intervals, between 0 and 1.
    patients : tuple of np.ndarray of int, shapes (a,) and (b,), optional
        Patient of each value of the younger and the older group. By default, each value is that of another patient.

    Returns
    -------
    RankSum
        Test and effect sizes; NaN if a group is empty or all values are equal. The test is NaN if there are too few
        patients, and the limits are NaN if a group has fewer than two patients.

    Examples
    --------
    >>> found = rank_sum(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0, 6.0]))
    >>> found.u, round(found.z, 2), round(found.auc, 3), found.shift
    (11.5, 1.78, 0.958, 2.5)
    >>> round(found.auc_ci_low, 2), round(found.auc_ci_high, 2)
    (0.56, 1.0)

    """
    if patients is not None and not has_repeats(np.concatenate(patients)):
        patients = None
    ranks = ranks_of(np.concatenate([younger, older]))
    return rank_sum_of_ranks(ranks, len(younger), continuity, confidence, patients)


def rank_sum_of_ranks(
    ranks: Ranks, n_younger: int, continuity: bool = True, confidence: float = 0.95, patients: Patients | None = None
) -> RankSum:
    """Return the rank-sum test of two ranked groups, as `rank_sum` does.

    Parameters
    ----------
    ranks : Ranks
        Ranks of a + b values, those of the younger group first.
    n_younger : int
        Number a of values of the younger group.
    continuity : bool
        Whether z includes the continuity correction.
    confidence : float
        Level of the confidence intervals, between 0 and 1.
    patients : tuple of np.ndarray of int, shapes (a,) and (b,), optional
        Patients of the values if a patient has several scans in the two groups; otherwise None.

    Returns
    -------
    RankSum
        Test and effect sizes; NaN if a group is empty or all values are equal.

    Examples
    --------
    >>> found = rank_sum_of_ranks(ranks_of(np.array([1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0])), 3)
    >>> found.u, round(found.z, 2), round(found.auc, 3), found.shift
    (11.5, 1.78, 0.958, 2.5)

    """
    n_older = len(ranks.level) - n_younger
    if not n_younger or not n_older or not ranks.varies:
        return RankSum()
    in_groups = np.repeat([1, 2], [n_younger, n_older])
    tallies = ranks.tallies(in_groups, 2)
    younger_at, older_at = tallies
    u = float(older_at @ (np.cumsum(younger_at) - younger_at / 2))
    if patients is None:
        z = _z(u, ranks, n_younger, continuity)
    else:
        z = score_test(ranks, in_groups, np.concatenate(patients)).z
    auc = u / (n_younger * n_older)
    younger, older = (
        _group(ranks, counts, inside, None if patients is None else patients[number])
        for number, (counts, inside) in enumerate(zip(tallies, (slice(n_younger), slice(n_younger, None)), strict=True))
    )
    numbers = (n_younger, n_older) if patients is None else (len(np.unique(patients[0])), len(np.unique(patients[1])))
    low, high = auc_interval(auc, auc_error(younger, older), numbers, confidence)
    shift = shift_of_counts((younger.distinct, younger.counts), (older.distinct, older.counts))
    limits = shift_interval(younger, older, shift, confidence)
    delta = 2 * auc - 1, 2 * low - 1, 2 * high - 1
    return RankSum(u, z, log10_p_of_normal(z), auc, low, high, *delta, shift, *limits)


def _group(ranks: Ranks, counts: np.ndarray, inside: slice, patients: np.ndarray | None) -> PlacedGroup:
    """Return the members of a sample with the given positions as a group."""
    some = counts > 0
    level = (np.cumsum(some) - 1)[ranks.level[inside]]
    return PlacedGroup(ranks.distinct[some], counts[some], level, patients)


def _z(u: float, ranks: Ranks, smaller: int, continuity: bool) -> float:
    """Return the standard normal deviate of U for a group of the given size and the rest of the sample."""
    ties = ranks.ties.astype(float)
    n = float(ties.sum())
    pairs = smaller * (n - smaller)
    excess = u - pairs / 2
    deviation = math.sqrt(pairs / 12 * (n + 1 - float((ties * (ties * ties - 1)).sum()) / (n * (n - 1))))
    return math.copysign(max(abs(excess) - continuity / 2, 0.0), excess) / deviation + 0.0  # no minus zero
