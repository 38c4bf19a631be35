"""Correlations with age in women and in men."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series, sizes
from ctpop.stages.aging.associations import with_notes
from ctpop.stages.aging.p_values import with_decision
from ctpop.stages.aging.samples import AdjustmentSettings, Patients
from ctpop.stats.age_effects import BOTH
from ctpop.stats.correlation import Correlation, spearman
from ctpop.stats.patient_sums import has_repeats


def by_sex_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `associations_by_sex` for one series."""
    sexes = patients.cohort["sex"].to_numpy()[each.rows["position"].to_numpy()]
    for sex in BOTH:
        values, ages, of_sex = each.values[sexes == sex], each.ages[sexes == sex], each.patients[sexes == sex]
        result, reason = Correlation(), "too_few"
        if len(values) >= settings.n_min:
            result = spearman(values, ages, settings.confidence, of_sex)
            reason = "all_equal" if np.isnan(result.rho) else "ok"
        test = "rho0" if has_repeats(of_sex) else "independence"
        yield {**each.name, "sex": sex, **sizes(of_sex), **asdict(result), "test": test, "reason": reason}


def by_sex_table(rows: list[dict[str, Any]], family_of: dict[str, str]) -> pd.DataFrame:
    """Return the table `associations_by_sex` from its rows, with P values adjusted within each family and sex."""
    table = pd.DataFrame(rows)
    return with_notes(with_decision(table.assign(family=table["structure"].map(family_of)), None, "sex"))
