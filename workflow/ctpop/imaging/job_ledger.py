"""The ledger of a shard, which records the start and end of each job and the status and run time of each scan.

A job appends a line at its start, after each scan, and at its end. The ledger therefore contains the lines of a killed
job up to its last scan, whereas Snakemake keeps only the benchmark and the log of the last attempt.
"""

import csv
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

BEGUN, FINISHED, FAILED = "begun", "finished", "failed"  # events of a job; the event of a scan is its status


class Line(NamedTuple):
    """A line of a ledger.

    Attributes
    ----------
    job : str
        Identifier of the process.
    at : float
        Time in seconds since 1970.
    event : str
        Event of the job (`begun`, `finished` or `failed`) or status of a scan.
    scan_id : str
        Identifier of the scan; empty for an event of the job.
    seconds : float
        Time since the start of the job in s.
    reused : bool
        Whether the scan was already finished.
    gpu_mb : float or None
        GPU memory in MB; None without a GPU.

    Examples
    --------
    >>> line = Line("node-1", 0.0, "segmented", "scan1", 12.5, reused=False, gpu_mb=None)
    >>> line.event, line.seconds
    ('segmented', 12.5)

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
    """The resources used by all jobs of a shard, each up to its last line.

    Attributes
    ----------
    seconds : float
        Run time of all jobs in s.
    fresh : int
        Number of processed scans, without scans that were already finished.
    on_gpu : bool
        Whether a GPU was used.

    Examples
    --------
    >>> Spent(seconds=90.0, fresh=3, on_gpu=False).seconds
    90.0

    """

    seconds: float
    fresh: int
    on_gpu: bool


class Ledger:
    """A context manager that writes the lines of one job and records whether the job failed.

    Parameters
    ----------
    path : Path or None
        File of the ledger; if None, no lines are written.

    Attributes
    ----------
    path : Path or None
        File of the ledger.
    began : float
        Start of the job on the monotonic clock in s.
    job : str
        Identifier of the process: computer name, process number, and time.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "shard_jobs.csv")
    ...     with Ledger(path) as ledger:
    ...         ledger.add("segmented", {"scan_id": "scan1", "reused": False, "gpu_mb": None})
    ...     [line.event for line in read(path)]
    ['begun', 'segmented', 'finished']

    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.began = time.monotonic()
        self.job = f"{platform.node()}-{os.getpid()}-{time.time():.0f}"

    def __enter__(self) -> Self:
        """Record the start of the job."""
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
        """Append a line for a finished or failed scan. A write error does not stop the job.

        Parameters
        ----------
        status : str
            Status of the scan.
        cost : dict of str to object
            `scan_id` (str), `reused` (bool), and `gpu_mb` (GPU memory in MB; None without a GPU).

        Examples
        --------
        >>> Ledger(None).add("segmented", {"scan_id": "scan1", "reused": False, "gpu_mb": None})  # writes no line

        """
        gpu_mb = "" if cost["gpu_mb"] is None else str(cost["gpu_mb"])
        self._append(status, cost["scan_id"], str(int(cost["reused"])), gpu_mb)

    def _append(self, event: str, scan_id: str = "", reused: str = "", gpu_mb: str = "") -> None:
        """Append a line. A full disk does not stop the job."""
        if not self.path:
            return
        seconds = f"{time.monotonic() - self.began:.1f}"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(",".join([self.job, f"{time.time():.1f}", event, scan_id, seconds, reused, gpu_mb]) + "\n")
        except OSError:
            return


def beside(times: Path) -> Path:
    """Return the path of the ledger of a shard.

    Parameters
    ----------
    times : Path
        File with the run times of the scans in the last job of the shard.

    Returns
    -------
    Path
        Path of the ledger in the same folder.

    Examples
    --------
    >>> beside(Path("benchmarks/0001_scans.csv")).as_posix()
    'benchmarks/0001_jobs.csv'

    """
    return times.with_name(f"{times.stem.removesuffix('_scans')}_jobs.csv")


def read(path: Path) -> list[Line]:
    """Read the lines of a ledger, except an incomplete line of a killed job.

    Parameters
    ----------
    path : Path
        File of the ledger.

    Returns
    -------
    list of Line
        The lines in the order in which they were written; empty if the file does not exist.

    Raises
    ------
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> read(Path("no_such_ledger.csv"))
    []

    """
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [line for cells in csv.reader(file) if (line := _line(cells))]


def spent(lines: list[Line]) -> Spent:
    """Return the resources used by the jobs of a ledger.

    Parameters
    ----------
    lines : list of Line
        Lines of the ledger.

    Returns
    -------
    Spent
        Run time in s, number of processed scans, and use of a GPU.

    Examples
    --------
    >>> lines = [
    ...     Line("node-1", 0.0, "begun", "", 0.0, reused=False, gpu_mb=None),
    ...     Line("node-1", 60.0, "segmented", "scan1", 60.0, reused=False, gpu_mb=4000.0),
    ... ]
    >>> spent(lines)
    Spent(seconds=60.0, fresh=1, on_gpu=True)

    """
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
