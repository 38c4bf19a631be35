"""Kolmogorov-Smirnov test of normality in the three variants that publications refer to by this name."""

import math
from dataclasses import dataclass

import numpy as np

FEWEST = 4  # smallest sample size for which the Lilliefors distribution is tabulated


@dataclass(frozen=True)
class Normality:
    """Distance D, its P value, and the skewness of a sample; missing (NaN) if the test is not defined.

    Attributes
    ----------
    d : float
        Largest distance between the two distribution functions, from 0 to 1.
    p : float
        P value of the distance, from 0 to 1.
    skewness : float
        Moment coefficient of skewness of the sample, without a unit.

    Examples
    --------
    >>> Normality()
    Normality(d=nan, p=nan, skewness=nan)

    """

    d: float = math.nan
    p: float = math.nan
    skewness: float = math.nan


def kolmogorov_smirnov(values: np.ndarray, method: str) -> Normality:
    """Return the largest distance between the distribution functions of the values and of a normal variable.

    `lilliefors` uses the mean and SD (n - 1) of the values, and P for distances from a fitted distribution. Above 0.1,
    P results from the table of statsmodels (which ends at 0.99); below 0.1, it results from the formula of Dallal and
    Wilkinson (Am Stat 1986;40:294), because the table ends at 0.001. `ks_fitted` uses the same D, and P as if the mean
    and SD were fixed in advance. `ks_standard` uses D from the standard normal distribution. The P values of these two
    variants are based on the exact distribution of D for all n, whereas `ks.test` in R uses the asymptotic distribution
    for n of 100 or more, or with ties.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the sample, in any unit (HU, mL), without missing values.
    method : {'lilliefors', 'ks_fitted', 'ks_standard'}
        Variant of the test.

    Returns
    -------
    Normality
        D, P, and skewness; NaN for fewer than four values or if all values are equal.

    Examples
    --------
    >>> result = kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0, 10.0]), "lilliefors")
    >>> round(result.d, 2), round(result.p, 2), round(result.skewness, 2)
    (0.3, 0.17, 1.14)
    >>> round(kolmogorov_smirnov(np.array([1.0, 2.0, 3.0, 4.0, 10.0]), "ks_fitted").p, 2)
    0.66

    """
    if len(values) < FEWEST or np.ptp(values) == 0:
        return Normality()
    if method == "lilliefors":
        from statsmodels.stats.diagnostic import lilliefors

        d, p = lilliefors(values, dist="norm", pvalmethod="approx")
    else:
        from scipy.stats import kstest

        d, p = kstest(standardized(values) if method == "ks_fitted" else values, "norm")
    return Normality(float(d), min(max(float(p), 0.0), 1.0), skewness(values))


def standardized(values: np.ndarray) -> np.ndarray:
    """Return (value - mean) / SD, with divisor n - 1 in the SD.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        At least two values, in any unit, that are not all equal.

    Returns
    -------
    np.ndarray of float, shape (n,)
        Values with mean 0 and SD 1, without a unit.

    Examples
    --------
    >>> standardized(np.array([10.0, 20.0, 30.0])).tolist()
    [-1.0, 0.0, 1.0]

    """
    result: np.ndarray = (values - values.mean()) / values.std(ddof=1)
    return result


def skewness(values: np.ndarray) -> float:
    """Return the moment coefficient of skewness, m3 / m2^(3/2), of values that are not all equal.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the sample, in any unit.

    Returns
    -------
    float
        Skewness, without a unit: positive if the upper tail is longer, 0 for a symmetric sample.

    Examples
    --------
    >>> round(skewness(np.array([1.0, 2.0, 3.0, 4.0, 10.0])), 2)
    1.14

    """
    deviations = values - values.mean()
    return float(np.mean((deviations / deviations.std()) ** 3))
