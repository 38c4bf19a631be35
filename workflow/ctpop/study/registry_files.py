"""The cells of a registry file as text: CSV, TSV, or a sheet of Excel or LibreOffice.

This module imports only the standard library (and the reader of spreadsheets, if there is one), because the Snakefile
calls it whenever it is parsed.
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
    """Return whether the name of a file has the ending of a spreadsheet.

    Parameters
    ----------
    path : Path
        File of a registry.

    Returns
    -------
    bool
        Whether the ending is one of `SPREADSHEETS`, in upper or lower case.

    Examples
    --------
    >>> is_spreadsheet(Path("registry.XLSX")), is_spreadsheet(Path("registry.csv"))
    (True, False)

    """
    return path.suffix.lower() in SPREADSHEETS


def separator_of(path: Path, reading: Reading) -> str:
    r"""Return the separator of the cells of a text file: as set, else a tab in a TSV and a comma elsewhere.

    Parameters
    ----------
    path : Path
        File of a registry.
    reading : Reading
        Settings for reading the registry.

    Returns
    -------
    str
        Separator.

    Examples
    --------
    >>> separator_of(Path("registry.tsv"), Reading())
    '\t'
    >>> separator_of(Path("registry.csv"), Reading(separator=";"))
    ';'

    """
    return reading.separator or ("\t" if path.suffix.lower() in TABBED else ",")


def text_rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    r"""Yield the rows of a text file as they are written.

    This function does not report errors in the file; `registry.read_cells` does.

    Parameters
    ----------
    path : Path
        CSV or TSV file.
    reading : Reading
        Settings for reading the registry.

    Yields
    ------
    list of str
        Cells of a row.

    Raises
    ------
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text("scan_id,age_years\ns1,61\n")
    ...     list(text_rows(path, Reading()))
    [['scan_id', 'age_years'], ['s1', '61']]

    """
    separator = separator_of(path, reading)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        yield from csv.reader(file, delimiter=separator, skipinitialspace=separator != "\t")


def sheet_rows(path: Path, reading: Reading) -> list[list[str]]:
    """Return the rows of the sheet of a spreadsheet that is set, else of its only sheet.

    Parameters
    ----------
    path : Path
        Spreadsheet.
    reading : Reading
        Settings for reading the registry; `sheet` names the sheet.

    Returns
    -------
    list of list of str
        Cells of each row as text (`cell_text`).

    Raises
    ------
    ContractError
        If the file is not a spreadsheet, does not have the sheet, or has several sheets and none is set.

    Examples
    --------
    >>> import openpyxl, tempfile
    >>> book = openpyxl.Workbook()
    >>> book.active.append(["s1", 61, True])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book.save(Path(folder, "registry.xlsx"))
    ...     sheet_rows(Path(folder, "registry.xlsx"), Reading())
    [['s1', '61', 'true']]

    """
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_path(path) as book:
            rows = book.get_sheet_by_name(_sheet(path, reading, book.sheet_names)).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise ContractError(f"{path}: a spreadsheet is expected, found: {in_one_line(error)}") from None
    return [[cell_text(cell) for cell in row] for row in rows]


def filled_rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    r"""Yield the rows with any content, without blanks around their cells; no row of a spreadsheet that cannot be read.

    Parameters
    ----------
    path : Path
        CSV, TSV or spreadsheet.
    reading : Reading
        Settings for reading the registry.

    Yields
    ------
    list of str
        Cells of a row, of which at least one is not empty.

    Raises
    ------
    OSError
        If a text file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text("scan_id,age_years\n,\ns1 ,61\n")
    ...     list(filled_rows(path, Reading()))
    [['scan_id', 'age_years'], ['s1', '61']]

    """
    try:
        rows = iter(sheet_rows(path, reading)) if is_spreadsheet(path) else text_rows(path, reading)
    except ContractError:
        return
    stripped = ([cell.strip() for cell in row] for row in rows)
    yield from (row for row in stripped if any(row))


def cell_text(cell: Any) -> str:
    """Return a cell of a spreadsheet as a CSV would contain it: 61, not 61.0; true, not True; dates as 2024-05-31.

    Parameters
    ----------
    cell : Any
        Text, truth value, number, date or time.

    Returns
    -------
    str
        The cell as text.

    Examples
    --------
    >>> cell_text(61.0), cell_text(True), cell_text(datetime.datetime(2024, 5, 31))
    ('61', 'true', '2024-05-31')

    """
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
    text = "is not set" if reading.sheet is None else f"is {reading.sheet!r}"
    raise ContractError(f"{path}: cohort.sheet names the sheet of the registry; it {text}, found {', '.join(names)}")
