"""Spearman's correlation adjusted for covariates by probability-scale residuals.

The residual of a value y, given covariates z, is P(Y < y | z) - P(Y > y | z): the position of the value among those of
patients with the same covariates, from -1 to 1. Without covariates, it is the rescaled rank, and the correlation of the
residuals of two variables is Spearman's rho. Sources: Liu, Li, Wanga, and Shepherd, Biometrics 2018;74:595; Li and
Shepherd, Biometrika 2012;99:473.

P is estimated with a model (`stats.ordinal`), which also provides the influence of each scan on the residuals of the
other scans, so that the interval accounts for the estimation of P.
"""

import math
from typing import Protocol

import numpy as np

from ctpop.stats.correlation import Correlation, fisher_interval, log10_p_of_zero
from ctpop.stats.tails import log10_p_of_rho

PERFECT = 1e-12  # largest difference of rho from -1 or 1 that is attributed to rounding


class Residuals(Protocol):
    """Probability-scale residuals, and the contributions of the scans to their estimate.

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
        """Return the influence of each scan on mean(weights * residuals) through the estimated P.

        Parameters
        ----------
        weights : np.ndarray of float, shape (n,)
            Weight of each residual, in the order of the sample.

        Returns
        -------
        np.ndarray of float, shape (n,)
            Influence of each scan, in the order of the sample.

        """


def correlation_of_residuals(
    x: Residuals, y: Residuals, confidence: float, patients: np.ndarray | None = None
) -> Correlation:
    """Return the Pearson correlation of two sets of residuals, with its interval and log10 P.

    The interval is tanh(artanh rho -+ q s / (1 - rho^2)) with s^2 = G / (G - 3 - k) sum_g (sum_{i in g} psi_i / n)^2
    over the G patients, where k is the number of fitted columns. psi is the influence of each scan on rho: the
    influence on Pearson's correlation plus the contributions of the scan to P of either variable (M-estimation; without
    covariates, the formula of Croux and Dehon in `stats.correlation`). With one scan per patient, s^2 is
    mean(psi^2) / (n - 3 - k). The P value for independence results from the t distribution with n - 2 - k degrees of
    freedom; it is not defined if patients have several scans.

    Parameters
    ----------
    x, y : Residuals
        Residuals of the two variables, of the same n scans in the same order.
    confidence : float
        Confidence level of the interval, between 0 and 1.
    patients : np.ndarray of int, shape (n,), optional
        Number of the patient of each scan; None if each scan is of a different patient.

    Returns
    -------
    Correlation
        Rho, its interval, and log10 P; NaN if all residuals are equal or G - k is less than four. A perfect order has
        neither an interval nor a P value.

    Examples
    --------
    >>> from ctpop.stats.ordinal import Ordinal
    >>> x = Ordinal(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.empty((6, 0)))
    >>> y = Ordinal(np.array([3.0, 1.0, 4.0, 2.0, 6.0, 5.0]), np.empty((6, 0)))
    >>> found = correlation_of_residuals(x, y, 0.95)
    >>> round(found.rho, 3), round(found.log10_p_independence, 2)
    (0.657, -0.81)

    """
    n, columns = len(x.values), max(x.columns, y.columns)
    patient = np.arange(n) if patients is None else np.unique(patients, return_inverse=True)[1]
    n_patients = int(patient.max(initial=-1)) + 1
    if n_patients - columns < 4:
        return Correlation()
    sd_x, sd_y = x.values.std(), y.values.std()
    if not min(sd_x, sd_y) > PERFECT:
        return Correlation()
    u, v = (x.values - x.values.mean()) / sd_x, (y.values - y.values.mean()) / sd_y
    rho = float(np.clip(np.mean(u * v), -1, 1))
    if 1 - abs(rho) < PERFECT:
        return Correlation(rho=math.copysign(1.0, rho))
    direct = u * v - rho / 2 * (u**2 + v**2)
    psi = direct + x.carried((v - rho * u) / sd_x) + y.carried((u - rho * v) / sd_y)
    of_patients = np.bincount(patient, weights=psi) / n
    error = math.sqrt(n_patients / (n_patients - 3 - columns) * float(of_patients @ of_patients))
    of_z = error / (1 - rho**2)
    low, high = fisher_interval(rho, of_z, confidence)
    independence = log10_p_of_rho(rho, n - columns) if n_patients == n else math.nan
    return Correlation(rho, low, high, independence, log10_p_of_zero(rho, of_z))
