"""The report: figures, one page for the reader, methods text, and where it all comes from.

Reads the tables of a finished study. Writes the figures with their numbers, `index.html` (one page that opens from disk
and asks no network for anything), `methods.md` and further parts of a manuscript, and, beside the report's folder,
`provenance.json`.
"""

import argparse
import json
import logging
import os
from pathlib import Path
from typing import Any

import jinja2

from ctpop import settings, structures
from ctpop.describing.printed import printed
from ctpop.errors import ContractError
from ctpop.figures import export, wording
from ctpop.figures.export import Drawing
from ctpop.figures.trend import SPLINE_FROM
from ctpop.reporting import manuscript, summaries
from ctpop.reporting.drawings import draw_all, save_all
from ctpop.reporting.provenance import provenance
from ctpop.reporting.published import published
from ctpop.reporting.study import Study, read_study
from ctpop.schema import TABLES
from ctpop.tables import write_text

LOG = logging.getLogger(__name__)
TEMPLATES = Path(__file__).parents[1] / "report"


def templates() -> jinja2.Environment:
    """Return the environment of the templates; text in HTML is escaped, and a name that is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(("html",)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["wording"] = vars(wording)
    environment.globals["css_text"] = css_text
    return environment


def css_text(text: str) -> str:
    """Return free text as a CSS string in which no character can end it: all but letters and digits are escaped."""
    safe = (letter if letter.isascii() and letter.isalnum() else f"\\{ord(letter):x} " for letter in text)
    return f'"{"".join(safe)}"'


def methods_text(study: Study, sources: dict[str, Any]) -> str:
    """Return the methods section of a manuscript, in Markdown, from what was configured and found."""
    tables = study.tables
    bounds = study.label_set.table["lower_bound_ml"].notna().sum()
    single = tables["normality"]["structure"].isin(study.label_set.names)
    normality = tables["normality"].loc[single, "p"].dropna()
    return (
        templates()
        .get_template("methods.md")
        .render(
            config=study.config,
            label_set=study.label_set.name,
            counts=sources["counts"],
            flow=tables["flow"].to_dict("records"),
            ages=summaries.age_quartiles(tables["cohort"]["age_years"]),
            sexes=tables["cohort"]["sex"].value_counts().to_dict(),
            ranges=study.conventions.age_ranges,
            n_bounds=int(bounds),
            screening=summaries.screening_rules(study),
            n_normality=len(normality),
            n_not_normal=int((normality < 0.05).sum()),
            n_pairs=summaries.tests_of(tables["posthoc"]),
            n_groups=summaries.tests_of(tables["groups"]),
            n_discordant=int(tables["groups"].loc[single, "discordant"].sum()),
            n_grouped=len(study.label_set.groups),
            sources=sources,
        )
    )


def page(study: Study, drawings: list[Drawing], sources: dict[str, Any], links: dict[str, str]) -> str:
    """Return the page; `links` are the folders of figures and tables and the provenance as seen from it."""
    truth = summaries.truth_rows(study) if "compare_truth" in study.tables else []
    segments = study.tables.get("segments")
    return (
        templates()
        .get_template("index.html")
        .render(
            study=study.config["study"],
            banner=study.banner,
            counts=sources["counts"],
            conventions=study.conventions,
            spline_from=SPLINE_FROM,
            figure6_columns=len(study.chosen),
            drawings=drawings,
            formats=export.FORMATS,
            flow=summaries.flow(study),
            table1=printed(study.tables["table1"]),
            overlap=summaries.overlap(study),
            source_conflicts=summaries.source_conflicts(study),
            contrast=summaries.contrast(study),
            contrast_hu={
                look: study.config["cohort"][f"contrast_{look}_hu"] for look in ("enhanced_from", "unenhanced_below")
            },
            segmentation=None if segments is None else summaries.segmentation(segments),
            screening=summaries.screening(study),
            associations=summaries.associations(study, "structures"),
            groups=summaries.associations(study, "groups"),
            group_hu_share=study.config["screen"]["group_hu_share"],
            incomplete_groups=summaries.incomplete_groups(study),
            sensitivity=summaries.sensitivity(study),
            published=published(study),
            truth=truth,
            methods=methods_text(study, sources).strip().split("\n\n"),
            sources=sources,
            settings=json.dumps(sources["config"], indent=2, ensure_ascii=False, sort_keys=True),
            tables=[(table.name, table.meaning) for table in TABLES if table.name in study.tables],
            links=links,
        )
    )


def run(options: argparse.Namespace) -> None:
    """Read the tables, draw the figures, write the pages."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph of every figure
    config = settings.validated(_read_json(options.config))
    study = read_study(options.tables, structures.read(options.structures), config)
    LOG.info("%d scans, %d structures", len(study.tables["cohort"]), len(study.label_set.names))
    drawings = save_all(draw_all(study), options.figures, config["report"]["dpi"])
    sources = provenance(study)
    beside = options.report.parent / "provenance.json"
    places = {"figures": options.figures, "tables": options.tables, "provenance": beside}
    links = {name: Path(os.path.relpath(place, options.report)).as_posix() for name, place in places.items()}
    write_text(json.dumps(sources, indent=2, ensure_ascii=False, sort_keys=True) + "\n", beside)
    write_text(methods_text(study, sources), options.report / "methods.md")
    references = (TEMPLATES / "references.bib").read_text(encoding="utf-8")
    manuscript.write(study, templates().get_template("results.md"), references, options.report)
    write_text(page(study, drawings, sources, links), options.report / "index.html")
    LOG.info("%d figures of %d tables", len(drawings), len(study.tables))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--tables", type=Path, required=True, help="folder with the tables of the study")
    parser.add_argument("--figures", type=Path, required=True, help="folder to write the figures to")
    parser.add_argument("--report", type=Path, required=True, help="folder to write index.html and methods.md to")
    parser.add_argument("--structures", required=True, help="label set: shipped name or CSV")
    parser.add_argument("--config", required=True, help="the whole configuration of the study, as JSON")


def _read_json(text: str) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(text)
    except json.JSONDecodeError as error:
        raise ContractError(f"--config: JSON is expected, found {text[:60]!r} ({error})") from None
    return config
