"""Is a number of one study that of another: independent correlations and shares, known by their summaries alone."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ctpop.stats.correlation import bonett_wright_error, fisher_interval
from ctpop.stats.tails import log10_p_of_normal


@dataclass(frozen=True)
class Estimate:
    """A correlation with the limits of its interval, and the standard error of its Fisher z."""

    rho: float
    low: float
    high: float
    error_of_z: float


@dataclass(frozen=True)
class Difference:
    """The second correlation minus the first with its interval, z and log10 P; missing where it is not defined."""

    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    z: float = math.nan
    log10_p: float = math.nan


def quantile_of(confidence: float) -> float:
    """Return the normal quantile of a two-sided interval: 1.96 for 0.95."""
    return float(special.ndtri((1 + confidence) / 2))


def from_interval(rho: float, low: float, high: float, confidence: float) -> Estimate:
    """Return an estimate whose interval is known; its width on Fisher's scale tells the standard error.

    For an interval tanh(z - q s) to tanh(z + q s) this is s itself; for one from a bootstrap, a normal approximation.
    Missing without an interval, or where it reaches -1 or 1.
    """
    inside = -1 < low <= high < 1
    width = math.atanh(high) - math.atanh(low) if inside else math.nan
    return Estimate(rho, low, high, width / (2 * quantile_of(confidence)))


def from_size(rho: float, n: int, confidence: float) -> Estimate:
    """Return an estimate of which only rho and the number of people are known.

    The standard error of Fisher's z is that of Bonett and Wright.
    """
    error = bonett_wright_error(rho, n)
    return Estimate(rho, *fisher_interval(rho, error, confidence), error)


def difference_of(first: Estimate, second: Estimate) -> Difference:
    """Return the difference of two correlations from independent samples.

    z is the difference of the Fisher z over the root of the sum of their squared errors. The interval of the difference
    itself follows from the two intervals (Zou, Psychol Methods 2007;12:399): with (l, u) those of rho,
    L = d - sqrt((r2 - l2)^2 + (u1 - r1)^2) and U = d + sqrt((u2 - r2)^2 + (r1 - l1)^2). Without both intervals, as
    where rho is -1 or 1, nothing is known.
    """
    if math.isnan(first.error_of_z) or math.isnan(second.error_of_z):
        return Difference()
    gap = second.rho - first.rho
    z = (math.atanh(second.rho) - math.atanh(first.rho)) / math.hypot(first.error_of_z, second.error_of_z)
    low = gap - math.hypot(second.rho - second.low, first.high - first.rho)
    high = gap + math.hypot(second.high - second.rho, first.rho - first.low)
    return Difference(gap, low, high, z, log10_p_of_normal(z))


def z_of_shares(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return z of two independent shares, each (part, whole), with the pooled share under no difference.

    Missing where a whole is 0; 0 where nobody or everybody is part of both.
    """
    (part_1, whole_1), (part_2, whole_2) = first, second
    if not whole_1 or not whole_2:
        return math.nan
    pooled = (part_1 + part_2) / (whole_1 + whole_2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / whole_1 + 1 / whole_2))
    return float(np.divide(part_2 / whole_2 - part_1 / whole_1, error)) if error else 0.0
