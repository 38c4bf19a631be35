"""Sentences of the results on missing values: their proportion, the ages of the patients, and weighted correlations."""

import numpy as np

from ctpop.figures.formatting import MEASURES, count, number, percent, scans_of_patients
from ctpop.stages.report.age_sentences import in_a_sentence, rows_of
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.sensitivity_sentences import at_most


def missing(study: FinishedStudy) -> str:
    """Return the proportion of missing values, and the structure whose missing values differ most by age."""
    rows = rows_of(study, "missing_sensitivity")
    rows = rows.dropna(subset="share_missing") if len(rows) else rows
    if rows.empty or not rows["n_missing"].any():
        return ""
    most = rows.sort_values(["share_missing", "structure", "measure"], ascending=[False, True, True]).iloc[0]
    text = (
        f"A median of {one_decimal(rows['share_missing'].median())} of the values of a structure (highest,"
        f" {one_decimal(most['share_missing'])} for the {MEASURES[most['measure']].lower()} of"
        f" {in_a_sentence(most['structure'])}) were missing, excluding structures that were absent."
    )
    # ASSUME: ages are compared if a structure has at least as many missing values as a statistical test requires
    compared = rows.loc[rows["n_missing"] >= study.config["aging"]["n_min"]]
    gap = (compared["age_missing_years"] - compared["age_used_years"]).abs().dropna()
    if gap.empty:
        return text
    apart = compared.loc[gap.sort_values(ascending=False, kind="stable").index[0]]
    return (
        f"{text} The median ages of scans with a missing and with a usable value differed most for the"
        f" {MEASURES[apart['measure']].lower()} of {in_a_sentence(apart['structure'])}"
        f" ({number(apart['age_missing_years'], 1)} vs {number(apart['age_used_years'], 1)} years; missing values,"
        f" n = {scans_of_patients(apart['n_missing'], apart['n_patients_missing'])})."
    )


def weighted(study: FinishedStudy) -> str:
    """Return the largest difference between weighted and unweighted correlations as a sentence; may be empty."""
    rows = rows_of(study, "missing_sensitivity")
    differences = rows["difference"].abs().dropna().to_numpy(float) if len(rows) else np.empty(0)
    if not len(differences):
        return ""
    largest = at_most(float(differences.max()))
    return (
        "With inverse-probability weights for missing values, correlation coefficients"
        f" ({count(len(differences), 'correlation')}) differed by {largest} from the unweighted coefficients."
    )


def one_decimal(share: float) -> str:
    """Return a proportion in percent with one decimal: `2.5%`; `0%` and `<0.1%` for small proportions."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return percent(round(share, 3))
