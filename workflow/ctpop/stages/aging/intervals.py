"""Confidence intervals of correlations with age by the method of Bonett and Wright and by bootstrap."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series
from ctpop.stats.correlation import bonett_wright_error, fisher_interval, log10_p_of_zero
from ctpop.stats.rank_bootstrap import Ranked, drawn_correlations, log10_p_of_drawn, percentile_intervals

LOG = logging.getLogger(__name__)
LIMITS = ["ci_low", "ci_high"]
REPORT_EVERY = 5  # number of progress messages


@dataclass(frozen=True)
class Draws:
    """Number of bootstrap draws, seed of the random numbers, and number of threads."""

    iterations: int
    seed: int
    threads: int


def bonett_wright(associations: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the table with the Bonett-Wright interval, from rho and n, and the corresponding P value for a rho of 0.

    Rows of patients with several scans retain the interval based on the influence function, because the method of
    Bonett and Wright requires independent scans.
    """
    # ASSUME: patients with several scans require an interval from sums by patient
    known = (associations[LIMITS[0]].notna() & associations["test"].eq("independence")).to_numpy()
    errors = [
        (rho, bonett_wright_error(rho, n)) for rho, n in associations.loc[known, ["rho", "n"]].itertuples(index=False)
    ]
    limits = [fisher_interval(rho, error, confidence) for rho, error in errors]
    log10_p = [log10_p_of_zero(rho, error) for rho, error in errors]
    table = _replaced(associations, known, np.array(limits).reshape(-1, 2), np.array(log10_p))
    return table.assign(interval=table["interval"].mask(table["test"].eq("rho0"), "influence"))


def bootstrap(
    associations: pd.DataFrame, series: Sequence[Series], patients: int, draws: Draws, confidence: float
) -> pd.DataFrame:
    """Return the table with percentile bootstrap intervals and the corresponding P values for a rho of 0.

    `series` contains the values of each row. `patients` is the number of patients of known age, who are drawn with
    replacement with all their scans.
    """
    known = associations[LIMITS[0]].notna().to_numpy()
    samples = [
        Ranked(each.patients, each.ranks, each.age_ranks) for each, some in zip(series, known, strict=True) if some
    ]
    if not samples:
        return associations
    blocks, done = [], 0
    for block in drawn_correlations(samples, patients, draws.iterations, draws.seed, draws.threads):
        blocks.append(block)
        done, before = done + block.shape[1], done
        if done * REPORT_EVERY // draws.iterations > before * REPORT_EVERY // draws.iterations:
            LOG.info("bootstrap: %d of %d draws", done, draws.iterations)
    drawn = np.concatenate(blocks, axis=1)
    limits = np.column_stack(percentile_intervals(drawn, confidence))
    log10_p = [log10_p_of_drawn(each, low, high, confidence) for each, (low, high) in zip(drawn, limits, strict=True)]
    return _replaced(associations, known, limits, np.array(log10_p))


def _replaced(associations: pd.DataFrame, known: np.ndarray, limits: np.ndarray, log10_p: np.ndarray) -> pd.DataFrame:
    table = associations.copy()
    table.loc[known, LIMITS] = limits
    table.loc[known, "log10_p_rho0"] = log10_p
    return table
