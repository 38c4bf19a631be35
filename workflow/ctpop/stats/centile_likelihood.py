"""Likelihood of centile curves: location, spread, and skew depend on age and on technical levels.

The location and ln S are natural splines of age plus the effects of levels (such as scanners). The skew is constant or
linear in age. Each value has the weight 1 / (number of scans of its patient), so every patient counts once.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ctpop.stats.distributions import Model, Points
from ctpop.stats.splines import natural_basis

LOG_SPREADS = (-12.0, 6.0)  # limits of ln S for values with SD 1
LARGEST_SKEW = 3.0  # limit of |L|, far beyond the values of any organ
LARGEST_EFFECT = 3.0  # limit of the effect of a level on ln S
LOCAL_STEP = 1e-4  # of a local parameter, in central differences of analytic slopes
IMPOSSIBLE = 1e10  # cost of parameters for which the density is not finite


@dataclass(frozen=True)
class CentileSample:
    """Values of one sex with ages, patients, and indicators of technical levels.

    Attributes
    ----------
    values : np.ndarray
        Values in mL or HU, shape `(n,)`.
    ages : np.ndarray
        Ages in years, shape `(n,)`.
    patients : np.ndarray
        Number of the patient of each value, shape `(n,)`.
    effects : np.ndarray
        Sum-to-zero indicators of levels, shape `(n, q)`; q is 0 without covariates.

    Examples
    --------
    >>> ages, patients = np.array([30.0, 31.0, 60.0]), np.array([0, 0, 1])
    >>> sample = CentileSample(np.array([5.0, 6.0, 7.0]), ages, patients, np.empty((3, 0)))
    >>> sample.weights.tolist(), sample.n_patients
    ([0.5, 0.5, 1.0], 2)

    """

    values: np.ndarray
    ages: np.ndarray
    patients: np.ndarray
    effects: np.ndarray

    @cached_property
    def groups(self) -> np.ndarray:
        """Number of the patient of each value, from 0 without gaps, in ascending order of `patients`.

        Returns
        -------
        np.ndarray
            Numbers, shape `(n,)`.

        """
        return np.asarray(np.unique(self.patients, return_inverse=True)[1])

    @property
    def n_patients(self) -> int:
        """Number of patients.

        Returns
        -------
        int
            Number of distinct patients.

        """
        return int(self.groups.max(initial=-1)) + 1

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each value: 1 / (number of values of its patient).

        Returns
        -------
        np.ndarray
            Weights, shape `(n,)`; their sum is the number of patients.

        """
        return np.asarray(1 / np.bincount(self.groups)[self.groups])

    def part(self, kept: np.ndarray) -> "CentileSample":
        """Return the sample of some values.

        Parameters
        ----------
        kept : np.ndarray of bool
            Which values are kept, shape `(n,)`.

        Returns
        -------
        CentileSample
            The kept values in the same order; weights follow from the kept values.

        """
        return CentileSample(self.values[kept], self.ages[kept], self.patients[kept], self.effects[kept])


@dataclass(frozen=True)
class Form:
    """Knots of the curves of location, ln S, and skew.

    Attributes
    ----------
    location : np.ndarray
        Knots of the location in years, ascending; two knots define a straight line.
    spread : np.ndarray
        Knots of ln S in years, ascending; two knots define a straight line.
    skew : np.ndarray
        Two ages (years) between which the skew is linear, one age for a skew that does not depend on age, or no age if
        the skew is 0.

    Examples
    --------
    >>> form = Form(np.array([20.0, 80.0]), np.array([20.0, 80.0]), np.array([50.0]))
    >>> form.bases(np.array([50.0]))[0].tolist()
    [[0.5, 0.5]]

    """

    location: np.ndarray
    spread: np.ndarray
    skew: np.ndarray

    def bases(self, ages: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the columns of location, ln S, and skew; coefficients are heights at the knots.

        Parameters
        ----------
        ages : np.ndarray
            Ages in years, shape `(n,)`.

        Returns
        -------
        tuple of np.ndarray
            Columns of shape `(n, knots)` for each of the three curves.

        """
        location, spread, skew = (_columns(ages, knots) for knots in (self.location, self.spread, self.skew))
        return location, spread, skew


def _columns(ages: np.ndarray, knots: np.ndarray) -> np.ndarray:
    if len(knots) < 2:
        return np.ones((len(ages), len(knots)))
    if len(knots) == 2:
        share = (ages - knots[0]) / (knots[1] - knots[0])
        return np.column_stack([1 - share, share])
    return natural_basis(ages, knots)


@dataclass(frozen=True)
class Likelihood:
    """Likelihood of the parameters of a model, for values divided by their SD.

    Attributes
    ----------
    model : Model
        Distribution of the values at one age.
    y : np.ndarray
        Values divided by `unit`, shape `(n,)`.
    unit : float
        SD of the values (mL or HU).
    blocks : tuple of np.ndarray
        Columns of the location, ln S, skew, and ln T, each of shape `(n, columns)`; without a tail parameter, the last
        block has no column.
    weights : np.ndarray
        Weight of each value, shape `(n,)`.
    limits : np.ndarray
        Lower and upper limit of each parameter, shape `(p, 2)`.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages = np.arange(20.0, 80.0)
    >>> sample = CentileSample(100 + ages, ages, np.arange(60), np.empty((60, 0)))
    >>> knots = np.array([20.0, 80.0])
    >>> likelihood_of(sample, Form(knots, knots, np.array([50.0])), MODELS["shash"]).limits.shape
    (6, 2)

    """

    model: Model
    y: np.ndarray
    unit: float
    blocks: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    weights: np.ndarray
    limits: np.ndarray

    @cached_property
    def ends(self) -> np.ndarray:
        """Positions at which the parameters of the four blocks end.

        Returns
        -------
        np.ndarray
            Four positions, in ascending order.

        """
        return np.cumsum([block.shape[1] for block in self.blocks])

    def points(self, parameters: np.ndarray) -> Points:
        """Return the parameters of the distribution of each value, with the location as fitted.

        Parameters
        ----------
        parameters : np.ndarray
            Parameters of the fit, shape `(p,)`.

        Returns
        -------
        Points
            Parameters at each of the n values.

        """
        location, spread, skew, tail = np.split(parameters, self.ends[:-1])
        log_tail = float(tail[0]) if len(tail) else 0.0
        return Points(self.blocks[0] @ location, self.blocks[1] @ spread, self.blocks[2] @ skew, log_tail)

    def cost(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the weighted mean of -ln f and its gradient, or 1e10 and zeros if either is not finite.

        Parameters
        ----------
        parameters : np.ndarray
            Parameters of the fit, shape `(p,)`.

        Returns
        -------
        cost : float
            Weighted mean of -ln f.
        gradient : np.ndarray
            Derivatives with respect to the parameters, shape `(p,)`.

        """
        with np.errstate(all="ignore"):
            value, slopes = self.model.log_density(self.y, self.points(parameters))
            total = self.weights.sum()
            cost = -float(self.weights @ value) / total
            parts = [block.T @ (self.weights * slope) for block, slope in zip(self.blocks, slopes, strict=True)]
        gradient = -np.concatenate(parts) / total
        if not (math.isfinite(cost) and np.isfinite(gradient).all()):
            return IMPOSSIBLE, np.zeros(len(parameters))
        return cost, gradient

    def scores(self, parameters: np.ndarray) -> np.ndarray:
        """Return the weighted derivatives of ln f of each value.

        Parameters
        ----------
        parameters : np.ndarray
            Parameters of the fit, shape `(p,)`.

        Returns
        -------
        np.ndarray
            Scores, shape `(n, p)`.

        """
        slopes = self.model.log_density(self.y, self.points(parameters))[1]
        weighted = (self.weights * slope for slope in slopes)
        return np.hstack([block * slope[:, np.newaxis] for block, slope in zip(self.blocks, weighted, strict=True)])

    def curvature(self, parameters: np.ndarray) -> np.ndarray:
        """Return the second derivatives of ln f of each value with respect to location, ln S, L, and ln T.

        Parameters
        ----------
        parameters : np.ndarray
            Parameters of the fit, shape `(p,)`.

        Returns
        -------
        np.ndarray
            Symmetric matrices, shape `(n, 4, 4)`; the row and column of ln T are 0 without a tail parameter.

        """
        at, found = self.points(parameters), np.zeros((len(self.y), 4, 4))
        for place in range(4 if self.model.has_tail else 3):
            after, before = (
                np.stack(self.model.log_density(self.y, _moved(at, place, step))[1], axis=1)
                for step in (LOCAL_STEP, -LOCAL_STEP)
            )
            found[:, place] = (after - before) / (2 * LOCAL_STEP)
        return np.asarray((found + found.transpose(0, 2, 1)) / 2)

    def information(self, curvature: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
        """Return the observed information: the negative sum of the weighted second derivatives of ln f.

        Parameters
        ----------
        curvature : np.ndarray
            Second derivatives from `curvature`, shape `(n, 4, 4)`.
        kept : np.ndarray of bool, optional
            Values in the sum, shape `(n,)`; all values if omitted.

        Returns
        -------
        np.ndarray
            Information matrix, shape `(p, p)`.

        """
        weights = self.weights if kept is None else self.weights * kept
        rows = [
            [left.T @ (right * (weights * curvature[:, i, j])[:, np.newaxis]) for j, right in enumerate(self.blocks)]
            for i, left in enumerate(self.blocks)
        ]
        return -np.block(rows)

    def part(self, kept: np.ndarray) -> "Likelihood":
        """Return the likelihood of some values, with the same unit and weights.

        Parameters
        ----------
        kept : np.ndarray of bool
            Which values are kept, shape `(n,)`.

        Returns
        -------
        Likelihood
            Likelihood of the kept values.

        """
        location, spread, skew, tail = (block[kept] for block in self.blocks)
        blocks = (location, spread, skew, tail)
        return Likelihood(self.model, self.y[kept], self.unit, blocks, self.weights[kept], self.limits)


def likelihood_of(sample: CentileSample, form: Form, model: Model) -> Likelihood:
    """Return the likelihood of a sample.

    Parameters
    ----------
    sample : CentileSample
        Values of one sex; their SD must be above 0, and all values above 0 if the model requires it.
    form : Form
        Knots of the curves.
    model : Model
        Distribution of the values at one age.

    Returns
    -------
    Likelihood
        Likelihood with the parameters: heights of the location and effects of levels on the location, heights of ln S
        and effects of levels on ln S, skew at its ages, and ln T if the model has a tail parameter.

    Raises
    ------
    ValueError
        If the SD of the values is 0.

    Examples
    --------
    >>> from ctpop.stats.distributions import MODELS
    >>> ages, knots = np.arange(20.0, 80.0), np.array([20.0, 80.0])
    >>> sample = CentileSample(100 + ages, ages, np.arange(60), np.empty((60, 0)))
    >>> likelihood = likelihood_of(sample, Form(knots, knots, np.array([50.0])), MODELS["bccg"])
    >>> [block.shape[1] for block in likelihood.blocks]
    [2, 2, 1, 0]

    """
    unit = float(sample.values.std())
    if unit == 0:
        raise ValueError("the values must vary")
    location, spread, skew = form.bases(sample.ages)
    effects, tail = sample.effects, np.ones((len(sample.ages), int(model.has_tail)))
    free = (-np.inf, np.inf)
    limits = [
        *[free] * (location.shape[1] + effects.shape[1]),
        *[LOG_SPREADS] * spread.shape[1],
        *[(-LARGEST_EFFECT, LARGEST_EFFECT)] * effects.shape[1],
        *[(-LARGEST_SKEW, LARGEST_SKEW)] * skew.shape[1],
        *[model.log_tails] * tail.shape[1],
    ]
    blocks = (np.hstack([location, effects]), np.hstack([spread, effects]), skew, tail)
    return Likelihood(model, sample.values / unit, unit, blocks, sample.weights, np.array(limits))


def _moved(at: Points, place: int, step: float) -> Points:
    """Return the points with one of their four parameters changed."""
    by = [step if each == place else 0.0 for each in range(4)]
    return Points(at.location + by[0], at.log_spread + by[1], at.skew + by[2], at.log_tail + by[3])
