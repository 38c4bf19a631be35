"""Confidence interval of epsilon squared, the proportion of the variance of the ranks between age groups."""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from ctpop.stats.patient_sums import has_repeats, sums_by_patient
from ctpop.stats.ranks import Ranks

MOST_NONCENTRAL = 400.0  # noncentrality; the normal approximation of larger values is accurate to 4 decimals of P
LEAST_ERROR = 1e-9  # smaller standard errors are rounding errors of 0
FEWEST = 4  # patients


def epsilon_squared_error(ranks: Ranks, groups: np.ndarray, patients: np.ndarray | None = None) -> float:
    """Return the standard error of the square root of epsilon squared on the scale of artanh.

    The standard error is that of the delta method: the squares of the influence of each patient on epsilon squared are
    summed, with the factor G / (G - 1) for G patients. The influence includes that on all ranks. The limits of the age
    groups are fixed.

    Parameters
    ----------
    ranks : Ranks
        Ranks of the n values.
    groups : np.ndarray of int, shape (n,)
        Group of each value.
    patients : np.ndarray of int, shape (n,), optional
        Number of the patient of each value. By default, each value is that of another patient.

    Returns
    -------
    float
        Standard error of artanh(sqrt(epsilon squared)); NaN if epsilon squared is 0 or 1 or not defined, or with fewer
        than four patients.

    Examples
    --------
    >>> from ctpop.stats.ranks import ranks_of
    >>> values, groups = np.array([1.0, 2.0, 4.0, 5.0, 3.0, 6.0, 7.0, 8.0]), np.array([1, 1, 1, 1, 2, 2, 2, 2])
    >>> round(epsilon_squared_error(ranks_of(values), groups), 3)
    0.408

    """
    _, group = np.unique(groups, return_inverse=True)
    n, u = len(group), ranks.centered / max(len(group), 1)
    if n < FEWEST or not ranks.varies:
        return math.nan
    means = np.bincount(group, weights=u) / np.bincount(group)
    of_group, total = means[group], float(u @ u) / n
    share = float(of_group @ of_group) / n / total
    between = 2 * of_group * u + 2 * ranks.sum_above(of_group) / n - of_group**2
    everywhere = u**2 + 2 * ranks.sum_above(u) / n
    influence = (between - share * everywhere) / total
    influence -= influence.mean()
    repeats = patients is not None and has_repeats(patients)
    sums = sums_by_patient(influence, patients) / n if patients is not None and repeats else influence / n
    if len(sums) < FEWEST or not LEAST_ERROR < share < 1 - LEAST_ERROR:
        return math.nan
    error = math.sqrt(len(sums) / (len(sums) - 1) * float(sums @ sums))
    return error / (2 * math.sqrt(share) * (1 - share))


def epsilon_squared_interval(
    epsilon_squared: float, error: float, statistic: float, df: int, confidence: float
) -> tuple[float, float]:
    """Return the confidence limits of epsilon squared, whose lower limit is 0 if and only if the test permits it.

    Epsilon squared cannot be negative, and its estimate is above 0 even if all groups are equal. The limits are
    therefore those values that are not rejected by a test based on the noncentral chi distribution of
    x = artanh(sqrt(epsilon squared)) / s with df degrees of freedom and the noncentrality d = artanh(sqrt(e)) / s for a
    value e. A value is rejected if the probability of |X - d| <= |x - d| exceeds the confidence level (symmetric range
    of Kent and Hainsworth, J Stat Plan Inference 1995;46:147). The squared standard error s^2 changes linearly with
    artanh(sqrt(e)) from its value under the null hypothesis, with which x^2 is the statistic of the test of the groups,
    to the squared error of the delta method. At e = 0, the test is that of the groups. The lower limit is thus above 0
    if and only if P < 1 - confidence.

    Parameters
    ----------
    epsilon_squared : float
        Epsilon squared, from 0 to 1.
    error : float
        Standard error of artanh(sqrt(epsilon squared)) (`epsilon_squared_error`).
    statistic : float
        Statistic of the test of the groups, approximately chi-squared under the null hypothesis.
    df : int
        Degrees of freedom of the test.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    low : float
        Lower limit, from 0 to 1; NaN if an input is NaN or 0, or if epsilon squared is 1.
    high : float
        Upper limit, from 0 to 1; NaN in the same cases.

    Examples
    --------
    >>> low, high = epsilon_squared_interval(0.25, 0.05, 75.0, 3, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.175, 0.325)
    >>> low, high = epsilon_squared_interval(0.02, 0.06, 6.0, 3, 0.95)
    >>> low, round(high, 3)
    (0.0, 0.065)

    """
    if not (0 < epsilon_squared < 1 and error > LEAST_ERROR and statistic > 0):
        return math.nan, math.nan
    estimate = math.atanh(math.sqrt(epsilon_squared))
    null_error = estimate / math.sqrt(statistic)

    def excess(value: float) -> float:
        """Return by how much the probability of a smaller distance exceeds the confidence level."""
        share = min(value / estimate, 1.0)
        s = math.sqrt((1 - share) * null_error**2 + share * error**2)
        return _within(estimate / s, value / s, df) - confidence

    low = 0.0 if excess(0.0) <= 0 else _root(excess, 0.0, estimate)
    above = estimate + error
    while excess(above) <= 0:
        above += 2 * error
    high = _root(excess, estimate, above)
    return math.tanh(low) ** 2, math.tanh(high) ** 2


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy import optimize

    return float(optimize.brentq(function, low, high, xtol=1e-10))


def _within(x: float, center: float, df: int) -> float:
    """Return the probability that a noncentral chi variable is at most as far from its noncentrality as x."""
    distance = abs(x - center)
    return _chi(center + distance, center, df) - _chi(center - distance, center, df)


def _chi(x: float, center: float, df: int) -> float:
    """Return the distribution function of the noncentral chi distribution."""
    if x <= 0:
        return 0.0
    if center**2 <= MOST_NONCENTRAL:
        return float(special.chndtr(x**2, df, center**2))
    return float(special.ndtr(x - center - (df - 1) / (2 * center)))
