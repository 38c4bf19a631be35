"""Who is in the study, for people: Table 1 and the flow diagram, before anything is measured.

In: the tables of the cohort. Out: the table `table1`, `table1.csv`, `.html` and `.docx` for print, and the flow diagram
from the registry to the cohort (the report draws it again, down to what entered the statistics).
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from ctpop.contracts.all_tables import COHORT, EXCLUSIONS, FLOW, TABLE1
from ctpop.documents.table1 import table1
from ctpop.documents.table1_text import printed
from ctpop.figures import export, flow
from ctpop.figures.export import Drawing
from ctpop.stages.cohort.table1_files import write_table1
from ctpop.study import configuration

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class DescribeOptions:
    """Options of the command `describe`; `ctpop describe --help` explains them."""

    cohort: Path
    exclusions: Path
    flow: Path
    config: Path | None
    table1: Path
    report: Path
    figures: Path


def run(options: DescribeOptions) -> None:
    """Read the tables of the cohort, describe it, and write tables, page and figure."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph of every figure
    study, report = (configuration.section(name, options.config) for name in ("study", "report"))
    chosen, aging = configuration.section("cohort", options.config), configuration.section("aging", options.config)
    cohort = COHORT.read(options.cohort)
    described = TABLE1.write(table1(cohort, chosen.get("table1", []), aging["quartiles"]), options.table1)
    write_table1(printed(described), options.report, study.get("banner"))
    steps = flow.cohort_source(FLOW.read(options.flow), EXCLUSIONS.read(options.exclusions), cohort)
    words = f"Flow diagram. {flow.summary(steps)}."
    drawing = Drawing("cohort_flow", "flow", words, flow.draw(steps, study.get("banner")), steps)
    export.save(drawing, options.figures, report["dpi"], report["formats"])
    LOG.info("%s", words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--cohort", type=Path, required=True, help="Parquet with the included scans")
    parser.add_argument("--exclusions", type=Path, required=True, help="Parquet with failed criteria")
    parser.add_argument("--flow", type=Path, required=True, help="Parquet with counts per criterion")
    configuration.add_config_argument(parser, "aging", "cohort", "report", "study")
    parser.add_argument("--table1", type=Path, required=True, help="Parquet to write: Table 1 as numbers")
    parser.add_argument("--report", type=Path, required=True, help="folder to write table1.csv, .html and .docx to")
    parser.add_argument("--figures", type=Path, required=True, help="folder to write cohort_flow to")
