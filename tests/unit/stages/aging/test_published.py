"""Tests of the comparison with published results."""

import math

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.stages.aging import published
from ctpop.study import label_sets
from support import study_tables

PAPER = all_tables.PUBLISHED.read_csv(published.RESULTS_FILE)
MEANT = {  # structure or group by row id
    **{"R01": "clavicles", "R02": "hips", "R03": "ribs", "R04": "scapulae", "R05": "vertebrae_L4", "R06": "autochthon"},
    **{"R07": "gluteus_maximus", "R08": "gluteus_medius", "R09": "gluteus_minimus", "R10": "iliopsoas"},
    **{"R11": "iliopsoas", "R12": "aorta", "R13": "iliac_arteries", "R14": "kidneys", "R15": "pancreas"},
    **{"A01": "aorta", "A02": "autochthon"},
}


def association(structure, measure, rho, half_width=0.02, n=4000):
    return {"structure": structure, "measure": measure, "n": n, "n_patients": n, "rho": rho} | {
        "ci_low": rho - half_width,
        "ci_high": rho + half_width,
    }


def study(*associations, label_set="paper_104", patients=None, alpha=1e-4):
    cohort = patients if patients is not None else study_tables.registry(40)
    flow = pd.DataFrame(
        {
            "criterion": ["age_known", "complete"],
            "n_before": [50, 45],
            "n_patients_before": [48, 44],
            "n_removed": [5, 5],
            "n_after": [45, 40],
        }
    )
    columns = ["structure", "measure", "n", "n_patients", "rho", "ci_low", "ci_high"]
    found = pd.DataFrame(list(associations), columns=columns)
    return published.Ours(flow, cohort, found, label_sets.read(label_set), alpha, 0.95)


def compared(*associations, **options):
    found = all_tables.COMPARE_PUBLISHED.check(published.compare(PAPER, study(*associations, **options)))
    return found.set_index("id")


def test_every_number_of_the_paper_has_a_row():
    assert len(PAPER) == 33
    assert list(compared().index) == sorted(PAPER["id"])


@pytest.mark.parametrize("name", ["paper_104", "total_117"])
def test_each_structure_of_the_paper_is_found_in_both_label_sets_of_totalsegmentator(name):
    assert published.counterparts(PAPER, label_sets.read(name)) == MEANT


def test_a_group_without_a_member_has_no_published_counterpart():
    whole = label_sets.read("demo")
    one_sided = label_sets.LabelSet("one_sided", whole.table[whole.table["structure"].ne("kidney_left")])

    assert published.counterparts(PAPER, whole)["R14"] == "kidneys"
    assert "kidneys" in one_sided.groups
    assert "R14" not in published.counterparts(PAPER, one_sided)


def test_the_same_correlation_is_consistent():
    row = compared(association("gluteus_minimus", "hu_mean", -0.79)).loc["R09"]

    assert (row["rho_published"], row["rho_here"], row["difference"], row["z"]) == (-0.79, -0.79, 0, 0)
    assert (row["p"], row["verdict"], row["n"]) == (1, "consistent", 4000)
    assert (round(row["ci_low_published"], 3), round(row["ci_high_published"], 3)) == (-0.803, -0.776)


def test_z_is_the_difference_of_fisher_z_divided_by_the_combined_error():
    row = compared(association("aorta", "volume_ml", 0.70, half_width=0.03)).loc["R12"]

    ours = (math.atanh(0.73) - math.atanh(0.67)) / (2 * 1.959963985)
    paper = math.sqrt((1 + 0.64**2 / 2) / 4001)
    assert row["z"] == pytest.approx((math.atanh(0.70) - math.atanh(0.64)) / math.hypot(ours, paper), rel=1e-9)
    assert row["difference"] == pytest.approx(0.06)
    assert row["verdict"] == "differs"


def test_numbers_missing_from_the_paper_are_marked_as_not_reported():
    row = compared(association("ribs", "hu_mean", -0.5)).loc["R03"]

    assert (row["structure"], row["rho_here"], row["verdict"]) == ("ribs", -0.5, "not_reported")
    assert row[["rho_published", "difference", "z"]].isna().all()


def test_published_numbers_without_a_result_are_marked_as_not_measured():
    found = compared(association("aorta", "volume_ml", math.nan), label_set="demo")

    assert found.loc["R12", ["verdict", "structure"]].tolist() == ["not_measured_here", "aorta"]
    assert found.loc["R07", "verdict"] == "not_measured_here"
    assert pd.isna(found.loc["R07", "structure"])


def test_a_correlation_without_an_interval_cannot_be_tested():
    perfect = {**association("aorta", "volume_ml", 1.0), "ci_low": math.nan, "ci_high": math.nan}

    row = compared(perfect).loc["R12"]

    assert row["difference"] == pytest.approx(0.36)
    assert (row["verdict"], pd.isna(row["z"])) == ("not_measured_here", True)


def test_values_of_both_sides_are_listed_with_the_pair():
    found = compared(
        association("hips", "hu_mean", -0.61),
        association("hip_left", "hu_mean", -0.57),
        association("hip_right", "hu_mean", -0.58),
        association("aorta", "volume_ml", 0.64),
    )

    assert found.loc["R02", ["rho_left", "rho_right"]].tolist() == [-0.57, -0.58]
    assert found.loc["R12", ["rho_left", "rho_right"]].isna().all()


def test_proportions_are_tested_and_other_numbers_must_be_equal():
    patients = study_tables.registry(40).assign(sex=["male"] * 25 + ["female"] * 15, age_years=[20.0] * 39 + [100.0])
    found = compared(patients=patients)

    assert found.loc["F06", ["number_published", "number_here", "n", "verdict"]].tolist() == [
        2543,
        25,
        40,
        "consistent",
    ]
    assert found.loc["F06", "difference"] == pytest.approx(25 / 40 - 2543 / 4004)
    assert found.loc["F02", ["number_here", "n", "verdict"]].tolist() == [5, 50, "differs"]
    assert found.loc["F04", "verdict"] == "not_measured_here"
    assert found.loc["F01", ["number_here", "difference", "verdict"]].tolist() == [50, -4052, "differs"]
    assert found.loc["F08", ["number_here", "verdict"]].tolist() == [20, "differs"]
    assert found.loc["F09", ["number_here", "verdict"]].tolist() == [100, "consistent"]
    assert found.loc[["F10", "F11", "F12"], "verdict"].tolist() == ["consistent"] * 3
    assert found.loc[["Q01", "Q02", "Q03", "Q04"], "verdict"].tolist() == ["not_reported"] * 4


def test_without_recorded_sexes_there_is_no_proportion_of_men():
    patients = study_tables.registry(40).assign(sex=pd.Series([None] * 40, dtype="str"))

    assert compared(patients=patients).loc["F06", "verdict"] == "not_measured_here"


def test_another_alpha_is_marked_as_different():
    assert compared(alpha=0.05).loc["F11", ["number_here", "verdict"]].tolist() == [0.05, "differs"]


def test_the_command_writes_the_table(tmp_path):
    tables = study_tables.study(study_tables.registry(60), label_sets.read("demo"))
    study_tables.write(tables, tmp_path, "flow", "cohort", "associations")
    inputs = [
        option
        for name in ("flow", "cohort", "associations")
        for option in (f"--{name}", str(tmp_path / f"{name}.parquet"))
    ]

    ended = main(["published", *inputs, "--structures", "demo", "--out", str(tmp_path / "again.parquet")])

    assert ended == 0
    written = all_tables.COMPARE_PUBLISHED.read(tmp_path / "again.parquet")
    pd.testing.assert_frame_equal(written, tables["compare_published"])
    assert (tmp_path / "again.csv").is_file()
