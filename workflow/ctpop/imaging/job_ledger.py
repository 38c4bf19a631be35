"""The ledger of a shard: when each job on it began, what became of each scan and what it cost, and how each job ended.

A job appends a line when something ends, so that jobs that were killed are in it up to their last scan. Snakemake keeps
the benchmark and the log of the last attempt of a job only.
"""

import csv
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

BEGUN, FINISHED, FAILED = "begun", "finished", "failed"  # events of a job; that of a scan is its status


class Line(NamedTuple):
    """A line of a ledger.

    `job` identifies the process, `at` is the time (seconds since 1970), `event` an event of the job or the status of a
    scan. `seconds` are those since the job began; `reused` is whether the scan was found finished, `gpu_mb` the GPU
    memory (MB), missing without a GPU.
    """

    job: str
    at: float
    event: str
    scan_id: str
    seconds: float
    reused: bool
    gpu_mb: float | None


@dataclass(frozen=True)
class Spent:
    """Seconds of all jobs on a shard up to their last line, scans that they made, and whether a GPU was used."""

    seconds: float
    fresh: int
    on_gpu: bool


class Ledger:
    """Writes the lines of one job, if it has a path; a context manager that records how the job ends."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.began = time.monotonic()
        self.job = f"{platform.node()}-{os.getpid()}-{time.time():.0f}"

    def __enter__(self) -> Self:
        """Record the begin of the job."""
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._append(BEGUN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record the end of the job."""
        self._append(FAILED if error else FINISHED)

    def add(self, status: str, cost: dict[str, Any]) -> None:
        """Append a scan that has ended."""
        gpu_mb = "" if cost["gpu_mb"] is None else str(cost["gpu_mb"])
        self._append(status, cost["scan_id"], str(int(cost["reused"])), gpu_mb)

    def _append(self, event: str, scan_id: str = "", reused: str = "", gpu_mb: str = "") -> None:
        """Append a line. A full disk does not end the job."""
        if not self.path:
            return
        seconds = f"{time.monotonic() - self.began:.1f}"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(",".join([self.job, f"{time.time():.1f}", event, scan_id, seconds, reused, gpu_mb]) + "\n")
        except OSError:
            return


def beside(times: Path) -> Path:
    """Return the path of the ledger of a shard, from the file with the seconds of the scans of its last job."""
    return times.with_name(f"{times.stem.removesuffix('_scans')}_jobs.csv")


def read(path: Path) -> list[Line]:
    """Return the lines of a ledger in the order in which they were written, without one that a kill cut short."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [line for cells in csv.reader(file) if (line := _line(cells))]


def spent(lines: list[Line]) -> Spent:
    """Return what the jobs of a ledger have spent."""
    longest: dict[str, float] = {}
    for line in lines:
        longest[line.job] = max(longest.get(line.job, 0.0), line.seconds)
    scans = [line for line in lines if line.scan_id]
    fresh = sum(not line.reused for line in scans)
    return Spent(sum(longest.values()), fresh, any(line.gpu_mb is not None for line in scans))


def _line(cells: list[str]) -> Line | None:
    if len(cells) != len(Line._fields):
        return None
    job, at, event, scan_id, seconds, reused, gpu_mb = cells
    try:
        return Line(job, float(at), event, scan_id, float(seconds), reused == "1", float(gpu_mb) if gpu_mb else None)
    except ValueError:
        return None
