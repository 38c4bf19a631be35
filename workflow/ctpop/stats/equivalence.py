"""Equivalence and difference of two independent estimates, relative to a margin.

A difference has two intervals: the outer interval has the confidence level of the study, for example 95%, and the inner
interval has the level 2 x confidence - 1, for example 90%. The inner interval is inside the margins exactly if two
one-sided tests at the level 1 - confidence reject both limits.
"""

import math
from dataclasses import dataclass

from scipy import special

from ctpop.stats.f_tail import log10_p_of_f
from ctpop.stats.tails import log10_p_of_normal

EQUIVALENT, DIFFERENT, INCONCLUSIVE = "equivalent", "different", "inconclusive"


@dataclass(frozen=True)
class Effect:
    """An estimate with its standard error.

    Attributes
    ----------
    value : float
        Estimate, in any unit; NaN if it is missing.
    error : float
        Standard error, in the unit of the estimate.
    df : float
        Degrees of freedom of the t quantile; infinite for the normal quantile.

    Examples
    --------
    >>> Effect(-5.7, 0.27)
    Effect(value=-5.7, error=0.27, df=inf)

    """

    value: float
    error: float
    df: float = math.inf


@dataclass(frozen=True)
class EffectLimits:
    """Lower and upper limit of an interval.

    Attributes
    ----------
    low : float
        Lower limit; NaN if it is missing.
    high : float
        Upper limit; NaN if it is missing.

    Examples
    --------
    >>> EffectLimits(-1.0, 2.0).reach
    2.0

    """

    low: float = math.nan
    high: float = math.nan

    @property
    def reach(self) -> float:
        """Return the largest absolute value of the limits.

        Returns
        -------
        float
            The largest absolute value; NaN if a limit is missing.

        Examples
        --------
        >>> EffectLimits(-3.0, 2.0).reach
        3.0

        """
        return math.nan if math.isnan(self.low + self.high) else max(abs(self.low), abs(self.high))


def quantile(level: float, df: float = math.inf) -> float:
    """Return the quantile of a two-sided interval.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    df : float
        Degrees of freedom of the t distribution; infinite for the normal distribution.

    Returns
    -------
    float
        Quantile at (1 + level) / 2.

    Examples
    --------
    >>> round(quantile(0.95), 4), round(quantile(0.95, 10), 4)
    (1.96, 2.2281)

    """
    upper = (1 + level) / 2
    return float(special.ndtri(upper) if math.isinf(df) else special.stdtrit(df, upper))


def inner_level(confidence: float) -> float:
    """Return the confidence level of the interval for equivalence.

    Parameters
    ----------
    confidence : float
        Confidence level of the outer interval, above 0.5.

    Returns
    -------
    float
        2 x confidence - 1.

    Examples
    --------
    >>> round(inner_level(0.95), 6)
    0.9

    """
    return 2 * confidence - 1


def limits_of(effect: Effect, level: float) -> EffectLimits:
    """Return the confidence interval of an estimate.

    Parameters
    ----------
    effect : Effect
        Estimate with its standard error.
    level : float
        Confidence level, between 0 and 1.

    Returns
    -------
    EffectLimits
        The estimate minus and plus the quantile times the standard error.

    Examples
    --------
    >>> limits = limits_of(Effect(2.0, 0.3), 0.95)
    >>> round(limits.low, 3), round(limits.high, 3)
    (1.412, 2.588)

    """
    half = quantile(level, effect.df) * effect.error
    return EffectLimits(effect.value - half, effect.value + half)


def difference_of_effects(first: Effect, second: Effect) -> Effect:
    """Return the second estimate minus the first, from independent samples.

    The degrees of freedom are those of Welch and Satterthwaite: (a + b)^2 / (a^2 / df_1 + b^2 / df_2), where a and b
    are the squared standard errors.

    Parameters
    ----------
    first : Effect
        Estimate of the first sample.
    second : Effect
        Estimate of the second sample, in the same unit.

    Returns
    -------
    Effect
        The difference with its standard error; the degrees of freedom are infinite if those of both estimates are.

    Examples
    --------
    >>> found = difference_of_effects(Effect(1.0, 0.3, 10.0), Effect(1.5, 0.4, 20.0))
    >>> found.value, found.error, round(found.df, 1)
    (0.5, 0.5, 29.9)

    """
    squares = first.error**2, second.error**2
    shares = squares[0] ** 2 / first.df + squares[1] ** 2 / second.df
    return Effect(second.value - first.value, math.hypot(first.error, second.error), _ratio(sum(squares) ** 2, shares))


def log10_p_of_effect(effect: Effect) -> float:
    """Return log10 of the two-sided P value for an effect of 0.

    Parameters
    ----------
    effect : Effect
        Estimate with its standard error, above 0.

    Returns
    -------
    float
        Decimal logarithm of P; NaN if the estimate or its standard error is missing, or if the standard error is 0.

    Examples
    --------
    >>> round(10 ** log10_p_of_effect(Effect(1.959964, 1.0)), 4)
    0.05
    >>> round(10 ** log10_p_of_effect(Effect(2.228139, 1.0, 10.0)), 4)
    0.05

    """
    if not effect.error > 0 or math.isnan(effect.value):
        return math.nan
    t = effect.value / effect.error
    return log10_p_of_normal(t) if math.isinf(effect.df) else log10_p_of_f(t**2, 1, effect.df)


def outcome_of(outer: EffectLimits, inner: EffectLimits, margin: float) -> str:
    """Return the outcome of a comparison with a margin.

    Parameters
    ----------
    outer : EffectLimits
        Interval of the difference at the confidence level.
    inner : EffectLimits
        Interval of the difference at the level of `inner_level`.
    margin : float
        Largest difference that counts as equivalent, above 0, in the unit of the difference.

    Returns
    -------
    str
        `equivalent` if the inner interval is inside the margins, `different` if the outer interval is entirely outside
        the margins, and `inconclusive` otherwise.

    Examples
    --------
    >>> difference = Effect(0.2, 0.3)
    >>> outcome_of(limits_of(difference, 0.95), limits_of(difference, 0.9), 1.0)
    'equivalent'

    """
    if -margin < inner.low and inner.high < margin:
        return EQUIVALENT
    return DIFFERENT if outer.low > margin or outer.high < -margin else INCONCLUSIVE


def attainable(error: float, margin: float, level: float, df: float = math.inf) -> bool:
    """Return whether the result can be `equivalent` with a standard error.

    Parameters
    ----------
    error : float
        Standard error of the difference.
    margin : float
        Margin, in the unit of the difference.
    level : float
        Confidence level of the inner interval.
    df : float
        Degrees of freedom of the t quantile.

    Returns
    -------
    bool
        Whether the inner interval is narrower than the range between the margins.

    Examples
    --------
    >>> attainable(0.5, 1.0, 0.9), attainable(0.7, 1.0, 0.9)
    (True, False)

    """
    return quantile(level, df) * error < margin


def pooled_sd(first: tuple[float, int], second: tuple[float, int]) -> float:
    """Return the pooled standard deviation of two samples.

    Parameters
    ----------
    first : tuple[float, int]
        Standard deviation and size of the first sample.
    second : tuple[float, int]
        Standard deviation and size of the second sample.

    Returns
    -------
    float
        Root of the mean of the variances, weighted by the sizes.

    Examples
    --------
    >>> round(pooled_sd((3.0, 100), (4.0, 300)), 4)
    3.7749

    """
    (sd_1, n_1), (sd_2, n_2) = first, second
    return math.sqrt((n_1 * sd_1**2 + n_2 * sd_2**2) / (n_1 + n_2))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.inf
