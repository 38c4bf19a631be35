"""Aging: association of volume and attenuation of each structure with age, with the tests of the original study.

The stage reads the usable values (`analysis`) and the ages of the cohort. It writes `normality`, `associations`,
`groups`, and `posthoc`. Each table contains a row for every measure (and pair of age quartiles) of every structure and
group of structures, with or without a result. The table `sensitivity` contains the correlations under other rule sets.
If the ground truth is known (simulated study), the stage compares the measured values with the true values.

The tests are those of Wasserthal et al., Radiol Artif Intell 2023;5(5):e230024: Kolmogorov-Smirnov, Spearman,
Kruskal-Wallis over age quartiles, post hoc Wilcoxon rank-sum, Bonferroni correction, significance at P < .0001.
docs/methods/assumptions.md lists the details that the article does not report and the assumptions of this pipeline.
"""

import argparse
import logging
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables, parquet_rows
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import intervals
from ctpop.stages.aging.age_series import SIZES, Series, cut_points, size_of, sizes, split, with_ages
from ctpop.stages.aging.intervals import Draws
from ctpop.stages.aging.p_values import with_adjusted, with_p
from ctpop.stages.aging.truth_comparison import truth_table
from ctpop.stats.correlation import Correlation, rho_of_ranks, spearman_of_ranks
from ctpop.stats.groups import (
    GROUPS,
    KruskalWallis,
    discordant,
    epsilon_squared_of_trend,
    kruskal_wallis_of_ranks,
    quartile_of,
)
from ctpop.stats.normality import Normality, kolmogorov_smirnov
from ctpop.stats.ranksum import RankSum, rank_sum_of_tallies
from ctpop.study import configuration, label_sets
from ctpop.study.user_tables import read_user_table

LOG = logging.getLogger(__name__)
PAIRS = tuple(combinations(GROUPS, 2))


@dataclass(frozen=True)
class AgingSettings:
    """Settings of this stage, which the section `aging` of the configuration schema describes."""

    alpha: float
    confidence: float
    n_min: int
    normality: str
    quartiles: str
    cut_years: list[float]
    continuity: bool
    interval: str
    bootstrap_iterations: int
    bootstrap_seed: int


def normality_table(series: Iterable[Series], settings: AgingSettings) -> pd.DataFrame:
    """Return the table `normality`. All tests of age are rank tests and do not depend on its results."""
    rows = []
    for each in series:
        enough = len(each.rows) >= settings.n_min
        result = kolmogorov_smirnov(each.values, settings.normality) if enough else Normality()
        rows.append({**each.name, "method": settings.normality, **asdict(result)})
    return pd.DataFrame(rows)


def association_table(series: Iterable[Series], settings: AgingSettings) -> pd.DataFrame:
    """Return the table `associations`: Spearman correlations with age, with adjusted P values.

    Confidence intervals are based on the influence function or on the method of Bonett and Wright. Bootstrap intervals
    replace them in a later step.
    """
    rows = [{**each.name, **asdict(correlation(each, settings)), "family": each.family} for each in series]
    known = with_significance(pd.DataFrame(rows), "p_independence", settings.alpha)
    table = known.assign(interval=settings.interval)
    return intervals.bonett_wright(table, settings.confidence) if settings.interval == "bonett_wright" else table


def correlation(each: Series, settings: AgingSettings) -> Correlation:
    """Return the correlation with age; the result is missing if the series has too few values."""
    enough = len(each.rows) >= settings.n_min
    return spearman_of_ranks(each.ranks, each.age_ranks, settings.confidence) if enough else Correlation()


def group_table(series: Iterable[Series], cuts: np.ndarray, settings: AgingSettings) -> pd.DataFrame:
    """Return the table `groups`: Kruskal-Wallis tests over the age quartiles of the cohort."""
    rows = []
    for each in series:
        quartiles = quartile_of(each.ages, cuts, settings.quartiles)
        enough = len(each.rows) >= settings.n_min
        result = kruskal_wallis_of_ranks(each.ranks, quartiles) if enough else KruskalWallis()
        rho = rho_of_ranks(each.ranks, each.age_ranks) if enough else math.nan
        ages = {f"cut_{number}": float(cut) for number, cut in enumerate(cuts, start=1)}
        rows.append(
            {
                **each.name,
                **asdict(result),
                "epsilon_squared_of_rho": epsilon_squared_of_trend(rho),
                "discordant": discordant(result, rho, settings.alpha),
                **sizes_and_ages(each, quartiles),
                **ages,
                "family": each.family,
            }
        )
    return with_significance(pd.DataFrame(rows), "p", settings.alpha)


def sizes_of(each: Series, quartiles: np.ndarray) -> dict[int, dict[str, int]]:
    """Return the numbers of values (`n`) and of patients (`n_patients`) in each quartile."""
    patients = each.rows["patient"].to_numpy()
    return {group: sizes(patients[quartiles == group]) for group in GROUPS}


def sizes_and_ages(each: Series, quartiles: np.ndarray) -> dict[str, float]:
    """Return the size of each quartile with its lowest and highest age, which are missing in empty quartiles."""
    inside = {group: each.ages[quartiles == group] for group in GROUPS}
    return {
        **{f"{name}_{group}": n for group, found in sizes_of(each, quartiles).items() for name, n in found.items()},
        **{f"youngest_{group}": found.min() if len(found) else math.nan for group, found in inside.items()},
        **{f"oldest_{group}": found.max() if len(found) else math.nan for group, found in inside.items()},
    }


def posthoc_table(series: Iterable[Series], cuts: np.ndarray, settings: AgingSettings) -> pd.DataFrame:
    """Return the table `posthoc`: rank-sum tests of all six pairs of age quartiles, with adjusted P values.

    A pair is tested if its two quartiles contain at least `n_min` values in total. The tests do not depend on the
    result of the Kruskal-Wallis test.
    """
    rows = []
    for each in series:
        quartiles = quartile_of(each.ages, cuts, settings.quartiles)
        tallies, n_of = each.ranks.tallies(quartiles, len(GROUPS)), sizes_of(each, quartiles)
        for younger, older in PAIRS:
            first, second = tallies[younger - 1], tallies[older - 1]
            enough = first.sum() + second.sum() >= settings.n_min
            found = (each.ranks.distinct, first, second, settings.continuity)
            result = rank_sum_of_tallies(*found) if enough else RankSum()
            key = {"structure": each.structure, "measure": each.measure, "group_a": younger, "group_b": older}
            pair = {"a": younger, "b": older}
            n = {f"{name}_{end}": n_of[group][name] for end, group in pair.items() for name in SIZES}
            rows.append({**key, **n, **asdict(result), "family": each.family})
    return with_significance(pd.DataFrame(rows), "p", settings.alpha)


def with_significance(table: pd.DataFrame, p: str, alpha: float) -> pd.DataFrame:
    """Return the table with P values, three adjustments of the column `p`, and the significance of `p` at alpha."""
    known = with_adjusted(with_p(table), p)
    # ASSUME: alpha of the original study, .0001, includes the Bonferroni correction (.05 / 416) and applies to raw P
    # values
    log10_p = known[f"log10_{p}"]
    return known.assign(significant=log10_p.lt(math.log10(alpha)).astype("boolean").mask(log10_p.isna()))


def correlations(rules: str, series: Iterable[Series], settings: AgingSettings) -> list[dict[str, Any]]:
    """Return the correlation of each series under one rule set, as rows of `sensitivity`."""
    return [{**each.name, "rules": rules, **asdict(correlation(each, settings))} for each in series]


def sensitivity_table(rows: list[dict[str, Any]], associations: pd.DataFrame) -> pd.DataFrame:
    """Return the table `sensitivity`: correlations under all rule sets and their differences from `associations`."""
    table = pd.DataFrame(rows)
    own = associations.set_index(["structure", "measure"])["rho"]
    of_study = own.reindex(pd.MultiIndex.from_frame(table[["structure", "measure"]])).to_numpy()
    return with_p(table).assign(difference=table["rho"] - of_study)


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
    associations = _tests(options, settings, label_set, cohort)
    if not options.analysis_sets or not options.sensitivity:
        return
    rows = [  # only the values of one rule set are in memory at a time
        row
        for rules in all_tables.RULE_SETS
        for row in correlations(rules, _series_under(rules, options.analysis_sets, label_set, cohort), settings)
    ]
    all_tables.SENSITIVITY.write(sensitivity_table(rows, associations), options.sensitivity)


def _tests(
    options: AgingOptions, settings: AgingSettings, label_set: label_sets.LabelSet, cohort: pd.DataFrame
) -> pd.DataFrame:
    """Write the tables for the rule set of the study and return `associations`."""
    analysis, names = all_tables.ANALYSIS.read(options.analysis), label_set.names
    message = "%d values of %d structures and %d groups of structures from a cohort of %s"
    LOG.info(message, len(analysis), len(names), len(label_set.groups), size_of(cohort))
    observations = with_ages(analysis, cohort)
    series = split(observations, names, label_set.groups)
    ages = cohort["age_years"].dropna().to_numpy(dtype=float)
    cuts = cut_points(ages, settings.cut_years)
    all_tables.NORMALITY.write(normality_table(series, settings), options.normality)
    associations = association_table(series, settings)
    if settings.interval == "bootstrap":
        draws = Draws(settings.bootstrap_iterations, settings.bootstrap_seed, options.threads)
        associations = intervals.bootstrap(associations, series, len(ages), draws, settings.confidence)
    associations = all_tables.ASSOCIATIONS.write(associations, options.associations)
    all_tables.GROUPS.write(group_table(series, cuts, settings), options.groups)
    all_tables.POSTHOC.write(posthoc_table(series, cuts, settings), options.posthoc)
    if options.truth and options.compare_truth:
        truth = read_user_table(all_tables.TRUTH, options.truth)
        all_tables.COMPARE_TRUTH.write(
            truth_table(observations, truth, names, settings.confidence, settings.n_min), options.compare_truth
        )
    _report_counts(analysis, observations, associations)
    return associations


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
        help=f"correlations under each rule set to write {also_csv}; requires --analysis-sets",
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
