"""Correlations with age in women and in men."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from ctpop.stages.aging.age_series import Series, sizes
from ctpop.stages.aging.samples import AdjustmentSettings, Patients
from ctpop.stats.correlation import Correlation, spearman

SEXES = ("female", "male")


def by_sex_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `associations_by_sex` for one series."""
    sexes = patients.cohort["sex"].to_numpy()[each.rows["position"].to_numpy()]
    numbers = each.rows["patient"].to_numpy()
    for sex in SEXES:
        values, ages = each.values[sexes == sex], each.ages[sexes == sex]
        result, reason = Correlation(), "too_few"
        if len(values) >= settings.n_min:
            result = spearman(values, ages, settings.confidence)
            reason = "all_equal" if np.isnan(result.rho) else "ok"
        yield {**each.name, "sex": sex, **sizes(numbers[sexes == sex]), **asdict(result), "reason": reason}
