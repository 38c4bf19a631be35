"""The distributions of centile curves, each with a standard normal variable z inside: a centile is a z.

- `bccg`, Box-Cox, Cole and Green (LMS; Stat Med 1992;11:1305), for values above 0: z = ((y/M)^L - 1) / (L S), and
  ln(y/M) / S for L = 0, cut off where y would be 0 or infinite (Rigby and Stasinopoulos, Stat Med 2004;23:3053);
- `shash`, sinh-arcsinh (Jones and Pewsey, Biometrika 2009;96:761), for any values: z = sinh(T asinh((y - M)/S) - L).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

FEW_CUT_OFF = 8.0  # sd from M at which the cut-off end of bccg lies: beyond, no double sees it
LARGEST_Z = 37.0  # beyond, the tail of the normal distribution is smaller than any number
LARGEST_BENT = math.asinh(LARGEST_Z)
TINY = 1e-300
HALF_LN_2_PI = math.log(2 * math.pi) / 2
NO_POWER = 1e-12  # in place of L = 0 where L divides
SMALL_POWER = 1e-4  # of L: below, the series of the Box-Cox transform is exact


@dataclass(frozen=True)
class Points:
    """Parameters of the distribution of each of some values: M, ln S (n values each), L and ln T."""

    location: np.ndarray
    log_spread: np.ndarray
    skew: float
    log_tail: float


Slopes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Model(Protocol):
    """A distribution with a standard normal variable z inside."""

    has_tail: bool

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return what the splines of the location are first fitted to by least squares."""

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M from what the splines give."""

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients of the splines for values that were divided by their unit, for values that were not."""

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y), and its slopes by the location (as fitted), ln S, L and ln T."""

    def z_of(self, y: np.ndarray, at: Points) -> np.ndarray:
        """Return the z score of each value."""

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score."""


class Bccg(Model):
    """Box-Cox Cole and Green; the location is fitted as ln M, so that M stays above 0."""

    has_tail = False

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return what the splines are first fitted to by least squares."""
        return np.asarray(np.log(values))

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M."""
        return np.asarray(np.exp(fitted))

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients for values that were not divided by their unit."""
        return heights + math.log(unit), log_spread

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y), and its slopes by ln M, which the location of `at` is here, ln S, L and ln T."""
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
        """Return the z score of each value."""
        spread = np.exp(at.log_spread)
        z = _box_cox(np.log(y) - np.log(at.location), at.skew) / spread
        edge = 1 / (spread * max(abs(at.skew), NO_POWER))
        inside = ndtr(edge)
        below = (ndtr(z) - (ndtr(-edge) if at.skew > 0 else 0.0)) / inside
        above = (ndtr(-z) - (ndtr(-edge) if at.skew < 0 else 0.0)) / inside
        scores = np.where(below < above, ndtri(np.clip(below, TINY, 1)), -ndtri(np.clip(above, TINY, 1)))
        return np.asarray(np.where(edge > FEW_CUT_OFF, np.clip(z, -LARGEST_Z, LARGEST_Z), scores))

    def value_of(self, z: float, at: Points) -> np.ndarray:
        """Return the value with a z score."""
        spread = np.exp(at.log_spread)
        edge = 1 / (spread * max(abs(at.skew), NO_POWER))
        share = ndtr(z) if at.skew <= 0 else ndtr(-z)
        inner = np.where(edge > FEW_CUT_OFF, z, ndtri(share * ndtr(edge)) * (1 if at.skew <= 0 else -1))
        if abs(at.skew) < SMALL_POWER:
            return np.asarray(at.location * np.exp(spread * inner * (1 - at.skew * spread * inner / 2)))
        return np.asarray(at.location * (1 + at.skew * spread * inner) ** (1 / at.skew))


class Shash(Model):
    """Sinh-arcsinh, of any values."""

    has_tail = True

    def to_fit(self, values: np.ndarray) -> np.ndarray:
        """Return what the splines are first fitted to by least squares."""
        return values

    def location(self, fitted: np.ndarray) -> np.ndarray:
        """Return M."""
        return fitted

    def in_units(self, heights: np.ndarray, log_spread: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the coefficients for values that were not divided by their unit."""
        return heights * unit, log_spread + math.log(unit)

    def log_density(self, y: np.ndarray, at: Points) -> tuple[np.ndarray, Slopes]:
        """Return ln f(y), and its slopes by M, ln S, L and ln T."""
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
    """Return (exp(power ratio) - 1) / power, and the ratio for a power of 0."""
    if abs(power) < SMALL_POWER:
        return np.asarray(ratio + power * ratio**2 / 2 + power**2 * ratio**3 / 6)
    return np.asarray(np.expm1(power * ratio) / power)


def _box_cox_slope(ratio: np.ndarray, power: float) -> np.ndarray:
    """Return the slope of the transform by the power."""
    if abs(power) < SMALL_POWER:
        return np.asarray(ratio**2 / 2 + power * ratio**3 / 3)
    grown = np.exp(power * ratio)
    return np.asarray((ratio * grown - np.expm1(power * ratio) / power) / power)
