"""Differences of independent correlations and proportions between two studies, computed from summary statistics."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ctpop.stats.correlation import bonett_wright_error, fisher_interval
from ctpop.stats.tails import log10_p_of_normal


@dataclass(frozen=True)
class Estimate:
    """A correlation with the limits of its interval, and the standard error of its Fisher z.

    Attributes
    ----------
    rho : float
        Correlation, from -1 to 1.
    low : float
        Lower limit of the confidence interval.
    high : float
        Upper limit of the confidence interval.
    error_of_z : float
        Standard error of artanh(rho); NaN where it is unknown.

    Examples
    --------
    >>> Estimate(rho=0.5, low=0.3, high=0.7, error_of_z=0.14).rho
    0.5

    """

    rho: float
    low: float
    high: float
    error_of_z: float


@dataclass(frozen=True)
class Difference:
    """The second correlation minus the first with its interval, z, and log10 P; NaN where it is not defined.

    Attributes
    ----------
    difference : float
        Second correlation minus the first, from -2 to 2.
    low : float
        Lower limit of the confidence interval of the difference.
    high : float
        Upper limit of the confidence interval of the difference.
    z : float
        Standard normal deviate of the difference of the Fisher z.
    log10_p : float
        Decimal logarithm of the two-sided P value of z.

    Examples
    --------
    >>> Difference()
    Difference(difference=nan, low=nan, high=nan, z=nan, log10_p=nan)

    """

    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    z: float = math.nan
    log10_p: float = math.nan


def quantile_of(confidence: float) -> float:
    """Return the normal quantile of a two-sided interval.

    Parameters
    ----------
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    float
        Quantile of the standard normal distribution at (1 + confidence) / 2.

    Examples
    --------
    >>> round(quantile_of(0.95), 2)
    1.96

    """
    return float(special.ndtri((1 + confidence) / 2))


def from_interval(rho: float, low: float, high: float, confidence: float) -> Estimate:
    """Return an estimate from a correlation and its interval, with the standard error from the width on Fisher's scale.

    For an interval from tanh(z - q s) to tanh(z + q s), the standard error is s. For a bootstrap interval, it is a
    normal approximation.

    Parameters
    ----------
    rho : float
        Correlation, from -1 to 1.
    low : float
        Lower limit of the interval; NaN where there is none.
    high : float
        Upper limit of the interval; NaN where there is none.
    confidence : float
        Confidence level of the interval, between 0 and 1, such as 0.95.

    Returns
    -------
    Estimate
        The correlation and its limits as given, with the standard error; the error is NaN without an interval, or where
        the interval reaches -1 or 1.

    Examples
    --------
    >>> round(from_interval(0.5, 0.3, 0.7, 0.95).error_of_z, 3)
    0.142
    >>> from_interval(1.0, math.nan, math.nan, 0.95).error_of_z
    nan

    """
    inside = -1 < low <= high < 1
    width = math.atanh(high) - math.atanh(low) if inside else math.nan
    return Estimate(rho, low, high, width / (2 * quantile_of(confidence)))


def from_size(rho: float, n: int, confidence: float) -> Estimate:
    """Return an estimate from rho and the number of patients only.

    The standard error of Fisher's z is that of Bonett and Wright.

    Parameters
    ----------
    rho : float
        Spearman's rank correlation, between -1 and 1.
    n : int
        Number of patients, at least 4.
    confidence : float
        Confidence level of the interval, between 0 and 1, such as 0.95.

    Returns
    -------
    Estimate
        The correlation with its interval and standard error.

    Raises
    ------
    ValueError
        If `rho` is -1 or less, or 1 or more, or if `n` is less than 3.
    ZeroDivisionError
        If `n` is 3.

    Examples
    --------
    >>> estimate = from_size(0.5, 103, 0.95)
    >>> round(estimate.low, 3), round(estimate.high, 3), round(estimate.error_of_z, 3)
    (0.329, 0.639, 0.106)

    """
    error = bonett_wright_error(rho, n)
    return Estimate(rho, *fisher_interval(rho, error, confidence), error)


def difference_of(first: Estimate, second: Estimate) -> Difference:
    """Return the difference of two correlations from independent samples.

    z is the difference of the Fisher z values divided by the root of the sum of their squared standard errors. The
    interval of the difference follows from the two intervals (l, u) of the correlations (Zou, Psychol Methods
    2007;12:399): L = d - sqrt((r2 - l2)^2 + (u1 - r1)^2) and U = d + sqrt((u2 - r2)^2 + (r1 - l1)^2).

    Parameters
    ----------
    first : Estimate
        Correlation r1 of the first sample.
    second : Estimate
        Correlation r2 of the second sample, with an interval of the same confidence level.

    Returns
    -------
    Difference
        d = r2 - r1 with its interval, z, and log10 P; all NaN if a standard error is NaN, for example, if rho is -1 or
        1.

    Examples
    --------
    >>> result = difference_of(from_size(0.2, 103, 0.95), from_size(0.5, 103, 0.95))
    >>> round(result.difference, 3), round(result.low, 3), round(result.high, 3)
    (0.3, 0.051, 0.54)
    >>> round(result.z, 3), round(result.log10_p, 3)
    (2.366, -1.746)

    """
    if math.isnan(first.error_of_z) or math.isnan(second.error_of_z):
        return Difference()
    gap = second.rho - first.rho
    z = (math.atanh(second.rho) - math.atanh(first.rho)) / math.hypot(first.error_of_z, second.error_of_z)
    low = gap - math.hypot(second.rho - second.low, first.high - first.rho)
    high = gap + math.hypot(second.high - second.rho, first.rho - first.low)
    return Difference(gap, low, high, z, log10_p_of_normal(z))


def z_of_shares(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return z of the difference of two independent proportions, with the pooled proportion in the standard error.

    Parameters
    ----------
    first : tuple[int, int]
        Number of patients in the part and in the whole of the first sample.
    second : tuple[int, int]
        Number of patients in the part and in the whole of the second sample.

    Returns
    -------
    float
        Standard normal deviate of the second proportion minus the first; NaN if a whole is 0; 0 if both proportions
        are 0 or both are 1.

    Examples
    --------
    >>> round(z_of_shares((20, 100), (30, 100)), 3)
    1.633
    >>> z_of_shares((0, 100), (0, 50))
    0.0
    >>> z_of_shares((0, 0), (30, 100))
    nan

    """
    (part_1, whole_1), (part_2, whole_2) = first, second
    if not whole_1 or not whole_2:
        return math.nan
    pooled = (part_1 + part_2) / (whole_1 + whole_2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / whole_1 + 1 / whole_2))
    return float(np.divide(part_2 / whole_2 - part_1 / whole_1, error)) if error else 0.0
