"""Derive the registry of a study from a table of measures that also contains the patients.

Input: the table of measures (`study.measures`; text table, spreadsheet, or Parquet file; long or wide format). Output:
a registry with one row per scan and all columns that do not contain measures.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_atomically
from ctpop.study import configuration, label_sets, measures_table, registry
from ctpop.study.registry_options import measures_reading_of, reading_of

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PatientsOptions:
    """Options of the command `patients`; `ctpop patients --help` explains them."""

    table: Path
    structures: str
    config: Path | None
    out: Path


def run(options: PatientsOptions) -> None:
    """Read the table, and write the registry of its scans."""
    if options.table.is_dir():
        raise ContractError(f"{options.table}: a folder of statistics.json files contains no ages; set study.registry")
    measure, cohort = (configuration.section(name, options.config) for name in ("measure", "cohort"))
    names = label_sets.read(options.structures).names
    notes: list[str] = []
    table = measures_table.read(options.table, measures_reading_of(measure, cohort), names, notes)
    patients = measures_table.patients_in(table, names, options.table)
    registry.check_text(patients, options.table, reading_of(cohort), notes)  # errors name the file of the user
    for note in notes:
        LOG.info("%s", note)
    write_atomically(options.out, lambda part: patients.to_csv(part, index=False, lineterminator="\n"))
    message = "%d rows, %d scans; %d columns = %d of the registry + %d of measures"
    n = len(patients.columns)
    LOG.info(message, len(table), len(patients), len(table.columns), n, len(table.columns) - n)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--table",
        type=Path,
        required=True,
        help="table of measures and patients: text table, spreadsheet, or Parquet file",
    )
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "measure", "cohort")
    parser.add_argument("--out", type=Path, required=True, help="output CSV file with the registry")
