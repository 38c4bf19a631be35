"""Tables fulfill their contracts, errors name the violated requirement, and files are written atomically."""

import os
import platform
import stat
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts import all_tables, tables
from ctpop.contracts.columns import count, number, text, truth
from ctpop.contracts.table_files import write_csv
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import remove_half_written, write_atomically

PATIENTS = Table(
    "patients",
    ("scan_id",),
    "one row per patient",
    {
        "scan_id": text("identifier", pattern="[a-z0-9]+"),
        "sex": text("sex", among=("female", "male"), missing="not recorded"),
        "age_years": number("age", "years", low=0, high=120, missing="not known"),
        "n_teeth": count("teeth", missing="not counted"),
        "n_eyes": count("eyes"),
        "usable": truth("may be used"),
        "contrast": truth("contrast given", missing="not recorded"),
    },
)
GOOD = {
    "scan_id": ["b", "a", "c"],
    "sex": ["female", None, "male"],
    "age_years": [1.5, np.nan, 120],
    "n_teeth": [32, None, 0],
    "n_eyes": [2, 0, 1],
    "usable": [True, False, True],
    "contrast": [True, None, False],
}


def patients(**changed):
    return pd.DataFrame({**GOOD, **changed})


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def message_of(frame, table=PATIENTS):
    with pytest.raises(ContractError) as refused:
        table.check(frame, where="tables/patients.parquet")
    return str(refused.value)


def test_a_written_table_is_read_unchanged(tmp_path):
    written = PATIENTS.write(patients(), tmp_path / "patients.parquet")

    read = PATIENTS.read(tmp_path / "patients.parquet")

    pd.testing.assert_frame_equal(read, written)
    assert list(read["scan_id"]) == ["a", "b", "c"]
    assert list(read["age_years"].isna()) == [True, False, False]
    assert list(read["n_teeth"].isna()) == [True, False, False]
    assert list(read["contrast"].isna()) == [True, False, False]
    assert list(read["sex"].isna()) == [True, False, False]
    assert read.loc[2, "n_teeth"] == 0
    assert list(read["usable"]) == [False, True, True]


def test_a_column_without_values_is_read_unchanged(tmp_path):
    nothing = [None, None, None]
    PATIENTS.write(patients(sex=nothing, contrast=nothing, n_teeth=nothing), tmp_path / "patients.parquet")

    read = PATIENTS.read(tmp_path / "patients.parquet")

    assert read[["sex", "contrast", "n_teeth"]].isna().all(axis=None)


def test_an_empty_table_is_read_unchanged(tmp_path):
    PATIENTS.write(PATIENTS.empty(), tmp_path / "patients.parquet")

    read = PATIENTS.read(tmp_path / "patients.parquet")

    assert len(read) == 0
    assert list(read.columns) == list(PATIENTS.columns)
    assert dict(read.dtypes) == dict(PATIENTS.check(patients()).dtypes)


def test_missing_values_are_empty_in_the_csv(tmp_path):
    PATIENTS.write(patients(), tmp_path / "patients.parquet")

    lines = (tmp_path / "patients.csv").read_text(encoding="utf-8").splitlines()

    assert lines == [
        "scan_id,sex,age_years,n_teeth,n_eyes,usable,contrast",
        "a,,,,0,False,",
        "b,female,1.5,32,2,True,True",
        "c,male,120.0,0,1,True,False",
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sex": ["f", "male", None]}, "column 'sex' must be one of female, male; found f in 1 row, first"),
        ({"age_years": [-1, 2, 3]}, "column 'age_years' must be at least 0 years; found -1 in 1 row, first"),
        ({"age_years": [121, 2, 3]}, "column 'age_years' must be at most 120 years; found 121 in 1 row, first"),
        ({"age_years": ["old", 2, 3]}, "column 'age_years' must be a finite number; found old in 1 row, first"),
        ({"age_years": [np.inf, 2, 3]}, "column 'age_years' must be a finite number; found inf in 1 row, first"),
        ({"n_eyes": [1.5, 2, 2]}, "column 'n_eyes' must be a whole number; found 1.5 in 1 row, first"),
        ({"n_eyes": [None, 2, 2]}, "column 'n_eyes' must be complete; found no value in 1 row, first"),
        ({"n_teeth": [-4, 2, 2]}, "column 'n_teeth' must be at least 0; found -4 in 1 row, first"),
        ({"n_teeth": [np.inf, 2, 2]}, "column 'n_teeth' must be a whole number; found inf in 1 row, first"),
        (
            {"usable": [None, True, True]},
            "column 'usable' must be complete; found no value in 1 row, first",
        ),
        ({"usable": ["False", True, True]}, "column 'usable' must be true or false; found False in 1 row, first"),
        ({"contrast": ["no", True, None]}, "column 'contrast' must be true or false; found no in 1 row, first"),
    ],
)
def test_a_violation_is_reported_with_file_column_requirement_value_and_key(changed, expected):
    assert message_of(patients(**changed)) == f"tables/patients.parquet: {expected} scan_id: 'b'"


@pytest.mark.parametrize("unfit", ["B", "", "b/c", "b\n", " b"])
def test_a_key_that_does_not_match_its_pattern_is_rejected(unfit):
    message = message_of(patients(scan_id=[unfit, "a", "c"]))

    assert message.startswith(
        "tables/patients.parquet: column 'scan_id' must be text that matches the pattern [a-z0-9]+; found"
    )


def test_all_invalid_columns_are_reported_at_once():
    lines = message_of(patients(sex=["x", "y", "male"], age_years=[-1, 0, 0], n_eyes=["two", 1, 1])).splitlines()

    assert [line.split("'")[1] for line in lines] == ["n_eyes", "sex", "age_years"]


def test_at_most_three_keys_are_reported():
    many = pd.concat([patients().assign(scan_id=[f"p{i}a", f"p{i}b", f"p{i}c"], n_eyes=-1) for i in range(9)])

    assert message_of(many).endswith("found -1 in 27 rows, first scan_id: 'p0a', 'p0b', 'p0c'")


def test_the_row_labels_of_a_frame_do_not_matter():
    labeled = patients(age_years=[1, -1, 2]).set_axis(["x", "x", "y"])

    assert message_of(labeled).endswith("found -1 in 1 row, first scan_id: 'a'")


def test_a_missing_column_is_reported_by_name():
    assert "columns n_eyes, usable are missing; found scan_id, sex" in message_of(
        patients().drop(columns=["n_eyes", "usable"])
    )


def test_a_column_of_an_earlier_version_is_rejected_with_its_new_name():
    table = Table("t", ("scan_id",), "rows", {"scan_id": text("scan"), "contralateral_ratio": number("ratio", low=0)})

    with pytest.raises(ContractError, match=r"twin_ratio is now contralateral_ratio\); rerun the study"):
        table.check(pd.DataFrame({"scan_id": ["a"], "twin_ratio": [1.0]}))


def test_a_closed_table_rejects_an_unknown_column():
    assert message_of(patients(height_cm=1)) == (
        "tables/patients.parquet: column height_cm is not part of table 'patients'; remove the column"
    )


def test_an_open_table_keeps_an_unknown_column_after_its_columns():
    table = Table("patients", PATIENTS.key, PATIENTS.meaning, PATIENTS.columns, open=True)
    frame = patients()
    frame.insert(0, "height_cm", [160, 170, 180])

    checked = table.check(frame)

    assert list(checked.columns) == [*PATIENTS.columns, "height_cm"]
    assert list(checked["height_cm"]) == [170, 160, 180]


def test_a_repeated_key_is_rejected_with_its_rows():
    message = message_of(patients(scan_id=["a", "a", "c"]))

    assert message == (
        "tables/patients.parquet: scan_id must identify one row; found repeated values in 2 rows, first 'a';"
        " remove the repeated rows or correct their identifiers"
    )


def test_a_key_of_two_columns_can_repeat_in_each_column():
    table = Table("pairs", ("scan_id", "structure"), "", {"scan_id": text("scan"), "structure": text("structure")})
    pairs = pd.DataFrame({"scan_id": ["a", "a", "b"], "structure": ["liver", "spleen", "liver"]})

    assert len(table.check(pairs)) == 3
    assert (
        "scan_id and structure must identify one row; found repeated values in 2 rows, first 'a liver'"
        in message_of(pd.concat([pairs, pairs.head(1)]), table)
    )


def test_row_order_does_not_change_the_bytes(tmp_path):
    PATIENTS.write(patients(), tmp_path / "one.parquet")
    PATIENTS.write(patients().sample(frac=1, random_state=1)[[*reversed(PATIENTS.columns)]], tmp_path / "two.parquet")

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_a_file_that_violates_its_contract_is_rejected_when_it_is_read(tmp_path):
    patients(age_years=[300, 1, 2]).to_parquet(tmp_path / "patients.parquet")

    with pytest.raises(ContractError, match=r"patients\.parquet: column 'age_years' must be at most 120"):
        PATIENTS.read(tmp_path / "patients.parquet")


def test_a_failed_write_leaves_only_the_old_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail_half_way(part):
        part.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail_half_way)

    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["table.csv"]


def test_a_file_is_flushed_to_disk_before_it_is_renamed(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    seen = []

    def fsync(opened, really=os.fsync):
        seen.append(("folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file", path.exists()))
        really(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, lambda part: part.write_text("new"))

    assert seen == [("file", False), ("folder", True)]


def test_a_rejected_table_writes_no_file(tmp_path):
    with pytest.raises(ContractError):
        PATIENTS.write(patients(n_eyes=-1), tmp_path / "patients.parquet")

    assert names_in(tmp_path) == []


def test_folders_are_created_for_a_new_file(tmp_path):
    write_atomically(tmp_path / "a" / "b" / "c.txt", lambda part: part.write_text("new"))

    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "new"
    assert names_in(tmp_path / "a" / "b") == ["c.txt"]


def test_text_that_a_spreadsheet_would_execute_is_quoted_in_the_csv(tmp_path):
    risky = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", None]
    frame = pd.DataFrame({"note": risky, "value": [-1.0, 1, 2, 3, 4, 5, 6]})

    write_csv(frame, tmp_path / "notes.csv")

    read = pd.read_csv(tmp_path / "notes.csv")
    assert list(read["note"][:6]) == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "plain"]
    assert read["note"].isna().tolist() == [False] * 6 + [True]
    assert read["value"][0] == -1.0
    assert list(frame["note"][:6]) == risky[:6]


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_an_infinite_number_is_rejected(value):
    infinite = pd.DataFrame({"scan_id": ["a"], "structure": ["liver"], "volume_ml": [1.0], "hu_mean": [value]})

    with pytest.raises(ContractError, match="hu_mean' must be a finite number"):
        all_tables.TRUTH.check(infinite)


def test_temporary_files_are_removed_only_if_their_process_was_killed(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    stem = f".table.csv.{platform.node()}"
    left, busy = (tmp_path / f"{stem}.{process}.part" for process in (killed.pid, os.getppid()))
    others = [tmp_path / f".table.csv.another-{platform.node()}.{killed.pid}.part", tmp_path / "table.csv"]
    for path in (left, busy, *others):
        path.touch()

    remove_half_written(tmp_path)

    assert set(tmp_path.iterdir()) == {busy, *others}


@pytest.mark.parametrize(("hours", "stays"), [(0.5, True), (2, False)])
def test_temporary_files_of_other_machines_are_removed_after_one_hour(tmp_path, hours, stays):
    part = tmp_path / f".table.csv.node7.example.{os.getpid()}.part"
    part.touch()
    os.utime(part, (time.time() - 3600 * hours,) * 2)

    remove_half_written(tmp_path)

    assert part.exists() == stays


def test_a_hidden_file_of_another_program_is_not_removed(tmp_path):
    other = tmp_path / ".movie.mkv.part"
    other.touch()
    os.utime(other, (0, 0))

    remove_half_written(tmp_path)

    assert other.exists()


def test_only_the_requested_columns_are_read(tmp_path):
    PATIENTS.write(patients(), tmp_path / "patients.parquet")

    read = PATIENTS.read(tmp_path / "patients.parquet", "n_eyes", "sex")

    assert list(read.columns) == ["scan_id", "n_eyes", "sex"]
    pd.testing.assert_frame_equal(read, PATIENTS.read(tmp_path / "patients.parquet")[["scan_id", "n_eyes", "sex"]])


def test_a_requested_column_missing_from_the_file_is_reported(tmp_path):
    patients().drop(columns="n_eyes").to_parquet(tmp_path / "patients.parquet")

    with pytest.raises(
        ContractError, match=r"patients\.parquet: column n_eyes is missing; found scan_id, sex; add the column"
    ):
        PATIENTS.read(tmp_path / "patients.parquet", "n_eyes", "sex")


def test_numeric_identifiers_keep_leading_zeros_in_a_csv(tmp_path):
    patients(scan_id=["001", "02", "3"]).to_csv(tmp_path / "patients.csv", index=False)

    assert list(PATIENTS.read_csv(tmp_path / "patients.csv")["scan_id"]) == ["001", "02", "3"]


def test_an_empty_table_has_the_same_types_as_a_table_with_rows():
    assert PATIENTS.empty().dtypes.equals(PATIENTS.check(patients()).dtypes)


def test_a_note_replaces_the_csv_of_a_table_too_large_for_a_spreadsheet(tmp_path, monkeypatch):
    PATIENTS.write(patients(), tmp_path / "small.parquet")
    monkeypatch.setattr(tables, "CSV_ROWS", 2)
    PATIENTS.write(patients(), tmp_path / "large.parquet")

    assert len(PATIENTS.read(tmp_path / "large.parquet")) == 3
    assert len(pd.read_csv(tmp_path / "small.csv")) == 3
    note = pd.read_csv(tmp_path / "large.csv")
    expected = (
        "3 rows exceed the row limit of spreadsheets; read large.parquet with pandas, polars, DuckDB, or R (arrow)"
    )
    assert note.to_dict("list") == {"note": [expected]}
