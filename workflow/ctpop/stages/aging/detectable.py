"""Rows of the table `detectable_effects`: the smallest correlation and slope that each test detects."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ctpop.stats.power import detectable_rho, detectable_slope

POWERS = (0.8, 0.9)
SEXES = ("standardized", "all", "female", "male")  # the first with a slope is used
UNITS = {"volume_ml": "percent per decade", "hu_mean": "HU per decade"}
KEY = ["structure", "measure"]


def detectable_rows(
    associations: pd.DataFrame,
    age_effects: pd.DataFrame,
    age_models: pd.DataFrame,
    alpha: float,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `detectable_effects`, in the order of `associations`.

    The correlation follows from the number of patients, and the slope from the confidence interval of the straight line
    that is adjusted for most covariates. The interval accounts for repeated scans.
    """
    # ASSUME: additional scans of a patient provide no information about the correlation. This is conservative unless
    # few patients provide most of the scans.
    slopes = {tuple(row[name] for name in KEY): row for row in slope_rows(age_effects, age_models, confidence)}
    for row in associations.to_dict("records"):
        found = slopes.get((row["structure"], row["measure"]), {"adjusted_for": "none"})
        shared = {name: row[name] for name in ("structure", "measure", "n", "n_patients", "family")}
        for power in POWERS:
            slope = detectable_slope(found.get("error", np.nan), alpha, power)
            yield {
                **shared,
                **{name: value for name, value in found.items() if name != "error"},
                "power": power,
                "alpha": alpha,
                "rho": detectable_rho(int(row["n_patients"]), alpha, power),
                # An increase is larger in percent than the decrease with the same logarithm. Both are detected.
                "slope": 100 * np.expm1(slope) if row["measure"] == "volume_ml" else slope,
                "unit": UNITS[row["measure"]],
            }


def slope_rows(age_effects: pd.DataFrame, age_models: pd.DataFrame, confidence: float) -> list[dict[str, Any]]:
    """Return the standard error of one slope per structure and measure: HU, or natural logarithm of mL, per decade."""
    lines = age_effects[
        age_effects["form"].eq("line") & age_effects["sex"].isin(SEXES) & age_effects["ci_low"].notna()
    ].merge(age_models[[*KEY, "adjusted_for", "form", "df"]], on=[*KEY, "adjusted_for", "form"], validate="many_to_one")
    covariates = lines["adjusted_for"].str.count(r" \+ ") + lines["adjusted_for"].ne("none")
    order = lines.assign(covariates=-covariates, preference=lines["sex"].map(SEXES.index))
    first = order.sort_values(["covariates", "preference"], kind="stable").drop_duplicates(KEY)
    limits = first[["ci_low", "ci_high"]].to_numpy(dtype=float)
    volume = first["measure"].eq("volume_ml").to_numpy()[:, np.newaxis]
    values = np.where(volume, np.log1p(np.where(volume, limits, 0.0) / 100), limits)
    quantile = stdtrit(first["df"].astype("float64"), (1 + confidence) / 2)
    columns = first[[*KEY, "adjusted_for", "sex"]].assign(
        n_slope=first["n"], n_patients_slope=first["n_patients"], error=(values[:, 1] - values[:, 0]) / (2 * quantile)
    )
    return [{str(name): value for name, value in row.items()} for row in columns.to_dict("records")]
