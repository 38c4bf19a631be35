"""Linear model with a random intercept for each patient (REML), and the fixed-effects estimator as a check.

REML requires a search over one number, the ratio of the variance between patients to the residual variance, for which
sums within patients are sufficient. The result equals that of lme4 and takes milliseconds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ctpop.stats.linear_model import linear_model
from ctpop.stats.patient_sums import scans_per_patient, sums_by_patient

LOG_RATIOS = (-12.0, 12.0)  # natural logarithms of the variance ratios that are searched
NONE = 1e-5  # smaller variance ratios are reported as 0
CONFIDENCE = 0.95  # level of an interval that is not used
ROUNDING = 1e-9  # smaller ranges of deviations from the means of the patients are 0
STEP = 1e-3  # step of numerical derivatives with respect to the logarithms of the variances


@dataclass(frozen=True)
class Sums:
    """Sums of products of columns (z) and of residuals of least squares (r), in total and within patients.

    Attributes
    ----------
    n : int
        Number of scans.
    sizes : np.ndarray of float, shape (patients,)
        Number of scans of each patient.
    zz, zr, rr : np.ndarray and float
        Sums of products over all scans, shapes (p, p), (p,), and a number.
    z, r : np.ndarray of float, shapes (patients, p) and (patients,)
        Sums within patients.

    Examples
    --------
    >>> sums = sums_of(np.array([1.0, -1.0]), np.ones((2, 1)), np.array([0, 0]))
    >>> sums.rr, sums.sizes.tolist()
    (2.0, [2.0])

    """

    n: int
    sizes: np.ndarray
    zz: np.ndarray
    zr: np.ndarray
    rr: float
    z: np.ndarray
    r: np.ndarray

    def at(self, ratio: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the information matrix, the coefficients, and the weighted sum of squared residuals.

        Parameters
        ----------
        ratio : float
            Variance between patients divided by the residual variance.

        Returns
        -------
        tuple of np.ndarray, np.ndarray, float
            Matrix of shape (p, p), coefficients of shape (p,), and sum of squares.

        """
        weights = ratio / (1 + ratio * self.sizes)
        information = self.zz - (self.z * weights[:, np.newaxis]).T @ self.z
        right = self.zr - self.z.T @ (weights * self.r)
        coefficients = np.linalg.solve(information, right)
        return information, coefficients, self.rr - float(weights @ self.r**2) - float(coefficients @ right)

    def deviance(self, between: float, within: float) -> float:
        """Return -2 times the restricted log likelihood of two variances.

        Parameters
        ----------
        between, within : float
            Variance between patients and residual variance.

        Returns
        -------
        float
            Deviance.

        """
        information, _, squares = self.at(between / within)
        free = self.n - len(self.zz)
        spread = float(np.log1p(between / within * self.sizes).sum()) + float(np.linalg.slogdet(information)[1])
        return free * math.log(2 * math.pi * within) + squares / within + spread


@dataclass(frozen=True)
class RandomIntercept:
    """A fitted model with a random intercept for each patient.

    Attributes
    ----------
    coefficients : np.ndarray of float, shape (p,)
        Coefficients of the columns.
    covariance : np.ndarray of float, shape (p, p)
        Covariance matrix of the coefficients.
    between, within : float
        Variance between patients and residual variance, in squared units of the values.
    log_likelihood : float
        Restricted log likelihood, as in lme4.
    sums : Sums
        Sums of products from which the fit was computed.

    Examples
    --------
    >>> values = np.array([1.0, 1.2, 3.0, 3.4, 5.0, 4.9])
    >>> found = fit_random_intercept(values, np.ones((6, 1)), np.array([0, 0, 1, 1, 2, 2]))
    >>> round(float(found.coefficients[0]), 3), round(found.within, 3), round(found.between, 1)
    (3.083, 0.035, 3.7)

    """

    coefficients: np.ndarray
    covariance: np.ndarray
    between: float
    within: float
    log_likelihood: float
    sums: Sums = field(repr=False)

    def degrees_of(self, contrast: np.ndarray) -> float:
        """Return the degrees of freedom of a contrast by the method of Satterthwaite, as in lmerTest.

        Parameters
        ----------
        contrast : np.ndarray of float, shape (p,)
            Contrast of the coefficients.

        Returns
        -------
        float
            Degrees of freedom; the number of scans minus that of columns if the variance between patients is 0.

        """
        free = float(self.sums.n - len(self.coefficients))
        if self.between == 0:
            return free
        logs = np.log([self.between, self.within])

        def variance(at: np.ndarray) -> float:
            between, within = map(float, np.exp(at))
            information, _, _ = self.sums.at(between / within)
            return within * float(contrast @ np.linalg.solve(information, contrast))

        gradient, _ = _derivatives(variance, logs)
        _, curvature = _derivatives(lambda at: self.sums.deviance(*np.exp(at)), logs)
        spread = float(gradient @ np.linalg.solve(curvature / 2, gradient))  # variance of the estimated variance
        return float(2 * variance(logs) ** 2 / spread) if spread > 0 else free


def sums_of(residuals: np.ndarray, columns: np.ndarray, patients: np.ndarray) -> Sums:
    """Return the sums of products of columns and residuals.

    Parameters
    ----------
    residuals : np.ndarray of float, shape (n,)
        Residuals of least squares, or other values with a mean near 0.
    columns : np.ndarray of float, shape (n, p)
        Columns of the model.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    Sums
        Sums over all scans and within patients.

    Examples
    --------
    >>> sums_of(np.array([1.0, -1.0]), np.ones((2, 1)), np.array([4, 7])).z.tolist()
    [[1.0], [1.0]]

    """
    within = sums_by_patient(np.column_stack([columns, residuals, np.ones(len(columns))]), patients)
    return Sums(
        len(columns),
        within[:, -1],
        columns.T @ columns,
        columns.T @ residuals,
        float(residuals @ residuals),
        within[:, :-2],
        within[:, -2],
    )


def fit_random_intercept(values: np.ndarray, columns: np.ndarray, patients: np.ndarray) -> RandomIntercept | None:
    """Return the model with a random intercept for each patient, by restricted maximum likelihood.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the measure, in any unit.
    columns : np.ndarray of float, shape (n, p)
        Columns of the model, including the constant.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    RandomIntercept or None
        The fit, or None if no patient has two scans, if the columns are linearly dependent, if there are no more scans
        than columns, or if the columns fit the values exactly.

    Examples
    --------
    >>> fit_random_intercept(np.array([1.0, 2.0, 4.0]), np.ones((3, 1)), np.array([0, 1, 2])) is None
    True

    """
    from scipy.optimize import minimize_scalar

    n, p = columns.shape
    if n <= p or np.linalg.matrix_rank(columns) < p or len(np.unique(patients)) == n:
        return None
    start = np.linalg.lstsq(columns, values)[0]
    residuals = values - columns @ start
    if residuals @ residuals <= 1e-20 * (values @ values):
        return None
    sums, free = sums_of(residuals, columns, patients), n - p

    def profiled(log_ratio: float) -> float:
        ratio = math.exp(log_ratio)
        within = sums.at(ratio)[2] / free
        return sums.deviance(ratio * within, within)

    found = minimize_scalar(profiled, bounds=LOG_RATIOS, method="bounded", options={"xatol": 1e-10})
    ratio = math.exp(found.x)
    if ratio < NONE:
        ratio = 0.0
    information, change, squares = sums.at(ratio)
    within = squares / free
    deviance = sums.deviance(ratio * within, within)
    covariance = within * np.linalg.inv(information)
    return RandomIntercept(start + change, covariance, ratio * within, within, -deviance / 2, sums)


@dataclass(frozen=True)
class WithinSlope:
    """Slope within patients from a model with an indicator for each patient.

    Attributes
    ----------
    slope : float
        Slope, in units of the values per unit of the column.
    error : float
        Standard error, robust to correlated residuals of a patient (CR2).
    degrees : float
        Degrees of freedom: patients minus 1, or Satterthwaite's approximation with fewer than 600 patients.
    n, n_patients : int
        Numbers of scans and of patients with at least two scans.

    Examples
    --------
    >>> WithinSlope(-7.75, 1.28, 21.2, 180, 60).n_patients
    60

    """

    slope: float
    error: float
    degrees: float
    n: int
    n_patients: int


def within_slope(
    values: np.ndarray, column: np.ndarray, patients: np.ndarray, others: np.ndarray | None = None
) -> WithinSlope | None:
    """Return the slope within patients, from patients with at least two scans.

    Columns of covariates are part of the model, so the standard error and the degrees of freedom account for their
    estimated coefficients. Columns that do not change within patients have no effect.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the measure, in any unit.
    column : np.ndarray of float, shape (n,)
        Column of the slope, such as age in decades.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.
    others : np.ndarray of float, shape (n, k), or None
        Columns of covariates; none by default.

    Returns
    -------
    WithinSlope or None
        The slope, or None if the column varies in fewer than two patients, if the covariates determine it, or if the
        fit is exact.

    Examples
    --------
    >>> found = within_slope(np.array([1.0, 3.0, 5.0, 6.0]), np.array([0.0, 1.0, 0.0, 1.0]), np.array([0, 0, 1, 1]))
    >>> found.slope, round(found.error, 3), round(found.degrees, 6)
    (1.5, 0.5, 1.0)

    """
    several = scans_per_patient(patients) > 1
    _, place, sizes = np.unique(patients[several], return_inverse=True, return_counts=True)
    x, y = (part[several] - (np.bincount(place, part[several]) / sizes)[place] for part in (column, values))
    if np.count_nonzero(np.bincount(place, x * x)) < 2:
        return None
    columns = np.column_stack([_changing(others, several, place, sizes), x])
    found = linear_model(columns, place).fit(y).estimate(np.eye(columns.shape[1])[-1], CONFIDENCE)
    if math.isnan(found.estimate):
        return None
    return WithinSlope(found.estimate, found.error, found.df, len(place), len(sizes))


def _changing(others: np.ndarray | None, several: np.ndarray, place: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the deviations of the columns from the means of the patients, without columns that do not change."""
    columns = np.empty((len(several), 0)) if others is None else others
    inside = [part - (np.bincount(place, part) / sizes)[place] for part in columns[several].T]
    return np.column_stack([np.empty((len(place), 0)), *(part for part in inside if np.ptp(part) > ROUNDING)])


def _derivatives(function: Callable[[np.ndarray], float], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient and the matrix of second derivatives by central differences."""
    steps = STEP * np.eye(len(at))
    ups, downs = [function(at + step) for step in steps], [function(at - step) for step in steps]
    gradient = (np.array(ups) - downs) / (2 * STEP)
    second = np.empty((len(at), len(at)))
    middle = function(at)
    for row, first in enumerate(steps):
        second[row, row] = (ups[row] - 2 * middle + downs[row]) / STEP**2
        for column in range(row):
            other = steps[column]
            corners = function(at + first + other) - function(at + first - other)
            corners += function(at - first - other) - function(at - first + other)
            second[row, column] = second[column, row] = corners / (4 * STEP**2)
    return gradient, second
