"""Volume and attenuation of every structure in every scan: what is there, not yet judged.

In: the registry, the rows of `segments` of a shard, the store of label maps and the CT volumes. Out: a row per scan and
structure. At the third door a table of measures takes the place of images.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop import settings, structures
from ctpop.errors import ContractError, ScanError
from ctpop.images import Grid, Volume, read_ct, read_labels, sha256_of
from ctpop.registry import add_registry_arguments, included, read_registry
from ctpop.schema import FACES, MEASURES_TABLE, SEGMENTS, USABLE_STATUS
from ctpop.segmentation.store import Store

LOG = logging.getLogger(__name__)

HU_COLUMNS = ("hu_mean", "hu_sd", "hu_p05", "hu_p25", "hu_p50", "hu_p75", "hu_p95", "hu_min", "hu_max")
PERCENTILES = (5, 25, 50, 75, 95)
LOG_EVERY = 10


def measure_structures(
    labels: NDArray[np.unsignedinteger[Any]],
    hu: NDArray[Any] | None,
    grid: Grid,
    label_of: dict[str, int],
    border_layers: int,
) -> pd.DataFrame:
    """Return one row per structure, with the columns of `measures` that an image gives.

    An absent structure has volume 0 and no attenuation: zero is a measurement, missing is the lack of one.

    Parameters
    ----------
    labels
        Label of each voxel, shape (x, y, z) in RAS+; 0 is background.
    hu
        Attenuation in Hounsfield units, same shape, or nothing where there is no CT.
    grid
        Where the voxels lie.
    label_of
        Number of each structure that is to be measured.
    border_layers
        Outermost layers of voxels on each face of the image that count as its border.

    """
    size = max(label_of.values()) + 1
    numbers = list(label_of.values())
    values, ends = values_by_label(labels, hu, size)
    n_voxels = np.diff(ends, prepend=0)
    border, faces = border_contact(labels, border_layers, size)
    centroids = world_centroids(labels, grid, size)
    frame = pd.DataFrame(
        {
            "structure": list(label_of),
            "n_voxels": n_voxels[numbers],
            "volume_ml": n_voxels[numbers] * grid.voxel_ml,
            "border_voxels": border[numbers],
            "faces": [" ".join(faces[number]) or None for number in numbers],
            **{f"centroid_{axis}_mm": centroids[numbers, k] for k, axis in enumerate("xyz")},
        }
    )
    if values is None:
        return frame.assign(**dict.fromkeys(HU_COLUMNS, np.nan))
    described = np.array([describe_attenuation(values[ends[n] - n_voxels[n] : ends[n]]) for n in numbers])
    return frame.assign(**{name: described[:, k] for k, name in enumerate(HU_COLUMNS)})


def values_by_label(
    labels: NDArray[np.unsignedinteger[Any]], hu: NDArray[Any] | None, size: int
) -> tuple[NDArray[Any] | None, NDArray[np.int64]]:
    """Return attenuation sorted by label, and where each label ends; label 0 and those beyond `size` are left out.

    The voxels of label k are `values[ends[k - 1]:ends[k]]`. One stable sort of the voxels inside structures replaces
    a mask per structure, and no value is rounded or binned.
    """
    # Volumes come off the disk in Fortran order, so that the transposed array is the one with neighbouring voxels.
    backwards = labels.T
    inside = (backwards > 0) & (backwards < size)
    found = backwards[inside]
    ends = np.cumsum(np.bincount(found, minlength=size))
    if hu is None:
        return None, ends
    return hu.T[inside][np.argsort(found, kind="stable")], ends


def describe_attenuation(values: NDArray[Any]) -> list[float]:
    """Return the `HU_COLUMNS` of one structure, all missing if it has no voxel.

    The standard deviation divides by n; percentiles are interpolated linearly between order statistics.
    """
    if values.size == 0:
        return [np.nan] * len(HU_COLUMNS)
    exact = values.astype(np.float64)
    percentiles = np.percentile(exact, PERCENTILES)
    return [exact.mean(), exact.std(), *percentiles, exact.min(), exact.max()]


def border_contact(
    labels: NDArray[np.unsignedinteger[Any]], layers: int, size: int
) -> tuple[NDArray[np.int64], list[list[str]]]:
    """Return per label the voxels in the outermost layers, and the faces (out of `schema.FACES`) that it reaches."""
    faces: list[list[str]] = [[] for _ in range(size)]
    slabs = [slab for axis in range(3) for slab in _both_ends(labels, axis, layers)]
    for name, slab in zip(FACES, slabs, strict=True):
        for label in np.flatnonzero(_voxels(slab, size)):
            faces[label].append(name)
    border = np.zeros(size, np.int64)
    rest = labels  # what no slab of an earlier axis has counted
    for axis in range(3):
        near, rest, far = np.split(rest, _cuts(rest.shape[axis], layers), axis=axis)
        border += _voxels(near, size) + _voxels(far, size)
    return border, faces


def world_centroids(labels: NDArray[np.unsignedinteger[Any]], grid: Grid, size: int) -> NDArray[np.float64]:
    """Return the centre of mass of each label in world mm, shape (size, 3); missing where a label has no voxel."""
    where = np.nonzero((labels > 0) & (labels < size))
    found = labels[where]
    n_voxels = np.bincount(found, minlength=size)
    sums = np.stack([np.bincount(found, weights=axis, minlength=size) for axis in where], axis=1)
    voxel: NDArray[np.float64] = np.divide(
        sums, n_voxels[:, None], out=np.full(sums.shape, np.nan), where=n_voxels[:, None] > 0
    )
    return voxel @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def unmeasured(names: list[str], status: str) -> pd.DataFrame:
    """Return rows for structures that were not measured, with the reason."""
    frame = pd.DataFrame({"structure": names, "status": status})
    return frame.reindex(columns=[name for name in MEASURES_TABLE.columns if name != "scan_id"])


@dataclass(frozen=True)
class Study:
    """What measuring a scan needs to know besides the scan."""

    store: Store
    names: list[str]
    border_layers: int


def measure_scan(scan_id: str, ct_path: Path | None, mask_sha256: str, study: Study) -> pd.DataFrame:
    """Return the rows of one scan.

    Raises
    ------
    ScanError
        If CT or label map cannot be read, or do not share a grid (`grid_mismatch`); nothing is resampled.

    """
    label_of = study.store.labels_of(scan_id)
    known = {name: label_of[name] for name in study.names if name in label_of}
    mask = read_mask(study.store.mask_path(scan_id), mask_sha256)
    ct = read_ct(ct_path) if ct_path else None
    if ct is not None and (difference := mask.grid.differs_from(ct.grid)):
        raise ScanError("grid_mismatch", f"label map and CT do not share a grid: {difference}")
    rows = [unmeasured([name for name in study.names if name not in known], "not_in_model")]
    if known:
        hu = ct.data if ct is not None else None
        measured = measure_structures(mask.data, hu, mask.grid, known, study.border_layers)
        rows.insert(0, measured.assign(status="measured"))
    return pd.concat([row for row in rows if len(row)], ignore_index=True)


def read_mask(path: Path, sha256: str) -> Volume:
    """Return a label map of the store, refused if its bytes are not those that were written."""
    if sha256_of(path) != sha256:
        raise ScanError("unreadable", f"{path.name} has changed since it was written; run the segment stage again")
    return read_labels(path)


def measure_shard(segments: pd.DataFrame, ct_paths: dict[str, Path | None], study: Study) -> pd.DataFrame:
    """Return the rows of all scans of a shard; a scan that cannot be measured has rows with the reason."""
    frames = []
    scans = zip(segments["scan_id"], segments["status"], segments["mask_sha256"], strict=True)
    for done, (scan_id, status, sha256) in enumerate(scans, start=1):
        try:
            rows = measure_scan(scan_id, ct_paths[scan_id], sha256, study) if status in USABLE_STATUS else None
        except ScanError as error:
            LOG.info("%s is not measured: %s", scan_id, error)
            rows, status = None, error.reason
        rows = unmeasured(study.names, status) if rows is None else rows
        frames.append(MEASURES_TABLE.check(rows.assign(scan_id=scan_id)))
        if done % LOG_EVERY == 0:
            LOG.info("%d/%d scans", done, len(segments))
    return pd.concat(frames, ignore_index=True) if frames else MEASURES_TABLE.empty()


def take_over(table: pd.DataFrame, scan_ids: list[str], names: list[str], place: Path) -> pd.DataFrame:
    """Return a user's table of measures as `measures`: every scan of the cohort with every structure.

    A scan and structure without a row, or with neither volume nor attenuation, is `not_in_table`. Rows of scans
    outside the cohort and of structures outside the label set are set aside.

    Raises
    ------
    ContractError
        If a needed column is missing, or no row belongs to the cohort and the label set.

    """
    needed = [name for name in ("scan_id", "structure") if name not in table.columns]
    if needed or not {"volume_ml", "hu_mean"} & set(table.columns):
        raise ContractError(
            f"{place}: columns scan_id, structure and volume_ml or hu_mean are needed, found {', '.join(table.columns)}"
        )
    known = table[[name for name in MEASURES_TABLE.columns if name in table.columns and name != "status"]]
    known = known.astype({"scan_id": str, "structure": str})
    ours = known[known["scan_id"].isin(scan_ids) & known["structure"].isin(names)]
    if ours.empty:
        raise ContractError(f"{place}: no row has a scan_id of the cohort and a structure of the label set")
    LOG.info("%d rows taken over, %d of other scans or structures set aside", len(ours), len(known) - len(ours))
    values = [name for name in ("n_voxels", "volume_ml", "hu_mean") if name in ours.columns]
    present = ours[values].notna().any(axis=1)
    typed = ours.assign(status=np.where(present, "measured", "not_in_table")).reindex(
        columns=list(MEASURES_TABLE.columns)
    )
    checked = MEASURES_TABLE.check(typed, where=place)
    every = pd.MultiIndex.from_product([scan_ids, names], names=["scan_id", "structure"])
    whole = checked.set_index(["scan_id", "structure"]).reindex(every).reset_index()
    return whole.assign(status=whole["status"].fillna("not_in_table"))


def read_user_table(path: Path) -> pd.DataFrame:
    """Return a table of measures from CSV or Parquet.

    Raises
    ------
    ContractError
        If the file does not exist.

    """
    if not path.is_file():
        raise ContractError(f"{path}: the table of measures does not exist; set study.measures")
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"scan_id": str})


def run(options: argparse.Namespace) -> None:
    """Measure a shard, or take over a table, and write the rows."""
    if options.segments and not options.masks:
        raise ContractError("--masks: is missing; --segments tells of label maps in a store")
    border_layers = settings.section("measure", options.settings)["border_layers"]
    cohort = included(read_registry(options.registry), options.criteria)
    names = structures.read(options.structures).names
    if options.table:
        LOG.info("%d scans, measures from %s", len(cohort), options.table.name)
        rows = take_over(read_user_table(options.table), list(cohort["scan_id"]), names, options.table)
    else:
        segments = SEGMENTS.read(options.segments)
        LOG.info("%d scans, %d structures", len(segments), len(names))
        files = zip(cohort["scan_id"], cohort["ct_path"], strict=True)
        ct_paths = {str(scan): options.registry.parent / str(path) if pd.notna(path) else None for scan, path in files}
        rows = measure_shard(segments, ct_paths, Study(Store(options.masks), names, border_layers))
    written = MEASURES_TABLE.write(rows, options.out)
    counts = ", ".join(f"{n} {status}" for status, n in written["status"].value_counts().sort_index().items())
    LOG.info("%d rows = %s", len(written), counts or "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    add_registry_arguments(parser)
    parser.add_argument("--structures", required=True, help="label set: shipped name or CSV")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--segments", type=Path, help="Parquet with the rows of segments of a shard")
    source.add_argument("--table", type=Path, help="CSV or Parquet with measures made elsewhere")
    parser.add_argument("--masks", type=Path, help="folder of the store of label maps (with --segments)")
    parser.add_argument("--settings", default="{}", help="section measure of the configuration, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="Parquet to write")


def _cuts(n: int, layers: int) -> list[int]:
    """Return where the inner part of an axis begins and ends; nothing is inner where the two borders meet."""
    begin = min(layers, n)
    return [begin, max(n - layers, begin)]


def _voxels(labels: NDArray[Any], size: int) -> NDArray[np.int64]:
    return np.bincount(labels.ravel(), minlength=size)[:size]


def _both_ends(labels: NDArray[Any], axis: int, layers: int) -> list[NDArray[Any]]:
    turned = np.moveaxis(labels, axis, 0)
    return [turned[:layers], turned[-layers:]]
