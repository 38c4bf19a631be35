"""Columns of tables: type, unit, meaning, range or allowed values, and what an absent value means."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """What is promised of every value of a column.

    `missing` says what an absent value means, and without it none may be absent. `allowed` are the only values there
    may be, `pattern` is what the whole of each text matches, `low` and `high` are the ends of an inclusive range.
    """

    dtype: str
    meaning: str
    unit: str = ""
    missing: str = ""
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def nullable(self) -> bool:
        """Whether a value may be absent."""
        return bool(self.missing)


def text(meaning: str, *, among: Iterable[str] = (), pattern: str = "", missing: str = "") -> Column:
    """Return a text column; `missing` says what an absent value means, and without it none may be absent."""
    return Column("str", meaning, missing=missing, allowed=tuple(among), pattern=pattern)


def number(
    meaning: str,
    unit: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    missing: str = "",
    dtype: str = "float64",
) -> Column:
    """Return a column of numbers inside an inclusive range."""
    return Column(dtype, meaning, unit, missing, low=low, high=high)


def count(meaning: str, unit: str = "", *, low: int = 0, missing: str = "") -> Column:
    """Return a column of whole numbers."""
    return number(meaning, unit, low=low, missing=missing, dtype="Int64" if missing else "int64")


def truth(meaning: str, *, missing: str = "") -> Column:
    """Return a column of true and false."""
    return Column("boolean" if missing else "bool", meaning, missing=missing)


def p_value(meaning: str, missing: str) -> Column:
    """Return a column of probabilities; below 1e-308 they print as 0, and log10_p keeps the value."""
    return number(meaning, low=0, high=1, missing=missing)
