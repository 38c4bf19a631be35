"""Report of a finished study: figures, pages, manuscript text, and provenance.

Input: the tables of the study. Output: the figures with their source data, `index.html` with its pages (which open from
disk and make no network requests), `methods.md` and other parts of a manuscript, and, next to the folder of the report,
`provenance.json`.
"""

import argparse
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.documents import manuscript_files
from ctpop.figures import formatting
from ctpop.figures.association import cut_points
from ctpop.figures.export import Picture, Plan
from ctpop.foundation.files import write_text
from ctpop.stages.report import (
    age_methods,
    age_sentences,
    manuscript,
    pages,
    phrases,
    published_results,
    summaries,
)
from ctpop.stages.report.figure_files import processes_for, save_all
from ctpop.stages.report.figure_plans import plans
from ctpop.stages.report.finished_study import FinishedStudy, read_study
from ctpop.stages.report.provenance import provenance
from ctpop.stages.report.references import References
from ctpop.study import configuration, label_sets, rule_sets

LOG = logging.getLogger(__name__)


def methods_text(study: FinishedStudy, sources: dict[str, Any]) -> str:
    """Return the methods section of a manuscript, in Markdown, from the configuration and the tables of a study."""
    tables, screen = study.tables, study.config["screen"]
    made = pages.templates().get_template("methods.md")
    text = made.render(
        phrases=vars(phrases),
        references=References(bibliography()),
        config=study.config,
        label_set=study.label_set.name,
        counts=sources["counts"],
        criteria=phrases.criteria(tables["flow"]),
        models=phrases.models(sources),
        rules=phrases.screening(study),
        rules_without_evidence=phrases.has_unassessed_rules(study),
        bounded="below_bound" in rule_sets.read(screen["rules"]).rules,
        n_bounds=int(study.label_set.table["lower_bound_ml"].notna().sum()),
        changed_bounds=[age_sentences.in_a_sentence(name) for name in screen.get("lower_bound_ml") or []],
        screening=summaries.screening_rules(study),
        age_groups=phrases.age_groups(cut_points(tables["groups"]), study.config["aging"]["quartiles"]),
        families=manuscript.families(study),
        n_grouped=len(study.label_set.groups),
        n_sexes=tables["cohort"]["sex"].nunique(),
        **age_methods.values(study),
        compared=tables["compare_published"]["outcome"].isin(published_results.COMPARED).any(),
        packages=phrases.packages(sources),
        sources=sources,
    )
    return phrases.tidy(text)


def bibliography() -> str:
    """Return the literature that a manuscript can cite, in BibTeX format."""
    return (pages.TEMPLATES / "references.bib").read_text(encoding="utf-8")


@dataclass(frozen=True)
class ReportOptions:
    """Options of the command `report`; `ctpop report --help` describes them."""

    tables: Path
    figures: Path
    report: Path
    structures: str
    config: Path
    jobs: int


def run(options: ReportOptions) -> None:
    """Read the tables, draw the figures, and write the pages."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # fontTools logs every glyph of every figure
    config = configuration.validated(configuration.read_file(options.config))
    label_set = label_sets.read(options.structures)
    with formatting.printed_in(config["report"]["style"]), formatting.named_by(label_set.display_names):
        write(read_study(options.tables, label_set, config), options)


def write(study: FinishedStudy, options: ReportOptions) -> None:
    """Write the figures and pages of a study."""
    LOG.info("%d scans and %d structures", len(study.tables["cohort"]), len(study.label_set.names))
    drawings = _drawn(list(plans(study)), options, study.config["report"])
    sources = provenance(study, options.tables.parent / "masks" if "segments" in study.tables else None)
    beside = options.report.parent / "provenance.json"
    write_text(json.dumps(sources, indent=2, ensure_ascii=False, sort_keys=True) + "\n", beside)
    methods = methods_text(study, sources)
    manuscript_files.write_prose(methods, options.report, "methods")
    manuscript.write(study, pages.templates().get_template("results.md"), bibliography(), options.report)
    pages.write(study, drawings, sources, methods, pages.Site(options.report, options.figures, options.tables, beside))
    LOG.info("%d figures from %d tables", len(drawings), len(study.tables))


def _drawn(figures: list[Plan], options: ReportOptions, settings: dict[str, Any]) -> list[Picture]:
    jobs = processes_for(len(figures) * len(settings["formats"]), options.jobs)
    return save_all(figures, options.figures, settings, jobs)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables of the study")
    parser.add_argument("--figures", type=Path, required=True, help="output folder of the figures")
    parser.add_argument("--report", type=Path, required=True, help="output folder of index.html and methods.md")
    parser.add_argument("--structures", required=True, help="label set: name of a built-in label set or a CSV file")
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="complete configuration of the study (YAML)"
    )
    jobs = len(os.sched_getaffinity(0))
    parser.add_argument(
        "--jobs", type=int, default=jobs, help="processes for drawing (default: all available CPUs, here %(default)s)"
    )
