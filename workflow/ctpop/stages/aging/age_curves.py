"""Tests of age curves: dependence on age, linearity, and interaction of age and sex."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.samples import AdjustmentSettings, Patients, Sample, reason_of, sample_of
from ctpop.stats.design import design
from ctpop.stats.splines import FEWEST_KNOTS, TERMS, Wald, age_columns, age_tests, knots_of


def curve_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `age_curves` for one series, one for each hypothesis."""
    sample = sample_of(each, patients.together)
    reason, tests = sample.why_not(settings.n_min), dict[str, Wald]()
    if reason == "ok":
        tests, reason = curve_tests(sample, settings.n_min)
    for term in TERMS:
        test = tests.get(term)
        outcome = _outcome(test, "one_sex" if reason == "ok" else reason)
        yield {**each.name, **sample.counts, "term": term, **asdict(test or Wald()), "reason": outcome}


def curve_tests(sample: Sample, n_min: int) -> tuple[dict[str, Wald], str]:
    """Return the tests of the age curve, and `ok` or the reason for missing tests.

    The interaction of age and sex is tested only in series that include both sexes.
    """
    knots = knots_of(sample.ages)
    if len(knots) < FEWEST_KNOTS:
        return {}, "few_ages"
    sexes = [covariate.values for covariate in sample.covariates if covariate.name == "sex" and covariate.varies]
    curve = age_columns(sample.ages, knots, sexes[0] if sexes else None)
    others = design(sample.covariates, len(sample.values), curve)
    without_age = design(sample.covariates, len(sample.values), np.column_stack([sample.no_columns, *sexes]))
    if others.shape[1] < without_age.shape[1]:  # age and a covariate such as year of birth are collinear
        return {}, "explained"
    left = len(sample.values) - curve.shape[1] - others.shape[1]
    tests = age_tests(sample.values, curve, others, knots) if left >= n_min else {}
    return tests, "ok" if tests else reason_of(np.nan, left, n_min)


def _outcome(test: Wald | None, otherwise: str) -> str:
    if test is None:
        return otherwise
    return "explained" if np.isnan(test.f) else "ok"
