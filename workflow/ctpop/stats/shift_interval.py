"""Confidence interval of the Hodges-Lehmann shift, for unequal spread, ties, and several scans per patient."""

import math

import numpy as np
from scipy import special

from ctpop.stats.auc_interval import auc_error, placements_of
from ctpop.stats.shift import difference_of_rank


def shift_interval(
    younger: np.ndarray,
    older: np.ndarray,
    shift: float,
    confidence: float,
    patients: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[float, float]:
    """Return the confidence limits of the median of all differences older - younger.

    A difference d is in the interval if the proportion of differences below d deviates from 1/2 by at most q s. The
    limits are therefore two of the ordered differences, those of the ranks ab (1/2 -+ q s). The standard error s is
    that of the AUC of the groups after alignment by the shift (`auc_error`). It does not assume equal spread, and it
    allows for several scans per patient, whereas the usual interval assumes distributions that differ only by the
    shift.

    Parameters
    ----------
    younger : np.ndarray of float, shape (a,)
        Values of the younger group, in any unit (HU, mL), without missing values.
    older : np.ndarray of float, shape (b,)
        Values of the older group, in the same unit.
    shift : float
        Hodges-Lehmann shift of the groups, in the unit of the values.
    confidence : float
        Confidence level, between 0 and 1.
    patients : tuple of np.ndarray of int, shapes (a,) and (b,), optional
        Patient of each value of the younger and the older group. By default, each value is that of another patient.

    Returns
    -------
    low : float
        Lower limit, in the unit of the values; NaN if the groups are too small for this confidence level.
    high : float
        Upper limit, in the unit of the values; NaN in the same case.

    Examples
    --------
    >>> younger = np.arange(10.0)
    >>> shift_interval(younger, younger + 3, 3.0, 0.95)
    (0.0, 6.0)
    >>> shift_interval(younger[:2], younger[:2] + 3, 3.0, 0.95)
    (nan, nan)

    """
    error = auc_error(placements_of(younger, older - shift), patients)
    total = len(younger) * len(older)
    aside = float(special.ndtri((1 + confidence) / 2)) * error
    number = math.floor(total * (0.5 - aside)) if not math.isnan(aside) else 0
    if number < 1:
        return math.nan, math.nan
    counted = np.unique(younger, return_counts=True), np.unique(older, return_counts=True)
    return difference_of_rank(*counted, number - 1), difference_of_rank(*counted, total - number)
