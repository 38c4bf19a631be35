"""Change points: the age at which the slope of a measure changes, for each sex and for selected structures.

The stage reads the usable values (`analysis`) and the cohort with its covariates. It writes `change_points` and
`change_point_curves` for the structures and groups in `aging.change_points`. Volumes are analyzed as natural
logarithms. Scans with a missing covariate are excluded and counted.
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.progress import Progress
from ctpop.stages.aging.age_models import knots_of
from ctpop.stages.aging.age_series import Series, size_of, split
from ctpop.stages.aging.effect_units import PER_DECADE
from ctpop.stages.aging.samples import Sample, covariates_of_study, sample_of, with_positions
from ctpop.stats import change_points as lines
from ctpop.stats.age_effects import BOTH, central_ages, knots_in_use
from ctpop.stats.age_spline import AgeSpline, fit_spline
from ctpop.stats.bootstrap import generator_for
from ctpop.stats.change_point_limits import drawn_lines, two_lines
from ctpop.stats.covariates import joint, named
from ctpop.stats.design import Covariate, design
from ctpop.stats.splines import FEWEST_KNOTS
from ctpop.study import configuration, label_sets

LOG = logging.getLogger(__name__)
WITH_CHANGE = ("break", "break_or_curve")
FEWEST_PATIENTS = 50
NO_RESIDUAL = 1e-12  # relative residual sum of squares of an exact fit


@dataclass(frozen=True)
class ChangePointSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    confidence: float
    categorical: list[str]
    covariate_share: float
    knots: list[float]
    childhood_knots: list[float]
    change_points: list[str]
    bootstrap_seed: int
    category_n_min: int
    covariates: list[str] | None = None


@dataclass(frozen=True)
class Relation:
    """The values of one sex, with the columns of the models; values are HU or natural logarithms of mL."""

    measure: str
    values: np.ndarray
    ages: np.ndarray
    others: np.ndarray
    patients: np.ndarray

    @property
    def line(self) -> np.ndarray:
        """Columns of the straight line: constant, age, and covariates."""
        return np.column_stack([np.ones(len(self.ages)), self.ages, self.others])

    @cached_property
    def years(self) -> np.ndarray:
        """Whole years from the 2.5th to the 97.5th percentile of age."""
        low, high = central_ages(self.ages)
        return np.arange(np.ceil(low), np.floor(high) + 1)

    def per_decade(self, slope: Any) -> Any:
        """Return slopes per year as HU or percent per decade."""
        return 100 * np.expm1(10 * slope) if self.measure == "volume_ml" else 10 * slope

    def measured(self, values: np.ndarray) -> np.ndarray:
        """Return fitted values in HU or mL."""
        return np.exp(values) if self.measure == "volume_ml" else values


@dataclass(frozen=True)
class ChangePointFit:
    """The result for one series and sex: the row of `change_points`, and the rows of `change_point_curves`."""

    row: dict[str, Any]
    curves: pd.DataFrame


def fits_of(
    each: Series, sex_of: np.ndarray, covariates: list[Covariate], settings: ChangePointSettings
) -> Iterator[ChangePointFit]:
    """Yield the result for each sex; `sex_of` contains the sex of each scan of the cohort."""
    sexes = sex_of[each.rows["position"].to_numpy()]
    others = [covariate for covariate in covariates if covariate.name != "sex"]
    for sex in BOTH:
        of_sex = sample_of(replace(each, rows=each.rows[sexes == sex]), others)
        sample = of_sex.with_merged(settings.category_n_min)
        name = {"structure": each.structure, "measure": each.measure, "sex": sex, "unit": PER_DECADE[each.measure]}
        relation, reason = relation_of(sample, each.measure, settings)
        if relation is None:
            yield ChangePointFit({**name, **sample.counts, "reason": reason}, all_tables.CHANGE_POINT_CURVES.empty())
            continue
        random = generator_for(settings.bootstrap_seed, "change_points", each.structure, each.measure, sex)
        found, curves = compared(relation, settings, random)
        if found["reason"] != "ok":
            curves = all_tables.CHANGE_POINT_CURVES.empty()
        sizes = {key: sample.counts[key] for key in ("n", "n_patients")}
        yield ChangePointFit({**name, **sample.counts, **found}, curves.assign(**name, **sizes).drop(columns="unit"))


def relation_of(sample: Sample, measure: str, settings: ChangePointSettings) -> tuple[Relation | None, str]:
    """Return the values with the columns of the models, or None and the reason why no model can be fitted."""
    values, ages = sample.values, sample.ages
    reason = why_not(sample, measure, knots_of(ages, settings))
    if reason != "ok":
        return None, reason
    others = design(sample.covariates, len(values), ages[:, np.newaxis])
    if others.shape[1] < design(sample.covariates, len(values)).shape[1]:  # age and, for example, year of birth
        return None, "explained"
    if len(np.unique(sample.patients)) - 2 - others.shape[1] < FEWEST_PATIENTS:
        return None, "too_few"
    used = np.log(values) if measure == "volume_ml" else values
    return Relation(measure, used, ages, others, sample.patients), "ok"


def why_not(sample: Sample, measure: str, knots: np.ndarray) -> str:
    """Return `ok`, or the reason why no model of age can be fitted."""
    if len(np.unique(sample.patients)) < FEWEST_PATIENTS:
        return "too_few"
    if np.ptp(sample.values) == 0 or np.ptp(sample.ages) == 0:
        return "all_equal"
    if measure == "volume_ml" and sample.values.min() <= 0:
        return "not_positive"
    grid = lines.grid_of(sample.ages)
    if len(knots_in_use(sample.ages, knots)) < FEWEST_KNOTS or len(grid) < 2 or np.ptp(grid) < 2 * lines.END_YEARS:
        return "narrow_ages"
    return "ok"


def compared(
    relation: Relation, settings: ChangePointSettings, random: np.random.Generator
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the results of the models, and the curves."""
    line, grid = relation.line, lines.grid_of(relation.ages)
    bent = lines.hinges(relation.ages, grid, line)
    found = lines.profile_of(relation.values, line, bent, grid)
    knots = knots_in_use(relation.ages, knots_of(relation.ages, settings))
    spline = fit_spline(relation.values, relation.ages, relation.others, relation.patients, knots)
    if spline is None:
        return {"reason": "few_ages"}, pd.DataFrame()
    total = float(np.sum((relation.values - relation.values.mean()) ** 2))
    if min(found.rss, spline.rss) <= NO_RESIDUAL * total:
        return {"reason": "explained"}, pd.DataFrame()
    score, p = lines.score_test(lines.residuals_of(relation.values, line), bent, relation.patients, random)
    bics = criteria(relation, found, spline)
    outcome = lines.outcome_of(p, found, *bics.values())
    row = {"outcome": outcome, "score": score, "p": p, **bics, "reason": "ok"}
    row |= {"search_low_years": grid[0], "search_high_years": grid[-1]}
    curves = curves_of(relation, spline, settings.confidence)
    row |= {"decreasing_ages": ranges(curves, "derivative_high", -1)}
    row |= {"increasing_ages": ranges(curves, "derivative_low", 1)}
    if outcome not in WITH_CHANGE:
        return row, curves.assign(two_lines=np.nan)
    coefficients = two_lines(relation.values, line, found.age)
    drawn = drawn_lines(relation.values, line, relation.patients, grid, random)
    row |= estimates(relation, found.age, coefficients, drawn, settings.confidence)
    lines_at = coefficients[0] + coefficients[1] * relation.years
    lines_at = lines_at + coefficients[-1] * np.maximum(relation.years - found.age, 0)
    return row, curves.assign(two_lines=relation.measured(lines_at))


def criteria(relation: Relation, found: lines.Profile, spline: AgeSpline) -> dict[str, float]:
    """Return the Bayesian information criteria of the straight line, of two lines, and of the spline."""
    n, patients, others = len(relation.values), len(np.unique(relation.patients)), relation.others.shape[1]
    return {  # parameters: coefficients, age of the change, and residual standard deviation
        "bic_line": lines.bic(found.rss_line, n, patients, 3 + others),
        "bic_break": lines.bic(found.rss, n, patients, 5 + others),
        "bic_curve": lines.bic(spline.rss, n, patients, len(spline.knots) + 1 + others),
    }


def estimates(
    relation: Relation, age: float, coefficients: np.ndarray, drawn: np.ndarray, confidence: float
) -> dict[str, float]:
    """Return the age of the change and the slopes, with percentile intervals of the bootstrap samples."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    row = {"age_years": age, "age_low_years": low[0], "age_high_years": high[0]}
    slopes = {"slope_before": coefficients[1], "slope_after": coefficients[1] + coefficients[-1]}
    for place, (name, slope) in enumerate(slopes.items(), start=1):
        row |= {name: relation.per_decade(slope), f"{name}_low": relation.per_decade(low[place])}
        row |= {f"{name}_high": relation.per_decade(high[place])}
    return row


def curves_of(relation: Relation, spline: AgeSpline, confidence: float) -> pd.DataFrame:
    """Return the spline and its derivative with limits in whole years."""
    slope, low, high = spline.derivative(relation.years, confidence)
    return pd.DataFrame(
        {
            "age": relation.years.astype(int),
            "curve": relation.measured(spline.at(relation.years)),
            "derivative": relation.per_decade(slope),
            "derivative_low": relation.per_decade(low),
            "derivative_high": relation.per_decade(high),
        }
    )


def ranges(curves: pd.DataFrame, limit: str, sign: int) -> str | None:
    """Return the age ranges in which a limit of the derivative has a sign, such as `25-38;60-95`; None if none."""
    inside = (sign * curves[limit].to_numpy() > 0).astype(int)
    ages = curves["age"].to_numpy()
    steps = np.diff(inside, prepend=0, append=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
    return ";".join(f"{ages[start]}-{ages[end]}" for start, end in zip(starts, ends, strict=True)) or None


def tables_of(
    series: list[Series], cohort: pd.DataFrame, covariates: list[Covariate], settings: ChangePointSettings
) -> dict[str, pd.DataFrame]:
    """Return the tables `change_points` and `change_point_curves` of the series, and log the progress."""
    progress = Progress(LOG, len(series), "structures and measures")
    fits: list[ChangePointFit] = []
    for each in series:
        fits += fits_of(each, cohort["sex"].to_numpy(), covariates, settings)
        progress.add()
    found = pd.Series([fit.row.get("outcome", fit.row["reason"]) for fit in fits], dtype="str").value_counts()
    LOG.info("%d rows = %s", len(fits), " + ".join(f"{n} {code}" for code, n in found.items()) or "0")
    rows = pd.DataFrame([fit.row for fit in fits], columns=list(all_tables.CHANGE_POINTS.columns))
    curves = [fit.curves for fit in fits if len(fit.curves)] or [all_tables.CHANGE_POINT_CURVES.empty()]
    return {
        "change_points": all_tables.CHANGE_POINTS.check(rows),
        "change_point_curves": all_tables.CHANGE_POINT_CURVES.check(pd.concat(curves, ignore_index=True)),
    }


@dataclass(frozen=True)
class ChangePointsOptions:
    """Options of the command `change-points`; `ctpop change-points --help` explains them."""

    analysis: Path
    cohort: Path
    structures: str
    config: Path | None
    change_points: Path
    curves: Path


def run(options: ChangePointsOptions) -> None:
    """Read values, ages, and covariates, compare the models, and write both tables."""
    settings = configuration.chosen(ChangePointSettings, "aging", options.config)
    label_set = label_sets.read(options.structures)
    cohort, analysis = all_tables.COHORT.read(options.cohort), all_tables.ANALYSIS.read(options.analysis)
    covariates = covariates_of_study(cohort, settings, options.config)
    together = joint(covariates, settings.covariate_share)
    message = "%d values from a cohort of %s; covariates: %s; structures: %s"
    LOG.info(message, len(analysis), size_of(cohort), named(together), ", ".join(settings.change_points) or "none")
    series = split(with_positions(analysis, cohort), label_set.names, list(label_set.groups))
    chosen = [each for each in series if each.structure in settings.change_points]
    tables = tables_of(chosen, cohort, together, settings)
    all_tables.CHANGE_POINTS.write(tables["change_points"], options.change_points)
    all_tables.CHANGE_POINT_CURVES.write(tables["change_point_curves"], options.curves)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and covariates (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging", "cohort")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument("--change-points", type=Path, required=True, help=f"change points to write {also_csv}")
    parser.add_argument("--curves", type=Path, required=True, help=f"age curves to write {also_csv}")
