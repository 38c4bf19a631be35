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


def ages_with(ratio):
    """Return patients whose SD of age is a multiple of that of the published study."""
    patients = study_tables.registry(40)
    ages = patients["age_years"]
    return patients.assign(age_years=50 + (ages - ages.mean()) / ages.std() * ratio * published.SD_PUBLISHED)


def study(*associations, label_set="paper_104", patients=None, alpha=1e-4):
    cohort = patients if patients is not None else ages_with(1)
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
    return published.Ours(flow, cohort, found, label_sets.read(label_set), alpha, 0.95, 0.1)


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


def test_the_same_correlation_in_the_same_ages_is_equivalent():
    row = compared(association("gluteus_minimus", "hu_mean", -0.79)).loc["R09"]

    assert row[["rho_published", "rho_expected", "rho_here"]].tolist() == pytest.approx([-0.79] * 3)
    assert row["difference"] == pytest.approx(0, abs=1e-12)
    assert (row["outcome"], row["n"], row["approximate"]) == ("equivalent", 4000, False)
    assert (round(row["ci_low_published"], 3), round(row["ci_high_published"], 3)) == (-0.803, -0.776)


def test_the_intervals_of_the_difference_are_those_of_zou():
    row = compared(association("aorta", "volume_ml", 0.70, half_width=0.03)).loc["R12"]

    def zou(quantile):
        ours = (math.atanh(0.73) - math.atanh(0.67)) / (2 * 1.959963985)
        paper = math.sqrt((1 + 0.64**2 / 2) / 4001)
        low = [math.tanh(math.atanh(rho) - quantile * s) for rho, s in ((0.70, ours), (0.64, paper))]
        high = [math.tanh(math.atanh(rho) + quantile * s) for rho, s in ((0.70, ours), (0.64, paper))]
        return [0.06 - math.hypot(0.70 - low[0], high[1] - 0.64), 0.06 + math.hypot(high[0] - 0.70, 0.64 - low[1])]

    assert row["difference"] == pytest.approx(0.06)
    assert row[["inner_low", "inner_high"]].tolist() == pytest.approx(zou(1.644853627), rel=1e-6)
    assert row["difference_low"] == pytest.approx(0.06 - math.hypot(0.03, row["ci_high_published"] - 0.64))
    assert row["outcome"] == "equivalent"  # although 0 is outside the interval
    assert row["difference_low"] > 0


@pytest.mark.parametrize(
    ("rho", "half_width", "outcome"),
    [(0.8, 0.02, "different"), (0.7, 0.05, "inconclusive"), (0.64, 0.2, "inconclusive"), (0.6, 0.02, "equivalent")],
)
def test_the_outcome_depends_on_both_intervals(rho, half_width, outcome):
    row = compared(association("aorta", "volume_ml", rho, half_width=half_width)).loc["R12"]

    assert (row["outcome"], row["margin"]) == (outcome, 0.1)


@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [(0.81, "equivalent"), (1.24, "equivalent"), (0.79, "not_comparable"), (1.26, "not_comparable")],
)
def test_the_published_correlation_is_converted_to_the_ages_of_this_study(ratio, outcome):
    signal = ratio * 0.64 / math.sqrt(1 - 0.64**2)  # SD that age explains, relative to the residual SD
    expected = signal / math.hypot(1, signal)
    row = compared(association("aorta", "volume_ml", expected), patients=ages_with(ratio)).loc["R12"]

    assert row["age_sd_ratio"] == pytest.approx(ratio)
    assert row["rho_expected"] == pytest.approx(expected, abs=1e-6)
    assert (row["outcome"], row["approximate"]) == (outcome, True)
    assert pd.isna(row["difference"]) == (outcome == "not_comparable")


def test_without_known_ages_correlations_are_not_comparable():
    unknown = study_tables.registry(40).assign(age_years=float("nan"))

    row = compared(association("aorta", "volume_ml", 0.6), patients=unknown).loc["R12"]

    assert (row["outcome"], pd.isna(row["rho_expected"])) == ("not_comparable", True)


def test_a_correlation_that_is_printed_twice_is_counted_once():
    found = compared(association("aorta", "volume_ml", 0.6))

    assert found["distinct"].sum() == 13
    assert not found.loc[["A01", "A02", "R03", "R04", "F01", "Q01"], "distinct"].any()
    assert found.loc["A01", "outcome"] == found.loc["R12", "outcome"] == "equivalent"


def test_numbers_missing_from_the_paper_are_marked_as_not_reported():
    row = compared(association("ribs", "hu_mean", -0.5)).loc["R03"]

    assert (row["structure"], row["rho_here"], row["outcome"]) == ("ribs", -0.5, "not_reported")
    assert row[["rho_published", "rho_expected", "difference", "difference_low"]].isna().all()


def test_published_numbers_without_a_result_are_marked_as_not_measured():
    found = compared(association("aorta", "volume_ml", math.nan), label_set="demo")

    assert found.loc["R12", ["outcome", "structure"]].tolist() == ["not_measured_here", "aorta"]
    assert found.loc["R07", "outcome"] == "not_measured_here"
    assert pd.isna(found.loc["R07", "structure"])


def test_a_correlation_without_an_interval_cannot_be_tested():
    perfect = {**association("aorta", "volume_ml", 1.0), "ci_low": math.nan, "ci_high": math.nan}

    row = compared(perfect).loc["R12"]

    assert row["difference"] == pytest.approx(0.36)
    assert (row["outcome"], pd.isna(row["difference_low"])) == ("not_comparable", True)


def test_values_of_both_sides_are_listed_with_the_pair():
    found = compared(
        association("hips", "hu_mean", -0.61),
        association("hip_left", "hu_mean", -0.57),
        association("hip_right", "hu_mean", -0.58),
        association("aorta", "volume_ml", 0.64),
    )

    assert found.loc["R02", ["rho_left", "rho_right"]].tolist() == [-0.57, -0.58]
    assert found.loc["R12", ["rho_left", "rho_right"]].isna().all()


def test_other_numbers_are_listed_without_an_assessment():
    patients = study_tables.registry(40).assign(sex=["male"] * 25 + ["female"] * 15, age_years=[20.0] * 39 + [100.0])
    found = compared(patients=patients)

    assert found.loc["F06", ["number_published", "number_here", "n"]].tolist() == [2543, 25, 40]
    assert found.loc["F06", "difference"] == pytest.approx(25 / 40 - 2543 / 4004)
    assert found.loc["F06", "difference_low"] < found.loc["F06", "difference"] < found.loc["F06", "difference_high"]
    assert found.loc["F02", ["number_here", "n", "n_patients"]].tolist() == [5, 50, 48]
    assert found.loc["F04", "outcome"] == "not_measured_here"
    assert found.loc["F01", ["number_here", "difference"]].tolist() == [50, -4052]
    numbers = ["F01", "F02", "F06", "F07", "F08", "F09", "F10", "F11", "F12"]
    assert found.loc[numbers, "outcome"].eq("not_counted").all()
    assert found.loc[["F01", "F08", "F11"], "difference_low"].isna().all()
    assert found.loc[["Q01", "Q02", "Q03", "Q04"], "outcome"].tolist() == ["not_reported"] * 4


def test_the_sexes_of_patients_with_several_scans_are_counted_once():
    patients = study_tables.of_repeated_patients(study_tables.registry(40), 2)
    men = patients.drop_duplicates("patient_id")["sex"].eq("male").sum()

    row = compared(patients=patients).loc["F06"]

    assert row[["number_here", "n", "n_patients"]].tolist() == [men, 40, 20]
    assert row["difference"] == pytest.approx(men / 20 - 2543 / 4004)


def test_without_recorded_sexes_there_is_no_proportion_of_men():
    patients = study_tables.registry(40).assign(sex=pd.Series([None] * 40, dtype="str"))

    assert compared(patients=patients).loc["F06", "outcome"] == "not_measured_here"


def test_another_alpha_is_not_assessed():
    assert compared(alpha=0.05).loc["F11", ["number_here", "outcome"]].tolist() == [0.05, "not_counted"]


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
