"""Age at which the slope of a measure changes: two straight lines that meet, compared with a line and a smooth curve.

The model of a change point at the age k is y = a + b age + c max(age - k, 0), with covariates. All functions take the
scans of one sex. A change point describes the relation only if there is a bend, and a bend can also be smooth. The
decision (`outcome_of`) therefore includes a test of the straight line and a natural cubic spline.
"""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.patient_sums import has_repeats, sums_by_patient

STEP_YEARS = 0.5
GRID_ENDS = (0.1, 0.9)
END_YEARS = 5.0
LEVEL = 0.01
BIC_APART = 2.0
DRAWS = 500
FLAT = 1e-9  # part of the sum of squares of a hinge below which it is a combination of the other columns
DRAWS_AT_A_TIME = 50


@dataclass(frozen=True)
class Profile:
    """Fit of two straight lines for each candidate age of the change.

    Attributes
    ----------
    grid : np.ndarray of float, shape (k,)
        Candidate ages in years, in ascending order.
    gain : np.ndarray of float, shape (k,)
        Reduction of the residual sum of squares of the straight line by a change of slope at each age.
    rss_line : float
        Residual sum of squares of the straight line, in squared units of the values.

    Examples
    --------
    >>> found = Profile(np.array([40.0, 40.5]), np.array([2.0, 5.0]), 9.0)
    >>> found.age, found.rss
    (40.5, 4.0)

    """

    grid: np.ndarray
    gain: np.ndarray
    rss_line: float

    @property
    def age(self) -> float:
        """Age of the change with the smallest residual sum of squares."""
        return float(self.grid[np.argmax(self.gain)])

    @property
    def rss(self) -> float:
        """Residual sum of squares of the two straight lines."""
        return self.rss_line - float(self.gain.max())


def grid_of(ages: np.ndarray) -> np.ndarray:
    """Return the candidate ages: multiples of 0.5 years from the 10th to the 90th percentile of age.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years, at least one, without missing values.

    Returns
    -------
    np.ndarray of float, shape (k,)
        Candidate ages in years, in ascending order; empty if the percentiles include no multiple.

    Examples
    --------
    >>> grid_of(np.array([30.2, 31.1, 31.9])).tolist()
    [30.5, 31.0, 31.5]

    """
    low, high = np.quantile(ages, GRID_ENDS) / STEP_YEARS
    return np.arange(math.ceil(low), math.floor(high) + 1) * STEP_YEARS


def hinges(ages: np.ndarray, grid: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the hinge max(age - k, 0) of each candidate age, without the part that the columns explain.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years.
    grid : np.ndarray of float, shape (k,)
        Candidate ages in years.
    columns : np.ndarray of float, shape (n, p)
        Linearly independent columns of the straight line: constant, age, and covariates.

    Returns
    -------
    np.ndarray of float, shape (n, k)
        Residual hinges in years; 0 for a hinge that is a combination of the columns.

    Examples
    --------
    >>> ages = np.array([20.0, 30.0, 40.0, 50.0])
    >>> line = np.column_stack([np.ones(4), ages])
    >>> hinges(ages, np.array([20.0, 35.0]), line).round(6).tolist()
    [[0.0, 2.5], [0.0, -2.5], [0.0, -2.5], [0.0, 2.5]]

    """
    bare = np.maximum(ages[:, np.newaxis] - grid, 0)
    left = residuals_of(bare, columns)
    flat = (left**2).sum(axis=0) <= FLAT * (bare**2).sum(axis=0)
    left[:, flat] = 0
    return left


def residuals_of(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the residuals of least squares.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,) or (n, k)
        Values, or several columns of values.
    columns : np.ndarray of float, shape (n, p)
        Linearly independent columns.

    Returns
    -------
    np.ndarray of float
        Residuals, in the shape of the values.

    Examples
    --------
    >>> residuals_of(np.array([1.0, 2.0, 6.0]), np.ones((3, 1))).round(6).tolist()
    [-2.0, -1.0, 3.0]

    """
    basis, _ = np.linalg.qr(columns)
    result: np.ndarray = values - basis @ (basis.T @ values)
    return result


def profile_of(values: np.ndarray, columns: np.ndarray, bent: np.ndarray, grid: np.ndarray) -> Profile:
    """Return the fit of two straight lines for each candidate age.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the measure, in any unit.
    columns : np.ndarray of float, shape (n, p)
        Columns of the straight line, as for `hinges`.
    bent : np.ndarray of float, shape (n, k)
        Residual hinges, from `hinges`.
    grid : np.ndarray of float, shape (k,)
        Candidate ages in years.

    Returns
    -------
    Profile
        Reduction of the residual sum of squares at each age.

    Examples
    --------
    >>> ages = np.arange(20.0, 81.0)
    >>> line, grid = np.column_stack([np.ones(61), ages]), grid_of(ages)
    >>> values = 100 - 2 * np.maximum(ages - 45, 0)
    >>> profile_of(values, line, hinges(ages, grid, line), grid).age
    45.0

    """
    left = residuals_of(values, columns)
    size = (bent**2).sum(axis=0)
    gain = np.divide((bent.T @ left) ** 2, size, out=np.zeros(len(grid)), where=size > 0)
    return Profile(grid, gain, float(left @ left))


def score_test(
    residuals: np.ndarray, bent: np.ndarray, patients: np.ndarray, random: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Return the largest score statistic of a change of slope, and its P value under the straight line.

    The statistic at an age is the squared sum of the scores divided by the sum of their squares, where the score of a
    patient is the sum of hinge times residual over the scans. It requires no equal spread. The P value compares the
    largest statistic with its distribution if the score of each patient is multiplied by a standard normal number.

    Parameters
    ----------
    residuals : np.ndarray of float, shape (n,)
        Residuals of the straight line.
    bent : np.ndarray of float, shape (n, k)
        Residual hinges, from `hinges`.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.
    random : np.random.Generator
        Generator of the multipliers; its state advances.
    draws : int
        Number of draws of multipliers.

    Returns
    -------
    score : float
        Largest score statistic; missing (NaN) if no statistic is defined.
    p : float
        P value, at least 1/(draws + 1); missing (NaN) if the statistic is missing.

    Examples
    --------
    >>> ages = np.arange(20.0, 81.0)
    >>> line, grid = np.column_stack([np.ones(61), ages]), grid_of(ages)
    >>> values = np.where(np.arange(61) % 2, 1.0, -1.0) - 2 * np.maximum(ages - 45, 0)
    >>> bent = hinges(ages, grid, line)
    >>> _, p = score_test(residuals_of(values, line), bent, np.arange(61), np.random.default_rng(1))
    >>> p < 0.01
    True

    """
    # SOURCE: Hansen, Econometrica 1996;64:413
    scores = bent * residuals[:, np.newaxis]
    if has_repeats(patients):
        scores = sums_by_patient(scores, patients)
    variance = (scores**2).sum(axis=0)
    used = variance > 0
    if not used.any():
        return math.nan, math.nan
    scores, variance = scores[:, used], variance[used]
    largest = float((scores.sum(axis=0) ** 2 / variance).max())
    above = 0
    for start in range(0, draws, DRAWS_AT_A_TIME):
        drawn = random.standard_normal((min(DRAWS_AT_A_TIME, draws - start), len(scores))) @ scores
        above += int(np.sum((drawn**2 / variance).max(axis=1) >= largest))
    return largest, (1 + above) / (1 + draws)


def bic(rss: float, n: int, n_patients: int, parameters: int) -> float:
    """Return the Bayesian information criterion of a least-squares fit; smaller values are better.

    The sample size is the number of patients. With several scans per patient, n ln(RSS/n) is therefore multiplied by
    the ratio of patients to scans.

    Parameters
    ----------
    rss : float
        Residual sum of squares, larger than 0.
    n : int
        Number of scans.
    n_patients : int
        Number of patients.
    parameters : int
        Number of parameters, including the residual standard deviation.

    Returns
    -------
    float
        Criterion.

    Examples
    --------
    >>> round(bic(29045.960134, 124, 124, 3), 6)
    691.048632

    """
    # ASSUME: the scans of a patient together provide as much information as one scan
    return n_patients * math.log(rss / n) + parameters * math.log(n_patients)


def outcome_of(p: float, found: Profile, bic_line: float, bic_hinge: float, bic_spline: float) -> str:
    """Return the code of the result: `no_break`, `smooth_curve`, `break`, or `break_or_curve`.

    Parameters
    ----------
    p : float
        P value of the straight line, from `score_test`.
    found : Profile
        Fits of two straight lines.
    bic_line, bic_hinge, bic_spline : float
        Bayesian information criteria of the straight line, of two straight lines, and of the smooth curve.

    Returns
    -------
    str
        `no_break` if P is at least .01, if the straight line has the smaller criterion, or if the estimate is within
        5 years of the first or last candidate age. Otherwise, `smooth_curve` or `break` if the criterion of this model
        is smaller by more than 2, and `break_or_curve` if the criteria do not differ by more than 2.

    Examples
    --------
    >>> found = Profile(np.array([30.0, 45.0, 60.0]), np.array([1.0, 5.0, 1.0]), 9.0)
    >>> outcome_of(0.002, found, 691.05, 656.27, 656.43)
    'break_or_curve'
    >>> outcome_of(0.002, found, 691.05, 656.27, 660.0)
    'break'
    >>> outcome_of(0.02, found, 691.05, 656.27, 660.0)
    'no_break'

    """
    # ASSUME: P < .01, because 500 draws cannot yield a P value below .002; estimates near an end depend on few patients
    near_end = found.age - found.grid[0] < END_YEARS or found.grid[-1] - found.age < END_YEARS
    if not p < LEVEL or bic_hinge > bic_line or near_end:
        return "no_break"
    if bic_hinge - bic_spline > BIC_APART:
        return "smooth_curve"
    return "break" if bic_spline - bic_hinge > BIC_APART else "break_or_curve"
