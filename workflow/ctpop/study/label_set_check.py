"""Detection of errors in a label set before any job runs.

This module imports no large library because it runs each time Snakemake parses the Snakefile.
"""

import difflib
import math
import re
from collections.abc import Iterator
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names
from ctpop.study.registry_options import WITHOUT_SETTINGS
from ctpop.study.table_cells import Cells, cells_of

SIDES = ("left", "right")
BOUNDS = ("lower_bound_ml", "upper_bound_ml")
COLUMNS = ("label", "structure", "side", "group", "lower_bound_ml")
NAMES = ("name", "abbreviation")
OPTIONAL = ("name", "plural", "abbreviation", "includes", "upper_bound_ml")
HIGHEST = 65535  # label maps contain 16-bit integers
MISSPELLED = 0.93  # minimum similarity of two names; the names differ in one letter
EXAMPLE = "1,spleen,,Organs,50"

Row = dict[str, str]
Numbered = list[tuple[int, Row]]


def problems_of(path: Path) -> list[str]:
    r"""Return a message for each error of a label set; an empty list if there are no errors.

    Parameters
    ----------
    path : Path
        CSV file.

    Returns
    -------
    list of str
        Messages with file, line, found value, and remedy.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.csv")
    ...     _ = path.write_text("label,structure,side,group,lower_bound_ml\n1,spleen,,Organs,x\n")
    ...     [problem.removeprefix(f"{path}: ") for problem in problems_of(path)]
    ["line 2: lower_bound_ml must be a volume in mL (0 or larger) or empty, but is 'x'; correct the cell"]

    """
    try:
        cells = cells_of(path, WITHOUT_SETTINGS)
    except OSError as error:
        return [f"{path}: the label set cannot be read ({error.strerror}); correct the setting `structures`"]
    except ContractError as error:
        return [str(error)]
    header, rows = named_rows(cells)
    return [f"{path}: {problem}" for problem in _of_rows(header, list(zip(cells.lines, rows, strict=True)))]


def named_rows(cells: Cells) -> tuple[list[str], list[Row]]:
    """Return the header and the rows of a label set with standard column names.

    Parameters
    ----------
    cells : Cells
        Cells of the file.

    Returns
    -------
    header : list of str
        Column names. A name that differs from a standard name only in spelling is replaced by the standard name.
    rows : list of dict of str to str
        Cells by column for each row.

    Examples
    --------
    >>> named_rows(Cells(["Label", "Structure"], [["1", "spleen"]], [2], ()))
    (['label', 'structure'], [{'label': '1', 'structure': 'spleen'}])

    """
    names = column_names.spelled_as(cells.header, (*COLUMNS, *OPTIONAL))
    header = [names.get(name, name) for name in cells.header]
    return header, [dict(zip(header, row, strict=True)) for row in cells.rows]


def _of_rows(header: list[str], rows: Numbered) -> Iterator[str]:
    of_header = next(_of_header(header), None)
    if of_header:
        yield of_header
        return
    if not rows:
        yield f"line 1: one line per label is expected, but the file has only a header; add lines such as {EXAMPLE}"
    for line, row in rows:
        yield from (f"line {line}: {problem}" for problem in _of_row(row))
    for name in ("label", "structure"):
        yield from _repeated(rows, name)
    for column in NAMES:
        yield from _repeated_names(rows, column)
    for column in BOUNDS:
        yield from _ambiguous_bounds(rows, column)
    yield from _misspelled_sides(rows)
    yield from _included_twice(rows)


def _of_header(header: list[str]) -> Iterator[str]:
    absent = [name for name in COLUMNS if name not in header]
    if absent:
        yield (
            f"line 1: missing from the header: {', '.join(absent)} (found {', '.join(header)}); write the header"
            f" {','.join(COLUMNS)} above lines such as {EXAMPLE}"
        )


def _of_row(row: Row) -> Iterator[str]:
    label, name, side = (row[column] for column in ("label", "structure", "side"))
    if not 1 <= (_number_of(label) or 0) <= HIGHEST:
        yield f"label must be a whole number from 1 to {HIGHEST} (0 is background), but is {label!r}; correct the cell"
    if not re.fullmatch("[A-Za-z0-9_]+", name):
        yield f"structure must consist of letters, digits, and '_', but is {name!r}; correct the cell"
    if side not in ("", *SIDES):
        yield f"side must be left, right, or empty (unpaired structure), but is {side!r}; correct the cell"
    contradicting = {SIDES[side == "left"]} & set(name.split("_")) if side in SIDES else set()
    if contradicting:
        yield f"side must agree with the structure name, but is {side} for {name}; correct one of the two cells"
    if not row["group"]:
        yield "group is empty; write the organ system under which the structure is listed"
    for column in BOUNDS:
        bound = row.get(column, "")
        if not _is_bound(bound):
            yield f"{column} must be a volume in mL (0 or larger) or empty, but is {bound!r}; correct the cell"


def _number_of(label: str) -> int | None:
    """Return a label as a number. The form 2.0, which spreadsheets write, is also accepted."""
    return int(float(label)) if re.fullmatch(r"[0-9]+(\.0+)?", label) else None


def _is_bound(text: str) -> bool:
    try:
        return not text or 0 <= float(text.replace(",", ".")) < math.inf
    except ValueError:
        return False


def _ambiguous_bounds(rows: Numbered, column: str) -> Iterator[str]:
    """Yield an error for each bound with an ambiguous comma, unless another bound shows the decimal mark."""
    bounds = [(line, bound) for line, row in rows if "," in (bound := row.get(column, ""))]
    if all(re.fullmatch(r"[1-9][0-9]{0,2}(,[0-9]{3})+", bound) for _, bound in bounds):
        yield from (
            f"line {line}: {column} is {bound!r}, which is ambiguous; write {bound.replace(',', '.')} or"
            f" {bound.replace(',', '')}"
            for line, bound in bounds
        )


def _repeated(rows: Numbered, name: str) -> Iterator[str]:
    first: dict[str, int] = {}
    for line, row in rows:
        value = row[name]
        key = str(_number_of(value) or value) if name == "label" else value
        if key in first:
            yield (
                f"line {line}: each label and each structure must occur only once, but {name} {value} is also in line"
                f" {first[key]}; correct one of the two lines"
            )
        first.setdefault(key, line)


def _repeated_names(rows: Numbered, column: str) -> Iterator[str]:
    """Yield an error for each name in a column that another structure also has (ignoring case)."""
    first: dict[str, int] = {}
    for line, row in rows:
        value = row.get(column, "").casefold()
        if value in first:
            yield (
                f"line {line}: values of column {column} must be unique, but {row[column]!r} is also in line"
                f" {first[value]};"
                " correct one of the two lines"
            )
        if value:
            first.setdefault(value, line)


def _misspelled_sides(rows: Numbered) -> Iterator[str]:
    """Yield an error for each structure whose contralateral structure is missing while a similar name is listed."""
    other = dict(zip(SIDES, SIDES[::-1], strict=True))
    names = [row["structure"] for _, row in rows]
    mirrored = {name: "_".join(other.get(word, word) for word in name.split("_")) for name in names}
    unpaired = [name for name in names if mirrored[name] != name and mirrored[name] not in mirrored]
    for line, row in rows:
        name = row["structure"]
        if name not in unpaired:
            continue
        alike = [found for found in unpaired if _digits(found) == _digits(name) and found != name]
        close = difflib.get_close_matches(mirrored[name], alike, n=1, cutoff=MISSPELLED)
        if close:
            yield (
                f"line {line}: the contralateral structure of {name} must be named {mirrored[name]}, found {close[0]};"
                " correct one of the two names"
            )


def _included_twice(rows: Numbered) -> Iterator[str]:
    names = {row["structure"] for _, row in rows}
    for line, row in rows:
        double = [part for part in row.get("includes", "").split() if part in names]
        if double:
            yield (
                f"line {line}: column 'includes' contains {double[0]}, which is also a structure of the label set;"
                " remove one of the two entries"
            )


def _digits(name: str) -> list[str]:
    return re.findall("[0-9]+", name)
