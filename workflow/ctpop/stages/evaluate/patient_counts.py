"""Numbers of patients beside numbers of scans in the tables of an evaluation, where the study gives the patients."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import COHORT, EXCLUSIONS
from ctpop.study.patients import distinct, patient_numbers


@dataclass(frozen=True)
class PatientCounts:
    """The number of the patient of each scan (`number_of`, by scan_id), or None where no table has the patients."""

    number_of: pd.Series | None = None

    def among(self, scans: Iterable[str]) -> int | None:
        """Return the number of different patients of some scans, or None where no table has the patients."""
        if self.number_of is None:
            return None
        return distinct(self.number_of.reindex(pd.Index(scans)).to_numpy())


def read_patients(scans: list[str], cohort: Path | None, exclusions: Path | None) -> PatientCounts:
    """Return the patients of the scans of an evaluation.

    Parameters
    ----------
    scans
        Identifiers of the scans. One that neither table has counts as a patient of its own, and so does one without
        `patient_id`.
    cohort, exclusions
        Parquet files of the study: the scans in it, and those that a criterion excluded.

    Returns
    -------
    PatientCounts
        Without patients if there is no table of the cohort.

    """
    if cohort is None:
        return PatientCounts()
    columns = ["scan_id", "patient_id"]
    known = [COHORT.read(cohort)[columns], *([EXCLUSIONS.read(exclusions)[columns]] if exclusions else [])]
    patient_of = pd.concat(known).drop_duplicates("scan_id").set_index("scan_id").reindex(pd.Index(scans))
    return PatientCounts(pd.Series(patient_numbers(patient_of), index=patient_of.index))
