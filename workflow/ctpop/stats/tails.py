"""Decimal logarithms of P values, accurate far below 1e-308, the smallest double of full precision.

With thousands of patients, P values of common age effects are 1e-400 or less. In this range, SciPy returns 0, and -inf
as the logarithm of the t and chi-squared tails.
"""

import math

import numpy as np

LN_10 = math.log(10)
ORDINARY = 1e-200  # larger P values are computed directly; for smaller ones, the logarithm is computed
SERIES_DIGITS = 40.0  # terms below exp(-40) do not affect a sum in double precision


def p_of_log10(log10_p: float) -> float:
    """Return P from its decimal logarithm; 0 if P is smaller than any double.

    Parameters
    ----------
    log10_p : float
        Decimal logarithm of P.

    Returns
    -------
    float
        P, from 0 to 1.

    Examples
    --------
    >>> round(p_of_log10(-3.0), 6)
    0.001
    >>> p_of_log10(-400.0)
    0.0

    """
    return float(10.0**log10_p)


def log10_p_of_normal(z: float) -> float:
    """Return log10 of the two-sided P of a standard normal deviate.

    Parameters
    ----------
    z : float
        Standard normal deviate, of either sign.

    Returns
    -------
    float
        Decimal logarithm of P, at most 0.

    Examples
    --------
    >>> round(log10_p_of_normal(1.959964), 3)  # P = 0.05
    -1.301
    >>> round(log10_p_of_normal(-50.0), 2)
    -544.67

    """
    from scipy import special

    return _at_most_zero((math.log(2) + float(special.log_ndtr(-abs(z)))) / LN_10)


def log10_p_of_chi_squared(x: float, df: int) -> float:
    """Return log10 of the upper tail of the chi-squared distribution.

    With z = x/2, the tail is Q(df/2, z), the regularized upper incomplete gamma function. It is computed from Q(1/2, z)
    = erfc(sqrt z) or Q(1, z) = exp(-z) with Q(a + 1, z) = Q(a, z) + z^a exp(-z) / Gamma(a + 1) (DLMF 8.8.6). The factor
    exp(-z) is separated, so all terms are positive and none underflows. For df = 3, the tail is erfc(sqrt(x/2)) +
    sqrt(2x/pi) exp(-x/2).

    Parameters
    ----------
    x : float
        Chi-squared statistic, 0 or more.
    df : int
        Degrees of freedom, 1 or more.

    Returns
    -------
    float
        Decimal logarithm of P, at most 0.

    Examples
    --------
    >>> round(log10_p_of_chi_squared(3.841459, 1), 3)  # P = 0.05
    -1.301
    >>> round(log10_p_of_chi_squared(2000.0, 2), 2)
    -434.29

    """
    from scipy import special

    half = x / 2
    first = 0.5 if df % 2 else 1.0
    scaled = float(special.erfcx(math.sqrt(half))) if df % 2 else 1.0
    scaled += sum(half**order / math.gamma(order + 1) for order in np.arange(first, df / 2))
    return _at_most_zero((math.log(scaled) - half) / LN_10)


def log10_p_of_rho(rho: float, n: int) -> float:
    """Return log10 of the two-sided P of a rank correlation, by the t approximation with n - 2 degrees of freedom.

    P is the regularized incomplete beta function I_x(a, 1/2) with a = (n - 2)/2 and x = 1 - rho^2. If P is too small
    for this function, ln P = a ln x + ln |rho| - ln a - ln B(a, 1/2) + ln F, where F is the hypergeometric function
    2F1(a + 1/2, 1; a + 1; x) (DLMF 8.17.8). F is summed directly: its terms are positive and decrease at least as fast
    as x^k, whereas `scipy.special.hyp2f1` returns NaN for large n.

    At rho = -1 or 1, the approximation is not defined (-inf); see `log10_p_of_perfect_order`.

    Parameters
    ----------
    rho : float
        Rank correlation, from -1 to 1.
    n : int
        Number of pairs, 3 or more.

    Returns
    -------
    float
        Decimal logarithm of P, at most 0; -inf if rho is -1 or 1.

    Examples
    --------
    >>> round(log10_p_of_rho(0.5, 20), 3)
    -1.606
    >>> round(log10_p_of_rho(0.9, 2000), 2)
    -722.23

    """
    from scipy import special

    t = rho * math.sqrt((n - 2) / ((1 - rho) * (1 + rho))) if abs(rho) < 1 else math.inf
    p = 2 * float(special.stdtr(n - 2, -abs(t)))
    if p > ORDINARY:
        return _at_most_zero(math.log10(p))
    if math.isinf(t):
        return -math.inf
    a, x = (n - 2) / 2, (1 - abs(rho)) * (1 + abs(rho))
    step = np.arange(math.ceil(SERIES_DIGITS / rho**2))
    series = 1 + float(np.cumprod((a + 0.5 + step) / (a + 1 + step) * x).sum())
    logarithm = a * math.log(x) + math.log(abs(rho)) - math.log(a) - float(special.betaln(a, 0.5)) + math.log(series)
    return logarithm / LN_10


def log10_p_of_perfect_order(ties: np.ndarray) -> float:
    """Return log10 of the two-sided P of a rank correlation of exactly -1 or 1: twice the probability of this order.

    Without an association, all n! orders are equally likely. The number of orders equal to the observed order is the
    product of t!, where t are the sizes of the groups of tied ranks. Without ties, P = 2/n!.

    Parameters
    ----------
    ties : np.ndarray of int, shape (k,)
        Count of each distinct value; all 1 without ties.

    Returns
    -------
    float
        Decimal logarithm of P, at most 0.

    Examples
    --------
    >>> round(log10_p_of_perfect_order(np.ones(5, dtype=int)), 3)  # P = 2 / 120
    -1.778

    """
    from scipy import special

    orders = special.gammaln(ties.sum() + 1) - special.gammaln(ties + 1).sum()
    return _at_most_zero((math.log(2) - float(orders)) / LN_10)


def _at_most_zero(logarithm: float) -> float:
    return min(logarithm, 0.0)
