"""Quade test of differences between the age quartiles after adjustment for covariates."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.samples import AdjustmentSettings, Patients, reason_of, sample_of
from ctpop.stats.design import indicators
from ctpop.stats.groups import quartile_of
from ctpop.stats.quade import RankAncova, quade


def ancova_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the row of the table `rank_ancova` for one series."""
    sample = sample_of(each, patients.together)
    reason, result = sample.why_not(settings.n_min), RankAncova()
    if reason == "ok":
        numbers = [covariate.values for covariate in sample.covariates if not covariate.of_kinds]
        kinds = [indicators(covariate) for covariate in sample.covariates if covariate.of_kinds]
        columns = np.column_stack([sample.no_columns, *numbers]), np.column_stack([sample.no_columns, *kinds])
        quartiles = quartile_of(sample.ages, patients.cuts, settings.quartiles)
        spent = sum(part.shape[1] for part in columns)
        result = quade(sample.values, quartiles, *columns) if len(sample.values) - spent >= settings.n_min else result
        reason = reason_of(result.f, len(sample.values) - spent, settings.n_min)
    yield {**each.name, **sample.counts, **asdict(result), "reason": reason}
