"""Confidence intervals of correlations with age by the method of Bonett and Wright and by bootstrap."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series
from ctpop.stats.correlation import bonett_wright_error, fisher_interval
from ctpop.stats.rank_bootstrap import Ranked, drawn_correlations, percentile_intervals

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
    """Return the table with each confidence interval replaced by the Bonett-Wright interval, from rho and n."""
    known = associations[LIMITS[0]].notna()
    found = [
        fisher_interval(rho, bonett_wright_error(rho, n), confidence)
        for rho, n in associations.loc[known, ["rho", "n"]].itertuples(index=False)
    ]
    return _replaced(associations, known.to_numpy(), np.array(found).reshape(-1, 2))


def bootstrap(
    associations: pd.DataFrame, series: list[Series], patients: int, draws: Draws, confidence: float
) -> pd.DataFrame:
    """Return the table with each confidence interval replaced by a percentile bootstrap interval.

    `series` contains the values of each row. `patients` is the number of scans of known age, which are drawn with
    replacement.
    """
    known = associations[LIMITS[0]].notna().to_numpy()
    samples = [
        Ranked(each.patients, each.ranks, each.age_ranks) for each, some in zip(series, known, strict=True) if some
    ]
    if not samples:
        return associations
    drawn, done = [], 0
    for block in drawn_correlations(samples, patients, draws.iterations, draws.seed, draws.threads):
        drawn.append(block)
        done, before = done + block.shape[1], done
        if done * REPORT_EVERY // draws.iterations > before * REPORT_EVERY // draws.iterations:
            LOG.info("bootstrap: %d of %d draws", done, draws.iterations)
    limits = percentile_intervals(np.concatenate(drawn, axis=1), confidence)
    return _replaced(associations, known, np.column_stack(limits))


def _replaced(associations: pd.DataFrame, known: np.ndarray, limits: np.ndarray) -> pd.DataFrame:
    table = associations.copy()
    table.loc[known, LIMITS] = limits
    return table
