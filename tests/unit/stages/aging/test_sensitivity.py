"""Tests of the sensitivity analyses of other scans, weights, and values."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.contracts import all_tables
from ctpop.stages.aging.age_series import split, with_ages
from ctpop.stages.aging.aging_settings import AgingSettings
from ctpop.stages.aging.associations import association_table
from ctpop.stages.aging.sensitivity import all_correlations, first_scans, sensitivity_table, uniform_ages
from ctpop.stats.correlation import spearman
from ctpop.study.configuration import chosen

NAMES = ["liver"]
SETTINGS = chosen(AgingSettings, "aging", None)


def a_cohort(ages, patients=None):
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(len(ages)))
    numbers = range(len(ages)) if patients is None else patients
    return all_tables.COHORT.check(
        table.assign(
            scan_id=[f"s{number:05d}" for number in range(len(ages))],
            patient_id=[f"p{number}" for number in numbers],
            age_years=ages,
        )
    )


def series_of(cohort, values, measure="hu_mean"):
    analysis = pd.DataFrame({"scan_id": cohort["scan_id"], "structure": "liver", "measure": measure, "value": values})
    return split(with_ages(all_tables.ANALYSIS.check(analysis.dropna()), cohort), NAMES)


def the_table(cohort, values, sets=()):
    series = series_of(cohort, values)
    rows = all_correlations([("study", series), *sets], series, cohort, SETTINGS)
    table = all_tables.SENSITIVITY.check(sensitivity_table(rows, association_table(series, SETTINGS)))
    return table[table["measure"] == "hu_mean"].set_index("analysis")


def repeated(seed=1):
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(60), np.tile([1, 2, 3], 20))
    rng.shuffle(patients)
    ages = rng.uniform(20, 80, 60)[patients] + rng.uniform(0, 9, 120)
    return a_cohort(ages, patients), ages, -ages / 20 + rng.normal(size=60)[patients], patients


def test_one_scan_per_patient_is_the_youngest_usable_scan():
    cohort, ages, values, patients = repeated()
    missing = np.where(np.arange(120) % 7 == 0, np.nan, values)
    table = the_table(cohort, missing)
    frame = pd.DataFrame({"ages": ages, "values": missing, "patients": patients}).dropna()
    first = frame.sort_values("ages").groupby("patients").first()
    found = table.loc["one_scan_per_patient"]
    assert (found["n"], found["n_patients"]) == (len(first), len(first))
    expected = stats.spearmanr(first["ages"], first["values"])
    assert found["rho"] == pytest.approx(expected.statistic)
    assert found["p_independence"] == pytest.approx(expected.pvalue)
    assert found["difference"] == pytest.approx(found["rho"] - table.loc["study", "rho"])
    assert np.isnan(found["effective_n"])


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (None, [1, 3]),
        (["2020-05-01", "2020-09-01", "2020-02-01", "2000-05-01"], [2, 3]),
        (["2020-05-01", "2020-09-01", None, "2000-05-01"], [1, 3]),
    ],
    ids=["no dates", "dates", "a date is missing"],
)
def test_the_first_of_scans_at_the_same_age_is_the_earliest_or_else_the_first_in_the_table(dates, expected):
    cohort = a_cohort([50.0, 40, 40, 30], [1, 0, 0, 1])
    dated = cohort if dates is None else cohort.assign(scan_date=dates)
    [series] = [each for each in series_of(dated, np.arange(4.0)) if len(each.rows)]
    assert first_scans(dated)(series).scans.tolist() == expected


def test_patients_have_equal_weights():
    cohort, ages, values, patients = repeated()
    found = the_table(cohort, values).loc["patients_equally_weighted"]
    sizes = np.bincount(patients)[patients]
    expected = spearman(values, ages, 0.95, patients, 1 / sizes)
    assert (found["rho"], found["ci_low"]) == pytest.approx((expected.rho, expected.ci_low))
    assert found["effective_n"] == pytest.approx(60**2 / (1 / sizes**2).sum())
    assert np.isnan(found["p_independence"])
    assert np.isfinite(found["p_rho0"])
    assert (found["n"], found["n_patients"], found["reason"]) == (120, 60, "ok")


def test_analyses_of_patients_require_repeated_patients():
    rng = np.random.default_rng(2)
    table = the_table(a_cohort(rng.uniform(20, 80, 90)), rng.normal(size=90))
    assert list(table.index) == ["study", "uniform_age"]


def skewed(n=400, seed=3):
    rng = np.random.default_rng(seed)
    ages = 20 + 70 * rng.beta(2, 5, n)
    return ages, -ages / 15 + rng.normal(size=n)


def test_the_decades_have_equal_weights():
    ages, values = skewed()
    found = the_table(a_cohort(ages), values).loc["uniform_age"]
    limits = np.floor(np.quantile(ages, [0.025, 0.975]) / 10)
    decade = np.floor(ages / 10)
    inside = (decade >= limits[0]) & (decade <= limits[1])
    weights = np.array([1 / (decade[inside] == each).sum() for each in decade[inside]])
    expected = spearman(values[inside], ages[inside], 0.95, weights=weights)
    assert found["n"] == inside.sum() < 400
    assert (found["rho"], found["ci_high"]) == pytest.approx((expected.rho, expected.ci_high))
    assert found["effective_n"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_the_uniform_age_distribution_recovers_rho_of_a_uniform_cohort():
    rng = np.random.default_rng(4)
    even = rng.uniform(20, 90, 20_000)
    truth = stats.spearmanr(even, -even / 15 + rng.normal(size=20_000)).statistic
    ages = 20 + 70 * rng.beta(1, 1.8, 20_000)
    values = -ages / 15 + rng.normal(size=20_000)
    found = the_table(a_cohort(ages), values)
    assert abs(found.loc["uniform_age", "rho"] - truth) < 0.02
    assert abs(found.loc["study", "rho"] - truth) > 0.04


def test_an_empty_decade_is_the_reason_for_a_missing_result():
    ages, values = skewed()
    usable = np.where((ages >= 40) & (ages < 50), np.nan, values)
    found = the_table(a_cohort(ages), usable).loc["uniform_age"]
    assert found["reason"] == "empty_decade"
    assert found[["rho", "ci_low", "p_rho0", "effective_n", "difference"]].isna().all()
    assert found["n"] > 100


def test_one_decade_has_the_correlation_of_the_study():
    rng = np.random.default_rng(5)
    table = the_table(a_cohort(rng.uniform(60, 70, 50)), rng.normal(size=50))
    assert table.loc["uniform_age", "difference"] == 0
    assert table.loc["uniform_age", "effective_n"] == pytest.approx(50)


@pytest.mark.parametrize(
    ("ages", "values", "reason"),
    [
        (np.linspace(20, 80, 9), np.arange(9.0), "too_few"),
        (np.linspace(20, 80, 40), np.full(40, 2.0), "all_equal"),
        (np.linspace(20, 80, 40), np.arange(40.0), "perfect_order"),
        (np.full(40, np.nan), np.arange(40.0), "too_few"),
    ],
)
def test_every_missing_result_has_a_reason(ages, values, reason):
    table = the_table(a_cohort(ages), values)
    assert set(table["reason"]) == {reason}
    assert table["p_rho0"].isna().all()


def test_a_series_without_values_has_rows_with_a_reason():
    cohort, _, values, _ = repeated()
    table = the_table(cohort, values * np.nan)
    assert set(table.index) == {"study", "uniform_age", "one_scan_per_patient", "patients_equally_weighted"}
    assert set(table["reason"]) == {"too_few"}


def test_eroded_values_replace_attenuation_only():
    ages, values = skewed()
    cohort = a_cohort(ages)
    eroded = np.where(np.arange(400) < 30, np.nan, values + np.sin(np.arange(400)))
    table = the_table(cohort, values, [("eroded", series_of(cohort, eroded))])
    assert table.loc["eroded", "n"] == 370
    assert table.loc["eroded", "rho"] == pytest.approx(stats.spearmanr(ages[30:], eroded[30:]).statistic)
    rows = all_correlations([("eroded", series_of(cohort, eroded))], [], cohort, SETTINGS)
    assert {(row["analysis"], row["measure"]) for row in rows} == {("eroded", "hu_mean")}
    assert all_correlations([("eroded", series_of(cohort, eroded * np.nan))], [], cohort, SETTINGS) == []


def test_uniform_ages_without_ages_select_nothing():
    [series] = [each for each in series_of(a_cohort([50.0, 60.0]), np.arange(2.0)) if len(each.rows)]
    assert len(uniform_ages(np.array([]))(series).scans) == 0
