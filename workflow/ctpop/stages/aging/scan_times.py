"""Times of the scans of a patient, from the dates of the registry if these are complete."""

import numpy as np
import pandas as pd

from ctpop.study.column_names import normalized
from ctpop.study.patient_consistency import SCAN_DATES, days_of


def scan_years(cohort: pd.DataFrame) -> np.ndarray:
    """Return the date of each scan in decimal years; missing (NaN) if the registry has no complete date."""
    names = {normalized(str(column)): str(column) for column in cohort.columns}
    for column in [names[name] for name in SCAN_DATES if name in names]:
        first, last = days_of(cohort[column])
        complete = first.where(first.eq(last))
        if complete.notna().any():
            return complete.to_numpy(dtype=float)
    return np.full(len(cohort), np.nan)


def precise_ages(ages: np.ndarray, years: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Return ages whose differences within a patient are those of the dates, with the recorded mean age of the patient.

    Ages in whole years would otherwise bias changes within patients toward 0. The ages of patients without dates of all
    scans do not change.
    """
    # ASSUME: dates are more precise than ages
    _, place, sizes = np.unique(patients, return_inverse=True, return_counts=True)
    age, year = (np.bincount(place, part) / sizes for part in (ages, years))
    dated = age[place] + years - year[place]
    return np.where(np.isfinite(dated), dated, ages)
