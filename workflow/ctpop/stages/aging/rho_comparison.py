"""Comparison of correlations with age between two studies.

A correlation depends on the age distribution. Correlations of all patients are compared only if the ages of the studies
are similar. Otherwise, the table contains the correlations within the common age range, and the correlations that are
weighted to a uniform age distribution in this range.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ctpop.stats.correlation import Correlation, spearman
from ctpop.stats.differences import Difference, difference_of, from_interval
from ctpop.stats.weights import effective_number, uniform_weights
from ctpop.study.patients import distinct

SD_RATIO = 1.10  # ASSUME: smallest ratio of the SDs of age for which correlations are not compared
MEAN_YEARS = 3.0  # ASSUME: smallest difference between the mean ages for which correlations are not compared
RANGE_YEARS = 10.0  # ASSUME: approximate width of the age ranges with equal shares

Row = dict[str, Any]
Window = tuple[float, float]


@dataclass(frozen=True)
class Ages:
    """Mean and SD of age (years) of a structure in a study."""

    mean: float
    sd: float


def differ(first: Ages, second: Ages) -> bool:
    """Return whether the ages of two studies differ too much for a comparison of correlations."""
    similar = max(first.sd, second.sd) < SD_RATIO * min(first.sd, second.sd)
    return not (similar and abs(second.mean - first.mean) < MEAN_YEARS)


def ages_of(model: Row | None, values: pd.DataFrame | None) -> Ages | None:
    """Return the ages of a structure in a study, from its age curve or, without a curve, from its values."""
    if model is not None and model["age_sd"] == model["age_sd"]:
        return Ages(float(model["age_mean"]), float(model["age_sd"]))
    if values is None or len(values) < 2:
        return None
    ages = values["age_years"].to_numpy(dtype=float)
    return Ages(float(ages.mean()), float(ages.std(ddof=1)))


def correlations(results: tuple[Row, Row]) -> Row:
    """Return the columns with the correlations of both studies, from their rows of `associations`."""
    names = {"n_rho": "n", "n_patients_rho": "n_patients", "rho": "rho", "rho_low": "ci_low", "rho_high": "ci_high"}
    return {
        f"{name}_{letter}": result.get(column)
        for letter, result in zip("ab", results, strict=True)
        for name, column in names.items()
    }


def comparison(results: tuple[Row, Row], ages: tuple[Ages | None, Ages | None], same: bool, confidence: float) -> Row:
    """Return the columns with the difference between two correlations, which is missing if the ages differ."""
    reason = why_not(ages, same)
    if reason != "ok":
        return {"rho_reason": reason}
    found = difference_of(
        *(from_interval(result["rho"], result["ci_low"], result["ci_high"], confidence) for result in results)
    )
    if found.z != found.z:
        return {"rho_reason": "no_interval"}
    return {
        **differences("rho_difference", found),
        "rho_z": found.z,
        "log10_p_rho": found.log10_p,
        "rho_reason": "ok",
    }


def why_not(ages: tuple[Ages | None, Ages | None], same: bool) -> str:
    """Return `ok`, or the reason (one of `COMPARISON_REASONS`) why two correlations are not compared."""
    if not same:
        return "not_counterpart"
    if ages[0] is None or ages[1] is None:
        return "no_model"
    return "ages_differ" if differ(ages[0], ages[1]) else "ok"


def differences(name: str, found: Difference) -> Row:
    """Return the columns with a difference and the limits of its interval."""
    return {name: found.difference, f"{name}_low": found.low, f"{name}_high": found.high}


def in_window(values: tuple[pd.DataFrame, pd.DataFrame], window: Window, confidence: float) -> Row:
    """Return the correlations of both studies in a common age range, without and with weights for uniform ages."""
    edges = edges_of(window)
    row: Row = {}
    uniform = []
    for letter, rows in zip("ab", values, strict=True):
        inside = rows[rows["age_years"].between(*window)]
        row |= plain(inside, letter, confidence)
        weighted = with_uniform_ages(inside, edges, confidence)
        uniform.append(weighted[0])
        row |= named("rho_uniform", letter, weighted[0]) | {f"effective_{letter}": weighted[1]}
    estimates = [from_interval(each.rho, each.ci_low, each.ci_high, confidence) for each in uniform]
    found = difference_of(estimates[0], estimates[1])
    if found.z != found.z:
        return row | {"rho_uniform_reason": "empty_age_range"}
    return row | differences("rho_uniform_difference", found) | {"rho_uniform_reason": "ok"}


def edges_of(window: Window) -> np.ndarray:
    """Return the limits of age ranges of equal width, each of about 10 years, that divide a common age range."""
    return np.linspace(*window, max(1, round((window[1] - window[0]) / RANGE_YEARS)) + 1)


def plain(rows: pd.DataFrame, letter: str, confidence: float) -> Row:
    """Return the columns with the number of scans and the correlation of the values of a study."""
    ages, values, patients = arrays(rows)
    found = spearman(ages, values, confidence, patients)
    sizes = {f"n_window_{letter}": len(ages), f"n_patients_window_{letter}": distinct(patients)}
    return sizes | named("rho_window", letter, found)


def with_uniform_ages(rows: pd.DataFrame, edges: np.ndarray, confidence: float) -> tuple[Correlation, float]:
    """Return the correlation for equal shares of the age ranges, and its effective number of scans."""
    ages, values, patients = arrays(rows)
    weights = uniform_weights(ages, edges)
    if weights is None:
        return Correlation(), float("nan")
    return spearman(ages, values, confidence, patients, weights), effective_number(weights)


def arrays(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the ages, the values, and the patient numbers of scans."""
    ages, values = (rows[name].to_numpy(dtype=float) for name in ("age_years", "value"))
    return ages, values, rows["patient"].to_numpy(dtype=int)


def named(name: str, letter: str, found: Correlation) -> Row:
    """Return the columns with a correlation and its confidence interval."""
    return {f"{name}_{letter}": found.rho, f"{name}_low_{letter}": found.ci_low, f"{name}_high_{letter}": found.ci_high}
