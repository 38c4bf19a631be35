"""The page on which a reviewer judges masks: `report/review/index.html`, which opens from disk and asks no network.

In: the cases of all shards, verdicts and measures of the study, and the decisions it was screened with. The pictures
are there already; this writes the page, its script, its style and the list of cases.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.all_tables import MEASURES, MEASURES_TABLE, REVIEW, REVIEW_CASES, VERDICTS
from ctpop.figures.formatting import named_by
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_text
from ctpop.foundation.resources import resource
from ctpop.foundation.templates import environment
from ctpop.stages.review.case_pictures import script_json
from ctpop.stages.review.gallery_data import case_rows, page_data, review_cells, spread_of
from ctpop.stages.review.plane_pictures import BONE, LUNG, SOFT
from ctpop.stages.review.planes import PIXELS, VIEWS
from ctpop.study import configuration, display_names
from ctpop.study.decisions import decision_cells

LOG = logging.getLogger(__name__)

TEMPLATES = resource("gallery")
COPIED = ("gallery.js", "gallery.css")


def page_text(study: dict[str, Any], sample_share: float) -> str:
    """Return the page without its cases, which come as a script."""
    return (
        environment(TEMPLATES)
        .get_template("gallery.html")
        .render(
            study=study["name"],
            banner=study.get("banner", ""),
            share=f"{100 * sample_share:g}",
            views=VIEWS,
            pixels=PIXELS,
            windows=(SOFT, BONE, LUNG),
        )
    )


def refuse_missing_pictures(images: "pd.Series[str]", folder: Path) -> None:
    """Raise a ContractError if somebody has removed pictures that were drawn: Snakemake does not know of them."""
    excluded = [image for image in images if not (folder / image).is_file()]
    if excluded:
        message = f"{len(excluded)} of {len(images)} pictures are not there, first {', '.join(excluded[:3])}"
        raise ContractError(
            f"{folder}: {message}; draw them again with"
            " `snakemake --forcerun review --profile profiles/local --configfile my_study.yaml`"
        )


@dataclass(frozen=True)
class GalleryOptions:
    """Options of the command `gallery`; `ctpop gallery --help` explains them."""

    cases: Path
    verdicts: Path
    measures: Path
    review: Path | None
    structures: str | None
    config: Path | None
    gallery: Path


def run(options: GalleryOptions) -> None:
    """Write the page and what belongs to it.

    Raises
    ------
    ContractError
        If the settings are not JSON or have errors, a table breaks its promise, or a picture is gone.

    """
    study, share = (
        configuration.section("study", options.config),
        configuration.section("review", options.config)["sample_share"],
    )
    verdicts = VERDICTS.read(options.verdicts, "rule_reason", "usable_volume", "usable_hu")
    measures = MEASURES_TABLE.read(options.measures, *MEASURES)
    names = [str(name) for name in measures["structure"].unique()]
    cells = decision_cells(options.review, names) if options.review else pd.DataFrame(columns=list(REVIEW.columns))
    cases = REVIEW_CASES.read(options.cases)
    refuse_missing_pictures(cases["image"].dropna(), options.gallery)
    rows = case_rows(cases, verdicts, measures)
    spread = spread_of(verdicts, measures, list(dict.fromkeys(cases["structure"])))
    with named_by(display_names.names_of(configuration.label_rows(options.structures) if options.structures else [])):
        data = page_data(study, rows, spread, review_cells(cells))
    write_text(page_text(study, share), options.gallery / "index.html")
    for name in COPIED:
        write_text((TEMPLATES / name).read_text(encoding="utf-8"), options.gallery / name)
    write_text(f"gallery.begin({script_json(data)});\n", options.gallery / "cases.js")
    LOG.info("%d cases, %d decisions made before", len(rows), len(cells))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--cases", type=Path, required=True, help="Parquet with the cases of all shards")
    parser.add_argument("--verdicts", type=Path, required=True, help="Parquet with the verdicts")
    parser.add_argument("--measures", type=Path, required=True, help="Parquet with the measures of all scans")
    parser.add_argument("--review", type=Path, help="CSV with the decisions that the study was screened with")
    parser.add_argument("--structures", help="label set with the names of the structures: shipped name or CSV")
    configuration.add_config_argument(parser, "review", "study")
    parser.add_argument("--gallery", type=Path, required=True, help="folder to write the page to, report/review")
