"""Natural cubic spline of age with fixed knots: the curve and its derivative, with pointwise confidence limits."""

from dataclasses import dataclass

import numpy as np

from ctpop.stats.age_effects import age_model
from ctpop.stats.linear_model import ModelFit
from ctpop.stats.splines import natural_basis

STEP_YEARS = 1e-3  # distance of the central difference, which is exact to 1e-6 for a cubic spline


@dataclass(frozen=True, eq=False)
class AgeSpline:
    """A fitted spline of age.

    Attributes
    ----------
    knots : np.ndarray of float, shape (k,)
        Knots in years.
    fit : ModelFit
        Fit of the model, with the heights of the curve at the knots as the first coefficients.

    Examples
    --------
    >>> ages = np.arange(20.0, 61.0)
    >>> line = fit_spline(ages / 20, ages, np.empty((41, 0)), np.arange(41), np.array([20.0, 40.0, 60.0]))
    >>> line.at(np.array([30.0])).round(6).tolist()
    [1.5]
    >>> line.derivative(np.array([30.0]), 0.95)[0].round(6).tolist()
    [0.05]

    """

    knots: np.ndarray
    fit: ModelFit

    @property
    def heights(self) -> np.ndarray:
        """Heights of the curve at the knots, shape `(k,)`, in the unit of the values, at the mean of the covariates."""
        found: np.ndarray = self.fit.coefficients[: len(self.knots)]
        return found

    @property
    def rss(self) -> float:
        """Residual sum of squares."""
        return float(self.fit.residuals @ self.fit.residuals)

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
            Derivative and its lower and upper limits, in units of the values per year; limits are missing (NaN) if the
            fit is exact.

        """
        rise = natural_basis(ages + STEP_YEARS, self.knots) - natural_basis(ages - STEP_YEARS, self.knots)
        contrasts = rise / (2 * STEP_YEARS)
        others = np.zeros(len(self.fit.model.kept) - len(self.knots))
        found = [self.fit.estimate(np.concatenate([contrast, others]), confidence) for contrast in contrasts]
        limits = np.array([[each.ci_low, each.ci_high] for each in found]).reshape(len(ages), 2)
        return contrasts @ self.heights, limits[:, 0], limits[:, 1]


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
    >>> found.heights.round(6).tolist(), found.fit.model.simple_df
    ([50.0, 90.0, 130.0], 58)

    """
    made = age_model(ages, ("all",), np.zeros(len(ages), dtype=int), patients, knots, others)
    if made.model.redundant.any() or not made.defined or made.model.simple_df < 1:
        return None
    return AgeSpline(knots, made.model.fit(values))
