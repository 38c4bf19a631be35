"""TotalSegmentator's statistics: what is written for what was measured, and what is made of what it wrote."""

import json

import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.study.totalsegmentator_statistics import StatisticsStyle, read_folder, statistics_of
from support.config_files import config_option

NAMES = ["liver", "aorta", "kidney_left", "spleen"]
LABELS = "label,structure,side,group,lower_bound_ml\n" + "".join(
    f"{number},{name},{'left' if name.endswith('left') else ''},abdomen,\n" for number, name in enumerate(NAMES, 1)
)
WHOLE = {"status": "measured", "n_voxels": 1000, "volume_ml": 1500.0125, "hu_mean": 60.123456, "border_voxels": 0}
ABSENT = {"status": "measured", "n_voxels": 0, "volume_ml": 0.0, "hu_mean": None, "border_voxels": 0}
CUT_OFF = {**WHOLE, "border_voxels": 7}
UNKNOWN = {"status": "unreadable"}
THREE = {"border_layers": 3}


def measures(*rows, scan="s1"):
    """Return rows of measures of the structures in the order of their names, as the table has them."""
    frame = pd.DataFrame([{"scan_id": scan, "structure": name, **row} for name, row in zip(NAMES, rows, strict=True)])
    return MEASURES_TABLE.check(frame.reindex(columns=list(MEASURES_TABLE.columns)))


def statistics(style, **row):
    return statistics_of(measures(row, WHOLE, WHOLE, WHOLE).query("structure == 'liver'"), style)["liver"]


@pytest.mark.parametrize(
    ("row", "plain", "zeros"),
    [
        (WHOLE, (1500012.5, 60.12346), (1500012.5, 60.12346)),
        (ABSENT, (0.0, None), (0.0, 0.0)),
        (CUT_OFF, (1500012.5, 60.12346), (0.0, 0.0)),
        ({**WHOLE, "hu_mean": None}, (1500012.5, None), (1500012.5, None)),
        (UNKNOWN, (None, None), (None, None)),
    ],
)
def test_volume_is_in_mm3_and_zeros_stand_only_for_what_is_absent_or_cut_off(row, plain, zeros):
    assert tuple(statistics(StatisticsStyle(5, False), **row).values()) == plain
    assert tuple(statistics(StatisticsStyle(5, True), **row).values()) == zeros


def test_attenuation_is_rounded_to_the_decimals_of_the_release():
    assert statistics(StatisticsStyle(2, False), **WHOLE)["intensity"] == 60.12


def test_a_volume_has_no_dust_from_the_conversion():
    assert statistics(StatisticsStyle(5, False), **{**WHOLE, "volume_ml": 204 * 0.027})["volume"] == 5508.0


@pytest.fixture
def study(tmp_path):
    """Measures of two scans, one of them without any, and the command that exports them."""
    rows = [measures(WHOLE, ABSENT, CUT_OFF, WHOLE), measures(*[UNKNOWN] * 4, scan="s2")]
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
    assert caplog.messages == ["2 scans = 1 files + 1 scans that were not measured"]


def test_the_file_is_formatted_as_theirs(study):
    folder, command = study
    assert main([*command, "--zeros", *config_option(measure=THREE)]) == 0

    lines = (folder / "out" / "s1" / "statistics.json").read_text(encoding="utf-8").split("\n")
    assert lines[:4] == ["{", '    "liver": {', '        "volume": 1500012.5,', '        "intensity": 60.12346']
    assert lines[-1] == "}"


def test_zeros_need_evidence_of_three_layers(study, capsys):
    folder, command = study
    assert main([*command, "--zeros"]) == 1

    message = capsys.readouterr().err
    assert "0.0 for what lies within 3 voxels of the border, found measure.border_layers 1" in message
    assert not (folder / "out").exists()


def test_zeros_need_evidence_in_every_row(study, capsys):
    folder, command = study
    rows = measures(WHOLE, {**WHOLE, "border_voxels": None}, ABSENT, {**ABSENT, "border_voxels": None})
    MEASURES_TABLE.write(rows, folder / "measures.parquet")

    assert main([*command, "--zeros", *config_option(measure=THREE)]) == 1
    assert "--zeros: border_voxels is missing in 1 rows with a volume" in capsys.readouterr().err


def test_measures_of_another_label_set_are_refused(study, capsys):
    folder, command = study
    (folder / "labels.csv").write_text(LABELS.replace("spleen", "pancreas"), encoding="utf-8")

    assert main(command) == 1
    assert "must be a structure of the label set, found spleen" in capsys.readouterr().err


# Reading


def written(folder, scan, content, *, nested=False):
    path = folder / scan / "statistics.json" if nested else folder / f"{scan}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def read(folder, scans=("s1", "s2")):
    rows = MEASURES_TABLE.check(read_folder(folder, list(scans), NAMES))
    found = {
        (row.scan_id, row.structure): (row.status, row.volume_ml, row.hu_mean)
        for row in rows.astype(object).where(rows.notna(), None).itertuples()
    }
    assert len(found) == len(scans) * len(NAMES)
    return found


def refusal(folder):
    with pytest.raises(ContractError) as refused:
        read_folder(folder, ["s1", "s2"], NAMES)
    return str(refused.value)


def test_a_file_lies_under_the_name_of_its_scan_or_in_a_folder_of_its_own(tmp_path):
    written(tmp_path, "s1", {"liver": {"volume": 1500000.0, "intensity": 60.5}})
    written(tmp_path, "s2", {"aorta": {"volume": 90500.0, "intensity": -3}}, nested=True)
    written(tmp_path, "of_nobody", "not JSON, and not read")

    found = read(tmp_path)

    assert found["s1", "liver"] == ("measured", 1500.0, 60.5)
    assert found["s2", "aorta"] == ("measured", 90.5, -3.0)
    assert found["s1", "aorta"] == found["s2", "liver"] == ("not_in_table", None, None)


@pytest.mark.parametrize(
    ("volume", "intensity", "expected"),
    [
        (0.0, 0.0, ("zero_in_statistics", None, None)),
        (0, 0, ("zero_in_statistics", None, None)),
        (0.0, None, ("measured", 0.0, None)),
        (None, None, ("not_in_table", None, None)),
        (2000.0, 0.0, ("measured", 2.0, 0.0)),
        (2000.0, None, ("measured", 2.0, None)),
    ],
)
def test_zero_of_theirs_is_not_a_measurement_and_zero_of_ours_is(tmp_path, volume, intensity, expected):
    written(tmp_path, "s1", {"liver": {"volume": volume, "intensity": intensity}})

    assert read(tmp_path)["s1", "liver"] == expected


def test_what_is_exported_is_what_is_read(study):
    folder, command = study
    assert main(command) == 0

    found = read(folder / "out")

    assert found["s1", "liver"] == ("measured", 1500.0125, 60.12346)
    assert found["s1", "aorta"] == ("measured", 0.0, None)
    assert {found["s2", name][0] for name in NAMES} == {"not_in_table"}


def test_structures_outside_the_label_set_are_set_aside(tmp_path):
    written(tmp_path, "s1", {"liver": {"volume": 1, "intensity": 1}, "tail": "not looked at"})

    assert read(tmp_path, ["s1"])["s1", "liver"][0] == "measured"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "s1.json: is not JSON (Expecting property name"),
        ("[1]", "s1.json: must be an object of structures"),
        ('{"liver": 3}', "s1.json: liver must have a volume, 0 or more, and an intensity"),
        ('{"liver": {"volume": 3}}', "liver must have a volume"),
        ('{"liver": {"volume": "3", "intensity": 2}}', "liver must have a volume"),
        ('{"liver": {"volume": true, "intensity": 2}}', "liver must have a volume"),
        ('{"liver": {"volume": -1, "intensity": 2}}', "liver must have a volume"),
        ('{"liver": {"volume": 1, "intensity": NaN}}', "liver must have a volume"),
        ('{"liver": {"volume": 0.0, "intensity": 60.0}}', "nothing has no intensity; found {'volume': 0.0"),
        ('{"tail": {"volume": 1, "intensity": 1}}', "no file has a structure of the label set"),
    ],
)
def test_a_file_of_another_layout_is_named(tmp_path, content, message):
    written(tmp_path, "s1", content)

    assert message in refusal(tmp_path)


def test_a_folder_without_a_file_of_the_cohort_is_refused(tmp_path):
    assert "no scan of the cohort has a file, which is SCAN_ID.json or SCAN_ID/statistics.json" in refusal(tmp_path)


def test_a_scan_with_two_files_is_refused(tmp_path):
    for nested in (False, True):
        written(tmp_path, "s1", {"liver": {"volume": 1, "intensity": 1}}, nested=nested)

    assert "s1 has two files, s1.json and s1/statistics.json; remove one" in refusal(tmp_path)
