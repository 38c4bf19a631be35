"""Confidence bands of centile curves by the delta method."""

import math

import numpy as np
from scipy.special import ndtri

from ctpop.stats.centile_curves import Fit
from ctpop.stats.distributions import Points

STEP = 1e-5  # of a local parameter, in central differences of a centile


def covariance_of(fit: Fit, groups: np.ndarray) -> np.ndarray | None:
    """Return the covariance matrix of the parameters: inverse observed information, or a sandwich with repeated scans.

    Parameters
    ----------
    fit : Fit
        Fit; no parameter may be at a limit of its range.
    groups : np.ndarray
        Number of the patient of each fitted value, from 0 without gaps, shape `(n,)`. If patients have several values,
        the scores are summed within patients (factor G / (G - 1) for G patients).

    Returns
    -------
    np.ndarray or None
        Covariance matrix for values divided by the unit of the likelihood, shape `(p, p)`; None if the information
        matrix is not positive definite.

    Examples
    --------
    >>> from ctpop.stats.centile_curves import fitted, form_of
    >>> from ctpop.stats.centile_likelihood import CentileSample
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 200)
    >>> values = 100 + 10 * np.random.default_rng(1).standard_normal(200)
    >>> sample = CentileSample(values, ages, np.arange(200), np.empty((200, 0)))
    >>> covariance_of(fitted(sample, form_of(ages), MODELS["bccg"]), sample.groups).shape
    (8, 8)

    """
    information = fit.likelihood.information(fit.curvature)
    try:
        np.linalg.cholesky(information)
        inverse = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        return None
    patients = int(groups.max(initial=-1)) + 1
    if patients == len(groups):
        return np.asarray((inverse + inverse.T) / 2)
    scores = fit.likelihood.scores(fit.parameters)
    sums = np.stack([np.bincount(groups, column, patients) for column in scores.T], axis=1)
    return np.asarray(inverse @ (sums.T @ sums) @ inverse * patients / (patients - 1))


def standard_errors(fit: Fit, covariance: np.ndarray, z: float, ages: np.ndarray) -> np.ndarray:
    """Return the standard error of a centile: of its natural logarithm if values are above 0, otherwise in units.

    Parameters
    ----------
    fit : Fit
        Fit.
    covariance : np.ndarray
        Covariance matrix from `covariance_of`, shape `(p, p)`.
    z : float
        z score of the centile.
    ages : np.ndarray
        Ages in years, shape `(m,)`.

    Returns
    -------
    np.ndarray
        Standard errors, shape `(m,)`.

    Examples
    --------
    >>> from ctpop.stats.centile_curves import fitted, form_of
    >>> from ctpop.stats.centile_likelihood import CentileSample
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 200)
    >>> values = 100 + 10 * np.random.default_rng(1).standard_normal(200)
    >>> sample = CentileSample(values, ages, np.arange(200), np.empty((200, 0)))
    >>> fit = fitted(sample, form_of(ages), MODELS["bccg"])
    >>> standard_errors(fit, covariance_of(fit, sample.groups), 0.0, np.array([50.0])).round(2)
    array([0.01])

    """
    model, counts = fit.likelihood.model, [block.shape[1] for block in fit.likelihood.blocks]
    columns = (*fit.form.bases(ages), np.ones((len(ages), counts[3])))
    padded = [np.pad(part, ((0, 0), (0, n - part.shape[1]))) for part, n in zip(columns, counts, strict=True)]
    location, spread, skew, tail = np.split(fit.parameters, fit.likelihood.ends[:-1])
    at = [padded[0] @ location, padded[1] @ spread, padded[2] @ skew, np.array(tail.sum())]

    def centile(place: int, step: float) -> np.ndarray:
        moved = [each + step if place == number else each for number, each in enumerate(at)]
        value = model.value_of(z, Points(model.location(moved[0]), moved[1], moved[2], float(moved[3])))
        return np.log(value) if model.positive else value

    slopes = [(centile(place, STEP) - centile(place, -STEP))[:, np.newaxis] / (2 * STEP) for place in range(4)]
    gradient = np.hstack([part * slope for part, slope in zip(padded, slopes, strict=True)])
    variance = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    unit = 1.0 if model.positive else fit.likelihood.unit
    return np.asarray(unit * np.sqrt(np.maximum(variance, 0)))


def band(
    fit: Fit, covariance: np.ndarray | None, z: float, ages: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pointwise confidence limits of a centile, on the log scale if values are above 0.

    Parameters
    ----------
    fit : Fit
        Fit.
    covariance : np.ndarray or None
        Covariance matrix from `covariance_of`; None yields missing limits.
    z : float
        z score of the centile.
    ages : np.ndarray
        Ages in years, shape `(m,)`.
    confidence : float
        Confidence level, such as 0.95.

    Returns
    -------
    low, high : np.ndarray
        Limits in the unit of the values, each of shape `(m,)`; NaN without a covariance matrix.

    Examples
    --------
    >>> from ctpop.stats.centile_curves import fitted, form_of
    >>> from ctpop.stats.centile_likelihood import CentileSample
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 200)
    >>> values = 100 + 10 * np.random.default_rng(1).standard_normal(200)
    >>> sample = CentileSample(values, ages, np.arange(200), np.empty((200, 0)))
    >>> fit = fitted(sample, form_of(ages), MODELS["bccg"])
    >>> [limit.round().tolist() for limit in band(fit, None, 0.0, np.array([50.0]), 0.95)]
    [[nan], [nan]]

    """
    if covariance is None:
        return np.full(len(ages), math.nan), np.full(len(ages), math.nan)
    value = fit.curves.value_of(z, ages)
    half = float(ndtri((1 + confidence) / 2)) * standard_errors(fit, covariance, z, ages)
    if fit.likelihood.model.positive:
        return value * np.exp(-half), value * np.exp(half)
    return value - half, value + half
