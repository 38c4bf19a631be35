"""Which scans meet which criteria."""

from collections.abc import Sequence

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study.criteria import Criterion, word_of

TRUE_WORDS = ("true", "yes", "1")
FALSE_WORDS = ("false", "no", "0")


def failed(registry: pd.DataFrame, criteria: Sequence[Criterion]) -> pd.DataFrame:
    """Return a truth value per scan and criterion: the scan is not known to meet it.

    One scan per patient is chosen among those that meet every other criterion, so that the order of the criteria does
    not change who is in the study. A scan that fails another one is not in question, and does not fail this one.

    Raises
    ------
    ContractError
        If a criterion asks for a column that the registry does not have, or for a number of a cell that is none.

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
    """Return which scans are known to meet a criterion over a column."""
    limit, values = criterion.limit, registry[criterion.column]
    if criterion.rule == "known":
        return values.notna()
    if criterion.rule in {"between", "at_least"}:
        known = as_numbers(registry, criterion)
        low, high = limit if criterion.rule == "between" else (limit, float("inf"))
        return known.between(low, high)
    sought = limit if criterion.rule == "in" else [limit]
    if all(isinstance(value, bool) for value in sought):
        return as_truths(values).isin(sought).fillna(False).astype(bool)
    if all(isinstance(value, int | float) for value in sought):
        return as_numbers(registry, criterion).isin(sought)
    return values.astype("string").isin([word_of(value) for value in sought]).fillna(False).astype(bool)


def kept_scan(registry: pd.DataFrame, criterion: Criterion) -> pd.Series:
    """Return, for each scan, which scan of its patient is kept; missing where the patient is not recorded.

    Scans are ordered by the column `by` (numbers as numbers, else as text), those with the same value by their id;
    a scan without a value is kept only if no scan of its patient has one.
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
    """Return what the registry says to a criterion in some rows; missing where it says nothing."""
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
    """Return a column as numbers, missing where it is empty.

    Raises
    ------
    ContractError
        If a cell is filled in and no number.

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


def as_truths(values: pd.Series) -> pd.Series:
    """Return words as true, false or missing; any other word is missing, too."""
    lower = values.astype("string").str.lower()
    yes, no = lower.isin(TRUE_WORDS), lower.isin(FALSE_WORDS)
    return yes.astype("boolean").mask(~yes & ~no)


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
