"""Differences of independent correlations and proportions between two studies, computed from summary statistics."""

import math
from dataclasses import dataclass

from scipy import special

from ctpop.stats.correlation import bonett_wright_error, fisher_interval
from ctpop.stats.tails import log10_p_of_normal

# ASSUME: ratios of the SDs of age for which correlations of two studies are compared
COMPARABLE_SPREADS = (0.8, 1.25)


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


def at_level(estimate: Estimate, confidence: float) -> Estimate:
    """Return the same correlation and standard error with the interval of another confidence level.

    Parameters
    ----------
    estimate : Estimate
        Correlation with the standard error of its Fisher z.
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    Estimate
        The correlation with the limits tanh(z - q s) and tanh(z + q s); NaN if the standard error is missing.

    Examples
    --------
    >>> found = at_level(from_size(0.5, 103, 0.95), 0.9)
    >>> round(found.low, 3), round(found.high, 3)
    (0.358, 0.619)

    """
    if math.isnan(estimate.error_of_z):
        return Estimate(estimate.rho, math.nan, math.nan, math.nan)
    limits = fisher_interval(estimate.rho, estimate.error_of_z, confidence)
    return Estimate(estimate.rho, *limits, estimate.error_of_z)


def in_age_range(estimate: Estimate, ratio: float, confidence: float) -> Estimate:
    """Return the correlation that is expected if the SD of age is multiplied by a ratio.

    The formula for direct range restriction (Thorndike, Personnel Selection 1949, case 2) is
    R = rho u / sqrt(1 + rho^2 (u^2 - 1)). It assumes a straight line and an equal spread at all ages, and it treats rho
    as a Pearson correlation. The result is therefore approximate. The standard error of Fisher's z is multiplied by
    R / rho (delta method).

    Parameters
    ----------
    estimate : Estimate
        Correlation with the standard error of its Fisher z.
    ratio : float
        SD of age in the other age distribution divided by the SD of age of the estimate, above 0.
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    Estimate
        Expected correlation with its interval and standard error.

    Examples
    --------
    >>> round(in_age_range(from_size(-0.79, 4004, 0.95), 0.5, 0.95).rho, 3)
    -0.542

    """
    root = math.sqrt(1 + estimate.rho**2 * (ratio**2 - 1))
    expected = Estimate(estimate.rho * ratio / root, math.nan, math.nan, estimate.error_of_z * ratio / root)
    return at_level(expected, confidence)


def difference_of_shares(
    first: tuple[int, int], second: tuple[int, int], confidence: float
) -> tuple[float, float, float]:
    """Return the second proportion minus the first with its interval, from independent samples.

    The interval combines the Wilson score intervals of the two proportions (Newcombe, Stat Med 1998;17:873, method 10).

    Parameters
    ----------
    first : tuple[int, int]
        Number of patients in the part and in the whole of the first sample; the whole is at least 1.
    second : tuple[int, int]
        Number of patients in the part and in the whole of the second sample; the whole is at least 1.
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    difference : float
        Second proportion minus the first, from -1 to 1.
    low : float
        Lower limit of the difference.
    high : float
        Upper limit of the difference.

    Raises
    ------
    ValueError
        If a part is larger than its whole, or if a whole is 0.

    Examples
    --------
    >>> [round(value, 4) for value in difference_of_shares((48, 80), (56, 70), 0.95)]
    [0.2, 0.0524, 0.3339]

    """
    from scipy.stats import binomtest

    shares = [part / whole for part, whole in (first, second)]
    limits = [binomtest(*sample).proportion_ci(confidence, method="wilson") for sample in (first, second)]
    gap = shares[1] - shares[0]
    low = gap - math.hypot(shares[1] - limits[1].low, limits[0].high - shares[0])
    high = gap + math.hypot(limits[1].high - shares[1], shares[0] - limits[0].low)
    return gap, low, high
