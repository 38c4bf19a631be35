"""Pages of the report: the index of the study, one page per structure, and their shared script and style sheet."""

import json
import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ctpop.contracts.all_tables import TABLES
from ctpop.documents.table1_text import printed
from ctpop.figures import captions, catalog, formatting
from ctpop.figures.export import Picture
from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_text
from ctpop.foundation.resources import resource
from ctpop.foundation.templates import environment
from ctpop.stages.report import age_sentences, structure_lists, structure_pages, summaries
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.implausible_structures import sentences, sentences_on_scans
from ctpop.stages.report.input_notes import notes_of
from ctpop.stages.report.published_results import published
from ctpop.stages.report.structure_missing import most_missing
from ctpop.study.implausible_scans import implausible_scans

TEMPLATES = resource("report")
LIBRARY = resource("datatables")
SCRIPT = "dataTables.min.js"
OURS = ("page.js", "style.css")


@dataclass(frozen=True)
class Site:
    """Paths of the parts of a report; pages contain relative links, so the folder can be moved."""

    report: Path
    figures: Path
    tables: Path
    provenance: Path

    def links(self, page: Path) -> dict[str, str]:
        """Return the links relative to the folder of a page."""
        places = {"figures": self.figures, "tables": self.tables, "provenance": self.provenance}
        return {name: Path(os.path.relpath(place, page)).as_posix() for name, place in places.items()}


def write(study: FinishedStudy, pictures: list[Picture], sources: dict[str, Any], methods: str, site: Site) -> None:
    """Write `index.html`, a page for each structure, and their shared scripts and style sheet.

    Remove the pages of structures that are not in the current configuration.
    """
    for name in OURS:
        write_text((TEMPLATES / name).read_text(encoding="utf-8"), site.report / "assets" / name)
    write_text(library(), site.report / "assets" / SCRIPT)
    write_text(index(study, pictures, sources, methods, site), site.report / "index.html")
    folder = site.report / "structures"
    written = {f"{name}.html": text for name, text in structures(study, pictures, sources, site).items()}
    for name, text in written.items():
        write_text(text, folder / name)
    for stale in folder.glob("*.html"):
        if stale.name not in written:
            stale.unlink()


def index(study: FinishedStudy, pictures: list[Picture], sources: dict[str, Any], methods: str, site: Site) -> str:
    """Return the index page of the study."""
    segments = study.tables.get("segments")
    limits = {look: study.config["cohort"][f"contrast_{look}_hu"] for look in ("enhanced_from", "unenhanced_below")}
    return (
        templates()
        .get_template("index.html")
        .render(
            **_shared(study, sources, site.links(site.report), ""),
            drawings=pictures,
            flow=summaries.flow(study),
            table1=printed(study.tables["table1"]),
            overlap=summaries.overlap(study),
            source_conflicts=summaries.source_conflicts(study),
            contrast=summaries.contrast(study),
            contrast_hu=limits,
            segmentation=None if segments is None else summaries.segmentation(segments),
            unmeasured=summaries.unmeasured(study),
            screening=structure_lists.screening(study),
            associations=structure_lists.associations(study, "structures"),
            note_on_effects=age_sentences.note_on_effects(study),
            groups=structure_lists.associations(study, "groups") if study.label_set.groups else None,
            pages=structure_lists.by_organ_group(study),
            group_hu_share=study.config["screen"]["group_hu_share"],
            incomplete_groups=summaries.incomplete_groups(study),
            sensitivity=structure_lists.sensitivity(study),
            missing=most_missing(study),
            published=published(study),
            ground_truth=structure_lists.truth(study) if "compare_truth" in study.tables else None,
            implausible=_implausible(study),
            input_notes=notes_of(study.config, study.label_set.names),
            methods=methods.strip().split("\n\n"),
            settings=json.dumps(sources["config"], indent=2, ensure_ascii=False, sort_keys=True),
            tables=[(table.name, table.meaning) for table in TABLES if table.name in study.tables],
        )
    )


def _implausible(study: FinishedStudy) -> list[str]:
    """Return sentences on structures and scans with implausible values."""
    share = study.config["screen"]["implausible_share"]
    scans = implausible_scans(study.tables["implausible_values"], share)
    return sentences(study.tables["plausibility"]) + sentences_on_scans(scans)


def structures(study: FinishedStudy, pictures: list[Picture], sources: dict[str, Any], site: Site) -> dict[str, str]:
    """Return the page of each structure and group by name, with links to the previous and next page."""
    template = templates().get_template("structure.html")
    shared = _shared(study, sources, site.links(site.report / "structures"), "../")
    pages = list(structure_pages.pages(study))
    drawn = {picture.name: picture for picture in pictures}
    return {
        page.name: template.render(
            **shared,
            page=page,
            before=pages[place - 1] if place else None,
            after=pages[place + 1] if place + 1 < len(pages) else None,
            drawings=[drawn[name] for name in page.figures if name in drawn],
        )
        for place, page in enumerate(pages)
    }


def library() -> str:
    """Return the published script that sorts and filters tables.

    Raises
    ------
    ContractError
        If the checksum of the file differs from the checksum in the README.md of its folder.

    """
    content = (LIBRARY / SCRIPT).read_bytes()
    [expected] = re.findall(r"`([0-9a-f]{64})`", (LIBRARY / "README.md").read_text(encoding="utf-8"))
    if digests.of_bytes(content) != expected:
        raise ContractError(
            f"{LIBRARY / SCRIPT}: the checksum differs from the one in README.md of this folder;"
            " download the file again"
        )
    return content.decode("utf-8")


def templates() -> jinja2.Environment:
    """Return the templates of the report with the functions that format numbers."""
    found = environment(TEMPLATES)
    found.globals["wording"] = vars(formatting)
    found.globals["css_text"] = css_text
    return found


def css_text(text: str) -> str:
    """Return text as a CSS string; all characters except ASCII letters and digits are escaped."""
    safe = (letter if letter.isascii() and letter.isalnum() else f"\\{ord(letter):x} " for letter in text)
    return f'"{"".join(safe)}"'


def _caption(study: FinishedStudy, counts: dict[str, int], kind: str, again: bool) -> Markup:
    sizes = counts["cohort"], counts["patients"]
    shared = study.conventions
    values = captions.CaptionValues(shared.confidence, shared.alpha, *sizes, band=shared.band)
    return Markup(captions.html(catalog.BY_NAME[kind], values, continued=again))


def _shared(study: FinishedStudy, sources: dict[str, Any], links: dict[str, str], up: str) -> dict[str, Any]:
    return {
        "study": study.config["study"],
        "banner": study.banner,
        "counts": sources["counts"],
        "repeated": summaries.repeated_patients(study),
        "conventions": study.conventions,
        "primary": study.config["aging"]["primary"],
        "caption": partial(_caption, study, sources["counts"]),
        "formats": study.config["report"]["formats"],
        "gallery": study.has_gallery,
        "sources": sources,
        "links": links,
        "up": up,
    }
