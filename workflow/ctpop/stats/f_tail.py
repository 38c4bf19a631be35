"""Decimal logarithm of the upper tail of the F distribution, accurate far below 1e-308."""

import math

import numpy as np
from scipy import special

from ctpop.stats.tails import LN_10, ORDINARY, SERIES_DIGITS


def log10_p_of_f(f: float, df_1: float, df_2: float) -> float:
    """Return log10 of P(F > f) with df_1 and df_2 degrees of freedom.

    P is the regularized incomplete beta function I_x(a, b) with a = df_2/2, b = df_1/2 and x = df_2 / (df_2 + df_1 f).
    If P is too small for this function, ln P = a ln x + b ln(1 - x) - ln a - ln B(a, b) + ln 2F1(a + b, 1; a + 1; x)
    (DLMF 8.17.8); the terms of the series are positive and are summed directly.

    Parameters
    ----------
    f : float
        F statistic, at least 0.
    df_1 : float
        Degrees of freedom of the numerator, above 0.
    df_2 : float
        Degrees of freedom of the denominator, above 0.

    Returns
    -------
    float
        Decimal logarithm of the upper tail, at most 0; -inf if f is infinite.

    Raises
    ------
    ValueError
        If `f` is NaN.

    Examples
    --------
    >>> round(log10_p_of_f(4.0, 1, 10), 4)
    -1.1344
    >>> round(log10_p_of_f(1e6, 5, 1000), 1)
    -1845.6

    """
    if math.isinf(f):
        return -math.inf
    a, b, x = df_2 / 2, df_1 / 2, df_2 / (df_2 + df_1 * f)
    p = float(special.betainc(a, b, x))
    if p > ORDINARY:
        return min(math.log10(p), 0.0)
    falling = -math.log(x * max(1.0, (a + b) / (a + 1)))  # P is small, so x is well below 1
    step = np.arange(math.ceil(SERIES_DIGITS / falling))
    series = 1 + float(np.cumprod((a + b + step) / (a + 1 + step) * x).sum())
    logarithm = a * math.log(x) + b * math.log1p(-x) - math.log(a) - float(special.betaln(a, b)) + math.log(series)
    return logarithm / LN_10
