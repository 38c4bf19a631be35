"""Tests of the stage that adjusts for covariates: every row contains a result or a reason."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables
from support.aging_commands import analysis_of, written_tables

N = 240
TABLES = {
    "adjusted": "ADJUSTED",
    "by-sex": "ASSOCIATIONS_BY_SEX",
    "rank-ancova": "RANK_ANCOVA",
    "age-curves": "AGE_CURVES",
}
RESULTS = {
    "adjusted": [
        "rho",
        "ci_low",
        "ci_high",
        "log10_p_independence",
        "p_independence",
        "p_bonferroni",
        "p_holm",
        "q_bh",
    ],
    "by-sex": ["rho", "ci_low", "ci_high", "log10_p_independence", "p_independence", "p_bonferroni"],
    "rank-ancova": ["f", "df_between", "df_within", "log10_p", "p", "p_bonferroni", "eta_squared"],
    "age-curves": ["f", "df_1", "df_2", "log10_p", "p", "p_bonferroni", "partial_r_squared"],
}
LABELS = "label,structure,side,group,lower_bound_ml\n1,aorta,,vessels,\n2,spleen,,abdomen,\n"


def a_cohort(n=N, seed=0, **columns):
    """Return a cohort in which men are taller and younger, and height decreases with age."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 96, n).astype(float)
    male = random.random(n) < 0.9 - 0.006 * (age - 18)
    height = (163 + 13 * male - 0.08 * age + 6.5 * random.standard_normal(n)).round(1)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    patients = {"scan_id": [f"s{number:03d}" for number in range(n)], "age_years": age}
    own = {"sex": np.where(male, "male", "female"), "height_cm": height.astype(str), **columns}
    return all_tables.COHORT.check(table.assign(**patients, **own))


def an_analysis(cohort, seed=1, **values):
    """Return aortic volumes that depend only on height and splenic attenuation that decreases with age."""
    random = np.random.default_rng(seed)
    n, age = len(cohort), cohort["age_years"].fillna(50)
    tall = pd.to_numeric(cohort["height_cm"]).fillna(170) if "height_cm" in cohort else 170
    columns = {
        ("aorta", "volume_ml"): 3 * tall + 25 * random.standard_normal(n),
        ("spleen", "hu_mean"): 120 - 0.8 * age + 10 * random.standard_normal(n),
        **{("aorta", measure): each for measure, each in values.items()},
    }
    return analysis_of(cohort, columns)


def run(folder, cohort, analysis, **settings):
    """Run the command and return the tables that it writes."""
    return written_tables("adjust", folder, LABELS, TABLES, cohort, analysis, settings)


def row(table, structure, measure, **more):
    found = table[table["structure"].eq(structure) & table["measure"].eq(measure)]
    for column, value in more.items():
        found = found[found[column].eq(value)]
    [only] = found.to_dict("records")
    return only


def test_adjustment_removes_only_an_age_effect_explained_by_height(tmp_path):
    cohort = a_cohort()

    tables = run(tmp_path, cohort, an_analysis(cohort))

    both = "sex + height_cm"
    aorta = row(tables["adjusted"], "aorta", "volume_ml", adjusted_for=both)
    spleen = row(tables["adjusted"], "spleen", "hu_mean", adjusted_for=both)
    assert aorta["rho_crude"] < -0.25
    assert aorta["ci_low"] < 0 < aorta["ci_high"]
    assert spleen["ci_high"] < -0.7
    assert spleen["log10_p_independence"] < -40
    assert row(tables["rank-ancova"], "aorta", "volume_ml")["log10_p"] > -2
    assert row(tables["rank-ancova"], "spleen", "hu_mean")["eta_squared"] > 0.5
    assert row(tables["age-curves"], "aorta", "volume_ml", term="age")["log10_p"] > -2
    assert row(tables["age-curves"], "spleen", "hu_mean", term="age")["log10_p"] < -40
    assert row(tables["age-curves"], "spleen", "hu_mean", term="nonlinear")["log10_p"] > -3
    assert row(tables["by-sex"], "spleen", "hu_mean", sex="female")["rho"] < -0.6


def test_every_structure_measure_and_set_of_covariates_has_a_row(tmp_path):
    cohort = a_cohort()

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert [len(tables[name]) for name in TABLES] == [4 * 3, 4 * 2, 4, 4 * 3]
    assert set(tables["adjusted"]["adjusted_for"]) == {"sex", "height_cm", "sex + height_cm"}
    empty = {name: table[table["n"].eq(0)] for name, table in tables.items()}
    assert [len(empty[name]) for name in TABLES] == [6, 4, 2, 6]
    for name, table in empty.items():
        assert set(table["reason"]) == {"too_few"}
        assert table[RESULTS[name]].isna().all().all()


def test_patients_without_a_covariate_are_excluded_and_counted(tmp_path):
    cohort = a_cohort()
    gaps = cohort.assign(
        sex=cohort["sex"].mask(cohort.index < 20), height_cm=cohort["height_cm"].mask(cohort.index.isin(range(10, 40)))
    )

    adjusted = run(tmp_path, gaps, an_analysis(cohort))["adjusted"]

    spleen = adjusted[adjusted["structure"].eq("spleen") & adjusted["measure"].eq("hu_mean")].set_index("adjusted_for")
    assert spleen["n"].to_dict() == {"sex": 220, "height_cm": 210, "sex + height_cm": 200}
    assert spleen["n_left_out"].to_dict() == {"sex": 20, "height_cm": 30, "sex + height_cm": 40}


@pytest.mark.parametrize(("share", "together"), [(0.5, False), (0.2, True)])
def test_a_rarely_known_covariate_is_not_part_of_the_joint_adjustment(tmp_path, share, together):
    heights = a_cohort()["height_cm"].where(np.arange(N) < 0.3 * N)
    cohort = a_cohort(height_cm=heights)

    tables = run(tmp_path, cohort, an_analysis(cohort), covariates=["sex", "height_cm"], covariate_share=share)

    assert ("sex + height_cm" in set(tables["adjusted"]["adjusted_for"])) == together
    assert "height_cm" in set(tables["adjusted"]["adjusted_for"])


def test_a_missing_covariate_is_equivalent_to_excluding_the_patient(tmp_path):
    cohort = a_cohort()
    gone = cohort.index < 30
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    unknown = cohort.assign(height_cm=cohort["height_cm"].mask(gone))

    gaps = run(tmp_path / "a", unknown, an_analysis(cohort))["adjusted"]
    fewer = run(tmp_path / "b", cohort[~gone], an_analysis(cohort)[lambda t: t["scan_id"].ge("s030")])["adjusted"]

    shown = ["n", "rho_crude", "rho", "ci_low", "ci_high", "log10_p_independence"]
    for covariates in ("height_cm", "sex + height_cm"):
        first, second = (row(table, "aorta", "volume_ml", adjusted_for=covariates) for table in (gaps, fewer))
        assert [first[name] for name in shown] == pytest.approx([second[name] for name in shown])


@pytest.mark.parametrize(
    ("columns", "covariates", "reason"),
    [
        ({"kvp": ["100"] * N}, "kvp", "constant_covariate"),
        ({"kvp": [None] * N}, "kvp", "too_few"),
        ({"scanner": [f"serial {number}" for number in range(N)]}, "scanner", "too_few"),
    ],
    ids=["one category", "missing in all scans", "a category for each scan"],
)
def test_an_unusable_covariate_has_a_row_with_the_reason(tmp_path, columns, covariates, reason):
    cohort = a_cohort(**columns)

    adjusted = run(tmp_path, cohort, an_analysis(cohort))["adjusted"]

    found = row(adjusted, "spleen", "hu_mean", adjusted_for=covariates)
    assert found["reason"] == reason
    assert np.isnan(found["rho"])
    assert row(adjusted, "spleen", "hu_mean", adjusted_for="sex")["reason"] == "ok"


def test_a_covariate_equal_to_age_explains_all_variation(tmp_path):
    cohort = a_cohort()
    born = cohort.assign(year=(2020 - cohort["age_years"]).astype(int).astype(str))

    tables = run(tmp_path, born, an_analysis(cohort))

    assert row(tables["adjusted"], "spleen", "hu_mean", adjusted_for="year")["reason"] == "explained"
    assert row(tables["age-curves"], "spleen", "hu_mean", term="age")["reason"] == "explained"


def test_redundant_covariates_do_not_change_the_results(tmp_path):
    cohort = a_cohort()
    inches = (pd.to_numeric(cohort["height_cm"]) / 2.54).astype(str)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    twice, names = cohort.assign(height_in=inches), ["sex", "height_cm", "height_in"]

    once = run(tmp_path / "a", cohort, an_analysis(cohort), covariates=names[:2])["age-curves"]
    both = run(tmp_path / "b", twice, an_analysis(cohort), covariates=names)["age-curves"]

    assert both["f"].tolist() == pytest.approx(once["f"].tolist(), nan_ok=True, rel=1e-6)
    assert both["df_2"].tolist() == once["df_2"].tolist()


def test_a_registry_without_covariates_has_rows_with_the_reason(tmp_path):
    cohort = a_cohort().drop(columns=["height_cm"])

    tables = run(tmp_path, cohort, an_analysis(cohort), covariates=[])

    for name in ("adjusted", "rank-ancova", "age-curves"):
        assert set(tables[name]["adjusted_for"]) == {"none"}
        assert set(tables[name]["reason"]) == {"no_covariate"}
    assert row(tables["by-sex"], "spleen", "hu_mean", sex="male")["reason"] == "ok"


def test_one_sex_has_a_curve_but_no_interaction(tmp_path):
    cohort = a_cohort().assign(sex="male")

    tables = run(tmp_path, cohort, an_analysis(cohort))

    reasons = {
        term: row(tables["age-curves"], "spleen", "hu_mean", term=term)["reason"] for term in all_tables.CURVE_TERMS
    }
    assert reasons == {"age": "ok", "nonlinear": "ok", "interaction": "one_sex"}
    assert row(tables["by-sex"], "spleen", "hu_mean", sex="female")["reason"] == "too_few"
    assert row(tables["adjusted"], "spleen", "hu_mean", adjusted_for="sex")["reason"] == "constant_covariate"


@pytest.mark.parametrize(
    ("ages", "values", "reason"),
    [(None, np.full(N, 3.0), "all_equal"), (np.full(N, 50.0), None, "all_equal")],
    ids=["equal values", "equal ages"],
)
def test_constant_values_have_a_row_with_the_reason(tmp_path, ages, values, reason):
    cohort = a_cohort()
    cohort = cohort if ages is None else cohort.assign(age_years=ages)
    hu = np.arange(float(N)) if values is None else values

    tables = run(tmp_path, cohort, an_analysis(cohort, hu_mean=hu))

    for name, table in tables.items():
        rows = table[table["structure"].eq("aorta") & table["measure"].eq("hu_mean")]
        assert set(rows["reason"]) == {reason}, name


def test_two_distinct_ages_have_no_curve_tests(tmp_path):
    cohort = a_cohort()
    cohort = cohort.assign(age_years=np.where(cohort["age_years"] < 55, 40.0, 70.0))

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert row(tables["age-curves"], "spleen", "hu_mean", term="age")["reason"] == "few_ages"
    assert row(tables["adjusted"], "spleen", "hu_mean", adjusted_for="sex")["reason"] == "ok"


def test_a_perfect_order_has_a_correlation_and_a_reason_for_the_missing_p_value(tmp_path):
    cohort = a_cohort()

    adjusted = run(tmp_path, cohort, an_analysis(cohort, hu_mean=2 * cohort["age_years"]))["adjusted"]

    found = row(adjusted, "aorta", "hu_mean", adjusted_for="sex")
    assert (found["rho"], found["reason"]) == (1, "perfect_order")
    assert np.isnan([found["ci_low"], found["log10_p_independence"], found["p_bonferroni"]]).all()


def test_families_are_the_tests_with_the_same_covariates(tmp_path):
    cohort = a_cohort()

    adjusted = run(tmp_path, cohort, an_analysis(cohort))["adjusted"].dropna(subset="p_independence")

    assert len(adjusted) == 6
    assert adjusted["p_bonferroni"].tolist() == pytest.approx((2 * adjusted["p_independence"]).clip(upper=1).tolist())


def test_equal_input_yields_equal_bytes(tmp_path):
    cohort = a_cohort(scanner=["A", "B", "C"] * (N // 3))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        run(tmp_path / name, cohort, an_analysis(cohort))

    for table in TABLES:
        first, second = ((tmp_path / name / f"{table}.parquet").read_bytes() for name in ("first", "second"))
        assert first == second
