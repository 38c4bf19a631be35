"""Parts of a manuscript other than its methods: results section, table of associations, references, and checklists.

SOURCE: STROBE items for cross-sectional studies, von Elm et al., Lancet 2007;370:1453; CLAIM items, Mongan et al.,
Radiol Artif Intell 2020;2(2):e200029. Both are abridged.
"""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from scipy import special

from ctpop.contracts.table_files import write_csv
from ctpop.documents import manuscript_files
from ctpop.documents.manuscript_files import Document
from ctpop.figures.association import KEY
from ctpop.figures.formatting import (
    MEASURES,
    coefficient,
    count,
    covariates_in_words,
    interval,
    level,
    number,
    p_cell,
    p_text,
    percent,
    scans_of_patients,
    structure_name,
    structure_text,
)
from ctpop.foundation.files import write_text
from ctpop.foundation.resources import resource
from ctpop.stages.report import phrases, summaries
from ctpop.stages.report.finished_study import FinishedStudy

CHECKLISTS = resource("checklists")
NAMES = ("strobe", "claim")
STRONGEST = 3
COMPARED = ("consistent", "differs")
NO_COVARIATE = "none"
NORMALITY_ALPHA = 0.05


def write(study: FinishedStudy, template: jinja2.Template, references: str, folder: Path) -> None:
    """Write results.md, results.docx, references.bib, table2_associations, and the checklists to a folder."""
    manuscript_files.write_prose(results_text(study, template), folder, "results")
    write_text(references, folder / "references.bib")
    manuscript_files.write(association_document(study), folder, "table2_associations")
    for name in NAMES:
        write_csv(checklist(name, folder.parent), folder / f"{name}.csv")


def results_text(study: FinishedStudy, template: jinja2.Template) -> str:
    """Return the results section of a manuscript, in Markdown; a table of the study contains every number in it."""
    tables, cohort = study.tables, study.tables["cohort"]
    own = {name: single_structures(study, name) for name in ("associations", "groups", "normality")}
    known = own["associations"].dropna(subset="rho")
    groups, normality = own["groups"]["p"].dropna(), own["normality"]["p"].dropna()
    discordance = own["groups"]["discordant"].dropna()
    alpha, counts = study.config["aging"]["alpha"], summaries.counts(study)
    screening = summaries.screening_rules(study)
    text = template.render(
        phrases=vars(phrases),
        config=study.config,
        counts=counts,
        exclusions=phrases.exclusions(tables["flow"]),
        sample=phrases.sample(study),
        n_without_age=int(cohort["age_years"].isna().sum()),
        dependence=summaries.DEPENDENCE if study.n_patients < len(cohort) else "",
        **{name: of_cohort(study, counts, key) for name, key in (("made", "segmented"), ("measured", "measured"))},
        screening=screening,
        decisions=phrases.reviewed(screening["n"]),
        strongest={measure: strongest(known.loc[known["measure"] == measure], study) for measure in MEASURES},
        **{"n_groups": len(groups), "n_differing": int((groups < alpha).sum())},
        **{"n_discordance": len(discordance), "n_discordant": int(discordance.sum())},
        **{"n_normality": len(normality), "n_not_normal": int((normality < NORMALITY_ALPHA).sum())},
        n_most=most_values(known),
        detectable=detectable(known, alpha),
        change=phrases.change(summaries.of_rule_sets(tables["sensitivity"])["difference"]),
        adjusted=adjusted(study),
        published=phrases.published(tables["compare_published"]["verdict"]),
    )
    return phrases.tidy(text)


def single_structures(study: FinishedStudy, name: str) -> pd.DataFrame:
    """Return the rows of a table for individual structures, without the rows for groups of structures."""
    table = study.tables[name]
    return table.loc[table["structure"].isin(study.label_set.names)]


def of_cohort(study: FinishedStudy, counts: dict[str, int], name: str) -> str:
    """Return a number of scans as a part of the cohort, in words; empty if the study does not have this count."""
    return phrases.of_cohort(study, counts[name], counts[f"{name}_patients"]) if counts.get(name) else ""


def families(study: FinishedStudy) -> list[str]:
    """Return the families of tests of individual structures: `the 40 correlations`; empty families are omitted."""
    tables = study.tables
    sizes = {
        "correlation": summaries.counts(study)["tested"],
        "Kruskal-Wallis test": summaries.tests_of(tables["groups"]),
        "rank-sum test": summaries.tests_of(tables["posthoc"]),
    }
    return [f"the {count(n, one)}" for one, n in sizes.items() if n]


def adjusted_for(tables: dict[str, pd.DataFrame]) -> str:
    """Return the covariates of the joint adjustment in words; an empty text without covariates."""
    most = joint_covariates(tables)
    return covariates_in_words(most) if most else ""


def n_covariates(tables: dict[str, pd.DataFrame]) -> int:
    """Return the number of covariates of the joint adjustment."""
    most = joint_covariates(tables)
    return most.count(" + ") + 1 if most else 0


def joint_covariates(tables: dict[str, pd.DataFrame]) -> str:
    """Return the largest set of covariates as the table `adjusted` names it; an empty text without covariates."""
    sets = tables["adjusted"]["adjusted_for"].unique()
    most = max(sets, key=lambda names: (names.count(" + "), names), default=NO_COVARIATE)
    return "" if most == NO_COVARIATE else str(most)


def adjusted(study: FinishedStudy) -> dict[str, Any]:
    """Return the covariates, the number of jointly adjusted correlations of structures, and how many are significant.

    The result is empty without covariates or without such correlations.
    """
    table, covariates = study.tables["adjusted"], adjusted_for(study.tables)
    together = table["adjusted_for"].map(covariates_in_words).eq(covariates)
    p = table.loc[together & table["family"].eq("structures"), "p_independence"].dropna()
    if not covariates or p.empty:
        return {}
    return {"covariates": covariates, "tested": len(p), "significant": int((p < study.config["aging"]["alpha"]).sum())}


def strongest(known: pd.DataFrame, study: FinishedStudy) -> list[str]:
    """Return the strongest significant correlations in words, in descending order of their absolute values."""
    found = known.loc[known["significant"].fillna(False).astype(bool)]
    confidence = percent(study.conventions.confidence)
    order = found.assign(strength=found["rho"].abs()).sort_values(["strength", *KEY], ascending=[False, True, True])
    return [
        f"{in_a_sentence(row['structure'])} (ρ = {coefficient(row['rho'])}; {confidence} CI:"
        f" {interval(row['ci_low'], row['ci_high'])}; {p_text(row['p_rho0'])};"
        f" n = {scans_of_patients(row['n'], row['n_patients'])})"
        for row in order.head(STRONGEST).to_dict("records")
    ]


def most_values(known: pd.DataFrame) -> str:
    """Return the largest number of values of a correlation: `4,004 values`, or `320 values of 80 patients`."""
    if known.empty:
        return count(0, "value")
    most = known.sort_values("n", kind="stable").iloc[-1]
    n, n_patients = int(most["n"]), int(most["n_patients"])
    return count(n, "value") + (f" of {count(n_patients, 'patient')}" if n_patients < n else "")


def in_a_sentence(structure: str) -> str:
    """Return the name of a structure with its article; a name that ends in a number has none: `vertebra L3`."""
    name = structure_name(structure)
    return name if name[-1].isdigit() else f"the {name}"


def detectable(known: pd.DataFrame, alpha: float) -> str:
    """Return the smallest absolute correlation that could be significant, with three decimals; may be empty."""
    smallest = smallest_significant(int(known["n"].max()), alpha) if len(known) else np.nan
    return "" if np.isnan(smallest) else coefficient(smallest, 3)


def smallest_significant(n: int, alpha: float) -> float:
    """Return the smallest absolute Spearman correlation that is significant at two-sided alpha (t distribution)."""
    if n < 3:
        return np.nan
    t = -float(special.stdtrit(n - 2, alpha / 2))
    return float(t / np.sqrt(n - 2 + t * t))


def association_document(study: FinishedStudy) -> Document:
    """Return the associations with age as a table for print: structures in label order, then groups."""
    tables, confidence = study.tables, percent(study.conventions.confidence)
    found = tables["associations"].merge(
        tables["groups"][[*KEY, "h", "p", "epsilon_squared"]], on=KEY, suffixes=("", "_groups"), validate="one_to_one"
    )
    place = {name: number for number, name in enumerate(study.analyzed)}
    ordered = found.assign(place=found["structure"].map(place)).sort_values(
        ["place", "measure"], ascending=[True, False]
    )
    rows = [association_cells(row, confidence) for row in ordered.to_dict("records")]
    alpha = level(study.config["aging"]["alpha"])
    note = (
        "Note.—ρ = Spearman rank correlation coefficient with age, CI = confidence interval, BH = Benjamini-Hochberg,"
        " H = Kruskal-Wallis statistic for age quartiles, ε² = epsilon squared (effect size of the Kruskal-Wallis"
        " test), n = number of values that passed segmentation screening. P values are two-sided; the first"
        " tests that the correlation is 0, and the second tests that value and age are independent;"
        f" P < {alpha} was considered to indicate"
        " statistical significance. Adjusted P values account for all correlations of individual structures or, for"
        " groups of structures, for all correlations of groups."
    )
    note = f"{note} {summaries.repeated_patients(study)}".rstrip()
    title = "Table 2. Associations of volume and attenuation with age"
    return Document(title, pd.DataFrame(rows), (note,), study.banner)


def association_cells(row: dict[Any, Any], confidence: str) -> dict[str, str]:
    """Return the printed cells of a row."""
    return {
        "Structure": structure_text(row["structure"]),
        "Measure": MEASURES[row["measure"]],
        "n": scans_of_patients(row["n"], row["n_patients"]),
        "ρ": coefficient(row["rho"]),
        f"{confidence} CI": interval(row["ci_low"], row["ci_high"]),
        "P (ρ = 0)": p_cell(row["p_rho0"]),
        "P (independence)": p_cell(row["p_independence"]),
        "log₁₀ P": number(row["log10_p_independence"], 1),
        "Bonferroni P": p_cell(row["p_bonferroni"]),
        "Holm P": p_cell(row["p_holm"]),
        "BH q": p_cell(row["q_bh"]),
        "H": number(row["h"], 1),
        "P (age quartiles)": p_cell(row["p"]),
        "ε²": coefficient(row["epsilon_squared"]),
    }


def checklist(name: str, study_folder: Path) -> pd.DataFrame:
    """Return a checklist with the existing files of this study that answer each item, and the task of the author."""
    items = pd.read_csv(CHECKLISTS / f"{name}.csv", dtype=str, keep_default_na=False)
    return items.assign(answered_in=items["answered_in"].map(lambda places: _there(places, study_folder)))


def _there(places: str, study_folder: Path) -> str:
    return "; ".join(place for place in places.split("; ") if place and (study_folder / place).is_file())
