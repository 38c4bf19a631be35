"""Scans and patients that are in two studies; correlations of studies with shared patients are not independent.

Two scans are the same if they have the same id, the same digest of their DICOM images, or the same checksum of their
label map. Two patients are the same if they have the same id or share a scan. The starting point `dicom` creates
pseudonyms with a different key in each study, which differ for the same patient. Only checksums then identify shared
scans. Identifiers that count from 1 in each study agree for different patients. If more than one tenth of the scans or
patients with the same identifier differ in sex, or in age at the same scan, that identifier is not compared.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError, count
from ctpop.study.patients import patient_numbers

CHECKSUMS = ("images_digest", "mask_sha256")
FACTS = ("age_years", "sex")
MOST_CONTRADICTIONS = 0.1  # ASSUME: of pairs; registry errors are rarer, and half of random pairs differ in sex
ONE_YEAR = 1.0


@dataclass(frozen=True)
class Shared:
    """Numbers of scans and patients in both studies; `all_of_one`: one study has no other patients."""

    scans: int
    patients: int
    all_of_one: bool


def read_scans(tables: Path) -> pd.DataFrame:
    """Return one row per scan of a study with the available identifiers of the scan and its patient."""
    cohort = all_tables.COHORT.read(tables / "cohort.parquet")
    segments = tables / "segments.parquet"
    found = cohort[[name for name in ("scan_id", "patient_id", "images_digest", *FACTS) if name in cohort.columns]]
    if segments.is_file():
        masks = all_tables.SEGMENTS.read(segments, "scan_id", "mask_sha256")
        found = found.merge(masks, on="scan_id", how="left", validate="one_to_one")
    return found.reindex(columns=["scan_id", "patient_id", *CHECKSUMS, *FACTS])


def shared(first: pd.DataFrame, second: pd.DataFrame) -> Shared:
    """Return the numbers of scans and patients in both studies, from their rows as returned by `read_scans`."""
    counts = [_in_other(one, other) for one, other in ((first, second), (second, first))]
    return Shared(
        scans=max(scans for scans, _, _ in counts),
        patients=max(patients for _, patients, _ in counts),
        all_of_one=any(patients == n > 0 for _, patients, n in counts),
    )


def refuse_only_shared(found: Shared, names: tuple[str, str], command: str = "compare") -> None:
    """Reject a comparison or a meta-analysis in which all patients of one study are also in the other study.

    Raises
    ------
    ContractError
        If all patients of a study are in the other study.

    """
    if found.all_of_one:
        raise ContractError(
            f"{command}: all patients of {names[0]} or of {names[1]} are also in the other study"
            f" ({count(found.patients, 'patient')}), but the command requires different patients. Use a separate"
            " registry for each study (study.registry), or divide one registry by a column, for example,"
            " cohort: {criteria: [{name: site_a, sentence: Other site, column: site, equals: A}]}. The table"
            " sensitivity of a study compares rule sets."
        )


def _in_other(one: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int, int]:
    """Return the numbers of scans and patients of a study that are in another study, and its number of patients."""
    same = _same_id(one, other, "scan_id")
    for name in CHECKSUMS:
        same |= one[name].notna() & one[name].isin(other[name].dropna())
    patients = pd.Series(patient_numbers(one), index=one.index)
    known = _same_id(one, other, "patient_id")
    return int(same.sum()), patients[same | known].nunique(), patients.nunique()


def _same_id(one: pd.DataFrame, other: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Return which scans have an identifier of the other study; none if too many of these differ in sex or age."""
    same = one[name].notna() & one[name].isin(other[name].dropna())
    pairs = one.loc[same, [name, *FACTS]].merge(other[[name, *FACTS]].drop_duplicates(name), on=name)
    differs = pairs["sex_x"].ne(pairs["sex_y"]) & pairs["sex_x"].notna() & pairs["sex_y"].notna()
    if name == "scan_id":  # only the same scan has the same age; a patient can be older in the other study
        differs |= (pairs["age_years_x"].astype(float) - pairs["age_years_y"].astype(float)).abs().gt(ONE_YEAR)
    return same & (differs.mean() <= MOST_CONTRADICTIONS if len(pairs) else True)
