"""Columns of tables: type, unit, meaning, range or allowed values, and what an absent value means."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pandera.pandas as pa

KINDS = {
    "bool": "true or false",
    "boolean": "true or false",
    "int16": "a whole number",
    "int64": "a whole number",
    "float64": "a finite number",
}


def text(meaning: str, *, among: Iterable[str] = (), pattern: str = "", missing: str = "") -> pa.Column:
    """Return a text column; `missing` says what an absent value means, and without it none may be absent."""
    allowed = list(among)
    checks = []
    if allowed:
        checks.append(pa.Check.isin(allowed, error=f"one of {', '.join(allowed)}"))
    if pattern:
        matches = pa.Check(
            lambda values: values.str.fullmatch(pattern),
            error=f"text of the form {pattern}",
            statistics={"pattern": pattern},
        )
        checks.append(matches)
    return _column("str", meaning, checks=checks, missing=missing)


def number(
    meaning: str,
    unit: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    missing: str = "",
    dtype: str = "float64",
) -> pa.Column:
    """Return a column of numbers inside an inclusive range."""
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low, error=f"at least {low:g} {unit}".strip()))
    if high is not None:
        checks.append(pa.Check.le(high, error=f"at most {high:g} {unit}".strip()))
    return _column(dtype, meaning, unit, checks=checks, missing=missing)


def count(meaning: str, unit: str = "", *, low: int = 0, missing: str = "") -> pa.Column:
    """Return a column of whole numbers."""
    return number(meaning, unit, low=low, missing=missing, dtype="Int64" if missing else "int64")


def truth(meaning: str, *, missing: str = "") -> pa.Column:
    """Return a column of true and false."""
    return _column("boolean" if missing else "bool", meaning, missing=missing)


def p_value(meaning: str, missing: str) -> pa.Column:
    """Return a column of probabilities; below 1e-308 they print as 0, and log10_p keeps the value."""
    return number(meaning, low=0, high=1, missing=missing)


def broken_kind(values: pd.Series, column: pa.Column) -> tuple[str, list[int]] | None:
    """Return what every value of a column must be, and the rows where it is not; nothing if all are.

    Asked before any conversion, which would turn 1.5 into 1, and "false" and nothing into true and false.
    """
    absent = values.isna()
    if absent.any() and not column.nullable:
        return "present in every row", list(absent.index[absent])
    kind = str(column.dtype).lower()
    wrong = ~absent & ~_of_kind(values, kind)
    return (KINDS[kind], list(wrong.index[wrong])) if wrong.any() else None


def _of_kind(values: pd.Series, kind: str) -> "pd.Series[bool]":
    if kind.startswith("bool") and not pd.api.types.is_bool_dtype(values.dtype):
        return values.map(lambda value: isinstance(value, bool | np.bool_)).astype(bool)
    if kind == "float64":
        return pd.to_numeric(values, errors="coerce").abs().lt(np.inf).fillna(False).astype(bool)
    if kind in {"int16", "int64"}:
        return pd.to_numeric(values, errors="coerce").mod(1).eq(0).fillna(False).astype(bool)
    return pd.Series(True, index=values.index)


def _column(
    dtype: str,
    meaning: str,
    unit: str = "",
    *,
    checks: list[pa.Check] | None = None,
    missing: str = "",
) -> pa.Column:
    return pa.Column(
        dtype,
        checks=checks,
        nullable=bool(missing),
        description=meaning,
        metadata={"unit": unit, "missing": missing},
    )
