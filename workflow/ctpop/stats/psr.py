"""Spearman's correlation adjusted for covariates by probability-scale residuals.

The residual of a value y, given covariates z, is P(Y < y | z) - P(Y > y | z): the position of the value among those of
patients with the same covariates, from -1 to 1. Without covariates, it is the rescaled rank, and the correlation of the
residuals of two variables is Spearman's rho. Sources: Liu, Li, Wanga, and Shepherd, Biometrics 2018;74:595; Li and
Shepherd, Biometrika 2012;99:473.

If all covariates are categorical, they divide the patients into strata, and P is estimated within each stratum
(`WithinStrata`). Otherwise, P is estimated with a model (`stats.ordinal`). Both provide the influence of each patient
on the residuals of the other patients, so that the interval accounts for the estimation of P.
"""

import math
from typing import Protocol

import numpy as np

from ctpop.stats.correlation import Correlation, fisher_interval, log10_p_of_zero
from ctpop.stats.ranks import ranks_of
from ctpop.stats.tails import log10_p_of_rho

PERFECT = 1e-12  # largest difference of rho from -1 or 1 that is attributed to rounding


class Residuals(Protocol):
    """Probability-scale residuals, and the contributions of the patients to their estimate.

    Attributes
    ----------
    values : np.ndarray of float, shape (n,)
        Residuals from -1 to 1, in the order of the sample.
    columns : int
        Number of fitted covariate columns.

    """

    values: np.ndarray
    columns: int

    def carried(self, weights: np.ndarray) -> np.ndarray:
        """Return the influence of each patient on mean(weights * residuals) through the estimated P.

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each residual, in the order of the sample.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Influence of each patient, in the order of the sample.

        """


class WithinStrata:
    """Residuals within strata: (2 rank - m - 1) / m, with mid-ranks among the m patients of a stratum.

    Parameters
    ----------
    sample : np.ndarray of float, shape (n,)
        Values of the variable, in any unit.
    strata : np.ndarray, shape (n,)
        Label of the stratum of each patient, in the order of the sample.

    Attributes
    ----------
    values : np.ndarray of float, shape (n,)
        Residuals from -1 to 1, in the order of the sample.
    columns : int
        Number of strata beyond the first.

    Examples
    --------
    >>> residuals = WithinStrata(np.array([3.0, 1.0, 5.0, 9.0]), np.array([0, 0, 1, 1]))
    >>> residuals.values.tolist(), residuals.columns
    ([0.5, -0.5, -0.5, 0.5], 1)

    """

    def __init__(self, sample: np.ndarray, strata: np.ndarray) -> None:
        self._members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
        self._ranks = [ranks_of(sample[members]) for members in self._members]
        self.columns = len(self._members) - 1
        self.values = np.zeros(len(sample))
        for members, ranks in zip(self._members, self._ranks, strict=True):
            self.values[members] = 2 * ranks.centered / len(members)

    def carried(self, weights: np.ndarray) -> np.ndarray:
        """Return the influence of each patient on mean(weights * residuals) through the ranks of the others.

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each residual, in the order of the sample.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Influence of each patient, in the order of the sample.

        Examples
        --------
        >>> residuals = WithinStrata(np.array([3.0, 1.0, 5.0, 9.0]), np.array([0, 0, 1, 1]))
        >>> residuals.carried(np.array([1.0, 1.0, 0.0, 2.0])).tolist()
        [-0.5, 0.5, 0.5, -0.5]

        """
        influence = np.zeros(len(weights))
        for members, ranks in zip(self._members, self._ranks, strict=True):
            inside = weights[members]
            signs = 2 * ranks.sum_above(inside) - inside.sum()  # sum of the weights above minus those below
            influence[members] = (signs - inside @ self.values[members]) / len(members)
        return influence


def correlation_of_residuals(x: Residuals, y: Residuals, confidence: float) -> Correlation:
    """Return the Pearson correlation of two sets of residuals, with its interval and log10 P.

    The interval is tanh(artanh rho -+ q s / (1 - rho^2)) with s^2 = mean(psi^2) / (n - 3 - k), where k is the number of
    fitted columns. psi is the influence of each patient on rho: the influence on Pearson's correlation plus the
    contributions of the patient to P of either variable (M-estimation; for strata and without covariates, the formula
    of Croux and Dehon in `stats.correlation`). The P value results from the t distribution with n - 2 - k degrees of
    freedom.

    Parameters
    ----------
    x, y : Residuals
        Residuals of the two variables, of the same n patients in the same order.
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    Correlation
        Rho, its interval, and log10 P; NaN if all residuals are equal or n - k is less than four. A perfect order has
        neither an interval nor a P value.

    Examples
    --------
    >>> stratum = np.zeros(6, dtype=int)
    >>> x = WithinStrata(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), stratum)
    >>> y = WithinStrata(np.array([3.0, 1.0, 4.0, 2.0, 6.0, 5.0]), stratum)
    >>> found = correlation_of_residuals(x, y, 0.95)
    >>> round(found.rho, 3), round(found.log10_p_independence, 2)
    (0.657, -0.81)

    """
    n, columns = len(x.values), max(x.columns, y.columns)
    sd_x, sd_y = x.values.std(), y.values.std()
    if n - columns < 4 or not min(sd_x, sd_y) > PERFECT:
        return Correlation()
    u, v = (x.values - x.values.mean()) / sd_x, (y.values - y.values.mean()) / sd_y
    rho = float(np.clip(np.mean(u * v), -1, 1))
    if 1 - abs(rho) < PERFECT:
        return Correlation(rho=math.copysign(1.0, rho))
    direct = u * v - rho / 2 * (u**2 + v**2)
    psi = direct + x.carried((v - rho * u) / sd_x) + y.carried((u - rho * v) / sd_y)
    error = math.sqrt(float(np.mean(psi**2)) / (n - 3 - columns))
    of_z = error / (1 - rho**2)
    low, high = fisher_interval(rho, of_z, confidence)
    return Correlation(rho, low, high, log10_p_of_rho(rho, n - columns), log10_p_of_zero(rho, of_z))
