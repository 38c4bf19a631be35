"""Tests of the stage that counts missing values: reasons, strata, and the influence on associations with age."""

import math

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.stages.aging.missing import decade_name
from ctpop.stages.aging.missing_reasons import reasons_without_value
from ctpop.stats.missing_values import slope_bounds
from ctpop.study import rule_sets
from support.aging_commands import analysis_of
from support.config_files import config_option

LABELS = (
    "label,structure,side,group,lower_bound_ml\n"
    "1,liver,,organs,\n2,kidney_left,left,organs,\n3,kidney_right,right,organs,\n"
)
NAMES = ("liver", "kidney_left", "kidney_right")
N = 300


def a_cohort(n=N, seed=0, **columns):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    standard = {
        "scan_id": [f"s{number:03d}" for number in range(n)],
        "age_years": random.uniform(18, 95, n).round(1),
        "sex": np.where(random.random(n) < 0.5, "female", "male"),
    }
    return all_tables.COHORT.check(table.assign(**{**standard, **columns}))


def verdicts_of(cohort, reasons):
    """Return verdicts, `ok` unless `reasons` contains the reasons of a structure."""
    frames = [
        pd.DataFrame({"scan_id": cohort["scan_id"], "structure": name, "reason": reasons.get(name, "ok")})
        for name in NAMES
    ]
    table = pd.concat(frames, ignore_index=True).reindex(columns=list(all_tables.VERDICTS.columns))
    usable = table["reason"].eq("ok")
    return all_tables.VERDICTS.check(
        table.assign(usable_volume=usable, usable_hu=usable, rule_reason=table["reason"].astype(str))
    )


def values_of(cohort, reasons, seed=1, volume=None, hu=None):
    """Return values of the structures (and of both kidneys) without those that have a reason."""
    random = np.random.default_rng(seed)
    ages = cohort["age_years"].fillna(50)
    values = {}
    for name in NAMES:
        usable = pd.Series(reasons.get(name, ["ok"] * len(cohort))).eq("ok").to_numpy()
        for measure, given in (("volume_ml", volume), ("hu_mean", hu)):
            made = 300 - ages + 20 * random.standard_normal(len(cohort)) if given is None else given
            values[name, measure] = np.where(usable, made, np.nan)
    both = values["kidney_left", "volume_ml"] + values["kidney_right", "volume_ml"]
    return {**values, ("kidneys", "volume_ml"): both}


def run(folder, cohort, reasons, values=None, screen=None, **settings):
    """Run the command and return its tables."""
    (folder / "labels.csv").write_text(LABELS)
    values = values_of(cohort, reasons) if values is None else values
    all_tables.COHORT.write(cohort, folder / "cohort.parquet")
    all_tables.ANALYSIS.write(analysis_of(cohort, values), folder / "analysis.parquet")
    all_tables.VERDICTS.write(verdicts_of(cohort, reasons), folder / "verdicts.parquet")
    arguments = [f"--{name}={folder / name}.parquet" for name in ("verdicts", "analysis", "cohort")]
    outputs = [f"--{name}={folder / name}.parquet" for name in ("missingness", "sensitivity")]
    options = [f"--structures={folder / 'labels.csv'}", *config_option(aging=settings, screen=screen or {})]
    assert main(["missing", *arguments, *outputs, *options]) == 0
    return (
        all_tables.MISSINGNESS.read(folder / "missingness.parquet"),
        all_tables.MISSING_SENSITIVITY.read(folder / "sensitivity.parquet").set_index(["structure", "measure"]),
    )


def reasons_with(cohort, **reasons):
    """Return the reasons of the liver: each reason for the first scans that satisfy its condition."""
    found = pd.Series("ok", index=cohort.index)
    for reason, rows in reasons.items():
        found[found.eq("ok") & rows] = reason
    return {"liver": found.tolist()}


def counts(table, structure, measure="volume_ml", by="reason"):
    rows = table[table["structure"].eq(structure) & table["measure"].eq(measure)]
    return rows.groupby(by)["n_with_reason"].sum().to_dict()


def test_missing_values_are_counted_by_sex_decade_and_reason(tmp_path):
    cohort = a_cohort()
    old = cohort["age_years"].ge(80)
    reasons = reasons_with(cohort, truncated=old & cohort["sex"].eq("male"), not_segmented=cohort.index == 0)

    table, _ = run(tmp_path, cohort, reasons)

    decade = (cohort["age_years"] // 10 * 10).astype(int)
    names = decade.astype(str) + "-" + (decade + 9).astype(str)
    rows = table[table["structure"].eq("liver") & table["measure"].eq("hu_mean")]
    expected = pd.DataFrame({"sex": cohort["sex"], "age_decade": names, "reason": reasons["liver"]}).replace(
        "ok", "used"
    )
    found = rows.set_index(["sex", "age_decade", "reason"])["n_with_reason"].to_dict()
    assert found == expected.value_counts().to_dict()
    assert (
        rows.set_index(["sex", "age_decade"])["n"].to_dict() == expected[["sex", "age_decade"]].value_counts().to_dict()
    )
    assert counts(table, "kidney_left") == {"used": N}


def test_absent_structures_are_not_missing(tmp_path):
    cohort = a_cohort()
    number = pd.Series(cohort.index)
    reasons = reasons_with(
        cohort,
        absent=number < 40,
        absent_known=number < 50,
        not_in_model=number < 60,
        duplicate_images=number < 65,
        below_bound=number < 100,
    )

    table, sensitivity = run(tmp_path, cohort, reasons)

    categories = {"absent": 50, "not_included": 15, "missing": 35, "used": 200}
    assert counts(table, "liver", by="category") == categories
    liver = sensitivity.loc["liver", "volume_ml"]
    assert (liver["n"], liver["n_used"], liver["n_missing"], liver["n_absent"]) == (235, 200, 35, 50)
    assert liver["share_missing"] == pytest.approx(35 / 235)


def test_a_structure_in_no_table_is_not_included_but_an_empty_cell_is_missing(tmp_path):
    cohort = a_cohort()
    some = reasons_with(cohort, not_in_table=pd.Series(cohort.index) < 30)["liver"]
    every = ["not_in_table"] * (N - 1) + ["duplicate_images"]

    table, sensitivity = run(tmp_path, cohort, {"liver": some, "kidney_left": every})

    assert counts(table, "liver", by="category") == {"missing": 30, "used": N - 30}
    assert counts(table, "kidney_left", by="category") == {"not_included": N}
    assert sensitivity.loc["kidney_left", "hu_mean"][["n", "reason", "bounds_reason"]].tolist() == [
        0,
        "too_few",
        "too_few",
    ]


def test_the_reason_of_a_group_depends_on_its_members(tmp_path):
    cohort = a_cohort()
    number = pd.Series(cohort.index)
    left, right = (
        reasons_with(cohort, **{reason: number.between(*rows) for reason, rows in rows_of.items()})["liver"]
        for rows_of in (
            {"absent_known": (0, 9), "truncated": (10, 19), "not_in_model": (20, 29)},
            {"below_bound": (5, 9), "absent": (15, 24), "not_in_model": (30, 34)},
        )
    )

    table, _ = run(tmp_path, cohort, {"kidney_left": left, "kidney_right": right})

    missing, absent, not_included = 5 + 10, 5, 10 + 5
    assert counts(table, "kidneys") == {
        "members_missing": missing,
        "members_absent": absent,
        "members_not_included": not_included,
        "used": N - missing - absent - not_included,
    }


def test_a_measure_without_a_value_has_no_value_as_reason(tmp_path):
    cohort = a_cohort()
    values = values_of(cohort, {})
    values["liver", "hu_mean"][:20] = np.nan

    table, _ = run(tmp_path, cohort, {}, values)

    assert counts(table, "liver", "hu_mean") == {"no_value": 20, "used": N - 20}
    assert counts(table, "liver", "volume_ml") == {"used": N}


def test_attenuation_of_truncated_structures_can_be_used(tmp_path):
    cohort = a_cohort()
    reasons = reasons_with(cohort, truncated=pd.Series(cohort.index) < 20)
    values = {**values_of(cohort, reasons), ("liver", "hu_mean"): values_of(cohort, {})["liver", "hu_mean"]}

    table, _ = run(tmp_path, cohort, reasons, values, screen={"use_truncated_hu": True})

    assert counts(table, "liver", "hu_mean") == {"used": N}
    assert counts(table, "liver", "volume_ml") == {"truncated": 20, "used": N - 20}


@pytest.mark.parametrize("name", ["none", "paper", "standard", "strict"])
@pytest.mark.parametrize("measure", all_tables.MEASURES)
def test_built_in_rule_sets_have_no_unclear_reasons(name, measure):
    rules = rule_sets.read(name)
    found = dict(zip(all_tables.REASONS, reasons_without_value(rules, measure), strict=True))

    unclear = all_tables.MISSING_REASONS.index("other_rule")
    assert [reason for reason in rules.rules if found[reason] == unclear] == []


def test_unknown_age_and_sex_are_strata_and_only_known_ages_enter_the_sensitivity_analysis(tmp_path):
    ages = np.r_[np.full(10, np.nan), np.linspace(20, 90, N - 10)]
    sex = pd.Series(["female", "male", None] * (N // 3), dtype="str")
    cohort = a_cohort(age_years=ages, sex=sex)
    reasons = reasons_with(cohort, truncated=pd.Series(cohort.index) % 5 == 0)

    table, sensitivity = run(tmp_path, cohort, reasons)

    assert table.loc[table["structure"].eq("liver") & table["age_decade"].eq("unknown"), "sex"].nunique() == 3
    assert table["sex"].eq("unknown").any()
    liver = sensitivity.loc["liver", "hu_mean"]
    assert (liver["n"], liver["reason"]) == (N - 10, "ok")
    assert liver["weights_from"] == "age; sex; sex unknown; age squared; age by sex"


def test_scans_of_a_patient_are_counted_once_as_a_patient(tmp_path):
    cohort = a_cohort(patient_id=[f"p{number // 3}" for number in range(N)])
    reasons = reasons_with(cohort, truncated=pd.Series(cohort.index).between(1, 90))

    table, sensitivity = run(tmp_path, cohort, reasons)

    liver = sensitivity.loc["liver", "volume_ml"]
    assert (liver["n_missing"], liver["n_patients_missing"]) == (90, 31)  # 1 to 90 belong to patients 0 to 30
    assert (liver["n_used"], liver["n_patients_used"], liver["n_patients"]) == (210, 71, 100)
    assert (table["n_patients_with_reason"] <= table["n_with_reason"]).all()


def test_weights_correct_rho_and_bounds_are_in_percent(tmp_path):
    cohort = a_cohort(2000)
    random = np.random.default_rng(3)
    lost = pd.Series(random.random(2000) < 0.05 + 0.4 * (cohort["age_years"] - 18) / 77)
    reasons = reasons_with(cohort, below_bound=lost)
    values = values_of(cohort, reasons)

    _, sensitivity = run(tmp_path, cohort, reasons, values)

    full = pd.DataFrame({"age": cohort["age_years"], "v": values_of(cohort, {})["liver", "volume_ml"]}).corr("spearman")
    liver = sensitivity.loc["liver", "volume_ml"]
    assert liver["reason"] == liver["bounds_reason"] == "ok"
    assert abs(liver["rho_weighted"] - full.loc["age", "v"]) < abs(liver["rho"] - full.loc["age", "v"])
    assert liver["ci_low"] < liver["rho_weighted"] < liver["ci_high"]
    assert liver["difference"] == pytest.approx(liver["rho_weighted"] - liver["rho"])
    assert liver["n_used"] > liver["effective_n"] > 0.8 * liver["n_used"]
    assert liver["age_missing_years"] > liver["age_used_years"]
    assert liver["slope_low"] < liver["slope"] < liver["slope_high"]
    used = ~lost.to_numpy()
    line = slope_bounds(
        np.log(values["liver", "volume_ml"]),
        used,
        cohort["age_years"].to_numpy(),
        cohort["sex"].eq("male").to_numpy(float),
    )
    assert liver["slope_low"] == pytest.approx(100 * (math.exp(line.low) - 1))
    assert (liver["unit"], sensitivity.loc["liver", "hu_mean"]["unit"]) == ("percent per decade", "HU per decade")


@pytest.mark.parametrize(
    ("n_lost", "reason", "bounds_reason"),
    [
        (0, "none_missing", "none_missing"),
        (9, "few_missing", "ok"),
        (90, "ok", "ok"),
        (91, "ok", "many_missing"),
        (N - 31, "ok", "many_missing"),
        (N - 9, "too_few", "too_few"),
        (N, "too_few", "too_few"),
    ],
)
def test_reasons_depend_on_the_number_of_missing_values(tmp_path, n_lost, reason, bounds_reason):
    cohort = a_cohort()
    lost = pd.Series(np.random.default_rng(4).permutation(N) < n_lost)

    _, sensitivity = run(tmp_path, cohort, reasons_with(cohort, below_bound=lost))

    liver = sensitivity.loc["liver", "hu_mean"]
    assert (liver["reason"], liver["bounds_reason"]) == (reason, bounds_reason)
    assert pd.isna(liver["rho_weighted"]) == (reason != "ok")
    assert pd.isna(liver["slope_low"]) == (bounds_reason != "ok")
    assert pd.isna(liver["slope"]) == (reason == "too_few")


@pytest.mark.parametrize(
    ("change", "reason", "bounds_reason"),
    [
        ({"hu": np.full(N, 40.0)}, "all_equal", "all_equal"),
        ({"volume": np.r_[0.0, np.linspace(10, 20, N - 1)]}, "ok", "not_positive"),
    ],
)
def test_unfit_values_have_a_reason(tmp_path, change, reason, bounds_reason):
    cohort = a_cohort()
    lost = reasons_with(cohort, below_bound=pd.Series(cohort.index) % 10 == 1)
    measure = "hu_mean" if "hu" in change else "volume_ml"

    _, sensitivity = run(tmp_path, cohort, lost, values_of(cohort, lost, **change))

    assert sensitivity.loc["liver", measure][["reason", "bounds_reason"]].tolist() == [reason, bounds_reason]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"sex": ["female"] * N}, "ok"),
        ({"sex": [None] * N}, "ok"),
        ({"age_years": [60.0] * N}, "all_equal"),
        ({"age_years": [None] * N}, "too_few"),
        ({"age_years": [40.0, 70.0] * (N // 2)}, "ok"),
    ],
)
def test_cohorts_of_one_sex_or_few_ages(tmp_path, columns, reason):
    cohort = a_cohort(**columns)
    lost = reasons_with(cohort, below_bound=pd.Series(np.random.default_rng(5).random(N) < 0.2))

    table, sensitivity = run(tmp_path, cohort, lost)

    assert sensitivity.loc["liver", "hu_mean"]["reason"] == reason
    assert counts(table, "liver")["below_bound"] == sum(word != "ok" for word in lost["liver"])


def test_a_sex_without_values_is_separated(tmp_path):
    cohort = a_cohort()

    _, sensitivity = run(tmp_path, cohort, reasons_with(cohort, below_bound=cohort["sex"].eq("male")))

    assert sensitivity.loc["liver", "hu_mean"]["reason"] == "separated"


def test_a_cohort_without_scans_has_empty_counts(tmp_path):
    cohort = a_cohort(0)
    table, sensitivity = run(tmp_path, cohort, {})

    assert table.empty
    assert sensitivity["n"].eq(0).all()
    assert sensitivity["reason"].eq("too_few").all()


def test_decades_have_names():
    assert [decade_name(number) for number in (-1, 0, 5, 10)] == ["unknown", "0-9", "50-59", "100-109"]
