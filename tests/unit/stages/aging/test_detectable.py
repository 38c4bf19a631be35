"""Smallest detectable effects from the tables of correlations and slopes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.contracts import all_tables
from ctpop.contracts.effects import AGE_EFFECTS, AGE_MODELS
from ctpop.stages.aging.detectable import detectable_rows

ERROR, DEGREES = 0.265074804, 296
QUANTILE = stats.t.ppf(0.975, DEGREES)


def table_of(contract, *rows):
    return pd.DataFrame(rows, columns=list(contract.columns))


def an_association(**changed):
    row = {"structure": "liver", "measure": "hu_mean", "n": 300, "n_patients": 300, "family": "structures"}
    return table_of(all_tables.ASSOCIATIONS, {**row, **changed})


def an_effect(effect=-5.7, error=ERROR, **changed):
    limits = {"ci_low": effect - QUANTILE * error, "ci_high": effect + QUANTILE * error, "effect": effect}
    row = {"structure": "liver", "measure": "hu_mean", "adjusted_for": "none", "sex": "standardized", "form": "line"}
    return {**row, **limits, "window": "all", "n": 300, "n_patients": 300, **changed}


def models_of(*effects):
    names = ("structure", "measure", "adjusted_for", "form")
    rows = {tuple(row[name] for name in names): {name: row[name] for name in names} for row in effects}
    return table_of(AGE_MODELS, *({**row, "df": DEGREES} for row in rows.values()))


def found(associations, *effects):
    rows = detectable_rows(associations, table_of(AGE_EFFECTS, *effects), models_of(*effects), 0.05, 0.95)
    table = all_tables.DETECTABLE_EFFECTS.check(pd.DataFrame(rows, columns=list(all_tables.DETECTABLE_EFFECTS.columns)))
    return table.set_index("power")


def test_the_standard_error_is_that_of_the_interval():
    table = found(an_association(), an_effect())

    assert table["slope"].tolist() == pytest.approx([0.742629653, 0.859244099], rel=1e-8)
    assert table.loc[0.8, "rho"] == pytest.approx(0.161456, abs=5e-7)
    assert table.loc[0.8, ["sex", "unit", "n_slope"]].tolist() == ["standardized", "HU per decade", 300]


def test_volumes_have_percentages():
    limits = 100 * np.expm1([-0.05 - QUANTILE * 0.005, -0.05 + QUANTILE * 0.005])
    effect = an_effect(measure="volume_ml", ci_low=limits[0], ci_high=limits[1])

    table = found(an_association(measure="volume_ml"), effect)

    expected = 100 * np.expm1((stats.norm.ppf(0.975) + stats.norm.ppf([0.8, 0.9])) * 0.005)
    assert table["slope"].tolist() == pytest.approx(expected, rel=1e-9)
    assert table.loc[0.8, "unit"] == "percent per decade"


def test_the_slope_is_adjusted_for_most_covariates_and_standardized_if_possible():
    rows = [
        an_effect(error=1.0),
        an_effect(error=2.0, adjusted_for="height_cm"),
        an_effect(error=3.0, adjusted_for="height_cm + kvp", sex="female"),
        an_effect(error=4.0, adjusted_for="height_cm + kvp", ci_low=np.nan, ci_high=np.nan),
        an_effect(error=5.0, adjusted_for="height_cm + kvp", sex="difference"),
        an_effect(error=6.0, adjusted_for="height_cm + kvp", form="spline", window="30-80"),
    ]

    table = found(an_association(), *rows)

    assert table.loc[0.8, ["adjusted_for", "sex"]].tolist() == ["height_cm + kvp", "female"]
    assert table.loc[0.8, "slope"] == pytest.approx(3 * 0.742629653 / ERROR, rel=1e-8)


def test_repeated_scans_do_not_increase_the_number_of_patients():
    table = found(an_association(n=1200))

    assert table.loc[0.8, "rho"] == pytest.approx(0.161456, abs=5e-7)


def test_without_slopes_or_patients_values_are_missing():
    table = found(an_association(n=3, n_patients=3))

    assert table[["rho", "slope", "sex", "n_slope", "n_patients_slope"]].isna().all(axis=None)
    assert table["adjusted_for"].tolist() == ["none", "none"]


def test_no_associations_have_no_rows():
    assert found(table_of(all_tables.ASSOCIATIONS)).empty
