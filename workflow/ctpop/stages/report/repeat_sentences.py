"""Sentences about changes within patients and about repeatability for the methods and results of a manuscript."""

from typing import Any

import numpy as np
import pandas as pd

from ctpop.figures.formatting import (
    MEASURES,
    coefficient,
    count,
    covariates_in_words,
    level,
    p_text,
    percent,
    scans_of_patients,
)
from ctpop.stages.report import phrases
from ctpop.stages.report.age_sentences import in_a_sentence, in_units, joint_covariates, rows_of
from ctpop.stages.report.curve_sentences import NOUNS
from ctpop.stages.report.finished_study import FinishedStudy

CHANGES = (  # the template of the methods replaces {reference}
    "Changes within patients were estimated for structures with at least 50 patients with two scans at least 6 months"
    " apart, with linear mixed models of the attenuation or of the natural logarithm of the volume with a random"
    " intercept for each patient (restricted maximum likelihood, Satterthwaite degrees of freedom); the mean age of the"
    " patient and the difference between the age and this mean were separate terms {reference}{covariates}."
)
REPEATABILITY = (
    "Repeatability was assessed with the intraclass correlation coefficient (absolute agreement, single scans)"
    " {reference} of the first two scans of a patient within 7 days; the repeatability coefficient, the coefficient of"
    " variation within patients, the limits of agreement, and the correlation with age corrected for measurement error"
    " were also calculated."
)


def methods(study: FinishedStudy) -> dict[str, str]:
    """Return the sentences for the methods; an analysis without results has an empty text."""
    changes, retest = _known(study, "within_patient", "within"), _known(study, "retest", "icc")
    joint = joint_covariates(changes)
    covariates = f", with adjustment for {covariates_in_words(joint)}" if joint else ""
    return {
        "changes": CHANGES.replace("{covariates}", covariates) if len(changes) else "",
        "repeatability": REPEATABILITY if len(retest) else "",
    }


def repeats(study: FinishedStudy) -> str:
    """Return the sentences for the results; empty if no patient has several scans."""
    return f"{_changes(study)} {_repeatability(study)}".strip()


def _changes(study: FinishedStudy) -> str:
    """Return the number of structures whose slope within patients differs from the slope between patients."""
    table, alpha = _known(study, "within_patient", "p"), study.config["aging"]["alpha"]
    if table.empty:
        return ""
    p = {noun: table.loc[table["measure"].eq(measure), "p"] for measure, noun in NOUNS.items()}
    parts = [phrases.part(int((of < alpha).sum()), len(of), noun) for noun, of in p.items() if len(of)]
    row = table.iloc[int(table["n_patients_long"].to_numpy(int).argmax())]
    return (
        f"In up to {scans_of_patients(row['n_long'], row['n_patients_long'])} with scans at least 6 months apart, the"
        " change within patients per decade differed from the difference between patients"
        f" (P < {level(alpha)}) in {phrases.series(parts)}.{_of_primary(study)}"
    )


def _of_primary(study: FinishedStudy) -> str:
    """Return the changes within patients of the primary structures and groups as a sentence; may be empty."""
    names = study.config["aging"]["primary"]
    rows = rows_of(study, "within_patient", names).dropna(subset="within")
    if rows.empty:
        return ""
    items = [_change(row, percent(study.conventions.confidence)) for row in rows.to_dict("records")]
    return (
        f" The changes within patients per decade in the primary structures were as follows: {phrases.series(items)}."
    )


def _change(row: dict[Any, Any], confidence: str) -> str:
    """Return a structure and measure with the change within patients, its interval, P, and n."""
    change, low, high = in_units([row["within"], row["within_low"], row["within_high"]], row["measure"])
    return (
        f"{MEASURES[row['measure']].lower()} of {in_a_sentence(row['structure'])} ({change}; {confidence} CI: {low},"
        f" {high}; {p_text(row['p'])} for the difference from the slope between patients;"
        f" n = {scans_of_patients(row['n_long'], row['n_patients_long'])})"
    )


def _repeatability(study: FinishedStudy) -> str:
    """Return the median intraclass correlation of each measure and its range."""
    table = _known(study, "retest", "icc")
    found = {name: table.loc[table["measure"].eq(measure), "icc"] for measure, name in MEASURES.items()}
    parts = [f"{_middle(each)} for {name.lower()}" for name, each in found.items() if len(each)]
    if not parts:
        return ""
    kind = "median intraclass" if len(table) > len(parts) else "intraclass"
    return f"The {kind} correlation coefficient of two scans within 7 days was {phrases.series(parts)}."


def _middle(icc: pd.Series) -> str:
    """Return a median with its range and the number of structures, or a single value."""
    middle, low, high = (coefficient(value) for value in np.percentile(icc.to_numpy(float), [50, 0, 100]))
    return f"{middle} (range, {low} to {high}; {count(len(icc), 'structure')})" if len(icc) > 1 else middle


def _known(study: FinishedStudy, name: str, column: str) -> pd.DataFrame:
    """Return the rows of individual structures with a result."""
    table = rows_of(study, name)
    return table.dropna(subset=column) if len(table) else pd.DataFrame(columns=[column, "measure", "n_patients_long"])
