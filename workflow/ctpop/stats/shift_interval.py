"""Confidence interval of the Hodges-Lehmann shift, for unequal spread, ties, and several scans per patient."""

import math

from scipy import special

from ctpop.stats.auc_interval import PlacedGroup, auc_error
from ctpop.stats.shift import difference_of_rank


def shift_interval(younger: PlacedGroup, older: PlacedGroup, shift: float, confidence: float) -> tuple[float, float]:
    """Return the confidence limits of the median of all differences older - younger.

    A difference d is in the interval if the proportion of differences below d deviates from 1/2 by at most q s. The
    limits are therefore two of the ordered differences, those of the ranks ab (1/2 -+ q s). The standard error s is
    that of the AUC of the groups after alignment by the shift (`auc_error`). It does not assume equal spread, and it
    allows for several scans per patient, whereas the usual interval assumes distributions that differ only by the
    shift.

    Parameters
    ----------
    younger : PlacedGroup
        Values of the younger group, in any unit (HU, mL).
    older : PlacedGroup
        Values of the older group, in the same unit.
    shift : float
        Hodges-Lehmann shift of the groups, in the unit of the values.
    confidence : float
        Confidence level, between 0 and 1.

    Returns
    -------
    low : float
        Lower limit, in the unit of the values; NaN if the groups are too small for this confidence level.
    high : float
        Upper limit, in the unit of the values; NaN in the same case.

    Examples
    --------
    >>> import numpy as np
    >>> from ctpop.stats.auc_interval import group_of
    >>> values = np.arange(10.0)
    >>> shift_interval(group_of(values), group_of(values + 3), 3.0, 0.95)
    (0.0, 6.0)
    >>> shift_interval(group_of(values[:2]), group_of(values[:2] + 3), 3.0, 0.95)
    (nan, nan)

    """
    error = auc_error(younger, older, shift)
    total = len(younger.level) * len(older.level)
    aside = float(special.ndtri((1 + confidence) / 2)) * error
    number = math.floor(total * (0.5 - aside)) if not math.isnan(aside) else 0
    if number < 1:
        return math.nan, math.nan
    counted = (younger.distinct, younger.counts), (older.distinct, older.counts)
    return difference_of_rank(*counted, number - 1), difference_of_rank(*counted, total - number)
