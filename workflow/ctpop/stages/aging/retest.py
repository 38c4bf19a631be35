"""Rows of the table `retest`: repeatability from pairs of scans within seven days."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ctpop.stages.aging.age_series import Series
from ctpop.stats.repeatability import (
    Repeatability,
    corrected_rho,
    relative_sd,
    reliability_of_scores,
    repeatability_of,
)
from ctpop.study.patient_consistency import DAYS_PER_YEAR

MOST_DAYS = 7.5  # ASSUME: within a week; half a day accounts for rounding of decimal dates
FEWEST_PAIRS = 20  # ASSUME: pairs; 35 are advisable
SAME = ("phase", "contrast")  # properties in which the scans of a pair must not differ


def pairs_of(each: Series, cohort: pd.DataFrame, years: np.ndarray) -> np.ndarray:
    """Return the positions in the series of the first two scans within seven days of each patient, shape (pairs, 2).

    Both scans have the same recorded contrast phase and contrast administration. Scans of other phases between them, as
    in multiphase examinations, do not separate a pair.
    """
    position = each.rows["position"].to_numpy()
    table = pd.DataFrame(
        {"patient": each.rows["patient"].to_numpy(), "year": years[position], "row": range(len(position))}
    )
    kinds = cohort.reindex(columns=list(SAME)).astype("string").fillna("").iloc[position]
    table = table.assign(kind=(kinds["phase"] + "|" + kinds["contrast"]).to_numpy()).dropna(subset=["year"])
    table = table.sort_values(["patient", "kind", "year", "row"], kind="stable")
    following = table.shift(-1)
    near = (following["year"] - table["year"]) * DAYS_PER_YEAR <= MOST_DAYS
    used = near & table["patient"].eq(following["patient"]) & table["kind"].eq(following["kind"])
    found = table.rename(columns={"row": "first"}).assign(second=following["row"])[used]
    found = found.sort_values(["patient", "year", "first"], kind="stable")
    result: np.ndarray = found.drop_duplicates("patient")[["first", "second"]].to_numpy(dtype=int)
    return result


def retest_row(
    each: Series, cohort: pd.DataFrame, years: np.ndarray, association: dict[str, Any], confidence: float
) -> tuple[dict[str, Any], Repeatability | None]:
    """Return the row of one series, and the repeatability in HU or natural logarithms of mL."""
    places = pairs_of(each, cohort, years)
    row = {**each.name, "n": 2 * len(places), "n_patients": len(places)}
    values = each.values[places]
    if len(places) < FEWEST_PAIRS:
        return {**row, "reason": "few_repeats"}, None
    volume = each.measure == "volume_ml"
    if volume and values.min() <= 0:
        return {**row, "reason": "not_positive"}, None
    pairs = np.log(values) if volume else values
    found = repeatability_of(pairs, confidence)
    if found is None:
        return {**row, "reason": "all_equal"}, None
    row |= _of(found, volume, confidence)
    row |= {"cv": 100 * np.sqrt(np.expm1(found.within**2)), "cv_rms": relative_sd(values)} if volume else {}
    reliability = reliability_of_scores(pairs)
    corrected = corrected_rho(*_rho(association, confidence), reliability, len(pairs), confidence)
    row |= dict(zip(("rho", "rho_low", "rho_high"), corrected, strict=True))
    return {**row, "reliability": reliability, "reason": "ok"}, found


def _of(found: Repeatability, volume: bool, confidence: float) -> dict[str, float]:
    change, half = found.change(confidence), float(ndtri((1 + confidence) / 2)) * found.difference_sd
    printed = {
        "change_low": -change,
        "change_high": change,
        "bias": found.bias,
        "agreement_low": found.bias - half,
        "agreement_high": found.bias + half,
    }
    return {
        **{"sd_within": found.within, "sd_within_low": found.within_low, "sd_within_high": found.within_high},
        **{"sd_between": found.between, "icc": found.icc, "icc_low": found.icc_low, "icc_high": found.icc_high},
        **{name: 100 * float(np.expm1(value)) if volume else value for name, value in printed.items()},
    }


def _rho(association: dict[str, Any], confidence: float) -> tuple[float, float]:
    """Return rho and its standard error from the row of `associations`; missing (NaN) without an interval."""
    rho, low, high = (float(association.get(name, np.nan)) for name in ("rho", "ci_low", "ci_high"))
    if not np.isfinite([rho, low, high]).all() or max(abs(low), abs(high)) >= 1:
        return np.nan, np.nan
    half = (np.arctanh(high) - np.arctanh(low)) / 2
    return rho, float(half / ndtri((1 + confidence) / 2) * (1 - rho**2))
