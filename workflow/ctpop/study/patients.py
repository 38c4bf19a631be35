"""Numbers that identify the patients of scans; tables use them to count patients in addition to scans."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def patient_numbers(cohort: pd.DataFrame) -> NDArray[np.int32]:
    """Return a number that identifies the patient of each scan.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan; the column `patient_id` is optional.

    Returns
    -------
    numpy.ndarray of int32, shape (scans,)
        Numbers from 0, equal for scans of the same patient. Each scan without `patient_id` has a unique number.

    Examples
    --------
    >>> patient_numbers(pd.DataFrame({"patient_id": ["p1", None, "p1", None]})).tolist()
    [0, 1, 0, 2]

    """
    if "patient_id" not in cohort.columns:
        return np.arange(len(cohort), dtype=np.int32)
    numbers, patients = pd.factorize(cohort["patient_id"])
    # ASSUME: scans without a patient identifier belong to different patients
    unknown = numbers < 0
    numbers[unknown] = len(patients) + np.arange(unknown.sum())
    return pd.factorize(numbers)[0].astype(np.int32)


def patient_of_scan(cohort: pd.DataFrame) -> "pd.Series[int]":
    """Return the number that identifies the patient of each scan, indexed by `scan_id`.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan, with `scan_id`; the column `patient_id` is optional.

    Returns
    -------
    pandas.Series of int32, shape (scans,)
        Numbers as returned by `patient_numbers`.

    Examples
    --------
    >>> patient_of_scan(pd.DataFrame({"scan_id": ["s1", "s2"], "patient_id": ["p1", "p1"]})).to_dict()
    {'s1': 0, 's2': 0}

    """
    return pd.Series(patient_numbers(cohort), index=cohort["scan_id"])


def distinct(numbers: NDArray[np.integer]) -> int:
    """Return the patient count of a group of scans.

    Parameters
    ----------
    numbers : numpy.ndarray of int, shape (scans,)
        Numbers that identify the patients, as returned by `patient_numbers`.

    Returns
    -------
    int
        Number of distinct patients.

    Examples
    --------
    >>> distinct(np.array([0, 1, 0, 2]))
    3

    """
    return len(pd.unique(numbers))
