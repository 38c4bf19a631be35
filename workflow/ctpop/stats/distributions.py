"""Distributions of centile curves, each defined by a standard normal variable z. A centile corresponds to a value of z.

- `bccg`: Box-Cox Cole-Green (LMS; Stat Med 1992;11:1305), for values above 0. z = ((y/M)^L - 1) / (L S), and ln(y/M) /
  S for L = 0, truncated where y would be 0 or infinite (Rigby and Stasinopoulos, Stat Med 2004;23:3053).
- `bct`: Box-Cox t (Rigby and Stasinopoulos, Stat Model 2006;6:209), for values above 0. As `bccg`, with a t
  distribution of T degrees of freedom in place of the normal distribution.
- `shash`: sinh-arcsinh (Jones and Pewsey, Biometrika 2009;96:761), for any values. z = sinh(T asinh((y - M)/S) - L).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import gammaln, log_ndtr, ndtr, ndtri, psi, stdtr, stdtrit

FEW_CUT_OFF = 8.0  # distance from M, in SDs, at which the truncation of bccg has no effect in double precision
LARGEST_Z = 37.0  # at larger z, the tail of the normal distribution is smaller than any double-precision number
LARGEST_BENT = math.asinh(LARGEST_Z)
TINY = 1e-300
HALF_LN_2_PI = math.log(2 * math.pi) / 2
NO_POWER = 1e-12  # replaces L = 0 in denominators
SMALL_POWER = 1e-4  # |L| below which the series of the Box-Cox transformation is exact
LARGEST_TAIL = 3.0  # limits of T of shash: 1/3 to 3, far beyond the values of any organ
DEGREES = (1.0, 1000.0)  # limits of T of bct: from the Cauchy distribution to the normal distribution
USUAL_DEGREES = 20.0  # T at which a fit of bct starts
NOTHING = 1e-13  # proportion beyond the truncation below which the truncation of bct has no effect
STEP = 1e-4  # of ln T in the derivative of the truncation of bct


@dataclass(frozen=True)
class Points:
    """Parameters of the distribution of each of n values: M, ln S, L, and ln T.

    Attributes
    ----------
    location : np.ndarray
        Location M of each value, shape `(n,)`, in the unit of the values. The `log_density` of a model requires the
        location on the scale of the fit, which is ln M for `bccg`.
    log_spread : np.ndarray
        Logarithm of the spread S of each value, shape `(n,)`; S has the unit of the values for `shash` and no unit for
        `bccg`.
    skew : np.ndarray or float
        L of each value, shape `(n,)`, or a number that is the same for all values.
    log_tail : float
        ln T, the same for all values; `bccg` has no tail parameter and does not use it.

    Examples
    --------
    >>> at = Points(np.array([50.0, 60.0]), np.log([5.0, 6.0]), skew=0.0, log_tail=0.0)
    >>> MODELS["shash"].value_of(1.0, at).round(6)
    array([55., 66.])

    """

    location: np.ndarray
    log_spread: np.ndarray
    skew: np.ndarray | float
    log_tail: float


Slopes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Model(Protocol):
    """A distribution that is defined by a standard normal variable z.

    Attributes
    ----------
    has_tail : bool
        Whether the distribution has a tail parameter T.
    log_tails : tuple of float
        Limits of ln T; both are 0 without a tail parameter.
    start_log_tail : float
        ln T at which a fit starts.
    positive : bool
        Whether all values must be above 0.

    Examples
    --------
    >>> {name: model.has_tail for name, model in MODELS.items()}
    {'bccg': False, 'bct': True, 'normal': False, 'shash': True}

    """

    has_tail: bool
    log_tails: tuple[float, float]
    start_log_tail: float
    positive: bool

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return the target of the initial least-squares fit of the location splines.

        Parameters
        ----------
        values : np.ndarray
            Values, shape `(n,)`.

        Returns
        -------
        np.ndarray
            Values on the scale on which the location is fitted, shape `(n,)`.

        """

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M from the fitted location.

        Parameters
        ----------
        fitted : np.ndarray
            Location on the scale on which it is fitted, shape `(n,)`.

        Returns
        -------
        np.ndarray
            M in the unit of the values, shape `(n,)`.

        """

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the spline coefficients for the original values from those for values divided by a unit.

        Parameters
        ----------
        heights : np.ndarray
            Coefficients of the spline of the location, shape `(m,)`.
        log_spread : np.ndarray
            Coefficients of the spline of ln S, shape `(s,)`.
        unit : float
            Number by which the values were divided, above 0.

        Returns
        -------
        heights : np.ndarray
            Coefficients of the location for the original values, shape `(m,)`.
        log_spread : np.ndarray
            Coefficients of ln S for the original values, shape `(s,)`.

        """

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y) and its derivatives with respect to the location (as fitted), ln S, L, and ln T.

        Parameters
        ----------
        y : np.ndarray
            Values, shape `(n,)`.
        at : Points
            Parameters at each value, with the location on the scale of the fit.

        Returns
        -------
        value : np.ndarray
            ln f(y), shape `(n,)`.
        slopes : Slopes
            Four arrays of shape `(n,)`: the derivatives of ln f(y) with respect to the location, ln S, L, and ln T.

        """

    def z_of(self, y: np.ndarray, at: Points) -> np.ndarray:
        """Return the z score of each value.

        Parameters
        ----------
        y : np.ndarray
            Values, shape `(n,)`.
        at : Points
            Parameters at each value.

        Returns
        -------
        np.ndarray
            z scores, shape `(n,)`.

        """

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score.

        Parameters
        ----------
        z : float
            z score.
        at : Points
            Parameters of n distributions.

        Returns
        -------
        np.ndarray
            Value of each distribution, shape `(n,)`.

        """


class PositiveModel(Model):
    """A distribution of values above 0, with a location that is fitted as ln M.

    Examples
    --------
    >>> Bccg().to_fit(np.array([1.0, np.e])).tolist()
    [0.0, 1.0]

    """

    positive = True

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return ln of the values, the target of the initial least-squares fit of the location splines."""
        return np.asarray(np.log(values))

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M from ln M."""
        return np.asarray(np.exp(fitted))

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients for the original values from those for values divided by a unit."""
        return heights + math.log(unit), log_spread


class Bccg(PositiveModel):
    """The Box-Cox Cole-Green distribution, for values above 0.

    The location is fitted as ln M, which keeps M above 0. The `location` of the `Points` is ln M in `log_density`, and
    M in `z_of` and `value_of`. The methods have the parameters of `Model`.

    Attributes
    ----------
    has_tail : bool
        False: the distribution has no tail parameter.

    Examples
    --------
    >>> at = Points(np.array([50.0, 60.0]), np.log([0.1, 0.1]), skew=1.0, log_tail=0.0)
    >>> Bccg().z_of(np.array([55.0, 54.0]), at).round(6)
    array([ 1., -1.])
    >>> Bccg().value_of(1.0, at).round(6)
    array([55., 66.])

    """

    has_tail = False
    log_tails = (0.0, 0.0)
    start_log_tail = 0.0

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y) and its derivatives with respect to ln M, ln S, L, and ln T; the location of `at` is ln M."""
        log_y, power, spread = np.log(y), np.asarray(at.skew), np.exp(at.log_spread)
        ratio = log_y - at.location
        z, grown, edge = _box_cox(ratio, power) / spread, np.exp(power * ratio), _edge(power, spread)
        inside = cut = np.zeros(1)
        if edge.min() < FEW_CUT_OFF:
            inside = log_ndtr(edge)
            cut = np.exp(-(np.minimum(edge, 40.0) ** 2) / 2 - HALF_LN_2_PI - inside) * np.where(edge < 40.0, edge, 0)
        value = power * ratio - log_y - at.log_spread - z**2 / 2 - HALF_LN_2_PI - inside
        by_power = ratio - z * _box_cox_slope(ratio, power) / spread + cut / _not_zero(power)
        return value, (z * grown / spread - power, z**2 - 1 + cut, by_power, np.zeros_like(y))

    def z_of(self, y: np.ndarray, at: Points) -> np.ndarray:
        """Return the z score of each value; the location of `at` is M."""
        power, spread = np.asarray(at.skew), np.exp(at.log_spread)
        z, edge = _box_cox(np.log(y) - np.log(at.location), power) / spread, _edge(power, spread)
        scores = _truncated_scores(z, edge, power, ndtr)
        return np.asarray(np.where(edge > FEW_CUT_OFF, np.clip(z, -LARGEST_Z, LARGEST_Z), scores))

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score; the location of `at` is M."""
        power, spread = np.asarray(at.skew), np.exp(at.log_spread)
        edge, sign = _edge(power, spread), np.where(power <= 0, 1, -1)
        inner = np.where(edge > FEW_CUT_OFF, z, ndtri(ndtr(sign * z) * ndtr(edge)) * sign)
        return _grown(at.location, power, spread * inner)


class Bct(PositiveModel):
    """The Box-Cox t distribution, for values above 0; the tail parameter T is the number of degrees of freedom.

    The location is fitted as ln M. The `location` of the `Points` is ln M in `log_density`, and M in `z_of` and
    `value_of`. The methods have the parameters of `Model`.

    Attributes
    ----------
    has_tail : bool
        True: the distribution has the tail parameter T.

    Examples
    --------
    >>> at = Points(np.array([150.0]), np.log([0.2]), skew=-0.5, log_tail=math.log(5))
    >>> Bct().z_of(np.array([120.0]), at).round(6)
    array([-1.055977])
    >>> Bct().value_of(-1.880793608, at).round(4)
    array([97.2148])

    """

    has_tail = True
    log_tails = (math.log(DEGREES[0]), math.log(DEGREES[1]))
    start_log_tail = math.log(USUAL_DEGREES)

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y) and its derivatives with respect to ln M, ln S, L, and ln T; the location of `at` is ln M."""
        log_y, power, spread, df = np.log(y), np.asarray(at.skew), np.exp(at.log_spread), math.exp(at.log_tail)
        ratio = log_y - at.location
        z, grown, edge = _box_cox(ratio, power) / spread, np.exp(power * ratio), _edge(power, spread)
        square, (inside, cut, of_edge) = np.log1p(z**2 / df), _t_truncation(edge, df)
        value = power * ratio - log_y - at.log_spread + _t_log_constant(df) - (df + 1) / 2 * square - inside
        pull = (df + 1) * z / (df + z**2)
        by_power = ratio - pull * _box_cox_slope(ratio, power) / spread + cut / _not_zero(power)
        by_df = df / 2 * (psi((df + 1) / 2) - psi(df / 2) - 1 / df - square + pull * z / df) - of_edge
        return value, (pull * grown / spread - power, pull * z - 1 + cut, by_power, by_df)

    def z_of(self, y: np.ndarray, at: Points) -> np.ndarray:
        """Return the z score of each value; the location of `at` is M."""
        power, spread, df = np.asarray(at.skew), np.exp(at.log_spread), math.exp(at.log_tail)
        z = _box_cox(np.log(y) - np.log(at.location), power) / spread
        return _truncated_scores(z, _edge(power, spread), power, lambda x: np.asarray(stdtr(df, x)))

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score; the location of `at` is M."""
        power, spread, df = np.asarray(at.skew), np.exp(at.log_spread), math.exp(at.log_tail)
        sign = np.where(power <= 0, 1, -1)
        inner = stdtrit(df, ndtr(sign * z) * stdtr(df, _edge(power, spread))) * sign
        return _grown(at.location, power, spread * inner)


class Shash(Model):
    """The sinh-arcsinh distribution, for any values.

    The methods have the parameters of `Model`; the location is fitted as M.

    Attributes
    ----------
    has_tail : bool
        True: the distribution has the tail parameter T.

    Examples
    --------
    >>> at = Points(np.array([50.0, 60.0]), np.log([5.0, 6.0]), skew=0.0, log_tail=0.0)
    >>> Shash().z_of(np.array([55.0, 54.0]), at).round(6)
    array([ 1., -1.])
    >>> Shash().value_of(1.0, at).round(6)
    array([55., 66.])

    """

    has_tail = True
    log_tails = (-math.log(LARGEST_TAIL), math.log(LARGEST_TAIL))
    start_log_tail = 0.0
    positive = False

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return the values, the target of the initial least-squares fit of the location splines."""
        return values

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M, which equals the fitted location."""
        return fitted

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients for the original values from those for values divided by a unit."""
        return heights * unit, log_spread + math.log(unit)

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y) and its derivatives with respect to M, ln S, L, and ln T."""
        spread, tail = np.exp(at.log_spread), math.exp(at.log_tail)
        x = (y - at.location) / spread
        bent, square = np.arcsinh(x), 1 + x**2
        inner = tail * bent - at.skew
        z, grown = np.sinh(inner), np.cosh(inner)
        value = at.log_tail - at.log_spread + np.log(grown) - np.log(square) / 2 - z**2 / 2 - HALF_LN_2_PI
        by_inner = z / grown - z * grown
        by_x = by_inner * tail / np.sqrt(square) - x / square
        return value, (-by_x / spread, -1 - x * by_x, -by_inner, 1 + by_inner * tail * bent)

    def z_of(self, y: np.ndarray, at: Points) -> np.ndarray:
        """Return the z score of each value."""
        x = (y - at.location) / np.exp(at.log_spread)
        bent = math.exp(at.log_tail) * np.arcsinh(x) - at.skew
        return np.asarray(np.sinh(np.clip(bent, -LARGEST_BENT, LARGEST_BENT)))

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score."""
        x = np.sinh((math.asinh(z) + at.skew) / math.exp(at.log_tail))
        return np.asarray(at.location + np.exp(at.log_spread) * x)


class Normal(Shash):
    """The normal distribution: the sinh-arcsinh distribution with L = 0 and T = 1.

    The methods have the parameters of `Model`; the location is fitted as M. L of the `Points` must be 0.

    Attributes
    ----------
    has_tail : bool
        False: the distribution has no tail parameter.

    Examples
    --------
    >>> at = Points(np.array([50.0]), np.log([5.0]), skew=0.0, log_tail=0.0)
    >>> Normal().value_of(-2.0, at).round(6)
    array([40.])

    """

    has_tail = False
    log_tails = (0.0, 0.0)


MODELS: dict[str, Model] = {"bccg": Bccg(), "bct": Bct(), "normal": Normal(), "shash": Shash()}


def _edge(power: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the limit 1 / (|L| S) of z, at which y would be 0 or infinite."""
    return np.asarray(1 / (spread * np.maximum(np.abs(power), NO_POWER)))


def _not_zero(power: np.ndarray) -> np.ndarray:
    return np.where(power == 0, 1.0, power)


def _box_cox(ratio: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return (exp(power * ratio) - 1) / power, or the ratio if the power is 0."""
    small = np.abs(power) < SMALL_POWER
    series = ratio + power * ratio**2 / 2 + power**2 * ratio**3 / 6
    return np.asarray(np.where(small, series, np.expm1(power * ratio) / np.where(small, 1.0, power)))


def _box_cox_slope(ratio: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return the derivative of the transformation with respect to the power."""
    small = np.abs(power) < SMALL_POWER
    series, divisor, product = ratio**2 / 2 + power * ratio**3 / 3, np.where(small, 1.0, power), power * ratio
    return np.asarray(np.where(small, series, (ratio * np.exp(product) - np.expm1(product) / divisor) / divisor))


def _grown(location: np.ndarray, power: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Return M (1 + L step)^(1/L), or M exp(step) if L is 0."""
    small = np.abs(power) < SMALL_POWER
    divisor = np.where(small, 1.0, power)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        log_ratio = np.where(small, step * (1 - power * step / 2), np.log1p(np.maximum(divisor * step, -1)) / divisor)
        return np.asarray(location * np.exp(log_ratio))


def _truncated_scores(
    z: np.ndarray, edge: np.ndarray, power: np.ndarray, cumulative: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the z scores of a distribution that is truncated at -edge (L above 0) or at edge (L below 0)."""
    inside, outside = cumulative(edge), cumulative(-edge)
    below = (cumulative(z) - np.where(power > 0, outside, 0.0)) / inside
    above = (cumulative(-z) - np.where(power < 0, outside, 0.0)) / inside
    scores = np.where(below < above, ndtri(np.clip(below, TINY, 1)), -ndtri(np.clip(above, TINY, 1)))
    return np.asarray(scores)


def _t_log_constant(df: float) -> float:
    """Return the logarithm of the density of the t distribution at 0."""
    return float(gammaln((df + 1) / 2) - gammaln(df / 2) - math.log(df * math.pi) / 2)


def _t_truncation(edge: np.ndarray, df: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ln of the t distribution function at the edge, and its slopes: of -ln S, and of ln of the degrees."""
    if stdtr(df, -edge.min()) < NOTHING:
        return np.zeros(1), np.zeros(1), np.zeros(1)
    inside = stdtr(df, edge)
    density = np.exp(_t_log_constant(df) - (df + 1) / 2 * np.log1p(np.minimum(edge, 1e100) ** 2 / df))
    by_df = np.log(stdtr(df * math.exp(STEP), edge) / stdtr(df * math.exp(-STEP), edge)) / (2 * STEP)
    return np.log(inside), np.minimum(edge, 1e100) * density / inside, by_df
