"""Age quartiles of a cohort, and the Kruskal-Wallis test over them."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ctpop.stats.ranks import Ranks, ranks_of
from ctpop.stats.tails import log10_p_of_chi_squared

GROUPS = (1, 2, 3, 4)  # age quartiles, the youngest first
SHARES = (0.25, 0.5, 0.75)
MOST_OF_ONE_WAY = 2  # epsilon squared over 15/16 rho^2: a relation that goes one way has 1.90 at most
SIDES: dict[str, Literal["left", "right"]] = {"right_closed": "left", "left_closed": "right"}


@dataclass(frozen=True)
class KruskalWallis:
    """H, its degrees of freedom, log10 P and the effect size; missing where the test is not defined."""

    h: float = math.nan
    df: float = math.nan
    log10_p: float = math.nan
    epsilon_squared: float = math.nan


def quartile_cuts(ages: np.ndarray) -> np.ndarray:
    """Return the three ages (linear quantiles) that cut a cohort into quartiles; missing without ages."""
    # ASSUME: quartiles of the cohort, not of the usable values of each structure; linear interpolation (type 7)
    return np.quantile(ages, SHARES) if len(ages) else np.full(len(SHARES), np.nan)


def quartile_of(ages: np.ndarray, cuts: np.ndarray, closed: str) -> np.ndarray:
    """Return the quartile, 1 to 4, of each age.

    An age equal to a cut point is in the younger quartile if `closed` is `right_closed`, in the older one if it is
    `left_closed`; people of one age are never divided. Cut points that coincide leave a quartile empty.
    """
    return np.searchsorted(cuts, ages, side=SIDES[closed]) + 1


def kruskal_wallis(values: np.ndarray, quartiles: np.ndarray) -> KruskalWallis:
    """Return the Kruskal-Wallis test, corrected for ties, over the quartiles that have values.

    The effect size epsilon squared is H/(n - 1), the share of the ranks' variance that lies between the quartiles
    (Tomczak and Tomczak, Trends Sport Sci 2014;21:19). Values in one quartile only, or equal ones, give no results.
    """
    return kruskal_wallis_of_ranks(ranks_of(values), quartiles)


def kruskal_wallis_of_ranks(ranks: Ranks, quartiles: np.ndarray) -> KruskalWallis:
    """Return the same of values that are ranked already.

    With ranks centred at 0, H / (n - 1) is the sum over quartiles of (sum of ranks)^2 / size, over the sum of squares
    of all ranks. Mid-ranks in both make it the H that is corrected for ties.
    """
    sizes = np.bincount(quartiles - 1, minlength=len(GROUPS))
    sums = np.bincount(quartiles - 1, weights=ranks.centred, minlength=len(GROUPS))
    filled = sizes > 0
    if filled.sum() < 2 or not ranks.varies:
        return KruskalWallis()
    between, total = float((sums[filled] ** 2 / sizes[filled]).sum()), float(ranks.centred @ ranks.centred)
    share = min(between / total, 1.0)
    h, df = share * (len(quartiles) - 1), int(filled.sum()) - 1
    return KruskalWallis(h, df, log10_p_of_chi_squared(h, df), share)


def epsilon_squared_of_trend(rho: float) -> float:
    """Return epsilon squared of four groups of equal size, where ranks rise or fall evenly with age: 15/16 rho^2.

    Of the variance of n ranks, n^2/12, the means of their four quarters have (1 - 1/16).
    """
    return 15 / 16 * rho**2


def discordant(test: KruskalWallis, rho: float, alpha: float) -> bool | None:
    """Return whether the groups differ far more than a relation that goes one way could make them; None without a test.

    That is, whether Kruskal-Wallis is significant and epsilon squared is more than twice 15/16 rho^2. Of relations that
    go one way, that of a single step between the last two groups has the largest ratio, 256/135 = 1.90: means of ranks
    in proportion -1, -1, -1, 3, with epsilon squared proportional to 3 and rho^2 to 27/16 (no trend inside groups).
    """
    if math.isnan(test.h) or math.isnan(rho):
        return None
    excessive = test.epsilon_squared > MOST_OF_ONE_WAY * epsilon_squared_of_trend(rho)
    return bool(test.log10_p < math.log10(alpha) and excessive)
