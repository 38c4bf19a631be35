"""Typical workbooks of researchers with formulas, errors, merged cells, and filters."""

import zipfile

import openpyxl
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.study.registry import read_cells
from ctpop.study.registry_options import Reading
from ctpop.study.spreadsheet import _last_cells

HEADER = ["scan_id", "patient_id", "age_years", "liver_volume_ml"]


def book(path, rows, change=None):
    """Write a workbook with one sheet."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "CT"
    for row in (HEADER, *rows):
        sheet.append(row)
    if change:
        change(sheet)
    workbook.save(path)
    return path


def with_sheet_xml(path, old, new):
    """Replace part of the XML of the first sheet of a workbook."""
    with zipfile.ZipFile(path) as source:
        files = {name: source.read(name) for name in source.namelist()}
    assert old in files["xl/worksheets/sheet1.xml"]
    files["xl/worksheets/sheet1.xml"] = files["xl/worksheets/sheet1.xml"].replace(old, new)
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)


def test_a_formula_without_a_value_is_rejected(tmp_path):
    rows = [["s1", "p1", 61, "=C2*25"], ["s2", "p2", 50, 1500.5]]
    expected = r"sheet 'CT' contains 1 formula without a computed value \(first in cell D2\); .*save it"
    with pytest.raises(ContractError, match=expected):
        read_cells(book(tmp_path / "m.xlsx", rows))


def test_formulas_with_a_value_or_an_empty_text_are_read(tmp_path):
    path = book(tmp_path / "m.xlsx", [["s1", "p1", 61, "=C2*25"], ["s2", "p2", 50, 1500.5]])
    with_sheet_xml(path, b"<f>C2*25</f><v></v>", b"<f>C2*25</f><v>1525</v>")
    assert read_cells(path)["liver_volume_ml"].tolist() == ["1525", "1500.5"]
    with_sheet_xml(path, b'<c r="D2"><f>C2*25</f><v>1525</v>', b'<c r="D2" t="str"><f>C2*25</f><v></v>')
    assert read_cells(path)["liver_volume_ml"].isna().tolist() == [True, False]


def test_a_formula_in_another_sheet_has_no_effect(tmp_path):
    path = tmp_path / "m.xlsx"
    workbook = openpyxl.Workbook()
    workbook.active.title = "notes"
    workbook.active.append(["mean", "=AVERAGE(CT!C2:C3)"])
    sheet = workbook.create_sheet("CT")
    for row in (HEADER, ["s1", "p1", 61, 1500.5]):
        sheet.append(row)
    workbook.save(path)
    assert read_cells(path, Reading(sheet="CT"))["scan_id"].tolist() == ["s1"]


def test_errors_in_cells_are_missing_and_reported(tmp_path):
    def divide(sheet):
        sheet["D2"].value = "#DIV/0!"
        sheet["D2"].data_type = "e"

    notes: list[str] = []
    cells = read_cells(book(tmp_path / "m.xlsx", [["s1", "p1", 61, 0], ["s2", "p2", 50, 1500.5]], divide), notes=notes)
    assert cells["liver_volume_ml"].isna().tolist() == [True, False]
    assert any("sheet 'CT' contains 1 error" in note and "first in cell D2" in note for note in notes)


def test_each_row_of_merged_cells_contains_their_value(tmp_path):
    def merge(sheet):
        sheet.merge_cells("B2:C3")

    notes: list[str] = []
    rows = [["s1", "p1", 61, 1500.5], ["s2", None, 62, 1490.5], ["s3", "p3", 50, 1400.5]]
    cells = read_cells(book(tmp_path / "m.xlsx", rows, merge), notes=notes)
    assert cells["patient_id"].tolist() == ["p1", "p1", "p3"]
    assert [note for note in notes if "merged cells" in note] == ["the values of merged cells were copied to 1 cell"]


@pytest.mark.parametrize("merged", ["F2:F3", "F2:H9", "B2:B9"])
def test_merged_empty_cells_next_to_and_below_a_table_are_not_part_of_it(tmp_path, merged):
    notes: list[str] = []
    rows = [["s1", None, 61, 1500.5], ["s2", None, 62, 1490.5]]
    cells = read_cells(book(tmp_path / "m.xlsx", rows, lambda sheet: sheet.merge_cells(merged)), notes=notes)
    assert cells["scan_id"].tolist() == ["s1", "s2"]
    assert not [note for note in notes if "merged cells" in note]


def test_merged_cells_of_a_header_with_two_rows_are_not_filled(tmp_path):
    path = tmp_path / "m.xlsx"
    workbook = openpyxl.Workbook()
    for row in (["Patient", None, None, "Volumes (ml)"], HEADER, ["s1", "p1", 61, 1500.5]):
        workbook.active.append(row)
    workbook.active.merge_cells("A1:C1")
    workbook.save(path)
    assert list(read_cells(path).columns) == HEADER


def test_hidden_rows_are_read_and_reported(tmp_path):
    def hide(sheet):
        sheet.row_dimensions[3].hidden = True

    notes: list[str] = []
    cells = read_cells(book(tmp_path / "m.xlsx", [["s1", "p1", 61, 1], ["s2", "p2", 50, 2]], hide), notes=notes)
    assert len(cells) == 2
    assert any(note.startswith("sheet 'CT' contains 1 hidden row;") for note in notes)


def test_the_last_cell_is_found_for_parts_of_any_size(tmp_path, monkeypatch):
    path = book(tmp_path / "m.xlsx", [[f"s{n}", "p", 61, "=1+1"] for n in range(50)])
    for size in (7, 64, 1000):
        monkeypatch.setattr("ctpop.study.spreadsheet.PART_BYTES", size)
        assert _last_cells(path) == {"xl/worksheets/sheet1.xml": (4, 51)}
        with pytest.raises(ContractError, match="contains 50 formulas without a computed value"):
            read_cells(path)
