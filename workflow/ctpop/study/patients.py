"""The patients of scans, so that tables have the number of patients beside every number of scans."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def patient_numbers(cohort: pd.DataFrame) -> NDArray[np.int32]:
    """Return a number for the patient of each scan.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan; column `patient_id` may be absent.

    Returns
    -------
    numpy.ndarray of int32, shape (scans,)
        Numbers from 0 on, equal for scans of one patient. A scan without `patient_id` has a number of its own.

    Examples
    --------
    >>> patient_numbers(pd.DataFrame({"patient_id": ["p1", None, "p1", None]})).tolist()
    [0, 1, 0, 2]

    """
    if "patient_id" not in cohort.columns:
        return np.arange(len(cohort), dtype=np.int32)
    numbers, patients = pd.factorize(cohort["patient_id"])
    # ASSUME: scans without an identifier of their patient are of different patients
    unknown = numbers < 0
    numbers[unknown] = len(patients) + np.arange(unknown.sum())
    return pd.factorize(numbers)[0].astype(np.int32)


def patient_of_scan(cohort: pd.DataFrame) -> "pd.Series[int]":
    """Return the number of the patient of each scan, by scan_id.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan, with `scan_id`; column `patient_id` may be absent.

    Returns
    -------
    pandas.Series of int32, shape (scans,)
        Numbers as `patient_numbers` returns them.

    Examples
    --------
    >>> patient_of_scan(pd.DataFrame({"scan_id": ["s1", "s2"], "patient_id": ["p1", "p1"]})).to_dict()
    {'s1': 0, 's2': 0}

    """
    return pd.Series(patient_numbers(cohort), index=cohort["scan_id"])


def distinct(numbers: NDArray[np.integer]) -> int:
    """Return how many patients some scans have.

    Parameters
    ----------
    numbers : numpy.ndarray of int, shape (scans,)
        Numbers of the patients, as `patient_numbers` returns them.

    Returns
    -------
    int
        Number of different patients.

    Examples
    --------
    >>> distinct(np.array([0, 1, 0, 2]))
    3

    """
    return len(pd.unique(numbers))
