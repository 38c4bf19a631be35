"""Row names of R, which precede the cells of each row and have no name in the header.

`write.table` writes row names by default. A header with one name fewer than the number of cells per row can also lack
the name of its last column, or the rows can contain a separator within a cell. Further evidence is therefore required.
This module imports only the standard library because it runs each time Snakemake parses the Snakefile.
"""

import itertools
from collections.abc import Sequence

from ctpop.study import column_names

NAME = "row_names"
IDS = {"scan_id", *column_names.SYNONYMS["scan_id"]}


def are_row_names(header: Sequence[str], rows: Sequence[Sequence[str]], separator: str, *, quoted: bool) -> bool:
    """Return whether the first cells of all rows are row names.

    Row names are unique and are either consecutive row numbers or quoted. Every row has one cell more than the header,
    and its last cell is not empty. If the separator is a comma, no two adjacent columns look like numbers with a
    decimal comma. If the header contains the name of an identifier, the cells of this column are not all numbers in a
    file without quotation marks, and they are duplicated only in a long table.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Cells of each row.
    separator : str
        Separator of the cells.
    quoted : bool
        Whether each line of the file begins with a quotation mark.

    Returns
    -------
    bool
        Whether the first column contains row names; False if the evidence is insufficient.

    Examples
    --------
    >>> are_row_names(["scan_id", "age_years"], [["1", "s1", "61"], ["2", "s2", "50"]], ";", quoted=False)
    True
    >>> are_row_names(["scan_id", "age_years"], [["s1", "61", "5"], ["s2", "50", "2"]], ",", quoted=False)
    False

    """
    if not rows or any(len(row) != len(header) + 1 or not row[-1] for row in rows):
        return False
    columns = list(zip(*rows, strict=True))
    if not all(header) or not all(columns[0]) or len(set(columns[0])) < len(rows):
        return False
    if not quoted and not number_rows(columns[0]):
        return False
    if separator == "," and _may_have_decimal_commas(columns):
        return False
    place = next((place for place, name in enumerate(header) if column_names.normalized(name) in IDS), None)
    if place is None:
        return True
    ids = columns[place + 1]
    is_long = any(column_names.normalized(name) == "structure" for name in header)
    return (quoted or not all(map(str.isdigit, ids))) and (is_long or len(set(ids)) == len(ids))


def number_rows(cells: Sequence[str]) -> bool:
    """Return whether cells are consecutive numbers from 0 or 1, as in the first column that programs add to a table.

    Parameters
    ----------
    cells : sequence of str
        Cells of a column.

    Returns
    -------
    bool
        Whether the cells number the rows.

    Examples
    --------
    >>> number_rows(["1", "2", "3"]), number_rows(["1", "3"])
    (True, False)

    """
    return any(list(cells) == [str(number + begin) for number in range(len(cells))] for begin in (0, 1))


def _may_have_decimal_commas(columns: Sequence[Sequence[str]]) -> bool:
    """Return whether two adjacent columns contain integers and no number of the table has a decimal point."""
    if any("." in cell and cell.replace(".", "").isdigit() for column in columns for cell in column):
        return False
    whole = [all(cell.lstrip("+-").isdigit() for cell in column) for column in columns]
    return any(first and second for first, second in itertools.pairwise(whole))
