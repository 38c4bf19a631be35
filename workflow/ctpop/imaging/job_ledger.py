"""What every job on a shard has spent, those that were killed included: a line per scan, written when the scan ends.

Snakemake keeps the benchmark and the log of a job's last attempt only; hours that a cluster was asked for are more.
"""

import csv
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIELDS = (
    5  # job, scan, seconds since the job began, whether the scan was found finished, GPU memory (MB) if there is one
)


@dataclass(frozen=True)
class Spent:
    """Seconds of all jobs on a shard up to their last scan, scans that they made, and whether a GPU was at work."""

    seconds: float
    fresh: int
    on_gpu: bool


class Ledger:
    """Writes the lines of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.began = time.monotonic()
        self.job = f"{platform.node()}-{os.getpid()}-{time.time():.0f}"
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, cost: dict[str, Any]) -> None:
        """Append a scan that has ended. A disk that is full does not end the job for it."""
        seconds = f"{time.monotonic() - self.began:.1f}"
        gpu_mb = "" if cost["gpu_mb"] is None else str(cost["gpu_mb"])
        line = ",".join([self.job, cost["scan_id"], seconds, str(int(cost["reused"])), gpu_mb])
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError:
            return


def beside(times: Path) -> Path:
    """Return where the ledger of a shard lies, from the file with the seconds of its last job's scans."""
    return times.with_name(f"{times.stem.removesuffix('_scans')}_jobs.csv")


def read(path: Path) -> list[list[str]]:
    """Return the lines of a ledger but those that a kill cut short, in the order in which scans ended."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [line for line in csv.reader(file) if len(line) == FIELDS and line[2].replace(".", "", 1).isdigit()]


def spent(path: Path) -> Spent | None:
    """Return what a ledger says, or nothing without one. A line that was cut short by a kill is left out."""
    if not path.is_file():
        return None
    lines = read(path)
    longest: dict[str, float] = {}
    for job, _, seconds, _, _ in lines:
        longest[job] = max(longest.get(job, 0.0), float(seconds))
    fresh = sum(reused == "0" for _, _, _, reused, _ in lines)
    return Spent(sum(longest.values()), fresh, any(gpu_mb for *_, gpu_mb in lines))
