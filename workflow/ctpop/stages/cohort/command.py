"""Inclusion of scans in the cohort by criteria.

Input: the registry, a table with one row per scan. Output: the cohort, the failed criteria of each excluded scan, the
flow, and the overlap of criteria. The scans of the registry are the scans of the cohort plus the excluded scans.
"""

import argparse
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import COHORT, EXCLUSIONS, FLOW, OVERLAP
from ctpop.contracts.dicom_codes import PATIENT_REASONS
from ctpop.figures.formatting import count
from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, criteria
from ctpop.study.criteria import Criterion
from ctpop.study.inclusion import PATH_COLUMN, failed, found_words, refuse_absent_columns
from ctpop.study.patient_consistency import REPORTED_BY_INDEX, SHARED_STUDY
from ctpop.study.patients import distinct, patient_numbers
from ctpop.study.registry import checked, read_words
from ctpop.study.registry_options import reading_of

LOG = logging.getLogger(__name__)

PROBED_FILES = 20
MADE_LATER = ("dicom", "measures")  # starting points without image files at this stage


def failed_criteria(registry: pd.DataFrame, asked: Sequence[Criterion]) -> pd.DataFrame:
    """Return one row per scan and failed criterion; a criterion with a missing value counts as failed."""
    fails = failed(registry, asked)
    rows = [EXCLUSIONS.empty()]
    for order, criterion in enumerate(asked, start=1):
        out = fails[criterion.name]
        rows.append(
            pd.DataFrame(
                {
                    "scan_id": registry.loc[out, "scan_id"],
                    "patient_id": registry.loc[out, "patient_id"],
                    "criterion": criterion.name,
                    "order": order,
                    "found": found_words(registry, criterion, out),
                    "limit": criterion.words,
                }
            )
        )
    filled = [frame for frame in rows if len(frame)] or rows[:1]
    return EXCLUSIONS.check(pd.concat(filled, ignore_index=True))


def count_flow(registry: pd.DataFrame, exclusions: pd.DataFrame, asked: Sequence[Criterion]) -> pd.DataFrame:
    """Return the flow, in which each excluded scan is counted once, at its first failed criterion."""
    first = exclusions.groupby("scan_id")["order"].min()
    removed = [int((first == order).sum()) for order in range(1, len(asked) + 1)]
    n_scans = len(registry)
    left = n_scans - pd.Series(removed, dtype="int64").cumsum()
    numbers = patient_numbers(registry)
    removed_at = registry["scan_id"].map(first).fillna(len(asked) + 1).to_numpy(dtype=int)
    patients = [distinct(numbers[removed_at > order]) for order in range(len(asked) + 1)]
    patients_removed = [distinct(numbers[removed_at == order]) for order in range(1, len(asked) + 1)]
    return FLOW.check(
        pd.DataFrame(
            {
                "order": range(1, len(asked) + 1),
                "criterion": pd.Series([criterion.name for criterion in asked], dtype="str"),
                "sentence": pd.Series([criterion.sentence for criterion in asked], dtype="str"),
                "n_before": [n_scans, *left[:-1]] if asked else [],
                "n_patients_before": patients[:-1],
                "n_removed": removed,
                "n_patients_removed": patients_removed,
                "n_after": left,
                "n_patients_after": patients[1:],
            }
        )
    )


def count_overlap(exclusions: pd.DataFrame, asked: Sequence[Criterion]) -> pd.DataFrame:
    """Return the number of scans and patients that fail each pair of criteria, regardless of their order."""
    names = [criterion.name for criterion in asked]
    scan, scans = pd.factorize(exclusions["scan_id"])
    patients = patient_numbers(exclusions.drop_duplicates("scan_id"))
    fails = np.zeros((len(scans), len(names)), dtype=bool)
    fails[scan, exclusions["order"] - 1] = True
    rows = [
        (one + 1, names[one], other + 1, names[other], int(both.sum()), distinct(patients[both]))
        for one, other in product(range(len(names)), repeat=2)
        for both in [fails[:, one] & fails[:, other]]
    ]
    return OVERLAP.check(pd.DataFrame(rows, columns=list(OVERLAP.columns)) if rows else OVERLAP.empty())


def overlap_text(overlap: pd.DataFrame) -> str:
    """Return the overlap as a matrix in text form."""
    names = list(dict.fromkeys(overlap["criterion"]))
    return overlap.pivot_table(index="criterion", columns="other", values="n_both", sort=False)[names].to_string(
        float_format="%d", index_names=False
    )


def check_some_file_exists(cohort: pd.DataFrame, folder: Path, start_from: str) -> None:
    """Raise a ContractError if none of the first files of the cohort exists, which indicates incorrect paths."""
    column = PATH_COLUMN.get(start_from, "")
    probed = cohort[column].dropna().head(PROBED_FILES) if column else pd.Series(dtype=str)
    if len(probed) and not any((folder / path).exists() for path in probed):
        raise ContractError(
            f"{column}: none of the first {count(len(probed), 'file')} exists, for example {folder / probed.iloc[0]};"
            " correct the paths, which are absolute or relative to the folder of the registry"
        )


@dataclass(frozen=True)
class CohortOptions:
    """Options of the command `cohort`; `ctpop cohort --help` describes them."""

    registry: Path
    start_from: str
    config: Path | None
    cohort: Path
    exclusions: Path
    flow: Path
    overlap: Path | None


def run(options: CohortOptions) -> None:
    """Read the registry, apply the criteria, and write the cohort, exclusions, flow, and overlap."""
    chosen = configuration.section("cohort", options.config)
    reading, asked = reading_of(chosen), criteria.read(chosen["criteria"])
    notes: list[str] = []
    text = read_words(options.registry, reading, notes)
    registry = checked(text, options.registry, reading, notes)
    for note in notes:
        LOG.info("%s", note)
    refuse_absent_columns(list(text.columns), options.registry, options.start_from, asked)
    names = ", ".join(criterion.name for criterion in asked)
    LOG.info("%d scans in %s; criteria: %s", len(registry), options.registry.name, names or "none")
    exclusions = failed_criteria(registry, asked)
    cohort = registry[~registry["scan_id"].isin(exclusions["scan_id"])]
    if options.start_from not in MADE_LATER:
        check_some_file_exists(cohort, options.registry.parent, options.start_from)
    COHORT.write(cohort, options.cohort)
    EXCLUSIONS.write(exclusions, options.exclusions)
    FLOW.write(count_flow(registry, exclusions, asked), options.flow)
    overlap = OVERLAP.check(count_overlap(exclusions, asked))
    if options.overlap:
        OVERLAP.write(overlap, options.overlap)
    if asked:
        LOG.info("number of scans that fail each pair of criteria:\n%s", overlap_text(overlap))
    LOG.info("%d scans with differences between registry and headers", registry["source_conflict"].notna().sum())
    warn_of_repeated_patients(cohort)
    warn_of_doubtful_patients(cohort)
    warn_of_shared_files(cohort)
    excluded = exclusions["scan_id"].nunique()
    LOG.info("%d scans in the registry = %d in the cohort + %d excluded", len(registry), len(cohort), excluded)


def warn_of_repeated_patients(cohort: pd.DataFrame) -> None:
    """Log a warning if patients have several scans, because the statistics then describe scans instead of patients."""
    known = cohort["patient_id"].dropna()
    if len(known) < len(cohort):
        LOG.info("%d scans without patient_id; each is treated as a different patient", len(cohort) - len(known))
    if known.duplicated().any():
        LOG.warning(
            "%d scans of %d patients: results describe scans; P values and confidence intervals account for the"
            " dependence between scans of a patient; to include one scan per patient, add to cohort.criteria: {name:"
            " one_scan, sentence: Another scan of the patient, one_per_patient: first}",
            len(known),
            known.nunique(),
        )


def warn_of_doubtful_patients(cohort: pd.DataFrame) -> None:
    """Log a warning if the index of DICOM files found PatientIDs that may belong to several patients."""
    if "patient_reason" not in cohort.columns:
        return
    doubtful = cohort[cohort["patient_reason"].isin(REPORTED_BY_INDEX)]
    if len(doubtful):
        LOG.warning(
            "%d scans, first %s, have a PatientID that may belong to several patients (%s); to exclude them, add to"
            " cohort.criteria: {name: consistent_patient, sentence: Contradictory patient data, column: patient_reason,"
            " in: [%s]}",
            len(doubtful),
            doubtful["scan_id"].iloc[0],
            ", ".join(sorted(doubtful["patient_reason"].unique())),
            ", ".join(reason for reason in PATIENT_REASONS if reason not in REPORTED_BY_INDEX),
        )
    shared = cohort[cohort["patient_reason"].eq(SHARED_STUDY)]
    if len(shared):
        LOG.warning(
            "%d scans, first %s, belong to a DICOM study with several PatientIDs (%s); if they are from one patient,"
            " set the same patient_id in the registry, or remove the rows of the other patient_id",
            len(shared),
            shared["scan_id"].iloc[0],
            SHARED_STUDY,
        )


def warn_of_shared_files(cohort: pd.DataFrame) -> None:
    """Log a warning if scans share a file; the name of the file is omitted because it may contain a patient name."""
    for column in dict.fromkeys(PATH_COLUMN.values()):
        paths = cohort[column].dropna().map(os.path.normpath)
        shared = cohort.loc[paths[paths.duplicated(keep=False)].index, "scan_id"]
        if len(shared):
            LOG.warning(
                "%d scans share a file in column %s with another scan, first %s; only one of several scans with the"
                " same images is used (duplicate_images); correct the column or remove the other rows",
                len(shared),
                column,
                ", ".join(shared.head(3)),
            )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument(
        "--registry",
        type=Path,
        required=True,
        help="text table, spreadsheet, or Parquet file with one row per scan (docs/data.md)",
    )
    parser.add_argument(
        "--start-from",
        choices=["images", "dicom", "segmentations", "measures"],
        default="images",
        help="starting point of the study, which determines the required path column (default: %(default)s)",
    )
    configuration.add_config_argument(parser, "cohort")
    parser.add_argument("--cohort", type=Path, required=True, help="output Parquet file with the included scans")
    parser.add_argument("--exclusions", type=Path, required=True, help="output Parquet file with the failed criteria")
    parser.add_argument("--flow", type=Path, required=True, help="output Parquet file with counts per criterion")
    parser.add_argument("--overlap", type=Path, help="output Parquet file with counts per pair of criteria")
