"""Spearman rank correlation with an interval that holds for skewed, tied and unevenly spread data."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ctpop.stats.ranks import Ranks, ranks_of
from ctpop.stats.tails import log10_p_of_perfect_order, log10_p_of_rho

FEWEST = 4  # the standard error divides by n - 3


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho with its interval and log10 P; all missing where rho is not defined."""

    rho: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    log10_p: float = math.nan


def spearman(x: np.ndarray, y: np.ndarray, confidence: float) -> Correlation:
    """Return Spearman's rho of two samples of equal length: the Pearson correlation of their mid-ranks.

    Fewer than four pairs, or a sample whose values are all equal, give a `Correlation` without results. A perfect
    order (rho of exactly -1 or 1) has no interval, since its spread cannot be estimated.
    """
    return spearman_of_ranks(ranks_of(x), ranks_of(y), confidence)


def spearman_of_ranks(x: Ranks, y: Ranks, confidence: float) -> Correlation:
    """Return the same of two samples that are ranked already."""
    n = len(x.level)
    if n < FEWEST or not x.varies or not y.varies:
        return Correlation()
    rho = _rho(x, y)
    if abs(rho) == 1:
        return Correlation(rho=rho, log10_p=log10_p_of_perfect_order(x.ties))
    # ASSUME: n - 3, as in Fisher's own standard error: with n, intervals of small cohorts are too narrow
    error = math.sqrt(float(np.mean(_influence(x, y, rho) ** 2)) / (n - 3))
    low, high = fisher_interval(rho, error / (1 - rho**2), confidence)
    return Correlation(rho, low, high, log10_p_of_rho(rho, n))


def rho_of_ranks(x: Ranks, y: Ranks) -> float:
    """Return Spearman's rho alone; missing where `spearman` has none."""
    defined = len(x.level) >= FEWEST and x.varies and y.varies
    return _rho(x, y) if defined else math.nan


def bonett_wright_error(rho: float, n: int) -> float:
    """Return the standard error of Fisher's z of a rank correlation of which only rho and n are known.

    sqrt((1 + rho^2/2) / (n - 3)), for data that are nearly bivariate normal after a monotone transform (Bonett and
    Wright, Psychometrika 2000;65:23).
    """
    return math.sqrt((1 + rho**2 / 2) / (n - 3))


def fisher_interval(rho: float, error_of_z: float, confidence: float) -> tuple[float, float]:
    """Return the limits tanh(z - q s) and tanh(z + q s), with z = artanh(rho) and s its standard error."""
    quantile = float(special.ndtri((1 + confidence) / 2))
    z = math.atanh(rho)
    return math.tanh(z - quantile * error_of_z), math.tanh(z + quantile * error_of_z)


def influence(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the influence of each pair on Spearman's rho; its mean is 0, and var(rho) is about mean(square)/n.

    The formula of Croux and Dehon (Stat Methods Appl 2010;19:497) for continuous data, with mid-ranks in place of
    ranks, and the influence on the two variances of the ranks, which are constant only without ties. With u and v the
    centred mid-distribution functions, A = E[K(X, x) v] and B = E[K(Y, y) u], where K(X, x) is 1, 1/2 or 0 as X is
    above, at or below x:

        (u v + A + B) / (sd_u sd_v) - rho/2 ((u^2 + 2 E[K(X, x) u]) / var_u + (v^2 + 2 E[K(Y, y) v]) / var_v).
    """
    x_ranks, y_ranks = ranks_of(x), ranks_of(y)
    return _influence(x_ranks, y_ranks, _rho(x_ranks, y_ranks))


def _rho(x: Ranks, y: Ranks) -> float:
    squares = float(x.centred @ x.centred) * float(y.centred @ y.centred)
    return float(x.centred @ y.centred) / math.sqrt(squares)


def _influence(x: Ranks, y: Ranks, rho: float) -> np.ndarray:
    n, u, v = len(x.centred), x.centred, y.centred
    variance_u, variance_v = u @ u / n, v @ v / n
    joint = (u * v + x.sum_above(v) + y.sum_above(u)) / math.sqrt(variance_u * variance_v)
    alone = (u**2 + 2 * x.sum_above(u)) / variance_u + (v**2 + 2 * y.sum_above(v)) / variance_v
    result: np.ndarray = joint - rho / 2 * alone
    return result
