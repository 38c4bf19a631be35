"""Percentile bootstrap intervals of many rank correlations with age, from common draws of patients.

The patients of the cohort are drawn with replacement, with the original number of patients. Each correlation is
computed from all scans with a value of the drawn patients, weighted by the number of times that each patient was drawn.
No draw requires sorting:
a rank is a cumulative sum of these numbers along an order that is computed once. All sums are of integers and halves
that the number type represents exactly, so the result does not depend on the order of summation. Each block of draws
has its own random numbers, so the result does not depend on the number of threads.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from scipy import sparse

from ctpop.stats.patient_sums import has_repeats
from ctpop.stats.ranks import Ranks
from ctpop.stats.tails import log10_p_of_normal

BLOCK = 64  # draws per block; the data for thousands of patients fit into the processor cache
ROUNDING = 1e-9
MOST_RHO = 1 - 1e-12  # artanh of larger correlations is not finite
STRIDE = 32  # number of parts of a cumulative sum
MOST_IN_SINGLE = 4096  # drawn scans: with at most this number, sums of products of ranks are exact in 24 bits


@dataclass(frozen=True)
class Ranked:
    """The scans with a value, and the ranks of their values and ages.

    Attributes
    ----------
    patients : np.ndarray of int, shape (n,)
        Position of the patient of each scan in the cohort, counted from 0.
    values : Ranks
        Ranks of the values, in the order of `patients`.
    ages : Ranks
        Ranks of the ages, in the order of `patients`.

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
    """Positions of the scans of a sample by value: position p is row (p % STRIDE) * columns + p // STRIDE.

    `source` contains the patient of each row (the size of the cohort for unused rows), `age_of_row` sums rows by age,
    and `absent` contains the patients without a value, or is None if a patient has several scans. With ties, `last` is
    the last row of each level, and `level_of_row` is the level of each row.
    """

    source: np.ndarray
    age_of_row: sparse.csr_array
    absent: np.ndarray | None
    last: np.ndarray | None
    level_of_row: np.ndarray | None


def drawn_correlations(
    samples: Sequence[Ranked], cohort: int, iterations: int, seed: int, threads: int
) -> Iterator[np.ndarray]:
    """Yield Spearman's rho of each sample in each draw, block by block.

    Parameters
    ----------
    samples : Sequence of Ranked
        Samples of the cohort, each with the scans that have a value.
    cohort : int
        Number of patients to draw from.
    iterations : int
        Number of draws.
    seed : int
        Seed of the random numbers. Each block uses the pair of the seed and the number of the block.
    threads : int
        Number of threads, which does not affect the result.

    Yields
    ------
    np.ndarray of float, shape (samples, draws)
        Rho of each sample (rows) in each draw of the block (columns, at most 64); missing (NaN) if all values or all
        ages of a draw are equal.

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
    most_scans = max((int(np.bincount(sample.patients).max(initial=1)) for sample in samples), default=1)
    dtype = np.float32 if cohort * most_scans <= MOST_IN_SINGLE else np.float64
    plans = [_plan(sample, cohort, dtype) for sample in samples]
    sizes = [min(BLOCK, iterations - start) for start in range(0, iterations, BLOCK)]
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(sizes), threads):  # at most as many blocks in memory as threads
            blocks = range(start, min(start + threads, len(sizes)))
            seeds = [(seed, block) for block in blocks]
            yield from pool.map(
                _block, repeat(plans), seeds, repeat(cohort), sizes[start : start + threads], repeat(dtype)
            )


def percentile_intervals(drawn: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper quantiles (linear interpolation) of each row of drawn correlations.

    Parameters
    ----------
    drawn : np.ndarray of float, shape (samples, draws)
        Rho of each sample (rows) in each draw (columns), with NaN where it is missing.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    low : np.ndarray of float, shape (samples,)
        Quantile (1 - confidence) / 2 of the draws with a rho; missing (NaN) if no draw has one.
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


def log10_p_of_drawn(drawn: np.ndarray, low: float, high: float, confidence: float) -> float:
    """Return log10 of the two-sided P value for a rho of 0 from drawn correlations.

    P is 1 minus the level at which a limit is 0. It is below 1 - confidence if and only if the percentile interval
    excludes 0. The number of draws limits this P: it is at least 2 / (draws + 1). If it reaches this limit, P results
    from the normal distribution of the mean of artanh(rho) divided by its standard deviation over the draws, and is at
    most the limit.

    Parameters
    ----------
    drawn : np.ndarray of float, shape (draws,)
        Rho in each draw, with NaN where it is missing.
    low, high : float
        Limits of the percentile interval of these draws (`percentile_intervals`).
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    float
        Decimal logarithm of P, at most 0; NaN if the limits are NaN.

    Examples
    --------
    >>> drawn = np.linspace(-0.1, 0.9, 1001)
    >>> round(10 ** log10_p_of_drawn(drawn, -0.075, 0.875, 0.95), 3)
    0.2
    >>> drawn = np.linspace(0.3, 0.5, 1001)
    >>> round(log10_p_of_drawn(drawn, 0.305, 0.495, 0.95), 1)
    -9.1

    """
    if math.isnan(low):
        return math.nan
    known = np.sort(drawn[np.isfinite(drawn)])
    alpha, excluded = 1 - confidence, low > 0 or high < 0
    p, least = min(1.0, 2 * _share_up_to_zero(known), 2 * _share_up_to_zero(-known[::-1])), 2 / (len(known) + 1)
    # P and the interval can disagree only by rounding errors, also of the logarithm of P
    if not excluded:
        return math.log10(max(p, least, alpha * (1 + ROUNDING)))
    if p > least:
        return math.log10(min(p, alpha * (1 - ROUNDING)))
    return min(_log10_p_of_tail(known), math.log10(min(least, alpha * (1 - ROUNDING))))


def _log10_p_of_tail(drawn: np.ndarray) -> float:
    """Return log10 of P from the mean and the SD of artanh(rho) for correlations in ascending order; 0 if all agree."""
    if drawn[0] == drawn[-1]:  # the correlations are in ascending order
        return 0.0
    z = np.arctanh(np.clip(drawn, -MOST_RHO, MOST_RHO))
    return log10_p_of_normal(float(z.mean()) / float(z.std()))


def _share_up_to_zero(ordered: np.ndarray) -> float:
    """Return the largest share whose quantile (linear interpolation) is at most 0; 0 if all numbers are above 0."""
    below = int(np.searchsorted(ordered, 0.0, side="right"))
    if below in (0, len(ordered)):
        return float(below > 0)
    before, after = ordered[below - 1], ordered[below]
    return float((below - 1 - before / (after - before)) / (len(ordered) - 1))


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
    absent = None if has_repeats(sample.patients) else np.setdiff1d(np.arange(cohort), sample.patients)
    if len(sample.values.ties) == n:
        return _Plan(source, ages, absent, None, None)
    level_of_row = np.zeros(STRIDE * columns, dtype=int)
    level_of_row[row] = sample.values.level[order]
    return _Plan(source, ages, absent, row[np.cumsum(sample.values.ties) - 1], level_of_row)


def _block(plans: list[_Plan], seed: tuple[int, int], cohort: int, size: int, dtype: type) -> np.ndarray:
    times: np.ndarray = _times_drawn(np.random.default_rng(seed), cohort, size).astype(dtype)
    cubes = _cubes(times)
    total = cubes.sum(axis=0)
    without = [None if plan.absent is None else total - cubes[plan.absent].sum(axis=0) for plan in plans]
    return np.stack([_rho(plan, times, of_scans) for plan, of_scans in zip(plans, without, strict=True)])


def _times_drawn(random: np.random.Generator, cohort: int, size: int) -> np.ndarray:
    """Return how often each patient was drawn in each draw, with an additional last row of zeros for unused rows."""
    places = random.integers(0, cohort, (cohort, size)) * size + np.arange(size)
    return np.bincount(places.ravel(), minlength=(cohort + 1) * size).reshape(cohort + 1, size)


def _rho(plan: _Plan, times: np.ndarray, cubes: np.ndarray | None) -> np.ndarray:
    """Return rho in each draw, from the sums of t^3 over the scans if they are known.

    Counted from 0, the mid-rank of a level is C - t/2, where t is the number of times that its patients were drawn and
    C is the cumulative sum of t. With N drawn patients, the sum of (rank - N/2)^2 is (N^3 - sum t^3) / 12. The sum of
    the products of both ranks is the sum over ages of the rank of the age times the value ranks of its patients, minus
    N^3 / 4.
    """
    weights = times.take(plan.source, axis=0)
    ranks = _running_sums(weights)
    if plan.last is None:
        ranks -= weights / 2
        cubes = _cubes(weights).sum(axis=0) if cubes is None else cubes
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
    with np.errstate(invalid="ignore"):  # 0/0 if all drawn values are equal
        rho: np.ndarray = np.clip(joint / np.sqrt(squares), -1, 1)
    return rho


def _cubes(numbers: np.ndarray) -> np.ndarray:
    """Return third powers by multiplication, which is ten times as fast as a general power."""
    whole = numbers.astype(float)
    cubes: np.ndarray = whole * whole * whole
    return cubes


def _running_sums(weights: np.ndarray) -> np.ndarray:
    """Return the sums of the rows up to each position, for rows in the arrangement of `_Plan`."""
    parts = weights.reshape(STRIDE, -1, weights.shape[1])
    sums = np.empty_like(parts)
    sums[0] = parts[0]
    for step in range(1, STRIDE):
        np.add(sums[step - 1], parts[step], out=sums[step])
    before = np.cumsum(sums[-1], axis=0) - sums[-1]
    sums += before
    return sums.reshape(weights.shape)
