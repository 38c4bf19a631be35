"""Tables of a page: what their cells print, and the numbers that they are sorted by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ctpop.figures import formatting
from ctpop.figures.formatting import MISSING

DIGITS = 12  # of a number to sort by; more than any that is printed
RHO, P, LOG_P = "<i>r</i><sub>s</sub>", "<i>P</i>", "log<sub>10</sub> <i>P</i>"


@dataclass(frozen=True)
class Cell:
    """What a cell prints; `order` is the number to sort by, "" where it is missing, and None for words."""

    text: str
    order: str | None = None
    wrap: bool = False


@dataclass(frozen=True)
class Head:
    """Heading of a column, in HTML: never text of a user. `words` says that its cells are words.

    `choice` is what a list to filter the rows by says for all of them; without it there is no such list.
    """

    label: str
    words: bool = False
    choice: str = ""


@dataclass(frozen=True)
class CellRow:
    """A row with its name, the page that it leads to (as seen from the folder of the pages), and its cells."""

    name: str
    cells: list[Cell]
    link: str = ""
    strong: bool = False


@dataclass(frozen=True)
class CellGrid:
    """A table of a page; the first of its headings is that of the names of its rows."""

    title: str
    heads: list[Head]
    rows: list[CellRow]
    note: str = ""


def heads(*labels: str | Head) -> list[Head]:
    """Return headings; the first, of the names of rows, is one of words."""
    first, *others = labels
    return [
        Head(first, words=True) if not isinstance(first, Head) else first,
        *(label if isinstance(label, Head) else Head(label) for label in others),
    ]


def words(text: object, *, wrap: bool = False) -> Cell:
    """Return a cell of words; a dash where there are none."""
    missing = text is None or text is pd.NA or text != text
    return Cell(MISSING if missing else str(text), wrap=wrap)


def count(n: float) -> Cell:
    """Return a number of things: 4,004."""
    return _measured(n, lambda value: f"{int(value):,}")


def size(row: Mapping[Any, Any], n: str = "n", n_patients: str = "n_patients") -> Cell:
    """Return the number of scans of a row of results, and of their patients where these are fewer: 320 scans of 80.

    `n` and `n_patients` are the columns of the two numbers.
    """
    return _measured(row[n], lambda _: formatting.scans_of_patients(row[n], row[n_patients]))


def decimal(value: float, decimals: int = 1) -> Cell:
    """Return a number with a fixed number of decimals."""
    return _measured(value, lambda known: formatting.number(known, decimals))


def coefficient(value: float, decimals: int = 2) -> Cell:
    """Return a correlation or share without the leading zero: −.61."""
    return _measured(value, lambda known: formatting.coefficient(known, decimals))


def percentage(share: float) -> Cell:
    """Return a share as a percentage: 12.5%."""
    return _measured(share, lambda known: f"{formatting.number(100 * known, 1)}%")


def significant_digits(value: float, digits: int = 6) -> Cell:
    """Return any other number in so many digits."""
    return _measured(value, lambda known: f"{known:,.{digits}g}".replace("-", formatting.MINUS))


def p_value(p: float, log10_p: float | None = None) -> Cell:
    """Return a P value; it is sorted by its logarithm, which tells P values apart that are all printed as <.0001."""
    order = p if log10_p is None else log10_p
    return Cell(formatting.p_cell(_float(p)), _order(_float(order)))


def limits(low: float, high: float, decimals: int = 2) -> Cell:
    """Return the limits of an interval, sorted by the lower one."""
    low, high = _float(low), _float(high)
    text = formatting.interval(low, high, decimals)
    return Cell(text, "" if text == MISSING else _order(low))


def yes(truth: object) -> Cell:
    """Return `yes`, `no`, or a dash where it is missing."""
    return words(None if pd.isna(truth) else "yes" if truth else "no")  # type: ignore[call-overload]


def _measured(value: float, text: Callable[[float], str]) -> Cell:
    known = _float(value)
    return Cell(MISSING, "") if known != known else Cell(text(known), _order(known))


def _float(value: float) -> float:
    return float("nan") if pd.isna(value) else float(value)


def _order(value: float) -> str:
    return "" if value != value else f"{value:.{DIGITS}g}"
