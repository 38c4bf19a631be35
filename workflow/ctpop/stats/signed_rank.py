"""Wilcoxon signed-rank test of paired differences, with its effect size."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.stats.tails import log10_p_of_normal

DECIMALS = 12  # differences of shares that are equal on paper differ by rounding, and would take different ranks
MOST_EXACT = 50  # differences whose orders are counted; with more, the normal approximation is as good


@dataclass(frozen=True)
class SignedRank:
    """Test and effect size of paired differences; missing (NaN) where no difference is other than 0.

    Attributes
    ----------
    n_equal : int
        Number of differences of 0.
    w : float
        Sum of the ranks of the positive differences, W+.
    log10_p : float
        Decimal logarithm of the two-sided P.
    rank_biserial : float
        Matched-pairs rank-biserial correlation: 1 where all differences that are not 0 are positive, and -1 where all
        of them are negative.

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
    """Return the Wilcoxon signed-rank test (Biometrics Bull 1945;1:80) of differences, two-sided.

    Differences of 0 are left out, as in Wilcoxon's paper. P is exact, also with ties, for up to 50 others. For more, it
    is that of z = (W+ - m +- 1/2) / s with m = n (n + 1) / 4 and s^2 = (n (n + 1) (2n + 1) - sum(t^3 - t) / 2) / 24,
    where n counts the differences and t those of the ties; z is 0 where W+ is within 1/2 of m. The effect size is the
    matched-pairs rank-biserial correlation, (W+ - W-) / (W+ + W-) (Kerby, Compr Psychol 2014;3:11.IT.3.1).

    Parameters
    ----------
    differences : np.ndarray of float, shape (n,)
        Paired differences, in any unit, without missing values. They are rounded to 12 decimals before they are ranked.

    Returns
    -------
    SignedRank
        Test and effect size. Differences that are all 0 give only their number; the rest is missing (NaN).

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
    """Return which differences are 0 but for rounding; the test leaves them out.

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
    """Return log10 of P from the sums of ranks of all 2^n choices of signs, which are equally likely."""
    doubled = np.rint(2 * ranks).astype(int)  # mid-ranks are halves
    choices = np.zeros(doubled.sum() + 1)  # that give each sum; below 2^53, so that doubles count exactly
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
