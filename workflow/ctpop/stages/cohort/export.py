"""Export of de-identified tables without small counts and without ages above 89 years.

Input: tables of a study. Output: a folder with Table 1, the flows, the correlations, the effects of age, and their
models as CSV files (Table 1 also as HTML and DOCX). No table has rows of individual patients. Counts from 1 to 4, and
counts from which they could be computed, are suppressed.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from ctpop.contracts.all_tables import AGE_EFFECTS, AGE_MODELS, ASSOCIATIONS, COHORT, FLOW, OVERLAP, STRUCTURE_FLOW
from ctpop.contracts.table_files import write_csv
from ctpop.documents.table1 import table1
from ctpop.documents.table1_text import printed
from ctpop.stages.cohort.deidentified_tables import (
    MEANING,
    shown_associations,
    shown_flow,
    shown_structure_flow,
    shown_table1,
)
from ctpop.stages.cohort.exported_effects import shown_effects, shown_models
from ctpop.stages.cohort.suppression import top_coded
from ctpop.stages.cohort.table1_files import write_table1
from ctpop.study import configuration

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportOptions:
    """Options of the command `export`; `ctpop export --help` describes them."""

    tables: Path
    config: Path | None
    out: Path


def run(options: ExportOptions) -> None:
    """Read the tables, suppress small counts, and write the exported tables."""
    study = configuration.section("study", options.config)
    chosen, aging = configuration.section("cohort", options.config), configuration.section("aging", options.config)
    tables = {table.name: table.read(options.tables / f"{table.name}.parquet") for table in (COHORT, FLOW, OVERLAP)}
    cohort = tables["cohort"]
    cohort = cohort.assign(age_years=top_coded(cohort["age_years"].to_numpy(dtype=float)))
    described = shown_table1(table1(cohort, chosen.get("table1", []), aging["quartiles"]))
    write_table1(printed(described, extremes=False), options.out, study.get("banner"), (MEANING,))
    flow, overlap = shown_flow(tables["flow"], tables["overlap"])
    by_structure = shown_structure_flow(STRUCTURE_FLOW.read(options.tables / "structure_flow.parquet"))
    associations = shown_associations(ASSOCIATIONS.read(options.tables / "associations.parquet"), by_structure)
    effects, models = (table.read(options.tables / f"{table.name}.parquet") for table in (AGE_EFFECTS, AGE_MODELS))
    shown = {
        "flow": flow,
        "overlap": overlap,
        "structure_flow": by_structure,
        "associations": associations,
        "age_effects": shown_effects(effects, models, associations),
        "age_models": shown_models(models, associations),
    }
    for name, frame in shown.items():
        write_csv(frame, options.out / f"{name}.csv")
    LOG.info("wrote table1, %s to %s", ", ".join(shown), options.out)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables of the study")
    configuration.add_config_argument(parser, "aging", "cohort", "study")
    parser.add_argument("--out", type=Path, required=True, help="output folder of the de-identified tables")
