"""The command `segment`, which creates or reads the label maps of the scans of a shard.

Input: the registry, from which the included scans of the shard are selected. Output: the table `segments` with one row
per scan, and the label maps in the store. A scan that cannot be read, predicted, or written has a row with a reason,
and processing continues with the next scan. Finished scans are not processed again, and the models are loaded only if a
scan requires them.
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.all_tables import CONVERSIONS, SEGMENTS, USABLE_STATUS
from ctpop.contracts.table_files import write_csv
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import remove_half_written
from ctpop.foundation.progress import Progress
from ctpop.imaging.failure_policy import PASSING, failure
from ctpop.imaging.job_ledger import Ledger, beside
from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.stages.segment.pipeline import STEPS, Attempt, LabelMapSource, attempts
from ctpop.stages.segment.sources import ExistingLabelMaps, Predict, ScanToSegment
from ctpop.study import configuration, label_sets
from ctpop.study.registry import add_registry_argument, included_scans
from ctpop.study.shards import parse_shard, shard_of

LOG = logging.getLogger(__name__)


def members(cohort: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return the rows of the cohort that are in a shard."""
    keys = cohort["patient_id"].fillna(cohort["scan_id"])
    return cohort[keys.map(lambda key: shard_of(key, shards)).eq(shard)]


def refused(cohort: pd.DataFrame, conversions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `segments` for scans whose DICOM files were not converted to a CT volume."""
    without = conversions[conversions["status"].ne("converted") & conversions["scan_id"].isin(cohort["scan_id"])]
    details = without["status"] + ": " + without["detail"].fillna("")
    rows = pd.DataFrame({"scan_id": without["scan_id"], "status": "not_converted", "detail": details})
    return rows.reindex(columns=list(SEGMENTS.columns))


def scans_of(cohort: pd.DataFrame, root: Path) -> list[ScanToSegment]:
    """Return the scans of a cohort, and resolve relative paths against the folder of the registry."""

    def whole(path: Any) -> Path | None:
        return root / str(path) if pd.notna(path) else None

    rows = zip(cohort["scan_id"], cohort["ct_path"], cohort["segmentation_path"], strict=True)
    return [ScanToSegment(str(scan_id), whole(ct), whole(segmentation)) for scan_id, ct, segmentation in rows]


def segment_scans(
    scans: list[ScanToSegment], source: LabelMapSource, ledger: Ledger
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Segment scans, and return the rows of `segments` and a table of run times (s) and GPU memory by scan."""
    rows, costs = [], []
    progress = Progress(LOG, len(scans), "scans")
    for attempt in ends(scans, source):
        row = row_of(attempt, source)
        rows.append(row)
        costs.append(cost_of(attempt, source.memory_mb()))
        if row["status"] not in USABLE_STATUS:
            LOG.warning("%s %s: %s", row["scan_id"], row["status"], row["detail"])
        gpu_mb = costs[-1]["gpu_mb"]
        progress.add(remark="" if gpu_mb is None else f"GPU memory {gpu_mb} MB")
        ledger.add(row["status"], costs[-1])
    columns = ["scan_id", *(f"{step}_seconds" for step in STEPS), "gpu_mb", "reused"]
    return pd.DataFrame(rows, columns=list(SEGMENTS.columns)), pd.DataFrame(costs, columns=columns)


def log_remarks(segments: pd.DataFrame) -> None:
    """Log each type of remark on label maps once, with the number of affected scans and the first of them."""
    remarks = segments.loc[segments["status"].isin(USABLE_STATUS), ["scan_id", "detail"]].dropna()
    kind = remarks["detail"].str.replace(r"\d+", "#", regex=True)
    for _, having in remarks.groupby(kind, sort=False):
        LOG.info("scans: %d, first %s: %s", len(having), having["scan_id"].iloc[0], having["detail"].iloc[0])


def ends(scans: list[ScanToSegment], source: LabelMapSource) -> Iterator[Attempt]:
    """Yield the final attempt at each scan, and repeat scans that failed for a temporary reason after the others.

    No other scan is read or written during a repeated attempt, so more memory is available.
    """
    again = []
    for attempt in attempts(scans, source):
        if attempt.error and attempt.error.reason in PASSING:
            LOG.warning("%s will be repeated after the other scans: %s", attempt.scan.scan_id, attempt.error)
            again.append(attempt.scan)
            continue
        yield attempt
    for scan in again:
        yield from attempts([scan], source)


def row_of(attempt: Attempt, source: LabelMapSource) -> dict[str, Any]:
    """Return the row of `segments` for a finished or failed scan."""
    scan_id = attempt.scan.scan_id
    if attempt.error:
        nothing = dict.fromkeys(("mask_path", "mask_sha256", "model"))
        return {"scan_id": scan_id, "status": attempt.error.reason, "detail": attempt.error.detail, **nothing}
    assert attempt.note is not None
    return {
        "scan_id": scan_id,
        "status": source.status,
        "mask_path": f"{source.store.folder.name}/{scan_id}.nii.gz",
        "mask_sha256": attempt.note.mask_sha256,
        "model": attempt.note.model,
        "detail": attempt.note.detail,
    }


def cost_of(attempt: Attempt, gpu_mb: int | None) -> dict[str, Any]:
    """Return the run times (s) and GPU memory (MB) of a scan. Steps that were not started are missing."""
    seconds = {f"{step}_seconds": round(taken, 3) for step, taken in attempt.seconds.items()}
    return {"scan_id": attempt.scan.scan_id, **seconds, "gpu_mb": gpu_mb, "reused": attempt.reused}


@dataclass(frozen=True)
class SegmentOptions:
    """Options of the command `segment`, described by `ctpop segment --help`."""

    registry: Path
    shard: tuple[int, int]
    engine: str
    structures: str
    config: Path | None
    masks: Path
    conversions: Path | None
    out: Path
    attempts_left: int
    times: Path | None


def run(options: SegmentOptions) -> None:
    """Segment the scans of a shard, write their rows, and log the number of scans by status."""
    with Ledger(beside(options.times) if options.times else None) as ledger:
        segment_shard(options, ledger)


def segment_shard(options: SegmentOptions, ledger: Ledger) -> None:
    """Segment the scans of a shard, and record each scan in the ledger."""
    chosen = configuration.section("segment", options.config)
    cohort = members(included_scans(options.registry, options.config), *options.shard)
    LOG.info("shard %d of %d: %d scans, engine %s", options.shard[0] + 1, options.shard[1], len(cohort), options.engine)
    store, label_set = LabelMapStore(options.masks), label_sets.read(options.structures)
    remove_half_written(options.masks)
    source = Predict(store, label_set, chosen) if options.engine == "nnunet" else ExistingLabelMaps(store, label_set)
    conversions = CONVERSIONS.read(options.conversions) if options.conversions else CONVERSIONS.empty()
    excluded = refused(cohort, conversions)
    left = cohort[~cohort["scan_id"].isin(excluded["scan_id"])]
    segments, times = segment_scans(scans_of(left, options.registry.parent), source, ledger)
    reason = failure(segments["status"], USABLE_STATUS, chosen["max_failed_share"], options.attempts_left)
    if reason:
        raise ContractError(f"shard {options.shard[0] + 1}-of-{options.shard[1]}: {reason}")
    log_remarks(segments)
    segments = pd.concat([segments, excluded], ignore_index=True) if len(excluded) else segments
    SEGMENTS.write(segments, options.out)
    if options.times:
        write_csv(times, options.times)
    ends = ", ".join(f"{number} {status}" for status, number in segments["status"].value_counts().sort_index().items())
    LOG.info("%d scans: %s; already finished: %d", len(cohort), ends or "none", int(times["reused"].sum()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    add_registry_argument(parser)
    parser.add_argument(
        "--shard",
        type=parse_shard,
        default="1-of-1",
        metavar="K-of-N",
        help="part of the cohort, for example 3-of-16 (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=["nnunet", "existing"],
        required=True,
        help="nnunet: segment the CT; existing: read segmentation_path (label map or folder of masks)",
    )
    parser.add_argument("--structures", required=True, help="name of a label set, or path of a CSV")
    configuration.add_config_argument(parser, "cohort", "segment")
    parser.add_argument("--masks", type=Path, required=True, help="folder of the label map store")
    parser.add_argument("--conversions", type=Path, help="Parquet with the table of DICOM conversions")
    parser.add_argument("--out", type=Path, required=True, help="output Parquet with one row per scan")
    parser.add_argument(
        "--attempts-left",
        type=int,
        default=0,
        help="number of remaining attempts; with 0, each failed scan has a row with its reason (default: %(default)s)",
    )
    parser.add_argument(
        "--times",
        type=Path,
        help="output CSV with run times and GPU memory of each scan; the ledger of jobs is written to the same folder",
    )
