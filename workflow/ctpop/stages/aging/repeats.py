"""Repeats: changes within patients, and repeatability, from patients with several scans.

The stage reads the usable values (`analysis`), the cohort, and the correlations with age. It writes `within_patient`,
which has rows if patients have several scans, and `retest`, which has rows if patients have two scans within seven
days. The latter requires a column with the dates of the scans.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.stages.aging.age_series import Series, size_of, split
from ctpop.stages.aging.p_values import with_p
from ctpop.stages.aging.retest import retest_row
from ctpop.stages.aging.samples import covariates_of_study, with_positions
from ctpop.stages.aging.scan_times import scan_years
from ctpop.stages.aging.within_patient import RepeatSettings, within_row
from ctpop.stats.covariates import joint, named
from ctpop.stats.design import Covariate
from ctpop.study import configuration, label_sets

LOG = logging.getLogger(__name__)
KEY = ["structure", "measure"]


@dataclass(frozen=True)
class RepeatsOptions:
    """Options of the command `repeats`; `ctpop repeats --help` explains them."""

    analysis: Path
    cohort: Path
    associations: Path
    structures: str
    config: Path | None
    within_patient: Path
    retest: Path


def run(options: RepeatsOptions) -> None:
    """Read values, ages, covariates, and correlations, and write both tables."""
    settings = configuration.chosen(RepeatSettings, "aging", options.config)
    label_set = label_sets.read(options.structures)
    cohort, analysis = all_tables.COHORT.read(options.cohort), all_tables.ANALYSIS.read(options.analysis)
    associations = all_tables.ASSOCIATIONS.read(options.associations)
    covariates = covariates_of_study(cohort, settings, options.config)
    together = joint(covariates, settings.covariate_share)
    LOG.info("%d values from a cohort of %s; covariates: %s", len(analysis), size_of(cohort), named(together))
    series = split(with_positions(analysis, cohort), label_set.names, list(label_set.groups))
    tables = tables_of(series, cohort, together, associations, settings)
    all_tables.WITHIN_PATIENT.write(tables["within_patient"], options.within_patient)
    all_tables.RETEST.write(tables["retest"], options.retest)
    for name, table in tables.items():
        LOG.info("table %s: %d rows, %d with results", name, len(table), int(table["reason"].eq("ok").sum()))


def tables_of(
    series: list[Series],
    cohort: pd.DataFrame,
    covariates: list[Covariate],
    associations: pd.DataFrame,
    settings: RepeatSettings,
) -> dict[str, pd.DataFrame]:
    """Return the tables `within_patient` and `retest`; both are empty if each patient has one scan."""
    years = scan_years(cohort)
    known = {tuple(row[name] for name in KEY): row for row in associations.to_dict("records")}
    within, retest = [], []
    for each in series if repeated(cohort) else []:
        association = known.get((each.structure, each.measure), {})
        row, found = retest_row(
            each, cohort, years, {str(name): value for name, value in association.items()}, settings.confidence
        )
        retest.append(row)
        within.append(within_row(each, covariates, years, found, settings))
    if not any(row["n"] for row in retest):
        retest = []
    return {
        table.name: table.check(with_p(pd.DataFrame(rows, columns=list(table.columns))))
        for table, rows in ((all_tables.WITHIN_PATIENT, within), (all_tables.RETEST, retest))
    }


def repeated(cohort: pd.DataFrame) -> bool:
    """Return whether a patient of the cohort has several scans."""
    return "patient_id" in cohort.columns and bool(cohort["patient_id"].dropna().duplicated().any())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and covariates (Parquet)")
    parser.add_argument("--associations", type=Path, required=True, help="correlations with age (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging", "cohort")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument(
        "--within-patient", type=Path, required=True, help=f"changes within patients to write {also_csv}"
    )
    parser.add_argument("--retest", type=Path, required=True, help=f"repeatability to write {also_csv}")
