"""Adjust: association with age, adjusted for covariates such as sex, height, and scanner.

The stage reads the usable values (`analysis`) and the cohort with its covariates. It writes `adjusted` (Spearman
correlation coefficients), `associations_by_sex`, `rank_ancova` (the Quade test), and
`age_curves` (natural splines with an interaction of age and sex). Each table contains a row for every measure of every
structure and group of structures, with or without a result. Scans with a missing covariate are excluded and counted;
missing values are not imputed.
"""

import argparse
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.progress import Progress
from ctpop.stages.aging.adjusted_correlations import adjusted_rows
from ctpop.stages.aging.age_curves import curve_rows
from ctpop.stages.aging.age_series import cut_points, size_of, split
from ctpop.stages.aging.by_sex import by_sex_rows, by_sex_table
from ctpop.stages.aging.p_values import with_adjusted, with_p
from ctpop.stages.aging.rank_ancova import ancova_rows
from ctpop.stages.aging.samples import AdjustmentSettings, Patients, covariates_of_study, with_positions
from ctpop.stats.covariates import COLLINEAR, collinear_with_age, joint, named
from ctpop.study import configuration, label_sets
from ctpop.study.column_names import quoted
from ctpop.study.deciding_tests import deciding

LOG = logging.getLogger(__name__)


def table_of(rows: Iterable[dict[str, Any]], family_of: dict[str, str], p: str, *within: str) -> pd.DataFrame:
    """Return a table of rows with P values and with their adjusted values.

    The adjusted values are those of the column `p`, or, in a table with a column `test`, of the P value of this test.
    """
    table = pd.DataFrame(list(rows))
    table = with_p(table.assign(family=table["structure"].map(family_of)))
    if "test" not in table.columns:
        return with_adjusted(table, p, *within)
    return with_adjusted(table.assign(tested=deciding(table)), "tested", *within).drop(columns="tested")


@dataclass(frozen=True)
class AdjustOptions:
    """Options of the command `adjust`; `ctpop adjust --help` explains them."""

    analysis: Path
    cohort: Path
    structures: str
    config: Path | None
    adjusted: Path
    by_sex: Path
    rank_ancova: Path
    age_curves: Path


def run(options: AdjustOptions) -> None:
    """Read values, ages, and covariates, run the tests, and write one table for each kind of test."""
    settings = configuration.chosen(AdjustmentSettings, "aging", options.config)
    label_set = label_sets.read(options.structures)
    cohort, analysis = all_tables.COHORT.read(options.cohort), all_tables.ANALYSIS.read(options.analysis)
    covariates = covariates_of_study(cohort, settings, options.config)
    cuts = cut_points(cohort["age_years"].dropna().to_numpy(dtype=float), settings.cut_years)
    patients = Patients(cohort, covariates, joint(covariates, settings.covariate_share), cuts)
    message = "%d values from a cohort of %s; covariates: %s; joint adjustment: %s"
    LOG.info(
        message, len(analysis), size_of(cohort), ", ".join(part.name for part in covariates), named(patients.together)
    )
    warn(patients, settings)
    series = split(with_positions(analysis, cohort), label_set.names, list(label_set.groups))
    rows: dict[str, list[dict[str, Any]]] = {"adjusted": [], "by_sex": [], "ancova": [], "curves": []}
    progress = Progress(LOG, len(series), "structures and measures")
    for each in series:
        rows["adjusted"] += adjusted_rows(each, patients, settings)
        rows["by_sex"] += by_sex_rows(each, patients, settings)
        rows["ancova"] += ancova_rows(each, patients, settings)
        rows["curves"] += curve_rows(each, patients, settings)
        progress.add()
    write_tables(rows, {each.structure: each.family for each in series}, options)
    reasons = pd.Series([row["reason"] for row in rows["adjusted"]]).value_counts()
    LOG.info("%d rows in table adjusted = %s", len(rows["adjusted"]), _listed(reasons))


def warn(patients: Patients, settings: AdjustmentSettings) -> None:
    """Log warnings about covariates that age determines or that the method of adjustment excludes."""
    ages = patients.cohort["age_years"].to_numpy(dtype=float)
    for name in collinear_with_age(patients.covariates, ages):
        others = ", ".join(quoted(part.name) for part in patients.covariates if part.name != name)
        LOG.warning("covariate %s: %s; set aging: {covariates: [%s]}", name, COLLINEAR, others)
    numeric = [part.name for part in patients.covariates if not part.of_kinds]
    if settings.adjust == "strata" and numeric:
        LOG.warning(
            "aging.adjust: strata requires categories, but covariates with numbers were selected: %s; set aging:"
            " {adjust: model}, or exclude these columns from aging.covariates",
            ", ".join(numeric),
        )


def write_tables(rows: dict[str, list[dict[str, Any]]], family_of: dict[str, str], options: AdjustOptions) -> None:
    """Write the tables with P values adjusted within each family."""
    independence = "p_independence"
    adjusted = table_of(rows["adjusted"], family_of, independence, "adjusted_for")
    all_tables.ADJUSTED.write(adjusted, options.adjusted)
    all_tables.ASSOCIATIONS_BY_SEX.write(by_sex_table(rows["by_sex"], family_of), options.by_sex)
    all_tables.RANK_ANCOVA.write(table_of(rows["ancova"], family_of, "p"), options.rank_ancova)
    all_tables.AGE_CURVES.write(table_of(rows["curves"], family_of, "p", "term"), options.age_curves)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and covariates (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging", "cohort")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument("--adjusted", type=Path, required=True, help=f"adjusted correlations to write {also_csv}")
    parser.add_argument("--by-sex", type=Path, required=True, help=f"correlations by sex to write {also_csv}")
    parser.add_argument(
        "--rank-ancova", type=Path, required=True, help=f"Quade tests over age quartiles to write {also_csv}"
    )
    parser.add_argument("--age-curves", type=Path, required=True, help=f"tests of the age curve to write {also_csv}")


def _listed(counts: pd.Series) -> str:
    return " + ".join(f"{number} {reason}" for reason, number in counts.items())
