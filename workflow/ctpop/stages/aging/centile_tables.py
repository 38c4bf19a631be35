"""Rows of the tables of centiles: curves with bands, calibration, models, worm plots, and z scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ctpop.contracts import all_tables
from ctpop.contracts.centiles import EXTREMES_SHOWN
from ctpop.stages.aging.age_series import sizes
from ctpop.stages.aging.centile_models import UNITS, candidate_row, chosen_row
from ctpop.stages.aging.centile_outcomes import Modeled, Task, modeled
from ctpop.stats.centile_bands import band
from ctpop.stats.centile_choice import CANDIDATES, CandidateFit
from ctpop.stats.centile_curves import Fit
from ctpop.stats.centile_misfit import (
    MOST_DEVIATION,
    STATISTICS,
    chance_limits,
    deviating,
    shares_below,
    statistics_of,
    worm,
)
from ctpop.study.patients import distinct

PERCENTS = np.array(all_tables.CENTILES_SHOWN, dtype=float)
NAMES = [f"{percent:02d}" for percent in all_tables.CENTILES_SHOWN]
BAND_YEARS = 10
NEAR_YEARS = 5
ALL = "all"
UNSTABLE = "unstable"


@dataclass(frozen=True)
class Outcome:
    """All rows that one task contributes to the tables; `z` is None without curves."""

    name: dict[str, Any]
    reason: str
    curves: pd.DataFrame | None
    calibration: list[dict[str, Any]]
    models: list[dict[str, Any]]
    worms: list[dict[str, Any]]
    z: np.ndarray | None


def outcome_of(task: Task) -> Outcome:
    """Fit the curves of a task and return its rows."""
    found = modeled(task)
    calibration, models, worms = (list(make(found)) for make in (calibration_rows, model_rows, worm_rows))
    return Outcome(task.name, found.reason, curve_rows(found), calibration, models, worms, found.z)


def curve_rows(found: Modeled) -> pd.DataFrame | None:
    """Return the rows of the table `centiles`, in whole years from the youngest to the oldest fitted patient."""
    if found.fit is None:
        return None
    kept = found.sample.part(~found.outliers)
    ages = np.arange(np.ceil(kept.ages.min()), np.floor(kept.ages.max()) + 1)
    at = found.fit.curves.at(ages)
    near = np.abs(kept.ages[:, np.newaxis] - ages) <= NEAR_YEARS
    enough = kept.n_patients >= found.task.settings.centiles_extreme_n_min
    return pd.DataFrame(
        {
            "age_years": ages,
            **band_columns(found, found.fit, ages, extremes=enough),
            "model": found.model,
            "location": at.location,
            "spread": np.exp(at.log_spread),
            "skew": at.skew,
            "tail": float(np.exp(at.log_tail)),
            **sizes(kept.patients),
            "n_near": near.sum(axis=0),
            "n_patients_near": [distinct(kept.patients[at_age]) for at_age in near.T],
            "extreme_reason": "ok" if enough else "too_few",
        }
    ).assign(**found.task.name)


def band_columns(found: Modeled, fit: Fit, ages: np.ndarray, *, extremes: bool) -> dict[str, np.ndarray]:
    """Return the centiles with their confidence limits, and whether they are uncertain."""
    columns: dict[str, np.ndarray] = {}
    lower_half = fit.curves.value_of(0.0, ages) - fit.curves.value_of(float(ndtri(0.03)), ages)
    widest, missing = np.zeros(len(ages)), np.full(len(ages), np.nan)
    for percent in all_tables.CENTILES_SHOWN:
        name, z = f"centile_{percent:02d}", float(ndtri(percent / 100))
        value, (low, high) = fit.curves.value_of(z, ages), (missing, missing)
        if percent in EXTREMES_SHOWN and not extremes:
            value = missing
        else:
            low, high = band(fit, found.covariance, z, ages, found.task.settings.confidence)
            widest = np.maximum(widest, high - low)
        columns |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return columns | {"uncertain": ~(widest <= lower_half / 2)}


def calibration_rows(found: Modeled) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `centile_calibration`: all ages, age quartiles, and decades that have values."""
    sample, name = found.sample, {**found.task.name, "model": found.model, "reason": found.reason}
    ages = sample.ages
    everyone = {"band": ALL, **_limits(ages), **sizes(sample.patients)}
    if found.fit is None:
        yield {**name, **everyone}
        return
    if found.cross_validated is None:
        yield {**name, **everyone, "misfit": True, "misfit_reason": UNSTABLE}
        return
    quartiles = [quartile_row(found, number) for number in range(1, 5) if (found.quartiles == number).any()]
    shares = share_columns(found, np.ones(len(ages), dtype=bool))
    apart = deviating(np.array([shares[f"below_{each}"] for each in NAMES]), PERCENTS, sample.n_patients)
    reasons = [f"below_{each}" for each, wrong in zip(NAMES, apart, strict=True) if wrong]
    of_bands = [f"{row['band']}:{reason}" for row in quartiles for reason in row["misfit_reason"].split(";") if reason]
    for row in ({**everyone, **shares, "misfit_reason": ";".join([*reasons, *of_bands])}, *quartiles):
        yield {**name, **row, "misfit": bool(row["misfit_reason"]), "misfit_reason": row["misfit_reason"] or None}
    decades = (ages // BAND_YEARS).astype(int) * BAND_YEARS
    for start in np.unique(decades):
        inside = decades == start
        limits = {"age_from": float(start), "age_to": float(start + BAND_YEARS)}
        part = {**limits, **sizes(sample.patients[inside]), **share_columns(found, inside)}
        yield {**name, "band": f"decade_{start:03d}", **part}


def quartile_row(found: Modeled, number: int) -> dict[str, Any]:
    """Return the row of an age quartile with its statistics; `misfit_reason` is empty if none deviates."""
    inside = found.quartiles == number
    statistics = statistics_of(one_per_patient(found, inside))
    wrong = [name for name, each in zip(STATISTICS, statistics, strict=True) if abs(each) > MOST_DEVIATION]
    ages = found.sample.ages[inside]
    return {
        "band": f"quartile_{number}",
        **_limits(ages, found.sample.ages[found.quartiles > number]),
        **sizes(found.sample.patients[inside]),
        **share_columns(found, inside),
        **dict(zip(STATISTICS, statistics, strict=True)),
        "misfit_reason": ";".join(wrong),
    }


def share_columns(found: Modeled, inside: np.ndarray) -> dict[str, float]:
    """Return the percentages below the curves of some scans with the limits that are expected by chance."""
    z = found.cross_validated
    assert z is not None  # the caller writes rows only after a cross-validation
    shares = shares_below(z[inside], found.sample.weights[inside], PERCENTS)
    low, high = chance_limits(PERCENTS, distinct(found.sample.patients[inside]))
    return {
        f"below_{name}{end}": float(value)
        for end, values in {"": shares, "_low": low, "_high": high}.items()
        for name, value in zip(NAMES, values, strict=True)
    }


def one_per_patient(found: Modeled, inside: np.ndarray) -> np.ndarray:
    """Return the cross-validated z score of the first scan of each patient, without values that were set aside."""
    z = found.cross_validated
    assert z is not None  # the caller uses z scores only after a cross-validation
    kept = np.flatnonzero(inside & ~found.outliers)
    first = np.unique(found.sample.patients[kept], return_index=True)[1]
    return np.asarray(z[kept[np.sort(first)]])


def model_rows(found: Modeled) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `centile_models`: all candidates of the measure."""
    sample, out = found.sample, found.outliers
    candidates = CANDIDATES[found.task.measure]
    attempts = (
        found.choice.attempts if found.choice else [CandidateFit(each, "not_fitted", None) for each in candidates]
    )
    known = {**found.task.name, **sizes(sample.patients), "unit": UNITS[found.task.measure], "reason": found.reason}
    if found.fit:
        known |= {"n_outliers": int(out.sum()), "n_patients_outliers": distinct(sample.patients[out])}
    for attempt in attempts:
        row = {**known, **candidate_row(attempt)}
        if attempt.fit:
            ages = sample.ages[~out]
            row |= {"age_min": float(ages.min()), "age_max": float(ages.max())}
        if found.fit and attempt.fit is found.fit:
            row |= chosen_row(found.fit.curves, found.levels)
        yield row


def worm_rows(found: Modeled) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `centile_worms`."""
    if found.fit is None or found.cross_validated is None:
        return
    for number in range(1, 5):
        shown = worm(one_per_patient(found, found.quartiles == number))
        for values in zip(shown.expected, shown.deviation, shown.limit, strict=True):
            columns = dict(zip(("expected", "deviation", "limit"), map(float, values), strict=True))
            yield {**found.task.name, "band": f"quartile_{number}", **columns}


def score_rows(outcome: Outcome, scans: np.ndarray) -> pd.DataFrame:
    """Return the rows of the table `z_scores`."""
    assert outcome.z is not None  # the caller writes rows only for outcomes with curves
    rows = pd.DataFrame({"scan_id": scans, "z": outcome.z, "centile": 100 * ndtr(outcome.z)})
    return rows.assign(structure=outcome.name["structure"], measure=outcome.name["measure"])


def _limits(ages: np.ndarray, older: np.ndarray | None = None) -> dict[str, float]:
    """Return the lower and upper limit of an age band; the upper limit is the lowest age of older scans, if any."""
    if not len(ages):
        return {}
    return {
        "age_from": float(ages.min()),
        "age_to": float(ages.max() if older is None or not len(older) else older.min()),
    }
