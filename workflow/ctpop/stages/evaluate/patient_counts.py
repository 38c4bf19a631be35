"""Patient counts for the tables of an evaluation, available if the cohort of the study is known."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import COHORT, EXCLUSIONS
from ctpop.study.patients import distinct, patient_numbers


@dataclass(frozen=True)
class PatientCounts:
    """Patient number of each scan (`number_of`, by scan_id), or None if no table contains the patients."""

    number_of: pd.Series | None = None

    def among(self, scans: Iterable[str]) -> int | None:
        """Return the number of distinct patients of the scans, or None if no table contains the patients."""
        if self.number_of is None:
            return None
        return distinct(self.number_of.reindex(pd.Index(scans)).to_numpy())


def read_patients(scans: list[str], cohort: Path | None, exclusions: Path | None) -> PatientCounts:
    """Return the patients of the scans of an evaluation.

    Parameters
    ----------
    scans
        Identifiers of the scans. A scan that is in neither table, or has no `patient_id`, counts as a separate patient.
    cohort, exclusions
        Parquet files of the study with the included scans and with the scans excluded by a criterion.

    Returns
    -------
    PatientCounts
        Without patients if `cohort` is None.

    """
    if cohort is None:
        return PatientCounts()
    columns = ["scan_id", "patient_id"]
    known = [COHORT.read(cohort)[columns], *([EXCLUSIONS.read(exclusions)[columns]] if exclusions else [])]
    patient_of = pd.concat(known).drop_duplicates("scan_id").set_index("scan_id").reindex(pd.Index(scans))
    return PatientCounts(pd.Series(patient_numbers(patient_of), index=patient_of.index))
