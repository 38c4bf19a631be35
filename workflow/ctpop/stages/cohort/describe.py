"""Description of the cohort: Table 1 and the flow diagram, before measurement.

Input: the tables of the cohort. Output: the table `table1`; `table1.csv`, `.html`, and `.docx` for printing; and the
flow diagram from the registry to the cohort. The report contains an extended flow diagram up to the analyzed scans.
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
    """Options of the command `describe`; `ctpop describe --help` describes them."""

    cohort: Path
    exclusions: Path
    flow: Path
    config: Path | None
    table1: Path
    report: Path
    figures: Path


def run(options: DescribeOptions) -> None:
    """Read the tables of the cohort and write Table 1 and the flow diagram."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # fontTools logs every glyph of every figure
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
    parser.add_argument("--cohort", type=Path, required=True, help="Parquet file with the included scans")
    parser.add_argument("--exclusions", type=Path, required=True, help="Parquet file with the failed criteria")
    parser.add_argument("--flow", type=Path, required=True, help="Parquet file with counts per criterion")
    configuration.add_config_argument(parser, "aging", "cohort", "report", "study")
    parser.add_argument("--table1", type=Path, required=True, help="output Parquet file with the numbers of Table 1")
    parser.add_argument("--report", type=Path, required=True, help="output folder of table1.csv, .html, and .docx")
    parser.add_argument("--figures", type=Path, required=True, help="output folder of the figure cohort_flow")
