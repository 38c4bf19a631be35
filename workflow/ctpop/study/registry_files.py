"""The cells of a registry file as text: CSV, TSV, or a sheet of Excel or LibreOffice.

Only the standard library is imported here (and what reads a spreadsheet, if there is one), since the Snakefile calls
it whenever it is parsed.
"""

import csv
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ctpop.foundation.errors import ContractError, in_one_line
from ctpop.study.registry_options import Reading

SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TABBED = (".tsv", ".tab")


def is_spreadsheet(path: Path) -> bool:
    """Return whether the name of a file says that it is a spreadsheet."""
    return path.suffix.lower() in SPREADSHEETS


def separator_of(path: Path, reading: Reading) -> str:
    """Return what stands between the cells of a text file: as set, else a tab in a TSV and a comma elsewhere."""
    return reading.separator or ("\t" if path.suffix.lower() in TABBED else ",")


def text_rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    """Yield the rows of a text file as they stand; what is wrong with it is left for `registry.read_cells` to tell."""
    separator = separator_of(path, reading)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        yield from csv.reader(file, delimiter=separator, skipinitialspace=separator != "\t")


def sheet_rows(path: Path, reading: Reading) -> list[list[str]]:
    """Return the rows of the sheet of a spreadsheet that is set, else of its only one.

    Raises
    ------
    ContractError
        If the file is no spreadsheet, has no such sheet, or has several and none is set.

    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(path) as book:
            rows = book.get_sheet_by_name(_sheet(path, reading, book.sheet_names)).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise ContractError(f"{path}: a spreadsheet is expected, found: {in_one_line(error)}") from None
    return [[cell_text(cell) for cell in row] for row in rows]


def filled_rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    """Yield the rows with any content, without blanks around their cells; none of a spreadsheet that is broken."""
    try:
        rows = iter(sheet_rows(path, reading)) if is_spreadsheet(path) else text_rows(path, reading)
    except ContractError:
        return
    stripped = ([cell.strip() for cell in row] for row in rows)
    yield from (row for row in stripped if any(row))


def cell_text(cell: Any) -> str:
    """Return a cell of a spreadsheet as it would stand in a CSV: 61, not 61.0; true, not True; dates as 2024-05-31."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def _sheet(path: Path, reading: Reading, names: list[str]) -> str:
    if reading.sheet is None and len(names) == 1:
        return names[0]
    if reading.sheet in names:
        return str(reading.sheet)
    told = "is not set" if reading.sheet is None else f"is {reading.sheet!r}"
    raise ContractError(f"{path}: cohort.sheet names the sheet of the registry; it {told}, found {', '.join(names)}")
