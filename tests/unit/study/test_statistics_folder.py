"""Reading of a folder of TotalSegmentator statistics files, including damaged files and invalid entries."""

import errno
import json
import os
from pathlib import Path

import pytest

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError
from ctpop.study.statistics_folder import read_folder

NAMES = ["liver", "aorta", "kidney_left", "spleen"]


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


def test_a_file_is_named_after_its_scan_or_is_in_a_folder_named_after_it(tmp_path):
    written(tmp_path, "s1", {"liver": {"volume": 1500000.0, "intensity": 60.5}})
    written(tmp_path, "s2", {"aorta": {"volume": 90500.0, "intensity": -3}}, nested=True)
    written(tmp_path, "of_no_scan", "not JSON, and not read")

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
def test_two_zeros_are_missing_values_and_a_single_zero_is_a_value(tmp_path, volume, intensity, expected):
    written(tmp_path, "s1", {"liver": {"volume": volume, "intensity": intensity}})

    assert read(tmp_path)["s1", "liver"] == expected


def test_structures_outside_the_label_set_are_ignored(tmp_path):
    written(tmp_path, "s1", {"liver": {"volume": 1, "intensity": 1}, "tail": "not read"})

    assert read(tmp_path, ["s1"])["s1", "liver"][0] == "measured"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "is not valid JSON (Expecting property name"),
        (b'{"liver": {"volume": 3, "inten', "is not valid JSON (Unterminated string"),
        (b"[1]", "must contain a JSON object of structures"),
        (b"NaN", "must contain a JSON object of structures"),
        (b"\xff\xfe\x00", "is not valid JSON ('utf-16"),
        (b'{"liver": "\xe4"}', "is not valid JSON ('utf-8' codec"),
        (b'{"a":' * 100000, "is not valid JSON (maximum recursion depth"),
        (b'{"liver": {"volume": 1' + b"0" * 5000 + b', "intensity": 1}}', "is not valid JSON (Exceeds the limit"),
        (b" " * (16 << 20) + b"{}", "is larger than 16 MB"),
        (b"\x00" * 4096, "is not valid JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_the_status_of_its_scan(tmp_path, content, detail):
    (tmp_path / "s1.json").write_bytes(content)
    written(tmp_path, "s2", {"liver": {"volume": 1000, "intensity": 1}})

    rows = MEASURES_TABLE.check(read_folder(tmp_path, ["s1", "s2"], NAMES)).set_index("scan_id")

    assert set(rows.loc["s1", "status"]) == {"unreadable"}
    assert rows.loc["s1", "detail"].str.contains(detail, regex=False).all()
    assert not rows.loc["s1", "detail"].str.contains(str(tmp_path), regex=False).any()
    assert rows.loc["s1", "volume_ml"].isna().all()
    assert rows.loc["s2", "status"].to_list() == ["not_in_table", "not_in_table", "measured", "not_in_table"]
    assert rows.loc["s2", "detail"].isna().all()


def odd_folder(path):
    path.mkdir()


def odd_loop(path):
    path.symlink_to(path)


def odd_link(path):
    path.symlink_to("gone.json")


def odd_pipe(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "status", "detail"),
    [
        (odd_folder, "unreadable", "is a folder or a device"),
        (odd_pipe, "unreadable", "is a folder or a device"),
        (odd_loop, "unreadable", "cannot be read: Too many levels of symbolic links"),
        (odd_link, "missing_file", "a link to a file that does not exist"),
    ],
)
@pytest.mark.parametrize("name", ["s1.json", "s1/statistics.json"])
def test_a_path_that_is_not_a_file_is_the_status_of_its_scan(tmp_path, name, make, status, detail):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    make(tmp_path / name)
    written(tmp_path, "s2", {"liver": {"volume": 1000, "intensity": 1}})

    rows = read_folder(tmp_path, ["s1", "s2"], NAMES).set_index("scan_id")

    assert set(rows.loc["s1", "status"]) == {status}
    assert rows.loc["s1", "detail"].str.contains(detail).all()


@pytest.mark.parametrize(("number", "status"), [(errno.EACCES, "unreadable"), (errno.EIO, "not_read")])
def test_an_error_of_permission_or_disk_is_the_status_of_its_scan(tmp_path, monkeypatch, number, status):
    for scan in ("s1", "s2"):
        written(tmp_path, scan, {"liver": {"volume": 1000, "intensity": 1}})
    opened = Path.open

    def refuse(path, *options, **named):
        if path.name == "s1.json":
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *options, **named)

    monkeypatch.setattr(Path, "open", refuse)
    rows = read_folder(tmp_path, ["s1", "s2"], NAMES).set_index("scan_id")

    assert set(rows.loc["s1", "status"]) == {status}
    assert set(rows.loc["s1", "detail"]) == {f"the statistics file cannot be read: {os.strerror(number)}"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_of_json_with_and_without_a_byte_order_mark_are_read(tmp_path, encoding):
    text = json.dumps({"liver": {"volume": 1000, "intensity": 1}})
    (tmp_path / "s1.json").write_bytes(text.encode(encoding))

    assert read(tmp_path, ["s1"])["s1", "liver"] == ("measured", 1.0, 1.0)


@pytest.mark.parametrize(
    "entry",
    [
        "3",
        '"3"',
        "null",
        "[]",
        '{"volume": 3}',
        '{"volume": "3", "intensity": 2}',
        '{"volume": true, "intensity": 2}',
        '{"volume": -1, "intensity": 2}',
        '{"volume": 1, "intensity": NaN}',
        '{"volume": NaN, "intensity": 1}',
        '{"volume": Infinity, "intensity": 1}',
        '{"volume": 1e999, "intensity": 1}',
        '{"volume": 1, "intensity": -Infinity}',
        '{"volume": 1' + "0" * 400 + ', "intensity": 1}',
        '{"volume": 0.0, "intensity": 60.0}',
        '{"volume": {"volume": 1}, "intensity": 1}',
        '{"volume": 1, "volume": 2, "intensity": 1}',
        '{"volume": 1, "intensity": 1}, "liver": {"volume": 2, "intensity": 1}',
    ],
)
def test_an_invalid_entry_is_the_status_of_its_structure(tmp_path, entry):
    written(tmp_path, "s1", f'{{"aorta": {{"volume": 2000, "intensity": 5}}, "liver": {entry}}}')

    rows = MEASURES_TABLE.check(read_folder(tmp_path, ["s1"], NAMES)).set_index("structure")

    assert rows.loc["liver", "status"] == "bad_entry"
    assert "volume and intensity must be numbers or null" in rows.loc["liver", "detail"]
    assert rows.loc["liver", ["volume_ml", "hu_mean"]].isna().all()
    assert rows.loc["aorta", ["status", "volume_ml", "hu_mean"]].to_list() == ["measured", 2.0, 5.0]
    assert len(rows.loc["liver", "detail"]) < 300


def test_a_folder_without_a_readable_file_is_rejected(tmp_path):
    for scan in ("s1", "s2"):
        written(tmp_path, scan, "{")

    assert "no statistics file can be read (2 files); error of scan 's1': the statistics file" in refusal(tmp_path)


def test_a_folder_without_a_structure_of_the_label_set_is_rejected(tmp_path):
    written(tmp_path, "s1", {"tail": {"volume": 1, "intensity": 1}})

    assert "no file contains a structure of the label set (such as liver); the first file contains tail" in refusal(
        tmp_path
    )


def test_a_folder_without_a_file_of_the_cohort_is_rejected(tmp_path):
    message = refusal(tmp_path)

    assert "no scan of the cohort has a statistics file (SCAN_ID.json or SCAN_ID/statistics.json)" in message


def test_a_scan_with_two_files_is_rejected(tmp_path):
    for nested in (False, True):
        written(tmp_path, "s1", {"liver": {"volume": 1, "intensity": 1}}, nested=nested)

    assert "scan s1 has two statistics files, s1.json and s1/statistics.json; remove one" in refusal(tmp_path)


def test_images_next_to_the_statistics_files_are_not_misspelled_identifiers(tmp_path):
    written(tmp_path, "s1", {"liver": {"volume": 1500000.0, "intensity": 60.5}})
    for name in ("s1.nii.gz", "s2.nii.gz", "s2.nii"):
        (tmp_path / name).touch()

    assert read(tmp_path)["s2", "liver"] == ("not_in_table", None, None)


@pytest.mark.parametrize(("excluded", "is_refused"), [((), True), (("S2",), False)])
def test_statistics_of_excluded_scans_of_the_registry_are_not_misspelled_identifiers(tmp_path, excluded, is_refused):
    written(tmp_path, "s1", {"liver": {"volume": 1500000.0, "intensity": 60.5}})
    written(tmp_path, "S2", {"liver": {"volume": 1500000.0, "intensity": 60.5}})

    if is_refused:
        assert "IDs must have the same spelling as in the registry" in refusal(tmp_path)
    else:
        assert len(read_folder(tmp_path, ["s1", "s2"], NAMES, excluded)) == 2 * len(NAMES)
