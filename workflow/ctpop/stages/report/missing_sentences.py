"""Sentences about missing values for the methods and results of a manuscript."""

import pandas as pd

from ctpop.figures.formatting import MEASURES, coefficient, count, number, percent, structure_name
from ctpop.stages.report.finished_study import FinishedStudy

METHODS = (
    "Missing values were not imputed. In a sensitivity analysis, correlations were weighted by the inverse of the"
    " probability of a usable value, which was estimated by logistic regression on age, age squared, sex, and the"
    " interaction between age and sex; weights above the 99th percentile were set to this percentile. Structures that"
    " were absent did not count as missing."
)


def methods_sentences(study: FinishedStudy) -> str:
    """Return the sentences for the methods; empty if no correlation could be weighted."""
    return METHODS if _single(study)["difference"].notna().any() else ""


def results_sentences(study: FinishedStudy) -> str:
    """Return the sentences for the results; empty if no value is missing."""
    table = _single(study)
    with_missing = table[table["n_missing"].gt(0)]
    if with_missing.empty:
        return ""
    return " ".join(filter(None, [_numbers(table), _ages(with_missing), _change(with_missing)]))


def _single(study: FinishedStudy) -> pd.DataFrame:
    table = study.tables["missing_sensitivity"]
    return table[table["structure"].isin(study.label_set.names)]


def _numbers(table: pd.DataFrame) -> str:
    """Return the proportion of missing values of each measure."""
    parts = []
    for measure, name in MEASURES.items():
        rows = table[table["measure"].eq(measure)]
        if rows["n"].sum():
            n, missing = int(rows["n"].sum()), int(rows["n_missing"].sum())
            parts.append(f"{missing:,} of {count(n, f'{name.lower()} value')} ({_percentage(missing / n)})")
    return f"Among scans in which the structure was not absent, {' and '.join(parts)} were missing."


def _ages(table: pd.DataFrame) -> str:
    """Return the structure with the largest difference in age between scans with and without a value."""
    apart = (table["age_missing_years"] - table["age_used_years"]).abs().dropna()
    if apart.empty:
        return ""
    row = table.loc[apart.index].iloc[int(apart.to_numpy().argmax())]
    return (
        f"The largest difference in age between scans with a missing value and scans with a used value was observed for"
        f" {_named(row)} (median age, {number(row['age_missing_years'])} and {number(row['age_used_years'])} years;"
        f" {row['n_missing']:,} missing of {row['n']:,})."
    )


def _change(table: pd.DataFrame) -> str:
    """Return the largest change of a correlation by weights."""
    change = table["difference"].abs().dropna()
    if change.empty:
        return ""
    row = table.loc[change.index].iloc[int(change.to_numpy().argmax())]
    return (
        f"With weights for missing values, {count(len(change), 'correlation')} changed by at most"
        f" {coefficient(change.max(), 3)} ({_named(row)}: ρ = {coefficient(row['rho'], 3)} without weights and"
        f" {coefficient(row['rho_weighted'], 3)} with weights)."
    )


def _named(row: pd.Series) -> str:
    return f"the {MEASURES[row['measure']].lower()} of {_in_a_sentence(row['structure'])}"


def _in_a_sentence(structure: str) -> str:
    name = structure_name(structure)
    return name if name[-1].isdigit() else f"the {name}"


def _percentage(share: float) -> str:
    return percent(round(share, 3))
