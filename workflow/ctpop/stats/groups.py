"""Age quartiles of a cohort and the Kruskal-Wallis test between them."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ctpop.stats.ranks import Ranks, ranks_of
from ctpop.stats.tails import log10_p_of_chi_squared

GROUPS = (1, 2, 3, 4)  # age quartiles, the youngest first
SHARES = (0.25, 0.5, 0.75)
MOST_OF_TREND = 2  # limit of epsilon squared / (15/16 rho^2)
SIDES: dict[str, Literal["left", "right"]] = {"right_closed": "left", "left_closed": "right"}


@dataclass(frozen=True)
class KruskalWallis:
    """H, its degrees of freedom, log10 P, and the effect size; NaN if the test is not defined.

    Attributes
    ----------
    h : float
        Kruskal-Wallis statistic H, corrected for ties.
    df : float
        Degrees of freedom: the number of quartiles with values, minus 1.
    log10_p : float
        Decimal logarithm of P, from the chi-squared approximation.
    epsilon_squared : float
        Effect size H/(n - 1), from 0 to 1.

    Examples
    --------
    >>> KruskalWallis()
    KruskalWallis(h=nan, df=nan, log10_p=nan, epsilon_squared=nan)

    """

    h: float = math.nan
    df: float = math.nan
    log10_p: float = math.nan
    epsilon_squared: float = math.nan


def quartile_cuts(ages: np.ndarray) -> np.ndarray:
    """Return the three ages (linear quantiles) that divide a cohort into quartiles.

    Parameters
    ----------
    ages : np.ndarray
        Ages of the cohort in years, shape `(n,)`.

    Returns
    -------
    np.ndarray
        The 25th, 50th, and 75th percentiles in years, shape `(3,)`; NaN without ages.

    Examples
    --------
    >>> quartile_cuts(np.array([20.0, 30.0, 40.0, 50.0, 60.0]))
    array([30., 40., 50.])
    >>> quartile_cuts(np.array([]))
    array([nan, nan, nan])

    """
    # ASSUME: quartiles of the cohort and not of the usable values of each structure; linear interpolation (type 7)
    return np.quantile(ages, SHARES) if len(ages) else np.full(len(SHARES), np.nan)


def quartile_of(ages: np.ndarray, cuts: np.ndarray, closed: str) -> np.ndarray:
    """Return the quartile, 1 to 4, of each age.

    Patients of the same age are never divided. Equal cut points leave a quartile empty.

    Parameters
    ----------
    ages : np.ndarray
        Ages in years, shape `(n,)`.
    cuts : np.ndarray
        The three cut points in years, ascending, shape `(3,)`.
    closed : str
        Quartile of an age equal to a cut point: the younger one for `right_closed`, the older one for `left_closed`.

    Returns
    -------
    np.ndarray
        Quartile of each age, shape `(n,)`; 1 is the youngest.

    Raises
    ------
    KeyError
        If `closed` is neither `right_closed` nor `left_closed`.

    Examples
    --------
    >>> cuts = np.array([30.0, 40.0, 50.0])
    >>> quartile_of(np.array([25.0, 30.0, 55.0]), cuts, "right_closed")
    array([1, 1, 4])
    >>> quartile_of(np.array([25.0, 30.0, 55.0]), cuts, "left_closed")
    array([1, 2, 4])

    """
    return np.searchsorted(cuts, ages, side=SIDES[closed]) + 1


def kruskal_wallis(values: np.ndarray, quartiles: np.ndarray) -> KruskalWallis:
    """Return the Kruskal-Wallis test, corrected for ties, between the quartiles that have values.

    The effect size epsilon squared is H/(n - 1), the proportion of the variance of the ranks between quartiles (Tomczak
    and Tomczak, Trends Sport Sci 2014;21:19).

    Parameters
    ----------
    values : np.ndarray
        Values without NaN, shape `(n,)`, in any unit.
    quartiles : np.ndarray
        Quartile of each value, integers from 1 to 4, shape `(n,)`.

    Returns
    -------
    KruskalWallis
        The test; all NaN if only one quartile has values or all values are equal.

    Examples
    --------
    >>> quartiles = np.array([1, 1, 2, 2, 3, 3, 4, 4])
    >>> test = kruskal_wallis(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), quartiles)
    >>> round(test.h, 3), test.df, round(test.log10_p, 3), round(test.epsilon_squared, 3)
    (6.667, 3, -1.079, 0.952)

    """
    return kruskal_wallis_of_ranks(ranks_of(values), quartiles)


def kruskal_wallis_of_ranks(ranks: Ranks, quartiles: np.ndarray) -> KruskalWallis:
    """Return the Kruskal-Wallis test of ranked values, as `kruskal_wallis` does.

    With ranks centered at 0, H / (n - 1) is the sum over quartiles of (sum of ranks)^2 / size, divided by the sum of
    squares of all ranks. With mid-ranks in both sums, this is the H corrected for ties.

    Parameters
    ----------
    ranks : Ranks
        Mid-ranks of n values.
    quartiles : np.ndarray
        Quartile of each value, integers from 1 to 4, shape `(n,)`.

    Returns
    -------
    KruskalWallis
        The test; all NaN if only one quartile has values or all values are equal.

    Examples
    --------
    >>> test = kruskal_wallis_of_ranks(ranks_of(np.array([5.0, 6.0, 7.0, 8.0])), np.array([1, 1, 4, 4]))
    >>> round(test.h, 3), test.df, round(test.epsilon_squared, 3)
    (2.4, 1, 0.8)

    """
    sizes = np.bincount(quartiles - 1, minlength=len(GROUPS))
    sums = np.bincount(quartiles - 1, weights=ranks.centered, minlength=len(GROUPS))
    filled = sizes > 0
    if filled.sum() < 2 or not ranks.varies:
        return KruskalWallis()
    between, total = float((sums[filled] ** 2 / sizes[filled]).sum()), float(ranks.centered @ ranks.centered)
    share = min(between / total, 1.0)
    h, df = share * (len(quartiles) - 1), int(filled.sum()) - 1
    return KruskalWallis(h, df, log10_p_of_chi_squared(h, df), share)


def epsilon_squared_of_trend(rho: float) -> float:
    """Return epsilon squared of four groups of equal size if ranks change evenly with age: 15/16 rho^2.

    The means of the four quarters have 1 - 1/16 of the variance of n ranks, n^2/12.

    Parameters
    ----------
    rho : float
        Spearman's rank correlation of the values with age, from -1 to 1.

    Returns
    -------
    float
        Effect size epsilon squared, from 0 to 15/16.

    Examples
    --------
    >>> epsilon_squared_of_trend(-1.0)
    0.9375

    """
    return 15 / 16 * rho**2


def discordant(test: KruskalWallis, rho: float, alpha: float) -> bool | None:
    """Return whether groups differ far more than expected from rho; None without a test.

    This is the case if the test is significant and epsilon squared is more than twice 15/16 rho^2. The ratio describes
    the four mean ranks and is no test of monotonicity: groups of different sizes or a mixture of different relations
    can exceed it, and a relation with a plateau or a change of slope need not reach it.

    Parameters
    ----------
    test : KruskalWallis
        Test of the values over the age quartiles, with the P value of the score test by patient if patients have
        several scans.
    rho : float
        Spearman's rank correlation of the values with age, from -1 to 1.
    alpha : float
        Significance level of the test, above 0, such as 0.05.

    Returns
    -------
    bool or None
        Whether both conditions are met; None if P or rho is NaN.

    Raises
    ------
    ValueError
        If `alpha` is 0 or less and neither P nor rho is NaN.

    Examples
    --------
    >>> test = KruskalWallis(h=40.0, df=3, log10_p=-8.0, epsilon_squared=0.4)
    >>> discordant(test, 0.1, 0.05)
    True
    >>> discordant(test, 0.6, 0.05)
    False
    >>> discordant(KruskalWallis(), 0.6, 0.05) is None
    True

    """
    if math.isnan(test.log10_p) or math.isnan(rho):
        return None
    excessive = test.epsilon_squared > MOST_OF_TREND * epsilon_squared_of_trend(rho)
    return bool(test.log10_p < math.log10(alpha) and excessive)
