"""Trend of values by age with a confidence band.

With at least 30 values, the trend is a restricted (natural) cubic spline with four knots at the 5th, 35th, 65th, and
95th percentiles of age; with 10 to 29 values, it is a straight line. Both are fitted by least squares. The pointwise
confidence intervals use the HC3 covariance because the variance of the values changes with age, or the cluster-robust
CR2 covariance if patients have several scans.

# SOURCE: knots, Harrell, Regression Modeling Strategies, 2nd ed. 2015, section 2.4.6; HC3, MacKinnon and White,
# J Econometrics 1985;29:305.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ctpop.figures.catalog import SPLINE_FROM
from ctpop.stats.linear_model import linear_model

LINE_FROM = 10
KNOTS = (0.05, 0.35, 0.65, 0.95)
STEPS = 101

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trend:
    """A fitted trend by age (years) with the limits of its confidence interval; `kind` is `spline` or `line`."""

    kind: str
    age_years: Floats
    fit: Floats
    low: Floats
    high: Floats


def trend_of(
    age_years: Floats, values: Floats, confidence: float, patients: NDArray[np.int64] | None = None
) -> Trend | None:
    """Return the trend of values by age, or None if there are too few values or too few different ages.

    `patients` contains the number of the patient of each value; by default, all patients differ.
    """
    if len(values) < LINE_FROM or np.ptp(age_years) == 0:
        return None
    knots = np.quantile(age_years, KNOTS)
    kind = "spline" if len(values) >= SPLINE_FROM and np.all(np.diff(knots) > 0) else "line"
    design = spline_design if kind == "spline" else line_design
    terms = design(age_years, knots)
    inverse = np.linalg.pinv(terms.T @ terms)
    leverage = np.einsum("ij,jk,ik->i", terms, inverse, terms)
    if leverage.max() > 1 - 1e-9:  # a single value determines the trend, and its error cannot be estimated
        return None
    model = linear_model(terms, np.arange(len(values)) if patients is None else patients)
    if not model.kept.all() or model.simple_df < 1:
        return None
    fitted = model.fit(values)
    grid = np.linspace(age_years.min(), age_years.max(), STEPS)
    along = design(grid, knots)
    fit = along @ fitted.coefficients
    error = np.sqrt(np.einsum("ij,jk,ik->i", along, fitted.covariance, along).clip(min=0))
    width = special.stdtrit(model.simple_df, (1 + confidence) / 2) * error
    return Trend(kind, grid, fit, fit - width, fit + width)


def line_design(age_years: Floats, knots: Floats) -> Floats:
    """Return the design columns of a straight line: 1 and age, scaled to 0 to 1 between the outer knots."""
    return np.column_stack([np.ones(len(age_years)), _scaled(age_years, knots)])


def spline_design(age_years: Floats, knots: Floats) -> Floats:
    """Return the design columns of a restricted cubic spline, which is linear beyond the outer knots.

    For k knots t and j = 1 … k - 2: (x - t_j)³₊ - (x - t_{k-1})³₊ (t_k - t_j)/(t_k - t_{k-1})
    + (x - t_k)³₊ (t_{k-1} - t_j)/(t_k - t_{k-1}).
    """
    x, t = _scaled(age_years, knots), _scaled(knots, knots)
    last, before = t[-1], t[-2]
    curved = [
        _cube(x - knot)
        - _cube(x - before) * (last - knot) / (last - before)
        + _cube(x - last) * (before - knot) / (last - before)
        for knot in t[:-2]
    ]
    return np.column_stack([np.ones(len(x)), x, *curved])


def _scaled(ages: Floats, knots: Floats) -> Floats:
    width = float(knots[-1] - knots[0]) or 1.0
    return np.asarray((ages - knots[0]) / width)


def _cube(distance: Floats) -> Floats:
    return np.asarray(np.maximum(distance, 0.0) ** 3)
