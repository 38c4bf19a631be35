"""Weights for a uniform age distribution, and the effective sample size of weights."""

import numpy as np


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
