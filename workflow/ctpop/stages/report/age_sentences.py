"""Sentences of the results on associations with age: correlations, differences per decade, error rates, and power."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ctpop.figures.association import KEY
from ctpop.figures.formatting import (
    MEASURES,
    MISSING,
    coefficient,
    count,
    interval,
    level,
    number,
    p_text,
    percent,
    scans_of_patients,
    structure_name,
)
from ctpop.stages.report import phrases, summaries
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stats.power import detectable_rho

STRONGEST = 3
POWER = 0.8
NO_COVARIATE = "none"
SEXES = {  # the sexes of an effect in order of preference, in words
    "standardized": "standardized to equal proportions of women and men",
    "all": "without regard to sex",
    "female": "women only",
    "male": "men only",
}
ALL_AGES = ("line", "all")  # form and age range of the slope of a straight line


def rows_of(study: FinishedStudy, name: str, of: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the rows of a table for individual structures or those in `of`; no row if the study lacks the table."""
    table = study.tables.get(name)
    names = study.label_set.names if of is None else of
    return pd.DataFrame() if table is None else table.loc[table["structure"].isin(names)]


def in_a_sentence(structure: str) -> str:
    """Return the name of a structure with its article; a name that ends in a number has none: `vertebra L3`."""
    name = structure_name(structure)
    return name if name[-1].isdigit() else f"the {name}"


def false_positives(study: FinishedStudy) -> str:
    """Return the limit of the family-wise error rate of each family of tests of structures; may be empty."""
    alpha, sizes = study.config["aging"]["alpha"], {one: n for one, n in summaries.tests(study).items() if n}
    limited = [f"{rounded(n * alpha)} for {all_of(n, one)}" for one, n in sizes.items() if n * alpha < 1]
    unlimited = [all_of(n, one) for one, n in sizes.items() if n * alpha >= 1]
    start = f"With a significance level of {level(alpha)} for each test, the probability of at least one false-positive"
    if not limited:
        return f"{start} result was not limited for {phrases.series(unlimited)}." if unlimited else ""
    text = f"{start} result was at most {phrases.series(limited)}."
    if unlimited:
        text += f" The significance level did not limit this probability for {phrases.series(unlimited)}."
    return text


def all_of(n: int, one: str) -> str:
    """Return `the 208 correlations` or `the correlation`."""
    return f"the {one}" if n == 1 else f"the {count(n, one)}"


def rounded(probability: float) -> str:
    """Return a probability with three decimals, or two significant digits below .01: `.125`, `.0012`."""
    return level(float(f"{probability:.3f}" if probability >= 0.01 else f"{probability:.2g}"))


def by_sex(study: FinishedStudy) -> str:
    """Return the numbers of significant correlations of structures in women and in men; empty with one sex."""
    table, alpha = rows_of(study, "associations_by_sex"), study.config["aging"]["alpha"]
    known = table.dropna(subset="rho") if len(table) else table
    if known.empty or known["sex"].nunique() < 2:
        return ""
    parts, middle = [], []
    for sex, who in (("female", "women"), ("male", "men")):
        rows = known.loc[known["sex"].eq(sex)]
        n = int(rows["p_independence"].fillna(rows["p_rho0"]).lt(alpha).sum())
        parts.append(f"{phrases.part(n, len(rows), 'correlation')} in {who}")
        middle.append(coefficient(rows["rho"].abs().median()))
    return (
        f"In analyses by sex, {parts[0]} and {parts[1]} were significant (P < {level(alpha)}; median absolute ρ,"
        f" {middle[0]} and {middle[1]})."
    )


def strongest(known: pd.DataFrame, study: FinishedStudy) -> list[str]:
    """Return the strongest significant correlations in words, in descending order of their absolute values."""
    found = known.loc[known["significant"].fillna(False).astype(bool)]
    order = found.assign(strength=found["rho"].abs()).sort_values(["strength", *KEY], ascending=[False, True, True])
    return [
        f"{in_a_sentence(row['structure'])} ({correlation(row, study)})"
        for row in order.head(STRONGEST).to_dict("records")
    ]


def correlation(row: dict[Any, Any], study: FinishedStudy) -> str:
    """Return a correlation with confidence interval, P value for a ρ of 0, and n."""
    confidence, n = percent(study.conventions.confidence), scans_of_patients(row["n"], row["n_patients"])
    limits = interval(row["ci_low"], row["ci_high"])
    return f"ρ = {coefficient(row['rho'])}; {confidence} CI: {limits}; {p_text(row['p_rho0'])}; n = {n}"


def primary(study: FinishedStudy) -> str:
    """Return the correlations and differences per decade of the primary structures as a sentence; may be empty."""
    names = study.config["aging"]["primary"]
    table = study.tables["associations"]
    rows = table.loc[table["structure"].isin(names) & table["rho"].notna()]
    if rows.empty:
        return ""
    found = effects(study, of=study.analyzed)
    of_row = {(row["structure"], row["measure"]): size_of_effect(row, study) for row in found.to_dict("records")}
    items = []
    for row in rows.to_dict("records"):
        effect = of_row.get((row["structure"], row["measure"]), "")
        words = f"{correlation(row, study)}{'; difference per decade of age, ' if effect else ''}{effect}"
        items.append(f"{MEASURES[row['measure']].lower()} of {in_a_sentence(row['structure'])} ({words})")
    how = f" (differences per decade of age: {definition(found)})" if of_row else ""
    return f"The results for the primary structures{how} were as follows: {phrases.series(items)}."


def effects(study: FinishedStudy, adjusted_for: str = NO_COVARIATE, of: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the differences per decade of age in one age range and for one sex or both, by default of structures.

    Of the age ranges of the configuration in their order, and then the straight lines over all ages, the first is used
    that has results for at least half of the structures and measures. Effects standardized for sex are preferred.
    """
    table = rows_of(study, "age_effects", of)
    if table.empty:
        return table
    known = table.loc[table["adjusted_for"].eq(adjusted_for) & table["effect"].notna()]
    most = len(known[KEY].drop_duplicates())
    windows = [("spline", f"{low:g}-{high:g}") for low, high in study.config["aging"]["windows"]]
    for (form, window), sex in product((*windows, ALL_AGES), SEXES):
        rows = known.loc[known["form"].eq(form) & known["window"].eq(window) & known["sex"].eq(sex)]
        if len(rows) and 2 * len(rows) >= most:
            return rows
    return known.iloc[:0]


def with_effects(table: pd.DataFrame, study: FinishedStudy) -> pd.DataFrame:
    """Return a table of structures and measures with the columns of their differences per decade.

    The columns `effect`, `effect_low`, `effect_high`, and `p_effect` are missing where there is no result.
    """
    found = effects(study, of=study.analyzed)
    names = {"effect": "effect", "ci_low": "effect_low", "ci_high": "effect_high", "p": "p_effect"}
    columns = found.reindex(columns=[*KEY, *names]).rename(columns=names)
    return table.merge(columns, on=KEY, how="left", validate="one_to_one")


def note_on_effects(study: FinishedStudy) -> str:
    """Return the definition of the differences per decade; an empty text without a result."""
    found = effects(study, of=study.analyzed)
    if found.empty:
        return ""
    return (
        "Differences per decade are average differences between patients of different ages, in percent for volume and"
        f" HU for attenuation ({definition(found)}), without adjustment for covariates; their P values"
        " are not adjusted for multiple comparisons."
    )


def effect_with_limits(row: dict[Any, Any]) -> str:
    """Return the difference per decade of a row of `with_effects`: `−5.3% (−6.3%, −4.3%)`, or a dash."""
    if pd.isna(row["effect"]):
        return MISSING
    effect, low, high = in_units([row["effect"], row["effect_low"], row["effect_high"]], row["measure"])
    return f"{effect} ({low}, {high})"


def definition(rows: pd.DataFrame) -> str:
    """Return age range and sex of effects in words: `from 30 to 80 years, standardized to equal proportions of …`."""
    first = rows.iloc[0]
    ages = "straight line over all ages"
    if (first["form"], first["window"]) != ALL_AGES:
        ages = "from {} to {} years of age".format(*first["window"].split("-"))
    return f"{ages}; {SEXES[first['sex']]}"


def largest_effects(study: FinishedStudy) -> list[str]:
    """Return a sentence for each measure: the largest significant differences per decade of age."""
    rows = effects(study)
    found = [(measure, largest(study, rows, measure)) for measure in MEASURES]
    return [
        f"In units of the residual SD, the largest {'differences' if len(chosen) > 1 else 'difference'} in"
        f" {MEASURES[measure].lower()} per decade of age ({definition(rows)})"
        f" {'were' if len(chosen) > 1 else 'was'} observed in the following"
        f" {'structures' if len(chosen) > 1 else 'structure'}:"
        f" {phrases.series([effect_of(row, study) for row in chosen.to_dict('records')])}."
        for measure, chosen in found
        if len(chosen)
    ]


def largest(study: FinishedStudy, rows: pd.DataFrame, measure: str, size: str = "effect_sd") -> pd.DataFrame:
    """Return the largest significant effects on a measure in residual SDs (column `size`), in descending order."""
    if rows.empty:
        return rows
    found = rows.loc[rows["measure"].eq(measure) & rows["p"].lt(study.config["aging"]["alpha"])]
    order = found.assign(size=found[size].abs()).sort_values(["size", "structure"], ascending=[False, True])
    return order.head(STRONGEST)


def effect_of(row: dict[Any, Any], study: FinishedStudy) -> str:
    """Return the structure with its effect: `the liver (−5.3%; 95% CI: −6.3%, −4.3%; P < .0001; n = 4,004)`."""
    return f"{in_a_sentence(row['structure'])} ({size_of_effect(row, study)})"


def size_of_effect(row: dict[Any, Any], study: FinishedStudy, name: str = "effect") -> str:
    """Return an effect with confidence interval, P value, and n; percent for volumes, HU for attenuation."""
    effect, low, high = in_units([row[name], row["ci_low"], row["ci_high"]], row["measure"])
    confidence, n = percent(study.conventions.confidence), scans_of_patients(row["n"], row["n_patients"])
    return f"{effect}; {confidence} CI: {low}, {high}; {p_text(row['p'])}; n = {n}"


def in_units(values: Sequence[float], measure: str) -> list[str]:
    """Return effects with their unit and the same number of decimals: `−5.3%`, `−0.21 HU`."""
    decimals = 1 if np.nanmax(np.abs(values)) >= 1 else 2
    unit = "%" if measure == "volume_ml" else " HU"
    return [f"{number(value, decimals)}{unit}" for value in values]


def power(study: FinishedStudy) -> str:
    """Return the correlations that could be detected with the largest and smallest number of patients; may be empty."""
    associations = rows_of(study, "associations")
    patients = associations.loc[associations["rho"].notna(), "n_patients"]
    alpha = study.config["aging"]["alpha"]
    if patients.empty or np.isnan(detectable_rho(int(patients.min()), alpha, POWER)):
        return ""
    most, least = (
        f"{percent(POWER)} power to detect a correlation of {coefficient(detectable_rho(n, alpha, POWER), 3)} in size"
        for n in (int(patients.max()), int(patients.min()))
    )
    text = f"With {count(int(patients.max()), 'patient')}, the study had {most} (two-sided α = {level(alpha)})."
    if patients.min() < patients.max():
        fewest = count(int(patients.min()), "patient")
        text += f" For the structure with the smallest sample ({fewest}), it had {least}."
    return text


def joint_covariates(table: pd.DataFrame) -> str:
    """Return the largest set of covariates in the column `adjusted_for`; an empty text without covariates."""
    sets = list(table["adjusted_for"].unique()) if "adjusted_for" in table else []
    most = max(sets, key=lambda names: (names.count(" + "), names != NO_COVARIATE, names), default=NO_COVARIATE)
    return "" if most == NO_COVARIATE else str(most)
