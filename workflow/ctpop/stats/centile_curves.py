"""Centile curves over age: a distribution whose location and spread follow natural splines of age.

Location and the logarithm of the spread are splines, skew and tail are the same at all ages. Fitted by maximum
likelihood with analytic gradients and L-BFGS-B.
"""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.distributions import Model, Points
from ctpop.stats.splines import natural_basis

LOCATION_KNOTS = (0.05, 0.35, 0.65, 0.95)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3
SPREAD_KNOTS = (0.1, 0.5, 0.9)  # SOURCE: likewise
LARGEST_SHAPE = 3.0  # |L|, and T from 1/3 to 3: far beyond any organ
LOG_SPREADS = (-12.0, 6.0)  # of values of sd 1
FLAT = 1e-5  # slope of the mean log likelihood that counts as 0
MOST_STEPS = 500

Limits = list[tuple[float | None, float | None]]


@dataclass(frozen=True)
class Curves:
    """A fitted model: `at` gives its parameters at any age, `z_of` and `value_of` scores and centiles."""

    model: Model
    location_knots: np.ndarray
    spread_knots: np.ndarray
    parameters: np.ndarray

    def at(self, ages: np.ndarray) -> Points:
        """Return the parameters at ages (years)."""
        location, spread = natural_basis(ages, self.location_knots), natural_basis(ages, self.spread_knots)
        fitted = _points(self.parameters, location, spread)
        return Points(self.model.location(fitted.location), fitted.log_spread, fitted.skew, fitted.log_tail)

    def z_of(self, values: np.ndarray, ages: np.ndarray) -> np.ndarray:
        """Return the z score of each value."""
        return self.model.z_of(values, self.at(ages))

    def value_of(self, z: float, ages: np.ndarray) -> np.ndarray:
        """Return the value with a z score at each age."""
        return self.model.value_of(z, self.at(ages))


def fit_curves(values: np.ndarray, ages: np.ndarray, model: Model) -> Curves | None:
    """Return the curves of values (above 0 for `bccg`) over ages, or nothing if the fit did not converge.

    Ages need three different knots in `LOCATION_KNOTS` and `SPREAD_KNOTS`, and values must differ. The scale of values
    does not matter: they are divided by their sd on the way.
    """
    from scipy.optimize import minimize

    unit = float(values.std())
    y = values / unit
    knots = np.unique(np.quantile(ages, LOCATION_KNOTS)), np.unique(np.quantile(ages, SPREAD_KNOTS))
    location, spread = natural_basis(ages, knots[0]), natural_basis(ages, knots[1])
    start = _start(model.to_fit(y), location, spread)
    limits: Limits = [(None, None)] * location.shape[1] + [LOG_SPREADS] * spread.shape[1] + _shape_limits(model)
    found = minimize(
        _cost,
        start,
        (y, location, spread, model),
        method="L-BFGS-B",
        jac=True,
        bounds=limits,
        options={"maxiter": MOST_STEPS, "ftol": 1e-13, "gtol": FLAT / 10, "maxcor": 20},
    )
    settled = found.success or np.abs(_free_slope(found.x, found.jac, limits)).max() < FLAT
    if not settled or not np.isfinite(found.fun):
        return None
    heights, spreads, shape = np.split(found.x, np.cumsum([location.shape[1], spread.shape[1]]))
    return Curves(model, *knots, np.concatenate([*model.in_units(heights, spreads, unit), shape]))


def _start(target: np.ndarray, location: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return least squares curves with one spread and no skew."""
    heights = np.linalg.lstsq(location, target)[0]
    sd = max(float((target - location @ heights).std()), 1e-4)
    return np.concatenate([heights, np.full(spread.shape[1], math.log(sd)), [0.1, 0.0]])


def _shape_limits(model: Model) -> Limits:
    tail = math.log(LARGEST_SHAPE) if model.has_tail else 0.0
    return [(-LARGEST_SHAPE, LARGEST_SHAPE), (-tail, tail)]


def _points(parameters: np.ndarray, location: np.ndarray, spread: np.ndarray) -> Points:
    m, s = location.shape[1], spread.shape[1]
    heights, spreads = parameters[:m], parameters[m : m + s]
    return Points(location @ heights, spread @ spreads, float(parameters[m + s]), float(parameters[m + s + 1]))


def _cost(
    parameters: np.ndarray, y: np.ndarray, location: np.ndarray, spread: np.ndarray, model: Model
) -> tuple[float, np.ndarray]:
    """Return the mean of -ln f and its gradient; far from any solution, where it overflows, a wall."""
    with np.errstate(over="ignore", invalid="ignore"):
        value, (by_location, by_spread, by_skew, by_tail) = model.log_density(y, _points(parameters, location, spread))
        cost = -float(value.mean())
        slopes = [location.T @ by_location, spread.T @ by_spread, np.array([by_skew.sum(), by_tail.sum()])]
    gradient = -np.concatenate(slopes) / len(y)
    if not (math.isfinite(cost) and np.isfinite(gradient).all()):
        return 1e10, np.zeros(len(parameters))
    return cost, gradient


def _free_slope(parameters: np.ndarray, slope: np.ndarray, limits: Limits) -> np.ndarray:
    """Return the gradient without the parts of parameters that are at a limit."""
    bounds = np.array([(-np.inf if low is None else low, np.inf if high is None else high) for low, high in limits])
    return np.where((parameters <= bounds[:, 0]) | (parameters >= bounds[:, 1]), 0.0, slope)
