"""Spearman's correlation within strata, without the bias of small strata.

Ranks within a stratum of m patients underestimate the correlation: without ties, their expected correlation is
((m - 2) rho + 3 tau) / (m + 1) with Kendall's tau. The estimate of this module uses triples of different patients i, j,
and k of a stratum, and its numerator and the squares of its denominator are unbiased for every m:

    rho = A / sqrt(B C),   A = sum over strata of n_s mean(sign(x_i - x_j) sign(y_i - y_k)),

where B and C are the same sums of (x, x) and (y, y), and n_s is the number of scans of the stratum. Strata of fewer
than three patients contain no triples. The scans of a patient are in different triples, so the estimate is valid if
patients have several scans. The sums over triples follow from sums of signs over pairs (`stats.concordance`).
"""

import math
from dataclasses import dataclass, field

import numpy as np

from ctpop.stats.concordance import StratumPoints, concordance, signs_of
from ctpop.stats.correlation import Correlation, fisher_interval, log10_p_of_zero
from ctpop.stats.f_tail import log10_p_of_f

TRIPLE = 3  # patients of the smallest informative stratum
# ASSUME: the standard error is computed from differences between strata if their effective number is at least this
FEWEST_STRATA = 20
LIMIT = 1 - 1e-12  # larger absolute estimates are -1 or 1; the difference is a rounding error


@dataclass(frozen=True)
class WithinStrata:
    """Correlation within strata, and the data that contribute to it.

    Attributes
    ----------
    correlation : Correlation
        Rho, its interval, and the P value for a rho of 0; the P value for independence is not defined.
    informative : np.ndarray of bool, shape (n,)
        Whether the stratum of each scan contains at least three patients.
    sizes : np.ndarray of int, shape (strata,)
        Number of patients of each informative stratum.

    Examples
    --------
    >>> WithinStrata(Correlation(), np.array([True, False]), np.array([3])).n_strata
    1

    """

    correlation: Correlation
    informative: np.ndarray
    sizes: np.ndarray

    @property
    def n_strata(self) -> int:
        """Number of informative strata."""
        return len(self.sizes)

    @property
    def median_stratum(self) -> float:
        """Median number of patients of the informative strata; NaN without informative strata."""
        return float(np.median(self.sizes)) if len(self.sizes) else math.nan


def within_strata(
    x: np.ndarray, y: np.ndarray, strata: np.ndarray, patients: np.ndarray, confidence: float
) -> WithinStrata:
    """Return the correlation of two variables within strata.

    With strata of an effective number, (sum n_s)^2 / sum n_s^2, of at least 20, the standard error is computed from the
    contributions of the strata, e_s = A_s / sqrt(B C) - rho/2 (B_s/B + C_s/C), as s^2 = S/(S - 1) sum e_s^2, and the
    interval tanh(artanh rho -+ t s / (1 - rho^2)) uses the t distribution with S - 1 degrees of freedom. Strata that
    contain scans of the same patient count as one. Otherwise, the standard error is that of the jackknife (one patient
    omitted at a time), and the interval uses the normal distribution. The P value agrees with the interval.

    Parameters
    ----------
    x, y : np.ndarray of float, shape (n,)
        Variables, in any unit, without missing values.
    strata : np.ndarray of int, shape (n,)
        Number of the stratum of each scan, from 0.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.
    confidence : float
        Confidence level of the interval, between 0 and 1.

    Returns
    -------
    WithinStrata
        The correlation; NaN if no stratum has three patients, or if a variable is constant within all strata. An
        estimate of -1 or 1 has neither an interval nor a P value.

    Examples
    --------
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([2.0, 4.0, 1.0, 5.0, 3.0])
    >>> found = within_strata(x, y, np.zeros(5, dtype=int), np.arange(5), 0.95)
    >>> round(found.correlation.rho, 3), found.n_strata, found.median_stratum
    (0.4, 1, 5.0)

    """
    informative, sizes = informative_scans(strata, patients)
    if not len(sizes):
        return WithinStrata(Correlation(), informative, sizes)
    units = _Units.of(strata[informative], patients[informative])
    pairs = [(x, y), (x, x), (y, y)]
    sums = [_Triples.of(first[informative], second[informative], units) for first, second in pairs]
    totals = np.array([each.of_strata * units.weights for each in sums])  # A, B, C of each stratum
    a, b, c = totals.sum(axis=1)
    if not min(b, c) > 0:
        return WithinStrata(Correlation(), informative, sizes)
    rho = float(np.clip(a / math.sqrt(b * c), -1, 1))
    if abs(rho) > LIMIT:
        return WithinStrata(Correlation(rho=math.copysign(1.0, rho)), informative, sizes)
    groups = units.groups_of_strata()
    n_scans = np.bincount(groups, weights=units.n)
    if n_scans.sum() ** 2 / (n_scans**2).sum() >= FEWEST_STRATA:
        error, df = _error_of_strata(totals, rho, groups), len(n_scans) - 1
    else:
        error, df = _jackknife_error(totals, sums, units), 0
    return WithinStrata(_with_interval(rho, error / (1 - rho**2), df, confidence), informative, sizes)


def informative_scans(strata: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scans in strata of at least three patients, and the number of patients of each of these strata.

    Parameters
    ----------
    strata : np.ndarray of int, shape (n,)
        Number of the stratum of each scan, from 0.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    informative : np.ndarray of bool, shape (n,)
        Whether the stratum of each scan contains at least three patients.
    sizes : np.ndarray of int, shape (strata,)
        Number of patients of each informative stratum, in ascending order of the strata.

    Examples
    --------
    >>> informative, sizes = informative_scans(np.array([0, 0, 0, 0, 1]), np.array([0, 1, 2, 2, 0]))
    >>> informative.tolist(), sizes.tolist()
    ([True, True, True, True, False], [3])

    """
    _, stratum = np.unique(strata, return_inverse=True)
    pairs, _, _ = _pairs(stratum, patients)
    n_patients = np.bincount(pairs[:, 0])
    return n_patients[stratum] >= TRIPLE, n_patients[n_patients >= TRIPLE]


def _pairs(strata: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct pairs of a stratum and a patient, the pair of each scan, and the scans of each pair.

    The patients in the pairs are numbered from 0.
    """
    _, patient = np.unique(patients, return_inverse=True)
    n = max(len(patients), 1)
    pairs, unit, size = np.unique(strata * n + patient, return_inverse=True, return_counts=True)
    return np.column_stack([pairs // n, pairs % n]), unit, size


@dataclass(frozen=True)
class _Units:
    """Scans of one patient in one stratum, and the numbers of triples of different patients of each stratum."""

    strata: np.ndarray  # of each scan, numbered from 0
    unit: np.ndarray  # of each scan, numbered from 0
    stratum_of_unit: np.ndarray
    patient_of_unit: np.ndarray
    size: np.ndarray  # scans of each unit
    n: np.ndarray = field(repr=False)  # scans of each stratum

    @classmethod
    def of(cls, strata: np.ndarray, patients: np.ndarray) -> "_Units":
        _, stratum = np.unique(strata, return_inverse=True)
        pairs, unit, size = _pairs(stratum, patients)
        return cls(stratum, unit, pairs[:, 0], pairs[:, 1], size, np.bincount(stratum))

    @property
    def moments(self) -> np.ndarray:
        """Sums of the first three powers of the sizes of the units of each stratum."""
        return np.array([np.bincount(self.stratum_of_unit, weights=self.size**power) for power in (1, 2, 3)])

    @property
    def weights(self) -> np.ndarray:
        """Number of scans of each stratum divided by its number of triples."""
        return _per_triple(self.moments)

    @property
    def weights_without(self) -> np.ndarray:
        """Weight of the stratum of each unit after the unit is omitted; 0 if fewer than three patients remain."""
        powers = np.array([self.size.astype(float) ** power for power in (1, 2, 3)])
        return _per_triple(self.moments[:, self.stratum_of_unit] - powers)

    def groups_of_strata(self) -> np.ndarray:
        """Return the number of the group of each stratum; strata with scans of the same patient are in one group."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        s = len(self.n)
        links = (np.ones(len(self.size)), (self.stratum_of_unit, s + self.patient_of_unit))
        total = s + int(self.patient_of_unit.max()) + 1
        labels = connected_components(coo_array(links, shape=(total, total)), directed=False)[1]
        groups: np.ndarray = np.unique(labels[:s], return_inverse=True)[1]
        return groups

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all ordered pairs of scans of the same unit, including each scan with itself."""
        order = np.argsort(self.unit, kind="stable")
        start = np.cumsum(self.size) - self.size
        size = self.size[self.unit]
        first = np.repeat(np.arange(len(self.unit)), size)
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        return first, order[np.repeat(start[self.unit], size) + within]


@dataclass(frozen=True)
class _Triples:
    """Sum of the signs over all triples of each stratum, and over the triples that contain a scan of each unit."""

    of_strata: np.ndarray
    of_units: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, units: _Units) -> "_Triples":
        signs_x, signs_y = signs_of(x, units.strata), signs_of(y, units.strata)
        ones = np.ones(len(x))
        own_x, own_y = signs_of(x, units.unit).sums(ones), signs_of(y, units.unit).sums(ones)
        other_x, other_y = signs_x.sums(ones) - own_x, signs_y.sums(ones) - own_y
        same_patient, of_pairs = _same_patient(x, y, units)
        as_center = other_x * other_y - (same_patient - own_x * own_y)
        # j and k of the triples (i, j, k); sums of sign(x_i - x_j) over i are negative sums of sign(x_j - x_i)
        as_j = -signs_x.sums(other_y) - own_x * other_y
        as_k = -signs_y.sums(other_x) - own_y * other_x
        both = np.bincount(units.unit, weights=own_x * own_y) - of_pairs
        of_units = np.bincount(units.unit, weights=as_center + as_j + as_k) + 2 * both
        return cls(np.bincount(units.strata, weights=as_center), of_units)


def _same_patient(x: np.ndarray, y: np.ndarray, units: _Units) -> tuple[np.ndarray, np.ndarray]:
    """Return sums of sign(x_i - x_j) sign(y_i - y_k) over scans j and k of the same patient.

    The first array contains the sum over j and k for each scan i, the second the sum over i, j, and k for each unit
    that contains j and k.
    """
    first, second = units.pairs()
    scans = StratumPoints(x, y, units.strata)
    if len(first) == len(x):  # one scan per patient: j = k
        sums = concordance(scans, scans)
        return sums, np.bincount(units.unit, weights=sums)
    pairs = StratumPoints(x[first], y[second], units.strata[first])
    return concordance(scans, pairs), np.bincount(units.unit[first], weights=concordance(pairs, scans))


def _per_triple(moments: np.ndarray) -> np.ndarray:
    """Return the number of scans divided by the number of ordered triples of scans of three different patients."""
    n, squares, cubes = moments
    triples = n**3 - 3 * n * squares + 2 * cubes
    weights: np.ndarray = np.divide(n, triples, out=np.zeros(len(n)), where=triples > 0)
    return weights


def _error_of_strata(totals: np.ndarray, rho: float, groups: np.ndarray) -> float:
    """Return the standard error of rho from the contributions of independent groups of strata."""
    a, b, c = totals
    contributions = a / math.sqrt(b.sum() * c.sum()) - rho / 2 * (b / b.sum() + c / c.sum())
    of_groups = np.bincount(groups, weights=contributions)
    n = len(of_groups)
    return math.sqrt(n / (n - 1) * float(of_groups @ of_groups))


def _jackknife_error(totals: np.ndarray, sums: list[_Triples], units: _Units) -> float:
    """Return the standard error of rho from the estimates without one patient."""
    stratum, weights = units.stratum_of_unit, units.weights_without
    left = np.array(
        [
            total.sum()
            + np.bincount(
                units.patient_of_unit, weights=(each.of_strata[stratum] - each.of_units) * weights - total[stratum]
            )
            for total, each in zip(totals, sums, strict=True)
        ]
    )
    if not left[1:].min() > 0:
        return math.nan
    estimates = left[0] / np.sqrt(left[1] * left[2])
    n = len(estimates)
    return math.sqrt((n - 1) / n * float(((estimates - estimates.mean()) ** 2).sum()))


def _with_interval(rho: float, error_of_z: float, df: int, confidence: float) -> Correlation:
    """Return rho with its interval and P value from the t distribution, or from the normal distribution for df = 0."""
    from scipy import special

    if not error_of_z > 0:
        return Correlation(rho=rho)
    z = math.atanh(rho)
    if not df:
        low, high = fisher_interval(rho, error_of_z, confidence)
        return Correlation(rho, low, high, log10_p_rho0=log10_p_of_zero(rho, error_of_z))
    width = float(special.stdtrit(df, (1 + confidence) / 2)) * error_of_z
    p = log10_p_of_f((z / error_of_z) ** 2, 1, df)
    return Correlation(rho, math.tanh(z - width), math.tanh(z + width), log10_p_rho0=p)
