"""Reading of a sheet of an Excel or LibreOffice file in a separate process with limited memory."""

import html
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ctpop.foundation.errors import ContractError, count, in_one_line
from ctpop.study import spreadsheet_process, table_form
from ctpop.study.registry_options import Reading

Found = TypeVar("Found")
MOST_CELLS = 50_000_000  # up to the last cell of a sheet; tables of 100,000 rows and 250 columns have half as many
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
# A formula without a computed value; an empty text is a value (t="str")
FORMULA = re.compile(rb'<c\b((?:(?!\bt="str")[^>])*)>\s*<f\b[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>')
FAULT = re.compile(rb'<c\b([^>]*\bt="e"[^>]*)>')
PLACE = re.compile(rb'\br="([A-Z]{1,3}\d{1,7})"')
HIDDEN = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
SHEETS = re.compile(r"<sheet\b[^>]*>")
RELATIONS = re.compile(r"<Relationship\b[^>]*>")
OVERLAP = 2**16  # largest number of bytes of a part that are processed again with the next part
PART_BYTES = 2**22
HEAD_ROWS = 1000  # number of rows that are searched for the header
WORKBOOK, WORKBOOK_RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


@dataclass(frozen=True)
class SheetContent:
    """Content of a sheet other than values.

    Attributes
    ----------
    formulas, faults : tuple of str
        Cells (such as `D2`) that contain a formula without a computed value, and cells that contain an error instead of
        a value.
    n_hidden : int
        Number of hidden rows.

    """

    formulas: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    n_hidden: int = 0


def sheet_rows(path: Path, reading: Reading) -> tuple[list[list[str]], list[str]]:
    """Return the rows of the sheet in the settings, or else of the only sheet with content, and notes on inferences.

    Parameters
    ----------
    path : Path
        Path of the spreadsheet.
    reading : Reading
        Settings for reading the table, including `sheet`.

    Returns
    -------
    rows : list of list of str
        Cells of each row as text (`spreadsheet_process.cell_text`).
    notes : list of str
        One note per inference.

    Raises
    ------
    ContractError
        If the file is not a spreadsheet, contains a cell too far from the others, does not contain the sheet in the
        settings, or has several sheets with content and the settings do not name a sheet.

    Examples
    --------
    >>> import openpyxl, tempfile
    >>> book = openpyxl.Workbook()
    >>> book.active.append(["s1", 61, True])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book.save(Path(folder, "registry.xlsx"))
    ...     sheet_rows(Path(folder, "registry.xlsx"), Reading())
    ([['s1', '61', 'true']], [])

    """
    _refuse_far_cells(path)
    found = _read(path, reading.sheet)
    names, sheets = found["names"], found["sheets"]
    if reading.sheet is not None:
        if reading.sheet not in names:
            close = next((name for name in names if name.lower() == reading.sheet.lower()), names[0])
            raise ContractError(
                f"{path}: the file does not contain the sheet {reading.sheet!r}; set {reading.section}.sheet to one of"
                f' the following: {", ".join(names)}; for example, {reading.section}: {{sheet: "{close}"}}'
            )
        return _checked(path, reading.sheet, found)
    filled = [name for name in names if any(any(row) for row in sheets[name])]
    if len(filled) > 1:
        raise ContractError(
            f"{path}: several sheets have content ({', '.join(filled)});"
            f" {reading.remedy('sheet', filled[0], 'set the sheet of the table', 'save this sheet as CSV')}"
        )
    name = filled[0] if filled else names[0]
    rows, notes = _checked(path, name, found)
    only = f"the table is in sheet {name!r}, the only sheet with content"
    return rows, [*([only] if len(names) > 1 else []), *notes]


def _checked(path: Path, name: str, found: dict[str, Any]) -> tuple[list[list[str]], list[str]]:
    """Return the rows of a sheet, with the values of merged cells in each of their rows, and notes on the content.

    Formulas without values are an error, because their cells would be read as empty.
    """
    rows, merged = found["sheets"][name], found.get("merged", {}).get(name, [])
    content = _contents(path).get(name, SheetContent())
    if content.formulas:
        raise ContractError(
            f"{path}: sheet {name!r} contains {count(len(content.formulas), 'formula')} without a computed value (first"
            f" in cell {content.formulas[0]}); open the file in a spreadsheet program, which computes the values, and"
            " save it, or save the sheet as CSV"
        )
    notes = []
    if content.faults:
        notes.append(
            f"sheet {name!r} contains {count(len(content.faults), 'error')} (such as #DIV/0!) instead of values, first"
            f" in cell {content.faults[0]}; errors are read as missing"
        )
    if content.n_hidden:
        hidden = count(content.n_hidden, "hidden row")
        notes.append(f"sheet {name!r} contains {hidden}; hidden rows are read like all other rows")
    filled = _fill_merged(rows, merged)
    if filled:
        notes.append(f"the values of merged cells were copied to {count(filled, 'cell')}")
    return rows, notes


def _fill_merged(rows: list[list[str]], merged: list[list[int]]) -> int:
    """Copy the value of each merged cell below the header to all of its rows; return the number of filled cells."""
    header = table_form.header_row([[cell.strip() for cell in row] for row in rows[:HEAD_ROWS]])
    n = 0
    for first, column, last, _ in (cells for cells in merged if header < cells[0] < cells[2]):
        within = [row for row in rows[first : last + 1] if column < len(row)]  # cells beyond the table are empty
        for row in within[1:]:
            row[column] = within[0][column]
            n += bool(row[column])
    return n


def _read(path: Path, sheet: str | None) -> dict[str, Any]:
    script = str(Path(spreadsheet_process.__file__))
    command = [sys.executable, "-P", script, str(path), *([sheet] if sheet is not None else [])]
    done = subprocess.run(command, capture_output=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        found = {"error": "memory" if done.returncode < 0 else done.stderr.decode(errors="replace")}
    if found.get("error") == "memory":
        raise ContractError(
            f"{path}: reading the spreadsheet requires more than {spreadsheet_process.MEMORY_BYTES // 2**30} GB of"
            " memory, possibly because a cell far from the table is not empty; delete the rows and columns beyond the"
            " table, or save the table as CSV"
        )
    if "error" in found:
        raise ContractError(
            f"{path}: the file cannot be read as a spreadsheet ({in_one_line(ValueError(found['error']))}); open the"
            " file in a spreadsheet program and save it again without a password, or save it as CSV"
        )
    return found


def _refuse_far_cells(path: Path) -> None:
    """Reject an Excel workbook with a cell so far from the table that the sheet would not fit into memory."""
    last = _last_cells(path)
    far = {name: cell for name, cell in last.items() if cell[0] * cell[1] > MOST_CELLS}
    for name, (column, row) in far.items():
        raise ContractError(
            f"{path}: the last cell of {name} is in row {row:,} and column {column:,}, so the sheet has too many"
            " cells; delete the rows and columns beyond the table, or save the table as CSV"
        )


def _last_cells(path: Path) -> dict[str, tuple[int, int]]:
    """Return the largest column and row of the cells of each sheet; empty if the file is not a workbook."""
    return _of_sheets(path, _last_cell)


def _contents(path: Path) -> dict[str, SheetContent]:
    """Return the content other than values of each sheet, by the name of the sheet."""
    files = _of_sheets(path, _content)
    return {name: files[file] for name, file in _files_of_sheets(path).items() if file in files} if files else {}


def _of_sheets(path: Path, examine: Callable[[Iterator[bytes]], Found]) -> dict[str, Found]:
    """Return the result of a function for the file of each sheet of an Excel workbook; empty for any other file."""
    try:
        with zipfile.ZipFile(path) as book:
            return {file: examine(_parts(book, file)) for file in filter(SHEET.fullmatch, book.namelist())}
    except (zipfile.BadZipFile, NotImplementedError, EOFError):
        return {}


def _parts(book: zipfile.ZipFile, file: str) -> Iterator[bytes]:
    """Yield the parts of the file of a sheet; each part ends between two cells."""
    rest = b""
    with book.open(file) as sheet:
        for part in iter(lambda: sheet.read(PART_BYTES), b""):
            whole = rest + part
            end = max(whole.rfind(b"<c "), whole.rfind(b"<row "), len(whole) - OVERLAP, 0)
            rest = whole[end:]
            yield whole[:end]
    yield rest


def _last_cell(parts: Iterator[bytes]) -> tuple[int, int]:
    """Return the largest column and row of the cells of a sheet."""
    column, row = 1, 1
    for part in parts:
        cells = CELL.findall(part)
        column = max([column, *map(_number_of, {letters for letters, _ in cells})])
        row = max([row, *(int(number) for _, number in cells)])
    return column, row


def _content(parts: Iterator[bytes]) -> SheetContent:
    formulas: list[str] = []
    faults: list[str] = []
    n_hidden = 0
    for part in parts:
        formulas += _places(FORMULA, part)
        faults += _places(FAULT, part)
        n_hidden += len(HIDDEN.findall(part))
    return SheetContent(tuple(formulas), tuple(faults), n_hidden)


def _places(pattern: re.Pattern[bytes], part: bytes) -> list[str]:
    found = [PLACE.search(attributes) for attributes in pattern.findall(part)]
    return [place[1].decode() for place in found if place]


def _files_of_sheets(path: Path) -> dict[str, str]:
    """Return the file of each sheet of an Excel workbook by its name."""
    with zipfile.ZipFile(path) as book:
        names = set(book.namelist())
        if not {WORKBOOK, WORKBOOK_RELATIONS} <= names:
            return {}
        relations = [_attributes(tag) for tag in RELATIONS.findall(book.read(WORKBOOK_RELATIONS).decode())]
        sheets = [_attributes(tag) for tag in SHEETS.findall(book.read(WORKBOOK).decode())]
    targets = {found.get("Id"): found.get("Target", "") for found in relations}
    files = {found.get("name", ""): targets.get(found.get("r:id"), "") for found in sheets}
    return {
        name: target.removeprefix("/") if target.startswith("/") else f"xl/{target}" for name, target in files.items()
    }


def _attributes(tag: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in ATTRIBUTE.findall(tag)}


def _number_of(letters: bytes) -> int:
    """Return the number of a column from its letters, such as 27 for AA."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
