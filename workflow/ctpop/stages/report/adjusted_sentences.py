"""Sentences of the results on associations with age that are adjusted for covariates."""

import numpy as np
import pandas as pd

from ctpop.figures.association import KEY
from ctpop.figures.formatting import MEASURES, coefficient, count, covariates_in_words, scans_of_patients
from ctpop.stages.report import phrases
from ctpop.stages.report.age_sentences import (
    definition,
    effects,
    in_a_sentence,
    joint_covariates,
    largest,
    rows_of,
    size_of_effect,
)
from ctpop.stages.report.finished_study import FinishedStudy

ONLY_ONE = "no other patient had the same category of a covariate"


def adjusted(study: FinishedStudy) -> str:
    """Return sentences on the joint adjustment of the correlations of structures; may be empty."""
    table = rows_of(study, "adjusted")
    covariates = joint_covariates(table)
    rows = table.loc[table["adjusted_for"].eq(covariates)].dropna(subset=["rho", "rho_crude"]) if covariates else table
    if not covariates or rows.empty:
        return ""
    differences = (rows["rho"] - rows["rho_crude"]).to_numpy(float)
    middle, low, high = (coefficient(value) for value in np.percentile(differences, [50, 0, 100]))
    words = f"After adjustment for {covariates_in_words(covariates)}, "
    if len(rows) == 1:
        text = f"{words}ρ differed by {middle} from the unadjusted ρ in the same scans."
    else:
        text = (
            f"{words}the median difference between the adjusted and unadjusted ρ in the same scans was {middle}"
            f" (range, {low} to {high}; {count(len(rows), 'correlation')})."
        )
    return (
        f"{text} {left_out(rows, within=study.config['aging']['adjust'] == 'strata')} {adjusted_effects(study)}".strip()
    )


def left_out(rows: pd.DataFrame, *, within: bool = False) -> str:
    """Return the numbers of values that are excluded from adjusted correlations because a covariate is missing."""
    numbers, unit = between(rows["n_left_out"], rows["n_patients_left_out"])
    each = "each correlation" if len(rows) > 1 else "this correlation"
    if not rows["n_left_out"].any():
        text = "No value was excluded because of a missing covariate."
    else:
        verb = "was" if numbers == "1" else "were"
        text = f"From {each}, {numbers}{unit} {verb} excluded because of missing covariates."
    if "n_informative" not in rows or not (rows["n"] - rows["n_informative"]).any():
        return text
    rest = rows["n"] - rows["n_informative"], rows["n_patients"] - rows["n_patients_informative"]
    numbers, unit = between(*rest)
    others = "fewer than two other patients had the same covariates" if within else ONLY_ONE
    return f"{text} A further {numbers}{unit} did not contribute, because {others}."


def quade(study: FinishedStudy) -> str:
    """Return the number of adjusted tests of age groups with a significant difference; may be empty."""
    table, alpha = rows_of(study, "rank_ancova"), study.config["aging"]["alpha"]
    known = table.dropna(subset="p") if len(table) else table
    if known.empty:
        return ""
    n, low, high = (int((known["p"] < alpha).sum()), *known["eta_squared"].quantile([0, 1]))
    return (
        f"In the rank analysis of covariance, values differed significantly among {study.conventions.band}s in"
        f" {phrases.part(n, len(known), 'test')}; the proportion of variance ranged from {coefficient(low)} to"
        f" {coefficient(high)}."
    )


def between(n: pd.Series, n_patients: pd.Series) -> tuple[str, str]:
    """Return the smallest and largest number of scans, with numbers of patients if these are smaller, and a unit."""
    order = pd.DataFrame({"n": n, "n_patients": n_patients}).astype(int).sort_values(["n", "n_patients"])
    least, most = (scans_of_patients(row["n"], row["n_patients"]) for row in (order.iloc[0], order.iloc[-1]))
    numbers = most if least == most else f"{least} to {most}"
    return numbers, "" if "scan" in most else " value" if numbers == "1" else " values"


def adjusted_effects(study: FinishedStudy) -> str:
    """Return the adjusted differences per decade of the primary structures, or of those with the largest effects."""
    covariates, chosen = joint_covariates(rows_of(study, "age_effects")), study.config["aging"]["primary"]
    rows = effects(study, covariates, of=chosen or None) if covariates else pd.DataFrame()
    if not chosen and len(rows):
        rows = of_largest(study).merge(rows, on=KEY, validate="one_to_one")
    if rows.empty:
        return ""
    items = [
        f"{MEASURES[row['measure']].lower()} of {in_a_sentence(row['structure'])} ({size_of_effect(row, study)})"
        for row in rows.to_dict("records")
    ]
    return (
        f"Adjusted for {covariates_in_words(covariates)}, the differences per decade of age ({definition(rows)}) in"
        f" {'the primary structures' if chosen else 'the structures listed above'} were as follows:"
        f" {phrases.series(items)}."
    )


def of_largest(study: FinishedStudy) -> pd.DataFrame:
    """Return the structures and measures with the largest unadjusted effects."""
    rows = effects(study)
    found = [largest(study, rows, measure) for measure in MEASURES]
    return pd.concat([chosen.reindex(columns=KEY) for chosen in found])
