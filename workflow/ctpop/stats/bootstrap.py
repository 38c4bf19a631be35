"""Percentile bootstrap interval of a mean."""

import math

import numpy as np

from ctpop.foundation import digests

FEWEST = 2  # the spread of a single value is undefined
BATCH_NUMBERS = 4_000_000  # numbers drawn at a time; the limit makes the memory independent of the sample size


def generator_for(seed: int, *names: str) -> np.random.Generator:
    """Return the random number generator of a seed and names.

    The generator depends only on the seed and the names, and not on other computations.

    Parameters
    ----------
    seed : int
        Seed, at least 0.
    *names : str
        Names of the computation, such as the names of a model and a structure; their order matters.

    Returns
    -------
    np.random.Generator
        A new generator, which yields the same numbers for the same seed and names.

    Raises
    ------
    ValueError
        If `seed` is negative.

    Examples
    --------
    >>> generator_for(1, "liver", "dice").random() == generator_for(1, "liver", "dice").random()
    True
    >>> generator_for(1, "liver", "dice").random() == generator_for(1, "spleen", "dice").random()
    False

    """
    return np.random.default_rng([seed, digests.number_of("\n".join(names))])


def interval_of_mean(
    values: np.ndarray, confidence: float, iterations: int, random: np.random.Generator
) -> tuple[float, float]:
    """Return the nonparametric percentile bootstrap interval of the mean.

    Samples of the original size are drawn with replacement `iterations` times. The limits are the quantiles (linear
    interpolation) of the means of the samples (Efron, Ann Stat 1979;7:1). The limits are between the smallest and the
    largest value, and are equal if all values are equal.

    Parameters
    ----------
    values : np.ndarray
        Values without NaN, shape `(n,)`, in any unit.
    confidence : float
        Confidence level, between 0 and 1, such as 0.95.
    iterations : int
        Number of bootstrap samples, at least 1.
    random : np.random.Generator
        Generator of the draws; its state advances.

    Returns
    -------
    low : float
        Lower limit, in the unit of the values; NaN for fewer than two values.
    high : float
        Upper limit, in the unit of the values; NaN for fewer than two values.

    Raises
    ------
    ValueError
        If there are two values or more and `iterations` is less than 1.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    >>> low, high = interval_of_mean(values, 0.95, 1000, generator_for(1, "example"))
    >>> bool(1 <= low < values.mean() < high <= 8)
    True
    >>> interval_of_mean(np.array([2.0, 2.0, 2.0]), 0.95, 100, generator_for(1, "example"))
    (2.0, 2.0)
    >>> interval_of_mean(np.array([2.0]), 0.95, 100, generator_for(1, "example"))
    (nan, nan)

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
    # the mean of equal values can differ from them by a rounding error
    low, high = np.clip(drawn.confidence_interval, values.min(), values.max())
    return float(low), float(high)
