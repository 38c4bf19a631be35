"""A verdict has a reason, the first that holds; what enters the statistics has a value and nothing against it."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from ctpop import structures
from ctpop.__main__ import main
from ctpop.errors import ContractError
from ctpop.schema import ANALYSIS, MEASURE_STATUS, MEASURES_TABLE, REASONS, VERDICTS
from ctpop.screen import judge, lower_bounds, usable_values
from volumes import label_set

BOUNDS = {"liver": 500.0}
GOOD = {"status": "measured", "n_voxels": 90_000, "volume_ml": 1500.0, "hu_mean": 60.0, "faces": None}


def measures(*rows):
    """Return rows of measures of liver, each a good one with changes."""
    frame = pd.DataFrame(
        [{"scan_id": f"s{number}", "structure": "liver", **GOOD, **row} for number, row in enumerate(rows)]
    )
    return MEASURES_TABLE.check(frame.reindex(columns=list(MEASURES_TABLE.columns)))


def verdict(use_truncated_hu=False, bounds=BOUNDS, **changed):
    """Return (reason, volume usable, attenuation usable) of a liver that is good but for these values."""
    row = judge(measures(changed), bounds, use_truncated_hu=use_truncated_hu).iloc[0]
    return row["reason"], bool(row["usable_volume"]), bool(row["usable_hu"])


# Reasons


def test_a_good_value_is_usable():
    assert verdict() == ("ok", True, True)


def test_a_structure_without_a_voxel_is_absent():
    assert verdict(n_voxels=0, volume_ml=0, hu_mean=None) == ("absent", False, False)


def test_a_volume_of_zero_without_a_count_is_absent():
    assert verdict(n_voxels=None, volume_ml=0, hu_mean=None) == ("absent", False, False)


def test_a_structure_at_the_border_is_truncated():
    assert verdict(faces="superior") == ("truncated", False, False)


def test_a_small_structure_is_below_its_bound():
    assert verdict(volume_ml=499.9) == ("below_bound", False, False)


def test_a_structure_of_exactly_its_bound_is_not_below_it():
    assert verdict(volume_ml=500.0) == ("ok", True, True)


def test_a_structure_without_a_bound_is_not_below_it():
    assert verdict(volume_ml=0.001, bounds={}) == ("ok", True, True)


def test_a_structure_that_the_segmentation_does_not_know_is_not_absent():
    nothing = {"n_voxels": None, "volume_ml": None, "hu_mean": None}

    assert verdict(status="not_in_model", **nothing) == ("not_in_model", False, False)


@pytest.mark.parametrize("status", [status for status in MEASURE_STATUS if status not in ("measured", "not_in_model")])
def test_whatever_kept_a_scan_from_being_measured_it_is_not_segmented(status):
    nothing = {"n_voxels": None, "volume_ml": None, "hu_mean": None}

    assert verdict(status=status, **nothing) == ("not_segmented", False, False)


# Which reason comes first


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"n_voxels": 0, "volume_ml": 0, "faces": "left"}, "absent"),
        ({"volume_ml": 1.0, "faces": "inferior superior"}, "truncated"),
        ({"n_voxels": 0, "volume_ml": 0}, "absent"),  # and below the bound
        ({"status": "not_in_model", "volume_ml": 0, "n_voxels": 0, "faces": "left"}, "not_in_model"),
        ({"status": "unreadable", "volume_ml": 0, "n_voxels": 0, "faces": "left"}, "not_segmented"),
    ],
)
def test_the_first_reason_that_holds_is_given(changed, reason):
    assert verdict(**changed)[0] == reason


def test_every_reason_can_be_given():
    nothing = {"n_voxels": None, "volume_ml": None, "hu_mean": None}
    rows = measures(
        {},
        {"n_voxels": 0, "volume_ml": 0},
        {"volume_ml": 1},
        {"faces": "left"},
        {"status": "not_in_model", **nothing},
        {"status": "unreadable", **nothing},
    )

    assert set(judge(rows, BOUNDS, use_truncated_hu=False)["reason"]) == set(REASONS)


# What is there


def test_a_volume_without_attenuation_is_usable_without_its_attenuation():
    assert verdict(hu_mean=None) == ("ok", True, False)


def test_attenuation_without_a_volume_is_usable_without_a_volume():
    assert verdict(n_voxels=None, volume_ml=None) == ("ok", False, True)


def test_the_attenuation_of_a_truncated_structure_may_be_used_and_its_volume_never():
    assert verdict(faces="left", use_truncated_hu=True) == ("truncated", False, True)
    assert verdict(faces="left", use_truncated_hu=True, hu_mean=None) == ("truncated", False, False)


@pytest.mark.parametrize("changed", [{"volume_ml": 1.0}, {"n_voxels": 0, "volume_ml": 0, "faces": "left"}])
def test_the_use_of_truncated_attenuation_frees_no_other_value(changed):
    assert verdict(use_truncated_hu=True, **changed)[1:] == (False, False)


def test_a_verdict_stands_for_every_row_and_no_other():
    rows = measures({}, {"volume_ml": 1}, {"faces": "left"}).iloc[::-1]

    verdicts = judge(rows, BOUNDS, use_truncated_hu=False)

    assert verdicts["scan_id"].to_list() == ["s0", "s1", "s2"]
    assert verdicts["reason"].to_list() == ["ok", "below_bound", "truncated"]


def test_no_measures_give_no_verdicts_and_no_values():
    empty = MEASURES_TABLE.check(MEASURES_TABLE.empty())

    verdicts = judge(empty, BOUNDS, use_truncated_hu=False)

    assert len(verdicts) == 0
    assert len(usable_values(empty, verdicts)) == 0


# Bounds

ORGANS = label_set("spleen", "liver", "heart", bound_ml=40.0)


def test_bounds_are_those_of_the_label_set():
    assert lower_bounds(ORGANS, {}) == {"spleen": 40, "liver": 40, "heart": 40}


def test_a_structure_without_a_bound_has_none():
    assert lower_bounds(label_set("spleen"), {}) == {}


def test_a_changed_bound_replaces_that_of_the_label_set_and_null_removes_it():
    changed = lower_bounds(ORGANS, {"spleen": 30, "heart": None, "liver": 0})

    assert changed == {"spleen": 30, "liver": 0}


def test_a_bound_of_a_structure_that_is_not_in_the_label_set_is_refused():
    with pytest.raises(ContractError) as refused:
        lower_bounds(ORGANS, {"splen": 30, "hart": 1, "liver": 2})

    expected = "screen.lower_bound_ml: hart, splen are not structures of label set made_up"
    assert str(refused.value) == expected


def test_the_shipped_bounds_of_the_paper_s_structures_are_volumes_with_a_source():
    paper = structures.read("paper_104")

    bounds = lower_bounds(paper, {})

    assert len(paper.names) == 104
    assert bounds["liver"] == 500
    assert bounds["spleen"] == 40
    assert all(bound > 0 for bound in bounds.values())
    table = paper.table.set_index("structure")
    assert table.loc[list(bounds), "lower_bound_source"].notna().all()
    assert table.loc[list(bounds), "lower_bound_grade"].isin(["A", "B", "C"]).all()


# What enters the statistics


def test_usable_values_are_one_row_each_and_the_others_none():
    rows = measures({}, {"hu_mean": None}, {"volume_ml": 1}, {"faces": "left", "hu_mean": 55.0})

    values = usable_values(rows, judge(rows, BOUNDS, use_truncated_hu=True))

    assert list(values.itertuples(index=False, name=None)) == [
        ("s0", "liver", "hu_mean", 60.0),
        ("s0", "liver", "volume_ml", 1500.0),
        ("s1", "liver", "volume_ml", 1500.0),
        ("s3", "liver", "hu_mean", 55.0),
    ]


def test_nothing_usable_gives_a_table_without_rows():
    rows = measures({"volume_ml": 1})

    assert len(usable_values(rows, judge(rows, BOUNDS, use_truncated_hu=False))) == 0


# The command


def screen(folder, rows, **settings):
    MEASURES_TABLE.write(rows, folder / "measures.parquet")
    label_set("liver", bound_ml=500.0).table.to_csv(folder / "structures.csv", index=False)
    files = {"measures": "measures.parquet", "structures": "structures.csv"}
    files |= {"verdicts": "verdicts.parquet", "analysis": "analysis.parquet"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(folder / path))]
    return main(["screen", *options, "--settings", json.dumps(settings)])


def test_the_command_writes_verdicts_and_the_values_that_may_be_used(tmp_path, caplog):
    rows = measures({}, {"volume_ml": 400}, {"faces": "left"})

    with caplog.at_level(logging.INFO):
        code = screen(tmp_path, rows)

    assert code == 0
    assert VERDICTS.read(tmp_path / "verdicts.parquet")["reason"].to_list() == ["ok", "below_bound", "truncated"]
    assert len(ANALYSIS.read(tmp_path / "analysis.parquet")) == 2
    assert caplog.messages[-1] == "3 rows = 1 below_bound, 1 ok, 1 truncated; 2 values enter the statistics"


@pytest.mark.parametrize(
    ("settings", "reasons", "n_values"),
    [
        ({"lower_bound_ml": {"liver": 300}}, ["ok", "ok", "truncated"], 4),
        ({"lower_bound_ml": {"liver": None}}, ["ok", "ok", "truncated"], 4),
        ({"lower_bound_ml": {"liver": 2000}}, ["below_bound", "below_bound", "truncated"], 0),
        ({"use_truncated_hu": True}, ["ok", "below_bound", "truncated"], 3),
    ],
)
def test_settings_change_verdicts_without_an_image(tmp_path, settings, reasons, n_values):
    screen(tmp_path, measures({}, {"volume_ml": 400}, {"faces": "left"}), **settings)

    assert VERDICTS.read(tmp_path / "verdicts.parquet")["reason"].to_list() == reasons
    assert len(ANALYSIS.read(tmp_path / "analysis.parquet")) == n_values


def test_a_misspelt_structure_in_the_settings_stops_the_run(tmp_path, capsys):
    code = screen(tmp_path, measures({}), lower_bound_ml={"livr": 300})

    assert code == 1
    assert "error in screen: screen.lower_bound_ml: livr are not structures" in capsys.readouterr().err
    assert not (tmp_path / "verdicts.parquet").exists()


def test_a_negative_bound_is_no_setting(tmp_path, capsys):
    code = screen(tmp_path, measures({}), lower_bound_ml={"liver": -1})

    assert code == 1
    assert "screen.lower_bound_ml.liver" in capsys.readouterr().err


def test_missing_values_are_no_number_in_the_analysis(tmp_path):
    screen(tmp_path, measures({"hu_mean": np.nan}, {}))

    values = ANALYSIS.read(tmp_path / "analysis.parquet")

    assert values["value"].notna().all()
    assert len(values) == 3
