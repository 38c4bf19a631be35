"""The scans of a shard, and functions that read the label map and the CT of a scan."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import Volume, read_ct, read_labels, sha256_of
from ctpop.imaging.label_map_store import LabelMapStore


@dataclass(frozen=True)
class SegmentedScan:
    """A scan in the table `segments`.

    Attributes
    ----------
    scan_id : str
        Identifier of the scan.
    status : str
        Code of `SegmentStatus`, which indicates a label map or the reason for its absence.
    mask_sha256 : str
        SHA-256 digest of the file of the label map; NaN if the scan has no label map.
    ct_path : Path or None
        Path of the CT; None if the scan has no CT.
    detail : str
        Explanation of the status; empty if no explanation is needed.

    Examples
    --------
    >>> scan = SegmentedScan("scan1", "segmented", "0123abcd", Path("ct/scan1.nii.gz"))
    >>> scan.status
    'segmented'

    """

    scan_id: str
    status: str
    mask_sha256: str
    ct_path: Path | None
    detail: str = ""


def scans_of(segments: pd.DataFrame, cohort: pd.DataFrame, root: Path) -> list[SegmentedScan]:
    """Return the scans of a shard, and resolve relative paths against the folder of the registry.

    Parameters
    ----------
    segments : pandas.DataFrame
        Table `segments` of the shard, with the columns `scan_id`, `status`, `mask_sha256`, and `detail`.
    cohort : pandas.DataFrame
        Table `cohort` with these scans, with the columns `scan_id` and `ct_path`.
    root : Path
        Folder of the registry.

    Returns
    -------
    list of SegmentedScan
        The scans in the order of `segments`.

    Raises
    ------
    KeyError
        If a scan of `segments` is not in `cohort`, or a column is missing.

    Examples
    --------
    >>> segments = pd.DataFrame(
    ...     {"scan_id": ["scan1"], "status": ["segmented"], "mask_sha256": ["0123abcd"], "detail": [None]}
    ... )
    >>> cohort = pd.DataFrame({"scan_id": ["scan1"], "ct_path": ["ct/scan1.nii.gz"]})
    >>> scans = scans_of(segments, cohort, Path("study"))
    >>> scans[0].scan_id, scans[0].ct_path.as_posix()
    ('scan1', 'study/ct/scan1.nii.gz')

    """
    files = zip(cohort["scan_id"], cohort["ct_path"], strict=True)
    ct_paths = {str(scan_id): root / str(path) if pd.notna(path) else None for scan_id, path in files}
    rows = zip(
        *(segments[name] for name in ("scan_id", "status", "mask_sha256")), segments["detail"].fillna(""), strict=True
    )
    return [
        SegmentedScan(scan_id, status, sha256, ct_paths[scan_id], detail) for scan_id, status, sha256, detail in rows
    ]


def without_file_names(error: ScanError, paths: Mapping[str, Path | None]) -> ScanError:
    """Replace file names, which can contain names of patients, by column names in the detail of an error.

    Parameters
    ----------
    error : ScanError
        Error of a scan.
    paths : mapping of str to (Path or None)
        Files of the scan, by the registry column that contains their paths.

    Returns
    -------
    ScanError
        An error with the same reason and the changed detail.

    Examples
    --------
    >>> error = ScanError("missing_file", "SMITH_JOHN.nii.gz does not exist")
    >>> without_file_names(error, {"ct_path": Path("ct/SMITH_JOHN.nii.gz")}).detail
    'ct_path does not exist'

    """
    names = {path.name: column for column, path in paths.items() if path and path.name}
    detail = error.detail
    for name in sorted(names, key=len, reverse=True):
        detail = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", names[name], detail)
    return ScanError(error.reason, detail)


def read_both(scan: SegmentedScan, store: LabelMapStore) -> tuple[Volume, Volume | None]:
    """Read the label map and the CT of a scan.

    Parameters
    ----------
    scan : SegmentedScan
        Scan with a label map.
    store : LabelMapStore
        Store of the label map.

    Returns
    -------
    mask : Volume
        Label of each voxel, shape (x, y, z) in RAS+.
    ct : Volume or None
        Attenuation in HU, shape (x, y, z) in RAS+, with `HOLE_HU` in place of values that are not finite; None if the
        scan has no CT.

    Raises
    ------
    ScanError
        `missing_file`, `unreadable`, `not_read`, `bad_geometry`, `bad_values`, or `out_of_memory` if a file cannot be
        read; `grid_mismatch` if the label map and the CT have different grids, because images are not resampled.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ctpop.imaging.images import Grid
    >>> from ctpop.imaging.label_map_store import LabelMapNote
    >>> labels = Volume(np.array([[[0, 1]]], np.uint8), Grid((1, 1, 2), np.eye(4)), np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = LabelMapStore(Path(folder))
    ...     note = store.keep("scan1", labels, LabelMapNote("0123abcd", "", {"liver": 1}))
    ...     mask, ct = read_both(SegmentedScan("scan1", "segmented", note.mask_sha256, None), store)
    >>> mask.data, ct
    (array([[[0, 1]]], dtype=uint8), None)

    """
    mask = read_mask(store.mask_path(scan.scan_id), scan.mask_sha256)
    ct = read_ct(scan.ct_path, holes=True) if scan.ct_path else None
    if ct is not None and (difference := mask.grid.differs_from(ct.grid)):
        raise ScanError("grid_mismatch", f"the label map and the CT have different grids: {difference}")
    return mask, ct


def read_mask(path: Path, sha256: str) -> Volume:
    """Read a label map of the store, and reject it if its bytes have changed since it was written.

    Parameters
    ----------
    path : Path
        File of the label map.
    sha256 : str
        SHA-256 digest of the file at the time of writing.

    Returns
    -------
    Volume
        Label of each voxel, shape (x, y, z) in RAS+, uint8 or uint16.

    Raises
    ------
    ScanError
        `unreadable` if the file has changed; `missing_file`, `unreadable`, `not_read`, `bad_geometry`, `bad_values`, or
        `out_of_memory` if the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from ctpop.imaging import nifti_writer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "scan1.nii.gz")
    ...     nifti_writer.write(np.array([[[0, 1]]], np.uint8), np.eye(4), path, level=1)
    ...     mask = read_mask(path, sha256_of(path))
    >>> mask.data
    array([[[0, 1]]], dtype=uint8)

    """
    if sha256_of(path) != sha256:
        raise ScanError("unreadable", f"{path.name} has changed since it was written; run the segment stage again")
    return read_labels(path)
