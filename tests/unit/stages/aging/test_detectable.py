"""Smallest detectable effects from the numbers of patients and the standard errors of slopes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.contracts import all_tables
from ctpop.contracts.effects import AGE_EFFECTS
from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.detectable import detectable_rows

ERROR = 0.265074804


def a_series(n=300, patients=300, measure="hu_mean"):
    return Series("liver", measure, pd.DataFrame({"patient": np.arange(n) % patients}), np.array([50.0]), "structures")


def an_effect(error=ERROR, **changed):
    row = {"structure": "liver", "measure": "hu_mean", "adjusted_for": "none", "sex": "standardized", "form": "line"}
    return {**row, "effect": -5.7, "error": error, "window": "all", "n": 300, "n_patients": 300, **changed}


def found(series, *effects):
    effects = pd.DataFrame(effects, columns=list(AGE_EFFECTS.columns))
    rows = [{**row, "family": "structures"} for row in detectable_rows(series, effects, 0.05)]
    table = pd.DataFrame(rows, columns=list(all_tables.DETECTABLE_EFFECTS.columns))
    return all_tables.DETECTABLE_EFFECTS.check(table).set_index("power")


def test_the_slope_follows_from_its_standard_error():
    table = found([a_series()], an_effect())

    assert table["slope"].tolist() == pytest.approx([0.742629653, 0.859244099], rel=1e-8)
    assert table.loc[0.8, "rho"] == pytest.approx(0.161456, abs=5e-7)
    assert table.loc[0.8, ["sex", "unit", "n_slope"]].tolist() == ["standardized", "HU per decade", 300]


def test_volumes_have_percentages():
    table = found([a_series(measure="volume_ml")], an_effect(error=0.005, measure="volume_ml"))

    expected = 100 * np.expm1((stats.norm.ppf(0.975) + stats.norm.ppf([0.8, 0.9])) * 0.005)
    assert table["slope"].tolist() == pytest.approx(expected, rel=1e-9)
    assert table.loc[0.8, "unit"] == "percent per decade"


def test_the_slope_is_adjusted_for_most_covariates_and_standardized_if_possible():
    rows = [
        an_effect(error=1.0),
        an_effect(error=2.0, adjusted_for="height_cm"),
        an_effect(error=3.0, adjusted_for="height_cm + kvp", sex="female"),
        an_effect(error=np.nan, adjusted_for="height_cm + kvp"),
        an_effect(error=5.0, adjusted_for="height_cm + kvp", sex="difference"),
        an_effect(error=6.0, adjusted_for="height_cm + kvp", form="spline", window="30-80"),
    ]

    table = found([a_series()], *rows)

    assert table.loc[0.8, ["adjusted_for", "sex"]].tolist() == ["height_cm + kvp", "female"]
    assert table.loc[0.8, "slope"] == pytest.approx(3 * 0.742629653 / ERROR, rel=1e-8)


def test_repeated_scans_do_not_increase_the_number_of_patients():
    table = found([a_series(1200)])

    assert table.loc[0.8, "rho"] == pytest.approx(0.161456, abs=5e-7)


def test_without_slopes_or_patients_values_are_missing():
    table = found([a_series(3, 3)])

    assert table[["rho", "slope", "sex", "n_slope", "n_patients_slope"]].isna().all(axis=None)
    assert table["adjusted_for"].tolist() == ["none", "none"]


def test_no_series_have_no_rows():
    assert found([]).empty
