"""Comparison of measured values with the ground truth of a simulated study, by structure."""

import math
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.stages.aging.age_series import Series, split
from ctpop.stats.correlation import spearman


def truth_table(
    observations: pd.DataFrame, truth: pd.DataFrame, names: list[str], confidence: float, n_min: int
) -> pd.DataFrame:
    """Return the table `compare_truth`: agreement between measured and true values of the same scans."""
    true = truth.melt(["scan_id", "structure"], list(all_tables.MEASURES), "measure", "true").dropna(subset="true")
    keys = ["scan_id", "structure", "measure"]
    pairs = observations.merge(true, on=keys, how="inner", validate="one_to_one")
    rows = [
        {**each.name, **(agreement(each, confidence) if len(each.rows) >= n_min else {})}
        for each in split(pairs, names)
    ]
    return pd.DataFrame(rows, columns=list(all_tables.COMPARE_TRUTH.columns))


def agreement(each: Series, confidence: float) -> dict[str, Any]:
    """Return the agreement of measured and true values, and whether the interval of measured rho contains true rho."""
    values, true = each.values, each.rows["true"].to_numpy(dtype=float)
    measured_with_age = spearman(values, each.ages, confidence, each.patients)
    low, high = measured_with_age.ci_low, measured_with_age.ci_high
    rho_true = spearman(true, each.ages, confidence).rho
    bias = float(np.mean(values - true))
    in_percent = each.measure == "volume_ml" and true.any()  # volumes only, because 0 HU is not a natural zero
    return {
        "pearson_r": pearson(values, true),
        "bias": bias,
        "bias_percent": 100 * bias / float(true.mean()) if in_percent else math.nan,
        "rho_true": rho_true,
        "rho_measured": measured_with_age.rho,
        "ci_low": low,
        "ci_high": high,
        "truth_inside": pd.NA if math.isnan(low) or math.isnan(rho_true) else low <= rho_true <= high,
    }


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return the Pearson correlation coefficient, missing if one of the variables is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
