"""Sentences about missing values for the methods and results of a manuscript."""

import pandas as pd

from ctpop.figures.formatting import MEASURES, coefficient, count, number, scans_of_patients
from ctpop.stages.report import phrases
from ctpop.stages.report.age_sentences import in_a_sentence, rows_of
from ctpop.stages.report.curve_sentences import NOUNS
from ctpop.stages.report.finished_study import FinishedStudy

TERMS = {  # terms of the logistic model, in words
    "age": "age",
    "age squared": "age squared",
    "sex": "sex",
    "sex unknown": "an indicator of unknown sex",
    "age by sex": "the interaction between age and sex",
}
METHODS = (  # the template of the methods replaces {reference}
    "Missing values were not imputed. In a sensitivity analysis, correlations were weighted by the inverse of the"
    " probability of a usable value {reference}, which was estimated by logistic regression on {terms}; weights above"
    " the 99th percentile were set to this percentile."
    " Structures that were absent did not count as missing."
)
WITHOUT_WEIGHTS = "Missing values were not imputed. Structures that were absent did not count as missing."
BOUNDS = (
    " Bounds of the difference per decade of age were calculated by replacing missing values with the fitted values"
    " plus the 5th or 95th percentile of the residuals."
)


def methods_sentences(study: FinishedStudy) -> str:
    """Return the sentences for the methods, without weights if no correlation could be weighted.

    The text is empty if no value is missing.
    """
    known = _single(study).dropna(subset="difference")
    if known.empty:
        return WITHOUT_WEIGHTS if _single(study)["n_missing"].gt(0).any() else ""
    models = known["weights_from"].unique()
    names = {name for model in models for name in model.split("; ")}
    fewer = " (fewer terms for structures with few missing or few usable values)" if len(models) > 1 else ""
    terms = phrases.series([words for name, words in TERMS.items() if name in names])
    bounds = BOUNDS if _bounded(study) else ""
    return METHODS.replace("{terms}", f"{terms}{fewer}") + bounds


def _bounded(study: FinishedStudy) -> bool:
    """Return whether a slope has bounds for extreme missing values."""
    table = _single(study)
    return "slope_low" in table and bool(table["slope_low"].notna().any())


def results_sentences(study: FinishedStudy) -> str:
    """Return the sentences for the results; empty if no value is missing."""
    table = _single(study)
    with_missing = table[table["n_missing"].gt(0)]
    if with_missing.empty:
        return ""
    # ASSUME: ages are compared if a structure has at least as many missing values as a statistical test requires
    compared = with_missing[with_missing["n_missing"] >= study.config["aging"]["n_min"]]
    return " ".join(filter(None, [_numbers(table), _ages(compared), _change(with_missing)]))


def _single(study: FinishedStudy) -> pd.DataFrame:
    table = rows_of(study, "missing_sensitivity")
    return table if len(table) else pd.DataFrame(columns=["n_missing", "difference"])


def _numbers(table: pd.DataFrame) -> str:
    """Return the proportion of missing values of each measure."""
    parts = []
    for measure, one in NOUNS.items():
        rows = table[table["measure"].eq(measure)]
        if rows["n"].sum():
            n, missing = int(rows["n"].sum()), int(rows["n_missing"].sum())
            parts.append(f"{missing:,} of {count(n, one)} ({phrases.share(missing, n)})")
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
        f" {scans_of_patients(row['n_missing'], row['n_patients_missing'])} missing of"
        f" {scans_of_patients(row['n'], row['n_patients'])})."
    )


def _change(table: pd.DataFrame) -> str:
    """Return the largest change of a correlation by weights."""
    change = table["difference"].abs().dropna()
    if change.empty:
        return ""
    row = table.loc[change.index].iloc[int(change.to_numpy().argmax())]
    return (
        f"With weights for missing values, correlations changed by at most {coefficient(change.max(), 3)}"
        f" ({count(len(change), 'correlation')}; largest change, {_named(row)}: ρ = {coefficient(row['rho'], 3)}"
        f" without weights and {coefficient(row['rho_weighted'], 3)} with weights)."
    )


def _named(row: pd.Series) -> str:
    return f"the {MEASURES[row['measure']].lower()} of {in_a_sentence(row['structure'])}"
