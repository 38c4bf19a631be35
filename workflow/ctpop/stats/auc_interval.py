"""Confidence interval of the probability that a value of one group is larger than a value of another group (AUC)."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ctpop.stats.patient_sums import has_repeats

FEWEST = 2  # patients in each group; the spread of one placement is undefined


@dataclass(frozen=True)
class Placements:
    """Positions of the values of two groups relative to the other group.

    Attributes
    ----------
    first : np.ndarray of float, shape (a,)
        For each value of the first group, the proportion of larger values in the second group, ties counted half.
    second : np.ndarray of float, shape (b,)
        For each value of the second group, the proportion of smaller values in the first group, ties counted half.

    Examples
    --------
    >>> placements_of(np.array([1.0, 4.0]), np.array([2.0, 4.0])).second.tolist()
    [0.5, 0.75]

    """

    first: np.ndarray
    second: np.ndarray

    @property
    def auc(self) -> float:
        """Return the probability that the second group has the larger value, ties counted half.

        Returns
        -------
        float
            AUC, from 0 to 1.

        Examples
        --------
        >>> placements_of(np.array([1.0, 4.0]), np.array([2.0, 4.0])).auc
        0.625

        """
        return float(self.second.mean())


def placements_of(first: np.ndarray, second: np.ndarray) -> Placements:
    """Return the placements of the values of two groups.

    Parameters
    ----------
    first : np.ndarray of float, shape (a,)
        Values of the first group, in any unit, without missing values.
    second : np.ndarray of float, shape (b,)
        Values of the second group, in the same unit.

    Returns
    -------
    Placements
        Placements in the order of the values.

    Examples
    --------
    >>> placements_of(np.array([1.0, 4.0]), np.array([2.0, 4.0])).first.tolist()
    [1.0, 0.25]

    """
    below_or_equal, below = _shares(np.sort(first), second)
    of_second = (below_or_equal + below) / 2
    below_or_equal, below = _shares(np.sort(second), first)
    return Placements(1 - (below_or_equal + below) / 2, of_second)


def auc_error(placements: Placements, patients: tuple[np.ndarray, np.ndarray] | None = None) -> float:
    """Return the standard error of the AUC from placements, by patient if patients have several scans.

    With one scan per patient, the variance is that of DeLong, DeLong, and Clarke-Pearson (Biometrics 1988;44:837): the
    variance of the placements of each group divided by the size of the group. With several scans, the sums over the
    scans of each patient replace the placements, and patients with scans in both groups contribute a covariance
    (Obuchowski, Biometrics 1997;53:567).

    Parameters
    ----------
    placements : Placements
        Placements of the values of both groups.
    patients : tuple of np.ndarray of int, shapes (a,) and (b,), optional
        Patient of each value of the first and the second group. By default, each value is that of another patient.

    Returns
    -------
    float
        Standard error; NaN if a group has fewer than two patients.

    Examples
    --------
    >>> placements = placements_of(np.array([1.0, 3.0, 4.0]), np.array([2.0, 4.0, 6.0]))
    >>> round(auc_error(placements), 4)
    0.2485
    >>> round(auc_error(placements, (np.array([0, 1, 1]), np.array([2, 3, 0]))), 4)
    0.3119

    """
    first = (placements.first - placements.first.mean()) / len(placements.first)
    second = (placements.second - placements.second.mean()) / len(placements.second)
    if patients is None or not has_repeats(np.concatenate(patients)):
        if min(len(first), len(second)) < FEWEST:
            return math.nan
        return math.sqrt(
            _corrected(len(first)) * float(first @ first) + _corrected(len(second)) * float(second @ second)
        )
    distinct, position = np.unique(np.concatenate(patients), return_inverse=True)
    places = position[: len(first)], position[len(first) :]
    sums = [
        np.bincount(place, weights=values, minlength=len(distinct))
        for place, values in zip(places, (first, second), strict=True)
    ]
    numbers = [len(np.unique(place)) for place in places]
    if min(numbers) < FEWEST:
        return math.nan
    squares = sum(_corrected(number) * float(each @ each) for number, each in zip(numbers, sums, strict=True))
    return math.sqrt(max(squares + 2 * _corrected(len(distinct)) * float(sums[0] @ sums[1]), 0.0))


def auc_interval(auc: float, error: float, sizes: tuple[int, int], confidence: float) -> tuple[float, float]:
    """Return the confidence limits of the AUC on the logit scale.

    If all values of one group are larger than those of the other group, the standard error is 0. The limits are then
    those of method 5 of Newcombe (Stat Med 2006;25:559): the smallest and largest AUC whose distance from the estimate
    is at most q standard errors of Hanley and McNeil, with equal group sizes in the error.

    Parameters
    ----------
    auc : float
        AUC, from 0 to 1.
    error : float
        Standard error of the AUC (`auc_error`).
    sizes : tuple of (int, int)
        Numbers of patients in the two groups.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    low : float
        Lower limit, from 0 to 1; NaN if `error` is NaN or if it is 0 with an AUC other than 0 or 1.
    high : float
        Upper limit, from 0 to 1; NaN in the same cases.

    Examples
    --------
    >>> low, high = auc_interval(0.8, 0.05, (40, 40), 0.95)
    >>> round(low, 3), round(high, 3)
    (0.684, 0.881)
    >>> low, high = auc_interval(1.0, 0.0, (15, 15), 0.95)
    >>> round(low, 3), high
    (0.865, 1.0)

    """
    quantile = float(special.ndtri((1 + confidence) / 2))
    if min(auc, 1 - auc) <= 0 and not math.isnan(error):
        limit = _limit_of_separate_groups(sizes, quantile)
        return (limit, 1.0) if auc > 0 else (0.0, 1 - limit)
    if not error > 0:
        return math.nan, math.nan
    half = quantile * error / (auc * (1 - auc))
    middle = float(special.logit(auc))
    return float(special.expit(middle - half)), float(special.expit(middle + half))


def _shares(ordered: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each value the share of sorted numbers up to it, and the share of numbers below it."""
    until = np.searchsorted(ordered, values, side="right")
    return until / len(ordered), np.searchsorted(ordered, values, side="left") / len(ordered)


def _corrected(number: int) -> float:
    return number / (number - 1)


def _limit_of_separate_groups(sizes: tuple[int, int], quantile: float) -> float:
    """Return the lower limit of an AUC of 1."""
    more = sum(sizes) / 2 - 1

    def excess(auc: float) -> float:
        variance = auc * (1 - auc) * (1 + more * ((1 - auc) / (2 - auc) + auc / (1 + auc))) / (sizes[0] * sizes[1])
        return 1 - auc - quantile * math.sqrt(variance)

    return float(optimize.brentq(excess, 1e-9, 1 - 1e-12))
