"""Natural cubic spline of age with fixed knots: the curve and its derivative, with pointwise confidence limits."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ctpop.stats.patient_covariance import robust_covariance
from ctpop.stats.splines import FEWEST_KNOTS, natural_basis

INSIDE = (0.025, 0.975)
FEWEST_YEARS = 25.0  # age range below which no curve is fitted
STEP_YEARS = 1e-3  # distance of the central difference, which is exact to 1e-6 for a cubic spline


@dataclass(frozen=True)
class AgeSpline:
    """A fitted spline of age.

    Attributes
    ----------
    knots : np.ndarray of float, shape (k,)
        Knots in years.
    heights : np.ndarray of float, shape (k,)
        Heights of the curve at the knots, in the unit of the values, at the mean of the covariates.
    covariance : np.ndarray of float, shape (k, k)
        Covariance matrix of the heights.
    rss : float
        Residual sum of squares.
    degrees : int
        Degrees of freedom of the t quantile: number of patients minus number of columns.

    Examples
    --------
    >>> line = AgeSpline(np.array([20.0, 40.0, 60.0]), np.array([1.0, 2.0, 3.0]), np.eye(3), 1.0, 50)
    >>> line.at(np.array([30.0])).round(6).tolist()
    [1.5]
    >>> line.derivative(np.array([30.0]), 0.95)[0].round(6).tolist()
    [0.05]

    """

    knots: np.ndarray
    heights: np.ndarray
    covariance: np.ndarray
    rss: float
    degrees: int

    def at(self, ages: np.ndarray) -> np.ndarray:
        """Return the curve at given ages.

        Parameters
        ----------
        ages : np.ndarray of float, shape (m,)
            Ages in years.

        Returns
        -------
        np.ndarray of float, shape (m,)
            Heights of the curve in the unit of the values.

        """
        result: np.ndarray = natural_basis(ages, self.knots) @ self.heights
        return result

    def derivative(self, ages: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the derivative at given ages with pointwise confidence limits.

        Parameters
        ----------
        ages : np.ndarray of float, shape (m,)
            Ages in years.
        confidence : float
            Confidence level, between 0 and 1.

        Returns
        -------
        tuple of three np.ndarray of float, shape (m,)
            Derivative and its lower and upper limits, in units of the values per year.

        """
        rise = natural_basis(ages + STEP_YEARS, self.knots) - natural_basis(ages - STEP_YEARS, self.knots)
        contrasts = rise / (2 * STEP_YEARS)
        slope = contrasts @ self.heights
        error = np.sqrt(np.einsum("ij,jk,ik->i", contrasts, self.covariance, contrasts))
        half = float(stdtrit(self.degrees, (1 + confidence) / 2)) * error
        return slope, slope - half, slope + half


def knots_within(ages: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the knots between the 2.5th and 97.5th percentiles of age, and the nearest knot on each side.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years, at least one.
    knots : np.ndarray of float, shape (k,)
        Knots in years, in ascending order.

    Returns
    -------
    np.ndarray of float
        Knots in years; empty if these are fewer than three, or if the ages cover less than 25 years.

    Examples
    --------
    >>> ages, knots = np.arange(18.0, 101.0), np.array([5.0, 15.0, 45.0, 65.0, 85.0])
    >>> knots_within(ages, knots).tolist()
    [15.0, 45.0, 65.0, 85.0]
    >>> knots_within(np.arange(60.0, 81.0), knots).tolist()
    []

    """
    low, high = np.quantile(ages, INSIDE)
    first = max(int(np.searchsorted(knots, low)) - 1, 0)
    found = knots[first : int(np.searchsorted(knots, high, side="right")) + 1]
    return found if len(found) >= FEWEST_KNOTS and np.ptp(ages) >= FEWEST_YEARS else knots[:0]


def fit_spline(
    values: np.ndarray, ages: np.ndarray, others: np.ndarray, patients: np.ndarray, knots: np.ndarray
) -> AgeSpline | None:
    """Return the least-squares fit of a spline of age and covariates, with a robust covariance matrix.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the measure, in any unit.
    ages : np.ndarray of float, shape (n,)
        Ages in years.
    others : np.ndarray of float, shape (n, q)
        Columns of the covariates, each with mean 0.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.
    knots : np.ndarray of float, shape (k,)
        At least three knots in years, in ascending order.

    Returns
    -------
    AgeSpline or None
        The fit, or None if the columns are linearly dependent or the patients are not more than the columns.

    Examples
    --------
    >>> ages = np.arange(20.0, 81.0)
    >>> found = fit_spline(2 * ages, ages, np.empty((61, 0)), np.arange(61), np.array([25.0, 45.0, 65.0]))
    >>> found.heights.round(6).tolist(), found.degrees
    ([50.0, 90.0, 130.0], 58)

    """
    columns = np.column_stack([natural_basis(ages, knots), others])
    degrees = len(np.unique(patients)) - columns.shape[1]
    if degrees < 1 or np.linalg.matrix_rank(columns) < columns.shape[1]:
        return None
    coefficients = np.linalg.lstsq(columns, values)[0]
    left = values - columns @ coefficients
    covariance = robust_covariance(columns, left, patients)
    of_age = slice(len(knots))
    return AgeSpline(knots, coefficients[of_age], covariance[of_age, of_age], float(left @ left), degrees)
