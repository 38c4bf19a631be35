"""Label maps of an evaluation: references listed in a CSV file, and predictions in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.all_tables import USABLE_STATUS
from ctpop.foundation.errors import ScanError
from ctpop.imaging.existing_segmentations import SUFFIXES, Segmentation, read_segmentation
from ctpop.imaging.images import read_labels, sha256_of
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.study.label_sets import LabelSet, join
from ctpop.study.user_tables import read_reference_rows


@dataclass(frozen=True)
class Reference:
    """A scan and its reference: a label map with the labels of the label set, or a folder of masks."""

    scan_id: str
    path: Path
    label_set: LabelSet

    def read(self) -> Segmentation:
        """Return the reference.

        Raises
        ------
        ScanError
            As in `existing_segmentations.read_segmentation`; the detail begins with "reference".

        """
        with naming("reference"):
            return read_segmentation(self.path, self.label_set, None)


@dataclass(frozen=True)
class Predictions:
    """Label maps of a model: the store of a study, or a folder with one label map or folder of masks per scan.

    If `segments` contains the status of each scan, label maps of earlier runs are not used for scans without a usable
    status.
    """

    model: str
    folder: Path
    label_set: LabelSet
    segments: dict[str, dict[Any, Any]] | None = None

    def read(self, scan_id: str) -> Segmentation:
        """Return the prediction for a scan.

        Raises
        ------
        ScanError
            As in `existing_segmentations.read_segmentation`, or with the status of the scan in `segments`; the detail
            begins with "prediction".

        """
        with naming("prediction"):
            self._refuse_unsegmented(scan_id)
            store = LabelMapStore(self.folder)
            if store.note_path(scan_id).is_file():
                return joined(stored(store, scan_id), self.label_set)
            candidates = [self.folder / f"{scan_id}{suffix}" for suffix in (*SUFFIXES, "")]
            path = next((path for path in candidates if path.exists()), candidates[0])
            return read_segmentation(path, self.label_set, None)

    def _refuse_unsegmented(self, scan_id: str) -> None:
        if self.segments is None:
            return
        if scan_id not in self.segments:
            raise ScanError("missing_file", "the study does not contain the scan")
        row = self.segments[scan_id]
        if row["status"] not in USABLE_STATUS:
            raise ScanError(row["status"], row["detail"])


def stored(store: LabelMapStore, scan_id: str) -> Segmentation:
    """Return a label map of the store; its note lists the structures that the label map can contain.

    Raises
    ------
    ScanError
        `unreadable` if the note is damaged or the file was changed.

    """
    note, path = store.note(scan_id), store.mask_path(scan_id)
    if note is None:
        raise ScanError(
            "unreadable",
            f"{store.note_path(scan_id).name} is damaged or was not written by ctpop; run the segment stage again",
        )
    if sha256_of(path) != note.mask_sha256:
        raise ScanError("unreadable", f"{path.name} was changed after it was written; run the segment stage again")
    return Segmentation(read_labels(path), note.labels, note.detail)


def joined(found: Segmentation, label_set: LabelSet) -> Segmentation:
    """Return a label map in which included structures are merged with the composite structures of the label set."""
    join(found.volume.data, label_set.joins(found.labels))
    return found


def read_references(path: Path, label_set: LabelSet) -> list[Reference]:
    """Return the scans of a CSV file with their references, sorted by `scan_id`.

    Raises
    ------
    ContractError
        If the file, a column, or a path is missing, or if a `scan_id` is repeated or not valid in a file name.

    """
    rows = read_reference_rows(path)
    pairs = zip(rows["scan_id"], rows["reference_path"], strict=True)
    return [Reference(scan_id, path.parent / reference, label_set) for scan_id, reference in pairs]


def by_scan(segments: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    """Return the rows of `segments` by scan, with a text for missing details."""
    rows = segments.assign(detail=segments["detail"].fillna("the scan has no label map"))
    return {str(row["scan_id"]): row for row in rows[["scan_id", "status", "detail"]].to_dict("records")}


@contextmanager
def naming(which: str) -> Iterator[None]:
    """Add the affected label map to the detail of a ScanError."""
    try:
        yield
    except ScanError as error:
        raise ScanError(error.reason, f"{which}: {error.detail}") from None
