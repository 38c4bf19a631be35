"""Adjust: association with age, adjusted for covariates such as sex, height, and scanner.

The stage reads the usable values (`analysis`) and the cohort with its covariates. It writes `adjusted` (Spearman
correlation coefficients from probability-scale residuals), `associations_by_sex`, `rank_ancova` (the Quade test), and
`age_curves` (natural splines with an interaction of age and sex). Each table contains a row for every measure of every
structure and group of structures, with or without a result. Scans with a missing covariate are excluded and counted;
missing values are not imputed.
"""

import argparse
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.progress import Progress
from ctpop.stages.aging.age_series import Series, cut_points, size_of, sizes, split, with_ages
from ctpop.stats import families
from ctpop.stats.correlation import Correlation, spearman
from ctpop.stats.covariates import covariates_of, joint, named
from ctpop.stats.design import Covariate, complete, design, indicators, strata_of
from ctpop.stats.groups import quartile_of
from ctpop.stats.ordinal import Ordinal
from ctpop.stats.psr import Residuals, WithinStrata, correlation_of_residuals
from ctpop.stats.quade import RankAncova, quade
from ctpop.stats.splines import FEWEST_KNOTS, TERMS, Wald, age_columns, age_tests, knots_of
from ctpop.stats.tails import p_of_log10
from ctpop.study import configuration, label_sets

LOG = logging.getLogger(__name__)
SEXES = ("female", "male")
EXPLAINED = 0.01  # smallest SD of probability-scale residuals for a correlation; the SD is 0.58 without covariates


@dataclass(frozen=True)
class AdjustmentSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    confidence: float
    n_min: int
    quartiles: str
    cut_years: list[float]
    categorical: list[str]
    covariate_share: float
    covariates: list[str] | None = None


@dataclass(frozen=True)
class Patients:
    """The cohort, its covariates, and the ages at the limits of its quartiles."""

    cohort: pd.DataFrame
    covariates: list[Covariate]
    together: list[Covariate]
    cuts: np.ndarray

    @cached_property
    def sets(self) -> list[list[Covariate]]:
        """Sets of covariates for adjustment: each covariate, then all jointly; one empty set without covariates."""
        alone = [[covariate] for covariate in self.covariates]
        return [*alone, *([self.together] if len(self.together) > 1 else [])] or [[]]


@dataclass(frozen=True)
class Sample:
    """The scans of a series without missing values in a set of covariates."""

    values: np.ndarray
    ages: np.ndarray
    covariates: list[Covariate]
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def no_columns(self) -> np.ndarray:
        """Array of shape (scans, 0)."""
        return np.empty((len(self.values), 0))

    def why_not(self, n_min: int) -> str:
        """Return `ok`, or the reason why a model of age and covariates cannot be fitted."""
        if not self.covariates:
            return "no_covariate"
        if len(self.values) < n_min:
            return "too_few"
        if np.ptp(self.values) == 0 or np.ptp(self.ages) == 0:
            return "all_equal"
        return "ok" if any(covariate.varies for covariate in self.covariates) else "constant_covariate"


def with_positions(analysis: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the values with the age of each scan and its row number in the cohort."""
    observations = with_ages(analysis, cohort)
    return observations.assign(position=pd.Index(cohort["scan_id"]).get_indexer(pd.Index(observations["scan_id"])))


def sample_of(each: Series, covariates: list[Covariate]) -> Sample:
    """Return the scans of a series without missing covariates, with the numbers of included and excluded scans."""
    positions = each.rows["position"].to_numpy()
    all_of_them = [covariate.among(positions) for covariate in covariates]
    known = complete(all_of_them, len(positions))
    patients = each.rows["patient"].to_numpy()
    left_out = {f"{name}_left_out": n for name, n in sizes(patients[~known]).items()}
    counts = {"adjusted_for": named(covariates), **sizes(patients[known]), **left_out}
    return Sample(each.values[known], each.ages[known], [part.among(known) for part in all_of_them], counts)


def adjusted_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `adjusted` for one series, one for each set of covariates."""
    for covariates in patients.sets:
        sample = sample_of(each, covariates)
        reason = sample.why_not(settings.n_min)
        result, crude = Correlation(), Correlation()
        if reason == "ok":
            crude = spearman(sample.values, sample.ages, settings.confidence)
            result, reason = adjusted_correlation(sample, settings)
        yield {**each.name, **sample.counts, "rho_crude": crude.rho, **asdict(result), "reason": reason}


def adjusted_correlation(sample: Sample, settings: AdjustmentSettings) -> tuple[Correlation, str]:
    """Return the adjusted correlation with age, and `ok` or the reason for a missing result."""
    n = len(sample.values)
    if all(covariate.of_kinds for covariate in sample.covariates):
        strata = strata_of(sample.covariates, n)
        ages, values = WithinStrata(sample.ages, strata), WithinStrata(sample.values, strata)
        enough = n - ages.columns >= settings.n_min
        return correlation_left(ages, values, settings) if enough else (Correlation(), "too_few")
    columns = design(sample.covariates, n)
    if n - columns.shape[1] < settings.n_min:
        return Correlation(), "too_few"
    models = Ordinal(sample.ages, columns), Ordinal(sample.values, columns)
    settled = all(model.settled for model in models)
    return correlation_left(*models, settings) if settled else (Correlation(), "not_converged")


def correlation_left(ages: Residuals, values: Residuals, settings: AdjustmentSettings) -> tuple[Correlation, str]:
    """Return the correlation of residuals, and `ok` or the reason for a missing result."""
    if min(ages.values.std(), values.values.std()) < EXPLAINED:
        return Correlation(), "explained"
    result = correlation_of_residuals(ages, values, settings.confidence)
    return result, "perfect_order" if abs(result.rho) == 1 else "ok"


def by_sex_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `associations_by_sex` for one series."""
    sexes = patients.cohort["sex"].to_numpy()[each.rows["position"].to_numpy()]
    numbers = each.rows["patient"].to_numpy()
    for sex in SEXES:
        values, ages = each.values[sexes == sex], each.ages[sexes == sex]
        result, reason = Correlation(), "too_few"
        if len(values) >= settings.n_min:
            result = spearman(values, ages, settings.confidence)
            reason = "all_equal" if np.isnan(result.rho) else "ok"
        yield {**each.name, "sex": sex, **sizes(numbers[sexes == sex]), **asdict(result), "reason": reason}


def ancova_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the row of the table `rank_ancova` for one series."""
    sample = sample_of(each, patients.together)
    reason, result = sample.why_not(settings.n_min), RankAncova()
    if reason == "ok":
        numbers = [covariate.values for covariate in sample.covariates if not covariate.of_kinds]
        kinds = [indicators(covariate) for covariate in sample.covariates if covariate.of_kinds]
        columns = np.column_stack([sample.no_columns, *numbers]), np.column_stack([sample.no_columns, *kinds])
        quartiles = quartile_of(sample.ages, patients.cuts, settings.quartiles)
        spent = sum(part.shape[1] for part in columns)
        result = quade(sample.values, quartiles, *columns) if len(sample.values) - spent >= settings.n_min else result
        reason = _reason_of(result.f, len(sample.values) - spent, settings.n_min)
    yield {**each.name, **sample.counts, **asdict(result), "reason": reason}


def curve_rows(each: Series, patients: Patients, settings: AdjustmentSettings) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `age_curves` for one series, one for each hypothesis."""
    sample = sample_of(each, patients.together)
    reason, tests = sample.why_not(settings.n_min), dict[str, Wald]()
    if reason == "ok":
        tests, reason = curve_tests(sample, settings.n_min)
    for term in TERMS:
        test = tests.get(term)
        outcome = _outcome(test, "one_sex" if reason == "ok" else reason)
        yield {**each.name, **sample.counts, "term": term, **asdict(test or Wald()), "reason": outcome}


def curve_tests(sample: Sample, n_min: int) -> tuple[dict[str, Wald], str]:
    """Return the tests of the age curve, and `ok` or the reason for missing tests.

    The interaction of age and sex is tested only in series that include both sexes.
    """
    knots = knots_of(sample.ages)
    if len(knots) < FEWEST_KNOTS:
        return {}, "few_ages"
    sexes = [covariate.values for covariate in sample.covariates if covariate.name == "sex" and covariate.varies]
    curve = age_columns(sample.ages, knots, sexes[0] if sexes else None)
    others = design(sample.covariates, len(sample.values), curve)
    without_age = design(sample.covariates, len(sample.values), np.column_stack([sample.no_columns, *sexes]))
    if others.shape[1] < without_age.shape[1]:  # age and a covariate such as year of birth are collinear
        return {}, "explained"
    left = len(sample.values) - curve.shape[1] - others.shape[1]
    tests = age_tests(sample.values, curve, others, knots) if left >= n_min else {}
    return tests, "ok" if tests else _reason_of(np.nan, left, n_min)


def with_p(rows: Iterable[dict[str, Any]], family_of: dict[str, str], *within: str) -> pd.DataFrame:
    """Return a table of rows with P computed from its logarithm and with Bonferroni-adjusted P.

    A family of tests comprises the rows of individual structures or of groups of equal values in the columns `within`.
    """
    table = pd.DataFrame(list(rows))
    table["family"] = table["structure"].map(family_of)
    table["p"] = table["log10_p"].map(p_of_log10)
    return table.assign(p_bonferroni=corrected(table, families.bonferroni, *within))


def corrected(table: pd.DataFrame, correct: Callable[[np.ndarray], np.ndarray], *within: str) -> pd.Series:
    """Return P values adjusted within each family; groups of structures form separate families."""
    return table.groupby(["family", *within])["p"].transform(lambda p: correct(p.to_numpy()))


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
    meanings = configuration.section("cohort", options.config).get("values", {})
    covariates = covariates_of(cohort, settings.covariates, settings.categorical, meanings)
    cuts = cut_points(cohort["age_years"].dropna().to_numpy(dtype=float), settings.cut_years)
    patients = Patients(cohort, covariates, joint(covariates, settings.covariate_share), cuts)
    message = "%d values from a cohort of %s; covariates: %s; joint adjustment: %s"
    LOG.info(
        message, len(analysis), size_of(cohort), ", ".join(part.name for part in covariates), named(patients.together)
    )
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


def write_tables(rows: dict[str, list[dict[str, Any]]], family_of: dict[str, str], options: AdjustOptions) -> None:
    """Write the tables with P values adjusted within each family."""
    adjusted = with_p(rows["adjusted"], family_of, "adjusted_for")
    adjusted["p_holm"] = corrected(adjusted, families.holm, "adjusted_for")
    adjusted["q_bh"] = corrected(adjusted, families.benjamini_hochberg, "adjusted_for")
    all_tables.ADJUSTED.write(adjusted, options.adjusted)
    all_tables.ASSOCIATIONS_BY_SEX.write(with_p(rows["by_sex"], family_of, "sex"), options.by_sex)
    all_tables.RANK_ANCOVA.write(with_p(rows["ancova"], family_of), options.rank_ancova)
    all_tables.AGE_CURVES.write(with_p(rows["curves"], family_of, "term"), options.age_curves)


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


def _outcome(test: Wald | None, otherwise: str) -> str:
    if test is None:
        return otherwise
    return "explained" if np.isnan(test.f) else "ok"


def _reason_of(result: float, left: int, n_min: int) -> str:
    if not np.isnan(result):
        return "ok"
    return "too_few" if left < n_min else "explained"


def _listed(counts: pd.Series) -> str:
    return " + ".join(f"{number} {reason}" for reason, number in counts.items())
