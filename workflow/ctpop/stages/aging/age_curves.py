"""Tests of age curves: dependence on age, linearity, and interaction of age and sex."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ctpop.contracts.keys import CURVE_TERMS
from ctpop.stages.aging.age_models import (
    AgeSample,
    age_sample,
    knots_of,
    modeled,
    models_of,
    reason_without_fit,
    sex_codes,
    without_sex,
)
from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.samples import AdjustmentSettings, Patients
from ctpop.stats.age_effects import BOTH, AgeModel
from ctpop.stats.covariates import named
from ctpop.stats.linear_model import Wald


def curve_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `age_curves` for one series, one for each hypothesis."""
    sexes = sex_codes(patients.cohort, settings.covariate_share)
    sample = age_sample(each, without_sex(patients.together), sexes, settings.n_min, settings.category_n_min)
    model, reason = fitted_model(sample, each.measure, settings)
    tests = {} if model is None else model.tests(model.model.fit(modeled(sample.values, each.measure)))
    name = {**each.name, **sample.counts(model), "adjusted_for": named(sample.covariates)}
    for term in CURVE_TERMS:
        test = tests.get(term)
        outcome = reason if model is None else _outcome(term, test, model)
        yield {**name, "term": term, **asdict(test or Wald()), "reason": outcome}


def fitted_model(sample: AgeSample, measure: str, settings: AdjustmentSettings) -> tuple[AgeModel | None, str]:
    """Return the model of the age curve, and `ok` or the reason for a missing model."""
    reason = reason_without_fit(sample, measure, settings.n_min)
    if reason != "ok":
        return None, reason
    models = models_of(sample, knots_of(sample.ages, settings), settings.n_min)
    return models.models["spline"], models.reasons["spline"]


def _outcome(term: str, test: Wald | None, model: AgeModel) -> str:
    if test is not None:
        missing = "too_few" if model.model.approximated else "explained"
        return missing if np.isnan(test.f) else "ok"
    sex = term.removeprefix("nonlinear_")
    absent = term == "interaction" or (sex in BOTH and sex not in model.sexes)
    return "one_sex" if absent else "few_ages"
