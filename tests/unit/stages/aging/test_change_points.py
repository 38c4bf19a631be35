"""Tests of the stage that estimates change points: estimates, limits, curves, or the reason for missing results."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables
from support.aging_commands import analysis_of, written_tables

TABLES = {"change-points": "CHANGE_POINTS", "curves": "CHANGE_POINT_CURVES"}
LABELS = "label,structure,side,group,lower_bound_ml\n1,bone,,bones,\n2,aorta,,vessels,\n"
ESTIMATES = [
    *("age_years", "age_low_years", "age_high_years"),
    *(f"slope_{when}{end}" for when in ("before", "after") for end in ("", "_low", "_high")),
]


def a_cohort(n=1200, seed=0, **columns):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    table = table.assign(
        scan_id=[f"s{number:04d}" for number in range(n)],
        age_years=random.uniform(18, 95, n).round(1),
        sex=np.where(random.random(n) < 0.5, "female", "male"),
    )
    return all_tables.COHORT.check(table.assign(**columns))


def bone(cohort, seed=2, noise=25.0):
    """Return attenuation: a change at 45 years in women (-3, then -30 HU per decade), a straight line in men."""
    random, age = np.random.default_rng(seed), cohort["age_years"].fillna(50)
    bent = -0.3 * np.minimum(age - 45, 0) - 3.0 * np.maximum(age - 45, 0)
    values = 200 + np.where(cohort["sex"].eq("male"), -2.0 * (age - 45), bent)
    return values + noise * random.standard_normal(len(cohort))


def run(folder, cohort, values, **settings):
    """Run the command for structure `bone` and return `change_points` with keys (measure, sex), and the curves."""
    chosen = {"change_points": ["bone"], **settings}
    tables = written_tables("change-points", folder, LABELS, TABLES, cohort, analysis_of(cohort, values), chosen)
    return tables["change-points"].set_index(["measure", "sex"]), tables["curves"]


def test_women_have_a_break_with_limits_and_men_have_none(tmp_path):
    cohort = a_cohort()

    points, curves = run(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort)})

    women, men = points.loc["hu_mean", "female"], points.loc["hu_mean", "male"]
    assert women["outcome"] in {"break", "break_or_curve"}
    assert women["age_low_years"] < 45 < women["age_high_years"]
    assert women["age_high_years"] - women["age_low_years"] < 15
    assert women["slope_before_low"] < -3 < women["slope_before_high"]
    assert women["slope_after_low"] < -30 < women["slope_after_high"]
    assert women["unit"] == "HU per decade"
    assert women["p"] == pytest.approx(1 / 501)
    assert men["outcome"] == "no_break"
    assert men[ESTIMATES].isna().all()
    assert men[["score", "p", "bic_line", "bic_break", "bic_curve"]].notna().all()
    of_men = curves.loc[curves["sex"].eq("male"), "age"]
    assert men["decreasing_ages"] == f"{of_men.min()}-{of_men.max()}"
    lines = curves[curves["sex"].eq("female")].set_index("age")["two_lines"]
    assert lines.loc[80] - lines.loc[70] == pytest.approx(women["slope_after"], rel=1e-6)
    assert curves.loc[curves["sex"].eq("male"), "two_lines"].isna().all()


def test_the_tables_contain_only_the_structures_of_the_setting(tmp_path):
    cohort = a_cohort()
    values = {("bone", "hu_mean"): bone(cohort), ("aorta", "hu_mean"): bone(cohort)}

    points, curves = run(tmp_path, cohort, values)
    assert set(curves["structure"]) == {"bone"}
    none, no_curves = run(tmp_path, cohort, values, change_points=[])

    assert set(points["structure"]) == {"bone"}
    assert set(points.index) == {(m, s) for m in ("volume_ml", "hu_mean") for s in ("female", "male")}
    assert points.loc["volume_ml", "reason"].tolist() == ["too_few", "too_few"]
    assert (len(none), len(no_curves)) == (0, 0)


def test_two_runs_write_the_same_bytes(tmp_path):
    cohort = a_cohort(400)
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        run(folder, cohort, {("bone", "hu_mean"): bone(cohort)})

    first, second = ([(folder / f"{name}.csv").read_bytes() for name in TABLES] for folder in folders)
    assert first == second


def test_volumes_are_analyzed_as_logarithms_and_slopes_are_percentages(tmp_path):
    cohort = a_cohort()
    random, age = np.random.default_rng(3), cohort["age_years"]
    change = np.log(0.9) / 10 * np.maximum(age - 50, 0)  # -10% per decade from 50 years
    volume = 30 * np.exp(change + 0.08 * random.standard_normal(len(cohort)))
    scaled = volume * np.where(cohort["sex"].eq("male"), 1000.0, 1.0)

    points, curves = run(tmp_path, cohort, {("bone", "volume_ml"): scaled})

    for sex in ("female", "male"):
        row = points.loc["volume_ml", sex]
        assert row["unit"] == "percent per decade"
        assert row["age_years"] == pytest.approx(50, abs=6)
        assert row["slope_before"] == pytest.approx(0, abs=1.5)
        assert row["slope_after"] == pytest.approx(-10, abs=1.5)
    at_40 = curves[curves["age"].eq(40)].set_index("sex")
    assert at_40.loc["female", "curve"] == pytest.approx(30, rel=0.05)
    assert at_40.loc["male", "curve"] == pytest.approx(30000, rel=0.05)


def test_covariates_are_adjusted_for_and_missing_ones_are_counted(tmp_path):
    random = np.random.default_rng(4)
    scanner = pd.Series(random.choice(["a", "b"], 1200), dtype="str")
    scanner[:30] = None
    cohort = a_cohort(scanner=scanner)
    offset = 300 * scanner.eq("b").to_numpy(dtype=float)

    crude, _ = run(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort)}, covariates=["scanner"])
    shifted, _ = run(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort) + offset}, covariates=["scanner"])

    assert (crude["adjusted_for"].loc["hu_mean"] == "scanner").all()
    assert crude.loc["hu_mean", "n_left_out"].sum() == 30
    for name in ("age_years", "slope_before", "slope_after", "score"):
        np.testing.assert_allclose(shifted[name], crude[name], rtol=1e-6)


def test_sex_is_not_a_covariate(tmp_path):
    cohort = a_cohort()

    points, _ = run(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort)}, covariates=["sex"])

    assert set(points["adjusted_for"]) == {"none"}


def test_repeated_scans_of_a_patient_count_as_one_patient(tmp_path):
    half = a_cohort(600)
    cohort = pd.concat([half, half], ignore_index=True)
    cohort = cohort.assign(scan_id=[f"t{n:04d}" for n in range(1200)], patient_id=[f"p{n % 600}" for n in range(1200)])
    values = np.tile(bone(half), 2)

    single, _ = run(tmp_path, half, {("bone", "hu_mean"): bone(half)})
    double, _ = run(tmp_path, all_tables.COHORT.check(cohort), {("bone", "hu_mean"): values})

    for sex in ("female", "male"):
        one, two = single.loc["hu_mean", sex], double.loc["hu_mean", sex]
        assert (two["n"], two["n_patients"]) == (2 * one["n"], one["n"])
        for name in ("score", "bic_line", "bic_break", "bic_curve"):
            assert two[name] == pytest.approx(one[name], rel=1e-9)
        assert two["p"] == pytest.approx(one["p"], abs=0.02)  # the order of the patients, and of the draws, differs
        assert two["outcome"] == one["outcome"]


def reasons(folder, cohort, values, **settings):
    points, curves = run(folder, cohort, values, **settings)
    without = points["reason"].ne("ok")
    numbers = ["outcome", *ESTIMATES, "score", "p", "bic_line", "decreasing_ages", "increasing_ages"]
    assert points.loc[without, numbers].isna().all(axis=None)
    assert len(curves) == 0 or not without.all()
    return points["reason"].to_dict()


@pytest.mark.parametrize(
    ("columns", "value", "expected"),
    [
        ({}, lambda age: 100.0 + 0 * age, "all_equal"),
        ({"age_years": 50.0}, lambda age: age + np.arange(len(age)) % 7, "all_equal"),
        (
            {"age_years": np.where(np.arange(400) % 2, 30.0, 60.0)},
            lambda age: age + np.arange(len(age)) % 7,
            "few_ages",
        ),
        ({"age_years": np.linspace(60, 75, 400)}, lambda age: age + np.arange(len(age)) % 7, "narrow_ages"),
        ({"age_years": np.linspace(1, 20, 400)}, lambda age: age + np.arange(len(age)) % 7, "narrow_ages"),
        ({}, lambda age: 3 - 2 * age, "explained"),
        ({}, lambda age: 3 - 2 * np.maximum(age - 50, 0), "explained"),
        ({"age_years": [None] * 400}, lambda age: np.arange(400.0), "too_few"),
        ({"sex": [None] * 400}, lambda age: np.arange(400.0), "too_few"),
    ],
)
def test_degenerate_values_have_a_reason(tmp_path, columns, value, expected):
    cohort = a_cohort(400, **columns)
    values = {("bone", "hu_mean"): value(cohort["age_years"].to_numpy(dtype=float))}

    found = reasons(tmp_path, cohort, values)

    assert {found["hu_mean", sex] for sex in ("female", "male")} == {expected}


def test_one_sex_has_results_of_that_sex(tmp_path):
    cohort = a_cohort(400, sex="female")

    found = reasons(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort)})

    assert (found["hu_mean", "female"], found["hu_mean", "male"]) == ("ok", "too_few")


def test_a_volume_of_zero_has_no_logarithm(tmp_path):
    cohort = a_cohort(400)
    volumes = np.arange(400.0)

    found = reasons(tmp_path, cohort, {("bone", "volume_ml"): volumes})

    assert sorted(found["volume_ml", sex] for sex in ("female", "male")) == ["not_positive", "ok"]


def test_year_of_birth_explains_age(tmp_path):
    cohort = a_cohort(400)
    cohort = cohort.assign(birth_year=(2020 - cohort["age_years"]).astype(str))

    found = reasons(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort)}, covariates=["birth_year"])

    assert found["hu_mean", "female"] == "explained"


def test_a_sex_needs_50_patients_more_than_columns(tmp_path):
    women = 52  # constant and age
    cohort = a_cohort(400, sex=np.where(np.arange(400) < women, "female", "male"))

    enough = reasons(tmp_path, cohort, {("bone", "hu_mean"): bone(cohort)})
    fewer = reasons(tmp_path, cohort.iloc[1:].reset_index(drop=True), {("bone", "hu_mean"): bone(cohort.iloc[1:])})

    assert (enough["hu_mean", "female"], fewer["hu_mean", "female"]) == ("ok", "too_few")


def test_small_categories_are_combined(tmp_path):
    cohort = a_cohort()
    scanner = pd.Series(np.where(cohort.index < 12, np.array(list("BCDEFG"))[cohort.index % 6], "A"))
    scanner = scanner.where(cohort["sex"].eq("male"), "A")
    values = {("bone", "hu_mean"): bone(cohort)}

    def of_men(column, **settings):
        covariates = {"covariates": ["scanner"], **settings}
        return run(tmp_path, cohort.assign(scanner=column), values, **covariates)[0].loc[("hu_mean", "male")]

    combined, two = of_men(scanner), of_men(scanner.where(scanner.eq("A"), "B"))
    assert combined.to_dict() == pytest.approx(two.to_dict(), nan_ok=True)
    assert of_men(scanner, category_n_min=1)["bic_line"] != pytest.approx(combined["bic_line"], abs=0.1)
