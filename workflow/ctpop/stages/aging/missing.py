"""Missing values: their number by age, sex, and reason, and their influence on the association with age.

The stage reads the verdicts, the usable values (`analysis`), and the cohort. It writes `missingness` (each scan of the
cohort once for each structure and measure) and `missing_sensitivity` (rho weighted by the inverse of the probability of
having a value, and bounds of the slope on age). Nothing is imputed.
"""

import argparse
import logging
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts import all_tables
from ctpop.contracts.all_tables import MEASURES, MISSING_CATEGORIES, MISSING_REASONS
from ctpop.stages.aging.age_series import size_of, sizes
from ctpop.stages.aging.effect_units import PER_DECADE, in_unit
from ctpop.stages.aging.missing_reasons import ABSENT_CATEGORY, MISSING, USED, ValueReasons, value_reasons
from ctpop.stages.aging.p_values import with_p
from ctpop.stats.correlation import FEWEST, spearman
from ctpop.stats.missing_values import (
    HIGHEST_SHARE,
    Bounds,
    MeasuredModel,
    inverse_weights,
    measured_model,
    slope_bounds,
)
from ctpop.stats.weights import effective_number
from ctpop.study import configuration, label_sets, rule_sets
from ctpop.study.patients import distinct, patient_numbers

LOG = logging.getLogger(__name__)
SEXES = ("female", "male", "unknown")
DECADE_YEARS = 10


@dataclass(frozen=True)
class MissingSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    confidence: float
    n_min: int


@dataclass(frozen=True)
class Scans:
    """Age (years, NaN if unknown), sex (1: man, 0: woman, NaN: unknown), and patient number of each scan."""

    ages: NDArray[np.float64]
    male: NDArray[np.float64]
    patients: NDArray[np.int32]

    def among(self, rows: NDArray[np.bool_]) -> "Scans":
        """Return a subset of the scans."""
        return Scans(self.ages[rows], self.male[rows], self.patients[rows])


@dataclass(frozen=True)
class Models:
    """Logistic models by the scans of the model and the scans with a value, which measures often share."""

    fitted: dict[tuple[bytes, bytes], MeasuredModel] = field(default_factory=dict)

    def of(self, included: NDArray[np.bool_], used: NDArray[np.bool_], scans: Scans) -> MeasuredModel:
        """Return the model of the probability of having a value; `scans` are the included scans."""
        key = (included.tobytes(), used.tobytes())
        if key not in self.fitted:
            self.fitted[key] = measured_model(used, scans.ages, scans.male)
        return self.fitted[key]


def scans_of(cohort: pd.DataFrame) -> Scans:
    """Return age, sex, and patient of each scan of the cohort."""
    is_male = pd.to_numeric(cohort["sex"].map({"male": 1.0, "female": 0.0}))
    ages, male = (np.asarray(column, dtype=np.float64) for column in (cohort["age_years"], is_male))
    return Scans(ages, male, patient_numbers(cohort))


def missingness_table(found: dict[str, ValueReasons], names: list[str], scans: Scans) -> pd.DataFrame:
    """Return the table `missingness`."""
    strata, stratum = strata_of(scans)
    whole = pd.DataFrame(
        [{**keys, **sizes(scans.patients[stratum == number])} for number, keys in enumerate(strata)],
        columns=["sex", "age_decade", "n", "n_patients"],
    )
    counted = [
        _counts(of_measure.reasons[:, column], of_measure.categories[:, column], stratum, scans.patients).assign(
            structure=name, measure=measure
        )
        for measure, of_measure in found.items()
        for column, name in enumerate(names)
    ]
    columns = list(all_tables.MISSINGNESS.columns)
    table = pd.concat(counted, ignore_index=True).merge(whole, left_on="stratum", right_index=True)
    named = table.assign(
        reason=np.array(list(MISSING_REASONS), dtype=object)[table["reason"]],
        category=np.array(list(MISSING_CATEGORIES), dtype=object)[table["category"]],
    )
    return named[columns]


def strata_of(scans: Scans) -> tuple[list[dict[str, str]], NDArray[np.intp]]:
    """Return the strata of sex and age decade that contain a scan, and the stratum of each scan."""
    sex = np.where(np.isnan(scans.male), SEXES.index("unknown"), scans.male).astype(int)
    decade = np.where(np.isnan(scans.ages), -1, scans.ages // DECADE_YEARS).astype(int)
    found, stratum = np.unique(np.column_stack([sex, decade]), axis=0, return_inverse=True)
    names = [{"sex": SEXES[number], "age_decade": decade_name(start)} for number, start in found]
    return names, stratum.reshape(-1)


def decade_name(decade: int) -> str:
    """Return the name of an age decade from its number: 3 is `30-39`, and a negative number is `unknown`."""
    return "unknown" if decade < 0 else f"{decade * DECADE_YEARS}-{decade * DECADE_YEARS + DECADE_YEARS - 1}"


def _counts(
    reasons: NDArray[np.int8],
    categories: NDArray[np.int8],
    stratum: NDArray[np.intp],
    patients: NDArray[np.int32],
) -> pd.DataFrame:
    """Return the numbers of scans and patients by stratum and reason, for one structure and measure."""
    cell = stratum * len(MISSING_REASONS) + reasons
    cells, first, n = np.unique(cell, return_index=True, return_counts=True)
    largest = int(patients.max(initial=0)) + 1
    people = np.unique(cell.astype(np.int64) * largest + patients) // largest
    return pd.DataFrame(
        {
            "stratum": cells // len(MISSING_REASONS),
            "reason": cells % len(MISSING_REASONS),
            "category": categories[first],
            "n_with_reason": n,
            "n_patients_with_reason": np.unique(people, return_counts=True)[1],
        }
    )


def sensitivity_table(
    found: dict[str, ValueReasons], names: list[str], scans: Scans, settings: MissingSettings
) -> pd.DataFrame:
    """Return the table `missing_sensitivity`."""
    models = Models()
    rows = [
        {"structure": name, "measure": measure, **_row(of_measure, column, measure, scans, models, settings)}
        for measure, of_measure in found.items()
        for column, name in enumerate(names)
    ]
    return with_p(pd.DataFrame(rows))


def _row(
    found: ValueReasons, column: int, measure: str, scans: Scans, models: Models, settings: MissingSettings
) -> dict[str, Any]:
    category, known = found.categories[:, column], np.isfinite(scans.ages)
    included = known & np.isin(category, (USED, MISSING))
    here, used = scans.among(included), category[included] == USED
    values = found.values[included, column]
    absent = scans.patients[known & (category == ABSENT_CATEGORY)]
    counts = {
        **sizes(here.patients),
        **{f"{name}_used": n for name, n in sizes(here.patients[used]).items()},
        **{f"{name}_missing": n for name, n in sizes(here.patients[~used]).items()},
        **{f"{name}_absent": n for name, n in sizes(absent).items()},
        "share_missing": float(np.mean(~used)) if len(used) else math.nan,
        "age_missing_years": _median(here.ages[~used]),
        "age_used_years": _median(here.ages[used]),
    }
    why_not = why_no_result(values[used], here.ages[used], settings.n_min)
    if why_not == "ok":
        weighted = weighted_result(values, used, here, models.of(included, used, here), settings.confidence)
    else:
        weighted = {"reason": why_not}
    return {**counts, **weighted, **bounds_result(values, used, here, measure, why_not)}


def why_no_result(values: NDArray[np.float64], ages: NDArray[np.float64], n_min: int) -> str:
    """Return `ok`, or the reason why the used values have no correlation with age."""
    if len(values) < n_min:
        return "too_few"
    return "all_equal" if np.ptp(values) == 0 or np.ptp(ages) == 0 else "ok"


def weighted_result(
    values: NDArray[np.float64], used: NDArray[np.bool_], scans: Scans, model: MeasuredModel, confidence: float
) -> dict[str, Any]:
    """Return the correlations without and with weights, or the reason for missing weights."""
    y, ages = values[used], scans.ages[used]
    rho = spearman(y, ages, confidence).rho
    if model.reason != "ok":
        return {"rho": rho, "reason": model.reason}
    patients, weights = scans.patients[used], inverse_weights(model.probability[used])
    if distinct(patients) < FEWEST:
        return {"rho": rho, "reason": "too_few"}
    weighted = asdict(spearman(y, ages, confidence, patients, weights))
    return {
        "rho": rho,
        "rho_weighted": weighted["rho"],
        **{name: weighted[name] for name in ("ci_low", "ci_high", "log10_p_rho0")},
        "difference": weighted["rho"] - rho,
        "effective_n": effective_number(weights),
        "largest_weight": float(weights.max()),
        "weights_from": "; ".join(model.names) or "none",
        "reason": "perfect_order" if math.isnan(weighted["ci_low"]) else "ok",
    }


def bounds_result(
    values: NDArray[np.float64], used: NDArray[np.bool_], scans: Scans, measure: str, why_not: str
) -> dict[str, Any]:
    """Return the slope on age with its bounds, or the reason for missing bounds."""
    unit = {"unit": PER_DECADE[measure]}
    if why_not == "ok" and measure == "volume_ml" and values[used].min() <= 0:
        why_not = "not_positive"
    if why_not != "ok":
        return {**unit, "bounds_reason": why_not}
    # ASSUME: differences in volume are proportional to the volume, as in the centile curves
    y = np.log(values) if measure == "volume_ml" else values
    found = _in_units(slope_bounds(y, used, scans.ages, scans.male), measure)
    if math.isnan(found.slope):
        return {**unit, "bounds_reason": "few_ages"}
    if used.all() or np.mean(~used) > HIGHEST_SHARE:
        return {**unit, "slope": found.slope, "bounds_reason": "none_missing" if used.all() else "many_missing"}
    return {**unit, **{"slope": found.slope, "slope_low": found.low, "slope_high": found.high}, "bounds_reason": "ok"}


def _in_units(bounds: Bounds, measure: str) -> Bounds:
    """Return bounds in HU, or in percent of the volume, per decade."""
    return Bounds(*(in_unit(slope, measure) for slope in (bounds.slope, bounds.low, bounds.high)))


def _median(ages: NDArray[np.float64]) -> float:
    return float(np.median(ages)) if len(ages) else math.nan


@dataclass(frozen=True)
class MissingOptions:
    """Options of the command `missing`; `ctpop missing --help` explains them."""

    verdicts: Path
    analysis: Path
    cohort: Path
    structures: str
    config: Path | None
    missingness: Path
    sensitivity: Path


def run(options: MissingOptions) -> None:
    """Read verdicts, values, ages, and sexes, and write the numbers and the influence of missing values."""
    settings = configuration.chosen(MissingSettings, "aging", options.config)
    screen = configuration.section("screen", options.config)
    rules = rule_sets.read(screen["rules"]).with_truncated_hu(screen.get("use_truncated_hu"))
    label_set, cohort = label_sets.read(options.structures), all_tables.COHORT.read(options.cohort)
    LOG.info("cohort of %s", size_of(cohort))
    verdicts = all_tables.VERDICTS.read(options.verdicts, "reason")
    analysis = all_tables.ANALYSIS.read(options.analysis)
    found = value_reasons(verdicts, analysis, cohort, label_set, rules)
    del verdicts, analysis  # millions of rows in a large study
    scans, names = scans_of(cohort), [*label_set.names, *label_set.groups]
    all_tables.MISSINGNESS.write(missingness_table(found, names, scans), options.missingness)
    table = sensitivity_table(found, names, scans, settings)
    all_tables.MISSING_SENSITIVITY.write(
        table.reindex(columns=list(all_tables.MISSING_SENSITIVITY.columns)), options.sensitivity
    )
    _log(list(_totals(found)), table)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--verdicts", type=Path, required=True, help="reason for each value (Parquet)")
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and sexes (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging", "screen")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument(
        "--missingness", type=Path, required=True, help=f"missing values by age, sex, and reason to write {also_csv}"
    )
    parser.add_argument(
        "--sensitivity",
        type=Path,
        required=True,
        help=f"influence of missing values on associations with age to write {also_csv}",
    )


def _totals(found: dict[str, ValueReasons]) -> Iterator[str]:
    for measure, of_measure in found.items():
        n = np.bincount(of_measure.categories.ravel(), minlength=len(MISSING_CATEGORIES))
        words = " + ".join(f"{count} {name}" for name, count in zip(MISSING_CATEGORIES, n, strict=True))
        yield f"{MEASURES.index(measure) + 1} of {len(MEASURES)} ({measure}): {n.sum()} values = {words}"


def _log(totals: list[str], table: pd.DataFrame) -> None:
    for total in totals:
        LOG.info("measure %s", total)
    weighted = int(table["reason"].eq("ok").sum())
    LOG.info("%d structures and measures: %d with weights, %d without", len(table), weighted, len(table) - weighted)
