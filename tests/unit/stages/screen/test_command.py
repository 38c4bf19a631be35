"""Tests of the command `screen`: inputs, outputs, and errors."""

import logging

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import (
    ANALYSIS,
    ANALYSIS_SETS,
    COHORT,
    EXCLUSIONS,
    FAILURES,
    MEASURES_TABLE,
    STRUCTURE_FLOW,
    VERDICTS,
)
from ctpop.foundation.errors import ContractError
from ctpop.study import label_sets
from ctpop.study.label_sets import lower_bounds
from support.config_files import config_option
from support.evidence import measures
from support.volumes import label_set

OUT = {
    "verdicts": VERDICTS,
    "analysis": ANALYSIS,
    "failures": FAILURES,
    "structure-flow": STRUCTURE_FLOW,
    "analysis-sets": ANALYSIS_SETS,
}

# Bounds

ORGANS = label_set("spleen", "liver", "heart", bound_ml=40.0)


def test_bounds_are_those_of_the_label_set():
    assert lower_bounds(ORGANS, {}) == {"spleen": 40, "liver": 40, "heart": 40}


def test_a_structure_can_have_no_bound():
    assert lower_bounds(label_set("spleen"), {}) == {}


def test_a_bound_can_be_replaced_or_removed():
    changed = lower_bounds(ORGANS, {"spleen": 30, "heart": None, "liver": 0})

    assert changed == {"spleen": 30, "liver": 0}


def test_a_bound_of_an_unknown_structure_is_rejected():
    with pytest.raises(ContractError) as refused:
        lower_bounds(ORGANS, {"splen": 30, "hart": 1, "liver": 2})

    expected = "screen.lower_bound_ml: label set made_up has no structure hart, splen; correct the names"
    assert str(refused.value) == expected


def test_bounds_of_the_paper_structures_have_a_source():
    paper = label_sets.read("paper_104")

    bounds = lower_bounds(paper, {})

    assert len(paper.names) == 104
    assert bounds["liver"] == 500
    assert bounds["spleen"] == 40
    assert all(bound > 0 for bound in bounds.values())
    table = paper.table.set_index("structure")
    assert table.loc[list(bounds), "lower_bound_source"].notna().all()
    assert table.loc[list(bounds), "lower_bound_grade"].isin(["A", "B", "C"]).all()


# The command


def cohort(rows, **columns):
    scans = sorted(set(rows["scan_id"]))
    frame = pd.DataFrame(
        {"scan_id": scans, "age_years": [50.0] * len(scans), "sex": ["female"] * len(scans), **columns}
    )
    return COHORT.check(frame.reindex(columns=list(COHORT.columns)))


def screen(folder, rows, patients=None, **settings):
    """Run the command for livers with a bound of 500 mL, and return its exit code."""
    MEASURES_TABLE.write(rows, folder / "measures.parquet")
    label_set("liver", bound_ml=500.0).table.to_csv(folder / "structures.csv", index=False)
    files = {
        "measures": "measures.parquet",
        "structures": "structures.csv",
        **{name: f"{name}.parquet" for name in OUT},
    }
    if patients is not None:
        COHORT.write(patients, folder / "cohort.parquet")
        excluded = {
            **{"scan_id": ["gone"], "patient_id": ["p_gone"], "criterion": ["complete"]},
            **{"order": [1], "found": ["false"], "limit": ["true"]},
        }
        EXCLUSIONS.write(pd.DataFrame(excluded), folder / "exclusions.parquet")
        files |= {"cohort": "cohort.parquet", "exclusions": "exclusions.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(folder / path))]
    return main(["screen", *options, *config_option(screen=settings)])


def result(folder, name):
    return OUT[name].read(folder / f"{name}.parquet")


def reasons(folder):
    return result(folder, "verdicts")["reason"].to_list()


def test_the_command_writes_all_tables_and_logs_the_counts(tmp_path, caplog):
    rows = measures({}, {"volume_ml": 400}, {"faces": "left"})

    with caplog.at_level(logging.INFO):
        code = screen(tmp_path, rows, cohort(rows))

    assert code == 0
    assert reasons(tmp_path) == ["ok", "below_bound", "truncated"]
    assert len(result(tmp_path, "analysis")) == 2
    assert result(tmp_path, "failures")[["n_scans", "n_ok", "age_removed_volume_years"]].to_numpy().tolist() == [
        [3, 1, 50]
    ]
    assert result(tmp_path, "structure-flow").groupby("measure")["n_removed"].sum().to_dict() == {
        "hu_mean": 2,
        "volume_ml": 2,
    }
    assert result(tmp_path, "analysis-sets").groupby("rules").size().to_dict() == {
        "none": 6,
        "paper": 4,
        "strict": 2,
        "study": 2,
    }
    assert caplog.messages[0] == "3 rows, rule set standard"
    expected = "3 rows: 1 below_bound, 1 ok, 1 truncated; values of structures for the statistics: 2"
    assert caplog.messages[-1] == expected


def test_the_command_runs_with_only_required_options(tmp_path):
    MEASURES_TABLE.write(measures({}, {"volume_ml": 400}, {"faces": "left"}), tmp_path / "measures.parquet")
    label_set("liver", bound_ml=500.0).table.to_csv(tmp_path / "structures.csv", index=False)
    files = {"measures": "measures.parquet", "structures": "structures.csv"}
    files |= {"verdicts": "verdicts.parquet", "analysis": "analysis.parquet"}

    code = main(["screen", *[word for name, path in files.items() for word in (f"--{name}", str(tmp_path / path))]])

    assert code == 0
    assert reasons(tmp_path) == ["ok", "below_bound", "truncated"]
    assert len(result(tmp_path, "analysis")) == 2


@pytest.mark.parametrize(
    ("settings", "expected", "n_values"),
    [
        ({"lower_bound_ml": {"liver": 300}}, ["ok", "ok", "truncated"], 4),
        ({"lower_bound_ml": {"liver": None}}, ["ok", "ok", "truncated"], 4),
        ({"lower_bound_ml": {"liver": 2000}}, ["below_bound", "below_bound", "truncated"], 0),
        ({"use_truncated_hu": True}, ["ok", "below_bound", "truncated"], 3),
        ({"use_truncated_hu": False}, ["ok", "below_bound", "truncated"], 2),
        ({"rules": "none"}, ["ok", "ok", "ok"], 6),
        ({"rules": "paper"}, ["ok", "below_bound", "ok"], 4),
        ({"rules": "paper", "lower_bound_ml": {"liver": 2000}}, ["below_bound"] * 3, 0),
        ({"rules": "strict", "use_truncated_hu": True}, ["ok", "below_bound", "truncated"], 3),
    ],
)
def test_settings_change_verdicts_without_an_image(tmp_path, settings, expected, n_values):
    screen(tmp_path, measures({}, {"volume_ml": 400}, {"faces": "left"}), **settings)

    assert reasons(tmp_path) == expected
    assert len(result(tmp_path, "analysis")) == n_values


def test_changed_bounds_apply_to_all_sets_and_truncated_attenuation_only_to_the_study(tmp_path):
    rows = measures({}, {"volume_ml": 400}, {"faces": "left"})

    screen(tmp_path, rows, lower_bound_ml={"liver": 2000}, use_truncated_hu=True)

    assert result(tmp_path, "analysis-sets").groupby("rules").size().to_dict() == {"none": 6, "study": 1}


def test_custom_rules_are_read_from_a_file(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("rules: {fragmented: {drops: [volume_ml], largest_share_below: 0.95}}")

    screen(tmp_path, measures({}, {"largest_share": 0.9}, {"faces": "left"}), rules=str(own))

    assert reasons(tmp_path) == ["ok", "fragmented", "ok"]
    assert len(result(tmp_path, "analysis")) == 5


def test_the_review_and_the_registry_are_applied(tmp_path, caplog):
    rows = measures({}, {"volume_ml": 400}, {"faces": "left"}, {"n_voxels": 0, "volume_ml": 0, "hu_mean": None})
    review = tmp_path / "review.csv"
    review.write_text(
        "scan_id,structure,decision,reason,reviewer,date\n"
        "s0,*,exclude,metal,AB,2024-05-31\ns1,liver,keep,small woman,AB,2024-05-31\ngone,*,exclude,-,AB,2024-05-31\n"
    )

    with caplog.at_level(logging.INFO):
        code = screen(tmp_path, rows, cohort(rows, known_absent=[None, None, None, "liver"]), review=str(review))

    verdicts = result(tmp_path, "verdicts")
    assert code == 0
    assert verdicts["reason"].to_list() == ["reviewer_excluded", "reviewer_kept", "truncated", "absent_known"]
    assert verdicts["rule_reason"].to_list() == ["ok", "below_bound", "truncated", "absent_known"]
    assert verdicts["review_reason"].fillna("").to_list() == ["metal", "small woman", "", ""]
    assert set(result(tmp_path, "analysis")["scan_id"]) == {"s1"}
    assert "reviewer_excluded" in set(result(tmp_path, "structure-flow")["reason"])
    assert "QC decisions for scans of the cohort: 2" in caplog.messages


def test_values_that_a_rule_could_not_assess_are_logged(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        screen(tmp_path, measures({}, {"largest_share": None}, {"largest_share": None}), rules="strict")

    found = [message for message in caplog.messages if "not assessable" in message]
    assert found == ["rows not assessable by rule fragmented because of missing evidence: 2"]


def test_missing_values_are_not_in_the_analysis(tmp_path):
    screen(tmp_path, measures({"hu_mean": None}, {}))

    values = result(tmp_path, "analysis")

    assert values["value"].notna().all()
    assert len(values) == 3


def test_the_analysis_contains_one_row_per_usable_value(tmp_path):
    rows = measures({}, {"hu_mean": None}, {"volume_ml": 1}, {"faces": "left", "hu_mean": 55.0})

    screen(tmp_path, rows, use_truncated_hu=True)

    assert list(result(tmp_path, "analysis").itertuples(index=False, name=None)) == [
        ("s0", "liver", "hu_mean", 60.0),
        ("s0", "liver", "volume_ml", 1500.0),
        ("s1", "liver", "volume_ml", 1500.0),
        ("s3", "liver", "hu_mean", 55.0),
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lower_bound_ml": {"livr": 300}}, "screen.lower_bound_ml: label set structures has no structure livr"),
        ({"lower_bound_ml": {"liver": -1}}, "screen.lower_bound_ml.liver"),
        ({"rules": "stric"}, "screen.rules: 'stric' is neither a built-in rule set"),
        ({"review": "missing.csv"}, "missing.csv: the file of QC decisions does not exist"),
    ],
)
def test_an_invalid_setting_stops_the_run_before_writing(tmp_path, capsys, settings, expected):
    code = screen(tmp_path, measures({}), **settings)

    assert code == 1
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "verdicts.parquet").exists()


def test_a_known_absence_of_an_unknown_structure_stops_the_run(tmp_path, capsys):
    rows = measures({})

    code = screen(tmp_path, rows, cohort(rows, known_absent=["livr"]))

    assert code == 1
    assert "error in screen: registry: column known_absent must contain structures" in capsys.readouterr().err
