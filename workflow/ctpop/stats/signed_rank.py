"""Wilcoxon signed-rank test of paired differences with its effect size."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.stats.tails import log10_p_of_normal

DECIMALS = 12  # mathematically equal differences can differ by rounding and would receive different ranks
MOST_EXACT = 50  # largest number of differences for the exact test; with more, the normal approximation is as accurate


@dataclass(frozen=True)
class SignedRank:
    """Test and effect size of paired differences; missing (NaN) if all differences are 0.

    Attributes
    ----------
    n_equal : int
        Number of differences of 0.
    w : float
        Sum of the ranks of the positive differences, W+.
    log10_p : float
        Decimal logarithm of the two-sided P.
    rank_biserial : float
        Matched-pairs rank-biserial correlation: 1 if all nonzero differences are positive, and -1 if all of them are
        negative.

    Examples
    --------
    >>> SignedRank(3)
    SignedRank(n_equal=3, w=nan, log10_p=nan, rank_biserial=nan)

    """

    n_equal: int
    w: float = math.nan
    log10_p: float = math.nan
    rank_biserial: float = math.nan


def signed_rank(differences: np.ndarray) -> SignedRank:
    """Return the two-sided Wilcoxon signed-rank test (Biometrics Bull 1945;1:80) of differences.

    Differences of 0 are excluded, as is usual for this test. For up to 50 other differences, P is exact, even with
    ties. For more differences, P results from z = (W+ - m +- 1/2) / s with m = n (n + 1) / 4 and s^2 = (n (n + 1) (2n +
    1) - sum(t^3 - t) / 2) / 24, where n is the number of differences and t are the sizes of the ties; z is 0 if W+ is
    within 1/2 of m. The effect size is the matched-pairs rank-biserial correlation, (W+ - W-) / (W+ + W-) (Kerby,
    Compr Psychol 2014;3:11.IT.3.1).

    Parameters
    ----------
    differences : np.ndarray of float, shape (n,)
        Paired differences, in any unit, without missing values. They are rounded to 12 decimals before they are ranked.

    Returns
    -------
    SignedRank
        Test and effect size; only `n_equal` if all differences are 0.

    Examples
    --------
    >>> found = signed_rank(np.array([0.0, 1.0, 2.0, 3.0, -4.0, 5.0]))
    >>> found.n_equal, found.w, round(found.log10_p, 3), round(found.rank_biserial, 3)
    (1, 11.0, -0.359, 0.467)

    """
    from scipy.stats import rankdata

    left = np.round(differences[~is_equal(differences)], DECIMALS)
    n_equal = len(differences) - len(left)
    if not len(left):
        return SignedRank(n_equal)
    ranks = rankdata(np.abs(left))
    w = float(ranks[left > 0].sum())
    log10_p = _log10_p_exact(ranks, w) if len(left) <= MOST_EXACT else _log10_p_normal(ranks, w)
    return SignedRank(n_equal, w, log10_p, 2 * w / float(ranks.sum()) - 1)


def is_equal(differences: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each difference is 0 after rounding; the test excludes these differences.

    Parameters
    ----------
    differences : numpy.ndarray of float64, shape (pairs,)
        Differences of the pairs, in any unit.

    Returns
    -------
    numpy.ndarray of bool, shape (pairs,)
        Whether each difference is 0.

    Examples
    --------
    >>> is_equal(np.array([0.0, 0.5, 1e-17])).tolist()
    [True, False, True]

    """
    equal: NDArray[np.bool_] = np.round(differences, DECIMALS) == 0
    return equal


def _log10_p_exact(ranks: np.ndarray, w: float) -> float:
    """Return log10 of P from the rank sums of all 2^n assignments of signs, which are equally likely."""
    doubled = np.rint(2 * ranks).astype(int)  # mid-ranks are halves
    choices = np.zeros(doubled.sum() + 1)  # number of assignments per sum; below 2^53 and therefore exact
    choices[0] = 1
    for rank in doubled:
        choices[rank:] += choices[:-rank].copy()
    at = round(2 * w)
    tail = min(choices[: at + 1].sum(), choices[at:].sum())
    return math.log10(min(2 * tail / choices.sum(), 1.0))


def _log10_p_normal(ranks: np.ndarray, w: float) -> float:
    n = len(ranks)
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    variance = (n * (n + 1) * (2 * n + 1) - float((ties**3 - ties).sum()) / 2) / 24
    return log10_p_of_normal(max(abs(w - n * (n + 1) / 4) - 0.5, 0.0) / math.sqrt(variance))
