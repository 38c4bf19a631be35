"""Centile curves over age: a distribution whose location and spread follow natural splines of age.

The location and the logarithm of the spread are splines; skew and tail are the same at all ages. The fit maximizes the
likelihood with analytic gradients and L-BFGS-B.
"""

import math
from dataclasses import dataclass

import numpy as np

from ctpop.stats.distributions import Model, Points
from ctpop.stats.splines import natural_basis

LOCATION_KNOTS = (0.05, 0.35, 0.65, 0.95)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3
SPREAD_KNOTS = (0.1, 0.5, 0.9)  # SOURCE: Harrell, table 2.3
LARGEST_SHAPE = 3.0  # limit of |L|, and of T (1/3 to 3), far beyond the values of any organ
LOG_SPREADS = (-12.0, 6.0)  # limits of ln S for values with SD 1
FLAT = 1e-5  # largest slope of the mean log likelihood that is treated as 0
MOST_STEPS = 500

Limits = list[tuple[float | None, float | None]]


@dataclass(frozen=True)
class Curves:
    """A fitted model: the parameters, the z scores and the centiles at any age.

    `at` returns the parameters of the distribution at given ages, `z_of` returns z scores, and `value_of` returns
    centiles.

    Attributes
    ----------
    model : Model
        Distribution of the values at one age.
    location_knots : np.ndarray
        Knots of the spline of the location, in years, ascending, shape `(m,)` with m of at least 3.
    spread_knots : np.ndarray
        Knots of the spline of ln S, in years, ascending, shape `(s,)` with s of at least 3.
    parameters : np.ndarray
        Shape `(m + s + 2,)`: the heights of the location at its knots (on the scale that the model fits, which is ln M
        for `bccg`), the heights of ln S at its knots, L and ln T.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> parameters = np.concatenate([np.full(3, 100.0), np.full(3, math.log(10)), [0.0, 0.0]])
    >>> knots = np.array([20.0, 50.0, 80.0])
    >>> curves = Curves(MODELS["shash"], knots, knots, parameters)
    >>> curves.value_of(1.0, np.array([30.0, 70.0])).round(6)
    array([110., 110.])
    >>> curves.z_of(np.array([110.0, 90.0]), np.array([30.0, 70.0])).round(6)
    array([ 1., -1.])

    """

    model: Model
    location_knots: np.ndarray
    spread_knots: np.ndarray
    parameters: np.ndarray

    def at(self, ages: np.ndarray) -> Points:
        """Return the parameters of the distribution at ages.

        Parameters
        ----------
        ages : np.ndarray
            Ages in years, shape `(n,)`.

        Returns
        -------
        Points
            M and ln S, each of shape `(n,)`, and L and ln T, which are the same at all ages.

        """
        location, spread = natural_basis(ages, self.location_knots), natural_basis(ages, self.spread_knots)
        fitted = _points(self.parameters, location, spread)
        return Points(self.model.location(fitted.location), fitted.log_spread, fitted.skew, fitted.log_tail)

    def z_of(self, values: np.ndarray, ages: np.ndarray) -> np.ndarray:
        """Return the z score of each value.

        Parameters
        ----------
        values : np.ndarray
            Values in the unit of the fitted values, shape `(n,)`; above 0 for `bccg`.
        ages : np.ndarray
            Age of each value in years, shape `(n,)`.

        Returns
        -------
        np.ndarray
            z scores, shape `(n,)`.

        """
        return self.model.z_of(values, self.at(ages))

    def value_of(self, z: float, ages: np.ndarray) -> np.ndarray:
        """Return the value with a z score at each age.

        Parameters
        ----------
        z : float
                z score; the standard normal distribution function of z is the proportion below the centile.
        ages : np.ndarray
            Ages in years, shape `(n,)`.

        Returns
        -------
        np.ndarray
            Values in the unit of the fitted values, shape `(n,)`.

        """
        return self.model.value_of(z, self.at(ages))


def fit_curves(values: np.ndarray, ages: np.ndarray, model: Model) -> Curves | None:
    """Return the curves of values over ages, or None if the fit does not converge.

    The unit of the values does not affect the fit: the values are divided by their SD before the fit, and the
    parameters are converted back afterward.

    Parameters
    ----------
    values : np.ndarray
        Values in any unit, such as mL or HU, shape `(n,)`; not all equal, and above 0 for `bccg`.
    ages : np.ndarray
        Age of each value in years, shape `(n,)`; the quantiles of `LOCATION_KNOTS` and of `SPREAD_KNOTS` must each
        include at least three distinct ages.
    model : Model
        Distribution of the values at one age, one of `ctpop.stats.distributions.MODELS`.

    Returns
    -------
    Curves or None
        Fitted curves in the unit of the values; None if the optimizer does not converge.

    Raises
    ------
    ValueError
        If the ages yield fewer than three distinct knots of either spline, or if the SD of the values is 0.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 61)
    >>> volumes = 100 + ages + 10 * np.sin(2.4 * np.arange(61))
    >>> curves = fit_curves(volumes, ages, MODELS["bccg"])
    >>> curves.value_of(0.0, np.array([30.0, 50.0, 70.0])).round(-1)
    array([130., 150., 170.])

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
    """Return least-squares curves with constant spread and without skew."""
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
    """Return the mean of -ln f and its gradient, or 1e10 and zeros if either is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        value, (by_location, by_spread, by_skew, by_tail) = model.log_density(y, _points(parameters, location, spread))
        cost = -float(value.mean())
        slopes = [location.T @ by_location, spread.T @ by_spread, np.array([by_skew.sum(), by_tail.sum()])]
    gradient = -np.concatenate(slopes) / len(y)
    if not (math.isfinite(cost) and np.isfinite(gradient).all()):
        return 1e10, np.zeros(len(parameters))
    return cost, gradient


def _free_slope(parameters: np.ndarray, slope: np.ndarray, limits: Limits) -> np.ndarray:
    """Return the gradient with 0 for parameters that are at a limit."""
    bounds = np.array([(-np.inf if low is None else low, np.inf if high is None else high) for low, high in limits])
    return np.where((parameters <= bounds[:, 0]) | (parameters >= bounds[:, 1]), 0.0, slope)
