"""Confidence interval of the probability that a value of one group is larger than a value of another group (AUC)."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

FEWEST = 2  # patients in each group; the spread of one placement is undefined


@dataclass(frozen=True)
class AgeGroup:
    """Values of a group as counts of distinct values, with the position and the patient of each value.

    Attributes
    ----------
    distinct : np.ndarray of float, shape (k,)
        Distinct values in ascending order, in any unit (HU, mL).
    counts : np.ndarray of int, shape (k,)
        Number of values at each distinct value, 1 or more.
    level : np.ndarray of int, shape (n,)
        Position of each value among the distinct values.
    patients : np.ndarray of int, shape (n,), or None
        Patient of each value; None if each value is that of another patient.

    Examples
    --------
    >>> group_of(np.array([5.0, 2.0, 5.0])).counts.tolist()
    [1, 2]

    """

    distinct: np.ndarray
    counts: np.ndarray
    level: np.ndarray
    patients: np.ndarray | None = None


def group_of(values: np.ndarray, patients: np.ndarray | None = None) -> AgeGroup:
    """Return the values of a group as counts of distinct values.

    Parameters
    ----------
    values : np.ndarray of float, shape (n,)
        Values, in any unit, without missing values.
    patients : np.ndarray of int, shape (n,), optional
        Patient of each value. By default, each value is that of another patient.

    Returns
    -------
    AgeGroup
        The values in the order of the sample.

    Examples
    --------
    >>> group_of(np.array([5.0, 2.0, 5.0])).level.tolist()
    [1, 0, 1]

    """
    distinct, level, counts = np.unique(values, return_inverse=True, return_counts=True)
    return AgeGroup(distinct, counts, level, patients)


def placements_of(group: AgeGroup, other: AgeGroup, shift: float = 0.0) -> np.ndarray:
    """Return for each distinct value the proportion of smaller values in another group, ties counted half.

    Parameters
    ----------
    group : AgeGroup
        The group with k distinct values.
    other : AgeGroup
        The other group, in the same unit.
    shift : float
        Difference subtracted from the values of `group`, in their unit.

    Returns
    -------
    np.ndarray of float, shape (k,)
        Placements, from 0 to 1.

    Examples
    --------
    >>> placements_of(group_of(np.array([2.0, 4.0])), group_of(np.array([1.0, 4.0]))).tolist()
    [0.5, 0.75]

    """
    until, values = np.concatenate([[0], np.cumsum(other.counts)]), group.distinct - shift
    below = until[np.searchsorted(other.distinct, values, side="left")]
    placements: np.ndarray = (below + until[np.searchsorted(other.distinct, values, side="right")]) / (2 * until[-1])
    return placements


def auc_error(younger: AgeGroup, older: AgeGroup, shift: float = 0.0) -> float:
    """Return the standard error of the AUC from placements, by patient if patients have several scans.

    With one scan per patient, the variance is that of DeLong, DeLong, and Clarke-Pearson (Biometrics 1988;44:837): the
    variance of the placements of each group divided by the size of the group. With several scans, the sums over the
    scans of each patient replace the placements, and patients with scans in both groups contribute a covariance
    (Obuchowski, Biometrics 1997;53:567).

    Parameters
    ----------
    younger, older : AgeGroup
        Values of the two groups.
    shift : float
        Difference subtracted from the values of the older group, in their unit.

    Returns
    -------
    float
        Standard error; NaN if a group has fewer than two patients.

    Examples
    --------
    >>> younger, older = np.array([1.0, 3.0, 4.0]), np.array([2.0, 4.0, 6.0])
    >>> round(auc_error(group_of(younger), group_of(older)), 4)
    0.2485
    >>> repeated = group_of(younger, np.array([0, 1, 1])), group_of(older, np.array([2, 3, 0]))
    >>> round(auc_error(*repeated), 4)
    0.3119

    """
    of_younger = _centered(younger, -placements_of(younger, older, -shift))
    of_older = _centered(older, placements_of(older, younger, shift))
    if younger.patients is None or older.patients is None:
        sizes = len(younger.level), len(older.level)
        if min(sizes) < FEWEST:
            return math.nan
        variances = [
            _corrected(n) * float(group.counts @ each**2)
            for n, group, each in zip(sizes, (younger, older), (of_younger, of_older), strict=True)
        ]
        return math.sqrt(variances[0] + variances[1])
    patients = younger.patients, older.patients
    distinct, place = np.unique(np.concatenate(patients), return_inverse=True)
    scans = len(younger.level)
    first = np.bincount(place[:scans], weights=of_younger[younger.level], minlength=len(distinct))
    second = np.bincount(place[scans:], weights=of_older[older.level], minlength=len(distinct))
    numbers = [len(np.unique(each)) for each in patients]
    if min(numbers) < FEWEST:
        return math.nan
    squares = _corrected(numbers[0]) * float(first @ first) + _corrected(numbers[1]) * float(second @ second)
    return math.sqrt(max(squares + 2 * _corrected(len(distinct)) * float(first @ second), 0.0))


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


def _centered(group: AgeGroup, placements: np.ndarray) -> np.ndarray:
    """Return placements of distinct values minus their mean, divided by the number of values."""
    size = len(group.level)
    centered: np.ndarray = (placements - group.counts @ placements / size) / size
    return centered


def _corrected(number: int) -> float:
    return number / (number - 1)


def _limit_of_separate_groups(sizes: tuple[int, int], quantile: float) -> float:
    """Return the lower limit of an AUC of 1."""
    from scipy import optimize

    more = sum(sizes) / 2 - 1

    def excess(auc: float) -> float:
        variance = auc * (1 - auc) * (1 + more * ((1 - auc) / (2 - auc) + auc / (1 + auc))) / (sizes[0] * sizes[1])
        return 1 - auc - quantile * math.sqrt(variance)

    return float(optimize.brentq(excess, 1e-9, 1 - 1e-12))
