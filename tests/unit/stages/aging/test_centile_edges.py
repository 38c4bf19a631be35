"""Edge cases of centiles: no sex, no scans, repeated scans, and children."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables
from ctpop.stages.aging import centiles
from ctpop.stages.aging.age_series import split, with_ages
from ctpop.stages.aging.centile_outcomes import deterministic
from support.aging_commands import analysis_of

SETTINGS = centiles.CentileSettings(100, 300, [], 0.95)
SOURCE = centiles.Source("labels", "0" * 16, None)


def a_cohort(n=300, per_patient=1, **columns):
    random = np.random.default_rng(3)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    first = np.arange(n) - np.arange(n) % per_patient
    table = table.assign(
        scan_id=[f"s{number:03d}" for number in range(n)],
        patient_id=[f"p{number:03d}" for number in first],
        age_years=random.uniform(18, 95, n)[first].round(1) + 0.5 * (np.arange(n) % per_patient),
        sex=random.choice(["female", "male"], n)[first],
    )
    return all_tables.COHORT.check(table.assign(**columns))


def tables_of(cohort, values, settings=SETTINGS):
    analysis = analysis_of(cohort, {("aorta", "hu_mean"): pd.Series(values)})
    series = split(with_ages(analysis, cohort), ["aorta"])
    return centiles.tables_of(centiles.outcomes_of(series, cohort, settings), SOURCE)


def hu(n, seed=4):
    return 100 + 10 * np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize(
    "columns",
    [{"sex": None}, {"age_years": np.nan}, {"sex": "male", "age_years": 40.0}],
    ids=["no sex", "no age", "one age"],
)
def test_cohorts_without_curves_have_rows_with_reasons(columns):
    cohort = a_cohort(**columns)

    tables = tables_of(cohort, hu(300))

    assert len(tables["centiles"]) == len(tables["centile_worms"]) == len(tables["z_scores"]) == 0
    assert len(tables["centile_calibration"]) == 4
    assert set(tables["centile_calibration"]["reason"]) <= {"too_few", "few_ages"}
    assert tables["centile_calibration"]["misfit"].isna().all()
    assert set(tables["centile_models"]["status"]) == {"not_fitted"}


def test_repeated_scans_are_counted_as_patients():
    cohort = a_cohort(600, per_patient=3)
    more = centiles.CentileSettings(150, 300, [], 0.95)
    assert set(tables_of(cohort, hu(600), more)["centile_calibration"]["reason"]) == {"too_few"}
    settings = centiles.CentileSettings(60, 300, [], 0.95)
    values = np.repeat(hu(200, 5), 3) + 0.3 * np.random.default_rng(6).standard_normal(600)

    tables = tables_of(cohort, values, settings)

    curves = tables["centiles"]
    assert curves["n"].eq(3 * curves["n_patients"]).all()
    assert curves["extreme_reason"].eq("too_few").all()
    once = cohort.iloc[::3].reset_index(drop=True)
    alone = tables_of(once, values[::3], settings)["centiles"]
    at = {"sex": "female", "age_years": 55.0}
    width, expected = (
        row["centile_50_high"] - row["centile_50_low"]
        for row in (each[(each[list(at)] == pd.Series(at)).all(axis=1)].iloc[0] for each in (curves, alone))
    )
    assert width == pytest.approx(expected, rel=0.35)  # not narrower by the square root of 3
    quartiles = tables["centile_calibration"].query("band.str.startswith('quartile')")
    assert quartiles["z1"].notna().sum() > 0


@pytest.mark.parametrize(("oldest", "shown"), [(2, {1.0}), (0.9, set())])
def test_newborns_and_infants_are_fitted(oldest, shown):
    cohort = a_cohort(400)
    cohort = cohort.assign(age_years=np.random.default_rng(7).uniform(0.01, oldest, 400))

    tables = tables_of(cohort, hu(400))

    assert set(tables["centiles"]["age_years"]) == shown
    assert len(tables["z_scores"]) == 400
    assert set(tables["centile_calibration"].query("reason == 'ok'")["band"]) >= {"all", "decade_000"}


def test_values_that_follow_from_age_are_recognized():
    ages = np.random.default_rng(8).uniform(18, 95, 300)
    whole = np.floor(ages)

    assert deterministic(100 - 0.5 * ages, ages)
    assert deterministic(np.sin(whole) * 50 + 100, whole)
    assert not deterministic(100 - 0.5 * ages + 0.01 * hu(300), ages)
