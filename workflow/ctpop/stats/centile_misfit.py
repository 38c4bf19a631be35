"""Calibration of centile curves by cross-validation over patients, and tests of misfit."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from ctpop.stats.centile_curves import Curves, Fit, maximized
from ctpop.stats.centile_likelihood import CentileSample

FOLDS = 10
CHORD_STEPS = 15
SETTLED = 1e-8  # largest step of a parameter at which a fit without a fold is final
MOST_DEVIATION = 3.5  # ASSUME: standard errors of a proportion, and size of a statistic, above which a misfit is stated
LARGEST_Z = 9.0  # |z| at which z scores are clipped in the statistics
FEWEST_VALUES = 20  # patients in an age band, from which the skewness and kurtosis tests are accurate
WORM_AT = np.arange(-2.5, 2.6, 0.25)  # expected z scores of a worm plot
STATISTICS = ("z1", "z2", "z3", "z4")


@dataclass(frozen=True)
class Worm:
    """Deviations of the quantiles of z scores from those of the normal distribution, for a worm plot.

    Attributes
    ----------
    expected : np.ndarray
        Quantiles of the normal distribution, shape `(k,)`.
    deviation : np.ndarray
        Quantiles of the z scores minus `expected`, shape `(k,)`.
    limit : np.ndarray
        Half width of the pointwise 95% chance interval of the deviation, shape `(k,)`.

    Examples
    --------
    >>> worm(np.linspace(-2, 2, 9)).expected.tolist()
    [-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0]

    """

    expected: np.ndarray
    deviation: np.ndarray
    limit: np.ndarray


def cross_validated(fit: Fit, sample: CentileSample, outliers: np.ndarray) -> np.ndarray | None:
    """Return the z score of each value from a fit without the patients of its fold.

    The folds are those of the patient numbers modulo 10, so they do not depend on random numbers. The model and the
    knots are those of the fit to all patients.

    Parameters
    ----------
    fit : Fit
        Fit to the values that are not outliers.
    sample : CentileSample
        All values.
    outliers : np.ndarray of bool
        Which values were set aside before the fit, shape `(n,)`.

    Returns
    -------
    np.ndarray or None
        z scores, shape `(n,)`; None if the fit without a fold does not converge.

    Examples
    --------
    >>> from ctpop.stats.centile_curves import fitted, form_of
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 200)
    >>> values = 100 + 10 * np.random.default_rng(1).standard_normal(200)
    >>> sample = CentileSample(values, ages, np.arange(200), np.empty((200, 0)))
    >>> fit = fitted(sample, form_of(ages), MODELS["bccg"])
    >>> z = cross_validated(fit, sample, np.zeros(200, dtype=bool))
    >>> float(np.corrcoef(z, fit.curves.z_of(values, ages))[0, 1].round(1))
    1.0

    """
    folds = sample.groups % FOLDS
    z = np.full(len(folds), math.nan)
    for fold in range(FOLDS):
        held = folds == fold
        if not held.any():
            continue
        curves = _without(fit, held[~outliers])
        if curves is None:
            return None
        z[held] = curves.z_of(sample.values[held], sample.ages[held], sample.effects[held])
    return z


def _without(fit: Fit, held: np.ndarray) -> Curves | None:
    """Return the curves of a fit without some values, by steps with the information matrix of the other values."""
    likelihood = fit.likelihood.part(~held)
    information, total = fit.likelihood.information(fit.curvature, ~held), likelihood.weights.sum()
    low, high = likelihood.limits.T
    parameters, size = fit.parameters, math.inf
    for _ in range(CHORD_STEPS):
        try:
            step = np.linalg.solve(information, total * likelihood.cost(parameters)[1])
        except np.linalg.LinAlgError:
            break
        parameters, before, size = parameters - step, size, float(np.abs(step).max())
        if not size < before or (parameters <= low).any() or (parameters >= high).any():
            break
        if size < SETTLED:
            return Fit(likelihood, fit.form, parameters).curves
    found = maximized(likelihood, fit.parameters)
    return None if found is None else Fit(likelihood, fit.form, found).curves


def shares_below(z: np.ndarray, weights: np.ndarray, percents: np.ndarray) -> np.ndarray:
    """Return the weighted percentage of z scores below each centile.

    Parameters
    ----------
    z : np.ndarray
        z scores, shape `(n,)`.
    weights : np.ndarray
        Weights, shape `(n,)`.
    percents : np.ndarray
        Centiles in percent, shape `(k,)`.

    Returns
    -------
    np.ndarray
        Percentages, shape `(k,)`; NaN without z scores.

    Examples
    --------
    >>> shares_below(np.array([-1.0, 0.5, 2.0, 2.0]), np.array([1.0, 1.0, 0.5, 0.5]), np.array([50.0])).round(1)
    array([33.3])

    """
    if not len(z):
        return np.full(len(percents), math.nan)
    below = z[:, np.newaxis] < ndtri(np.asarray(percents) / 100)
    return np.asarray(np.minimum(100 * (weights @ below) / weights.sum(), 100))  # without rounding errors of weights


def chance_limits(percents: np.ndarray, n: int, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the binomial limits of the percentage below each centile, if the curves are correct.

    Parameters
    ----------
    percents : np.ndarray
        Centiles in percent, shape `(k,)`.
    n : int
        Number of patients, above 0.
    confidence : float
        Probability of a percentage within the limits, such as 0.95.

    Returns
    -------
    low, high : np.ndarray
        Limits in percent, each of shape `(k,)`.

    Examples
    --------
    >>> [limit.round(2).tolist() for limit in chance_limits(np.array([3.0]), 300)]
    [[1.33], [5.0]]

    """
    from scipy.stats import binom

    share = np.asarray(percents) / 100
    low, high = (np.asarray(binom.ppf(level, n, share)) for level in ((1 - confidence) / 2, (1 + confidence) / 2))
    return 100 * low / n, 100 * high / n


def statistics_of(z: np.ndarray) -> np.ndarray:
    """Return the tests that the mean, SD, skewness, and kurtosis of z are those of the normal distribution.

    Z1 to Z4 have approximately a standard normal distribution if the curves are correct.

    SOURCE: Royston and Wright, Stat Med 2000;19:2943; D'Agostino, Belanger, and D'Agostino, Am Stat 1990;44:316.

    Parameters
    ----------
    z : np.ndarray
        z scores of different patients, shape `(n,)`; |z| is clipped at 9.

    Returns
    -------
    np.ndarray
        Z1 to Z4, shape `(4,)`; NaN with fewer than 20 values or without variation.

    Examples
    --------
    >>> statistics_of(np.linspace(-2, 2, 41)).round(2)
    array([ 0.  ,  1.79,  0.  , -2.95])

    """
    from scipy.stats import kurtosistest, skewtest

    n, z = len(z), np.clip(z, -LARGEST_Z, LARGEST_Z)
    if n < FEWEST_VALUES or np.ptp(z) == 0:
        return np.full(4, math.nan)
    part = 2 / (9 * n - 9)
    of_spread = (float(z.var(ddof=1)) ** (1 / 3) - (1 - part)) / math.sqrt(part)
    return np.array([math.sqrt(n) * z.mean(), of_spread, skewtest(z).statistic, kurtosistest(z).statistic])


def deviating(shares: np.ndarray, percents: np.ndarray, n: int) -> np.ndarray:
    """Return which percentages differ from their centiles by more than 3.5 standard errors.

    Parameters
    ----------
    shares : np.ndarray
        Percentages below the centiles, shape `(k,)`.
    percents : np.ndarray
        Centiles in percent, shape `(k,)`.
    n : int
        Number of patients.

    Returns
    -------
    np.ndarray of bool
        Shape `(k,)`.

    Examples
    --------
    >>> deviating(np.array([3.4, 58.0]), np.array([3.0, 50.0]), 1000).tolist()
    [False, True]

    """
    error = np.sqrt(percents * (100 - percents) / max(n, 1))
    return np.asarray(np.abs(shares - percents) > MOST_DEVIATION * error)


def worm(z: np.ndarray) -> Worm:
    """Return the deviations of the quantiles of z scores from those of the normal distribution.

    SOURCE: van Buuren and Fredriks, Stat Med 2001;20:1259.

    Parameters
    ----------
    z : np.ndarray
        z scores of different patients, shape `(n,)`.

    Returns
    -------
    Worm
        Deviations at the quantiles that are exceeded in both directions by at least one expected value.

    Examples
    --------
    >>> worm(np.empty(0)).deviation.tolist()
    []

    """
    n, share = len(z), ndtr(WORM_AT)
    inside = n * np.minimum(share, 1 - share) >= 1
    expected, share = WORM_AT[inside], share[inside]
    found = np.quantile(z, share, method="hazen") if n else np.empty(0)
    density = np.exp(-(expected**2) / 2) / math.sqrt(2 * math.pi)
    limit = float(ndtri(0.975)) * np.sqrt(share * (1 - share) / max(n, 1)) / density
    return Worm(expected, found - expected, limit)
