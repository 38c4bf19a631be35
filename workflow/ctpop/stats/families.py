"""P values adjusted for the number of tests in a declared family.

A family is all tests that have a result: a missing P stays missing and does not count. P that underflowed to 0 stays 0
in each adjustment and takes its place before the others.
"""

import numpy as np


def bonferroni(p: np.ndarray) -> np.ndarray:
    """Return P times the size of the family, at most 1."""
    adjusted: np.ndarray = np.minimum(1.0, p * np.isfinite(p).sum())
    return adjusted


def holm(p: np.ndarray) -> np.ndarray:
    """Return P adjusted by Holm's step-down procedure: as valid as Bonferroni's and never larger."""
    return _adjusted(p, "holm")


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return the smallest false discovery rate at which each test is a discovery."""
    # ASSUME: tests depend positively, if at all; Bonferroni and Holm need no such assumption
    return _adjusted(p, "fdr_bh")


def _adjusted(p: np.ndarray, method: str) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p), np.nan)
    present = np.isfinite(p)
    if present.any():
        adjusted[present] = multipletests(p[present], method=method)[1]
    return adjusted
