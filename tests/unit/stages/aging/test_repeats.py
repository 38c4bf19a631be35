"""Tests of the stage of repeated scans: changes within patients, and repeatability, or a reason."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.contracts import all_tables
from ctpop.stages.aging import repeats
from ctpop.stages.aging.age_series import split
from ctpop.stages.aging.samples import with_positions
from ctpop.stages.aging.scan_times import precise_ages, scan_years
from ctpop.stages.aging.within_patient import RepeatSettings
from ctpop.stats.covariates import covariates_of
from support.aging_commands import analysis_of

DATA = Path(__file__).parents[3] / "reference" / "statistics2"


def a_cohort(**columns):
    n = len(columns["age_years"])
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    return all_tables.COHORT.check(table.assign(scan_id=[f"s{number:04d}" for number in range(n)], **columns))


def tables_of(cohort, values, covariates=(), rho=None, category_n_min=10):
    analysis = analysis_of(cohort, values)
    series = split(with_positions(analysis, cohort), ["bone"], [])
    row = {"structure": "bone", "measure": "hu_mean", **(rho or {})}
    associations = pd.DataFrame([row], columns=list(all_tables.ASSOCIATIONS.columns))
    settings = RepeatSettings(0.95, [], 0.5, category_n_min)
    found = repeats.tables_of(series, cohort, covariates_of(cohort, list(covariates), []), associations, settings)
    return {name: table.set_index("measure") for name, table in found.items()}


def the_repeats(**columns):
    table = pd.read_csv(DATA / "repeats.csv")
    cohort = a_cohort(age_years=table["age"], sex=table["sex"], patient_id=table["patient"], **columns)
    return cohort, {("bone", "hu_mean"): table["hu"], ("bone", "volume_ml"): table["vol"]}


def the_retest(days=3, **columns):
    table = pd.read_csv(DATA / "retest.csv")
    dates = [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01") + pd.Timedelta(days=days)]
    cohort = a_cohort(
        age_years=np.repeat(table["age"].to_numpy(dtype=float), 2),
        patient_id=np.repeat(table["patient"].to_numpy(), 2),
        study_date=[str(date.date()) for _ in range(len(table)) for date in dates],
        **columns,
    )
    values = {
        (measure, name): table[[f"{name}_1", f"{name}_2"]].to_numpy().ravel()
        for measure, name in [("x", "hu"), ("x", "vol")]
    }
    return cohort, {("bone", "hu_mean"): values["x", "hu"], ("bone", "volume_ml"): values["x", "vol"]}


def test_changes_within_patients_are_those_of_the_mixed_model():
    cohort, values = the_repeats()

    table = tables_of(cohort, values, ["sex"])["within_patient"]

    hu, volume = table.loc["hu_mean"], table.loc["volume_ml"]
    half = stats.t.ppf(0.975, 121.596) * 1.607037210
    assert hu[["within", "within_low", "within_high"]].tolist() == pytest.approx(
        [-7.754771682, -7.754771682 - half, -7.754771682 + half], rel=1e-5
    )
    assert hu[["between", "contrast", "fixed"]].tolist() == pytest.approx(
        [-5.886459397, -1.868312286, -7.754771682], rel=1e-6
    )
    assert hu["p"] == pytest.approx(0.281289804, rel=1e-4)
    assert hu[["sd_between", "sd_within"]].tolist() == pytest.approx(np.sqrt([116.651427879, 17.886479774]), rel=1e-5)
    assert hu[["n", "n_patients", "n_repeated", "n_patients_repeated"]].tolist() == [240, 120, 180, 60]
    assert volume["within"] == pytest.approx(100 * np.expm1(-0.056407620), rel=1e-6)
    assert (hu["unit"], volume["unit"]) == ("HU per decade", "percent per decade")
    assert table["reason"].eq("ok").all()
    assert table["share_changed"].isna().all()


def test_repeatability_is_that_of_the_reference():
    cohort, values = the_retest()

    table = tables_of(cohort, values, rho={"rho": -0.812440191, "ci_low": -0.85, "ci_high": -0.76})["retest"]

    hu, volume = table.loc["hu_mean"], table.loc["volume_ml"]
    assert hu[["n", "n_patients"]].tolist() == [80, 40]
    assert hu[["sd_within", "icc", "bias", "reliability"]].tolist() == pytest.approx(
        [3.010772326, 0.925074883, 0.76, 0.922548470], rel=1e-6
    )
    assert hu[["change_low", "change_high"]].tolist() == pytest.approx([-8.345281762, 8.345281762], rel=1e-6)
    assert volume[["change_low", "change_high"]].tolist() == pytest.approx([-8.088948, 8.800844], rel=1e-6)
    assert volume[["cv", "cv_rms"]].tolist() == pytest.approx([3.043805528, 3.040397171], rel=1e-6)
    assert hu["rho_low"] < hu["rho"] < hu["rho_high"]
    assert hu["rho"] < -0.84
    assert hu[["cv", "cv_rms"]].isna().all()
    assert pd.isna(volume["rho"])


@pytest.mark.parametrize(
    ("days", "columns", "expected"),
    [
        (7, {}, "ok"),
        (8, {}, None),
        (3, {"phase": ["venous", "none"] * 40}, None),
        (3, {"phase": ["venous"] * 80}, "ok"),
        (3, {"phase": ["venous", "none"] * 21 + ["venous"] * 38}, "few_repeats"),
    ],
)
def test_pairs_are_scans_within_a_week_with_the_same_phase(days, columns, expected):
    cohort, values = the_retest(days, **columns)

    table = tables_of(cohort, values)["retest"]

    assert set(table["reason"]) == ({expected} if expected else set())


@pytest.mark.parametrize(
    ("start", "days", "n_pairs"), [("2020-12-28", 7, 40), ("2020-12-28", 8, 0), ("2019-12-28", 7, 40)]
)
def test_a_week_has_seven_days_at_the_end_of_a_year(start, days, n_pairs):
    cohort, values = the_retest(days)
    dates = pd.Timestamp(start) + pd.to_timedelta([0, days] * 40, unit="D")

    table = tables_of(cohort.assign(study_date=dates.astype(str)), values)["retest"]

    assert table["n_patients"].tolist() == ([n_pairs] * 2 if n_pairs else [])


def test_multiphase_examinations_form_pairs_of_each_phase():
    cohort, values = the_retest()
    expected = tables_of(cohort.assign(phase="venous"), values)["retest"]
    phases = cohort.assign(phase="venous"), cohort.assign(phase="native", scan_id=cohort["scan_id"] + "n")
    both = pd.concat(phases, ignore_index=True)
    doubled = {name: np.concatenate([each, each + 50]) for name, each in values.items()}

    table = tables_of(both, doubled)["retest"]

    assert table["n_patients"].tolist() == [40, 40]
    assert table["sd_within"]["hu_mean"] == pytest.approx(expected["sd_within"]["hu_mean"])


def test_without_dates_there_are_no_pairs():
    cohort, values = the_retest()

    assert tables_of(cohort.drop(columns="study_date"), values)["retest"].empty
    assert tables_of(cohort.assign(study_date="2020"), values)["retest"].empty


def test_a_cohort_without_repeats_has_empty_tables():
    cohort, values = the_repeats()

    for each in (cohort.assign(patient_id=cohort["scan_id"]), cohort.assign(patient_id=None)):
        assert all(table.empty for table in tables_of(each, values).values())


def test_repeats_at_the_same_time_are_too_few():
    cohort, values = the_retest()

    table = tables_of(cohort, values)["within_patient"]

    assert set(table["reason"]) == {"few_repeats"}
    assert table["within"].isna().all()
    assert table.loc["hu_mean", ["n_patients_repeated", "n_patients_long"]].tolist() == [40, 0]


def test_values_without_spread_and_volumes_of_zero_have_a_reason():
    cohort, _ = the_repeats()
    values = {("bone", "hu_mean"): np.ones(240), ("bone", "volume_ml"): np.arange(240.0)}

    table = tables_of(cohort, values, ["sex"])["within_patient"]

    assert table["reason"].to_dict() == {"hu_mean": "all_equal", "volume_ml": "not_positive"}


def test_patients_whose_change_exceeds_the_repeatability_are_counted():
    long = np.tile([0.0, 0.002, 4.0], 60)  # two scans within a week, and one after four years
    patients = np.repeat(np.arange(60), 3)
    random = np.random.default_rng(1)
    changed = np.where((patients < 15) & (long == 4), 100.0, 0.0)
    values = random.standard_normal(60)[patients] * 5 + changed + 0.5 * random.standard_normal(180)
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta((long * 365.25).round(), unit="D")
    cohort = a_cohort(
        age_years=random.uniform(30, 80, 60)[patients] + long,
        patient_id=[f"p{number:02d}" for number in patients],
        study_date=[str(day.date()) for day in days],
    )

    table = tables_of(cohort, {("bone", "hu_mean"): values})["within_patient"]

    assert table.loc["hu_mean", "share_changed"] == pytest.approx(15 / 60, abs=0.08)
    assert table.loc["hu_mean", "interval_years"] == pytest.approx(4, abs=0.01)


def test_dates_replace_differences_of_whole_years():
    years = scan_years(pd.DataFrame({"Study Date": ["2020-01-01", "2021-07-01", "unknown", "2020"]}))
    ages = precise_ages(np.array([60.0, 61.0, 50.0, 52.0]), years, np.array([0, 0, 1, 1]))

    assert ages[1] - ages[0] == pytest.approx(1.5, abs=0.01)
    assert ages[:2].mean() == 60.5
    assert ages[2:].tolist() == [50.0, 52.0]


def test_small_categories_are_combined():
    cohort, values = the_repeats()
    patients = cohort["patient_id"].factorize()[0]
    scanner = pd.Series(np.where(patients < 4, np.array(["B", "C", "D", "E"])[patients % 4], "A"))

    combined = tables_of(cohort.assign(scanner=scanner), values, ["scanner"])["within_patient"]
    two = tables_of(cohort.assign(scanner=scanner.where(scanner.eq("A"), "B")), values, ["scanner"])["within_patient"]
    separate = tables_of(cohort.assign(scanner=scanner), values, ["scanner"], category_n_min=1)["within_patient"]

    pd.testing.assert_frame_equal(combined, two)
    assert separate.loc["hu_mean", "between"] != pytest.approx(combined.loc["hu_mean", "between"], rel=1e-6)
