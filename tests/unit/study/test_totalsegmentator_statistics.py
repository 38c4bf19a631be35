"""Conversion of measures to statistics files of TotalSegmentator."""

import json

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.study.statistics_folder import read_folder
from ctpop.study.totalsegmentator_statistics import StatisticsStyle, statistics_of
from support.config_files import config_option

NAMES = ["liver", "aorta", "kidney_left", "spleen"]
LABELS = "label,structure,side,group,lower_bound_ml\n" + "".join(
    f"{number},{name},{'left' if name.endswith('left') else ''},abdomen,\n" for number, name in enumerate(NAMES, 1)
)
WHOLE = {"status": "measured", "n_voxels": 1000, "volume_ml": 1500.0125, "hu_mean": 60.123456, "border_voxels": 0}
ABSENT = {"status": "measured", "n_voxels": 0, "volume_ml": 0.0, "hu_mean": None, "border_voxels": 0}
TRUNCATED = {**WHOLE, "border_voxels": 7}
UNKNOWN = {"status": "unreadable"}
THREE = {"border_layers": 3}


def measures(*rows, scan="s1"):
    """Return rows of measures for the structures in the order of `NAMES`, in the form of the table."""
    frame = pd.DataFrame([{"scan_id": scan, "structure": name, **row} for name, row in zip(NAMES, rows, strict=True)])
    return MEASURES_TABLE.check(frame.reindex(columns=list(MEASURES_TABLE.columns)))


def statistics(style, **row):
    return statistics_of(measures(row, WHOLE, WHOLE, WHOLE).query("structure == 'liver'"), style)["liver"]


@pytest.mark.parametrize(
    ("row", "plain", "zeros"),
    [
        (WHOLE, (1500012.5, 60.12346), (1500012.5, 60.12346)),
        (ABSENT, (0.0, None), (0.0, 0.0)),
        (TRUNCATED, (1500012.5, 60.12346), (0.0, 0.0)),
        ({**WHOLE, "hu_mean": None}, (1500012.5, None), (1500012.5, None)),
        (UNKNOWN, (None, None), (None, None)),
    ],
)
def test_volume_is_in_mm3_and_zeros_are_written_only_for_absent_or_truncated_structures(row, plain, zeros):
    assert tuple(statistics(StatisticsStyle(5, False), **row).values()) == plain
    assert tuple(statistics(StatisticsStyle(5, True), **row).values()) == zeros


def test_attenuation_is_rounded_to_the_decimals_of_the_release():
    assert statistics(StatisticsStyle(2, False), **WHOLE)["intensity"] == 60.12


def test_a_volume_has_no_rounding_error_from_the_conversion():
    assert statistics(StatisticsStyle(5, False), **{**WHOLE, "volume_ml": 204 * 0.027})["volume"] == 5508.0


@pytest.fixture
def study(tmp_path):
    """Measures of two scans, one of which has none, and the command that exports them."""
    rows = [measures(WHOLE, ABSENT, TRUNCATED, WHOLE), measures(*[UNKNOWN] * 4, scan="s2")]
    MEASURES_TABLE.write(pd.concat(rows), tmp_path / "measures.parquet")
    (tmp_path / "labels.csv").write_text(LABELS, encoding="utf-8")
    files = ["--measures", str(tmp_path / "measures.parquet"), "--structures", str(tmp_path / "labels.csv")]
    return tmp_path, ["export-statistics", *files, "--out", str(tmp_path / "out")]


def test_a_scan_has_a_file_with_its_structures_in_the_order_of_the_labels(study, caplog):
    folder, command = study
    with caplog.at_level("INFO"):
        assert main(command) == 0

    found = json.loads((folder / "out" / "s1" / "statistics.json").read_text(encoding="utf-8"))
    assert list(found) == NAMES
    assert found["kidney_left"] == {"volume": 1500012.5, "intensity": 60.12346}
    assert [path.name for path in (folder / "out").iterdir()] == ["s1"]
    assert caplog.messages == ["scans: 2, of which 1 with a statistics file and 1 without measurements"]


def test_the_file_has_the_format_of_totalsegmentator(study):
    folder, command = study
    assert main([*command, "--zeros", *config_option(measure=THREE)]) == 0

    lines = (folder / "out" / "s1" / "statistics.json").read_text(encoding="utf-8").split("\n")
    assert lines[:4] == ["{", '    "liver": {', '        "volume": 1500012.5,', '        "intensity": 60.12346']
    assert lines[-1] == "}"


def test_zeros_require_three_border_layers(study, capsys):
    folder, command = study
    assert main([*command, "--zeros"]) == 1

    message = capsys.readouterr().err
    assert "--zeros: requires measure.border_layers 3, found 1; TotalSegmentator writes 0.0" in message
    assert not (folder / "out").exists()


def test_zeros_require_border_voxels_in_every_row(study, capsys):
    folder, command = study
    rows = measures(WHOLE, {**WHOLE, "border_voxels": None}, ABSENT, {**ABSENT, "border_voxels": None})
    MEASURES_TABLE.write(rows, folder / "measures.parquet")

    assert main([*command, "--zeros", *config_option(measure=THREE)]) == 1
    assert "--zeros: border_voxels is missing although volume_ml is present" in capsys.readouterr().err


def test_measures_of_another_label_set_are_rejected(study, capsys):
    folder, command = study
    (folder / "labels.csv").write_text(LABELS.replace("spleen", "pancreas"), encoding="utf-8")

    assert main(command) == 1
    assert "column structure contains names outside the label set: spleen" in capsys.readouterr().err


def test_exported_values_are_read_unchanged(study):
    folder, command = study
    assert main(command) == 0

    rows = read_folder(folder / "out", ["s1", "s2"], NAMES).set_index(["scan_id", "structure"])

    assert rows.loc[("s1", "liver"), ["status", "volume_ml", "hu_mean"]].to_list() == ["measured", 1500.0125, 60.12346]
    assert rows.loc[("s1", "aorta"), ["status", "volume_ml"]].to_list() == ["measured", 0.0]
    assert set(rows.loc["s2", "status"]) == {"not_in_table"}
