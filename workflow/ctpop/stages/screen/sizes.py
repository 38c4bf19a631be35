"""Counts of scans and patients per structure."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.rows import MeasureRows
from ctpop.study.patients import patient_numbers


def count_scans(rows: MeasureRows, members: Truth) -> NDArray[np.int64]:
    """Return the number of scans (rows) per structure."""
    return np.bincount(rows.structure[members], minlength=len(rows.names))


def numbers_of_patients(rows: MeasureRows, cohort: pd.DataFrame | None) -> NDArray[np.int32]:
    """Return the patient number of each scan; without a cohort, each scan has a different patient."""
    if cohort is None:
        return np.arange(len(rows.scan_ids), dtype=np.int32)
    return patient_numbers(cohort.set_index("scan_id").reindex(rows.scan_ids))


def distinct_patients(rows: MeasureRows, members: Truth, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the number of distinct patients of the selected rows, per structure."""
    n_patients = int(numbers.max(initial=-1)) + 1
    if n_patients == len(numbers):
        return count_scans(rows, members)
    present = np.zeros((len(rows.names), n_patients), bool)
    present[rows.structure[members], numbers[rows.scan[members]]] = True
    n_present: NDArray[np.int64] = present.sum(axis=1)
    return n_present
