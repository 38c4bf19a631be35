"""Checks of the values of a table against the contracts of its columns.

pandera is imported when the first failure is found.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ctpop.contracts.columns import Column

if TYPE_CHECKING:
    import pandera.pandas as pa

Failure = tuple[str, str, list[int]]  # name of a column, requirement for its values, and the rows that violate it

KINDS = {
    "bool": "true or false",
    "boolean": "true or false",
    "int16": "a whole number",
    "int64": "a whole number",
    "float64": "a finite number",
}


def checked(frame: pd.DataFrame, columns: dict[str, Column]) -> tuple[pd.DataFrame, list[Failure]]:
    """Return the frame with the data types of its columns, and all failures.

    Most tables contain no failures and are checked without pandera, because importing pandera adds half a second to a
    job, and each of its checks adds a tenth of a second. pandera is used only to report failures.

    Parameters
    ----------
    frame : pandas.DataFrame
        Table that contains at least these columns, with the index 0, 1, 2, ...
    columns : dict of str to Column
        Contract of each column.

    Returns
    -------
    frame : pandas.DataFrame
        The table with the data types of the contracts, if no value fails.
    failures : list of Failure
        Name of a column, the requirement for its values, and the rows that violate the requirement.

    Raises
    ------
    KeyError
        If the frame lacks a column.

    Examples
    --------
    >>> from ctpop.contracts.columns import number
    >>> columns = {"age": number("age at the scan", "years", low=0)}
    >>> typed, failures = checked(pd.DataFrame({"age": [40, 50]}), columns)
    >>> str(typed["age"].dtype), failures
    ('float64', [])
    >>> checked(pd.DataFrame({"age": [40.0, -1.0]}), columns)[1]
    [('age', 'at least 0 years', [1])]

    """
    asked = {name: column for name, column in columns.items() if not _is_sound_as_it_stands(frame[name], column)}
    if not asked:
        return frame, []
    broken = {name: kind for name, column in asked.items() if (kind := broken_kind(frame[name], column))}
    typed = None if broken else _typed(frame, asked)
    if typed is not None and all(_is_within_limits(typed[name], column) for name, column in asked.items()):
        return typed, []
    return _checked_by_pandera(frame, columns, broken)


def _is_sound_as_it_stands(values: pd.Series, column: Column) -> bool:
    """Return whether type and values are valid, checked without pandas; False if further checks are required."""
    if values.dtype != column.dtype or column.pattern:
        return False
    if column.dtype == "str":
        return _is_sound_text(values, column)
    present = values.array[~values.array.isna()]
    if len(present) < len(values) and not column.nullable:
        return False
    numbers = present.to_numpy(np.dtype(column.dtype.lower().replace("boolean", "bool")))
    if not len(numbers):
        return True
    lowest, highest = numbers.min(), numbers.max()
    return bool(
        (numbers.dtype.kind != "f" or np.isfinite([lowest, highest]).all())
        and (column.low is None or lowest >= column.low)
        and (column.high is None or highest <= column.high)
    )


def _is_sound_text(values: pd.Series, column: Column) -> bool:
    absent = values.array.isna()
    if absent.any() and not column.nullable:
        return False
    return not column.allowed or set(values.array[~absent].unique()) <= set(column.allowed)


def _typed(frame: pd.DataFrame, columns: dict[str, Column]) -> pd.DataFrame | None:
    try:
        return frame.astype({name: column.dtype for name, column in columns.items()})
    except (TypeError, ValueError):
        return None


def _is_within_limits(values: pd.Series, column: Column) -> bool:
    """Return whether all present values are allowed, match the pattern, and are within the limits."""
    present = values.dropna()
    return bool(
        (not column.allowed or present.isin(column.allowed).all())
        and (not column.pattern or present.str.fullmatch(column.pattern).all())
        and (column.low is None or present.ge(column.low).all())
        and (column.high is None or present.le(column.high).all())
    )


def _checked_by_pandera(
    frame: pd.DataFrame, columns: dict[str, Column], broken: dict[str, tuple[str, list[int]]]
) -> tuple[pd.DataFrame, list[Failure]]:
    import pandera.pandas as pa

    sound = {name: _checks_of(name, column) for name, column in columns.items() if name not in broken}
    failures = [(name, *kind) for name, kind in broken.items()]
    try:
        frame = pa.DataFrameSchema(sound, coerce=True).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as problems:
        failures += _failures(problems.failure_cases)
    return frame, failures


def broken_kind(values: pd.Series, column: Column) -> tuple[str, list[int]] | None:
    """Return the violated requirement for the type of a column and the rows that violate it, or None.

    The check precedes any conversion, because a conversion changes 1.5 into 1, and the text "false" or a missing value
    into a Boolean value.

    Parameters
    ----------
    values : pandas.Series
        Values of the column.
    column : Column
        Contract of the column.

    Returns
    -------
    tuple of (str, list of int) or None
        The requirement, and the index of each value that violates it.

    Examples
    --------
    >>> from ctpop.contracts.columns import count
    >>> broken_kind(pd.Series([1.0, 1.5]), count("number of voxels"))
    ('a whole number', [1])
    >>> broken_kind(pd.Series([1.0, 2.0]), count("number of voxels")) is None
    True

    """
    absent = values.isna()
    if absent.any() and not column.nullable:
        return "complete", list(absent.index[absent])
    kind = column.dtype.lower()
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


@cache  # the name is part of the key because pandera stores it in the column
def _checks_of(_name: str, column: Column) -> "pa.Column":
    import pandera.pandas as pa

    checks = []
    if column.allowed:
        checks.append(pa.Check.isin(column.allowed, error=f"one of {', '.join(column.allowed)}"))
    if column.pattern:
        matches = pa.Check(
            lambda values: values.str.fullmatch(column.pattern), error=f"text that matches the pattern {column.pattern}"
        )
        checks.append(matches)
    if column.low is not None:
        checks.append(pa.Check.ge(column.low, error=f"at least {column.low:g} {column.unit}".strip()))
    if column.high is not None:
        checks.append(pa.Check.le(column.high, error=f"at most {column.high:g} {column.unit}".strip()))
    return pa.Column(column.dtype, checks=checks, nullable=column.nullable)


def _failures(cases: pd.DataFrame) -> list[Failure]:
    groups = cases.groupby(["column", "check"], sort=False)
    return [(str(column), str(check), [int(row) for row in rows["index"]]) for (column, check), rows in groups]
