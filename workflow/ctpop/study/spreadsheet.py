"""The rows of a sheet of an Excel or LibreOffice file, read in a process whose memory is limited."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO, Any

from ctpop.foundation.errors import ContractError, in_one_line
from ctpop.study import spreadsheet_process
from ctpop.study.registry_options import Reading

MOST_CELLS = 50_000_000  # up to the last cell of a sheet; 100,000 rows of 250 columns are half of it
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
OVERLAP = 64  # bytes of a part of a file that are read again with the next one
PART_BYTES = 2**22


def sheet_rows(path: Path, reading: Reading) -> tuple[list[list[str]], list[str]]:
    """Return the rows of the sheet that is set, else of the only sheet with content, and what was inferred.

    Parameters
    ----------
    path : Path
        Spreadsheet.
    reading : Reading
        Settings for reading the table; `sheet` names the sheet.

    Returns
    -------
    rows : list of list of str
        Cells of each row as text (`spreadsheet_process.cell_text`).
    notes : list of str
        A sentence for each inference.

    Raises
    ------
    ContractError
        If the file is not a spreadsheet, has a cell too far from the others, does not have the sheet, or has several
        sheets with content and none is set.

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
            raise ContractError(
                f"{path}: has no sheet {reading.sheet!r}; set {reading.section}.sheet to one of {', '.join(names)}"
            )
        return sheets[reading.sheet], []
    filled = [name for name in names if any(any(row) for row in sheets[name])]
    if len(filled) > 1:
        raise ContractError(
            f"{path}: several sheets have content ({', '.join(filled)});"
            f" {reading.remedy('sheet', filled[0], 'state the one with the table', 'save that one as CSV')}"
        )
    name = filled[0] if filled else names[0]
    return sheets[name], [f"the table is in sheet {name!r}, the only one with content"] if len(names) > 1 else []


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
            f"{path}: needs more than {spreadsheet_process.MEMORY_BYTES // 2**30} GB of memory; a cell far from the"
            " table may be filled in: delete the rows and columns beyond the table, or save it as CSV"
        )
    if "error" in found:
        raise ContractError(f"{path}: a spreadsheet is expected, found: {in_one_line(ValueError(found['error']))}")
    return found


def _refuse_far_cells(path: Path) -> None:
    """Refuse an Excel workbook that has a cell so far away that memory for all cells before it would not suffice."""
    last = _last_cells(path)
    far = {name: cell for name, cell in last.items() if cell[0] * cell[1] > MOST_CELLS}
    for name, (column, row) in far.items():
        raise ContractError(
            f"{path}: the last cell of {name} is in row {row:,} and column {column:,}, which are more cells than can be"
            " read; delete the rows and columns beyond the table, or save it as CSV"
        )


def _last_cells(path: Path) -> dict[str, tuple[int, int]]:
    """Return the largest column and row of the cells of each sheet; nothing of a file that is no workbook."""
    try:
        with zipfile.ZipFile(path) as book:
            return {name: _last_cell(book.open(name)) for name in filter(SHEET.fullmatch, book.namelist())}
    except (zipfile.BadZipFile, NotImplementedError, EOFError):
        return {}


def _last_cell(sheet: IO[bytes]) -> tuple[int, int]:
    """Return the largest column and row of the cells of a sheet."""
    column, row, rest = 1, 1, b""
    for part in iter(lambda: sheet.read(PART_BYTES), b""):
        cells = CELL.findall(rest + part)
        column = max([column, *map(_number_of, {letters for letters, _ in cells})])
        row = max([row, *(int(number) for _, number in cells)])
        rest = part[-OVERLAP:]
    return column, row


def _number_of(letters: bytes) -> int:
    """Return the number of a column, such as 27 for AA."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
