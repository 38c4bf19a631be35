"""P values adjusted for the number of tests in a family.

A family consists of all tests with a result. A missing P value (NaN) remains missing and does not count. A P value that
underflows to 0 remains 0 after each adjustment and is first in the order of P values.
"""

import numpy as np


def bonferroni(p: np.ndarray) -> np.ndarray:
    """Return P values multiplied by the size of the family, at most 1.

    Parameters
    ----------
    p : np.ndarray
        P values, shape `(n,)`; NaN where a test has no result.

    Returns
    -------
    np.ndarray
        Adjusted P values, shape `(n,)`; NaN where P is NaN.

    Examples
    --------
    >>> bonferroni(np.array([0.01, 0.04, 0.5, np.nan])).round(6)
    array([0.03, 0.12, 1.  ,  nan])

    """
    adjusted: np.ndarray = np.minimum(1.0, p * np.isfinite(p).sum())
    return adjusted


def holm(p: np.ndarray) -> np.ndarray:
    """Return P values adjusted by Holm's step-down procedure.

    Like the Bonferroni adjustment, the procedure controls the familywise error rate, and its P values are never larger.

    Parameters
    ----------
    p : np.ndarray
        P values, shape `(n,)`; NaN where a test has no result.

    Returns
    -------
    np.ndarray
        Adjusted P values, shape `(n,)`, at most 1; NaN where P is NaN.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03, np.nan])).round(6)
    array([0.03, 0.06, 0.06,  nan])

    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return the smallest false discovery rate at which each test is significant.

    The procedure of Benjamini and Hochberg assumes independent or positively dependent tests.

    Parameters
    ----------
    p : np.ndarray
        P values, shape `(n,)`; NaN where a test has no result.

    Returns
    -------
    np.ndarray
        Adjusted P values, shape `(n,)`, at most 1; NaN where P is NaN.

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(6)
    array([0.03, 0.04, 0.04,  nan])

    """
    # ASSUME: tests are independent or positively dependent; Bonferroni and Holm do not require this assumption
    return _adjusted(p, "fdr_bh")


def _adjusted(p: np.ndarray, method: str) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p), np.nan)
    present = np.isfinite(p)
    if present.any():
        adjusted[present] = multipletests(p[present], method=method)[1]
    return adjusted
