"""The scans of a shard, and reading label map and CT of one of them."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Volume, read_ct, read_labels, sha256_of
from ctpop.imaging.label_map_store import LabelMapStore


@dataclass(frozen=True)
class SegmentedScan:
    """A scan of `segments`: what has become of its label map, and where its CT is."""

    scan_id: str
    status: str
    mask_sha256: str
    ct_path: Path | None


def scans_of(segments: pd.DataFrame, cohort: pd.DataFrame, root: Path) -> list[SegmentedScan]:
    """Return the scans of a shard, with paths relative to the registry's folder made whole."""
    files = zip(cohort["scan_id"], cohort["ct_path"], strict=True)
    ct_paths = {str(scan_id): root / str(path) if pd.notna(path) else None for scan_id, path in files}
    rows = zip(segments["scan_id"], segments["status"], segments["mask_sha256"], strict=True)
    return [SegmentedScan(scan_id, status, sha256, ct_paths[scan_id]) for scan_id, status, sha256 in rows]


def read_both(scan: SegmentedScan, store: LabelMapStore) -> tuple[Volume, Volume | None]:
    """Return label map and CT of a scan.

    Raises
    ------
    ScanError
        If one of them cannot be read, or they do not share a grid (`grid_mismatch`); nothing is resampled.

    """
    mask = read_mask(store.mask_path(scan.scan_id), scan.mask_sha256)
    ct = read_ct(scan.ct_path) if scan.ct_path else None
    if ct is not None and (difference := mask.grid.differs_from(ct.grid)):
        raise ScanError("grid_mismatch", f"label map and CT do not share a grid: {difference}")
    return mask, ct


def read_mask(path: Path, sha256: str) -> Volume:
    """Return a label map of the store, refused if its bytes are not those that were written."""
    if sha256_of(path) != sha256:
        raise ScanError("unreadable", f"{path.name} has changed since it was written; run the segment stage again")
    return read_labels(path)
