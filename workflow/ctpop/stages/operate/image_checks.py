"""Checks of the images of a study before a run: a sample of scans is read completely with the readers of the stages.

The sample is reproducible: scans at equal distances in the order of the registry. Reading stops at a time limit; the
finding states the number of scans read. Names of image files are not printed because they may contain patient names.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts.codes import SEGMENT_STATUS
from ctpop.figures.formatting import count
from ctpop.foundation.errors import ScanError
from ctpop.imaging import existing_segmentations, hu_scale
from ctpop.imaging.images import read_ct, remark_on_spacing
from ctpop.imaging.scans import without_file_names
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check
from ctpop.study.label_sets import LabelSet

SAMPLE = 12
SECONDS = 25.0
MOST_FAILED = 0.5  # share of failed scans that indicates an error in the study instead of individual scans
FEW_STRUCTURES = 0.5
SHOWN = 3
REMEDIES = {
    "missing_file": "correct the paths in the registry, which are absolute or relative to its folder",
    "not_hu": "export the images again in HU; ctpop does not correct values",
    "unknown_labels": "set structures: to the label set of the label maps",
    "grid_mismatch": "specify the CT that was segmented",
    "bad_values": "export the file again without interpolation or scaling",
    "unreadable": "copy or export the files again",
}


@dataclass(frozen=True)
class ReadScan:
    """Result of reading the files of a scan.

    Attributes
    ----------
    scan_id : str
        ID of the scan.
    reason, detail : str
        Code of `SEGMENT_STATUS` and description; empty if all files could be read.
    remarks : tuple of str
        Remarks on files that could be read.
    structures : frozenset of str
        Structures in the label map.

    """

    scan_id: str
    reason: str = ""
    detail: str = ""
    remarks: tuple[str, ...] = ()
    structures: frozenset[str] = frozenset()


def of_images(study: ConfiguredStudy, scans: pd.DataFrame, label_set: LabelSet) -> list[Check]:
    """Return the findings on a sample of the images of a study; an empty list if the study reads no images."""
    if study.start_from == "measures":
        return []
    began = time.monotonic()
    sampled = _sample(scans)
    read: list[ReadScan] = []
    for row in sampled.to_dict("records"):
        if read and time.monotonic() - began > SECONDS:
            break
        files = {name: _path(study, row.get(name)) for name in ("ct_path", "segmentation_path")}
        read.append(read_scan(str(row["scan_id"]), files, label_set, study.start_from))
    found = findings_of(read, len(scans), label_set, study.start_from)
    return [
        replace(check, found=f"{study.registry}: {check.found}") if check.level == ERROR else check for check in found
    ]


def _sample(scans: pd.DataFrame) -> pd.DataFrame:
    places = np.unique(np.linspace(0, len(scans) - 1, min(SAMPLE, len(scans))).round().astype(int))
    return scans.iloc[places]


def _path(study: ConfiguredStudy, cell: object) -> Path | None:
    return None if pd.isna(cell) else study.registry.parent / str(cell)  # type: ignore[call-overload]


def read_scan(scan_id: str, files: dict[str, Path | None], label_set: LabelSet, start_from: str) -> ReadScan:
    """Read the CT of a scan, and its label map if this is the starting point, and return the result."""
    ct_path, map_path = files["ct_path"], files["segmentation_path"]
    remarks: list[str] = []
    structures: frozenset[str] = frozenset()
    try:
        if start_from == "segmentations":
            found = existing_segmentations.read_segmentation(_given(map_path), label_set, ct_path)
            remarks += [found.detail] if found.detail else []
            present = set(existing_segmentations.labels_in(found.volume.data).tolist())
            structures = frozenset(name for name, label in found.labels.items() if label in present)
        if ct_path or start_from == "images":
            ct = read_ct(_given(ct_path), holes=start_from != "images")
            scale = hu_scale.refuse_other_scales(ct.data)
            remarks += [] if scale.is_hu else [f"{hu_scale.MEANINGS[scale.finding]}"]
            spacing = remark_on_spacing(ct) if start_from == "images" else None
            remarks += [spacing] if spacing else []
    except ScanError as error:
        return ReadScan(scan_id, error.reason, without_file_names(error, files).detail)
    return ReadScan(scan_id, remarks=tuple(remarks), structures=structures)


def _given(path: Path | None) -> Path:
    if path is None:
        raise ScanError("missing_file", "the registry contains no path")
    return path


def findings_of(read: Sequence[ReadScan], n: int, label_set: LabelSet, start_from: str) -> Iterator[Check]:
    """Yield the number of scans read, the errors by reason, the remarks, and the structures of the label maps."""
    good = [scan for scan in read if not scan.reason]
    which = "all scans" if len(read) == n else f"sample of {n} scans"
    stopped = f"; reading stopped after {SECONDS:g} s" if len(read) < min(SAMPLE, n) else ""
    complete = f"{count(len(read), 'scan')} read completely ({which})"
    yield Check("images", OK, f"{complete}, {len(good)} without errors{stopped}")
    for reason in dict.fromkeys(scan.reason for scan in read if scan.reason):
        failed = [scan for scan in read if scan.reason == reason]
        level = ERROR if len(read) - len(good) >= MOST_FAILED * len(read) else WARNING
        remedy = REMEDIES.get(reason, f"these scans get the status {reason} ({SEGMENT_STATUS[reason]})")
        yield Check(
            "images",
            level,
            f"{reason}: {len(failed)} of {len(read)}, first scan {failed[0].scan_id!r}: {failed[0].detail}; {remedy}",
        )
    for remark in dict.fromkeys(remark for scan in good for remark in scan.remarks):
        having = [scan.scan_id for scan in good if remark in scan.remarks]
        yield Check("images", WARNING, f"{len(having)} of {len(read)}, first scan {having[0]}: {remark}")
    if start_from == "segmentations" and good:
        yield _of_structures(good, label_set)


def _of_structures(good: Sequence[ReadScan], label_set: LabelSet) -> Check:
    present = {name for scan in good for name in scan.structures}
    absent = [name for name in label_set.names if name not in present]
    found = f"{len(present)} of {len(label_set.names)} structures occur in {count(len(good), 'label map')}"
    few = len(present) < FEW_STRUCTURES * len(label_set.names)
    more = f"; absent: {', '.join(absent[:SHOWN])}{' …' if len(absent) > SHOWN else ''}" if absent else ""
    remedy = "; set structures: to the label set of the label maps, or to a CSV of their structures" if few else ""
    return Check("label maps", WARNING if few else OK, f"{found}{more}{remedy}")
