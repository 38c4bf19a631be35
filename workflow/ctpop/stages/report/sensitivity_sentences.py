"""Sentences of the results on sensitivity analyses: screening rules, weights, repeated scans, and eroded masks."""

import pandas as pd

from ctpop.figures.association import KEY
from ctpop.figures.formatting import MEASURES, coefficient, count, scans_of_patients
from ctpop.stages.report import phrases
from ctpop.stages.report.age_sentences import in_a_sentence, rows_of
from ctpop.stages.report.finished_study import FinishedStudy

STUDY = "study"  # the analysis with which the others are compared
OTHER_RULES = ("none", "paper", "strict")
OTHERS = {  # analyses other than screening rules, in words
    "one_scan_per_patient": "only the first scan of each patient",
    "patients_equally_weighted": "equal weights of patients instead of scans",
    "uniform_age": "weights for equal proportions of the decades of age",
    "eroded": "the attenuation of structures without their surface layer",
}
IN_METHODS = {"uniform_age": " between its 2.5th and 97.5th percentiles"}  # details that the results omit


def analyses(study: FinishedStudy) -> pd.DataFrame:
    """Return the table `sensitivity` for individual structures, with the P value that determines significance.

    The test of independence is not valid for several scans of a patient. Its P values are then missing, and those for
    a rho of 0 are used.
    """
    table = rows_of(study, "sensitivity").rename(columns={"rules": "analysis"})
    return table.assign(p=table["p_independence"].fillna(table["p_rho0"]))


def change(study: FinishedStudy) -> str:
    """Return the effect of other screening rules on the correlations of structures; may be empty."""
    table, alpha = analyses(study), study.config["aging"]["alpha"]
    of_study = table.loc[table["analysis"].eq(STUDY), [*KEY, "p"]]
    others = table.loc[table["analysis"].isin(OTHER_RULES)]
    pairs = others.merge(of_study, on=KEY, suffixes=("", "_of_study"), validate="many_to_one")
    pairs = pairs.dropna(subset=["difference", "p", "p_of_study"])
    if pairs.empty:
        return ""
    most = pairs.iloc[int(pairs["difference"].abs().to_numpy().argmax())]
    if most["difference"] == 0:
        return "Correlation coefficients did not change with other screening rules."
    largest = (
        f"{at_most(abs(float(most['difference'])))} ({MEASURES[most['measure']].lower()} of"
        f" {in_a_sentence(most['structure'])}, n = {scans_of_patients(most['n'], most['n_patients'])})"
    )
    reversed_ = pairs["p"].lt(alpha) != pairs["p_of_study"].lt(alpha)
    n, whole = (len(rows[KEY].drop_duplicates()) for rows in (pairs[reversed_], pairs))
    return (
        f"With other screening rules, correlation coefficients changed by {largest}, and the significance of"
        f" {phrases.part(n, whole, 'correlation')} changed."
    )


def other_analyses(study: FinishedStudy) -> str:
    """Return the largest differences of correlations in analyses other than screening rules; may be empty."""
    differences = {name: known(study, name) for name in OTHERS}
    parts = [
        f"{at_most(float(of.max()))} with {OTHERS[name]} ({count(len(of), 'correlation')})"
        for name, of in differences.items()
        if len(of)
    ]
    if not parts:
        return ""
    return f"Correlation coefficients differed from those of the main analysis by {phrases.series(parts)}."


def known(study: FinishedStudy, name: str) -> pd.Series:
    """Return the sizes of the differences from the main analysis in one analysis."""
    table = analyses(study)
    return table.loc[table["analysis"].eq(name), "difference"].abs().dropna()


def methods(study: FinishedStudy) -> list[str]:
    """Return the analyses other than screening rules in words."""
    return [f"{words}{IN_METHODS.get(name, '')}" for name, words in OTHERS.items() if len(known(study, name))]


def at_most(value: float) -> str:
    """Return `at most .15`, or `less than .01`."""
    return f"less than {coefficient(0.01)}" if value < 0.01 else f"at most {coefficient(value)}"
