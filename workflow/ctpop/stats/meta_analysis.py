"""Random-effects meta-analysis of independent estimates, such as the slopes of several studies.

The variance between studies is estimated by restricted maximum likelihood (REML). The interval of the mean is the
modified Hartung-Knapp interval: t quantiles with k - 1 degrees of freedom, and a variance factor of at least 1 (Roever,
Knapp, and Friede, BMC Med Res Methodol 2015;15:99). Without this limit, the interval is too short if the estimates are
more similar than their standard errors suggest.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ctpop.stats.equivalence import EffectLimits, quantile
from ctpop.stats.tails import log10_p_of_chi_squared

FEWEST_STUDIES = 3  # ASSUME: for a random-effects estimate
FEWEST_FOR_PREDICTION = 5  # ASSUME: for a prediction interval
GRID_POINTS = 200
GRID_RANGE = 1e4  # of the largest considered variance, relative to the spread of the estimates


@dataclass(frozen=True)
class Pooled:
    """Mean of the estimates of several studies, and the differences between the studies.

    Attributes
    ----------
    mean : float
        Estimated mean of the distribution of effects.
    error : float
        Standard error of the mean (modified Hartung-Knapp).
    interval : EffectLimits
        Confidence interval of the mean.
    prediction : EffectLimits
        Prediction interval: range of effects in a new study; NaN with fewer than `FEWEST_FOR_PREDICTION` studies.
    tau_squared : float
        Variance between studies.
    tau_squared_limits : EffectLimits
        Confidence interval of the variance between studies (Q profile).
    i_squared : float
        Percentage of the variance of the estimates that is due to differences between studies, from 0 to 100.
    q : float
        Cochran's Q, with k - 1 degrees of freedom.
    log10_p_q : float
        Decimal logarithm of the P value for equal effects in all studies.
    weights : tuple of float
        Weight of each study, with a sum of 1.

    Examples
    --------
    >>> pooled(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 1.0]), 0.95).mean
    2.0

    """

    mean: float
    error: float
    interval: EffectLimits
    prediction: EffectLimits
    tau_squared: float
    tau_squared_limits: EffectLimits
    i_squared: float
    q: float
    log10_p_q: float
    weights: tuple[float, ...]


def pooled(estimates: np.ndarray, errors: np.ndarray, confidence: float) -> Pooled:
    """Return the random-effects meta-analysis of independent estimates.

    Parameters
    ----------
    estimates : np.ndarray of float, shape (k,)
        Estimates of at least two studies, in the same unit.
    errors : np.ndarray of float, shape (k,)
        Standard errors, above 0, in the unit of the estimates.
    confidence : float
        Confidence level of the intervals, between 0 and 1.

    Returns
    -------
    Pooled
        Mean with its confidence interval and prediction interval, and measures of heterogeneity.

    Raises
    ------
    ValueError
        If there are fewer than two estimates, or a standard error is not above 0.

    Examples
    --------
    >>> result = pooled(np.array([-9.0, -8.9, -9.1, -9.05]), np.array([0.2, 0.3, 0.25, 0.4]), 0.95)
    >>> round(result.mean, 4), round(result.interval.low, 4), round(result.interval.high, 4), result.tau_squared
    (-9.0137, -9.4303, -8.5972, 0.0)

    """
    count = len(estimates)
    if count < 2 or not np.all(errors > 0):
        raise ValueError("at least two estimates with standard errors above 0 are required")
    variances = errors**2
    tau_squared = reml(estimates, errors)
    weights = 1 / (variances + tau_squared)
    mean = float(weights @ estimates / weights.sum())
    factor = float(weights @ (estimates - mean) ** 2) / (count - 1)
    error = math.sqrt(max(1.0, factor) / weights.sum())
    half = quantile(confidence, count - 1) * error
    spread = quantile(confidence, count - 1) * math.hypot(math.sqrt(tau_squared), error)
    predicted = count >= FEWEST_FOR_PREDICTION
    q = generalized_q(estimates, variances, 0.0)
    return Pooled(
        mean=mean,
        error=error,
        interval=EffectLimits(mean - half, mean + half),
        prediction=EffectLimits(mean - spread, mean + spread) if predicted else EffectLimits(),
        tau_squared=tau_squared,
        tau_squared_limits=q_profile(estimates, errors, confidence),
        i_squared=100 * tau_squared / (tau_squared + typical_variance(variances)),
        q=q,
        log10_p_q=log10_p_of_chi_squared(q, count - 1),
        weights=tuple((weights / weights.sum()).tolist()),
    )


def reml(estimates: np.ndarray, errors: np.ndarray) -> float:
    """Return the restricted maximum likelihood estimate of the variance between studies.

    The likelihood can have several maxima. It is therefore computed on a grid, and the best grid point is refined with
    the root of the derivative between its neighbors.

    Parameters
    ----------
    estimates : np.ndarray of float, shape (k,)
        Estimates of at least two studies.
    errors : np.ndarray of float, shape (k,)
        Standard errors, above 0.

    Returns
    -------
    float
        Variance between studies, 0 or more, in the squared unit of the estimates.

    Examples
    --------
    >>> round(reml(np.array([1.0, 3.0, 5.0]), np.array([1.0, 1.0, 1.0])), 6)  # variance 4 minus 1
    3.0

    """
    from scipy.optimize import brentq

    variances = errors**2
    largest = float(np.ptp(estimates) ** 2 + variances.max())
    grid = np.concatenate([[0.0], largest * np.geomspace(1 / GRID_RANGE, 10, GRID_POINTS)])
    heights = [_restricted_likelihood(estimates, variances, value) for value in grid]
    best = int(np.argmax(heights))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]

    def slope(tau_squared: float) -> float:
        return _slope(estimates, variances, tau_squared)

    if slope(low) <= 0:
        return float(low)
    return float(brentq(slope, low, high, xtol=1e-15 * largest, rtol=1e-14))


def generalized_q(estimates: np.ndarray, variances: np.ndarray, tau_squared: float) -> float:
    """Return the weighted sum of squared deviations from the weighted mean.

    Parameters
    ----------
    estimates : np.ndarray of float, shape (k,)
        Estimates.
    variances : np.ndarray of float, shape (k,)
        Squared standard errors, above 0.
    tau_squared : float
        Variance between studies; 0 for Cochran's Q.

    Returns
    -------
    float
        Sum of (estimate - mean)^2 / (variance + tau_squared).

    Examples
    --------
    >>> generalized_q(np.array([1.0, 3.0]), np.array([1.0, 1.0]), 0.0)
    2.0

    """
    weights = 1 / (variances + tau_squared)
    mean = weights @ estimates / weights.sum()
    return float(weights @ (estimates - mean) ** 2)


def q_profile(estimates: np.ndarray, errors: np.ndarray, confidence: float) -> EffectLimits:
    """Return the confidence interval of the variance between studies.

    The limits are the variances for which the generalized Q equals the quantiles of the chi-squared distribution with
    k - 1 degrees of freedom (Viechtbauer, Stat Med 2007;26:37).

    Parameters
    ----------
    estimates : np.ndarray of float, shape (k,)
        Estimates of at least two studies.
    errors : np.ndarray of float, shape (k,)
        Standard errors, above 0.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    EffectLimits
        EffectLimits of the variance, 0 or more.

    Examples
    --------
    >>> limits = q_profile(np.array([1.0, 3.0, 5.0]), np.array([1.0, 1.0, 1.0]), 0.95)
    >>> round(limits.low, 3), round(limits.high, 3)
    (0.084, 156.992)

    """
    upper = (1 + confidence) / 2
    df = len(estimates) - 1
    quantiles = special.chdtri(df, 1 - upper), special.chdtri(df, upper)
    return EffectLimits(*(_variance_at(estimates, errors**2, float(value)) for value in quantiles))


def typical_variance(variances: np.ndarray) -> float:
    """Return the typical sampling variance of the studies (Higgins and Thompson, Stat Med 2002;21:1539).

    Parameters
    ----------
    variances : np.ndarray of float, shape (k,)
        Squared standard errors, above 0.

    Returns
    -------
    float
        (k - 1) sum w / ((sum w)^2 - sum w^2), where w are the inverse variances.

    Examples
    --------
    >>> round(typical_variance(np.array([4.0, 4.0, 4.0])), 6)
    4.0

    """
    weights = 1 / variances
    whole = float(weights.sum())
    return (len(weights) - 1) * whole / (whole**2 - float(weights @ weights))


def _restricted_likelihood(estimates: np.ndarray, variances: np.ndarray, tau_squared: float) -> float:
    weights = 1 / (variances + tau_squared)
    return float(np.log(weights).sum() - np.log(weights.sum()) - generalized_q(estimates, variances, tau_squared)) / 2


def _slope(estimates: np.ndarray, variances: np.ndarray, tau_squared: float) -> float:
    """Return twice the derivative of the restricted log likelihood."""
    weights = 1 / (variances + tau_squared)
    mean = weights @ estimates / weights.sum()
    trace = weights.sum() - (weights @ weights) / weights.sum()
    return float(weights**2 @ (estimates - mean) ** 2 - trace)


def _variance_at(estimates: np.ndarray, variances: np.ndarray, value: float) -> float:
    """Return the variance between studies for which the generalized Q has a value; 0 if Q is smaller."""
    from scipy.optimize import brentq

    def excess(tau_squared: float) -> float:
        return generalized_q(estimates, variances, tau_squared) - value

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.ptp(estimates) ** 2 + variances.max())
    while excess(high) > 0:
        high *= 10
    return float(brentq(excess, 0.0, high, xtol=1e-15 * high, rtol=1e-14))
