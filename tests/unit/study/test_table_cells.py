"""Formats of typical tables are inferred; ambiguous formats are rejected with a message that states the remedy."""

import bz2
import subprocess
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.study import table_cells
from ctpop.study.registry_options import Reading

ROWS = [["scan_id", "age_years", "clinic"], ["s1", "61", "Zürich"], ["s2", "50", "Köln"]]


def written(folder, rows, separator=",", encoding="utf-8", name="mine.csv", end="\n"):
    path = folder / name
    path.write_bytes("".join(f"{separator.join(row)}{end}" for row in rows).encode(encoding))
    return path


def workbook(path, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet{number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def cells(path, **settings):
    return table_cells.cells_of(path, Reading(**settings))


def refusal(path, **settings):
    with pytest.raises(ContractError) as refused:
        cells(path, **settings)
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separator_and_encoding_are_inferred(tmp_path, separator, encoding, end):
    found = cells(written(tmp_path, ROWS, separator, encoding, end=end))

    assert [found.header, *found.rows] == ROWS
    assert found.lines == [2, 3]
    assert sum("encoding" in note for note in found.notes) == (encoding not in ("utf-8", "utf-8-sig"))
    assert sum("separator" in note for note in found.notes) == (separator != ",")


def test_settings_take_precedence_over_inference(tmp_path):
    path = written(tmp_path, [["scan_id,x", "age"], ["s1,2", "5"]], ";")

    assert cells(path, separator=",").header == ["scan_id", "x;age"]
    assert cells(written(tmp_path, ROWS, encoding="mac-roman"), encoding="mac-roman").rows[0][2] == "Zürich"


def test_a_text_with_an_ambiguous_separator_is_rejected(tmp_path):
    message = refusal(written(tmp_path, [["scan_id;a", "age;b"], ["1;2", "3;4"]]))

    assert message == (
        "the separator is ambiguous, because comma and semicolon each divide every row into as many cells as the"
        ' header; set the separator, for example, cohort: {separator: ","}, or save the table with tabs'
    )


def test_the_suffix_of_a_file_distinguishes_tabs_from_other_separators(tmp_path):
    rows = [["scan_id,x", "age,y"], ["a,1", "2,3"]]

    assert cells(written(tmp_path, rows, "\t", name="mine.tsv")).header == ["scan_id,x", "age,y"]


def test_a_zero_byte_in_a_text_does_not_make_it_utf_16(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"scan_id,age\n" + b"s1\x00,5\n" * 20)

    assert cells(path).header == ["scan_id", "age"]


def test_a_text_in_an_unknown_encoding_is_rejected(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes(b"scan_id,age\ns\x811,5\n")

    assert "the encoding of the text is not cp1252" in refusal(path)
    assert "save the file as UTF-8" in refusal(path)


@pytest.mark.parametrize("name", ["mine.csv", "mine.xlsx"])
def test_binary_content_that_is_not_a_table_is_rejected(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(1).bytes(3000))

    assert "the file is not a text table, a spreadsheet, or a Parquet file, or it is damaged" in refusal(path)


def test_a_line_that_declares_the_separator_is_used_and_is_not_a_row(tmp_path):
    found = cells(written(tmp_path, [["sep=;"], ["scan_id;age"], ["s1;5"]]))

    assert (found.header, found.rows, found.lines) == (["scan_id", "age"], [["s1", "5"]], [3])


@pytest.mark.parametrize(
    "above",
    [
        [["CT cohort 2024"]],
        [["CT cohort 2024"], [""], ["exported by A"]],
        [["# exported", "2024", "by A"]],
        [["Patient", "", ""]],
        [["Patient", "", "Place"]],
    ],
)
def test_titles_and_merged_cells_above_the_header_are_skipped(tmp_path, above):
    for path in (written(tmp_path, [*above, *ROWS]), workbook(tmp_path / "mine.xlsx", [*above, *ROWS])):
        found = cells(path)

        assert [found.header, *found.rows] == ROWS
        assert any("the header is in line" in note for note in found.notes)


def test_the_first_row_is_the_header_if_the_next_row_has_numbers_or_empty_cells(tmp_path):
    assert cells(written(tmp_path, [["a", "b", "c"], ["x", "y", "1"]])).header == ["a", "b", "c"]
    assert cells(written(tmp_path, [["a", "b"], ["x", ""]])).header == ["a", "b"]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
@pytest.mark.parametrize("begin", [0, 1])
def test_a_column_of_row_numbers_without_a_name_is_ignored(tmp_path, name, begin):
    numbered = [[name, *ROWS[0]], *([str(number + begin), *row] for number, row in enumerate(ROWS[1:]))]

    assert cells(written(tmp_path, numbered)).header == ROWS[0]


def test_another_column_without_a_name_is_rejected(tmp_path):
    message = refusal(written(tmp_path, [["", "scan_id"], ["7", "a"], ["3", "b"]]))

    assert message == "column 1 has no name, but contains '7'; add a name to the header"


def test_a_trailing_separator_only_in_the_rows_is_rejected(tmp_path):
    whole = [[*row, ""] for row in ROWS]

    assert cells(written(tmp_path, whole)).header == ROWS[0]
    assert refusal(written(tmp_path, [ROWS[0], *whole[1:]])) == (
        "line 2: the row has 4 cells, but the header has 3 names (2 affected rows); remove the separator at the end of"
        " these rows, or add one at the end of the header"
    )


def test_short_rows_are_reported(tmp_path):
    found = cells(written(tmp_path, [ROWS[0], ["s1", "61"], ["s2", "50", "x"]]))

    assert found.rows == [["s1", "61", ""], ["s2", "50", "x"]]
    assert found.notes == ("1 row has fewer cells than the header; the missing cells are read as empty",)


def test_repeated_names_are_rejected_with_their_columns(tmp_path):
    assert refusal(written(tmp_path, [["a", "b", "a"], ["1", "2", "3"]])) == (
        "column names must be unique, but a is the name of columns 1, 3; rename or delete one of these columns"
    )


def test_the_only_sheet_with_content_is_read(tmp_path):
    found = cells(workbook(tmp_path / "mine.xlsx", [], ROWS, []))

    assert [found.header, *found.rows] == ROWS
    assert found.notes == ("the table is in sheet 'sheet1', the only sheet with content",)


def test_a_text_with_the_suffix_of_a_spreadsheet_is_read(tmp_path):
    found = cells(written(tmp_path, ROWS, "\t", name="mine.xls"))

    assert [found.header, *found.rows] == ROWS
    assert "the file is text, although its name ends with .xls" in found.notes


def test_a_spreadsheet_with_the_suffix_of_a_text_is_read(tmp_path):
    assert cells(workbook(tmp_path / "mine.xlsx", ROWS).rename(tmp_path / "mine.csv")).header == ROWS[0]


def test_a_cell_at_the_end_of_a_sheet_is_rejected_with_little_memory(tmp_path):
    path = workbook(tmp_path / "mine.xlsx", ROWS)
    book = openpyxl.load_workbook(path)
    book.active["XFD1048576"] = "x"
    book.save(path)
    code = f"""
import resource
from pathlib import Path
from ctpop.study import table_cells
from ctpop.study.registry_options import Reading
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
table_cells.cells_of(Path({str(path)!r}), Reading())
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "is in row 1,048,576 and column 16,384" in done.stderr
    assert "delete the rows and columns beyond the table, or save the table as CSV" in done.stderr


def test_a_spreadsheet_that_crashes_its_reader_is_rejected(tmp_path, monkeypatch):
    path = workbook(tmp_path / "mine.xlsx", [["scan_id", *["x"] * 100], *[["s", *range(100)]] * 100])
    monkeypatch.setattr("ctpop.study.spreadsheet.spreadsheet_process.__file__", str(tmp_path / "killed.py"))
    (tmp_path / "killed.py").write_text("import os\nos.abort()\n")

    assert refusal(path).startswith(
        "reading the spreadsheet requires more than 4 GB of memory, possibly because a cell"
    )


def test_parquet_is_read_without_changes(tmp_path):
    frame = pd.DataFrame({"scan_id": ["001", "nan"], "age": [61.25, None], "ok": [True, None], "n": [1, 2]})
    frame.to_parquet(tmp_path / "mine.parquet")

    found = cells(tmp_path / "mine.parquet")

    assert found.header == ["scan_id", "age", "ok", "n"]
    assert found.rows == [["001", "61.25", "true", "1"], ["nan", "", "", "2"]]


def test_a_compressed_file_is_rejected_with_the_command_that_decompresses_it(tmp_path):
    path = tmp_path / "mine.csv.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00")

    assert refusal(path) == "the file is compressed (gzip); decompress it: gunzip mine.csv.gz"


# Settings in messages


@pytest.mark.parametrize("section", ["cohort", "measure", ""])
def test_a_message_contains_the_section_of_the_table_or_a_remedy_without_settings(tmp_path, section):
    alike = written(tmp_path, [["scan_id;a", "age;b"], ["1;2", "3;4"]])
    book = workbook(tmp_path / "mine.xlsx", ROWS, ROWS)
    no_utf_8 = written(tmp_path, ROWS, encoding="cp1252", name="odd.csv")

    messages = [
        refusal(alike, section=section),
        refusal(book, section=section),
        refusal(no_utf_8, encoding="utf-8", section=section),
    ]

    settings = [
        f'{section}: {{separator: ","}}',
        f'{section}: {{sheet: "sheet0"}}',
        f'{section}: {{encoding: "cp1252"}}',
    ]
    others = ["save the table with tabs", "save this sheet as CSV", "save the file as UTF-8"]
    for message, setting, other in zip(messages, settings, others, strict=True):
        assert message.endswith(f", for example, {setting}, or {other}" if section else f"; {other}")


def test_a_text_is_read_once(tmp_path, monkeypatch):
    path = written(tmp_path, ROWS, ";", "utf-16")
    read = type(path).read_bytes
    times = []
    monkeypatch.setattr(type(path), "read_bytes", lambda file: times.append(file) or read(file))

    assert cells(path).rows == ROWS[1:]
    assert times == [path]


# Row names of R


def quoted(rows):
    return [[f'"{cell}"' for cell in row] for row in rows]


NUMBERED = [ROWS[0], ["1", *ROWS[1]], ["2", *ROWS[2]]]


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
@pytest.mark.parametrize("with_quotes", [True, False])
def test_row_names_that_number_the_rows_are_ignored(tmp_path, separator, with_quotes):
    found = cells(written(tmp_path, quoted(NUMBERED) if with_quotes else NUMBERED, separator))

    assert [found.header, *found.rows] == ROWS
    note = (
        "the header has one name fewer than the number of cells per row; the first cell of each row is read as a row"
        " name"
    )
    assert note in found.notes


def test_the_default_format_of_write_table_is_read(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text('"scan_id" "age_years" "clinic"\n"1" "s1" 61 "Bad Homburg"\n"2" "s2" 50.5 NA\n')

    found = cells(path)

    assert (found.header, found.rows) == (ROWS[0], [["s1", "61", "Bad Homburg"], ["s2", "50.5", "NA"]])
    assert "the separator is a space" in found.notes


def test_row_names_that_are_identifiers_are_a_column(tmp_path):
    rows = quoted([["age_years", "clinic"], ["s1", "61", "A"], ["s2", "50", "B"]])

    found = cells(written(tmp_path, rows))

    assert (found.header, found.rows) == (["row_names", "age_years", "clinic"], [["s1", "61", "A"], ["s2", "50", "B"]])


def test_identifiers_can_repeat_in_a_long_table_from_r(tmp_path):
    rows = [["scan_id", "structure", "volume_ml"], ["1", "s1", "liver", "1500.5"], ["2", "s1", "spleen", "200.5"]]

    assert cells(written(tmp_path, rows)).header == rows[0]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([["scan_id", "age"], ["s1", "61", "5"], ["s2", "50", "2"]], id="a decimal comma"),
        pytest.param([["scan_id", "age"], ["1", "61", "5"], ["2", "50", "2"]], id="a decimal comma next to numbers"),
        pytest.param(
            [["scan_id", "sex", "age"], ["1", "F", "61", "5"], ["2", "M", "50", "2"]], id="a decimal comma at the end"
        ),
        pytest.param([["scan_id", "ml"], ["s1", "1500", "x"], ["s2", "150", "y"]], id="no name of the last column"),
        pytest.param([["scan_id", "age"], ["1", "s1", "61"], ["1", "s2", "50"]], id="row names that repeat"),
        pytest.param([["scan_id", "age"], ["1", "s1", "61"], ["2", "s2", ""]], id="a last cell that is empty"),
        pytest.param([["scan_id", "age"], ["1", "s1", "61"], ["2", "s2"]], id="rows of two lengths"),
        pytest.param([["scan_id", "name"], ["1", "Smith", "A"], ["2", "Smith", "B"]], id="a comma in names"),
    ],
)
def test_ambiguous_row_names_are_rejected(tmp_path, rows):
    message = refusal(written(tmp_path, rows))

    assert "the row has" in message
    assert message.endswith(
        "; quote each cell that contains a separator, and name every column in the header, including a column of row"
        " names"
    )


@pytest.mark.parametrize("end", ["", '""'])
def test_a_trailing_separator_is_not_evidence_of_row_names(tmp_path, end):
    rows = quoted([["scan_id", "age_years"], ["1", "61"], ["2", "50"]])

    message = refusal(written(tmp_path, [rows[0], *[[*row, end] for row in rows[1:]]]))

    assert message.endswith("remove the separator at the end of these rows, or add one at the end of the header")


def test_a_header_above_rows_of_text_with_row_names_is_recognized(tmp_path):
    rows = [["scan_id", "sex"], ["1a", "s1", "F"], ["2a", "s2", "M"]]

    found = cells(written(tmp_path, quoted(rows)))

    assert found.header == ["row_names", "scan_id", "sex"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<html><table><tr><td>scan_id</td></tr></table></html>", "a web page or XML"),
        ('[{"scan_id": "s1"}]', "JSON"),
        ('"scan_id,age_years"\n"s1,61"\n', "only one column, 'scan_id,age_years'"),
        ("scan_id   age_years\ns1   61\n", "only one column, 'scan_id   age_years'"),
    ],
)
def test_a_file_that_is_not_a_table_of_several_columns_is_rejected_with_its_type(tmp_path, text, found):
    path = tmp_path / "registry.csv"
    path.write_text(text)

    with pytest.raises(ContractError, match=found):
        table_cells.cells_of(path, Reading())


def test_a_row_of_units_below_the_header_is_rejected(tmp_path):
    rows = [["scan_id", "age", "liver_volume", "liver_hu"], ["", "years", "[ml]", "HU"], ["s1", "61", "1500", "60"]]

    message = refusal(written(tmp_path, rows))

    assert "line 2 contains units (years, [ml], HU) instead of values; delete the line" in message


def test_a_row_of_dashes_is_not_a_row_of_units(tmp_path):
    assert cells(written(tmp_path, [["scan_id", "age"], ["-", "-"], ["s1", "61"]])).rows[0] == ["-", "-"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_repeated_header_is_rejected(tmp_path, mark):
    rows = [*ROWS, [f"{mark}scan_id", "age_years", "clinic"], ["s3", "40", "Bern"]]

    assert "line 4 repeats the header, as in concatenated files; delete the line" in refusal(written(tmp_path, rows))


def test_compressed_files_and_files_of_other_programs_are_rejected_with_the_remedy(tmp_path):
    plain = written(tmp_path, ROWS).read_bytes()
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as file:
        file.writestr("mine.csv", plain)
    assert "compressed (ZIP); decompress it: unzip m.zip" in refusal(tmp_path / "m.zip")
    for inner in ("Index/Document.iwa", "Index.zip"):
        with zipfile.ZipFile(tmp_path / "m.numbers", "w") as file:
            file.writestr(inner, b"snappy")
        assert "Apple Numbers files are not supported; export the table as CSV" in refusal(tmp_path / "m.numbers")
    (tmp_path / "m.csv.bz2").write_bytes(bz2.compress(plain))
    assert "compressed (bzip2); decompress it: bunzip2 m.csv.bz2" in refusal(tmp_path / "m.csv.bz2")
    for name, begin, program in (("m.sav", b"$FL2@(#) IBM SPSS", "SPSS"), ("m.dta", b"<stata_dta><header>", "Stata")):
        (tmp_path / name).write_bytes(begin + b"\0\0\2\0" * 50)
        assert f"{program} files are not supported; export the table as CSV" in refusal(tmp_path / name)
    (tmp_path / "m.json").write_text('[\n {"scan_id": "s1"}]')
    assert "the file contains JSON instead of a table" in refusal(tmp_path / "m.json")


def test_parquet_columns_with_duplicate_names_are_rejected_and_bytes_are_text(tmp_path):
    table = pa.Table.from_arrays([pa.array([b"s1"]), pa.array([1.0]), pa.array([2.0])], names=["scan_id", "x", "x"])
    pq.write_table(table, tmp_path / "m.parquet")
    assert "but x is the name of columns 2, 3; rename or delete one" in refusal(tmp_path / "m.parquet")
    pq.write_table(table.select([0, 1]), tmp_path / "m.parquet")
    assert cells(tmp_path / "m.parquet").rows == [["s1", "1"]]
