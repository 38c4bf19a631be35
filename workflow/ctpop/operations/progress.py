"""How far the segmentation of a study is, from the store, the tables and the logs, while it runs."""

import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from ctpop.codes import SEGMENT_STATUS
from ctpop.operations.study import Study
from ctpop.schema import SEGMENTS, USABLE_STATUS

SILENCE_S = 1800  # a job tells once a minute how far it is; loading models and the largest scans take some minutes more
STATES = ("finished", "running", "silent", "waiting")
ROW = re.compile(r"^(?P<time>[\d-]+ [\d:]+),\d+ segment: (?P<scan>\S+) (?P<reason>\w+): ")
STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Shard:
    """A shard, the state of its job, what became of its scans, and what they cost.

    `fresh` counts the scans that were made in `seconds`; those found finished in the store cost nothing worth telling.
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
    on_gpu = any(" loaded on cuda" in line for line in lines)
    table = study.results / "shards" / "segments" / f"{name}.parquet"
    if table.is_file() and set(scans) <= set(rows := statuses(table)):
        seconds, fresh = cost(study.results / "benchmarks" / "segment", name)
        failed = Counter(status for scan, status in rows.items() if status not in USABLE_STATUS and scan in set(scans))
        return Shard(name, "finished", len(scans) - failed.total(), failed, 0, seconds, fresh, on_gpu)
    done = set(scans) & finished
    failed = failures(lines, set(scans) - done)
    left = len(scans) - len(done) - failed.total()
    fresh = sum(study.store.note_path(scan).stat().st_mtime > began(lines) for scan in done) if lines else 0
    return Shard(name, state_of(log), len(done), failed, left, elapsed(lines, log), fresh, on_gpu)


def statuses(table: Path) -> dict[str, str]:
    """Return the status of each scan of a finished shard."""
    rows = SEGMENTS.read(table, "status")
    return dict(zip(rows["scan_id"], rows["status"], strict=True))


def state_of(log: Path) -> str:
    """Return the state of the job of a shard without a table: running, silent for long, or still waiting."""
    if not log.is_file():
        return "waiting"
    return "running" if time.time() - log.stat().st_mtime < SILENCE_S else "silent"


def failures(lines: list[str], scans: set[str]) -> Counter[str]:
    """Return how often each reason stands in a log, once for each scan."""
    found = [match for line in lines if (match := ROW.match(line))]
    reasons = {match["scan"]: match["reason"] for match in found if match["reason"] in SEGMENT_STATUS}
    return Counter(reason for scan, reason in reasons.items() if scan in scans)


def began(lines: list[str]) -> float:
    """Return when the job behind a log began (seconds since 1970); never, if the log does not say."""
    stamps = [line[:19] for line in lines if STAMP.match(line)]
    return datetime.fromisoformat(stamps[0]).timestamp() if stamps else float("inf")


def elapsed(lines: list[str], log: Path) -> float:
    """Return the seconds from the beginning of a log to its last line."""
    return max(0.0, log.stat().st_mtime - began(lines)) if lines else 0.0


def cost(folder: Path, name: str) -> tuple[float, int]:
    """Return the seconds of the job of a finished shard, and how many scans it made."""
    job, scans = folder / f"{name}.tsv", folder / f"{name}_scans.csv"
    if not (job.is_file() and scans.is_file()):
        return 0.0, 0
    seconds = pd.to_numeric(pd.read_csv(job, sep="\t")["s"], errors="coerce").sum()
    return float(seconds), int((~pd.read_csv(scans)["reused"].astype(bool)).sum())
