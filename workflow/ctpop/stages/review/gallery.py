"""The review gallery: `report/review/index.html`, which opens from disk and makes no network requests.

Input: the cases of all shards, the verdicts and measures of the study, and the QC decisions applied in its screening.
Output: the page, its script, its style sheet, and the list of cases. The command `review` writes the images.
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
    """Return the page without its cases, which are in a separate script."""
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
    """Raise a ContractError if drawn images have been removed; Snakemake does not track the image files."""
    excluded = [image for image in images if not (folder / image).is_file()]
    if excluded:
        message = f"missing images: {len(excluded)} of {len(images)}, including {', '.join(excluded[:3])}"
        raise ContractError(
            f"{folder}: {message}; draw the images again with"
            " `snakemake --forcerun review --profile profiles/local --configfile my_study.yaml`"
        )


@dataclass(frozen=True)
class GalleryOptions:
    """Options of the command `gallery`; `ctpop gallery --help` describes them."""

    cases: Path
    verdicts: Path
    measures: Path
    review: Path | None
    structures: str | None
    config: Path | None
    gallery: Path


def run(options: GalleryOptions) -> None:
    """Write the page, its scripts, and its style sheet.

    Raises
    ------
    ContractError
        If the configuration or a table is invalid, or an image is missing.

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
    LOG.info("%d cases, %d earlier decisions", len(rows), len(cells))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--cases", type=Path, required=True, help="Parquet file with the cases of all shards")
    parser.add_argument("--verdicts", type=Path, required=True, help="Parquet file with the verdicts of all scans")
    parser.add_argument("--measures", type=Path, required=True, help="Parquet file with the measures of all scans")
    parser.add_argument("--review", type=Path, help="CSV file with the decisions applied in the screening of the study")
    parser.add_argument("--structures", help="label set of the study: name of a built-in label set or CSV file")
    configuration.add_config_argument(parser, "review", "study")
    parser.add_argument("--gallery", type=Path, required=True, help="output folder of the page (report/review)")
