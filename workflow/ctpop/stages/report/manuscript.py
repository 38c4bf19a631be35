"""Parts of a manuscript other than its methods: results section, table of associations, references, and checklists.

SOURCE: STROBE items for cross-sectional studies, von Elm et al., Lancet 2007;370:1453; CLAIM items of the 2024 update,
Tejani et al., Radiol Artif Intell 2024;6(4):e240300. The numbers are those of the checklists; the texts are abridged.
"""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from ctpop.contracts.table_files import write_csv
from ctpop.documents import manuscript_files
from ctpop.documents.manuscript_files import Document
from ctpop.figures.association import KEY
from ctpop.figures.formatting import (
    MEASURES,
    coefficient,
    interval,
    level,
    number,
    p_cell,
    percent,
    scans_of_patients,
    structure_text,
)
from ctpop.foundation.files import write_text
from ctpop.foundation.resources import resource
from ctpop.stages.report import (
    adjusted_sentences,
    age_sentences,
    curve_sentences,
    missing_sentences,
    phrases,
    published_results,
    repeat_sentences,
    sensitivity_sentences,
    summaries,
)
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.structure_lists import statistic_of_groups

CHECKLISTS = resource("checklists")
NAMES = ("strobe", "claim")
NORMALITY_ALPHA = 0.05
STATISTICS = {"h": "Kruskal-Wallis statistic", "q": "statistic of the score test by patient"}
PRIMARY = "; correlations of primary structures or groups form separate families"
HYPOTHESES = {  # sentences of Table 2 without and with repeated scans of patients
    False: (
        "the first tests that the correlation is 0, and the second tests that value and age are independent."
        " Significance, log₁₀ P, and adjusted P values are based on the second."
    ),
    True: "P (ρ = 0) tests that the correlation is 0; log₁₀ P and adjusted P values are based on it.",
}
SENTENCES = (
    sensitivity_sentences.change,
    sensitivity_sentences.other_analyses,
    age_sentences.false_positives,
    age_sentences.primary,
    age_sentences.largest_effects,
    age_sentences.power,
    age_sentences.by_sex,
    curve_sentences.nonlinear,
    curve_sentences.interaction,
    curve_sentences.change_points,
    curve_sentences.sex_differences,
    curve_sentences.body_size,
    curve_sentences.centiles,
    repeat_sentences.repeats,
    adjusted_sentences.adjusted,
    adjusted_sentences.quade,
)


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
    own = {name: age_sentences.rows_of(study, name) for name in ("associations", "groups", "normality")}
    known = own["associations"].dropna(subset="rho")
    groups, normality = own["groups"]["p"].dropna(), own["normality"]["p"].dropna()
    alpha, counts = study.config["aging"]["alpha"], summaries.counts(study)
    screening = summaries.screening_rules(study)
    text = template.render(
        phrases=vars(phrases),
        config=study.config,
        counts=counts,
        exclusions=phrases.exclusions(tables["flow"]),
        sample=phrases.sample(study),
        n_without_age=int(cohort["age_years"].isna().sum()),
        dependence=summaries.BY_PATIENT if study.n_patients < len(cohort) else "",
        **{name: of_cohort(study, counts, key) for name, key in (("made", "segmented"), ("measured", "measured"))},
        screening=screening,
        decisions=phrases.reviewed(screening["n"]),
        strongest={
            measure: age_sentences.strongest(known.loc[known["measure"] == measure], study) for measure in MEASURES
        },
        test_of_groups=summaries.test_names(study)["groups"],
        **{"n_groups": len(groups), "n_differing": int((groups < alpha).sum())},
        **{"n_normality": len(normality), "n_not_normal": int((normality < NORMALITY_ALPHA).sum())},
        **{sentence.__name__: sentence(study) for sentence in SENTENCES},
        missing=missing_sentences.results_sentences(study),
        published=published_results.sentence(tables["compare_published"]),
    )
    return phrases.tidy(text)


def of_cohort(study: FinishedStudy, counts: dict[str, int], name: str) -> str:
    """Return a number of scans as a part of the cohort, in words; empty if the study does not have this count."""
    return phrases.of_cohort(study, counts[name], counts[f"{name}_patients"]) if counts.get(name) else ""


def families(study: FinishedStudy) -> list[str]:
    """Return the families of tests of individual structures: `correlations`; empty families are omitted."""
    return [f"{one}s" for one, n in summaries.tests(study).items() if n]


def association_document(study: FinishedStudy) -> Document:
    """Return the associations with age as a table for print: structures in label order, then groups."""
    tables, confidence = study.tables, percent(study.conventions.confidence)
    statistic, bands = statistic_of_groups(study), f"{study.conventions.band}s"
    of_groups = tables["groups"][[*KEY, statistic, "p", "epsilon_squared"]].rename(columns={statistic: "statistic"})
    found = tables["associations"].merge(of_groups, on=KEY, suffixes=("", "_groups"), validate="one_to_one")
    found = age_sentences.with_effects(found, study)
    place = {name: number for number, name in enumerate(study.analyzed)}
    ordered = found.assign(place=found["structure"].map(place)).sort_values(
        ["place", "measure"], ascending=[True, False]
    )
    rows = [association_cells(row, confidence, statistic.upper()) for row in ordered.to_dict("records")]
    alpha = level(study.config["aging"]["alpha"])
    note = (
        "Note.—ρ = Spearman rank correlation coefficient with age, CI = confidence interval, BH = Benjamini-Hochberg,"
        f" {statistic.upper()} = {STATISTICS[statistic]} for {bands}, ε² = epsilon squared (effect size for {bands}),"
        " n = number of values that passed segmentation screening. P values are two-sided;"
        f" {HYPOTHESES[study.conventions.repeated]} P < {alpha} was considered to indicate statistical significance."
        " Adjusted P values account for all correlations of individual structures or, for groups of structures, for all"
        f" correlations of groups{PRIMARY if study.config['aging']['primary'] else ''}."
    )
    note = " ".join(filter(None, [note, age_sentences.note_on_effects(study), summaries.repeated_patients(study)]))
    title = "Table 2. Associations of volume and attenuation with age"
    cells = pd.DataFrame(rows).drop(columns="P (independence)" if study.conventions.repeated else [])
    return Document(title, cells, (note,), study.banner)


def association_cells(row: dict[Any, Any], confidence: str, statistic: str) -> dict[str, str]:
    """Return the printed cells of a row; `statistic` is the name of the statistic for age quartiles, H or Q."""
    return {
        "Structure": structure_text(row["structure"]),
        "Measure": MEASURES[row["measure"]],
        "n": scans_of_patients(row["n"], row["n_patients"]),
        "ρ": coefficient(row["rho"]),
        f"{confidence} CI": interval(row["ci_low"], row["ci_high"]),
        "P (ρ = 0)": p_cell(row["p_rho0"]),
        "P (independence)": p_cell(row["p_independence"]),
        "log₁₀ P": number(row[f"log10_p_{row['test']}"], 1),
        "Bonferroni P": p_cell(row["p_bonferroni"]),
        "Holm P": p_cell(row["p_holm"]),
        "BH q": p_cell(row["q_bh"]),
        statistic: number(row["statistic"], 1),
        f"P ({statistic})": p_cell(row["p"]),
        "ε²": coefficient(row["epsilon_squared"]),
        f"Difference per decade ({confidence} CI)": age_sentences.effect_with_limits(row),
        "P (difference)": p_cell(row["p_effect"]),
    }


def checklist(name: str, study_folder: Path) -> pd.DataFrame:
    """Return a checklist with the existing files of this study that answer each item, and the task of the author."""
    items = pd.read_csv(CHECKLISTS / f"{name}.csv", dtype=str, keep_default_na=False)
    return items.assign(answered_in=items["answered_in"].map(lambda places: _there(places, study_folder)))


def _there(places: str, study_folder: Path) -> str:
    return "; ".join(place for place in places.split("; ") if place and (study_folder / place).is_file())
