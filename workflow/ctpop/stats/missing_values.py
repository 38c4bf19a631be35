"""Sensitivity to missing values: weights by the probability of being measured, and bounds of the slope on age.

The weights (inverse probability weighting) answer what the correlation would be if each scan of the cohort had a value,
provided that the loss of values depends on age and sex only. The bounds answer how far the slope on age can move if the
loss depends on the value itself.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np

CENTER_YEARS, DECADE_YEARS = 50.0, 10.0
# ASSUME: weights above their 99th percentile are set to it, so that a few scans do not determine the result
TRUNCATION_PERCENTILE = 99.0
# ASSUME: the number of columns is limited so that at least five missing and five measured values belong to each
VALUES_PER_COLUMN = 5
FEWEST_MISSING = 10
# ASSUME: measured values do not represent scans with a probability of being measured below 1%; at most 1% of the scans
# can be without representation
LOWEST_PROBABILITY, UNREPRESENTED_SHARE = 0.01, 0.01
# ASSUME: missing values are as extreme as the 5th and 95th percentiles of the residuals of measured values
RESIDUAL_PERCENTILES = (5.0, 95.0)
HIGHEST_SHARE = 0.3  # ASSUME: with a larger proportion of missing values, bounds are too wide to be of use
ITERATIONS = 100


@dataclass(frozen=True)
class MeasuredModel:
    """Logistic model of the probability that a value was measured.

    Attributes
    ----------
    names : tuple of str
        Names of the columns without the intercept.
    coefficients : np.ndarray
        Intercept and one coefficient per column (log odds; ages in decades from 50 years), shape `(len(names) + 1,)`.
    probability : np.ndarray
        Probability of each scan, measured or not, shape `(n,)`; empty without a model.
    reason : str
        `ok`, or the code of the reason (`OUTCOMES`) why there are no weights.

    Examples
    --------
    >>> MeasuredModel((), np.empty(0), np.empty(0), "none_missing").reason
    'none_missing'

    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    probability: np.ndarray
    reason: str


@dataclass(frozen=True)
class Bounds:
    """Slope on age with the bounds that result if all missing values were extreme; all NaN if not estimated.

    Attributes
    ----------
    slope : float
        Slope of the measured values per decade of age, in the unit of the values.
    low : float
        Smallest slope per decade of age.
    high : float
        Largest slope per decade of age.

    Examples
    --------
    >>> Bounds()
    Bounds(slope=nan, low=nan, high=nan)

    """

    slope: float = math.nan
    low: float = math.nan
    high: float = math.nan


def decades(ages: np.ndarray) -> np.ndarray:
    """Return ages in decades from 50 years.

    Parameters
    ----------
    ages : np.ndarray
        Ages (years), shape `(n,)`.

    Returns
    -------
    np.ndarray
        `(age - 50) / 10`, shape `(n,)`.

    Examples
    --------
    >>> decades(np.array([30.0, 55.0])).tolist()
    [-2.0, 0.5]

    """
    result: np.ndarray = (ages - CENTER_YEARS) / DECADE_YEARS
    return result


def sex_columns(male: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of sex: men and scans of unknown sex compared with women, if the cohort contains several.

    Parameters
    ----------
    male : np.ndarray
        1 for men, 0 for women, NaN if the sex is unknown, shape `(n,)`.

    Returns
    -------
    dict of str to np.ndarray
        Columns of 0 and 1 by name, each of shape `(n,)`; empty if all scans belong to the same category.

    Examples
    --------
    >>> sex_columns(np.array([0.0, 1.0, 1.0]))
    {'sex': array([0., 1., 1.])}
    >>> list(sex_columns(np.array([1.0, 1.0, np.nan]))), list(sex_columns(np.array([1.0, 1.0])))
    (['sex unknown'], [])

    """
    columns = {"sex": np.where(male == 1, 1.0, 0.0), "sex unknown": np.isnan(male).astype(float)}
    if not np.any(male == 0):  # men are then the category for comparison
        del columns["sex"]
    return {name: column for name, column in columns.items() if np.ptp(column) > 0}


def measured_model(measured: np.ndarray, ages: np.ndarray, male: np.ndarray) -> MeasuredModel:
    """Fit the probability of being measured by logistic regression on age, sex, age squared, and age by sex.

    With few missing (or few measured) values, the model contains only the first of these columns.

    Parameters
    ----------
    measured : np.ndarray of bool
        Whether each scan has a value, shape `(n,)`.
    ages : np.ndarray
        Ages (years), shape `(n,)`, without NaN.
    male : np.ndarray
        1 for men, 0 for women, NaN if the sex is unknown, shape `(n,)`.

    Returns
    -------
    MeasuredModel
        The model, or the reason for a missing model: `none_missing`, `few_missing` (fewer than 10), `separated` (part
        of the ages or one sex has nearly no values), or `not_converged`.

    Examples
    --------
    >>> ages, male = np.repeat(np.arange(30.0, 80.0), 4), np.tile([0.0, 1.0, 0.0, 1.0], 50)
    >>> model = measured_model(np.arange(200) % 7 > 0, ages, male)
    >>> model.names, model.reason, bool(model.probability.min() > 0.7)
    (('age', 'sex', 'age squared', 'age by sex'), 'ok', True)
    >>> measured_model(np.ones(200, bool), ages, male).reason
    'none_missing'

    """
    n_missing = len(measured) - int(measured.sum())
    if n_missing < FEWEST_MISSING:
        return _without_model("few_missing" if n_missing else "none_missing")
    t, of_sex = decades(ages), sex_columns(male)
    columns = {"age": t, **of_sex, "age squared": t**2}
    if "sex" in of_sex:
        columns["age by sex"] = t * of_sex["sex"]
    most = min(n_missing, len(measured) - n_missing) // VALUES_PER_COLUMN
    used, design = _independent(dict(list(columns.items())[:most]), len(t))
    coefficients, probability, converged = _logistic(measured, design)
    if np.mean(probability < LOWEST_PROBABILITY) > UNREPRESENTED_SHARE:
        return _without_model("separated")
    return MeasuredModel(used, coefficients, probability, "ok") if converged else _without_model("not_converged")


def inverse_weights(probability: np.ndarray, percentile: float = TRUNCATION_PERCENTILE) -> np.ndarray:
    """Return the inverse probabilities of measured scans, with the largest weights set to a percentile of the weights.

    Parameters
    ----------
    probability : np.ndarray
        Probability of being measured of each measured scan, above 0, shape `(n,)`.
    percentile : float
        Percentile of the weights at which they are truncated; 100 truncates no weight.

    Returns
    -------
    np.ndarray
        Weights of at least 1, shape `(n,)`.

    Examples
    --------
    >>> inverse_weights(np.array([0.5, 0.8, 1.0]), 100).tolist()
    [2.0, 1.25, 1.0]
    >>> inverse_weights(np.array([0.5, 0.8, 1.0]), 50).tolist()
    [1.25, 1.25, 1.0]

    """
    weights = 1 / probability
    truncated: np.ndarray = np.minimum(weights, np.percentile(weights, percentile))
    return truncated


def slope_bounds(values: np.ndarray, measured: np.ndarray, ages: np.ndarray, male: np.ndarray) -> Bounds:
    """Return the slope on age of the model value ~ age + sex, and its bounds if all missing values were extreme.

    Missing values are replaced by the fitted value plus the 5th or the 95th percentile of the residuals of measured
    values, whichever makes the slope smaller (or larger). The bounds assume that the model holds; they are not a
    confidence interval.

    Parameters
    ----------
    values : np.ndarray
        Values (HU, or natural logarithm of mL), shape `(n,)`; NaN where missing.
    measured : np.ndarray of bool
        Whether each scan has a value, shape `(n,)`.
    ages : np.ndarray
        Ages (years), shape `(n,)`, without NaN.
    male : np.ndarray
        1 for men, 0 for women, NaN if the sex is unknown, shape `(n,)`.

    Returns
    -------
    Bounds
        Slope and bounds per decade; all NaN if age does not vary among the measured scans of at least one sex.

    Examples
    --------
    >>> ages, values = np.arange(40.0, 50.0), np.arange(10.0) % 3
    >>> values[9] = np.nan
    >>> bounds = slope_bounds(values, np.isfinite(values), ages, np.zeros(10))
    >>> round(bounds.slope, 3), round(bounds.low, 3), round(bounds.high, 3)
    (1.0, 0.411, 1.589)

    """
    t = decades(ages)
    others = np.column_stack([np.ones(len(t)), *sex_columns(male).values()])
    known = others[measured]
    if np.ptp(t[measured]) == 0 or np.allclose(_residuals(known, t[measured]), 0):
        return Bounds()
    slope = filled_slope(values[measured], np.ones(int(measured.sum()), bool), t[measured], known, np.empty(0))
    # the slope is linear in the values with these coefficients, up to a positive factor
    direction = _residuals(others, t)[~measured]
    low, high = (filled_slope(values, measured, t, others, sign * direction) for sign in (-1, 1))
    return Bounds(slope, low, high)


def filled_slope(
    values: np.ndarray, measured: np.ndarray, t: np.ndarray, others: np.ndarray, direction: np.ndarray
) -> float:
    """Return the slope on age after missing values were replaced by extreme values.

    Parameters
    ----------
    values : np.ndarray
        Values, shape `(n,)`; NaN where missing.
    measured : np.ndarray of bool
        Whether each scan has a value, shape `(n,)`.
    t : np.ndarray
        Age of each scan (decades), shape `(n,)`.
    others : np.ndarray
        Other columns of the model with the intercept, shape `(n, k)`.
    direction : np.ndarray
        Positive if the missing value is large (95th percentile of the residuals), otherwise it is small; shape `(m,)`
        for the m missing values.

    Returns
    -------
    float
        Slope per decade, in the unit of the values.

    Examples
    --------
    >>> t, ones = np.array([0.0, 1.0, 2.0, 3.0]), np.ones((4, 1))
    >>> values = np.array([0.0, 2.0, 1.0, np.nan])
    >>> round(filled_slope(values, np.isfinite(values), t, ones, np.array([1.0])), 3)
    0.755

    """
    design = np.column_stack([others, t])
    coefficients = np.linalg.lstsq(design[measured], values[measured])[0]
    low, high = np.percentile(values[measured] - design[measured] @ coefficients, RESIDUAL_PERCENTILES)
    filled = values.copy()
    filled[~measured] = design[~measured] @ coefficients + np.where(direction > 0, high, low)
    return float(np.linalg.lstsq(design, filled)[0][-1])


def _without_model(reason: str) -> MeasuredModel:
    return MeasuredModel((), np.empty(0), np.empty(0), reason)


def _independent(columns: dict[str, np.ndarray], n: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the columns that do not depend on preceding columns, and the design with a constant.

    With two different ages, for example, age squared depends on age; a fit of both does not reliably converge.
    """
    names: list[str] = []
    design = np.ones((n, 1))
    for name, column in columns.items():
        wider = np.column_stack([design, column])
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            names, design = [*names, name], wider
    return tuple(names), design


def _logistic(measured: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return coefficients, probabilities, and whether the fit converged; probabilities also converge if separated."""
    import statsmodels.api as sm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about separation, which the probabilities show
        fitted = sm.GLM(measured.astype(float), design, family=sm.families.Binomial()).fit(maxiter=ITERATIONS)
        return fitted.params, fitted.fittedvalues, bool(fitted.converged)


def _residuals(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    result: np.ndarray = values - design @ np.linalg.lstsq(design, values)[0]
    return result
