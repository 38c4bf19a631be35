"""Smallest correlation and smallest difference per decade that a study of a given size detects."""

import math

from scipy.special import ndtri

FEWEST = 4  # patients at which Fisher's z has a standard error
ITERATIONS = 60  # each iteration reduces the error at least by half; more than the precision of a double requires


def detectable_rho(n: int, alpha: float, power: float) -> float:
    """Return the smallest correlation, in size, that a two-sided test detects with a given power.

    The correlation solves artanh(rho) = (z_a + z_b sqrt(1 + rho²/2)) / sqrt(n - 3), where z_a is the normal quantile of
    1 - alpha/2 and z_b that of the power. The factor 1 + rho²/2 belongs to Spearman's rho.

    Parameters
    ----------
    n : int
        Number of independent patients.
    alpha : float
        Significance level of the two-sided test, between 0 and 1.
    power : float
        Probability of a significant result, at least .5 and below 1.

    Returns
    -------
    float
        Absolute value of the correlation; missing (NaN) if `n` is less than 4.

    Examples
    --------
    >>> [round(detectable_rho(4004, 1e-4, power), 6) for power in (0.5, 0.8, 0.9)]
    [0.061431, 0.074693, 0.08162]
    >>> detectable_rho(3, 0.05, 0.8)
    nan

    """
    # SOURCE: Bonett and Wright, Psychometrika 2000;65:23 (variance of Fisher's z of Spearman's rho)
    if n < FEWEST:
        return math.nan
    level, chance = float(ndtri(1 - alpha / 2)), float(ndtri(power))
    low, high = 0.0, 1.0
    for _ in range(ITERATIONS):  # the difference of both sides increases with rho, from negative to infinite
        rho = (low + high) / 2
        if math.atanh(rho) * math.sqrt(n - 3) < level + chance * math.sqrt(1 + rho**2 / 2):
            low = rho
        else:
            high = rho
    return (low + high) / 2


def detectable_slope(error: float, alpha: float, power: float) -> float:
    """Return the smallest slope, in size, that a two-sided test detects with a given power.

    Parameters
    ----------
    error : float
        Standard error of the slope.
    alpha : float
        Significance level of the two-sided test, between 0 and 1.
    power : float
        Probability of a significant result, at least .5 and below 1.

    Returns
    -------
    float
        Absolute value of the slope, in the unit of the standard error.

    Examples
    --------
    >>> round(detectable_slope(0.265074804, 0.05, 0.8), 9)
    0.742629653

    """
    return float(ndtri(1 - alpha / 2) + ndtri(power)) * error
