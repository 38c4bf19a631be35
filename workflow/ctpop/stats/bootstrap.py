"""Percentile bootstrap interval of a mean."""

import math

import numpy as np

from ctpop.foundation import digests

FEWEST = 2  # one value says nothing about spread
BATCH_NUMBERS = 4_000_000  # drawn at a time, so that memory does not grow with the sample


def generator_for(seed: int, *names: str) -> np.random.Generator:
    """Return the random numbers that belong to a seed and names, whatever else is computed before or after."""
    return np.random.default_rng([seed, digests.number_of("\n".join(names))])


def interval_of_mean(
    values: np.ndarray, confidence: float, iterations: int, random: np.random.Generator
) -> tuple[float, float]:
    """Return the nonparametric percentile bootstrap interval of the mean; missing for fewer than two values.

    Values are drawn with replacement, as many as there are, `iterations` times; the limits are the quantiles (linear
    interpolation) of the means of the draws (Efron, Ann Stat 1979;7:1). They lie between the smallest and the largest
    value, and coincide where all are equal.
    """
    if len(values) < FEWEST:
        return math.nan, math.nan
    from scipy import stats

    drawn = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=iterations,
        batch=max(BATCH_NUMBERS // len(values), 1),
        confidence_level=confidence,
        method="percentile",
        rng=random,
    )
    low, high = np.clip(drawn.confidence_interval, values.min(), values.max())  # a mean of equals may be off by a digit
    return float(low), float(high)
