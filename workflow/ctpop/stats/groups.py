"""Age quartiles of a cohort, and the Kruskal-Wallis test over them."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import kruskal

from ctpop.stats.tails import log10_p_of_chi_squared

GROUPS = (1, 2, 3, 4)  # age quartiles, the youngest first
SHARES = (0.25, 0.5, 0.75)
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
    samples = [values[quartiles == group] for group in GROUPS]
    filled = [sample for sample in samples if len(sample)]
    if len(filled) < 2 or np.ptp(values) == 0:
        return KruskalWallis()
    h = max(float(kruskal(*filled).statistic), 0.0)
    df = len(filled) - 1
    return KruskalWallis(h, df, log10_p_of_chi_squared(h, df), min(h / (len(values) - 1), 1.0))
