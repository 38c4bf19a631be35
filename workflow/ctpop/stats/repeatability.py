"""Repeatability of a measure from pairs of scans without a true change between them, and corrected correlations."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, fdtri, ndtri

FEWEST = 3


@dataclass(frozen=True)
class Repeatability:
    """Agreement of two scans of each patient, in the unit of the values.

    Attributes
    ----------
    within : float
        Standard deviation within patients.
    within_low, within_high : float
        Limits of its confidence interval.
    between : float
        Standard deviation between patients; 0 if scans of different patients differ no more than those of a patient.
    icc, icc_low, icc_high : float
        Intraclass correlation of absolute agreement, ICC(A,1), with its confidence interval.
    bias : float
        Mean difference, second minus first scan.
    difference_sd : float
        Standard deviation of the differences.

    Examples
    --------
    >>> found = repeatability_of(np.array([[1.0, 1.2], [3.0, 3.4], [5.0, 4.9]]), 0.95)
    >>> round(found.within, 3), round(found.bias, 3)
    (0.187, 0.167)

    """

    within: float
    within_low: float
    within_high: float
    between: float
    icc: float
    icc_low: float
    icc_high: float
    bias: float
    difference_sd: float

    def change(self, confidence: float) -> float:
        """Return the repeatability coefficient: a change that a share of patients without true change do not exceed.

        Parameters
        ----------
        confidence : float
            Share of the patients, between 0 and 1.

        Returns
        -------
        float
            Quantile of the normal distribution times the square root of 2 times the standard deviation within patients.

        """
        return float(ndtri((1 + confidence) / 2)) * math.sqrt(2) * self.within


def repeatability_of(pairs: np.ndarray, confidence: float) -> Repeatability | None:
    """Return the repeatability of pairs of scans.

    Parameters
    ----------
    pairs : np.ndarray of float, shape (n, 2)
        Values of the first and second scan of each patient, without missing values.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    Repeatability or None
        The result, or None for fewer than three pairs or if the scans of all patients agree exactly.

    Examples
    --------
    >>> repeatability_of(np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]), 0.95) is None
    True

    """
    # SOURCE: McGraw and Wong, Psychol Methods 1996;1:30 (ICC(A,1) and its interval)
    n = len(pairs)
    differences = pairs[:, 1] - pairs[:, 0] if n else np.empty(0)
    if n < FEWEST or not differences.any():
        return None
    rows, columns, error = mean_squares(pairs)
    within = float(differences @ differences) / (2 * n)
    tail = (1 - confidence) / 2
    shortest, longest = (math.sqrt(n * within / float(chdtri(n, share))) for share in (tail, 1 - tail))
    icc = (rows - error) / (rows + error + 2 * (columns - error) / n)
    low, high = _agreement_limits(rows, columns, error, icc, n, tail)
    between = math.sqrt(max(rows - within, 0) / 2)
    sd = float(differences.std(ddof=1))
    return Repeatability(math.sqrt(within), shortest, longest, between, icc, low, high, float(differences.mean()), sd)


def mean_squares(pairs: np.ndarray) -> tuple[float, float, float]:
    """Return the mean squares of patients, of the order of the scans, and of the remaining error.

    Parameters
    ----------
    pairs : np.ndarray of float, shape (n, 2)
        Values of the first and second scan, n of at least two.

    Returns
    -------
    tuple of three float
        Mean squares in squared units of the values.

    Examples
    --------
    >>> [round(each, 6) for each in mean_squares(np.array([[1.0, 2.0], [3.0, 6.0]]))]
    [9.0, 4.0, 1.0]

    """
    n, mean = len(pairs), pairs.mean()
    of_rows, of_columns = pairs.mean(axis=1), pairs.mean(axis=0)
    left = pairs - of_rows[:, np.newaxis] - of_columns + mean
    rows = 2 * float(np.sum((of_rows - mean) ** 2)) / (n - 1)
    return rows, n * float(np.sum((of_columns - mean) ** 2)), float(np.sum(left**2)) / (n - 1)


def _agreement_limits(
    rows: float, columns: float, error: float, icc: float, n: int, tail: float
) -> tuple[float, float]:
    """Return the limits of ICC(A,1) for two scans of n patients."""
    if not error > 0 or icc >= 1:
        return math.nan, math.nan
    a, b = 2 * icc / (n * (1 - icc)), 1 + 2 * icc * (n - 1) / (n * (1 - icc))
    degrees = (a * columns + b * error) ** 2 / ((a * columns) ** 2 + (b * error) ** 2 / (n - 1))
    other = 2 * columns + (n - 2) * error
    above, below = float(fdtri(n - 1, degrees, 1 - tail)), float(fdtri(degrees, n - 1, 1 - tail))
    low = n * (rows - above * error) / (above * other + n * rows)
    return low, n * (below * rows - error) / (other + n * below * rows)


def relative_sd(raw: np.ndarray) -> float:
    """Return the root mean square of the coefficients of variation of the patients, in percent.

    Parameters
    ----------
    raw : np.ndarray of float, shape (n, 2)
        Positive values of the first and second scan on the original scale.

    Returns
    -------
    float
        Percentage; missing (NaN) without pairs.

    Examples
    --------
    >>> round(relative_sd(np.array([[100.0, 102.0], [50.0, 50.0]])), 3)
    0.99

    """
    # SOURCE: Glüer et al, Osteoporos Int 1995;5:262 (the mean of the coefficients of variation is too small)
    if not len(raw):
        return math.nan
    return 100 * math.sqrt(float(np.mean((raw.std(axis=1, ddof=1) / raw.mean(axis=1)) ** 2)))


def reliability_of_scores(pairs: np.ndarray) -> float:
    """Return the intraclass correlation ICC(1,1) of the normal scores of all values.

    Parameters
    ----------
    pairs : np.ndarray of float, shape (n, 2)
        Values of the first and second scan, n of at least three.

    Returns
    -------
    float
        Intraclass correlation, at most 1.

    Examples
    --------
    >>> round(reliability_of_scores(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])), 3)
    0.853

    """
    from scipy.stats import rankdata

    scores = ndtri(rankdata(pairs, axis=None) / (pairs.size + 1)).reshape(pairs.shape)
    rows = mean_squares(scores)[0]
    within = float(np.mean((scores[:, 1] - scores[:, 0]) ** 2)) / 2
    return (rows - within) / (rows + within)


def corrected_rho(
    rho: float, error: float, reliability: float, n_pairs: int, confidence: float
) -> tuple[float, float, float]:
    """Return Spearman's rho corrected for the measurement error of one variable, with confidence limits.

    Parameters
    ----------
    rho : float
        Observed Spearman correlation, between -1 and 1.
    error : float
        Standard error of `rho`.
    reliability : float
        Intraclass correlation of the normal scores of the variable that is measured with error.
    n_pairs : int
        Number of pairs from which the reliability was estimated.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    tuple of three float
        Corrected correlation and its limits; missing (NaN) if the reliability is not positive, or if the corrected
        correlation of normal scores is not between -1 and 1.

    Examples
    --------
    >>> round(corrected_rho(-0.812440191, 0.02, 0.925055129, 40, 0.95)[0], 9)
    -0.846951587

    """
    # SOURCE: Rosner and Glynn, Stat Med 2007;26:633; the limits are those of the delta method on Fisher's scale
    if not reliability > 0:
        return math.nan, math.nan, math.nan
    root = math.sqrt(reliability)
    scores = 2 * math.sin(math.pi * rho / 6) / root
    if abs(scores) >= 1:
        return math.nan, math.nan, math.nan
    found = 6 / math.pi * math.asin(scores / 2)
    slope = 3 / math.pi / math.sqrt(1 - scores**2 / 4)
    of_rho = slope * math.pi / 3 * math.cos(math.pi * rho / 6) / root * error
    of_reliability = slope * scores / (2 * reliability) * _reliability_error(reliability, n_pairs)
    half = float(ndtri((1 + confidence) / 2)) * math.hypot(of_rho, of_reliability) / (1 - found**2)
    center = math.atanh(found)
    return found, math.tanh(center - half), math.tanh(center + half)


def _reliability_error(reliability: float, n: int) -> float:
    """Return the standard error of ICC(1,1) of two scans of n patients, from the variance of the logarithm of F."""
    return (1 - reliability**2) / 2 * math.sqrt(2 / (n - 1) + 2 / n)
