"""The cells of a table that a user brings, as text: CSV and relatives, a sheet of a spreadsheet, or Parquet.

Every reader of such a table takes its cells from here: the registry, the table of measures, decisions of reviewers,
references of an evaluation. This module imports only the standard library, because the Snakefile calls it whenever it
is parsed; Parquet files alone need pyarrow.
"""

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study import row_names, spreadsheet, table_form
from ctpop.study.registry_options import Reading
from ctpop.study.spreadsheet_process import cell_text

UNNAMED = ("", "unnamed: 0", row_names.NAME)  # pandas calls a column so whose header is empty
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
        Cells of each row with any content, without blanks around them; as many as the header has names.
    lines : list of int
        Line or row of the file of each row, counted from 1.
    notes : tuple of str
        A sentence for each inference.

    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: tuple[str, ...]


def line_of(row: object) -> int:
    """Return the line of a file that a row of its cells comes from.

    Parameters
    ----------
    row : object
        Label of the row in the index of a table of cells, which is the line minus 2: a table with a header in its first
        line has the usual index from 0 on.

    Returns
    -------
    int
        Line, from 1 on.

    Examples
    --------
    >>> line_of(0)
    2

    """
    return int(str(row)) + 2


def cells_of(path: Path, reading: Reading) -> Cells:
    r"""Return the cells of a table.

    Empty rows, empty columns without a name, titles above the header and a column of row numbers without a name are
    left out.

    Parameters
    ----------
    path : Path
        File of the table.
    reading : Reading
        Settings for reading the table.

    Returns
    -------
    Cells
        Cells of the table.

    Raises
    ------
    ContractError
        If the form of the file is unknown or ambiguous (`table_form.form_of`, `spreadsheet.sheet_rows`), no cell is
        filled in, a row has more cells than the header, or a column has no name or the name of another column.
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
    ('the first column has no name and numbers the rows; it is left out',)

    """
    raw, form, notes = _raw_rows(path, reading)
    stripped = [[cell.strip() for cell in row] for row in raw]
    filled = [(line, row) for line, row in enumerate(stripped, start=1) if any(row)]
    if not filled:
        raise ContractError(f"{path}: a header is expected, found no cell that is filled in")
    first = table_form.header_row(stripped[: filled[min(len(filled), table_form.HEADER_WITHIN) - 1][0]])
    above = [(line, row) for line, row in filled if line <= first]
    (header_line, header), *rest = [(line, row) for line, row in filled if line > first]
    if len(header) == 1 and rest and INNER_SEPARATOR.search(header[0]):
        raise ContractError(
            f"{path}: several columns are expected, found one, {header[0][:40]!r}: each line is in quotation marks, or"
            " blanks separate its cells; save it as CSV with a comma, semicolon or tab"
        )
    if above:
        words = ", ".join(repr(" ".join(filter(None, row))[:40]) for _, row in above[:ROWS_SHOWN])
        notes.append(f"the header is in line {header_line}, below {words}")
    if row_names.are_row_names(header, [row for _, row in rest], form.separator, quoted=form.is_quoted):
        header = [row_names.NAME, *header]
        notes.append("the header has one name less than the rows have cells, whose first is the name of its row")
    _refuse_long_rows(header, rest, path)
    _refuse_rows_of_names(header, rest, path)
    short = sum(len(row) < len(header) for _, row in rest)
    if short:
        notes.append(f"{short} rows have fewer cells than the header; the cells that they lack are empty")
    table = [row + [""] * (len(header) - len(row)) for _, row in rest]
    kept = _named_columns(header, table, path, notes)
    return Cells(
        [header[place] for place in kept],
        table if len(kept) == len(header) else [[row[place] for place in kept] for row in table],
        [line for line, _ in rest],
        tuple(notes),
    )


def filled_rows(path: Path, reading: Reading) -> Iterator[list[str]]:
    r"""Yield the header and the rows of a table; nothing of a table that cannot be read.

    Parameters
    ----------
    path : Path
        File of the table.
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
    """Return the columns of a Parquet file as rows of text, after those that pandas keeps as an index with a name."""
    from ctpop.contracts import parquet_files

    with parquet_files.opened(path, "write or copy it again") as file:
        table = file.read()
    places = [place for place, name in enumerate(table.column_names) if not name.startswith("__index_level_")]
    columns = [[_text(value) for value in table.column(place).to_pylist()] for place in places]
    return [[table.column_names[place] for place in places], *map(list, zip(*columns, strict=True))]


def _text(value: object) -> str:
    """Return a value of a Parquet file as text; missing is empty."""
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
        f"the cells beyond the header are filled in ({', '.join(beyond[:ROWS_SHOWN])}); a separator within a cell needs"
        " quotation marks around it, and each column a name, also one of row names"
        if beyond
        else "remove the separator at the end of these rows, or add one at the end of the header"
    )
    raise ContractError(
        f"{path}: line {line}: no row may have more cells than the header, found {len(row)} cells and {len(header)}"
        f" names; {len(longer)} rows are so; {remedy}"
    )


def _refuse_rows_of_names(header: list[str], rows: list[tuple[int, list[str]]], path: Path) -> None:
    """Refuse a row of units below the header, and a header that is repeated, as in files that were joined."""
    for line, row in rows[:1]:
        words = {word for cell in row if (word := cell.strip("[]() ").lower())}
        if words and words <= UNITS and words & SURE_UNITS:
            raise ContractError(
                f"{path}: line {line} has the units of the columns ({', '.join(filter(None, row))}) in place of values;"
                " delete the line, and state the units in the names of the columns, as STRUCTURE_volume_ml"
            )
    names = [cell.lower() for cell in header]
    for line, row in rows:
        cells = (cell.strip('\ufeff "').lower() for cell in row)
        if len(header) > 1 and len(row) == len(names) and all(map(operator.eq, cells, names)):
            raise ContractError(
                f"{path}: line {line} repeats the header, as in files that were joined; delete the line"
            )


def _named_columns(header: list[str], rows: list[list[str]], path: Path, notes: list[str]) -> list[int]:
    """Return the places of the columns that have a name, which must be different ones."""
    kept = list(range(len(header)))
    if header[0].lower() in UNNAMED and row_names.number_rows([row[0] for row in rows]):
        kept = kept[1:]
        notes.append("the first column has no name and numbers the rows; it is left out")
    kept = [place for place in kept if header[place] or any(row[place] for row in rows)]
    nameless = [place for place in kept if not header[place]]
    if nameless:
        raise ContractError(
            f"{path}: each column has one name of its own, found none for column {nameless[0] + 1}, which contains"
            f" {next(row[nameless[0]] for row in rows if row[nameless[0]])!r}; name it in the header"
        )
    names = [header[place] for place in kept]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        where = ", ".join(str(place + 1) for place in kept if header[place] == repeated[0])
        raise ContractError(
            f"{path}: each column has one name of its own, found {repeated[0]} in columns {where}; rename or delete one"
        )
    return kept
