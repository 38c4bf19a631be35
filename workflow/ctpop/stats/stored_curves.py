"""Effects of age that are computed from stored age curves, without data of patients.

A stored curve consists of the heights of a natural cubic spline at its knots for each sex, with their covariance
matrix. The average difference per decade in an age range is a linear contrast of these heights.
"""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.equivalence import Effect
from ctpop.stats.splines import FEWEST_KNOTS, natural_basis

DECADE = 10.0


@dataclass(frozen=True)
class StoredCurve:
    """Age curves of a structure, one for each sex.

    Attributes
    ----------
    sexes : tuple of str
        Sex of each curve (`female`, `male`), or `all` for a model without sex.
    knots : np.ndarray of float, shape (k,)
        Knots in years, in ascending order; two knots for a straight line.
    heights : np.ndarray of float, shape (sexes x k,)
        Heights of the curves at the knots (HU, or natural logarithm of mL): all knots of the first sex, then all knots
        of the second sex.
    covariance : np.ndarray of float, shape (sexes x k, sexes x k)
        Covariance matrix of the heights.
    df : float
        Degrees of freedom of the t quantile.

    Examples
    --------
    >>> StoredCurve(("all",), np.array([25.0, 85.0]), np.array([60.0, 30.0]), np.eye(2), 98.0).form
    'line'

    """

    sexes: tuple[str, ...]
    knots: np.ndarray
    heights: np.ndarray
    covariance: np.ndarray
    df: float

    @property
    def form(self) -> str:
        """Return `spline`, or `line` for a curve with two knots.

        Returns
        -------
        str
            Form of the curve.

        Examples
        --------
        >>> knots = np.array([25.0, 45.0, 65.0])
        >>> StoredCurve(("all",), knots, np.zeros(3), np.eye(3), 98.0).form
        'spline'

        """
        return "spline" if len(self.knots) >= FEWEST_KNOTS else "line"


def effect_of(curve: StoredCurve, sex: str, window: tuple[float, float]) -> Effect:
    """Return the average difference per decade of age in an age range, with its standard error.

    Parameters
    ----------
    curve : StoredCurve
        Age curves.
    sex : str
        Sex of a curve, `all`, or `standardized` for the mean of both sexes with equal weights.
    window : tuple[float, float]
        Lower and upper age in years.

    Returns
    -------
    Effect
        HU per decade, or difference of the natural logarithm of mL per decade.

    Raises
    ------
    KeyError
        If the curve does not contain the sex.

    Examples
    --------
    >>> line = StoredCurve(("all",), np.array([25.0, 85.0]), np.array([60.0, 30.0]), np.eye(2), 98.0)
    >>> effect = effect_of(line, "all", (30.0, 80.0))
    >>> round(effect.value, 6), round(effect.error, 6)
    (-5.0, 0.235702)

    """
    step = np.diff(natural_basis(np.array(window), curve.knots), axis=0)[0] / ((window[1] - window[0]) / DECADE)
    contrast = np.kron(_weights(curve.sexes, sex), step)
    variance = float(contrast @ curve.covariance @ contrast)
    return Effect(float(contrast @ curve.heights), math.sqrt(max(variance, 0.0)), curve.df)


def common_sex(sexes: list[tuple[str, ...]]) -> str:
    """Return the sex for which the effects of several curves can be compared.

    Parameters
    ----------
    sexes : list of tuple of str
        Sexes of each curve, or `all` for a model without sex.

    Returns
    -------
    str
        `standardized` if all curves contain both sexes, the sex that all curves contain, `all` if no curve contains a
        sex, or empty if the curves have no sex in common.

    Examples
    --------
    >>> common_sex([("female", "male"), ("female", "male")]), common_sex([("female", "male"), ("male",)])
    ('standardized', 'male')
    >>> common_sex([("female",), ("male",)]), common_sex([("all",), ("male",)])
    ('', '')

    """
    shared = set.intersection(*(set(each) for each in sexes))
    if len(shared) > 1:
        return "standardized"
    return next(iter(shared), "")


def percent_of(slope: float) -> float:
    """Return the difference in percent that corresponds to a difference of natural logarithms.

    Parameters
    ----------
    slope : float
        Difference of natural logarithms.

    Returns
    -------
    float
        100 (exp(slope) - 1).

    Examples
    --------
    >>> round(percent_of(-0.054914216), 4)
    -5.3434

    """
    return 100 * math.expm1(slope)


def matrix_of(upper: np.ndarray) -> np.ndarray:
    """Return the symmetric matrix with an upper triangle that is listed row by row.

    Parameters
    ----------
    upper : np.ndarray of float, shape (k (k + 1) / 2,)
        Upper triangle with the diagonal, row by row.

    Returns
    -------
    np.ndarray of float, shape (k, k)
        Symmetric matrix.

    Raises
    ------
    ValueError
        If the number of values is not that of a triangle.

    Examples
    --------
    >>> matrix_of(np.array([1.0, 0.5, 2.0])).tolist()
    [[1.0, 0.5], [0.5, 2.0]]

    """
    size = (math.isqrt(8 * len(upper) + 1) - 1) // 2
    if size * (size + 1) // 2 != len(upper):
        raise ValueError(f"{len(upper)} values are not the upper triangle of a matrix")
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = upper
    result: np.ndarray = matrix + np.triu(matrix, 1).T
    return result


def _weights(sexes: tuple[str, ...], sex: str) -> np.ndarray:
    """Return the weight of the curve of each sex."""
    if sex == "standardized" and len(sexes) > 1:
        return np.full(len(sexes), 1 / len(sexes))
    if sex not in sexes:
        raise KeyError(sex)
    return np.array([float(each == sex) for each in sexes])
