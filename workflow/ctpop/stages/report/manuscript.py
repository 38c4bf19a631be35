"""Parts of a manuscript beside its methods: results in words, the table of associations, references and checklists.

SOURCE: the items of STROBE for cross-sectional studies, von Elm et al., Lancet 2007;370:1453; those of CLAIM, Mongan et
al., Radiol Artif Intell 2020;2(2):e200029, both in our words.
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
from ctpop.stages.report import summaries
from ctpop.stages.report.finished_study import FinishedStudy

CHECKLISTS = resource("checklists")
NAMES = ("strobe", "claim")
STRONGEST = 3
COMPARED = ("consistent", "differs")
NO_COVARIATE = "none"


def write(study: FinishedStudy, template: jinja2.Template, references: str, folder: Path) -> None:
    """Write results.md and .docx, references.bib, table2_associations and the checklists into a folder."""
    manuscript_files.write_prose(results_text(study, template), folder, "results")
    write_text(references, folder / "references.bib")
    manuscript_files.write(association_document(study), folder, "table2_associations")
    for name in NAMES:
        write_csv(checklist(name, folder.parent), folder / f"{name}.csv")


def results_text(study: FinishedStudy, template: jinja2.Template) -> str:
    """Return the results in words, in Markdown; every number in them stands in a table."""
    tables, aging = study.tables, study.config["aging"]
    own = tables["associations"].loc[tables["associations"]["family"] == "structures"]
    known = own.dropna(subset="rho")
    changes = tables["sensitivity"]["difference"].abs().dropna()
    groups = tables["groups"].loc[tables["groups"]["family"] == "structures", "p"].dropna()
    return template.render(
        config=study.config,
        counts=summaries.counts(study),
        flow=tables["flow"].to_dict("records"),
        repeated=summaries.repeated_patients(study),
        ages=summaries.age_quartiles(tables["cohort"]["age_years"]),
        sexes=tables["cohort"]["sex"].value_counts().to_dict(),
        sex_words=summaries.sexes_in_words(study),
        strongest={measure: strongest(known.loc[known["measure"] == measure], study) for measure in MEASURES},
        n_groups=len(groups),
        n_differing=int((groups < aging["alpha"]).sum()),
        n_most=most_values(known),
        detectable=coefficient(smallest_significant(int(known["n"].max()), aging["alpha"]), 3) if len(known) else "",
        change=coefficient(float(changes.max())) if len(changes) else "",
        adjusted=adjusted(study),
        published={verdict: int(tables["compare_published"]["verdict"].eq(verdict).sum()) for verdict in COMPARED},
    )


def adjusted_for(tables: dict[str, pd.DataFrame]) -> str:
    """Return the covariates that the correlations are adjusted for together, in words; nothing without any."""
    sets = tables["adjusted"]["adjusted_for"].unique()
    most = max(sets, key=lambda names: (names.count(" + "), names), default=NO_COVARIATE)
    return "" if most == NO_COVARIATE else covariates_in_words(most)


def adjusted(study: FinishedStudy) -> dict[str, Any]:
    """Return what correlations of structures were adjusted for together, how many were, and how many significant."""
    table, covariates = study.tables["adjusted"], adjusted_for(study.tables)
    together = table["adjusted_for"].map(covariates_in_words).eq(covariates)
    p = table.loc[together & table["family"].eq("structures"), "p"].dropna()
    if not covariates or p.empty:
        return {}
    return {"covariates": covariates, "tested": len(p), "significant": int((p < study.config["aging"]["alpha"]).sum())}


def strongest(known: pd.DataFrame, study: FinishedStudy) -> list[str]:
    """Return the strongest significant correlations in words."""
    found = known.loc[known["significant"].fillna(False).astype(bool)]
    confidence = percent(study.conventions.confidence)
    order = found.assign(strength=found["rho"].abs()).sort_values(["strength", *KEY], ascending=[False, True, True])
    return [
        f"{in_a_sentence(row['structure'])} (r_s = {coefficient(row['rho'])}; {confidence} CI"
        f" {interval(row['ci_low'], row['ci_high'])}; {p_text(row['p'])};"
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


def smallest_significant(n: int, alpha: float) -> float:
    """Return the size that a Spearman correlation needs to be significant at two-sided alpha, by the t distribution."""
    if n < 3:
        return np.nan
    t = -float(special.stdtrit(n - 2, alpha / 2))
    return float(t / np.sqrt(n - 2 + t * t))


def association_document(study: FinishedStudy) -> Document:
    """Return the associations of single structures with age as a table for print, in label order."""
    tables, confidence = study.tables, percent(study.conventions.confidence)
    found = tables["associations"].merge(
        tables["groups"][[*KEY, "h", "p", "epsilon_squared"]], on=KEY, suffixes=("", "_groups"), validate="one_to_one"
    )
    place = {name: number for number, name in enumerate(study.analysed)}
    ordered = found.assign(place=found["structure"].map(place)).sort_values(
        ["place", "measure"], ascending=[True, False]
    )
    rows = [association_cells(row, confidence) for row in ordered.to_dict("records")]
    alpha = level(study.config["aging"]["alpha"])
    note = (
        f"Spearman correlation with age (r_s) with its confidence interval; P two-sided, significant below {alpha};"
        " adjusted P over all correlations of single structures, or of groups of them. H and epsilon squared:"
        " Kruskal-Wallis test over age quartiles. n: values that passed the screening."
    )
    note = f"{note} {summaries.repeated_patients(study)}".rstrip()
    title = "Table 2. Association of volume and attenuation with age"
    return Document(title, pd.DataFrame(rows), (note,), study.banner)


def association_cells(row: dict[Any, Any], confidence: str) -> dict[str, str]:
    """Return the printed cells of a row."""
    return {
        "Structure": structure_text(row["structure"]),
        "Measure": MEASURES[row["measure"]],
        "n": scans_of_patients(row["n"], row["n_patients"]),
        "r_s": coefficient(row["rho"]),
        f"{confidence} CI": interval(row["ci_low"], row["ci_high"]),
        "P": p_cell(row["p"]),
        "log10 P": number(row["log10_p"], 1),
        "Bonferroni P": p_cell(row["p_bonferroni"]),
        "Holm P": p_cell(row["p_holm"]),
        "BH q": p_cell(row["q_bh"]),
        "H": number(row["h"], 1),
        "P (H)": p_cell(row["p_groups"]),
        "epsilon squared": coefficient(row["epsilon_squared"]),
    }


def checklist(name: str, study_folder: Path) -> pd.DataFrame:
    """Return a checklist: where an item is answered, among the files of this study, and what the author adds."""
    items = pd.read_csv(CHECKLISTS / f"{name}.csv", dtype=str, keep_default_na=False)
    return items.assign(answered_in=items["answered_in"].map(lambda places: _there(places, study_folder)))


def _there(places: str, study_folder: Path) -> str:
    return "; ".join(place for place in places.split("; ") if place and (study_folder / place).is_file())
