"""Percentile bootstrap intervals of many rank correlations with age, from common draws of people.

People of the cohort are drawn with replacement, as many as there are; each correlation is computed anew from those
drawn that have its value, each as often as drawn. Nothing is sorted again: a rank is a running sum of how often people
were drawn, along an order that is found once. All sums are of whole numbers and halves that are exact in the type of
number used, so that the result does not depend on their order, and each block of draws has random numbers of its own,
so that it does not depend on the number of threads.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from scipy import sparse

from ctpop.stats.ranks import Ranks

BLOCK = 64  # draws at a time: what they need for a cohort of thousands fits into the cache of a processor
STRIDE = 32  # parts that a running sum is made of
MOST_IN_SINGLE = 4096  # people: up to them, sums of products of ranks are below 2^23, and halves exact in 24 bits


@dataclass(frozen=True)
class Ranked:
    """The people who have a value, and the ranks of their values and of their ages.

    Attributes
    ----------
    people : np.ndarray of int, shape (n,)
        Positions of the people in the cohort, counted from 0.
    values : Ranks
        Ranks of their values, in the order of `people`.
    ages : Ranks
        Ranks of their ages, in the order of `people`.

    Examples
    --------
    >>> from ctpop.stats.ranks import ranks_of
    >>> ages, values = np.array([30.0, 50.0, 70.0]), np.array([1.0, 4.0, 9.0])
    >>> Ranked(np.array([0, 2, 3]), ranks_of(values), ranks_of(ages)).patients.tolist()
    [0, 2, 3]

    """

    patients: np.ndarray
    values: Ranks
    ages: Ranks


@dataclass(frozen=True)
class _Plan:
    """Where a sample's people stand, by value: position p of the order is row (p % STRIDE) * columns + p // STRIDE.

    `source` is the person of each row (the cohort's size where there is none), `age_of_row` adds rows up by age,
    `absent` are the people without a value. Where values tie, `last` is the row of the last of each level and
    `level_of_row` the level of each row.
    """

    source: np.ndarray
    age_of_row: sparse.csr_array
    absent: np.ndarray
    last: np.ndarray | None
    level_of_row: np.ndarray | None


def drawn_correlations(
    samples: Sequence[Ranked], cohort: int, iterations: int, seed: int, threads: int
) -> Iterator[np.ndarray]:
    """Yield Spearman's rho of each sample in each draw, block by block.

    Parameters
    ----------
    samples : Sequence of Ranked
        Samples of the cohort, each with the people who have its value.
    cohort : int
        Number of people to draw from.
    iterations : int
        Number of draws.
    seed : int
        Seed of the random numbers. Each block uses the pair of the seed and its own number.
    threads : int
        Number of threads, which does not change the result.

    Yields
    ------
    np.ndarray of float, shape (samples, draws)
        Rho of each sample (rows) in each draw of the block (columns, at most 64); missing (NaN) in a draw whose values
        or ages are all equal.

    Examples
    --------
    >>> from ctpop.stats.ranks import ranks_of
    >>> ages = np.arange(20.0, 60.0)
    >>> rising = Ranked(np.arange(40), ranks_of(2 * ages), ranks_of(ages))
    >>> falling = Ranked(np.arange(40), ranks_of(-ages), ranks_of(ages))
    >>> blocks = list(drawn_correlations([rising, falling], 40, 100, seed=1, threads=2))
    >>> [block.shape for block in blocks]
    [(2, 64), (2, 36)]
    >>> np.hstack(blocks).mean(axis=1).round(6).tolist()
    [1.0, -1.0]

    """
    dtype = np.float32 if cohort <= MOST_IN_SINGLE else np.float64
    plans = [_plan(sample, cohort, dtype) for sample in samples]
    sizes = [min(BLOCK, iterations - start) for start in range(0, iterations, BLOCK)]
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(sizes), threads):  # no more blocks in memory than threads
            blocks = range(start, min(start + threads, len(sizes)))
            seeds = [(seed, block) for block in blocks]
            yield from pool.map(
                _block, repeat(plans), seeds, repeat(cohort), sizes[start : start + threads], repeat(dtype)
            )


def percentile_intervals(drawn: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper quantile (linear interpolation) of each row of drawn correlations.

    Parameters
    ----------
    drawn : np.ndarray of float, shape (samples, draws)
        Rho of each sample (rows) in each draw (columns), with NaN where it is missing.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    low : np.ndarray of float, shape (samples,)
        Quantile (1 - confidence) / 2 of the draws that have a rho; missing (NaN) where no draw has one.
    high : np.ndarray of float, shape (samples,)
        Quantile (1 + confidence) / 2 of the same draws.

    Examples
    --------
    >>> low, high = percentile_intervals(np.array([[0.0, 0.25, 0.5, 0.75, 1.0], [np.nan] * 5]), 0.5)
    >>> low.tolist(), high.tolist()
    ([0.25, nan], [0.75, nan])

    """
    limits = np.full((2, len(drawn)), np.nan)
    some = np.isfinite(drawn).any(axis=1)
    limits[:, some] = np.nanquantile(drawn[some], [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    return limits[0], limits[1]


def _plan(sample: Ranked, cohort: int, dtype: type) -> _Plan:
    n = len(sample.patients)
    columns = -(-n // STRIDE)
    order = np.argsort(sample.values.level, kind="stable")
    row = np.arange(n) % STRIDE * columns + np.arange(n) // STRIDE
    source = np.full(STRIDE * columns, cohort)
    source[row] = sample.patients[order]
    ages: sparse.csr_array = sparse.csr_array(
        (np.ones(n, dtype), (sample.ages.level[order], row)), shape=(len(sample.ages.ties), STRIDE * columns)
    )
    absent = np.setdiff1d(np.arange(cohort), sample.patients)
    if len(sample.values.ties) == n:
        return _Plan(source, ages, absent, None, None)
    level_of_row = np.zeros(STRIDE * columns, dtype=int)
    level_of_row[row] = sample.values.level[order]
    return _Plan(source, ages, absent, row[np.cumsum(sample.values.ties) - 1], level_of_row)


def _block(plans: list[_Plan], seed: tuple[int, int], cohort: int, size: int, dtype: type) -> np.ndarray:
    times: np.ndarray = _times_drawn(np.random.default_rng(seed), cohort, size).astype(dtype)
    cubes = _cubes(times)
    total = cubes.sum(axis=0)
    return np.stack([_rho(plan, times, total - cubes[plan.absent].sum(axis=0)) for plan in plans])


def _times_drawn(random: np.random.Generator, cohort: int, size: int) -> np.ndarray:
    """Return how often each person was drawn in each draw, and a last row of zeros for nobody."""
    places = random.integers(0, cohort, (cohort, size)) * size + np.arange(size)
    return np.bincount(places.ravel(), minlength=(cohort + 1) * size).reshape(cohort + 1, size)


def _rho(plan: _Plan, times: np.ndarray, cubes: np.ndarray) -> np.ndarray:
    """Return rho in each draw.

    Counted from 0, the mid-rank of a level is C - t/2, where t is how often its people were drawn and C the sum of t up
    to it. With N people drawn, the sum of (rank - N/2)^2 is (N^3 - sum t^3) / 12, and that of the products of both
    ranks is the sum over ages of the age's rank times the ranks of its people's values, less N^3 / 4.
    """
    weights = times.take(plan.source, axis=0)
    ranks = _running_sums(weights)
    if plan.last is None:
        ranks -= weights / 2
    else:
        until = ranks[plan.last]
        tied = np.diff(until, axis=0, prepend=0)
        cubes = _cubes(tied).sum(axis=0)
        ranks = (until - tied / 2)[plan.level_of_row]
    ranks *= weights
    of_age: np.ndarray = (plan.age_of_row @ ranks).astype(float)
    ages: np.ndarray = (plan.age_of_row @ weights).astype(float)
    age_ranks = np.cumsum(ages, axis=0) - ages / 2
    drawn = ages.sum(axis=0)
    joint = np.einsum("ab,ab->b", age_ranks, of_age) - _cubes(drawn) / 4
    squares = (_cubes(drawn) - cubes) * (_cubes(drawn) - _cubes(ages).sum(axis=0)) / 144
    with np.errstate(invalid="ignore"):  # 0/0 where all that were drawn are equal
        rho: np.ndarray = np.clip(joint / np.sqrt(squares), -1, 1)
    return rho


def _cubes(numbers: np.ndarray) -> np.ndarray:
    """Return third powers, by multiplication: a general power takes ten times as long."""
    whole = numbers.astype(float)
    cubes: np.ndarray = whole * whole * whole
    return cubes


def _running_sums(weights: np.ndarray) -> np.ndarray:
    """Return the sums of the rows up to each position of the order; of rows in the arrangement of `_Plan`."""
    parts = weights.reshape(STRIDE, -1, weights.shape[1])
    sums = np.empty_like(parts)
    sums[0] = parts[0]
    for step in range(1, STRIDE):
        np.add(sums[step - 1], parts[step], out=sums[step])
    before = np.cumsum(sums[-1], axis=0) - sums[-1]
    sums += before
    return sums.reshape(weights.shape)
