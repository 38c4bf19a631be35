"""Spearman's rho with weights, such as rho in a stated age distribution, with a standard error by patient."""

import math

import numpy as np

from ctpop.stats.correlation import FEWEST, Correlation, fisher_interval, log10_p_of_zero


def weighted_spearman(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, patients: np.ndarray, confidence: float
) -> Correlation:
    """Return Spearman's rho of weighted scans, with an interval from sums of the influence within patients.

    With the mid-distribution functions u and v of the weighted values, rho is the weighted correlation of u and v, and
    its variance is G / (G - 3) times the sum over the G patients of (sum of w psi)^2, where psi is the influence of a
    scan. With equal weights and one scan per patient, the result is that of `correlation.spearman`.

    Parameters
    ----------
    x : np.ndarray
        First sample, shape `(n,)`, without NaN, in any unit.
    y : np.ndarray
        Second sample, shape `(n,)`, in the order of the first, without NaN.
    weights : np.ndarray
        Weight of each pair, shape `(n,)`, 0 or more, on any scale.
    patients : np.ndarray of int
        Number of the patient of each pair, shape `(n,)`.
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    Correlation
        rho with its interval and the P value for a rho of 0; NaN if rho is not defined. The P value for independence is
        always NaN.

    Examples
    --------
    >>> ages = np.arange(1.0, 11.0)
    >>> values = np.array([3.0, 1.0, 2.0, 6.0, 4.0, 5.0, 9.0, 10.0, 7.0, 8.0])
    >>> result = weighted_spearman(ages, values, np.ones(10), np.arange(10), 0.95)
    >>> round(result.rho, 3), round(result.ci_low, 3), round(result.ci_high, 3)
    (0.83, 0.627, 0.928)

    """
    used = weights > 0
    x, y, patients = x[used], y[used], patients[used]
    number = np.unique(patients, return_inverse=True)[1]
    n_patients = int(number.max(initial=-1)) + 1
    if n_patients < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation()
    share = weights[used] / weights[used].sum()
    rho, psi = _rho_and_influence(x, y, share)
    if 1 - abs(rho) < 1e-12:
        return Correlation(rho=float(np.sign(rho)))
    sums = np.bincount(number, share * psi)
    error = math.sqrt(n_patients / (n_patients - 3) * float(sums @ sums)) / (1 - rho**2)
    if not error > 0:
        return Correlation(rho=rho)
    low, high = fisher_interval(rho, error, confidence)
    return Correlation(rho=rho, ci_low=low, ci_high=high, log10_p_rho0=log10_p_of_zero(rho, error))


def uniform_weights(ages: np.ndarray, edges: np.ndarray) -> np.ndarray | None:
    """Return weights for which the age ranges have shares that are proportional to their widths.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years.
    edges : np.ndarray of float, shape (k + 1,)
        Limits of k age ranges in ascending order. A range includes its lower limit; the last range includes both
        limits.

    Returns
    -------
    np.ndarray of float, shape (n,), or None
        Weights with mean 1 among the ages in the ranges and 0 for other ages; None if a range contains no age.

    Examples
    --------
    >>> uniform_weights(np.array([20.0, 21.0, 22.0, 35.0]), np.array([20.0, 30.0, 40.0])).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    >>> uniform_weights(np.array([20.0, 21.0]), np.array([20.0, 30.0, 40.0])) is None
    True

    """
    inside = (ages >= edges[0]) & (ages <= edges[-1])
    place = np.clip(np.searchsorted(edges, ages, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(place[inside], minlength=len(edges) - 1)
    if not counts.all():
        return None
    target = np.diff(edges) / (edges[-1] - edges[0])
    return np.where(inside, (target / counts * counts.sum())[place], 0.0)


def effective_number(weights: np.ndarray) -> float:
    """Return the effective sample size of weights (Kish): (sum w)^2 / sum w^2.

    Parameters
    ----------
    weights : np.ndarray
        Weights, shape `(n,)`, 0 or more.

    Returns
    -------
    float
        Number of scans with equal weights that have the same variance of a mean; 0 without a positive weight.

    Examples
    --------
    >>> round(effective_number(np.array([1.0, 1.0, 2.0])), 3)
    2.667

    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _rho_and_influence(x: np.ndarray, y: np.ndarray, share: np.ndarray) -> tuple[float, np.ndarray]:
    x_level, y_level = (np.unique(values, return_inverse=True)[1] for values in (x, y))
    u, v = _middle(x_level, share), _middle(y_level, share)
    variance_u, variance_v = float(share @ u**2), float(share @ v**2)
    root = math.sqrt(variance_u * variance_v)
    rho = float(share @ (u * v)) / root
    joint = (u * v + _above(x_level, share * v) + _above(y_level, share * u)) / root
    alone = (u**2 + 2 * _above(x_level, share * u)) / variance_u + (v**2 + 2 * _above(y_level, share * v)) / variance_v
    return rho, joint - rho / 2 * alone


def _middle(level: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the weighted mid-distribution function minus 1/2."""
    of_level = np.bincount(level, share)
    result: np.ndarray = (np.cumsum(of_level) - of_level / 2 - 0.5)[level]
    return result


def _above(level: np.ndarray, amounts: np.ndarray) -> np.ndarray:
    """Return the sum of amounts at higher levels plus half of the sum at the same level, for each value."""
    of_level = np.bincount(level, amounts)
    result: np.ndarray = (of_level.sum() - np.cumsum(of_level) + of_level / 2)[level]
    return result
