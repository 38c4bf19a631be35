"""Tables of a page: the text of their cells and the numbers by which they are sorted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ctpop.figures import formatting
from ctpop.figures.formatting import MISSING

DIGITS = 12  # significant digits of the numbers used for sorting; more than in any printed number
RHO, P, LOG_P = "ρ", "<i>P</i>", "log<sub>10</sub> <i>P</i>"


@dataclass(frozen=True)
class Cell:
    """Text of a cell; `order` is the number used for sorting: "" if it is missing, None for text cells."""

    text: str
    order: str | None = None
    wrap: bool = False


@dataclass(frozen=True)
class Head:
    """Header of a column in HTML, which must not contain user-provided text; `words` marks a column of text.

    `choice` is the entry for all rows in the filter list of this column; without it, the column has no filter list.
    """

    label: str
    words: bool = False
    choice: str = ""


@dataclass(frozen=True)
class CellRow:
    """A row: its name, its cells, and the page that it links to (path relative to the folder of the report)."""

    name: str
    cells: list[Cell]
    link: str = ""
    strong: bool = False


@dataclass(frozen=True)
class CellGrid:
    """A table of a page; the first header belongs to the column of row names."""

    title: str
    heads: list[Head]
    rows: list[CellRow]
    note: str = ""


def heads(*labels: str | Head) -> list[Head]:
    """Return the headers of a table; the first belongs to the row names and marks a column of text."""
    first, *others = labels
    return [
        Head(first, words=True) if not isinstance(first, Head) else first,
        *(label if isinstance(label, Head) else Head(label) for label in others),
    ]


def words(text: object, *, wrap: bool = False) -> Cell:
    """Return a text cell, or a dash if the text is missing."""
    missing = text is None or text is pd.NA or text != text
    return Cell(MISSING if missing else str(text), wrap=wrap)


def count(n: float) -> Cell:
    """Return a cell with a count: 4,004."""
    return _measured(n, lambda value: f"{int(value):,}")


def size(row: Mapping[Any, Any], n: str = "n", n_patients: str = "n_patients") -> Cell:
    """Return a cell with the scans of a row and their patients if these are fewer: `320 scans of 80 patients`.

    `n` and `n_patients` are the columns of the two counts.
    """
    return _measured(row[n], lambda _: formatting.scans_of_patients(row[n], row[n_patients]))


def decimal(value: float, decimals: int = 1) -> Cell:
    """Return a cell with a number rounded to a fixed number of decimals."""
    return _measured(value, lambda known: formatting.number(known, decimals))


def coefficient(value: float, decimals: int = 2) -> Cell:
    """Return a cell with a correlation coefficient or share without the leading zero: −.61."""
    return _measured(value, lambda known: formatting.coefficient(known, decimals))


def percentage(share: float) -> Cell:
    """Return a cell with a share as a percentage: 12.5%."""
    return _measured(share, lambda known: f"{formatting.number(100 * known, 1)}%")


def significant_digits(value: float, digits: int = 6) -> Cell:
    """Return a cell with a number rounded to a number of significant digits."""
    return _measured(value, lambda known: f"{known:,.{digits}g}".replace("-", formatting.MINUS))


def p_value(p: float, log10_p: float | None = None) -> Cell:
    """Return a cell with a P value, sorted by its logarithm to distinguish values that are printed as <.0001."""
    order = p if log10_p is None else log10_p
    return Cell(formatting.p_cell(_float(p)), _order(_float(order)))


def limits(low: float, high: float, decimals: int = 2) -> Cell:
    """Return a cell with the limits of an interval, sorted by the lower limit."""
    low, high = _float(low), _float(high)
    text = formatting.interval(low, high, decimals)
    return Cell(text, "" if text == MISSING else _order(low))


def yes(truth: object) -> Cell:
    """Return a cell with `yes`, `no`, or a dash if the value is missing."""
    return words(None if pd.isna(truth) else "yes" if truth else "no")  # type: ignore[call-overload]


def _measured(value: float, text: Callable[[float], str]) -> Cell:
    known = _float(value)
    return Cell(MISSING, "") if known != known else Cell(text(known), _order(known))


def _float(value: float) -> float:
    return float("nan") if pd.isna(value) else float(value)


def _order(value: float) -> str:
    return "" if value != value else f"{value:.{DIGITS}g}"
