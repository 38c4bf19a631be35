"""Aging: association of volume and attenuation of each structure with age, with the tests of the original study.

The stage reads the usable values (`analysis`) and the ages of the cohort. It writes `normality`, `associations`,
`groups`, and `posthoc`. Each table contains a row for every measure (and pair of age quartiles) of every structure and
group of structures, with or without a result. The table `sensitivity` contains the correlations under other rule sets
and in other sensitivity analyses. If the ground truth is known (simulated study), the stage compares the measured
values with the true values. Standard errors and tests are computed by patient if patients have several scans.

The tests are those of Wasserthal et al., Radiol Artif Intell 2023;5(5):e230024: Kolmogorov-Smirnov, Spearman,
Kruskal-Wallis over age quartiles, post hoc Wilcoxon rank-sum, Bonferroni correction, significance at P < .0001.
docs/methods/assumptions.md lists the details that the article does not report and the assumptions of this pipeline.
"""

import argparse
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables, parquet_rows
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging.age_series import Series, cut_points, size_of, split, with_ages
from ctpop.stages.aging.aging_settings import AgingSettings
from ctpop.stages.aging.associations import association_table, refuse_unknown_primary
from ctpop.stages.aging.group_tests import group_table, posthoc_table
from ctpop.stages.aging.sensitivity import all_correlations, sensitivity_table
from ctpop.stages.aging.truth_comparison import truth_table
from ctpop.stats.normality import Normality, kolmogorov_smirnov
from ctpop.study import configuration, label_sets
from ctpop.study.patients import distinct, patient_numbers
from ctpop.study.user_tables import read_user_table

LOG = logging.getLogger(__name__)


def normality_table(series: Iterable[Series], settings: AgingSettings) -> pd.DataFrame:
    """Return the table `normality`. All tests of age are rank tests and do not depend on its results."""
    rows = []
    for each in series:
        enough = len(each.rows) >= settings.n_min
        result = kolmogorov_smirnov(each.values, settings.normality) if enough else Normality()
        rows.append({**each.name, "method": settings.normality, **asdict(result)})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class AgingOptions:
    """Options of the command `aging`; `ctpop aging --help` explains them."""

    analysis: Path
    cohort: Path
    structures: str
    config: Path | None
    threads: int
    normality: Path
    associations: Path
    groups: Path
    posthoc: Path
    analysis_sets: Path | None
    sensitivity: Path | None
    truth: Path | None
    compare_truth: Path | None


def run(options: AgingOptions) -> None:
    """Read values and ages, run the tests, and write one table for each kind of test."""
    if (options.truth is None) != (options.compare_truth is None):
        raise ContractError("--truth and --compare-truth: set both options or neither")
    if (options.analysis_sets is None) != (options.sensitivity is None):
        raise ContractError("--analysis-sets and --sensitivity: set both options or neither")
    settings = configuration.chosen(AgingSettings, "aging", options.config)
    label_set, cohort = label_sets.read(options.structures), all_tables.COHORT.read(options.cohort)
    refuse_unknown_primary(settings.primary, [*label_set.names, *label_set.groups])
    series, associations = _tests(options, settings, label_set, cohort)
    if not options.analysis_sets or not options.sensitivity:
        return
    path = options.analysis_sets
    # only the values of one rule set are in memory at a time
    sets = ((rules, _series_under(rules, path, label_set, cohort)) for rules in all_tables.VALUE_SETS)
    rows = all_correlations(sets, series, cohort, settings)
    all_tables.SENSITIVITY.write(sensitivity_table(rows, associations), options.sensitivity)


def _tests(
    options: AgingOptions, settings: AgingSettings, label_set: label_sets.LabelSet, cohort: pd.DataFrame
) -> tuple[list[Series], pd.DataFrame]:
    """Write the tables for the rule set of the study, and return the series and `associations`."""
    analysis, names = all_tables.ANALYSIS.read(options.analysis), label_set.names
    message = "%d values of %d structures and %d groups of structures from a cohort of %s"
    LOG.info(message, len(analysis), len(names), len(label_set.groups), size_of(cohort))
    observations = with_ages(analysis, cohort)
    series = split(observations, names, label_set.groups)
    known = cohort.dropna(subset="age_years")
    cuts = cut_points(known["age_years"].to_numpy(dtype=float), settings.cut_years)
    all_tables.NORMALITY.write(normality_table(series, settings), options.normality)
    associations = association_table(series, settings, distinct(patient_numbers(known)), options.threads)
    associations = all_tables.ASSOCIATIONS.write(associations, options.associations)
    all_tables.GROUPS.write(group_table(series, cuts, settings), options.groups)
    all_tables.POSTHOC.write(posthoc_table(series, cuts, settings), options.posthoc)
    if options.truth and options.compare_truth:
        truth = read_user_table(all_tables.TRUTH, options.truth)
        all_tables.COMPARE_TRUTH.write(
            truth_table(observations, truth, names, settings.confidence, settings.n_min), options.compare_truth
        )
    _report_counts(analysis, observations, associations)
    return series, associations


def _series_under(rules: str, path: Path, label_set: label_sets.LabelSet, cohort: pd.DataFrame) -> list[Series]:
    values = all_tables.ANALYSIS_SETS.check(parquet_rows.read(path, filters=[("rules", "==", rules)]), where=path)
    return split(with_ages(values, cohort), label_set.names, label_set.groups)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with their ages (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of the bootstrap; results do not depend on their number"
    )
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument("--normality", type=Path, required=True, help=f"tests of normality to write {also_csv}")
    parser.add_argument("--associations", type=Path, required=True, help=f"correlations with age to write {also_csv}")
    parser.add_argument("--groups", type=Path, required=True, help=f"Kruskal-Wallis tests to write {also_csv}")
    parser.add_argument("--posthoc", type=Path, required=True, help=f"rank-sum tests to write {also_csv}")
    parser.add_argument("--analysis-sets", type=Path, help="usable values under each rule set (Parquet)")
    parser.add_argument(
        "--sensitivity",
        type=Path,
        help=f"sensitivity analyses to write {also_csv}; requires --analysis-sets",
    )
    parser.add_argument("--truth", type=Path, help="ground truth of a simulated study (CSV)")
    parser.add_argument(
        "--compare-truth",
        type=Path,
        help=f"comparison with the ground truth to write {also_csv}; requires --truth",
    )


def _report_counts(analysis: pd.DataFrame, observations: pd.DataFrame, associations: pd.DataFrame) -> None:
    tested = int(associations["rho"].notna().sum())
    LOG.info(
        "%d values read = %d used + %d of unknown age; %d structures and measures = %d with a result + %d without",
        len(analysis),
        len(observations),
        len(analysis) - len(observations),
        len(associations),
        tested,
        len(associations) - tested,
    )
