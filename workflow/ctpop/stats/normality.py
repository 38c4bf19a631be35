"""Kolmogorov-Smirnov test of normality, in the three variants that papers mean by it."""

import math
from dataclasses import dataclass

import numpy as np

FEWEST = 4  # below this, Lilliefors' distribution is not tabulated


@dataclass(frozen=True)
class Normality:
    """Distance D, its P value and the skewness of a sample; missing (NaN) where the test is not defined.

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

    `lilliefors` uses the mean and the sd (n - 1) of the values, and P for distances that are estimated in this way.
    Above 0.1, P comes from the table of statsmodels (which ends at 0.99); below, it comes from the formula of Dallal
    and Wilkinson (Am Stat 1986;40:294), since the table stops at 0.001. `ks_fitted` uses the same D, and P as if the
    mean and the sd were given in advance. `ks_standard` uses D from the standard normal distribution.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the sample, in any unit (HU, mL), without missing values.
    method : {'lilliefors', 'ks_fitted', 'ks_standard'}
        Variant of the test.

    Returns
    -------
    Normality
        D, P and skewness. Fewer than four values, or values that are all equal, give no results (NaN).

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

        d, p = kstest(standardised(values) if method == "ks_fitted" else values, "norm")
    return Normality(float(d), min(max(float(p), 0.0), 1.0), skewness(values))


def standardised(values: np.ndarray) -> np.ndarray:
    """Return (value - mean) / sd, with n - 1 in the sd.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Two values or more, in any unit, that are not all equal.

    Returns
    -------
    np.ndarray of float, shape (n,)
        Values with mean 0 and sd 1, without a unit.

    Examples
    --------
    >>> standardised(np.array([10.0, 20.0, 30.0])).tolist()
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
        Skewness, without a unit: positive where the upper tail is the longer one, 0 for a symmetric sample.

    Examples
    --------
    >>> round(skewness(np.array([1.0, 2.0, 3.0, 4.0, 10.0])), 2)
    1.14

    """
    deviations = values - values.mean()
    return float(np.mean((deviations / deviations.std()) ** 3))
