"""Natural cubic splines whose coefficients are the heights of the curve at its knots.

The spline is `cr` of patsy. Hypotheses about the curve are therefore hypotheses about heights: a flat curve has equal
heights, and a straight curve has heights on a line. A curve with two knots is a straight line.
"""

import numpy as np

FEWEST_KNOTS = 3  # a curve with fewer knots is a straight line


def natural_basis(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns of a natural cubic spline, which is linear beyond its outer knots.

    The sum of each row is 1; the coefficients are the heights at the knots.

    Parameters
    ----------
    x : np.ndarray of float, shape (n,)
        Points of the curve, such as ages in years.
    knots : np.ndarray of float, shape (k,)
        At least two knots in ascending order, in the unit of `x`.

    Returns
    -------
    np.ndarray of float, shape (n, k)
        Basis: one row for each point, one column for each knot.

    Examples
    --------
    >>> knots = np.array([20.0, 40.0, 60.0])
    >>> heights = np.array([1.0, 2.0, 3.0])  # on a line
    >>> (natural_basis(np.array([20.0, 30.0, 70.0]), knots) @ heights).round(6).tolist()
    [1.0, 1.5, 3.5]
    >>> natural_basis(np.array([20.0, 25.0]), knots[:2]).tolist()
    [[1.0, 0.0], [0.75, 0.25]]

    """
    if len(knots) < FEWEST_KNOTS:
        share = (x - knots[0]) / (knots[1] - knots[0])
        return np.column_stack([1 - share, share])
    import patsy

    columns: np.ndarray = np.asarray(patsy.cr(x, knots=knots[1:-1], lower_bound=knots[0], upper_bound=knots[-1]))
    return columns


def steps(knots: np.ndarray) -> np.ndarray:
    """Return the contrasts that are 0 if the heights at the knots are equal.

    Parameters
    ----------
    knots : np.ndarray of float, shape (k,)
        Knots in ascending order.

    Returns
    -------
    np.ndarray of float, shape (k - 1, k)
        Contrasts: one row for each pair of neighboring knots, one column for each knot.

    Examples
    --------
    >>> steps(np.array([20.0, 40.0, 60.0])).tolist()
    [[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]]

    """
    return np.diff(np.eye(len(knots)), axis=0)


def bends(knots: np.ndarray) -> np.ndarray:
    """Return the contrasts that are 0 if the heights at the knots are on a line.

    Parameters
    ----------
    knots : np.ndarray of float, shape (k,)
        Knots in ascending order.

    Returns
    -------
    np.ndarray of float, shape (k - 2, k)
        Contrasts: one row for each inner knot, one column for each knot.

    Examples
    --------
    >>> contrasts = bends(np.array([20.0, 40.0, 60.0]))
    >>> (contrasts @ np.array([1.0, 2.0, 3.0])).round(6).tolist()
    [0.0]
    >>> (contrasts @ np.array([1.0, 2.0, 4.0])).round(6).tolist()
    [2.0]

    """
    slopes = steps(knots) / np.diff(knots)[:, np.newaxis]
    result: np.ndarray = np.diff(slopes, axis=0) * np.ptp(knots)
    return result
