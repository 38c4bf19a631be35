"""Smallest correlation that a test detects with a given power."""

import math

from scipy import optimize, special

FEWEST = 4  # the standard error divides by n - 3


def detectable_rho(n: int, alpha: float, power: float) -> float:
    """Return the smallest absolute rank correlation that a two-sided test of n pairs detects with a given power.

    The correlation solves artanh(rho) = (z_alpha + z_power sqrt(1 + rho^2 / 2)) / sqrt(n - 3), with the normal
    quantiles z_alpha of 1 - alpha/2 and z_power of the power. The standard error under the alternative is that of
    Bonett and Wright (Psychometrika 2000;65:23).

    Parameters
    ----------
    n : int
        Number of pairs (patients).
    alpha : float
        Two-sided significance level, between 0 and 1.
    power : float
        Power, from 0.5 to 1 (exclusive).

    Returns
    -------
    float
        Absolute correlation, between 0 and 1; NaN with fewer than four pairs.

    Examples
    --------
    >>> round(detectable_rho(4004, 1e-4, 0.8), 6), round(detectable_rho(34, 1e-4, 0.8), 6)
    (0.074693, 0.70007)
    >>> detectable_rho(3, 0.05, 0.8)
    nan

    """
    if n < FEWEST:
        return math.nan
    of_level, of_power = float(special.ndtri(1 - alpha / 2)), float(special.ndtri(power))
    root = math.sqrt(n - 3)

    def excess(z: float) -> float:
        return z - (of_level + of_power * math.sqrt(1 + math.tanh(z) ** 2 / 2)) / root

    largest = (of_level + of_power * math.sqrt(1.5)) / root
    return math.tanh(optimize.brentq(excess, 0, largest + 1, xtol=1e-14))
