"""Distributions of centile curves, each defined by a standard normal variable z. A centile corresponds to a value of z.

- `bccg`: Box-Cox Cole-Green (LMS; Stat Med 1992;11:1305), for values above 0. z = ((y/M)^L - 1) / (L S), and ln(y/M) /
  S for L = 0, truncated where y would be 0 or infinite (Rigby and Stasinopoulos, Stat Med 2004;23:3053).
- `shash`: sinh-arcsinh (Jones and Pewsey, Biometrika 2009;96:761), for any values. z = sinh(T asinh((y - M)/S) - L).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

FEW_CUT_OFF = 8.0  # distance from M, in SDs, at which the truncation of bccg has no effect in double precision
LARGEST_Z = 37.0  # at larger z, the tail of the normal distribution is smaller than any double-precision number
LARGEST_BENT = math.asinh(LARGEST_Z)
TINY = 1e-300
HALF_LN_2_PI = math.log(2 * math.pi) / 2
NO_POWER = 1e-12  # replaces L = 0 in denominators
SMALL_POWER = 1e-4  # |L| below which the series of the Box-Cox transformation is exact


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
    skew : float
        L, the same for all values.
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
    skew: float
    log_tail: float


Slopes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Model(Protocol):
    """A distribution that is defined by a standard normal variable z.

    Attributes
    ----------
    has_tail : bool
        Whether the distribution has a tail parameter T.

    Examples
    --------
    >>> {name: model.has_tail for name, model in MODELS.items()}
    {'bccg': False, 'shash': True}

    """

    has_tail: bool

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


class Bccg(Model):
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

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return ln of the values, the target of the initial least-squares fit of the location splines."""
        return np.asarray(np.log(values))

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M from ln M."""
        return np.asarray(np.exp(fitted))

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients for the original values from those for values divided by a unit."""
        return heights + math.log(unit), log_spread

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y) and its derivatives with respect to ln M, ln S, L, and ln T; the location of `at` is ln M."""
        ratio, power, spread = np.log(y) - at.location, at.skew, np.exp(at.log_spread)
        z, grown = _box_cox(ratio, power) / spread, np.exp(power * ratio)
        edge = 1 / (spread * max(abs(power), NO_POWER))
        cut = np.exp(-(np.minimum(edge, 40.0) ** 2) / 2 - HALF_LN_2_PI - log_ndtr(edge)) * np.where(
            edge < 40.0, edge, 0
        )
        value = power * ratio - np.log(y) - at.log_spread - z**2 / 2 - HALF_LN_2_PI - log_ndtr(edge)
        by_power = ratio - z * _box_cox_slope(ratio, power) / spread + cut / (power if power else 1.0)
        return value, (z * grown / spread - power, z**2 - 1 + cut, by_power, np.zeros_like(y))

    def z_of(self, y: np.ndarray, at: Points) -> np.ndarray:
        """Return the z score of each value; the location of `at` is M."""
        spread = np.exp(at.log_spread)
        z = _box_cox(np.log(y) - np.log(at.location), at.skew) / spread
        edge = 1 / (spread * max(abs(at.skew), NO_POWER))
        inside = ndtr(edge)
        below = (ndtr(z) - (ndtr(-edge) if at.skew > 0 else 0.0)) / inside
        above = (ndtr(-z) - (ndtr(-edge) if at.skew < 0 else 0.0)) / inside
        scores = np.where(below < above, ndtri(np.clip(below, TINY, 1)), -ndtri(np.clip(above, TINY, 1)))
        return np.asarray(np.where(edge > FEW_CUT_OFF, np.clip(z, -LARGEST_Z, LARGEST_Z), scores))

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score; the location of `at` is M."""
        spread = np.exp(at.log_spread)
        edge = 1 / (spread * max(abs(at.skew), NO_POWER))
        share = ndtr(z) if at.skew <= 0 else ndtr(-z)
        inner = np.where(edge > FEW_CUT_OFF, z, ndtri(share * ndtr(edge)) * (1 if at.skew <= 0 else -1))
        if abs(at.skew) < SMALL_POWER:
            return np.asarray(at.location * np.exp(spread * inner * (1 - at.skew * spread * inner / 2)))
        return np.asarray(at.location * (1 + at.skew * spread * inner) ** (1 / at.skew))


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
        x = math.sinh((math.asinh(z) + at.skew) / math.exp(at.log_tail))
        return np.asarray(at.location + np.exp(at.log_spread) * x)


MODELS: dict[str, Model] = {"bccg": Bccg(), "shash": Shash()}


def _box_cox(ratio: np.ndarray, power: float) -> np.ndarray:
    """Return (exp(power * ratio) - 1) / power, or the ratio if the power is 0."""
    if abs(power) < SMALL_POWER:
        return np.asarray(ratio + power * ratio**2 / 2 + power**2 * ratio**3 / 6)
    return np.asarray(np.expm1(power * ratio) / power)


def _box_cox_slope(ratio: np.ndarray, power: float) -> np.ndarray:
    """Return the derivative of the transformation with respect to the power."""
    if abs(power) < SMALL_POWER:
        return np.asarray(ratio**2 / 2 + power * ratio**3 / 3)
    grown = np.exp(power * ratio)
    return np.asarray((ratio * grown - np.expm1(power * ratio) / power) / power)
