"""Scans and patients that two studies share, whose correlations are then not independent.

Scans are the same if their id, the digest of their DICOM images or the checksum of their label map is. Patients are the
same if their id is, or one of their scans. Identifiers that each study made with a key of its own, as the pseudonyms of
the starting point `dicom`, differ for the same patient: then only checksums can find shared scans. Identifiers that
count from 1 in each study agree for different patients: if the sex of more than a tenth of the scans or patients with
one identifier differs, or the age at one scan, that kind of identifier is not compared.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.study.patients import patient_numbers

CHECKSUMS = ("images_digest", "mask_sha256")
FACTS = ("age_years", "sex")
MOST_CONTRADICTIONS = 0.1  # ASSUME: of pairs; errors of registries are rarer, and half of random pairs differ in sex
ONE_YEAR = 1.0


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
    found = cohort[[name for name in ("scan_id", "patient_id", "images_digest", *FACTS) if name in cohort.columns]]
    if segments.is_file():
        masks = all_tables.SEGMENTS.read(segments, "scan_id", "mask_sha256")
        found = found.merge(masks, on="scan_id", how="left", validate="one_to_one")
    return found.reindex(columns=["scan_id", "patient_id", *CHECKSUMS, *FACTS])


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
            " two rule sets of the screening in one study, read its table sensitivity."
        )


def _in_other(one: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int, int]:
    """Return how many scans and patients of a study are in another one, and how many patients it has."""
    same = _same_id(one, other, "scan_id")
    for name in CHECKSUMS:
        same |= one[name].notna() & one[name].isin(other[name].dropna())
    patients = pd.Series(patient_numbers(one), index=one.index)
    known = _same_id(one, other, "patient_id")
    return int(same.sum()), patients[same | known].nunique(), patients.nunique()


def _same_id(one: pd.DataFrame, other: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Return which scans have an identifier of the other study; none if too many of these contradict each other."""
    same = one[name].notna() & one[name].isin(other[name].dropna())
    pairs = one.loc[same, [name, *FACTS]].merge(other[[name, *FACTS]].drop_duplicates(name), on=name)
    differs = pairs["sex_x"].ne(pairs["sex_y"]) & pairs["sex_x"].notna() & pairs["sex_y"].notna()
    if name == "scan_id":  # a patient may be older in the other study
        differs |= (pairs["age_years_x"].astype(float) - pairs["age_years_y"].astype(float)).abs().gt(ONE_YEAR)
    return same & (differs.mean() <= MOST_CONTRADICTIONS if len(pairs) else True)
