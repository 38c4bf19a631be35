"""Scans of a series with complete covariates, the input of all adjusted analyses."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series, sizes, with_ages
from ctpop.stats.covariates import covariates_of, named
from ctpop.stats.design import Covariate, complete, design, merged, share_explained
from ctpop.study import configuration
from ctpop.study.patients import distinct

MOST_FITS = 24  # number of kept results
ALL = 1 - 1e-9  # explained share of the variance above which the rest is attributed to rounding


@dataclass(frozen=True)
class AdjustmentSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    confidence: float
    n_min: int
    quartiles: str
    cut_years: list[float]
    categorical: list[str]
    covariate_share: float
    knots: list[float]
    childhood_knots: list[float]
    adjust: str
    category_n_min: int
    covariates: list[str] | None = None


class CovariateSettings(Protocol):
    """Settings of a command that adjusts for covariates."""

    @property
    def covariates(self) -> list[str] | None:
        """Columns of the registry; None selects the usual covariates."""

    @property
    def categorical(self) -> list[str]:
        """Covariates whose numbers represent categories."""


def covariates_of_study(cohort: pd.DataFrame, settings: CovariateSettings, config: Path | None) -> list[Covariate]:
    """Return the covariates of a cohort, with the meanings of words from a configuration file."""
    meanings = configuration.section("cohort", config).get("values", {})
    return covariates_of(cohort, settings.covariates, settings.categorical, meanings)


@dataclass(frozen=True)
class Patients:
    """The cohort, its covariates, and the ages at the limits of its quartiles.

    `fits` contains results that series with values of the same scans share, such as models of age.
    """

    cohort: pd.DataFrame
    covariates: list[Covariate]
    together: list[Covariate]
    cuts: np.ndarray
    fits: dict[tuple[str, bytes], Any] = field(default_factory=dict)

    def shared(self, key: tuple[str, bytes], make: Callable[[], Any]) -> Any:
        """Return a result for a set of scans, which `make` computes only for the first series of these scans."""
        if key not in self.fits:
            if len(self.fits) >= MOST_FITS:
                self.fits.clear()
            self.fits[key] = make()
        return self.fits[key]

    @cached_property
    def sets(self) -> list[list[Covariate]]:
        """Sets of covariates for adjustment: each covariate, then all jointly; one empty set without covariates."""
        alone = [[covariate] for covariate in self.covariates]
        return [*alone, *([self.together] if len(self.together) > 1 else [])] or [[]]


@dataclass(frozen=True)
class Sample:
    """The scans of a series without missing values in a set of covariates."""

    values: np.ndarray
    ages: np.ndarray
    patients: np.ndarray
    covariates: list[Covariate]
    counts: dict[str, Any] = field(default_factory=dict)
    positions: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))

    @cached_property
    def n_patients(self) -> int:
        """Number of patients."""
        return distinct(self.patients)

    def with_merged(self, n_min: int) -> "Sample":
        """Return the sample with categories of fewer than `n_min` patients combined into one category."""
        return replace(self, covariates=merged(self.covariates, self.patients, n_min).covariates)

    @property
    def no_columns(self) -> np.ndarray:
        """Array of shape (scans, 0)."""
        return np.empty((len(self.values), 0))

    def why_not(self, n_min: int) -> str:
        """Return `ok`, or the reason why a model of age and covariates cannot be fitted."""
        if not self.covariates:
            return "no_covariate"
        if not all(covariate.suitable for covariate in self.covariates):
            return "unsuitable_covariate"
        if self.n_patients < n_min:
            return "too_few"
        if np.ptp(self.values) == 0 or np.ptp(self.ages) == 0:
            return "all_equal"
        return "ok" if any(covariate.varies for covariate in self.covariates) else "constant_covariate"


def with_positions(analysis: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the values with the age of each scan and its row number in the cohort."""
    observations = with_ages(analysis, cohort)
    return observations.assign(position=pd.Index(cohort["scan_id"]).get_indexer(pd.Index(observations["scan_id"])))


def sample_of(each: Series, covariates: list[Covariate]) -> Sample:
    """Return the scans of a series without missing covariates, with the numbers of included and excluded scans."""
    positions = each.rows["position"].to_numpy()
    all_of_them = [covariate.among(positions) for covariate in covariates]
    known = complete(all_of_them, len(positions))
    patients = each.rows["patient"].to_numpy()
    left_out = {f"{name}_left_out": n for name, n in sizes(patients[~known]).items()}
    counts = {"adjusted_for": named(covariates), **sizes(patients[known]), **left_out}
    parts = [part.among(known) for part in all_of_them]
    return Sample(each.values[known], each.ages[known], patients[known], parts, counts, positions[known])


def explaining(sample: Sample) -> str:
    """Return the covariates that each explain all variation of the ages or of the values, or else all covariates."""
    n = len(sample.values)
    alone = [
        covariate
        for covariate in sample.covariates
        if any(share_explained(each, design([covariate], n)) > ALL for each in (sample.ages, sample.values))
    ]
    return named(alone or sample.covariates)


def reason_of(result: float, left: int, n_min: int) -> str:
    """Return `ok`, or the reason for a missing result, given the number of values minus that of columns."""
    if not np.isnan(result):
        return "ok"
    return "too_few" if left < n_min else "explained"
