"""Evaluation of the inclusion criteria for each scan."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names
from ctpop.study.codings import truths_of
from ctpop.study.criteria import Criterion, word_of
from ctpop.study.header_fallback import PAIRS

PATH_COLUMN = {
    "images": "ct_path",
    "dicom": "ct_path",
    "segmentations": "segmentation_path",
}  # column of image paths by starting point
SHOWN = 3


def refuse_absent_columns(present: Sequence[str], place: Path, start_from: str, criteria: Sequence[Criterion]) -> None:
    """Reject a registry without the columns that the criteria and the starting point of the study require.

    Parameters
    ----------
    present : sequence of str
        Columns of the registry.
    place : Path
        File of the registry, for messages.
    start_from : str
        Starting point: a key of `PATH_COLUMN`, or `measures`.
    criteria : sequence of Criterion
        Criteria.

    Raises
    ------
    ContractError
        If a column is absent.

    Examples
    --------
    >>> refuse_absent_columns(["scan_id", "age_years"], Path("registry.csv"), "measures", [])

    """
    needed = {column: f"criterion {criterion.name}" for criterion in criteria for column in criterion.needs}
    if start_from in PATH_COLUMN:
        needed[PATH_COLUMN[start_from]] = f"start_from {start_from}"
    absent = [name for name in needed if name not in present and PAIRS.get(name) not in present]
    if not absent:
        return
    remedy = f"add the column, or map another column: cohort: {{columns: {{COLUMN: {absent[0]}}}}}"
    kept = [criterion.name for criterion in criteria if not set(criterion.needs) & set(absent)]
    if needed[absent[0]].startswith("criterion"):
        remedy += f"; without this column, set cohort: {{criteria: [{', '.join(kept)}]}}"
    raise ContractError(
        f"{place}: {needed[absent[0]]} requires column {absent[0]}, found {', '.join(present)}; {remedy}"
    )


def failed(registry: pd.DataFrame, criteria: Sequence[Criterion]) -> pd.DataFrame:
    """Return whether each scan fails each criterion. A scan with a missing value fails the criterion.

    The criterion `one_per_patient` applies only to scans that meet all other criteria. Therefore, the order of the
    criteria does not affect the selection of scans, and a scan that fails another criterion does not fail this one.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the columns of the criteria.
    criteria : sequence of Criterion
        Criteria in the order of the configuration.

    Returns
    -------
    pandas.DataFrame of bool, shape (scans, criteria)
        One row per scan and one column per criterion, named after the criterion.

    Raises
    ------
    ContractError
        If the registry lacks a column of a criterion, or if a criterion requires numbers and a cell is not a number.

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
    """Return which scans meet a criterion about a column. A scan with a missing value does not meet the criterion.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id` and the column of the criterion.
    criterion : Criterion
        Criterion with any rule except `one_per_patient`.

    Returns
    -------
    pandas.Series of bool, shape (scans,)
        Whether each scan meets the criterion.

    Raises
    ------
    ContractError
        If the criterion requires numbers and a cell is not a number.

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
    """Return, for each scan, the selected scan of its patient; missing if the patient is not recorded.

    Scans are ordered by the column `by`, as numbers if all values are numbers and otherwise as text. Scans with the
    same value are ordered by their ID. A scan without a value is selected only if no scan of the patient has a value.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with `scan_id`, the column that identifies patients, and the column `by`.
    criterion : Criterion
        Criterion with the rule `one_per_patient`; its limit is `first` or `last`.

    Returns
    -------
    pandas.Series of str, shape (scans,)
        `scan_id` of the selected scan of the patient.

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
    if not first:  # the last ID also has priority among scans without a value
        ordered = ordered.sort_values("_by", ascending=False, na_position="last", kind="stable")
    return ordered.groupby(criterion.column, dropna=True)["scan_id"].transform("first").reindex(registry.index)


def found_words(registry: pd.DataFrame, criterion: Criterion, rows: "pd.Series[bool]") -> pd.Series:
    """Return the registry values that a criterion reads, as text, for selected rows; missing where empty.

    If `source_conflict` describes the column, its text follows in parentheses.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with the columns of the criterion.
    criterion : Criterion
        Criterion.
    rows : pandas.Series of bool, shape (scans,)
        Selected rows.

    Returns
    -------
    pandas.Series of str, shape (selected rows,)
        Value of each selected row as text.

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
        Criterion about a column of numbers.

    Returns
    -------
    pandas.Series of float, shape (scans,)
        Numbers in the unit of the column.

    Raises
    ------
    ContractError
        If a cell is neither empty nor a number.

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
        words = [column_names.quoted(str(word)) for word in values[wrong].unique()[:SHOWN]]
        raise ContractError(
            f"registry: criterion {criterion.name} requires numbers in column {criterion.column}; rows with other"
            f" values: {int(wrong.sum())}, first: {shown}; correct the cells, or declare the words as missing:"
            f" cohort: {{missing: [{', '.join(words)}]}}"
        )
    return numbers


def _first(registry: pd.DataFrame, values: pd.Series, rows: "pd.Series[bool]") -> list[pd.Series]:
    shown = pd.DataFrame({"scan_id": registry["scan_id"], "value": values})[rows].head(SHOWN)
    return [row for _, row in shown.iterrows()]


def _refuse_absent(registry: pd.DataFrame, criterion: Criterion) -> None:
    absent = [column for column in criterion.needs if column not in registry.columns]
    if absent:
        raise ContractError(
            f"registry: criterion {criterion.name} requires column{'s' * (len(absent) > 1)} {', '.join(absent)}, found"
            f" {', '.join(registry.columns)}; add the column, or change cohort: {{criteria: ...}} in the study file"
        )
