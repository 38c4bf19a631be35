"""Quade test of differences between the age quartiles after adjustment for covariates."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.samples import ALL, AdjustmentSettings, Patients, Sample, explaining, reason_of, sample_of
from ctpop.stats.design import design, indicators, merged, share_explained
from ctpop.stats.groups import quartile_of
from ctpop.stats.quade import RankAncova, quade


def ancova_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the row of the table `rank_ancova` for one series."""
    sample = sample_of(each, patients.together)
    reason, result, levels = sample.why_not(settings.n_min), RankAncova(), 0
    if reason == "ok":
        small = merged(sample.covariates, sample.patients, settings.category_n_min)
        result, reason = ancova(replace(sample, covariates=small.covariates), patients, settings)
        levels = small.levels
    reason = "not_applicable" if reason == "no_covariate" else reason
    yield {
        **each.name,
        **sample.counts,
        **asdict(result),
        "method": "quade" if sample.n_patients == len(sample.values) else "score",
        "levels_merged": levels,
        "explained_by": explaining(sample) if reason == "explained" else None,
        "reason": reason,
    }


def ancova(sample: Sample, patients: Patients, settings: AdjustmentSettings) -> tuple[RankAncova, str]:
    """Return the test of the age quartiles, and `ok` or the reason for a missing result."""
    if not any(covariate.varies for covariate in sample.covariates):
        return RankAncova(), "constant_covariate"
    if age_is_determined(sample, patients):
        return RankAncova(), "explained"
    numbers = [covariate.values for covariate in sample.covariates if not covariate.of_kinds]
    kinds = [indicators(covariate) for covariate in sample.covariates if covariate.of_kinds]
    columns = np.column_stack([sample.no_columns, *numbers]), np.column_stack([sample.no_columns, *kinds])
    left = sample.n_patients - sum(part.shape[1] for part in columns)
    if left < settings.n_min:
        return RankAncova(), "too_few"
    quartiles = quartile_of(sample.ages, patients.cuts, settings.quartiles)
    result = quade(sample.values, quartiles, *columns, sample.patients)
    lone = min(len(np.unique(sample.patients[quartiles == group])) for group in np.unique(quartiles))
    if np.isnan(result.f) and lone < 2 and sample.n_patients < len(sample.values):
        return result, "too_few_patients"
    return result, reason_of(result.f, left, settings.n_min)


def age_is_determined(sample: Sample, patients: Patients) -> bool:
    """Return whether age and the covariates are collinear, such as age and the year of birth."""
    key = "age is determined", sample.positions.tobytes()
    columns = partial(design, sample.covariates, len(sample.values))
    return bool(patients.shared(key, lambda: share_explained(sample.ages, columns()) > ALL))
