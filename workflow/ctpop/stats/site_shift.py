"""Shift and scale of the z scores of local reference patients, for the adaptation of centile curves to another site."""

import math
from dataclasses import dataclass

import numpy as np

FEWEST_FOR_OFFSET = 25  # ASSUME: reference patients
FEWEST_FOR_SCALE = 50  # ASSUME: reference patients


@dataclass(frozen=True)
class SiteShift:
    """Mean and SD of z scores with confidence intervals; missing (NaN) with fewer than two z scores.

    Attributes
    ----------
    n : int
        Number of z scores.
    mean, mean_low, mean_high : float
        Mean and limits of its confidence interval.
    sd, sd_low, sd_high : float
        Standard deviation (divisor n - 1) and limits of its confidence interval.

    Examples
    --------
    >>> SiteShift(3).adaptation, SiteShift(25).adaptation, SiteShift(50, sd=1.1).adaptation
    ('none', 'offset', 'offset_and_scale')

    """

    n: int
    mean: float = math.nan
    mean_low: float = math.nan
    mean_high: float = math.nan
    sd: float = math.nan
    sd_low: float = math.nan
    sd_high: float = math.nan

    @property
    def adaptation(self) -> str:
        """Adaptation for which the number of reference patients suffices.

        Returns
        -------
        str
            `none`, `offset`, or `offset_and_scale`.

        """
        if self.n < FEWEST_FOR_OFFSET:
            return "none"
        return "offset_and_scale" if self.n >= FEWEST_FOR_SCALE and self.sd > 0 else "offset"

    def adapted(self, z: np.ndarray) -> tuple[np.ndarray, float]:
        """Return adapted z scores and the standard error due to the estimated offset.

        Parameters
        ----------
        z : np.ndarray
            z scores of other patients of the site, shape `(n,)`.

        Returns
        -------
        z : np.ndarray
            z minus the mean of the reference patients, divided by their SD if there are enough patients; unchanged if
            there are too few for an offset.
        error : float
            Standard error of the offset on the scale of the adapted z scores; 0 without adaptation.

        """
        if self.adaptation == "none":
            return z, 0.0
        scale = self.sd if self.adaptation == "offset_and_scale" else 1.0
        return (z - self.mean) / scale, self.sd / math.sqrt(self.n) / scale


def site_shift(z: np.ndarray, confidence: float = 0.95) -> SiteShift:
    """Return the mean and SD of z scores, with t and chi-square intervals.

    Parameters
    ----------
    z : np.ndarray
        z scores of different patients, shape `(n,)`.
    confidence : float
        Confidence level.

    Returns
    -------
    SiteShift
        Mean and SD.

    Examples
    --------
    >>> found = site_shift(np.array([-1.0, 0.0, 1.0]))
    >>> found.mean, found.sd, round(found.mean_high, 3)
    (0.0, 1.0, 2.484)

    """
    from scipy.stats import chi2, t

    n = len(z)
    if n < 2:
        return SiteShift(n)
    mean, sd, tail = float(z.mean()), float(z.std(ddof=1)), (1 - confidence) / 2
    half = float(t.ppf(1 - tail, n - 1)) * sd / math.sqrt(n)
    low, high = (sd * math.sqrt((n - 1) / float(chi2.ppf(level, n - 1))) for level in (1 - tail, tail))
    return SiteShift(n, mean, mean - half, mean + half, sd, low, high)
