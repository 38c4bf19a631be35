"""Spearman rank correlation with a confidence interval for skewed, tied, and heteroscedastic data."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ctpop.stats.patient_sums import has_repeats, sums_by_patient
from ctpop.stats.ranks import Ranks, ranks_of
from ctpop.stats.tails import log10_p_of_normal, log10_p_of_perfect_order, log10_p_of_rho

FEWEST = 4  # the standard error divides by n - 3, where n is the number of patients
LEAST_ERROR = 1e-12  # smaller standard errors are rounding errors of 0


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho with its interval and log10 P; all NaN if rho is not defined.

    Attributes
    ----------
    rho : float
        Spearman's rank correlation, from -1 to 1.
    ci_low : float
        Lower limit of the confidence interval; NaN if rho is -1 or 1, or with fewer than four patients.
    ci_high : float
        Upper limit of the confidence interval; NaN if `ci_low` is NaN.
    log10_p_independence : float
        Decimal logarithm of the two-sided P value for independence of the two variables (t test of rho); NaN with
        weights or with several scans of a patient, for which the test is not valid.
    log10_p_rho0 : float
        Decimal logarithm of the two-sided P value for a rho of 0, from the standard error of the confidence interval.
        The confidence interval excludes 0 if and only if this P value is below 1 minus the confidence level.

    Examples
    --------
    >>> Correlation()
    Correlation(rho=nan, ci_low=nan, ci_high=nan, log10_p_independence=nan, log10_p_rho0=nan)

    """

    rho: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    log10_p_independence: float = math.nan
    log10_p_rho0: float = math.nan


def spearman(
    x: np.ndarray,
    y: np.ndarray,
    confidence: float,
    patients: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Correlation:
    """Return Spearman's rho of two samples of equal length: the Pearson correlation of their mid-ranks.

    With fewer than four pairs, or if all values of a sample are equal, the `Correlation` contains no results. A perfect
    order (rho of exactly -1 or 1) has no interval, because its standard error cannot be estimated.

    If a patient has several scans, the standard error s of rho is computed from sums of the influence psi over the
    scans of each of the G patients: s^2 = G / (G - 3) sum_g (sum_i w_i psi_i)^2, where the weights w_i of all scans
    have the sum 1 (first-order variance of Shih and Fay, Biometrics 2017;73:822). With weights, each rank is the
    weighted proportion of smaller values plus half that of equal values, and all means are weighted.

    Parameters
    ----------
    x : np.ndarray
        First sample, shape `(n,)`, without NaN, in any unit.
    y : np.ndarray
        Second sample, shape `(n,)`, in the order of the first, without NaN, in any unit.
    confidence : float
        Confidence level of the interval, between 0 and 1, such as 0.95.
    patients : np.ndarray of int, optional
        Number of the patient of each pair, shape `(n,)`. By default, each pair belongs to a different patient.
    weights : np.ndarray, optional
        Weight of each pair, shape `(n,)`, all above 0. By default, all weights are equal.

    Returns
    -------
    Correlation
        rho with its interval and log10 P; all NaN if rho is not defined.

    Examples
    --------
    >>> ages = np.arange(1.0, 11.0)
    >>> values = np.array([3.0, 1.0, 2.0, 6.0, 4.0, 5.0, 9.0, 10.0, 7.0, 8.0])
    >>> result = spearman(ages, values, 0.95)
    >>> round(result.rho, 3), round(result.ci_low, 3), round(result.ci_high, 3), round(result.log10_p_independence, 3)
    (0.83, 0.627, 0.928, -2.532)
    >>> repeated = spearman(ages, values, 0.95, patients=np.arange(10) // 2)
    >>> round(repeated.rho, 3), round(repeated.ci_low, 3), repeated.log10_p_independence
    (0.83, 0.363, nan)
    >>> spearman(ages[:3], values[:3], 0.95)
    Correlation(rho=nan, ci_low=nan, ci_high=nan, log10_p_independence=nan, log10_p_rho0=nan)

    """
    return spearman_of_ranks(ranks_of(x), ranks_of(y), confidence, patients, weights)


def spearman_of_ranks(
    x: Ranks,
    y: Ranks,
    confidence: float,
    patients: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Correlation:
    """Return Spearman's rho of two ranked samples, as `spearman` does.

    Parameters
    ----------
    x : Ranks
        Mid-ranks of the first sample of n values.
    y : Ranks
        Mid-ranks of the second sample of n values, in the order of the first.
    confidence : float
        Confidence level of the interval, between 0 and 1, such as 0.95.
    patients : np.ndarray of int, optional
        Number of the patient of each pair, shape `(n,)`. By default, each pair belongs to a different patient.
    weights : np.ndarray, optional
        Weight of each pair, shape `(n,)`, all above 0. By default, all weights are equal.

    Returns
    -------
    Correlation
        rho with its interval and log10 P; all NaN if rho is not defined.

    Examples
    --------
    >>> ranks = ranks_of(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> result = spearman_of_ranks(ranks, ranks, 0.95)
    >>> result.rho, result.ci_low, round(10**result.log10_p_independence, 4)
    (1.0, nan, 0.0833)

    """
    n = len(x.level)
    if n < FEWEST or not x.varies or not y.varies:
        return Correlation()
    repeats = patients if patients is not None and has_repeats(patients) else None
    if weights is not None and np.ptp(weights) == 0:
        weights = None
    plain = repeats is None and weights is None
    w = np.full(n, 1 / n) if weights is None else weights / weights.sum()
    rho = _rho(x, y) if weights is None else _weighted_rho(x, y, w)
    if abs(rho) == 1:
        return Correlation(rho=rho, log10_p_independence=log10_p_of_perfect_order(x.ties) if plain else math.nan)
    influences = _influence(x, y, rho) if weights is None else _weighted_influence(x, y, w, rho)
    error = _error(influences, w, repeats)
    independence = log10_p_of_rho(rho, n) if plain else math.nan
    if not error > LEAST_ERROR:
        return Correlation(rho=rho, log10_p_independence=independence)
    of_z = error / (1 - rho**2)
    low, high = fisher_interval(rho, of_z, confidence)
    return Correlation(rho, low, high, independence, log10_p_of_zero(rho, of_z))


def rho_of_ranks(x: Ranks, y: Ranks) -> float:
    """Return Spearman's rho without its interval and P value.

    Parameters
    ----------
    x : Ranks
        Mid-ranks of the first sample of n values.
    y : Ranks
        Mid-ranks of the second sample of n values, in the order of the first.

    Returns
    -------
    float
        rho, from -1 to 1; NaN if `spearman` returns no rho.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 30.0, 20.0, 40.0])
    >>> round(rho_of_ranks(ranks_of(x), ranks_of(y)), 6)
    0.8

    """
    defined = len(x.level) >= FEWEST and x.varies and y.varies
    return _rho(x, y) if defined else math.nan


def bonett_wright_error(rho: float, n: int) -> float:
    """Return the standard error of Fisher's z of a rank correlation from rho and n only.

    The standard error is sqrt((1 + rho^2/2) / (n - 3)) for data that are approximately bivariate normal after a
    monotone transformation (Bonett and Wright, Psychometrika 2000;65:23).

    Parameters
    ----------
    rho : float
        Spearman's rank correlation, from -1 to 1.
    n : int
        Number of pairs, at least 4.

    Returns
    -------
    float
        Standard error of artanh(rho).

    Raises
    ------
    ValueError
        If `n` is less than 3.
    ZeroDivisionError
        If `n` is 3.

    Examples
    --------
    >>> bonett_wright_error(0.0, 103)
    0.1
    >>> round(bonett_wright_error(0.6, 103), 4)
    0.1086

    """
    return math.sqrt((1 + rho**2 / 2) / (n - 3))


def fisher_interval(rho: float, error_of_z: float, confidence: float) -> tuple[float, float]:
    """Return the limits tanh(z - q s) and tanh(z + q s), with z = artanh(rho) and s its standard error.

    The factor q is the normal quantile of a two-sided interval.

    Parameters
    ----------
    rho : float
        Correlation, between -1 and 1.
    error_of_z : float
        Standard error s of artanh(rho).
    confidence : float
        Confidence level, between 0 and 1, such as 0.95.

    Returns
    -------
    low : float
        Lower limit of the correlation.
    high : float
        Upper limit of the correlation.

    Raises
    ------
    ValueError
        If `rho` is -1 or less, or 1 or more.

    Examples
    --------
    >>> low, high = fisher_interval(0.5, 0.1, 0.95)
    >>> round(low, 3), round(high, 3)
    (0.339, 0.632)

    """
    quantile = float(special.ndtri((1 + confidence) / 2))
    z = math.atanh(rho)
    return math.tanh(z - quantile * error_of_z), math.tanh(z + quantile * error_of_z)


def log10_p_of_zero(rho: float, error_of_z: float) -> float:
    """Return log10 of the two-sided P value for a correlation of 0, which agrees with `fisher_interval`.

    Parameters
    ----------
    rho : float
        Correlation, between -1 and 1.
    error_of_z : float
        Standard error of artanh(rho).

    Returns
    -------
    float
        Decimal logarithm of P, from the normal distribution of artanh(rho) / error_of_z.

    Raises
    ------
    ValueError
        If `rho` is -1 or less, or 1 or more.

    Examples
    --------
    >>> round(10 ** log10_p_of_zero(0.5, 0.3), 4)
    0.0671

    """
    return log10_p_of_normal(math.atanh(rho) / error_of_z)


def influence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the influence of each pair on Spearman's rho.

    The mean of the influence is 0, and var(rho) is approximately mean(influence^2) / n. The formula is that of Croux
    and Dehon (Stat Methods Appl 2010;19:497) for continuous data, with mid-ranks instead of ranks and with the
    influence on the two variances of the ranks, which are constant only without ties. With the centered
    mid-distribution functions u and v, A = E[K(X, x) v], and B = E[K(Y, y) u], where K(X, x) is 1, 1/2, or 0 if X is
    above, equal to, or below x:

        (u v + A + B) / (sd_u sd_v) - rho/2 ((u^2 + 2 E[K(X, x) u]) / var_u + (v^2 + 2 E[K(Y, y) v]) / var_v).

    Parameters
    ----------
    x : np.ndarray
        First sample, shape `(n,)`, without NaN, in any unit; not all equal.
    y : np.ndarray
        Second sample, shape `(n,)`, in the order of the first, without NaN, in any unit; not all equal.

    Returns
    -------
    np.ndarray
        Influence of each pair, shape `(n,)`, in the order of the pairs.

    Raises
    ------
    ZeroDivisionError
        If all values of a sample are equal.

    Examples
    --------
    >>> influence(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0])).round(6)
    array([ 0.6, -0.6, -0.6,  0.6])

    """
    x_ranks, y_ranks = ranks_of(x), ranks_of(y)
    return _influence(x_ranks, y_ranks, _rho(x_ranks, y_ranks))


def _rho(x: Ranks, y: Ranks) -> float:
    squares = float(x.centered @ x.centered) * float(y.centered @ y.centered)
    return float(x.centered @ y.centered) / math.sqrt(squares)


def _influence(x: Ranks, y: Ranks, rho: float) -> np.ndarray:
    n, u, v = len(x.centered), x.centered, y.centered
    variance_u, variance_v = u @ u / n, v @ v / n
    joint = (u * v + x.sum_above(v) + y.sum_above(u)) / math.sqrt(variance_u * variance_v)
    alone = (u**2 + 2 * x.sum_above(u)) / variance_u + (v**2 + 2 * y.sum_above(v)) / variance_v
    result: np.ndarray = joint - rho / 2 * alone
    return result


def _error(influences: np.ndarray, weights: np.ndarray, patients: np.ndarray | None) -> float:
    """Return the standard error of rho from sums by patient; missing (NaN) with fewer than four patients."""
    sums = weights * influences if patients is None else sums_by_patient(weights * influences, patients)
    number = len(sums)
    # ASSUME: divisor G - 3 for G patients, as in Fisher's standard error; with G, intervals of small cohorts are too
    # narrow
    return math.sqrt(number / (number - 3) * float(sums @ sums)) if number >= FEWEST else math.nan


def _weighted_rho(x: Ranks, y: Ranks, weights: np.ndarray) -> float:
    u, v = x.proportions(weights), y.proportions(weights)
    squares = float(weights @ u**2) * float(weights @ v**2)
    rho = float(weights @ (u * v)) / math.sqrt(squares)
    return math.copysign(1, rho) if abs(rho) > 1 - LEAST_ERROR else rho


def _weighted_influence(x: Ranks, y: Ranks, weights: np.ndarray, rho: float) -> np.ndarray:
    u, v = x.proportions(weights), y.proportions(weights)
    variance_u, variance_v = weights @ u**2, weights @ v**2
    joint = (u * v + x.sum_above(weights * v) + y.sum_above(weights * u)) / math.sqrt(variance_u * variance_v)
    alone = (u**2 + 2 * x.sum_above(weights * u)) / variance_u + (v**2 + 2 * y.sum_above(weights * v)) / variance_v
    result: np.ndarray = joint - rho / 2 * alone
    return result
