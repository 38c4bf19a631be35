"""Rows of the tables of age effects, of their models, and of the differences between the sexes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ctpop.stages.aging.age_models import (
    FORMS,
    AgeModels,
    AgeSample,
    knots_of,
    modeled,
    models_of,
    reason_without_fit,
)
from ctpop.stages.aging.age_series import SIZES, sizes
from ctpop.stages.aging.effect_units import LOGARITHMIC, PER_DECADE, UNITS
from ctpop.stages.aging.stored_numbers import listed
from ctpop.stats.age_effects import BOTH, AgeModel, central_ages, in_percent
from ctpop.stats.covariates import named
from ctpop.stats.linear_model import LinearEstimate, ModelFit

AGE_YEARS = 50.0  # age at which the sexes are compared
# ASSUME: an effect in an age range requires 25 patients of each sex in the range, or 50 patients without sex
FEWEST_IN_WINDOW = {"female": 25, "male": 25, "all": 50}
ALL_AGES = "all"
ANY_WINDOW = (50.0, 60.0)  # the slope of a line is the same in all age ranges


@dataclass(frozen=True)
class EffectSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    alpha: float
    confidence: float
    n_min: int
    categorical: list[str]
    covariate_share: float
    knots: list[float]
    childhood_knots: list[float]
    windows: list[list[float]]
    category_n_min: int
    covariates: list[str] | None = None


@dataclass(frozen=True)
class FittedCurve:
    """An age curve of one form, fitted to a sample; without a fit, `reason` is not `ok`."""

    sample: AgeSample
    form: str
    by_sex: bool
    models: AgeModels
    fit: ModelFit | None
    reason: str

    @property
    def model(self) -> AgeModel | None:
        """Model of the curve; None if it cannot be fitted."""
        return self.models.models.get(self.form)

    @property
    def logarithmic(self) -> bool:
        """Whether the natural logarithm of the values is modeled."""
        return bool(self.sample.name["measure"] == LOGARITHMIC)

    @property
    def unit(self) -> str:
        """Unit of differences."""
        return UNITS[self.sample.name["measure"]]

    @cached_property
    def name(self) -> dict[str, Any]:
        """Columns that identify the curve, with the numbers of scans and patients."""
        key = {name: self.sample.name[name] for name in ("structure", "measure")}
        counts = self.sample.counts(self.model)
        return {**key, "adjusted_for": named(self.sample.covariates), "form": self.form, **counts}

    def limits(self, found: LinearEstimate) -> tuple[float, float, float]:
        """Return an estimate with its limits in the unit of the table: HU, or percent for volumes."""
        return in_percent(found) if self.logarithmic else (found.estimate, found.ci_low, found.ci_high)

    def used(self, sex: str) -> np.ndarray:
        """Return which scans of a sex are in the model (of the sample, if there is no model)."""
        used = np.zeros(len(self.sample.ages), dtype=bool)
        used[slice(None) if self.model is None else self.model.model.order] = True
        absent = sex in BOTH and sex not in self.sample.sexes
        return np.zeros_like(used) if absent else used & self.sample.of_sex(sex)


def fitted_curves(sample: AgeSample, by_sex: bool, settings: EffectSettings) -> Iterator[FittedCurve]:
    """Yield the fitted curves of a sample, one for each form; `by_sex` is False for models without sex."""
    measure = sample.name["measure"]
    reason = reason_without_fit(sample, measure, settings.n_min)
    if reason != "ok":
        yield from (FittedCurve(sample, form, by_sex, AgeModels(), None, reason) for form in FORMS)
        return
    models = models_of(sample, knots_of(sample.ages, settings), settings.n_min)
    values = modeled(sample.values, measure)
    for form in FORMS:
        model, reason = models.models[form], models.reasons[form]
        fit = model.model.fit(values) if model else None
        yield FittedCurve(sample, form, by_sex, models, fit, "explained" if fit and fit.exact else reason)


def effect_rows(curve: FittedCurve, settings: EffectSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `age_effects` for one curve: one for each age range and sex."""
    windows = [(low, high) for low, high in settings.windows] if curve.form == "spline" else [ANY_WINDOW]
    sexes = (*BOTH, "standardized", "difference") if curve.by_sex else ("all",)
    for (low, high), sex in product(windows, sexes):
        counts, reason = facts(curve, sex, low, high)
        found, sd = LinearEstimate(), np.nan
        if reason == "ok" and curve.model is not None and curve.fit is not None:
            combination = curve.model.window(low, high)[sex]
            found, sd = curve.fit.estimate(combination, settings.confidence), curve.fit.residual_sd
            reason = "explained" if np.isnan(found.estimate) else "ok"
        effect, ci_low, ci_high = curve.limits(found)
        yield {
            **{**curve.name, "sex": sex, **counts, "effect": effect, "ci_low": ci_low, "ci_high": ci_high},
            **{"unit": PER_DECADE[curve.sample.name["measure"]], "error": found.error, "df": found.df},
            **{"effect_sd": found.estimate / sd, "log10_p": found.log10_p},
            "reason": reason,
        }


def facts(curve: FittedCurve, sex: str, low: float, high: float) -> tuple[dict[str, Any], str]:
    """Return the name of an age range with its numbers of scans and patients, and `ok` or a reason for no effect.

    Series with the same scans share the numbers.
    """
    key = (curve.form, sex, low, high)
    if key not in curve.models.facts:
        curve.models.facts[key] = window_counts(curve, sex, low, high), window_reason(curve, sex, low, high)
    counts, reason = curve.models.facts[key]
    return counts, reason if curve.reason == "ok" else curve.reason


def window_counts(curve: FittedCurve, sex: str, low: float, high: float) -> dict[str, Any]:
    """Return the name of an age range, and the numbers of scans and patients of a sex in the model and in the range."""
    whole, used, patients = curve.form == "line", curve.used(sex), curve.sample.patients
    inside = used if whole else used & _inside(curve, low, high)
    of_window = {f"{name}_window": n for name, n in sizes(patients[inside]).items()}
    return {"window": ALL_AGES if whole else f"{low:g}-{high:g}", **sizes(patients[used]), **of_window}


def window_reason(curve: FittedCurve, sex: str, low: float, high: float) -> str:
    """Return `ok`, or the reason why no effect is reported for a sex in an age range."""
    if curve.model is None:
        return curve.reason
    sexes = (sex,) if sex in FEWEST_IN_WINDOW else BOTH
    if not set(sexes) <= set(curve.model.sexes):
        return "one_sex"
    reasons = [] if curve.form == "line" else [_reason_in(curve, each, low, high) for each in sexes]
    return next((reason for reason in reasons if reason != "ok"), "ok")


def _inside(curve: FittedCurve, low: float, high: float) -> np.ndarray:
    within: np.ndarray = (curve.sample.ages >= low) & (curve.sample.ages <= high)
    return within


def _reason_in(curve: FittedCurve, sex: str, low: float, high: float) -> str:
    used = curve.used(sex)
    first, last = central_ages(curve.sample.ages[used])
    if not first <= low < high <= last:
        return "ages_outside"
    n = sizes(curve.sample.patients[used & _inside(curve, low, high)])["n_patients"]
    return "ok" if n >= FEWEST_IN_WINDOW[sex] else "too_few"


def model_row(curve: FittedCurve, settings: EffectSettings) -> dict[str, Any]:
    """Return the row of the table `age_models` for one curve."""
    sample = curve.sample
    by_sex = {f"{name}_{sex}": facts(curve, sex, *ANY_WINDOW)[0][name] for sex in BOTH for name in SIZES}
    row = {**curve.name, **by_sex, "unit": PER_DECADE[curve.sample.name["measure"]], "reason": curve.reason}
    if curve.model is None or curve.fit is None or curve.reason != "ok":
        return row
    heights, ages = curve.model.heights, sample.ages[curve.model.model.order]
    tests = curve.model.tests(curve.fit)
    low, high = central_ages(ages)
    upper = curve.fit.covariance[:heights, :heights][np.triu_indices(heights)]
    return {
        **row,
        "sexes": ";".join(curve.model.sexes),
        "knots": listed(curve.model.knots),
        "coefficients": listed(curve.fit.coefficients[:heights]),
        "covariance": listed(upper),
        "residual_sd": curve.fit.residual_sd,
        "df": _df(curve, settings.confidence),
        "omitted": ";".join(curve.models.omitted) or None,
        "log10_p_nonlinear": tests["nonlinear"].log10_p if "nonlinear" in tests else np.nan,
        **{"age_low": low, "age_high": high, "age_mean": ages.mean(), "age_sd": ages.std(ddof=1)},
    }


def _df(curve: FittedCurve, confidence: float) -> float:
    """Return the degrees of freedom of the mean slope of all curves between the first and the last knot."""
    if curve.model is None or curve.fit is None:
        return np.nan
    if not curve.model.model.approximated:
        return curve.model.model.simple_df
    combinations = curve.model.window(*curve.model.knots[[0, -1]])
    sex = "standardized" if len(curve.model.sexes) > 1 else curve.model.sexes[0]
    return curve.fit.estimate(combinations[sex], confidence).df


def difference_row(curve: FittedCurve, settings: EffectSettings) -> dict[str, Any]:
    """Return the row of the table `sex_differences` for one curve."""
    reason, found, sd = _reason_of_difference(curve), LinearEstimate(), np.nan
    if reason == "ok" and curve.model is not None and curve.fit is not None:
        found, sd = curve.fit.estimate(curve.model.difference_at(AGE_YEARS), settings.confidence), curve.fit.residual_sd
        reason = "explained" if np.isnan(found.estimate) else "ok"
    difference, low, high = curve.limits(found)
    return {
        **{**curve.name, "age_years": AGE_YEARS, "difference": difference, "ci_low": low, "ci_high": high},
        **{"unit": curve.unit, "difference_sd": found.estimate / sd, "ci_low_sd": found.ci_low / sd},
        **{"ci_high_sd": found.ci_high / sd, "log10_p": found.log10_p, "reason": reason},
    }


def _reason_of_difference(curve: FittedCurve) -> str:
    if curve.model is None or curve.reason != "ok":
        return curve.reason if curve.by_sex else "one_sex"
    if curve.model.sexes != BOTH:
        return "one_sex"
    ages = [central_ages(curve.sample.ages[curve.sample.of_sex(sex)]) for sex in BOTH]
    return "ok" if all(low <= AGE_YEARS <= high for low, high in ages) else "ages_outside"
