"""Kolmogorov-Smirnov test of normality, in the three variants that papers mean by it."""

import math
from dataclasses import dataclass

import numpy as np

FEWEST = 4  # below this, Lilliefors' distribution is not tabulated


@dataclass(frozen=True)
class Normality:
    """Distance D, its P value and the skewness of a sample; missing where the test is not defined."""

    d: float = math.nan
    p: float = math.nan
    skewness: float = math.nan


def kolmogorov_smirnov(values: np.ndarray, method: str) -> Normality:
    """Return the largest distance between the distribution functions of the values and of a normal variable.

    `lilliefors`: mean and sd (n - 1) of the values; P for distances so estimated. Above 0.1 it comes from statsmodels'
    table (which ends at 0.99), below from the formula of Dallal and Wilkinson (Am Stat 1986;40:294), since the table
    stops at 0.001. `ks_fitted`: the same D, and P as if mean and sd had been known. `ks_standard`: D from the standard
    normal distribution. Fewer than four values, or equal ones, give no results.
    """
    if len(values) < FEWEST or np.ptp(values) == 0:
        return Normality()
    if method == "lilliefors":
        from statsmodels.stats.diagnostic import lilliefors

        d, p = lilliefors(values, dist="norm", pvalmethod="approx")
    else:
        from scipy.stats import kstest

        d, p = kstest(standardised(values) if method == "ks_fitted" else values, "norm")
    return Normality(float(d), min(max(float(p), 0.0), 1.0), skewness(values))


def standardised(values: np.ndarray) -> np.ndarray:
    """Return (value - mean) / sd, with n - 1 in the sd."""
    result: np.ndarray = (values - values.mean()) / values.std(ddof=1)
    return result


def skewness(values: np.ndarray) -> float:
    """Return the moment coefficient of skewness, m3 / m2^(3/2), of values that are not all equal."""
    deviations = values - values.mean()
    return float(np.mean((deviations / deviations.std()) ** 3))
