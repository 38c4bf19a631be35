"""Progress of the segmentation of a study, from the store, the tables, and the ledgers of jobs, during a run."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import SEGMENTS, USABLE_STATUS
from ctpop.imaging import job_ledger
from ctpop.imaging.job_ledger import Line
from ctpop.stages.operate.configured_study import ConfiguredStudy

SILENCE_S = 1800  # logs have one line per minute; loading models and very large scans take several minutes
STATES = ("finished", "running", "failed", "silent", "waiting")


@dataclass(frozen=True)
class Shard:
    """A shard with the state of its job, the outcome of its scans, and their run time.

    `seconds` is the run time of all jobs on the shard, including interrupted jobs; `fresh` is the number of scans that
    these jobs processed. The time for scans already in the store is negligible.
    """

    name: str
    state: str
    done: int
    failed: Counter[str]
    left: int
    seconds: float
    fresh: int
    on_gpu: bool


def progress(study: ConfiguredStudy) -> list[Shard]:
    """Return all shards of a study."""
    finished = {path.stem for path in study.store.folder.glob("[!.]*.json")}
    members = study.cohort.groupby("shard")["scan_id"].apply(list).to_dict()
    return [look_at(study, name, members.get(name, []), finished) for name in study.shards]


def look_at(study: ConfiguredStudy, name: str, scans: list[str], finished: set[str]) -> Shard:
    """Return one shard; if it has no table yet, its finished scans are those with label maps in the store."""
    benchmarks = study.results / "benchmarks" / "segment"
    lines = job_ledger.read(job_ledger.beside(benchmarks / f"{name}_scans.csv"))
    spent = job_ledger.spent(lines)
    table = study.results / "shards" / "segments" / f"{name}.parquet"
    if table.is_file() and set(scans) <= set(rows := statuses(table)):
        seconds = max(spent.seconds, last_job(benchmarks / f"{name}.tsv"))
        failed = Counter(status for scan, status in rows.items() if status not in USABLE_STATUS and scan in set(scans))
        done = len(scans) - failed.total()
        return Shard(name, "finished", done, failed, 0, seconds, spent.fresh, spent.on_gpu)
    done = len(set(scans) & finished)
    failed = failures(lines, set(scans) - finished)
    left = len(scans) - done - failed.total()
    state = state_of(lines, study.results / "logs" / "segment" / f"{name}.log")
    seconds = spent.seconds + (since_last_line(lines) if state == "running" else 0.0)
    return Shard(name, state, done, failed, left, seconds, spent.fresh, spent.on_gpu)


def statuses(table: Path) -> dict[str, str]:
    """Return the status of each scan of a finished shard."""
    rows = SEGMENTS.read(table, "status")
    return dict(zip(rows["scan_id"], rows["status"], strict=True))


def state_of(lines: list[Line], log: Path) -> str:
    """Return the state of the job of a shard without a table: waiting, failed, running, or silent (no recent output).

    Jobs write to their log while they process a scan; a recent modification time of the log indicates a running job.
    """
    if not lines or lines[-1].event == job_ledger.FINISHED:  # finished before scans were added
        return "waiting"
    if lines[-1].event == job_ledger.FAILED:
        return "failed"
    last = max(lines[-1].at, log.stat().st_mtime if log.is_file() else 0.0)
    return "running" if time.time() - last < SILENCE_S else "silent"


def failures(lines: list[Line], scans: set[str]) -> Counter[str]:
    """Return the number of failed scans by status, from the last job on each scan in the ledger."""
    status = {line.scan_id: line.event for line in lines if line.scan_id in scans}
    return Counter(reason for reason in status.values() if reason not in USABLE_STATUS)


def since_last_line(lines: list[Line]) -> float:
    """Return the time (s) since the last line of a ledger."""
    return max(0.0, time.time() - lines[-1].at)


def last_job(benchmark: Path) -> float:
    """Return the run time (s) of the last job of a finished shard, recorded by Snakemake."""
    if not benchmark.is_file():
        return 0.0
    return float(pd.to_numeric(pd.read_csv(benchmark, sep="\t")["s"], errors="coerce").sum())
