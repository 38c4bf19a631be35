"""Reading of the cells of a user's table as text from delimited text files, spreadsheets, and Parquet files.

This module reads all users' tables: the registry, the table of measures, QC decisions, and tables of reference masks.
It imports only the standard library because it runs each time Snakemake parses the Snakefile; only Parquet files
require pyarrow.
"""

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctpop.foundation.errors import ContractError, count
from ctpop.study import row_names, spreadsheet, table_form
from ctpop.study.registry_options import Reading
from ctpop.study.spreadsheet_process import cell_text

UNNAMED = ("", "unnamed: 0", row_names.NAME)  # "Unnamed: 0" is the name that pandas assigns to an empty header
ROWS_SHOWN = 3
UNITS = {
    *(
        "ml",
        "l",
        "dl",
        "cc",
        "cm3",
        "cm³",
        "mm3",
        "mm³",
        "m³",
        "m3",
        "hu",
        "hounsfield",
        "mm",
        "cm",
        "m",
        "kg",
        "g",
        "lb",
    ),
    *("year", "years", "yr", "yrs", "y", "a", "jahre", "ans", "months", "m/f", "f/m", "kv", "kvp", "ma", "mas", "%"),
    *("kg/m2", "kg/m²", "kg/m^2", "cm^3", "mm^3", "voxels", "-", "text", "number", "unit", "units"),
}
SURE_UNITS = {"ml", "cc", "cm3", "cm³", "mm3", "mm³", "cm^3", "mm^3", "hu", "years", "year", "kg/m2", "kg/m²", "kvp"}
INNER_SEPARATOR = re.compile("[,;\t|]| {2,}")


@dataclass(frozen=True)
class Cells:
    """The cells of a table.

    Attributes
    ----------
    header : list of str
        Names of the columns.
    rows : list of list of str
        Cells of each row that is not empty, without surrounding white space; each row has one cell per column.
    lines : list of int
        Line (or row) of each row in the file, counted from 1.
    notes : tuple of str
        One note per inference.
    header_line : int
        Line (or row) of the header.

    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: tuple[str, ...]
    header_line: int = 1


def line_of(row: object) -> int:
    """Return the line of a file from which a row was read.

    Parameters
    ----------
    row : object
        Label of the row in the index of a table of cells, which is the line number minus 2. The first row of a table
        with a header in the first line therefore has the label 0.

    Returns
    -------
    int
        Line, counted from 1.

    Examples
    --------
    >>> line_of(0)
    2

    """
    return int(str(row)) + 2


def cells_of(path: Path, reading: Reading) -> Cells:
    r"""Return the cells of a table.

    Empty rows, empty columns without a name, titles above the header, and a column of row numbers without a name are
    ignored.

    Parameters
    ----------
    path : Path
        Path of the table.
    reading : Reading
        Settings for reading the table.

    Returns
    -------
    Cells
        Cells of the table.

    Raises
    ------
    ContractError
        If the format of the file is unknown or ambiguous (`table_form.form_of`, `spreadsheet.sheet_rows`), all cells
        are empty, a row has more cells than the header, or a column has no name or a duplicate name.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "registry.csv")
    ...     _ = path.write_text(",scan_id, age_years\n1, s1 , 61\n,,\n2,s2,50\n")
    ...     cells = cells_of(path, Reading())
    >>> cells.header, cells.rows, cells.lines
    (['scan_id', 'age_years'], [['s1', '61'], ['s2', '50']], [2, 4])
    >>> cells.notes
    ('the first column has no name and contains row numbers; it is ignored',)

    """
    raw, form, notes = _raw_rows(path, reading)
    stripped = [[cell.strip() for cell in row] for row in raw]
    filled = [(line, row) for line, row in enumerate(stripped, start=1) if any(row)]
    if not filled:
        raise ContractError(f"{path}: line 1: the table is empty; add a header and rows")
    first = table_form.header_row(stripped[: filled[min(len(filled), table_form.HEADER_WITHIN) - 1][0]])
    above = [(line, row) for line, row in filled if line <= first]
    (header_line, header), *rest = [(line, row) for line, row in filled if line > first]
    if len(header) == 1 and rest and INNER_SEPARATOR.search(header[0]):
        setting = f"{reading.section}.separator is {reading.separator!r}" if reading.separator else ""
        reason = setting or "each line is in quotation marks or the cells are separated by spaces"
        save = "save the table as CSV with a comma, semicolon, or tab as separator"
        raise ContractError(
            f"{path}: line {header_line}: the table has only one column, {header[0][:40]!r}, because {reason};"
            f" {'remove this setting' if setting else save}"
        )
    if above:
        words = ", ".join(repr(" ".join(filter(None, row))[:40]) for _, row in above[:ROWS_SHOWN])
        notes.append(f"the header is in line {header_line}, below {words}")
    if row_names.are_row_names(header, [row for _, row in rest], form.separator, quoted=form.is_quoted):
        header = [row_names.NAME, *header]
        notes.append(
            "the header has one name fewer than the number of cells per row; the first cell of each row is read as a"
            " row"
            " name"
        )
    _refuse_long_rows(header, rest, path)
    _refuse_rows_of_names(header, rest, path)
    short = sum(len(row) < len(header) for _, row in rest)
    if short:
        have = f"{count(short, 'row')} {'has' if short == 1 else 'have'}"
        notes.append(f"{have} fewer cells than the header; the missing cells are read as empty")
    table = [row + [""] * (len(header) - len(row)) for _, row in rest]
    kept = _named_columns(header, table, path, notes)
    return Cells(
        [header[place] for place in kept],
        table if len(kept) == len(header) else [[row[place] for place in kept] for row in table],
        [line for line, _ in rest],
        tuple(notes),
        header_line,
    )


def filled_rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    r"""Yield the header and the rows of a table; yield nothing if the table cannot be read.

    Parameters
    ----------
    path : Path
        Path of the table.
    reading : Reading
        Settings for reading the table.

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
    ...     _ = path.write_text("scan_id,age_years\n,\ns1 ,61\n")
    ...     list(filled_rows(path, Reading()))
    [['scan_id', 'age_years'], ['s1', '61']]

    """
    try:
        cells = cells_of(path, reading)
    except ContractError:
        return
    yield cells.header
    yield from cells.rows


def _raw_rows(path: Path, reading: Reading) -> tuple[list[list[str]], table_form.TableForm, list[str]]:
    form = table_form.form_of(path, reading)
    if form.kind == "parquet":
        return _parquet_rows(path), form, []
    if form.kind == "spreadsheet":
        rows, notes = spreadsheet.sheet_rows(path, reading)
        return rows, form, notes
    return table_form.text_rows(path, form), form, list(form.notes)


def _parquet_rows(path: Path) -> list[list[str]]:
    """Return the content of a Parquet file as rows of text, without index columns that pandas stores without a name."""
    from ctpop.contracts import parquet_files

    with parquet_files.opened(path, "write or copy it again") as file:
        table = file.read()
    places = [place for place, name in enumerate(table.column_names) if not name.startswith("__index_level_")]
    columns = [[_text(value) for value in table.column(place).to_pylist()] for place in places]
    return [[table.column_names[place] for place in places], *map(list, zip(*columns, strict=True))]


def _text(value: object) -> str:
    """Return a value of a Parquet file as text; missing values are empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return cell_text(value)


def _refuse_long_rows(header: list[str], rows: list[tuple[int, list[str]]], path: Path) -> None:
    longer = [(line, row) for line, row in rows if len(row) > len(header)]
    if not longer:
        return
    line, row = longer[0]
    beyond = [cell for cell in row[len(header) :] if cell]
    remedy = (
        f"the cells beyond the header contain {', '.join(beyond[:ROWS_SHOWN])}; quote each cell that contains a"
        " separator, and name every column in the header, including a column of row names"
        if beyond
        else "remove the separator at the end of these rows, or add one at the end of the header"
    )
    raise ContractError(
        f"{path}: line {line}: the row has {count(len(row), 'cell')}, but the header has"
        f" {count(len(header), 'name')} ({count(len(longer), 'affected row')}); {remedy}"
    )


def _refuse_rows_of_names(header: list[str], rows: list[tuple[int, list[str]]], path: Path) -> None:
    """Reject a row of units below the header, and a repeated header, which occurs in concatenated files."""
    for line, row in rows[:1]:
        words = {word for cell in row if (word := cell.strip("[]() ").lower())}
        if words and words <= UNITS and words & SURE_UNITS:
            raise ContractError(
                f"{path}: line {line} contains units ({', '.join(filter(None, row))}) instead of values; delete the"
                " line, and include the units in the column names, such as STRUCTURE_volume_ml"
            )
    names = [cell.lower() for cell in header]
    for line, row in rows:
        cells = (cell.strip('\ufeff "').lower() for cell in row)
        if len(header) > 1 and len(row) == len(names) and all(map(operator.eq, cells, names)):
            raise ContractError(f"{path}: line {line} repeats the header, as in concatenated files; delete the line")


def _named_columns(header: list[str], rows: list[list[str]], path: Path, notes: list[str]) -> list[int]:
    """Return the positions of the columns with a name; names must be unique."""
    kept = list(range(len(header)))
    if header[0].lower() in UNNAMED and row_names.number_rows([row[0] for row in rows]):
        kept = kept[1:]
        notes.append("the first column has no name and contains row numbers; it is ignored")
    kept = [place for place in kept if header[place] or any(row[place] for row in rows)]
    nameless = [place for place in kept if not header[place]]
    if nameless:
        raise ContractError(
            f"{path}: column {nameless[0] + 1} has no name, but contains"
            f" {next(row[nameless[0]] for row in rows if row[nameless[0]])!r}; add a name to the header"
        )
    names = [header[place] for place in kept]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        where = ", ".join(str(place + 1) for place in kept if header[place] == repeated[0])
        raise ContractError(
            f"{path}: column names must be unique, but {repeated[0]} is the name of columns {where}; rename or delete"
            " one of these columns"
        )
    return kept
