"""Scans and patients that two studies share, whose correlations are then not independent.

Scans are the same if their id, the digest of their DICOM images or the checksum of their label map is. Patients are the
same if their id is, or one of their scans. Identifiers that each study made with a key of its own, as the pseudonyms of
the starting point `dicom`, differ for the same patient: then only checksums can find shared scans.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.study.patients import patient_numbers

MARKS = ("scan_id", "images_digest", "mask_sha256")


@dataclass(frozen=True)
class Shared:
    """Numbers of scans and of patients that are in both studies, and whether one of the studies has no others."""

    scans: int
    patients: int
    all_of_one: bool


def read_scans(tables: Path) -> pd.DataFrame:
    """Return one row per scan of a study with what identifies it and its patient, as far as the study has it."""
    cohort = all_tables.COHORT.read(tables / "cohort.parquet")
    segments = tables / "segments.parquet"
    found = cohort[[name for name in ("scan_id", "patient_id", "images_digest") if name in cohort.columns]]
    if segments.is_file():
        masks = all_tables.SEGMENTS.read(segments, "scan_id", "mask_sha256")
        found = found.merge(masks, on="scan_id", how="left", validate="one_to_one")
    return found.reindex(columns=["patient_id", *MARKS])


def shared(first: pd.DataFrame, second: pd.DataFrame) -> Shared:
    """Return what two studies share, of their rows as `read_scans` returns them."""
    counts = [_in_other(one, other) for one, other in ((first, second), (second, first))]
    return Shared(
        scans=max(scans for scans, _, _ in counts),
        patients=max(patients for _, patients, _ in counts),
        all_of_one=any(patients == n > 0 for _, patients, n in counts),
    )


def refuse_only_shared(found: Shared, names: tuple[str, str]) -> None:
    """Refuse studies of which one has no patient that the other does not have.

    Raises
    ------
    ContractError
        If all patients of a study are in the other one.

    """
    if found.all_of_one:
        raise ContractError(
            f"compare: all patients of {names[0]} or of {names[1]} are in the other study, too ({found.patients}"
            " patients); the test takes the patients of two studies for different ones. Compare studies of different"
            " patients: name those of each in a registry of its own (study.registry), or divide one registry by a"
            " column, as in cohort: {criteria: [{name: site_a, sentence: Other site, column: site, equals: A}]}. For"
            " two rule sets of the screening in one study, read its table sensitivity. Where different patients have"
            " the same scan_id or patient_id by chance, change the ids in one of the registries"
        )


def _in_other(one: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int, int]:
    """Return how many scans and patients of a study are in another one, and how many patients it has."""
    same = pd.Series(False, index=one.index)
    for name in MARKS:
        same |= one[name].notna() & one[name].isin(other[name].dropna())
    patients = pd.Series(patient_numbers(one), index=one.index)
    known = one["patient_id"].notna() & one["patient_id"].isin(other["patient_id"].dropna())
    return int(same.sum()), patients[same | known].nunique(), patients.nunique()
