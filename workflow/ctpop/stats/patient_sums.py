"""Sums over the scans of each patient, from which standard errors are computed if patients have several scans."""

import numpy as np

SPARSE = 64  # numbers up to this multiple of the number of scans are counted without sorting


def has_repeats(patients: np.ndarray) -> bool:
    """Return whether a patient has several scans.

    Parameters
    ----------
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    bool
        Whether a number occurs more than once.

    Examples
    --------
    >>> has_repeats(np.array([0, 1, 2])), has_repeats(np.array([4, 0, 4]))
    (False, True)

    """
    if not len(patients):
        return False
    if patients.min() >= 0 and patients.max() < SPARSE * len(patients):
        return bool(np.bincount(patients).max() > 1)
    return len(np.unique(patients)) < len(patients)


def scans_per_patient(patients: np.ndarray) -> np.ndarray:
    """Return for each scan the number of scans of its patient.

    Parameters
    ----------
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    np.ndarray of int, shape (n,)
        Number of scans of the same patient, in the order of the scans.

    Examples
    --------
    >>> scans_per_patient(np.array([4, 0, 4])).tolist()
    [2, 1, 2]

    """
    _, position, number = np.unique(patients, return_inverse=True, return_counts=True)
    sizes: np.ndarray = number[position]
    return sizes


def sums_by_patient(contributions: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return the sum of the contributions of each patient.

    Parameters
    ----------
    contributions : np.ndarray of float, shape (n,) or (n, k)
        Contributions of the scans, one column per quantity.
    patients : np.ndarray of int, shape (n,)
        Number of the patient of each scan.

    Returns
    -------
    np.ndarray of float, shape (patients,) or (patients, k)
        Sums in ascending order of the patient numbers.

    Examples
    --------
    >>> sums_by_patient(np.array([1.0, 2.0, 4.0]), np.array([7, 3, 7])).tolist()
    [2.0, 5.0]

    """
    distinct, position = np.unique(patients, return_inverse=True)
    columns = contributions.reshape(len(patients), -1)
    sums = [np.bincount(position, weights=column, minlength=len(distinct)) for column in columns.T]
    return np.stack(sums, axis=1).reshape(len(distinct), *contributions.shape[1:])
