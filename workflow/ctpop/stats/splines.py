"""Dependence of values on age by a natural cubic spline, with tests of linearity and of interaction with sex.

The spline is `cr` of patsy, whose coefficients are the heights of the curve at its knots. Hypotheses about the curve
are therefore hypotheses about heights: a flat curve has equal heights, and a straight curve has heights on a line.
"""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.f_tail import log10_p_of_f

KNOTS = (0.05, 0.35, 0.65, 0.95)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3
FEWEST_KNOTS = 3
ALONE = 1e-8  # limit of 1 - leverage for a patient who is the only member of a category and is fitted exactly
TERMS = ("age", "nonlinear", "interaction")


@dataclass(frozen=True)
class Wald:
    """F test of a hypothesis about a curve, robust to unequal spread; missing (NaN) if it is not defined.

    Attributes
    ----------
    f : float
        Wald statistic divided by its degrees of freedom.
    df_1 : float
        Degrees of freedom of the numerator: the number of contrasts.
    df_2 : float
        Degrees of freedom of the denominator: the number of values minus the number of columns.
    log10_p : float
        Decimal logarithm of P.
    partial_r_squared : float
        Proportion of the residual variance of the model without the term that the term explains, from 0 to 1.

    Examples
    --------
    >>> Wald().f
    nan

    """

    f: float = math.nan
    df_1: float = math.nan
    df_2: float = math.nan
    log10_p: float = math.nan
    partial_r_squared: float = math.nan


def knots_of(ages: np.ndarray) -> np.ndarray:
    """Return the distinct knots of a spline: the 5th, 35th, 65th, and 95th percentiles of age (linear quantiles).

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years, without missing values.

    Returns
    -------
    np.ndarray of float, shape (k,)
        Knots in years, in ascending order: four, or fewer if percentiles are equal; none without ages.

    Examples
    --------
    >>> knots_of(np.arange(20.0, 121.0)).round(6).tolist()
    [25.0, 55.0, 85.0, 115.0]

    """
    return np.unique(np.quantile(ages, KNOTS)) if len(ages) else np.empty(0)


def natural_basis(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns of a natural cubic spline, which is linear beyond its outer knots.

    The sum of each row is 1; the coefficients are the heights at the knots.

    Parameters
    ----------
    x : np.ndarray of float, shape (n,)
        Points of the curve, such as ages in years.
    knots : np.ndarray of float, shape (k,)
        At least three knots in ascending order, in the unit of `x`.

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

    """
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


def age_columns(ages: np.ndarray, knots: np.ndarray, sex: np.ndarray | None) -> np.ndarray:
    """Return the columns of the age curve: the mean of both sexes and, if `sex` is given, their difference.

    The columns include the constant and the main effect of sex.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years.
    knots : np.ndarray of float, shape (k,)
        At least three knots in years, in ascending order.
    sex : np.ndarray of float, shape (n,), or None
        Sex as 0 and 1, in the order of the ages; None for a single curve for all patients.

    Returns
    -------
    np.ndarray of float, shape (n, k) or (n, 2 k)
        Basis of the curve, followed by the basis of the difference between the sexes (1 minus 0) if `sex` is given.

    Examples
    --------
    >>> ages, knots = np.array([20.0, 40.0, 60.0]), np.array([20.0, 40.0, 60.0])
    >>> age_columns(ages, knots, None).shape
    (3, 3)
    >>> age_columns(ages, knots, np.array([0.0, 1.0, 1.0])).shape
    (3, 6)

    """
    curve = natural_basis(ages, knots)
    return curve if sex is None else np.column_stack([curve, (sex - 0.5)[:, np.newaxis] * curve])


def hypotheses(knots: np.ndarray, sexes: bool, others: int) -> dict[str, np.ndarray]:
    """Return the contrasts over all coefficients that are 0 under each hypothesis.

    Parameters
    ----------
    knots : np.ndarray of float, shape (k,)
        Knots in years, in ascending order.
    sexes : bool
        Whether the model has a curve for each sex.
    others : int
        Number of columns of the model after those of the age curve.

    Returns
    -------
    dict of str to np.ndarray of float, shape (contrasts, coefficients)
        Contrasts by term. `age`: the curves of all sexes are flat; `nonlinear`: they are straight; `interaction`: the
        difference between the sexes is the same at all ages. `interaction` is absent if `sexes` is False.

    Examples
    --------
    >>> knots = np.array([20.0, 40.0, 60.0])
    >>> {term: contrasts.shape for term, contrasts in hypotheses(knots, True, 1).items()}
    {'age': (4, 7), 'nonlinear': (2, 7), 'interaction': (2, 7)}

    """
    flat, straight = steps(knots), bends(knots)
    both = {"age": np.kron(np.eye(1 + sexes), flat), "nonlinear": np.kron(np.eye(1 + sexes), straight)}
    if sexes:
        both["interaction"] = np.column_stack([np.zeros_like(flat), flat])
    return {term: np.column_stack([contrasts, np.zeros((len(contrasts), others))]) for term, contrasts in both.items()}


def age_tests(values: np.ndarray, curve: np.ndarray, others: np.ndarray, knots: np.ndarray) -> dict[str, Wald]:
    """Return the tests of the age curve with other covariates, by least squares with HC3 standard errors.

    F is the Wald statistic divided by its degrees of freedom, with n - columns denominator degrees of freedom
    (MacKinnon and White, J Econometrics 1985;29:305). A patient who is the only member of a category is fitted exactly
    and provides no information about age; the patient and the column are excluded.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values of the dependent variable, in any unit (HU, mL).
    curve : np.ndarray of float, shape (n, k) or (n, 2 k)
        Columns of the age curve, from `age_columns`.
    others : np.ndarray of float, shape (n, q)
        Columns of the other covariates; q can be 0.
    knots : np.ndarray of float, shape (k,)
        Knots of the curve in years, in ascending order.

    Returns
    -------
    dict of str to Wald
        Tests by term, as in `hypotheses`. The result is empty if there are no more values than columns, if columns are
        linearly dependent, or if all values are equal or have no residual. A test is missing (NaN) if the standard
        error of its contrasts cannot be estimated.

    Examples
    --------
    >>> ages = np.arange(20.0, 81.0)
    >>> knots = knots_of(ages)
    >>> values = ages + np.where(np.arange(61) % 2, 1.0, -1.0)
    >>> tests = age_tests(values, age_columns(ages, knots, None), np.empty((61, 0)), knots)
    >>> {term: (test.df_1, test.df_2, round(test.partial_r_squared, 2)) for term, test in tests.items()}
    {'age': (3, 57, 1.0), 'nonlinear': (2, 57, 0.0)}

    """
    from statsmodels.regression.linear_model import OLS

    columns = np.column_stack([curve, others])
    kept = leverage(columns) < 1 - ALONE
    y, x = values[kept], columns[kept]
    x = np.column_stack([x[:, : curve.shape[1]], _filled(x[:, curve.shape[1] :])])
    degrees = len(y) - x.shape[1]
    if degrees < 1 or np.linalg.matrix_rank(x) < x.shape[1] or np.ptp(y) == 0:
        return {}
    fit = OLS(y, x).fit(cov_type="HC3", use_t=True)
    left = float(fit.ssr)
    if left <= 1e-20 * float(y @ y):
        return {}
    sexes = curve.shape[1] > len(knots)
    found = {}
    for term, contrasts in hypotheses(knots, sexes, x.shape[1] - curve.shape[1]).items():
        if np.linalg.matrix_rank(contrasts @ fit.cov_params() @ contrasts.T) < len(contrasts):
            found[term] = Wald()
            continue
        f = float(fit.wald_test(contrasts, scalar=True).fvalue)
        gained = _gain(contrasts, fit.params, fit.normalized_cov_params)
        p = log10_p_of_f(f, len(contrasts), degrees)
        found[term] = Wald(f, len(contrasts), degrees, p, gained / (gained + left))
    return found


def leverage(columns: np.ndarray) -> np.ndarray:
    """Return the leverage of each row, which is 1 if the row is fitted exactly for any value.

    Parameters
    ----------
    columns : np.ndarray of float, shape (n, p)
        Columns of a linear model, which can be linearly dependent.

    Returns
    -------
    np.ndarray of float, shape (n,)
        Leverage of each row, from 0 to 1.

    Examples
    --------
    >>> leverage(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).round(6).tolist()
    [0.5, 0.5, 1.0]

    """
    basis, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    result: np.ndarray = (basis[:, sizes > 1e-10 * sizes.max(initial=0)] ** 2).sum(axis=1)
    return result


def _filled(columns: np.ndarray) -> np.ndarray:
    """Return the columns that vary."""
    return columns[:, np.ptp(columns, axis=0) > 0] if len(columns) else columns


def _gain(contrasts: np.ndarray, coefficients: np.ndarray, inverse: np.ndarray) -> float:
    """Return the increase of the sum of squared residuals if the contrasts are constrained to 0."""
    broken = contrasts @ coefficients
    return float(broken @ np.linalg.solve(contrasts @ inverse @ contrasts.T, broken))
