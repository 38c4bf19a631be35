"""Make, or take over, the label map of every scan of a shard.

In: the registry, of which the included scans of the shard are taken. Out: a row per scan in `segments`, and the label
maps in the store. A scan that cannot be read or predicted is a row with a reason, and the shard goes on. A finished
scan is never done twice, and the model is loaded only when a scan needs it.
"""

import argparse
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ctpop import settings, structures
from ctpop.errors import ContractError, ScanError
from ctpop.images import read_ct, sha256_of
from ctpop.registry import add_registry_arguments, included, read_registry
from ctpop.schema import SEGMENTS
from ctpop.segmentation import existing, model_folder
from ctpop.segmentation.store import Note, Store, fingerprint_of
from ctpop.shards import parse_shard, shard_of
from ctpop.tables import remove_half_written, write_csv

if TYPE_CHECKING:
    from ctpop.segmentation.nnunet import NnunetModel

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scan:
    """A scan of the cohort with its files."""

    scan_id: str
    ct_path: Path | None
    segmentation_path: Path | None


class Predict:
    """Segments CT volumes with an nnU-Net model that is loaded at the first scan which needs it."""

    status = "segmented"

    def __init__(self, store: Store, label_set: structures.LabelSet, options: dict[str, Any]) -> None:
        if "model" not in options:
            raise ContractError("segment.model: is missing; engine nnunet needs a model folder of nnU-Net v2 (or demo)")
        folder = model_folder.find_folder(options["model"])
        known = model_folder.labels_of(folder)
        if not set(known) & set(label_set.names):
            raise ContractError(
                f"segment.model: {options['model']} knows no structure of label set {label_set.name};"
                f" it knows {', '.join(list(known)[:5])}, …; set structures to the label set of the model"
            )
        self.store = store
        self.options = options
        self.digest = model_folder.digest_of(folder)
        self.model: NnunetModel | None = None

    def __call__(self, scan: Scan) -> tuple[Note, bool]:
        """Return the note on the scan's label map, and whether it was there already."""
        path = _given(scan.ct_path, "ct_path")
        key = fingerprint_of(
            ct=sha256_of(path), model=self.digest, version=model_folder.VERSION, step_size=self.options["step_size"]
        )
        done = self.store.finished(scan.scan_id, key)
        if done:
            return done, True
        ct = read_ct(path)
        self.model = self.model or load_model(self.options)
        note = Note(key, "", self.model.labels, self.model.name)
        return self.store.keep(scan.scan_id, self.model.segment(ct), ct, note), False


def load_model(options: dict[str, Any]) -> "NnunetModel":
    """Return the model of the settings; torch is imported here and nowhere else."""
    began = time.monotonic()
    from ctpop.segmentation.nnunet import NnunetModel

    model = NnunetModel(options["model"], options["device"], options["step_size"], options["cpu_threads"])
    LOG.info("model %s loaded on %s in %.1f s", model.name, model.device, time.monotonic() - began)
    return model


class TakeOver:
    """Takes over label maps or mask folders that exist already."""

    status = "existing"

    def __init__(self, store: Store, label_set: structures.LabelSet) -> None:
        self.store = store
        self.label_set = label_set

    def __call__(self, scan: Scan) -> tuple[Note, bool]:
        """Return the note on the scan's label map, and whether it was there already."""
        path = _given(scan.segmentation_path, "segmentation_path")
        key = fingerprint_of(
            segmentation=existing.checksum(path),
            ct=sha256_of(scan.ct_path) if scan.ct_path else None,
            labels=self.label_set.label_of,
            version=existing.VERSION,
        )
        done = self.store.finished(scan.scan_id, key)
        if done:
            return done, True
        found = existing.read_segmentation(path, self.label_set, scan.ct_path)
        note = Note(key, "", found.labels, detail=found.detail)
        return self.store.keep(scan.scan_id, found.volume.data, found.volume, note), False


def members(cohort: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return the rows of a cohort that belong to a shard."""
    keys = cohort["patient_id"].fillna(cohort["scan_id"])
    return cohort[keys.map(lambda key: shard_of(key, shards)).eq(shard)]


def scans_of(cohort: pd.DataFrame, root: Path) -> list[Scan]:
    """Return the scans of a cohort, with paths relative to the registry's folder made whole."""

    def whole(path: Any) -> Path | None:
        return root / str(path) if pd.notna(path) else None

    rows = zip(cohort["scan_id"], cohort["ct_path"], cohort["segmentation_path"], strict=True)
    return [Scan(str(scan_id), whole(ct), whole(segmentation)) for scan_id, ct, segmentation in rows]


def segment_scan(scan: Scan, engine: Predict | TakeOver) -> tuple[dict[str, Any], bool]:
    """Return a row of `segments` for a scan, and whether its label map was there already."""
    row: dict[str, Any] = {"scan_id": scan.scan_id, "mask_path": None, "mask_sha256": None, "model": None}
    try:
        note, reused = engine(scan)
    except ScanError as error:
        return {**row, "status": error.reason, "detail": error.detail}, False
    stored = {
        "mask_path": f"{engine.store.folder.name}/{scan.scan_id}.nii.gz",
        "mask_sha256": note.mask_sha256,
        "model": note.model,
        "detail": note.detail,
    }
    return {**row, **stored, "status": engine.status}, reused


def segment_scans(scans: list[Scan], engine: Predict | TakeOver) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of `segments`, and the seconds that each scan took."""
    rows, times = [], []
    began = time.monotonic()
    for done, scan in enumerate(scans, start=1):
        start = time.monotonic()
        row, reused = segment_scan(scan, engine)
        rows.append(row)
        seconds = time.monotonic() - start
        times.append({"scan_id": scan.scan_id, "seconds": round(seconds, 3), "reused": reused})
        left = (time.monotonic() - began) / done * (len(scans) - done)
        LOG.info(
            "%d/%d %s %s%s, %.1f s, %.0f s left",
            *(done, len(scans), scan.scan_id, row["status"], " earlier" if reused else "", seconds, left),
        )
    return pd.DataFrame(rows, columns=list(SEGMENTS.columns)), pd.DataFrame(
        times, columns=["scan_id", "seconds", "reused"]
    )


def run(options: argparse.Namespace) -> None:
    """Segment the scans of one shard, write their rows, and say how many came to what end."""
    chosen = settings.section("segment", options.settings)
    cohort = members(included(read_registry(options.registry), options.criteria), *options.shard)
    LOG.info("shard %d of %d: %d scans, engine %s", options.shard[0] + 1, options.shard[1], len(cohort), options.engine)
    store, label_set = Store(options.masks), structures.read(options.structures)
    remove_half_written(options.masks)
    engine = Predict(store, label_set, chosen) if options.engine == "nnunet" else TakeOver(store, label_set)
    segments, times = segment_scans(scans_of(cohort, options.registry.parent), engine)
    SEGMENTS.write(segments, options.out)
    if options.times:
        write_csv(times, options.times)
    ends = ", ".join(f"{number} {status}" for status, number in segments["status"].value_counts().sort_index().items())
    LOG.info("%d scans in = %s", len(cohort), ends or "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    add_registry_arguments(parser)
    parser.add_argument(
        "--shard",
        type=parse_shard,
        default="1-of-1",
        metavar="K-of-N",
        help="part of the cohort, as 3-of-16 (default %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=["nnunet", "existing"],
        required=True,
        help="nnunet predicts from the CT; existing takes over segmentation_path (label map or folder of masks)",
    )
    parser.add_argument("--structures", required=True, help="label set: shipped name or CSV")
    parser.add_argument("--settings", default="{}", help="section segment of the configuration, as JSON")
    parser.add_argument("--masks", type=Path, required=True, help="folder of the store of label maps")
    parser.add_argument("--out", type=Path, required=True, help="Parquet to write: one row per scan")
    parser.add_argument("--times", type=Path, help="CSV to write: seconds per scan")


def _given(path: Path | None, column: str) -> Path:
    if path is None:
        raise ScanError("missing_file", f"the registry gives no {column}")
    return path
