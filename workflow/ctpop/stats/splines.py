"""How values depend on age along a natural cubic spline, and whether the curve is straight, or one for both sexes.

The spline is patsy's `cr`, whose coefficients are the heights of the curve at its knots, so that a hypothesis about the
curve is one about heights: a flat curve has equal ones, a straight curve has them on a line.
"""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.f_tail import log10_p_of_f

KNOTS = (0.05, 0.35, 0.65, 0.95)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3
FEWEST_KNOTS = 3
ALONE = 1e-8  # 1 - leverage of a patient whose own column fits it, as the only one of its kind
TERMS = ("age", "nonlinear", "interaction")


@dataclass(frozen=True)
class Wald:
    """F test of a hypothesis about a curve, robust to unequal spread; missing where it is not defined.

    `partial_r_squared` is the share of the variance which the model without the term leaves that the term explains.
    """

    f: float = math.nan
    df_1: float = math.nan
    df_2: float = math.nan
    log10_p: float = math.nan
    partial_r_squared: float = math.nan


def knots_of(ages: np.ndarray) -> np.ndarray:
    """Return the distinct knots of a spline: the 5th, 35th, 65th and 95th percentile of age (linear quantiles)."""
    return np.unique(np.quantile(ages, KNOTS)) if len(ages) else np.empty(0)


def natural_basis(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the columns (n, knots) of a natural cubic spline, which is straight beyond its outer knots.

    The sum of each row is 1; the coefficients are the heights at the knots. Three knots or more, in rising order.
    """
    import patsy

    columns: np.ndarray = np.asarray(patsy.cr(x, knots=knots[1:-1], lower_bound=knots[0], upper_bound=knots[-1]))
    return columns


def steps(knots: np.ndarray) -> np.ndarray:
    """Return the contrasts (knots - 1, knots) that are 0 if heights at the knots are equal."""
    return np.diff(np.eye(len(knots)), axis=0)


def bends(knots: np.ndarray) -> np.ndarray:
    """Return the contrasts (knots - 2, knots) that are 0 if heights at the knots lie on a line."""
    slopes = steps(knots) / np.diff(knots)[:, np.newaxis]
    result: np.ndarray = np.diff(slopes, axis=0) * np.ptp(knots)
    return result


def age_columns(ages: np.ndarray, knots: np.ndarray, sex: np.ndarray | None) -> np.ndarray:
    """Return the columns of the age curve: the mean of both sexes', and where sexes are given their difference.

    `sex` is 0 and 1. The columns hold the constant and the main effect of sex, too.
    """
    curve = natural_basis(ages, knots)
    return curve if sex is None else np.column_stack([curve, (sex - 0.5)[:, np.newaxis] * curve])


def hypotheses(knots: np.ndarray, sexes: bool, others: int) -> dict[str, np.ndarray]:
    """Return the contrasts over all coefficients that are 0 under each hypothesis.

    `age`: the curves of all sexes are flat; `nonlinear`: they are straight; `interaction`: their distance is the same
    at all ages, which is missing without sexes.
    """
    flat, straight = steps(knots), bends(knots)
    both = {"age": np.kron(np.eye(1 + sexes), flat), "nonlinear": np.kron(np.eye(1 + sexes), straight)}
    if sexes:
        both["interaction"] = np.column_stack([np.zeros_like(flat), flat])
    return {term: np.column_stack([contrasts, np.zeros((len(contrasts), others))]) for term, contrasts in both.items()}


def age_tests(values: np.ndarray, curve: np.ndarray, others: np.ndarray, knots: np.ndarray) -> dict[str, Wald]:
    """Return the tests of the age curve beside other columns (n, q), by least squares with HC3 standard errors.

    `curve` are the `age_columns`. F is the Wald statistic over its degrees of freedom, with n - columns in the
    denominator (MacKinnon and White, J Econometrics 1985;29:305). A patient who alone has a kind is fitted exactly and
    tells nothing of age: it is left out with its column. Nothing beyond the columns, columns that depend on each other,
    or values without a residual give no results; a hypothesis whose error cannot be told, a missing one.
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
    """Return the leverage of each row: 1 where the row is fitted exactly, whatever its value."""
    basis, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    result: np.ndarray = (basis[:, sizes > 1e-10 * sizes.max(initial=0)] ** 2).sum(axis=1)
    return result


def _filled(columns: np.ndarray) -> np.ndarray:
    """Return the columns that still vary."""
    return columns[:, np.ptp(columns, axis=0) > 0] if len(columns) else columns


def _gain(contrasts: np.ndarray, coefficients: np.ndarray, inverse: np.ndarray) -> float:
    """Return how much the sum of squared residuals grows if the contrasts are forced to 0."""
    broken = contrasts @ coefficients
    return float(broken @ np.linalg.solve(contrasts @ inverse @ contrasts.T, broken))
