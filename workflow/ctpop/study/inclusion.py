"""The scans that meet each criterion."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study.codings import truths_of
from ctpop.study.criteria import Criterion, word_of
from ctpop.study.header_fallback import PAIRS

PATH_COLUMN = {"images": "ct_path", "dicom": "ct_path", "segmentations": "segmentation_path"}  # by starting point


def refuse_absent_columns(present: Sequence[str], place: Path, start_from: str, asked: Sequence[Criterion]) -> None:
    """Refuse a registry that lacks columns which the criteria and the starting point of the study need.

    Parameters
    ----------
    present : sequence of str
        Columns of the registry.
    place : Path
        File of the registry, for messages.
    start_from : str
        Starting point: a key of `PATH_COLUMN`, or `measures`.
    asked : sequence of Criterion
        Criteria.

    Raises
    ------
    ContractError
        If a column is absent.

    Examples
    --------
    >>> refuse_absent_columns(["scan_id", "age_years"], Path("registry.csv"), "measures", [])

    """
    needed = {column: f"criterion {criterion.name}" for criterion in asked for column in criterion.needs}
    if start_from in PATH_COLUMN:
        needed[PATH_COLUMN[start_from]] = f"start_from {start_from}"
    absent = [name for name in needed if name not in present and PAIRS.get(name) not in present]
    if not absent:
        return
    remedy = f"add the column, or state which it is, as in cohort: {{columns: {{COLUMN: {absent[0]}}}}}"
    kept = [criterion.name for criterion in asked if not set(criterion.needs) & set(absent)]
    if needed[absent[0]].startswith("criterion"):
        remedy += f"; without it, state cohort: {{criteria: [{', '.join(kept)}]}}"
    raise ContractError(f"{place}: {needed[absent[0]]} needs column {absent[0]}, found {', '.join(present)}; {remedy}")


def failed(registry: pd.DataFrame, criteria: Sequence[Criterion]) -> pd.DataFrame:
    """Return a truth value per scan and criterion: whether the scan is not known to meet the criterion.

    One scan per patient is chosen among those that meet every other criterion, so that the order of the criteria does
    not change which scans are in the study. A scan that fails another criterion does not fail this one.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the columns of the criteria.
    criteria : sequence of Criterion
        Criteria in the order of the configuration.

    Returns
    -------
    pandas.DataFrame of bool, shape (scans, criteria)
        One row per scan and one column per criterion, named after it.

    Raises
    ------
    ContractError
        If a criterion needs a column that the registry does not have, or needs numbers and a cell is not a number.

    Examples
    --------
    >>> registry = pd.DataFrame({"scan_id": ["s1", "s2"], "age_years": [61.0, 15.0]})
    >>> adult = Criterion("adult", "Younger than 18 years", "age_years", "at_least", 18)
    >>> failed(registry, [adult])["adult"].tolist()
    [False, True]

    """
    for criterion in criteria:
        _refuse_absent(registry, criterion)
    found = pd.DataFrame(index=registry.index)
    for criterion in criteria:
        if criterion.rule != "one_per_patient":
            found[criterion.name] = ~holds(registry, criterion)
    others = found.any(axis="columns").astype(bool)
    for criterion in criteria:
        if criterion.rule == "one_per_patient":
            kept = kept_scan(registry[~others], criterion).reindex(registry.index)
            found[criterion.name] = ~others & ~kept.eq(registry["scan_id"])
    return found[[criterion.name for criterion in criteria]].astype(bool)


def holds(registry: pd.DataFrame, criterion: Criterion) -> "pd.Series[bool]":
    """Return which scans are known to meet a criterion over a column.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the column of the criterion.
    criterion : Criterion
        Criterion with any rule but `one_per_patient`.

    Returns
    -------
    pandas.Series of bool, shape (scans,)
        Whether each scan is known to meet the criterion.

    Raises
    ------
    ContractError
        If the criterion needs numbers and a cell is not a number.

    Examples
    --------
    >>> registry = pd.DataFrame({"scan_id": ["s1", "s2"], "age_years": [61.0, None]})
    >>> holds(registry, Criterion("adult", "Younger than 18 years", "age_years", "at_least", 18)).tolist()
    [True, False]

    """
    limit, values = criterion.limit, registry[criterion.column]
    if criterion.rule == "known":
        return values.notna()
    if criterion.rule in {"between", "at_least"}:
        known = as_numbers(registry, criterion)
        low, high = limit if criterion.rule == "between" else (limit, float("inf"))
        return known.between(low, high)
    sought = limit if criterion.rule == "in" else [limit]
    if all(isinstance(value, bool) for value in sought):
        return truths_of(values).isin(sought).fillna(False).astype(bool)
    if all(isinstance(value, int | float) for value in sought):
        return as_numbers(registry, criterion).isin(sought)
    return values.astype("string").isin([word_of(value) for value in sought]).fillna(False).astype(bool)


def kept_scan(registry: pd.DataFrame, criterion: Criterion) -> pd.Series:
    """Return, for each scan, which scan of its patient is kept; missing where the patient is not recorded.

    Scans are ordered by the column `by` (as numbers if all its values are numbers, else as text), and those with the
    same value by their id. A scan without a value is kept only if no scan of its patient has one.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id`, the column of the patients and the column `by`.
    criterion : Criterion
        Criterion with the rule `one_per_patient`; its limit is `first` or `last`.

    Returns
    -------
    pandas.Series of str, shape (scans,)
        `scan_id` of the kept scan of the patient.

    Examples
    --------
    >>> registry = pd.DataFrame({"scan_id": ["s1", "s2"], "patient_id": ["p1", "p1"], "age_years": [61.0, 55.0]})
    >>> single = Criterion("single", "Later scan", "patient_id", "one_per_patient", "first", "age_years")
    >>> kept_scan(registry, single).tolist()
    ['s2', 's2']

    """
    values = registry[criterion.by]
    numbers = pd.to_numeric(values, errors="coerce")
    sortable = numbers if numbers.notna().eq(values.notna()).all() else values.astype("string")
    first = criterion.limit == "first"
    ordered = registry.assign(_by=sortable).sort_values(
        ["_by", "scan_id"], ascending=[first, first], na_position="last", kind="stable"
    )
    if not first:  # among scans without a value, too, the last id is kept
        ordered = ordered.sort_values("_by", ascending=False, na_position="last", kind="stable")
    return ordered.groupby(criterion.column, dropna=True)["scan_id"].transform("first").reindex(registry.index)


def found_words(registry: pd.DataFrame, criterion: Criterion, rows: "pd.Series[bool]") -> pd.Series:
    """Return the value of the registry that a criterion reads, as text, in some rows; missing where there is none.

    Where the registry has `source_conflict`, its text about the column follows in brackets.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with the columns of the criterion.
    criterion : Criterion
        Criterion.
    rows : pandas.Series of bool, shape (scans,)
        Rows that are described.

    Returns
    -------
    pandas.Series of str, shape (chosen rows,)
        Value of each chosen row as text.

    Examples
    --------
    >>> registry = pd.DataFrame({"complete": pd.array([True, False], dtype="boolean")})
    >>> complete = Criterion("complete", "Images incomplete", "complete", "equals", True)
    >>> found_words(registry, complete, pd.Series([False, True])).tolist()
    ['false']

    """
    if criterion.rule == "one_per_patient":
        return registry.loc[rows, criterion.by].astype("string").where(registry.loc[rows, criterion.column].notna())
    values = registry.loc[rows, criterion.column]
    words = values.astype("string")
    words = words.str.lower() if values.dtype == "boolean" else words
    notes = registry.loc[rows].get("source_conflict")
    if notes is None:
        return words
    about = notes.str.extract(rf"(?:^|; ){criterion.column}: ([^;]+)", expand=False)
    return words.fillna("unknown").str.cat(" (" + about + ")").fillna(words)


def as_numbers(registry: pd.DataFrame, criterion: Criterion) -> pd.Series:
    """Return the column of a criterion as numbers, missing where it is empty.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the column of the criterion.
    criterion : Criterion
        Criterion over a column of numbers.

    Returns
    -------
    pandas.Series of float, shape (scans,)
        Numbers in the unit of the column.

    Raises
    ------
    ContractError
        If a cell is filled in and is not a number.

    Examples
    --------
    >>> registry = pd.DataFrame({"scan_id": ["s1", "s2"], "bmi": ["24.5", None]})
    >>> as_numbers(registry, Criterion("bmi", "BMI below 18.5", "bmi", "at_least", 18.5)).tolist()
    [24.5, nan]

    """
    values = registry[criterion.column]
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    wrong = numbers.isna() & values.notna()
    if wrong.any():
        shown = ", ".join(f"{row.scan_id!r} ({row.value!r})" for row in _first(registry, values, wrong))
        raise ContractError(
            f"registry: criterion {criterion.name} needs numbers in column {criterion.column}, found"
            f" {int(wrong.sum())} rows with others, first {shown}; correct them, or name words in cohort.missing"
        )
    return numbers


def _first(registry: pd.DataFrame, values: pd.Series, rows: "pd.Series[bool]") -> list[pd.Series]:
    shown = pd.DataFrame({"scan_id": registry["scan_id"], "value": values})[rows].head(3)
    return [row for _, row in shown.iterrows()]


def _refuse_absent(registry: pd.DataFrame, criterion: Criterion) -> None:
    absent = [column for column in criterion.needs if column not in registry.columns]
    if absent:
        raise ContractError(
            f"registry: criterion {criterion.name} needs column {', '.join(absent)}, found"
            f" {', '.join(registry.columns)}; add the column or change the configuration"
        )
