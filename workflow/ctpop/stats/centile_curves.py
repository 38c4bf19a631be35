"""Centile curves over age: a distribution whose location and spread follow natural splines of age.

The location and the logarithm of the spread are splines; the skew is constant or linear in age, and the tail parameter
is the same at all ages. The fit maximizes the likelihood with analytic gradients, L-BFGS-B, and final Newton steps.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ctpop.stats.centile_likelihood import IMPOSSIBLE, CentileSample, Form, Likelihood, likelihood_of
from ctpop.stats.distributions import Model, Points

LOCATION_KNOTS = (0.05, 0.35, 0.65, 0.95)  # SOURCE: Harrell, Regression Modeling Strategies, 2nd ed. 2015, table 2.3
SPREAD_KNOTS = (0.1, 0.5, 0.9)  # SOURCE: Harrell, table 2.3
FLAT = 1e-5  # largest slope of the mean log likelihood that is treated as 0
MOST_STEPS = 500
NEWTON_STEPS = 4
AT_LIMIT = 1e-4  # distance from a limit, in the unit of the parameter, at which a parameter is at its limit
START_SKEW = 0.1


@dataclass(frozen=True)
class Curves:
    """A fitted model: the parameters, the z scores and the centiles at any age.

    `at` returns the parameters of the distribution at given ages, `z_of` returns z scores, and `value_of` returns
    centiles.

    Attributes
    ----------
    model : Model
        Distribution of the values at one age.
    form : Form
        Knots of the location, of ln S, and of the skew.
    location : np.ndarray
        Heights of the location at its knots, on the scale that the model fits (ln M for `bccg` and `bct`).
    log_spread : np.ndarray
        Heights of ln S at its knots.
    skew : np.ndarray
        L at the ages of `form.skew`.
    log_tail : float
        ln T; 0 without a tail parameter.
    location_effects : np.ndarray
        Effects of levels on the location, shape `(q,)`; empty without covariates.
    spread_effects : np.ndarray
        Effects of levels on ln S, shape `(q,)`.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> knots, none = np.array([20.0, 50.0, 80.0]), np.empty(0)
    >>> form, heights = Form(knots, knots, np.array([50.0])), np.full(3, 100.0)
    >>> spread = np.full(3, math.log(10))
    >>> curves = Curves(MODELS["shash"], form, heights, spread, np.zeros(1), 0.0, none, none)
    >>> curves.value_of(1.0, np.array([30.0, 70.0])).round(6)
    array([110., 110.])
    >>> curves.z_of(np.array([110.0, 90.0]), np.array([30.0, 70.0])).round(6)
    array([ 1., -1.])

    """

    model: Model
    form: Form
    location: np.ndarray
    log_spread: np.ndarray
    skew: np.ndarray
    log_tail: float
    location_effects: np.ndarray
    spread_effects: np.ndarray

    def at(self, ages: np.ndarray, effects: np.ndarray | None = None) -> Points:
        """Return the parameters of the distribution at ages.

        Parameters
        ----------
        ages : np.ndarray
            Ages in years, shape `(n,)`.
        effects : np.ndarray, optional
            Sum-to-zero indicators of levels, shape `(n, q)`; if omitted, the curves for the mean of the levels.

        Returns
        -------
        Points
            M, ln S, and L, each of shape `(n,)`, and ln T, which is the same at all ages.

        """
        location, spread, skew = self.form.bases(ages)
        fitted, log_spread = location @ self.location, spread @ self.log_spread
        if effects is not None:
            fitted, log_spread = fitted + effects @ self.location_effects, log_spread + effects @ self.spread_effects
        return Points(self.model.location(fitted), log_spread, skew @ self.skew, self.log_tail)

    def z_of(self, values: np.ndarray, ages: np.ndarray, effects: np.ndarray | None = None) -> np.ndarray:
        """Return the z score of each value.

        Parameters
        ----------
        values : np.ndarray
            Values in the unit of the fitted values, shape `(n,)`; above 0 for `bccg` and `bct`.
        ages : np.ndarray
            Age of each value in years, shape `(n,)`.
        effects : np.ndarray, optional
            Sum-to-zero indicators of levels, shape `(n, q)`; if omitted, the mean of the levels.

        Returns
        -------
        np.ndarray
            z scores, shape `(n,)`.

        """
        return self.model.z_of(values, self.at(ages, effects))

    def value_of(self, z: float, ages: np.ndarray) -> np.ndarray:
        """Return the value with a z score at each age, for the mean of the levels.

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


@dataclass(frozen=True)
class Fit:
    """A converged fit with its likelihood.

    Attributes
    ----------
    likelihood : Likelihood
        Likelihood of the sample.
    form : Form
        Knots of the curves.
    parameters : np.ndarray
        Maximum likelihood estimates for values divided by the unit of the likelihood, shape `(p,)`.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 61)
    >>> sample = CentileSample(100 + ages + 10 * np.sin(2.4 * np.arange(61)), ages, np.arange(61), np.empty((61, 0)))
    >>> fit = fitted(sample, form_of(ages), MODELS["bccg"])
    >>> fit.df, round(fit.bic - fit.aic, 3)
    (8, 16.887)

    """

    likelihood: Likelihood
    form: Form
    parameters: np.ndarray

    @property
    def df(self) -> int:
        """Number of parameters.

        Returns
        -------
        int
            Number of estimated parameters.

        """
        return len(self.parameters)

    @cached_property
    def deviance(self) -> float:
        """Deviance in the unit of the values: -2 times the sum of the weighted ln f.

        Returns
        -------
        float
            Deviance.

        """
        weight = self.likelihood.weights.sum()
        return float(2 * weight * (self.likelihood.cost(self.parameters)[0] + math.log(self.likelihood.unit)))

    @property
    def aic(self) -> float:
        """Akaike information criterion.

        Returns
        -------
        float
            Deviance plus twice the number of parameters.

        """
        return self.deviance + 2 * self.df

    @property
    def bic(self) -> float:
        """Bayesian information criterion, with the number of patients as the number of observations.

        Returns
        -------
        float
            Deviance plus the number of parameters times ln(patients).

        """
        return self.deviance + self.df * math.log(self.likelihood.weights.sum())

    @property
    def at_limit(self) -> bool:
        """Whether the spread, the skew, or the tail parameter is at a limit of its range.

        Returns
        -------
        bool
            True if at least one parameter is at a limit.

        """
        distance = np.abs(self.likelihood.limits - self.parameters[:, np.newaxis])
        return bool((distance < AT_LIMIT).any())

    @cached_property
    def curvature(self) -> np.ndarray:
        """Second derivatives of ln f of each value with respect to its location, ln S, L, and ln T.

        Returns
        -------
        np.ndarray
            Symmetric matrices, shape `(n, 4, 4)`.

        """
        return self.likelihood.curvature(self.parameters)

    @cached_property
    def curves(self) -> Curves:
        """Curves in the unit of the values.

        Returns
        -------
        Curves
            Curves for ages and levels.

        """
        model, unit, counts = self.likelihood.model, self.likelihood.unit, (len(self.form.location),)
        location, spread, skew, tail = np.split(self.parameters, self.likelihood.ends[:-1])
        heights, location_effects = np.split(location, counts)
        log_spread, spread_effects = np.split(spread, (len(self.form.spread),))
        nothing = model.in_units(np.zeros(len(location_effects)), np.zeros(1), unit)[0]
        location_effects = model.in_units(location_effects, np.zeros(1), unit)[0] - nothing
        heights, log_spread = model.in_units(heights, log_spread, unit)
        log_tail = float(tail[0]) if len(tail) else 0.0
        return Curves(model, self.form, heights, log_spread, skew, log_tail, location_effects, spread_effects)


def form_of(ages: np.ndarray, *, skew_by_age: bool = False, symmetric: bool = False) -> Form:
    """Return the knots of the curves from the distribution of age.

    Parameters
    ----------
    ages : np.ndarray
        Ages in years, shape `(n,)`.
    skew_by_age : bool
        Whether the skew is linear in age, between the lowest and the highest age.
    symmetric : bool
        Whether the skew is 0.

    Returns
    -------
    Form
        Knots of the location at the 5th, 35th, 65th, and 95th percentiles of age, and of ln S at the 10th, 50th, and
        90th percentiles; equal knots are merged.

    Examples
    --------
    >>> form_of(np.arange(0.0, 101.0), skew_by_age=True).skew.tolist()
    [0.0, 100.0]

    """
    skew = np.array([ages.min(), ages.max()]) if skew_by_age else np.array([float(np.mean(ages))])
    skew = np.empty(0) if symmetric else skew
    return Form(np.unique(np.quantile(ages, LOCATION_KNOTS)), np.unique(np.quantile(ages, SPREAD_KNOTS)), skew)


def fitted(sample: CentileSample, form: Form, model: Model, start: np.ndarray | None = None) -> Fit | None:
    """Return the maximum likelihood fit of a sample, or None if it does not converge.

    The unit of the values does not affect the fit: the values are divided by their SD before the fit, and the curves
    are converted back afterward.

    Parameters
    ----------
    sample : CentileSample
        Values of one sex, not all equal, and above 0 for `bccg` and `bct`.
    form : Form
        Knots of the curves.
    model : Model
        Distribution of the values at one age, one of `ctpop.stats.distributions.MODELS`.
    start : np.ndarray, optional
        Parameters at which the fit starts, shape `(p,)`; if omitted, a least-squares fit.

    Returns
    -------
    Fit or None
        The fit; None if the optimizer does not converge.

    Raises
    ------
    ValueError
        If the SD of the values is 0.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 61)
    >>> volumes = 100 + ages + 10 * np.sin(2.4 * np.arange(61))
    >>> sample = CentileSample(volumes, ages, np.arange(61), np.empty((61, 0)))
    >>> fitted(sample, form_of(ages), MODELS["bccg"]).curves.value_of(0.0, np.array([30.0, 50.0, 70.0])).round(-1)
    array([130., 150., 170.])

    """
    likelihood = likelihood_of(sample, form, model)
    parameters = maximized(likelihood, _start(likelihood) if start is None else start)
    return None if parameters is None else Fit(likelihood, form, parameters)


def fit_curves(values: np.ndarray, ages: np.ndarray, model: Model) -> Curves | None:
    """Return the curves of values of different patients over ages, or None if the fit does not converge.

    Parameters
    ----------
    values : np.ndarray
        Values in any unit, such as mL or HU, shape `(n,)`; not all equal, and above 0 for `bccg` and `bct`.
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
        If the SD of the values is 0.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.linspace(20, 80, 61)
    >>> volumes = 100 + ages + 10 * np.sin(2.4 * np.arange(61))
    >>> curves = fit_curves(volumes, ages, MODELS["bccg"])
    >>> curves.value_of(0.0, np.array([30.0, 50.0, 70.0])).round(-1)
    array([130., 150., 170.])

    """
    sample = CentileSample(values, ages, np.arange(len(values)), np.empty((len(values), 0)))
    found = fitted(sample, form_of(ages), model)
    return found.curves if found else None


def maximized(likelihood: Likelihood, start: np.ndarray) -> np.ndarray | None:
    """Return the parameters with the largest likelihood, or None if the optimizer does not converge.

    Parameters
    ----------
    likelihood : Likelihood
        Likelihood of the sample.
    start : np.ndarray
        Parameters at which the optimizer starts, shape `(p,)`.

    Returns
    -------
    np.ndarray or None
        Parameters within their limits, shape `(p,)`.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages, knots = np.arange(20.0, 80.0), np.array([20.0, 80.0])
    >>> sample = CentileSample(100 + ages + np.tile([-9.0, 9.0], 30), ages, np.arange(60), np.empty((60, 0)))
    >>> likelihood = likelihood_of(sample, Form(knots, knots, np.array([50.0])), MODELS["bccg"])
    >>> maximized(likelihood, np.array([1.6, 2.1, -2.0, -2.0, 0.1])) is None
    False

    """
    parameters = np.clip(start, *likelihood.limits.T)
    for tolerance in (1e-10, 1e-14):
        found = _climbed(likelihood, parameters, tolerance)
        if found is None:
            return None
        parameters, flat = _polished(likelihood, found)
        if flat:
            return parameters
    return None


def _climbed(likelihood: Likelihood, start: np.ndarray, tolerance: float) -> np.ndarray | None:
    """Return the parameters at which L-BFGS-B stops, or None if the likelihood is not finite there."""
    from scipy.optimize import minimize

    bounds = [(low if low > -math.inf else None, high if high < math.inf else None) for low, high in likelihood.limits]
    found = minimize(
        likelihood.cost,
        start,
        method="L-BFGS-B",
        jac=True,
        bounds=bounds,
        options={"maxiter": MOST_STEPS, "ftol": tolerance, "gtol": FLAT / 10, "maxcor": 20},
    )
    return found.x if np.isfinite(found.fun) and found.fun < IMPOSSIBLE else None


def _polished(likelihood: Likelihood, parameters: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the parameters after Newton steps, and whether the slope is 0 there."""
    cost, gradient = likelihood.cost(parameters)
    for _ in range(NEWTON_STEPS):
        free = _free(likelihood, parameters, gradient)
        if np.abs(gradient[free]).max(initial=0) < FLAT * FLAT:
            break
        step = np.zeros(len(parameters))
        information = likelihood.information(likelihood.curvature(parameters))[np.ix_(free, free)]
        try:
            step[free] = np.linalg.solve(information, likelihood.weights.sum() * gradient[free])
        except np.linalg.LinAlgError:
            break
        moved = np.clip(parameters - step, *likelihood.limits.T)
        lower, slope = likelihood.cost(moved)
        if not lower <= cost + 1e-12 * abs(cost):
            break
        parameters, cost, gradient = moved, lower, slope
    free = _free(likelihood, parameters, gradient)
    return parameters, bool(np.abs(gradient[free]).max(initial=0) < FLAT)


def _free(likelihood: Likelihood, parameters: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return which parameters are not held at a limit by the gradient."""
    low, high = likelihood.limits.T
    held = ((parameters <= low) & (gradient > 0)) | ((parameters >= high) & (gradient < 0))
    return np.asarray(~held)


def _start(likelihood: Likelihood) -> np.ndarray:
    """Return least-squares curves with constant spread and almost no skew."""
    location, spread, skew, tail = likelihood.blocks
    target, root = likelihood.model.to_fit(likelihood.y), np.sqrt(likelihood.weights)
    heights = np.linalg.lstsq(location * root[:, np.newaxis], target * root)[0]
    sd = max(float((target - location @ heights).std()), 1e-4)
    log_spread = np.linalg.lstsq(spread, np.full(len(spread), math.log(sd)))[0]
    tails = np.full(tail.shape[1], likelihood.model.start_log_tail)
    return np.concatenate([heights, log_spread, np.full(skew.shape[1], START_SKEW), tails])
