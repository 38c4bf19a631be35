"""Centiles: centile curves of each sex over age, calibration of the curves, and the z score of each value.

The stage reads the usable values (`analysis`) and the cohort. It writes `centiles` (curves with the parameters for use
in other studies), `centile_calibration` (with the reason for missing curves), and `z_scores`. Volumes are fitted with
the LMS model. Attenuations can be negative and are fitted with a sinh-arcsinh model (`stats.centile_curves`).
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ctpop.contracts import all_tables
from ctpop.contracts.tables import Table
from ctpop.foundation.progress import Progress
from ctpop.stages.aging.age_series import Series, size_of, sizes, split, with_ages
from ctpop.stats.centile_curves import LOCATION_KNOTS, SPREAD_KNOTS, Curves, fit_curves
from ctpop.stats.distributions import MODELS
from ctpop.study import configuration, label_sets
from ctpop.study.patients import distinct

LOG = logging.getLogger(__name__)
SEXES = ("female", "male")
MODEL_OF = {"volume_ml": "bccg", "hu_mean": "shash"}
ALL_AGES = (0, 120)
BAND_YEARS = 10
NEAR_YEARS = 5


@dataclass(frozen=True)
class CentileSettings:
    """Settings of this command, which the section `aging` of the configuration schema describes."""

    centiles_n_min: int


@dataclass(frozen=True)
class Fit:
    """The scans of one sex in a series, their curves, and `ok` or the reason for missing curves."""

    name: dict[str, Any]
    model: str
    rows: pd.DataFrame
    curves: Curves | None
    reason: str

    @property
    def values(self) -> np.ndarray:
        """Volumes (mL) or attenuations (HU)."""
        return self.rows["value"].to_numpy(dtype=float)

    @property
    def ages(self) -> np.ndarray:
        """Ages (years)."""
        return self.rows["age_years"].to_numpy(dtype=float)

    @property
    def patients(self) -> np.ndarray:
        """Patient number of each scan."""
        return self.rows["patient"].to_numpy()

    @property
    def z(self) -> np.ndarray:
        """Z score of each value; empty without curves."""
        return self.curves.z_of(self.values, self.ages) if self.curves else np.empty(0)


def fits_of(each: Series, sex_of: pd.Series, settings: CentileSettings) -> Iterator[Fit]:
    """Yield the fit for each sex; `sex_of` contains the sex by scan."""
    sexes = each.rows["scan_id"].map(sex_of)
    for sex in SEXES:
        rows = each.rows[sexes.eq(sex).to_numpy()]
        name = {"structure": each.structure, "measure": each.measure, "sex": sex}
        model = MODEL_OF[each.measure]
        values, ages = rows["value"].to_numpy(dtype=float), rows["age_years"].to_numpy(dtype=float)
        reason = why_not(values, ages, model, settings.centiles_n_min)
        curves = fit_curves(values, ages, MODELS[model]) if reason == "ok" else None
        yield Fit(name, model, rows, curves, "not_converged" if reason == "ok" and not curves else reason)


def why_not(values: np.ndarray, ages: np.ndarray, model: str, n_min: int) -> str:
    """Return `ok`, or the reason why curves cannot be fitted."""
    if len(values) < n_min:
        return "too_few"
    if np.ptp(values) == 0:
        return "all_equal"
    if len(np.unique(ages)) < len(LOCATION_KNOTS):
        return "few_ages"
    if any(len(np.unique(np.quantile(ages, knots))) < len(SPREAD_KNOTS) for knots in (LOCATION_KNOTS, SPREAD_KNOTS)):
        return "few_ages"
    return "not_positive" if model == "bccg" and values.min() <= 0 else "ok"


def curve_table(fit: Fit) -> pd.DataFrame:
    """Return the rows of the table `centiles` for one sex, in whole years from the youngest to the oldest patient."""
    if fit.curves is None:
        return all_tables.CENTILES.empty()
    ages = np.arange(np.ceil(fit.ages.min()), np.floor(fit.ages.max()) + 1)
    at = fit.curves.at(ages)
    percents = all_tables.CENTILES_SHOWN
    curves = {f"centile_{percent:02d}": fit.curves.value_of(float(ndtri(percent / 100)), ages) for percent in percents}
    near = np.abs(fit.ages[:, np.newaxis] - ages) <= NEAR_YEARS
    return pd.DataFrame(
        {
            "age_years": ages,
            **curves,
            "model": fit.model,
            "location": at.location,
            "spread": np.exp(at.log_spread),
            "skew": at.skew,
            "tail": float(np.exp(at.log_tail)),
            **sizes(fit.patients),
            "n_near": near.sum(axis=0),
            "n_patients_near": [distinct(fit.patients[at_age]) for at_age in near.T],
        }
    ).assign(**fit.name)


def calibration_rows(fit: Fit) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `centile_calibration` for one sex: all ages, then each decade that has values."""
    z = fit.z
    yield {**_band(fit, *ALL_AGES), **sizes(fit.patients), **calibration(z), "reason": fit.reason}
    if fit.curves is None:
        return
    decades = (fit.ages // BAND_YEARS).astype(int) * BAND_YEARS
    for start in np.unique(decades):
        inside = decades == start
        band = {**_band(fit, start, start + BAND_YEARS), **sizes(fit.patients[inside])}
        yield {**band, **calibration(z[inside]), "reason": "ok"}


def calibration(z: np.ndarray) -> dict[str, float]:
    """Return the mean and SD of the z scores and the percentage of values below each curve; empty without scores."""
    if not len(z):
        return {}
    limits = {f"below_{percent:02d}": ndtri(percent / 100) for percent in all_tables.CENTILES_SHOWN}
    below = {name: 100 * float(np.mean(z < limit)) for name, limit in limits.items()}
    return {"z_mean": float(z.mean()), "z_sd": float(z.std(ddof=1)) if len(z) > 1 else np.nan, **below}


def score_table(fit: Fit) -> pd.DataFrame:
    """Return the rows of the table `z_scores` for one sex."""
    z = fit.z
    scans = fit.rows["scan_id"].to_numpy()
    part = {"structure": fit.name["structure"], "measure": fit.name["measure"]}
    return pd.DataFrame({"scan_id": scans, "z": z, "centile": 100 * ndtr(z)}).assign(**part)


def fitted(series: list[Series], sex_of: pd.Series, settings: CentileSettings) -> Iterator[Fit]:
    """Yield the fits for all series and log the progress."""
    progress = Progress(LOG, len(series), "structures and measures")
    for each in series:
        yield from fits_of(each, sex_of, settings)
        progress.add()


@dataclass(frozen=True)
class CentilesOptions:
    """Options of the command `centiles`; `ctpop centiles --help` explains them."""

    analysis: Path
    cohort: Path
    structures: str
    config: Path | None
    centiles: Path
    calibration: Path
    z_scores: Path


def run(options: CentilesOptions) -> None:
    """Read values, ages, and sexes, fit curves, and write curves, calibration, and z scores."""
    settings = configuration.chosen(CentileSettings, "aging", options.config)
    label_set = label_sets.read(options.structures)
    cohort, analysis = all_tables.COHORT.read(options.cohort), all_tables.ANALYSIS.read(options.analysis)
    LOG.info("%d values from a cohort of %s", len(analysis), size_of(cohort))
    series = split(with_ages(analysis, cohort), label_set.names, list(label_set.groups))
    fits = list(fitted(series, cohort.set_index("scan_id")["sex"], settings))
    with_curves = [fit for fit in fits if fit.curves]
    all_tables.CENTILES.write(joined(all_tables.CENTILES, [curve_table(fit) for fit in with_curves]), options.centiles)
    calibrations = [row for fit in fits for row in calibration_rows(fit)]
    columns = list(all_tables.CENTILE_CALIBRATION.columns)
    all_tables.CENTILE_CALIBRATION.write(pd.DataFrame(calibrations, columns=columns), options.calibration)
    scores = joined(all_tables.Z_SCORES, [score_table(fit) for fit in with_curves])
    all_tables.Z_SCORES.write(scores, options.z_scores)
    message = (
        "%d values read = %d with a z score + %d without (age or sex unknown, or no curves); %d of %d fits have curves"
    )
    LOG.info(message, len(analysis), len(scores), len(analysis) - len(scores), len(with_curves), len(fits))


def joined(table: Table, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the concatenated data frames, or an empty table without data frames."""
    return pd.concat(frames, ignore_index=True) if frames else table.empty()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--analysis", type=Path, required=True, help="usable values (Parquet)")
    parser.add_argument("--cohort", type=Path, required=True, help="included scans with ages and sexes (Parquet)")
    parser.add_argument("--structures", required=True, help="name of a built-in label set, or CSV file")
    configuration.add_config_argument(parser, "aging")
    also_csv = "(Parquet, and a CSV copy)"
    parser.add_argument("--centiles", type=Path, required=True, help=f"centile curves to write {also_csv}")
    parser.add_argument(
        "--calibration", type=Path, required=True, help=f"calibration of the curves to write {also_csv}"
    )
    parser.add_argument("--z-scores", type=Path, required=True, help=f"z score of each value to write {also_csv}")


def _band(fit: Fit, start: int, end: int) -> dict[str, Any]:
    return {**fit.name, "age_from": int(start), "age_to": int(end), "model": fit.model}
