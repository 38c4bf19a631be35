"""Centile curves of one measure of a structure in one sex: reasons against a fit, choice of the model, and z scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ctpop.stats.centile_bands import covariance_of
from ctpop.stats.centile_choice import CANDIDATES, Choice, chosen_model
from ctpop.stats.centile_curves import LOCATION_KNOTS, SPREAD_KNOTS, Fit, form_of
from ctpop.stats.centile_levels import LevelEffects, levels_of
from ctpop.stats.centile_likelihood import CentileSample
from ctpop.stats.centile_misfit import cross_validated
from ctpop.stats.splines import natural_basis
from ctpop.study.patients import distinct

FEWEST_DISTINCT = 20  # ASSUME: different values; fewer are not a continuous distribution
NO_VARIATION = 1e-6  # residual SD relative to the location, below which values are a function of age
SAME_AGE_PAIRS = 20  # degrees of freedom of the variation within equal ages


@dataclass(frozen=True)
class CentileSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    centiles_n_min: int
    centiles_extreme_n_min: int
    centiles_covariates: list[str]
    confidence: float


@dataclass(frozen=True)
class Task:
    """The scans of one sex in a series.

    `name` contains the columns structure, measure, and sex. `columns` contains the level of each scan (text or None)
    by technical covariate.
    """

    name: dict[str, Any]
    values: np.ndarray
    ages: np.ndarray
    patients: np.ndarray
    columns: Mapping[str, np.ndarray]
    settings: CentileSettings

    @property
    def measure(self) -> str:
        """Measured variable."""
        return str(self.name["measure"])


@dataclass(frozen=True)
class Modeled:
    """A task with its sample and covariates, and the choice of a model or the reason why no model was fitted."""

    task: Task
    sample: CentileSample
    levels: LevelEffects
    choice: Choice | None
    why_not: str

    @property
    def fit(self) -> Fit | None:
        """Chosen fit."""
        return self.choice.chosen.fit if self.choice and self.choice.chosen else None

    @property
    def model(self) -> str | None:
        """Code of the chosen model."""
        return self.choice.chosen.candidate.name if self.choice and self.choice.chosen else None

    @property
    def reason(self) -> str:
        """`ok`, or the reason for missing curves."""
        return self.choice.reason if self.choice else self.why_not

    @property
    def outliers(self) -> np.ndarray:
        """Which values were set aside."""
        return self.choice.outliers if self.choice else np.zeros(len(self.sample.values), dtype=bool)

    @cached_property
    def z(self) -> np.ndarray | None:
        """Z score of each value."""
        sample = self.sample
        return self.fit.curves.z_of(sample.values, sample.ages, sample.effects) if self.fit else None

    @cached_property
    def cross_validated(self) -> np.ndarray | None:
        """Z score of each value from a fit without its patient."""
        return cross_validated(self.fit, self.sample, self.outliers) if self.fit else None

    @cached_property
    def covariance(self) -> np.ndarray | None:
        """Covariance matrix of the parameters."""
        return covariance_of(self.fit, self.sample.part(~self.outliers).groups) if self.fit else None

    @property
    def quartiles(self) -> np.ndarray:
        """Age quartile of each scan, from 1 to 4."""
        return np.asarray(1 + np.digitize(self.sample.ages, np.quantile(self.sample.ages, [0.25, 0.5, 0.75])))


def modeled(task: Task) -> Modeled:
    """Return the chosen model of a task, or the reason why no model was fitted."""
    reason = why_not(task)
    if reason != "ok":
        nothing = np.empty((len(task.values), 0))
        return Modeled(
            task, CentileSample(task.values, task.ages, task.patients, nothing), LevelEffects({}), None, reason
        )
    levels = levels_of(task.columns, task.patients, natural_basis(task.ages, form_of(task.ages).location))
    effects = levels.indicators(task.columns)[0] if levels.n_effects else np.empty((len(task.values), 0))
    sample = CentileSample(task.values, task.ages, task.patients, effects)
    return Modeled(task, sample, levels, chosen_model(sample, CANDIDATES[task.measure]), "ok")


def why_not(task: Task) -> str:
    """Return `ok`, or the reason why curves cannot be fitted."""
    values, ages = task.values, task.ages
    positive = any(candidate.distribution.positive for candidate in CANDIDATES[task.measure])
    checks = (
        ("too_few", lambda: distinct(task.patients) < task.settings.centiles_n_min),
        ("all_equal", lambda: np.ptp(values) == 0),
        ("few_ages", lambda: _few(ages)),
        ("not_positive", lambda: positive and values.min() <= 0),
        ("too_few_values", lambda: len(np.unique(values)) < FEWEST_DISTINCT),
        ("deterministic", lambda: deterministic(values, ages)),
    )
    return next((reason for reason, fails in checks if fails()), "ok")


def _few(ages: np.ndarray) -> bool:
    """Return whether the ages do not define the knots of the curves."""
    knots = (np.unique(np.quantile(ages, shares)) for shares in (LOCATION_KNOTS, SPREAD_KNOTS))
    return len(np.unique(ages)) < len(LOCATION_KNOTS) or any(len(each) < len(SPREAD_KNOTS) for each in knots)


def deterministic(values: np.ndarray, ages: np.ndarray) -> bool:
    """Return whether values are a smooth function of age, or equal in all patients of the same age."""
    size = float(np.mean(np.abs(values)))
    columns = natural_basis(ages, form_of(ages).location)
    if float((values - columns @ np.linalg.lstsq(columns, values)[0]).std()) <= NO_VARIATION * size:
        return True
    place, numbers = np.unique(ages, return_inverse=True, return_counts=True)[1:]
    degrees = len(ages) - len(numbers)
    if degrees < SAME_AGE_PAIRS:
        return False
    apart = values - (np.bincount(place, values) / numbers)[place]
    return float(np.sqrt(np.sum(apart**2) / degrees)) <= NO_VARIATION * size
