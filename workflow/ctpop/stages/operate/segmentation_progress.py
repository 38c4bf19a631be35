"""How far the segmentation of a study is, from the store, the tables and the logs, while it runs."""

import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from ctpop.contracts.all_tables import SEGMENTS, USABLE_STATUS
from ctpop.contracts.codes import SEGMENT_STATUS
from ctpop.imaging import job_ledger
from ctpop.stages.operate.configured_study import Study

SILENCE_S = 1800  # a job tells once a minute how far it is; loading models and the largest scans take some minutes more
STATES = ("finished", "running", "failed", "silent", "waiting")
ROW = re.compile(r"^(?P<time>[\d-]+ [\d:]+),\d+ segment: (?P<scan>\S+) (?P<reason>\w+): ")
FAILURE = re.compile(r"^(error in segment: |Traceback )")
STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Shard:
    """A shard, the state of its job, what became of its scans, and what they cost.

    `seconds` are those of all jobs on it, also of jobs that were killed; `fresh` counts the scans that they made. Those
    found finished in the store cost nothing worth telling.
    """

    name: str
    state: str
    done: int
    failed: Counter[str]
    left: int
    seconds: float
    fresh: int
    on_gpu: bool


def progress(study: Study) -> list[Shard]:
    """Return every shard of a study."""
    finished = {path.stem for path in study.store.folder.glob("[!.]*.json")}
    members = study.cohort.groupby("shard")["scan_id"].apply(list).to_dict()
    return [look_at(study, name, members.get(name, []), finished) for name in study.shards]


def look_at(study: Study, name: str, scans: list[str], finished: set[str]) -> Shard:
    """Return one shard; a shard without a table has the scans whose label maps are in the store."""
    log = study.results / "logs" / "segment" / f"{name}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    benchmarks = study.results / "benchmarks" / "segment"
    spent = job_ledger.spent(job_ledger.beside(benchmarks / f"{name}_scans.csv")) or job_ledger.Spent(0.0, 0, False)
    table = study.results / "shards" / "segments" / f"{name}.parquet"
    if table.is_file() and set(scans) <= set(rows := statuses(table)):
        seconds = max(spent.seconds, last_job(benchmarks / f"{name}.tsv"))
        failed = Counter(status for scan, status in rows.items() if status not in USABLE_STATUS and scan in set(scans))
        done = len(scans) - failed.total()
        return Shard(name, "finished", done, failed, 0, seconds, spent.fresh, spent.on_gpu)
    done = len(set(scans) & finished)
    failed = failures(lines, set(scans) - finished)
    seconds = max(spent.seconds, elapsed(lines, log))
    left = len(scans) - done - failed.total()
    return Shard(name, state_of(log, lines), done, failed, left, seconds, spent.fresh, spent.on_gpu)


def statuses(table: Path) -> dict[str, str]:
    """Return the status of each scan of a finished shard."""
    rows = SEGMENTS.read(table, "status")
    return dict(zip(rows["scan_id"], rows["status"], strict=True))


def state_of(log: Path, lines: list[str]) -> str:
    """Return the state of the job of a shard without a table: running, failed, silent for long, or still waiting."""
    if not log.is_file():
        return "waiting"
    if any(map(FAILURE.match, lines)):
        return "failed"
    return "running" if time.time() - log.stat().st_mtime < SILENCE_S else "silent"


def failures(lines: list[str], scans: set[str]) -> Counter[str]:
    """Return how often each reason stands in a log, once for each scan."""
    found = [match for line in lines if (match := ROW.match(line))]
    reasons = {match["scan"]: match["reason"] for match in found if match["reason"] in SEGMENT_STATUS}
    return Counter(reason for scan, reason in reasons.items() if scan in scans)


def elapsed(lines: list[str], log: Path) -> float:
    """Return the seconds from the beginning of a log to its last line, 0 if it does not tell when it began."""
    stamps = [line[:19] for line in lines if STAMP.match(line)]
    return max(0.0, log.stat().st_mtime - datetime.fromisoformat(stamps[0]).timestamp()) if stamps else 0.0


def last_job(benchmark: Path) -> float:
    """Return the seconds of the last job of a finished shard, as Snakemake took them."""
    if not benchmark.is_file():
        return 0.0
    return float(pd.to_numeric(pd.read_csv(benchmark, sep="\t")["s"], errors="coerce").sum())
