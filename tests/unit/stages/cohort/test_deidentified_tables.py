"""Tests that exported tables disclose no count below 5, directly or by subtraction, and no age above 89 years."""

import shutil

import docx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from ctpop.cli import main
from ctpop.contracts.all_tables import AGE_MODELS
from ctpop.documents.table1 import table1
from ctpop.stages.cohort import command as cohort_stage
from ctpop.stages.cohort.deidentified_tables import (
    chain,
    flow_counts,
    shown_associations,
    shown_flow,
    shown_table1,
    sums_of,
)
from ctpop.stages.cohort.exported_effects import shown_models
from ctpop.stages.cohort.suppression import Sum, hidden, top_coded
from ctpop.study import criteria
from support import study_tables
from support.config_files import config_option
from support.laws import law

EFFECTS = ("age_effects", "age_models")
EXPORTED_FROM = ("cohort", "flow", "overlap", "structure_flow", "associations", *EFFECTS)
STUDY = {"name": "s", "start_from": "measures", "measures": "m.csv", "banner": "synthetic"}


def possible_range(counts, mask, sums, place):
    """Return the smallest and largest possible value of a suppressed count, given the published counts."""
    n = np.asarray(counts, dtype=float)
    rows, right = [], []
    for line in sums:
        row = np.zeros(len(n))
        row[list(line.parts)] += 1
        row[line.total] -= 1
        rows.append(np.where(mask, row, 0))
        right.append(-row[~mask] @ n[~mask])
    ends = []
    for sign in (1, -1):
        target = np.zeros(len(n))
        target[place] = sign
        bounds = Bounds(np.where(mask, 0, n), np.where(mask, n.sum() + 1, n))
        found = milp(
            target,
            constraints=[LinearConstraint(np.array(rows), right, right)],
            bounds=bounds,
            integrality=np.ones(len(n)),
        )
        assert found.success
        ends.append(round(sign * found.fun))
    return ends


def assert_no_small_count_is_disclosed(counts, mask, sums):
    for place, count in enumerate(counts):
        if 0 < count < 5:
            assert mask[place]
            low, high = possible_range(counts, mask, sums, place)
            assert low < high, (counts, mask, place)


def test_a_small_count_and_the_next_smallest_count_are_suppressed():
    assert hidden([40, 3, 10, 27], [Sum(0, (1, 2, 3))]).tolist() == [False, True, True, False]


def test_a_further_count_is_suppressed_if_suppressed_counts_have_a_small_sum():
    assert hidden([40, 1, 1, 0, 38], [Sum(0, (1, 2, 3, 4))]).tolist() == [False, True, True, False, True]


def test_no_count_is_suppressed_without_small_counts():
    assert not hidden([40, 5, 35, 0], [Sum(0, (1, 2, 3))]).any()


@law(10)
@given(st.integers(0, 60), st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_small_counts_of_a_flow_cannot_be_computed_from_other_counts(left, removed):
    counts = [left + sum(removed)]
    for step in removed:
        counts += [step, counts[-1] - step]
    sums = chain(list(range(len(counts))))

    mask = hidden(counts, sums)

    if counts[0] >= 10:  # with fewer scans, nearly all counts are suppressed
        assert_no_small_count_is_disclosed(counts, mask, sums)


@law(6)
@given(st.integers(0, 10_000), st.integers(20, 120))
def test_small_counts_of_table_1_cannot_be_computed_from_other_counts(seed, n):
    random = np.random.default_rng(seed)
    patients = study_tables.registry(n, seed, sexes=("female", "male", None))
    patients["site"] = pd.Series(random.choice(np.array(["a", "b", "c", None], dtype=object), n), dtype="str")
    rows = table1(patients, ["site"], "right_closed")
    rows = rows[rows["variable"] != "patients"].reset_index(drop=True)
    counts, sums = rows["n"].astype(int).to_list(), sums_of(rows)

    assert_no_small_count_is_disclosed(counts, hidden(counts, sums), sums)


def test_a_flow_is_exported_as_text_and_the_overlap_does_not_disclose_its_counts():
    patients = study_tables.registry(100)
    patients.loc[0:2, "age_years"] = float("nan")
    patients.loc[0:20, "complete"] = False
    asked = criteria.read(["age_known", "complete", "contrast_enhanced"])
    exclusions = cohort_stage.failed_criteria(patients, asked)
    flow = cohort_stage.count_flow(patients, exclusions, asked)

    shown, overlap = shown_flow(flow, cohort_stage.count_overlap(exclusions, asked))

    assert flow_counts(flow) == [100, 3, 97, 18, 79, 0, 79]
    assert shown["n_removed"].to_list() == ["<5", "withheld", "0"]
    assert shown["n_before"].to_list() == ["100", "withheld", "79"]
    assert shown["n_after"].to_list() == ["withheld", "79", "79"]
    diagonal = overlap[overlap["order"] == overlap["other_order"]]["n_both"].to_list()
    assert diagonal == [
        "<5",
        "21",
        "0",
    ]  # some of the 21 scans fail the first criterion; both tables suppress their number
    assert overlap[(overlap["order"] == 1) & (overlap["other_order"] == 2)]["n_both"].to_list() == ["<5"]


def test_statistics_of_fewer_than_five_scans_are_omitted():
    patients = study_tables.registry(40, sexes=("male",))
    patients["sex"] = pd.Series(["female"] * 4 + ["male"] * 36, dtype="str")

    shown = shown_table1(table1(patients, [], "right_closed"))

    assert "n_patients" not in shown.columns
    ages = shown[(shown["variable"] == "age_years") & (shown["level"] == "known")].set_index("group")
    assert np.isnan(ages.loc["female", "median"])
    assert not np.isnan(ages.loc["male", "median"])
    patients = shown[shown["variable"] == "patients"].set_index("group")
    assert patients.loc[["female", "male"], "n"].isna().all()  # patient counts would disclose scan counts


def test_ages_above_89_are_set_to_90_and_missing_ages_remain_missing():
    assert top_coded(np.array([88.0, 89.0, 89.5, 90.0, 104.0])).tolist() == [88, 89, 90, 90, 90]
    assert np.isnan(top_coded(np.array([np.nan]))).all()


# The command


def exported(folder, patients, further=()):
    tables = study_tables.study(patients, study_tables.label_set())
    study_tables.write(tables, folder / "tables", *EXPORTED_FROM)
    options = ["--tables", str(folder / "tables"), "--out", str(folder / "export")]
    assert main(["export", *options, *config_option(cohort={"table1": list(further)}, study=STUDY)]) == 0
    return {path.name: path.read_bytes() for path in (folder / "export").iterdir()}


def patients_of_all_ages(n=80):
    patients = study_tables.registry(n)
    patients["age_years"] = np.linspace(20, 88, n).round(1)
    patients.loc[n - 6 :, "age_years"] = [90.5, 91, 93, 97, 99, 101]
    patients.loc[0:2, "complete"] = False
    return patients


def test_exported_descriptions_do_not_depend_on_ages_above_89(tmp_path):
    patients = patients_of_all_ages()
    older = patients.assign(age_years=patients["age_years"].mask(patients["age_years"] > 89, 111.0))

    one, two = exported(tmp_path / "one", patients), exported(tmp_path / "two", older)

    assert set(one) == {
        *(
            "table1.csv",
            "table1.html",
            "table1.docx",
            "flow.csv",
            "overlap.csv",
            "structure_flow.csv",
            "associations.csv",
            "age_effects.csv",
            "age_models.csv",
        )
    }
    described = {"table1.csv", "table1.html", "table1.docx", "flow.csv", "overlap.csv", "structure_flow.csv"}
    assert {name: one[name] for name in described} == {name: two[name] for name in described}
    assert b"111" not in b"".join(two[name] for name in described)


def test_exported_tables_contain_no_scan_ids_patient_ids_or_small_counts(tmp_path):
    patients = patients_of_all_ages()
    found = exported(tmp_path, patients)

    [word] = docx.Document(str(tmp_path / "export" / "table1.docx")).tables
    cells = [cell.text for row in word.rows for cell in row.cells]
    everything = "".join([*cells, *(content.decode() for name, content in found.items() if name != "table1.docx")])
    assert not any(scan in everything for scan in [*patients["scan_id"], *patients["patient_id"]])
    for name in ("flow.csv", "overlap.csv", "structure_flow.csv", "associations.csv", "age_models.csv"):
        table = pd.read_csv(tmp_path / "export" / name)
        counts = table[[column for column in table.columns if column == "n" or column.startswith("n_")]]
        numbers = pd.to_numeric(counts.melt()["value"], errors="coerce").dropna()
        assert len(numbers) > 0
        assert not numbers.between(1, 4).any(), name
    results = pd.read_csv(tmp_path / "export" / "associations.csv")
    assert results["rho"].min() < 0 < results["rho"].max()  # numbers, including negative numbers
    assert "&lt;5: count from 1 to 4." in found["table1.html"].decode()
    assert b"synthetic" in found["table1.html"]


@pytest.mark.parametrize("excluded", [1, 3, 4])
def test_a_small_number_of_exclusions_cannot_be_computed_from_all_released_tables_together(tmp_path, excluded):
    patients = patients_of_all_ages()
    patients["complete"] = True
    patients["contrast"] = True
    patients.loc[: excluded - 1, "complete"] = False

    exported(tmp_path, patients)

    released = {name: pd.read_csv(tmp_path / "export" / name, dtype=str) for name in ("flow.csv", "structure_flow.csv")}
    flow, in_study = released["flow.csv"], str(len(patients) - excluded)
    assert flow["n_removed"].to_list().count("<5") == 1
    assert flow["n_after"].iloc[-1] == in_study == released["structure_flow.csv"]["n_before"].iloc[0]
    before = flow["n_removed"].to_list().index("<5")
    assert flow["n_before"].iloc[: before + 1].eq("withheld").all()


@pytest.mark.parametrize("n", [1, 3])
def test_the_export_of_a_very_small_study_contains_almost_no_counts(tmp_path, n):
    found = exported(tmp_path, study_tables.registry(n))

    rows = pd.read_csv(tmp_path / "export" / "table1.csv").set_index("Unnamed: 0")
    assert rows.loc[[name for name in rows.index if name.startswith("Scans")], "All"].to_list() == ["<5"]
    assert rows.loc["Age (y), median [IQR]", "All"] == "–"
    assert len(found) == 9


def test_results_of_few_patients_with_many_scans_and_patient_counts_are_omitted():
    columns = {"structure": "liver", "measure": "volume_ml", "n": [40, 40], "n_patients": [4, 5], "rho": [0.5, 0.5]}
    flow = pd.DataFrame(columns=["structure", "measure", "n_after"])

    shown = shown_associations(pd.DataFrame({**columns, "family": "structures"}), flow)

    assert shown["rho"].isna().to_list() == [True, False]
    assert "n_patients" not in shown.columns


def test_an_exported_flow_has_no_patient_counts():
    patients = study_tables.registry(100)
    asked = criteria.read(["age_known", "complete"])
    exclusions = cohort_stage.failed_criteria(patients, asked)

    for some in (asked, []):
        flow = cohort_stage.count_flow(patients, exclusions, some)
        shown, overlap = shown_flow(flow, cohort_stage.count_overlap(exclusions.head(0 if not some else None), some))

        assert not [name for name in [*shown.columns, *overlap.columns] if "patients" in name]
        assert list(shown["n_after"]) == [str(n) for n in flow["n_after"]]


# Effects of age


def some_models(**columns):
    row = {"structure": "liver", "measure": "hu_mean", "adjusted_for": "none", "form": "spline", "reason": "ok"}
    row |= {"n": 100, "n_patients": 100, "n_left_out": 0, "n_patients_left_out": 0, "df": 93.0, "age_high": 93.7}
    row |= {"n_female": 50, "n_patients_female": 50, "n_male": 50, "n_patients_male": 50, "coefficients": "1;2"}
    return pd.DataFrame([row | columns], columns=list(AGE_MODELS.columns))


@pytest.mark.parametrize(
    ("changes", "usable", "n", "df"),
    [
        ({}, "100", 100, 93),
        ({}, "withheld", None, 90),
        ({"n_left_out": 3, "n_patients_left_out": 3}, "103", None, 90),
        ({"n_left_out": 5, "n_patients_left_out": 5}, "105", 100, 93),
        ({"n_patients": 90}, "100", None, 90),
        ({"n_patients_male": 4, "n_male": 4}, "100", None, np.nan),
    ],
)
def test_counts_of_models_disclose_no_small_number(changes, usable, n, df):
    associations = pd.DataFrame({"structure": ["liver"], "measure": ["hu_mean"], "n": [usable]})

    [row] = shown_models(some_models(**changes), associations).to_dict("records")

    assert pd.isna(row["n"]) if n is None else row["n"] == n
    assert row["df"] == pytest.approx(df, nan_ok=True)
    assert pd.isna(row["n_female"])
    assert row["reason"] == ("too_few" if changes.get("n_male") else "ok")
    assert pd.isna(row["coefficients"]) == (row["reason"] == "too_few")
    assert pd.isna(row["age_high"]) if row["reason"] == "too_few" else row["age_high"] == 90


def test_the_difference_between_two_models_discloses_no_small_number():
    first = some_models(n=95, n_patients=95, n_left_out=5, n_patients_left_out=5)
    second = some_models(n=93, n_patients=93, n_left_out=7, n_patients_left_out=7, adjusted_for="height_cm")
    associations = pd.DataFrame({"structure": ["liver"], "measure": ["hu_mean"], "n": ["100"]})

    shown = shown_models(pd.concat([first, second], ignore_index=True), associations)

    assert shown["n"].isna().tolist() == [False, True]


def test_exported_effects_have_no_limits_from_which_withheld_counts_follow(tmp_path):
    patients = patients_of_all_ages(160)
    exported(tmp_path, patients)

    effects, models = (pd.read_csv(tmp_path / "export" / f"{name}.csv") for name in EFFECTS)

    assert effects["effect"].notna().any()
    assert effects.loc[effects["n"].isna() & ~effects["sex"].isin(["female", "male"]), "p"].isna().all()
    assert effects[["n_window", "q_bh"]].isna().all().all()
    assert effects.loc[effects["sex"].isin(["female", "male"]), "n"].isna().all()
    assert models["age_high"].max() <= 90


def test_exported_models_are_pooled_with_the_result_of_the_original_models(tmp_path):
    tables = [study_tables.study(study_tables.registry(200, seed), study_tables.label_set()) for seed in (1, 2, 3)]
    for number, each in enumerate(tables):
        study_tables.write(each, tmp_path / f"s{number}" / "tables", *EXPORTED_FROM)
        folder = tmp_path / f"s{number}"
        options = ["--tables", str(folder / "tables"), "--out", str(folder / "export")]
        assert main(["export", *options, *config_option(study=STUDY)]) == 0

    found = {}
    for place in ("tables", "export"):
        folders = [str(tmp_path / f"s{number}" / place) for number in range(3)]
        copies = [str(tmp_path / f"{place}{number}") for number in range(3)]
        for source, copy in zip(folders, copies, strict=True):
            shutil.copytree(source, copy)
        chosen = folders if place == "export" else copies
        out = tmp_path / f"pooled_{place}"
        assert main(["pool", *chosen, "--out", str(out), "--formats", "png"]) == 0
        table = pd.read_parquet(out / "pooled.parquet")
        found[place] = table[table["kind"].eq("pooled")].set_index(["structure", "measure", "adjusted_for"])

    assert found["export"]["slope"].notna().any()
    known = found["export"]["slope"].notna() & found["tables"]["slope"].notna()
    errors = found["tables"].loc[known, "slope_se"]
    gap = (found["export"]["slope"] - found["tables"]["slope"])[known].abs()
    assert (gap < 0.5 * errors).all()  # the exported age ranges are rounded and end at 90 years
    studies = pd.read_parquet(tmp_path / "pooled_export" / "pooled.parquet")["study"]
    assert {"s0", "s1", "s2"} <= set(studies)
