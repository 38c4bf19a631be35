"""Correlations with age that are adjusted for covariates, from a model or within strata."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from ctpop.stages.aging.age_series import Series, sizes
from ctpop.stages.aging.samples import AdjustmentSettings, Patients, Sample, explaining, sample_of
from ctpop.stats.correlation import Correlation, rho_of_ranks
from ctpop.stats.design import Covariate, Design, designed, merged, strata_of
from ctpop.stats.linear_model import leverage
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import correlation_of_residuals
from ctpop.stats.ranks import ranks_of
from ctpop.stats.strata import informative_scans, within_strata

EXPLAINED = 0.01  # smallest SD of probability-scale residuals for a correlation; the SD is 0.58 without covariates
# ASSUME: a model of n patients estimates at most n / 10 categories of a covariate
PATIENTS_PER_LEVEL = 10
FITTED = 1 - 1e-9  # a scan with this leverage, such as the only scan of a category, is fitted exactly


@dataclass(frozen=True)
class Found:
    """The columns of a row that depend on the method; columns without a value are missing."""

    reason: str
    correlation: Correlation = field(default_factory=Correlation)
    rho_crude: float = np.nan
    n_informative: int | None = None
    n_patients_informative: int | None = None
    n_strata: int | None = None
    median_stratum: float = np.nan
    levels_merged: int = 0
    n_merged: int = 0
    n_patients_merged: int = 0
    omitted: str | None = None
    explained_by: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of the table `adjusted`."""
        parts = {name: value for name, value in vars(self).items() if name != "correlation"}
        return {**parts, **asdict(self.correlation)}


@dataclass(frozen=True)
class AdjustedAgeModel:
    """The model of age for a set of scans and covariates, which all values of these scans share."""

    reason: str
    row: Found
    design: Design
    informative: np.ndarray
    ages: Ordinal | None = None


def adjusted_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `adjusted` for one series, one for each set of covariates."""
    for covariates in patients.sets:
        sample = sample_of(each, covariates)
        reason = sample.why_not(settings.n_min)
        if reason != "ok":
            found = Found(reason)
        elif settings.adjust == "strata":
            found = in_strata(sample, settings)
        else:
            found = by_model(sample, patients, settings)
        one_scan = sample.n_patients == len(sample.values)
        test = "independence" if one_scan and settings.adjust == "model" else "rho0"
        yield {**each.name, **sample.counts, "method": settings.adjust, "test": test, **found.columns}


def by_model(sample: Sample, patients: Patients, settings: AdjustmentSettings) -> Found:
    """Return the correlation of the probability-scale residuals of two cumulative probability models."""
    age_model = shared_age_model(sample, patients, settings)
    if age_model.ages is None or age_model.reason != "ok":
        return with_reason(age_model.row, age_model.reason, sample)
    model = Ordinal(sample.values, age_model.design.columns)
    if not model.settled:
        return with_reason(age_model.row, "not_converged", sample)
    if model.values.std() < EXPLAINED:
        return with_reason(age_model.row, "explained", sample)
    result = correlation_of_residuals(age_model.ages, model, settings.confidence, sample.patients)
    found = replace(age_model.row, correlation=result, rho_crude=crude(sample, age_model.informative))
    return with_reason(found, "perfect_order" if abs(result.rho) == 1 else "ok", sample)


def shared_age_model(sample: Sample, patients: Patients, settings: AdjustmentSettings) -> AdjustedAgeModel:
    """Return the model of age of the scans of a sample, which is fitted once for each set of scans."""
    key = sample.counts["adjusted_for"], sample.positions.tobytes()
    model: AdjustedAgeModel = patients.shared(key, lambda: age_model_of(sample, settings))
    return model


def age_model_of(sample: Sample, settings: AdjustmentSettings) -> AdjustedAgeModel:
    """Return the model of age, or the reason why no correlation can be adjusted with it."""
    n = len(sample.values)
    small = merged(sample.covariates, sample.patients, settings.category_n_min)
    columns = designed(small.covariates, n)
    informative = leverage(np.column_stack([np.ones(n), columns.columns])) < FITTED
    in_merged, in_model = sizes(sample.patients[small.rows]), sizes(sample.patients[informative])
    row = Found(
        "ok",
        n_informative=in_model["n"],
        n_patients_informative=in_model["n_patients"],
        levels_merged=small.levels,
        n_merged=in_merged["n"],
        n_patients_merged=in_merged["n_patients"],
        omitted=" + ".join(columns.omitted) or None,
    )
    reason = why_no_model(small.covariates, sample.n_patients, columns, settings.n_min)
    if reason != "ok":
        return AdjustedAgeModel(reason, row, columns, informative)
    ages = Ordinal(sample.ages, columns.columns)
    if not ages.settled:
        reason = "not_converged"
    elif ages.values.std() < EXPLAINED:
        reason = "explained"
    return AdjustedAgeModel(reason, row, columns, informative, ages)


def why_no_model(covariates: list[Covariate], n_patients: int, columns: Design, n_min: int) -> str:
    """Return `ok`, or the reason why a model with these covariates cannot be fitted."""
    if not any(covariate.varies for covariate in covariates):
        return "constant_covariate"
    levels = [len(np.unique(covariate.values)) for covariate in covariates if covariate.of_kinds]
    if max(levels, default=0) > n_patients / PATIENTS_PER_LEVEL:
        return "too_many_levels"
    return "too_few" if n_patients - columns.columns.shape[1] < n_min else "ok"


def in_strata(sample: Sample, settings: AdjustmentSettings) -> Found:
    """Return the correlation within strata of patients with equal values of all covariates."""
    if not all(covariate.of_kinds for covariate in sample.covariates):
        return Found("continuous_covariate")
    strata = strata_of(sample.covariates, len(sample.values))
    informative, patients = informative_scans(strata, sample.patients)
    used = sizes(sample.patients[informative])
    n_strata = len(patients)
    row = Found(
        "ok",
        n_informative=used["n"],
        n_patients_informative=used["n_patients"],
        n_strata=n_strata,
        median_stratum=float(np.median(patients)) if n_strata else np.nan,
    )
    if not n_strata or used["n_patients"] - (n_strata - 1) < settings.n_min:
        return replace(row, reason="too_few")
    result = within_strata(sample.ages, sample.values, strata, sample.patients, settings.confidence).correlation
    if np.isnan(result.rho):
        return with_reason(row, "explained", sample)
    found = replace(row, correlation=result, rho_crude=crude(sample, informative))
    return with_reason(found, "perfect_order" if abs(result.rho) == 1 else "ok", sample)


def with_reason(found: Found, reason: str, sample: Sample) -> Found:
    """Return a row with its reason, and with the covariates that explain all variation if this is the reason."""
    return replace(found, reason=reason, explained_by=explaining(sample) if reason == "explained" else None)


def crude(sample: Sample, rows: np.ndarray) -> float:
    """Return the unadjusted correlation in the scans that contribute to the adjusted correlation."""
    return rho_of_ranks(ranks_of(sample.values[rows]), ranks_of(sample.ages[rows]))
