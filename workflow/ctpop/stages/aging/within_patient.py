"""Rows of the table `within_patient`: changes within patients, and differences between patients."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.effect_units import PER_DECADE
from ctpop.stages.aging.samples import sample_of
from ctpop.stages.aging.scan_times import precise_ages
from ctpop.stats.design import Covariate, complete, design
from ctpop.stats.f_tail import log10_p_of_f
from ctpop.stats.mixed_model import RandomIntercept, fit_random_intercept, within_slope
from ctpop.stats.repeatability import Repeatability

FEWEST_PATIENTS = 50  # ASSUME: patients with two scans that are far enough apart
FEWEST_YEARS = 0.5
MIDDLE_YEARS = 50
ROUNDING = 1e-9
CONTRASTS = {"between": (1.0, 0.0), "within": (0.0, 1.0), "contrast": (-1.0, 1.0)}


@dataclass(frozen=True)
class RepeatSettings:
    """Settings of the command `repeats`, which the section `aging` of the configuration schema describes."""

    confidence: float
    categorical: list[str]
    covariate_share: float
    category_n_min: int
    covariates: list[str] | None = None


@dataclass(frozen=True)
class Repeats:
    """Properties of the patient of each scan: number of scans, mean age, and time from first to last scan (years)."""

    patients: np.ndarray
    ages: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    spans: np.ndarray

    def counts(self, chosen: np.ndarray, name: str) -> dict[str, int]:
        """Return the numbers of the chosen scans and of their patients."""
        return {f"n_{name}": int(chosen.sum()), f"n_patients_{name}": len(np.unique(self.patients[chosen]))}


def repeats_of(ages: np.ndarray, patients: np.ndarray) -> Repeats:
    """Return the properties of the patient of each scan."""
    _, place, sizes = np.unique(patients, return_inverse=True, return_counts=True)
    first, last = np.full(len(sizes), np.inf), np.full(len(sizes), -np.inf)
    np.minimum.at(first, place, ages)
    np.maximum.at(last, place, ages)
    means = np.bincount(place, ages, minlength=len(sizes)) / sizes
    return Repeats(patients, ages, sizes[place], means[place], (last - first)[place])


def within_row(
    each: Series,
    covariates: list[Covariate],
    years: np.ndarray,
    repeatability: Repeatability | None,
    settings: RepeatSettings,
) -> dict[str, Any]:
    """Return the row of one series; `years` contains the date of each scan of the cohort."""
    sample, position = sample_of(each, covariates), each.rows["position"].to_numpy()
    sample, confidence = sample.with_merged(settings.category_n_min), settings.confidence
    dates = years[position][complete([covariate.among(position) for covariate in covariates], len(position))]
    found = repeats_of(precise_ages(sample.ages, dates, sample.patients), sample.patients)
    long = found.spans >= FEWEST_YEARS - ROUNDING
    spans = found.spans[long][np.unique(sample.patients[long], return_index=True)[1]]  # one per patient
    row = {
        **{**each.name, **sample.counts, "unit": PER_DECADE[each.measure]},
        **found.counts(found.sizes > 1, "repeated"),
        **found.counts(long, "long"),
        "interval_years": float(np.median(spans)) if len(spans) else np.nan,
    }
    if row["n_patients_long"] < FEWEST_PATIENTS:
        return {**row, "reason": "few_repeats"}
    volume = each.measure == "volume_ml"
    if volume and sample.values.min() <= 0:
        return {**row, "reason": "not_positive"}
    values = np.log(sample.values) if volume else sample.values
    age = np.column_stack([(found.means - MIDDLE_YEARS) / 10, (found.ages - found.means) / 10])
    others = design(sample.covariates, len(values), age)
    if others.shape[1] < design(sample.covariates, len(values)).shape[1]:
        return {**row, "reason": "explained"}
    model = fit_random_intercept(values, np.column_stack([np.ones(len(values)), age, others]), sample.patients)
    if model is None:
        return {**row, "reason": "all_equal" if np.ptp(values) == 0 else "explained"}
    row |= slopes_of(model, volume, confidence) | fixed_of(values, found, others, volume, confidence)
    row |= {"sd_between": math.sqrt(model.between), "sd_within": math.sqrt(model.within), "reason": "ok"}
    return {**row, "share_changed": share_changed(values, found, repeatability, confidence)}


def slopes_of(model: RandomIntercept, volume: bool, confidence: float) -> dict[str, float]:
    """Return the slopes between and within patients and their difference, with intervals, and log10 P of the last."""
    row: dict[str, float] = {}
    for name, weights in CONTRASTS.items():
        contrast = np.zeros(len(model.coefficients))
        contrast[1:3] = weights
        estimate, degrees = float(contrast @ model.coefficients), model.degrees_of(contrast)
        error = math.sqrt(float(contrast @ model.covariance @ contrast))
        row |= _limits(name, estimate, error, degrees, volume, confidence)
    return {**row, "log10_p": log10_p_of_f((estimate / error) ** 2, 1, degrees)}


def fixed_of(
    values: np.ndarray, found: Repeats, others: np.ndarray, volume: bool, confidence: float
) -> dict[str, float]:
    """Return the slope from a model with an indicator for each patient, adjusted for what changes within patients."""
    slope = within_slope(values, found.ages / 10, found.patients, others)
    if slope is None:
        return {}
    return _limits("fixed", slope.slope, slope.error, slope.degrees, volume, confidence)


def share_changed(values: np.ndarray, found: Repeats, repeatability: Repeatability | None, confidence: float) -> float:
    """Return the proportion of patients whose change exceeds the repeatability coefficient, among `n_patients_long`."""
    if repeatability is None:
        return math.nan
    order = np.lexsort((found.ages, found.patients))
    order = order[found.spans[order] >= FEWEST_YEARS - ROUNDING]
    _, first, sizes = np.unique(found.patients[order], return_index=True, return_counts=True)
    changes = values[order][first + sizes - 1] - values[order][first]
    return float(np.mean(np.abs(changes) > repeatability.change(confidence)))


def _limits(
    name: str, estimate: float, error: float, degrees: float, volume: bool, confidence: float
) -> dict[str, float]:
    half = float(stdtrit(degrees, (1 + confidence) / 2)) * error
    values = {name: estimate, f"{name}_low": estimate - half, f"{name}_high": estimate + half}
    return {key: 100 * math.expm1(value) if volume else value for key, value in values.items()}
