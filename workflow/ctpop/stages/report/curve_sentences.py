"""Sentences of the results on the shape of age curves, changes of their slope, and differences between the sexes."""

from typing import Any

import numpy as np
import pandas as pd

from ctpop.figures.formatting import MEASURES, count, level, number, p_text, percent, scans_of_patients
from ctpop.stages.report import phrases
from ctpop.stages.report.age_sentences import (
    NO_COVARIATE,
    in_a_sentence,
    in_units,
    largest,
    rows_of,
    size_of_effect,
)
from ctpop.stages.report.finished_study import FinishedStudy

NOUNS = {"volume_ml": "volume", "hu_mean": "attenuation value"}
BY_SEX = {"nonlinear_female": " in women", "nonlinear_male": " in men"}  # terms of the table age_curves
BREAKS = ("break", "break_or_curve")  # outcomes of the table change_points with an age
WOMEN_MEN = {"female": "women", "male": "men"}
FORMS = ("spline", "line")  # forms of age curves in order of preference


def nonlinear(study: FinishedStudy) -> list[str]:
    """Return a sentence for each measure: the number of structures without a linear relation with age, by sex."""
    alpha = study.config["aging"]["alpha"]
    sentences = []
    for measure in MEASURES:
        found = {sex: tested(study, term, measure, "structure") for term, sex in BY_SEX.items()}
        parts = [words + sex for sex, words in found.items() if words] if all(found.values()) else []
        parts = parts or list(filter(None, [tested(study, "nonlinear", measure, "structure")]))
        if parts:
            sentences.append(
                f"The relation between {MEASURES[measure].lower()} and age was nonlinear (P < {level(alpha)}, spline vs"
                f" straight line{', by sex' if ' in ' in parts[0] else ''}) for {' and for '.join(parts)}."
            )
    return sentences


def interaction(study: FinishedStudy) -> str:
    """Return the number of structures whose relation with age differs between the sexes; may be empty."""
    parts = list(filter(None, [tested(study, "interaction", measure, noun) for measure, noun in NOUNS.items()]))
    if not parts:
        return ""
    alpha = level(study.config["aging"]["alpha"])
    return (
        f"The relation with age differed between women and men (P < {alpha}, age-by-sex interaction) in"
        f" {phrases.series(parts)}."
    )


def tested(study: FinishedStudy, term: str, measure: str, one: str) -> str:
    """Return the significant tests of the age curves as a part of the tests with a result; empty without tests."""
    table = rows_of(study, "age_curves")
    p = table.loc[table["term"].eq(term) & table["measure"].eq(measure), "p"].dropna() if len(table) else table
    return phrases.part(int((p < study.config["aging"]["alpha"]).sum()), len(p), one) if len(p) else ""


def sex_differences(study: FinishedStudy) -> list[str]:
    """Return sentences on the differences between men and women at one age, for each measure; may be empty."""
    table = rows_of(study, "sex_differences")
    known = table.loc[table["adjusted_for"].eq(NO_COVARIATE)].dropna(subset="difference") if len(table) else table
    if known.empty:
        return []
    rows = known.loc[known["form"].eq(min(known["form"].unique(), key=FORMS.index))]
    alpha, years = study.config["aging"]["alpha"], number(rows["age_years"].iloc[0])
    p = {noun: rows.loc[rows["measure"].eq(measure), "p"].dropna() for measure, noun in NOUNS.items()}
    parts = [phrases.part(int((of < alpha).sum()), len(of), noun) for noun, of in p.items() if len(of)]
    first = f"Men and women at {years} years of age differed (P < {level(alpha)}) in {phrases.series(parts)}."
    found = [(measure, largest(study, rows, measure, "difference_sd")) for measure in MEASURES]
    return [first, *(largest_difference(study, measure, chosen) for measure, chosen in found if len(chosen))]


def largest_difference(study: FinishedStudy, measure: str, rows: pd.DataFrame) -> str:
    """Return a sentence with the largest differences between men and women in one measure."""
    items = [
        f"{in_a_sentence(row['structure'])} ({size_of_effect(row, study, 'difference')})"
        for row in rows.to_dict("records")
    ]
    many = len(items) > 1
    return (
        f"In units of the residual SD, the largest {'differences' if many else 'difference'} in"
        f" {MEASURES[measure].lower()} (men minus women) {'were' if many else 'was'} observed in the following"
        f" {'structures' if many else 'structure'}: {phrases.series(items)}."
    )


def change_points(study: FinishedStudy) -> str:
    """Return the ages at which two straight lines meet, for the structures with such lines; may be empty."""
    table = study.tables.get("change_points")
    known = pd.DataFrame() if table is None else table.dropna(subset="outcome")
    if known.empty:
        return ""
    rows = known.loc[known["outcome"].isin(BREAKS)]
    n = len(known)
    sexes = "measure, and sex" if {"female", "male"} <= set(known["sex"]) else "and measure"
    words = f"{phrases.part(len(rows), n, 'curve')} by structure{',' if sexes[0] == 'm' else ''} {sexes}"
    items = [change_point(row, study) for row in rows.to_dict("records")]
    listed = f": {phrases.series(items)}" if items else ""
    return (
        "A single straight line was rejected, and two straight lines that meet at a certain age fit as well as or"
        f" better than a smooth curve, for {words}{listed}."
    )


def change_point(row: dict[Any, Any], study: FinishedStudy) -> str:
    """Return the age at which the slope of a measure changes in one sex, with its interval and the two slopes."""
    confidence = percent(study.conventions.confidence)
    before, after = in_units([row["slope_before"], row["slope_after"]], row["measure"])
    low, high = (number(row[f"age_{end}_years"], 1) for end in ("low", "high"))
    abrupt = "; if the change of slope is abrupt" if row["outcome"] == "break_or_curve" else ""
    return (
        f"{MEASURES[row['measure']].lower()} of {in_a_sentence(row['structure'])} in {WOMEN_MEN[row['sex']]}"
        f" ({number(row['age_years'], 1)} years; {confidence} CI: {low}, {high}; difference per decade of age, {before}"
        f" before and {after} after this age; {p_text(row['p'])}; n ="
        f" {scans_of_patients(row['n'], row['n_patients'])}{abrupt})"
    )


def centiles(study: FinishedStudy) -> str:
    """Return the number of fitted centile curves of structures, and of those that do not fit; may be empty."""
    table = rows_of(study, "centile_calibration")
    if table.empty or "misfit" not in table:
        return ""
    rows = table.loc[table["band"].eq("all") & table["sex"].isin(study.tables["cohort"]["sex"])]
    fitted = rows.loc[rows["model"].notna()]
    if fitted.empty:
        return ""
    misfit = int(fitted["misfit"].fillna(False).astype(bool).sum())
    return (
        f"Sets of centile curves were fitted for {phrases.part(len(fitted), len(rows), 'sample')} of a structure,"
        f" measure, and sex; the cross-validation or the tests of the z scores indicated misfit of"
        f" {misfit_words(misfit, len(fitted))}."
    )


def misfit_words(misfit: int, n: int) -> str:
    """Return `3 of them (1%)` or `none of them`."""
    return f"{misfit:,} of them ({phrases.share(misfit, n)})" if misfit else "none of them"


def body_size(study: FinishedStudy) -> str:
    """Return the median allometric exponent of the volumes of structures and its range; may be empty."""
    table = rows_of(study, "body_size")
    exponents = table["exponent"].dropna().to_numpy(float) if len(table) else np.empty(0)
    if not len(exponents):
        return ""
    if len(exponents) == 1:
        return f"The allometric exponent of volume with body height was {number(exponents[0], 1)}."
    middle, low, high = (number(value, 1) for value in np.percentile(exponents, [50, 0, 100]))
    return (
        f"The median allometric exponent of volume with body height was {middle} (range, {low} to {high};"
        f" {count(len(exponents), 'structure')})."
    )
