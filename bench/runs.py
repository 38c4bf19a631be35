"""Run commands and measure elapsed time, host memory, GPU memory, and GPU load.

Host memory is sampled twice per second. It is the larger of two values: the total of all processes of the command (with
shared pages counted once, as in the PSS reported by the kernel), and the peak of the largest process as recorded by the
kernel, which includes peaks between samples.

GPU values are those of `nvidia-smi` for the first GPU, sampled twice per second. No other program may use the GPU.
Memory is the increase over the value before the command. Load is the proportion of time with a running kernel between
the first and the last kernel of the command.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from ctpop.study import configuration

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SECONDS_BETWEEN_LOOKS = 0.5
NVIDIA_SMI = ["nvidia-smi", "-i", "0", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Cost:
    """Cost of a command; GPU values are None without a GPU."""

    seconds: float
    host_mb: float
    gpu_mb: float | None = None
    gpu_busy: float | None = None


def segment_command(scans: dict[str, Path], work: Path, structures: str, settings: dict[str, Any]) -> list[str]:
    """Write a registry of scans and return the command that segments them into `work/masks`."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / "registry.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scan_id", "age_years", "ct_path"])
        rows.writerows([scan_id, 50, path.absolute()] for scan_id, path in scans.items())
    files = {
        "--registry": work / "registry.csv",
        "--masks": work / "masks",
        "--out": work / "segments.parquet",
        "--times": work / "times.csv",
    }
    config = configuration.write({"segment": settings, "cohort": {"criteria": []}}, work)
    options = {**files, "--config": config, "--engine": "nnunet", "--structures": structures}
    return [sys.executable, "-m", "ctpop", "segment", *(str(word) for pair in options.items() for word in pair)]


def measured(command: list[str], **environment: str) -> Cost:
    """Run a command and return its cost.

    Raises
    ------
    RuntimeError
        If the command fails; the message contains the end of its output.

    """
    with tempfile.TemporaryFile("w+") as recorded, looked_at(gpu_line) as gpu_lines:
        began = time.monotonic()
        process = start(command, recorded, **environment)
        with looked_at(lambda: held_mb(process.pid)) as held:
            process.wait()
            seconds = time.monotonic() - began
        recorded.seek(0)
        demand_success(process.returncode, command, recorded.read())
    return Cost(seconds, max(held), *gpu_cost(gpu_lines))


def segmented(scans: dict[str, Path], work: Path, structures: str, settings: dict[str, Any]) -> Cost:
    """Segment scans and return the cost; raise a RuntimeError if a scan was not segmented."""
    cost = measured(segment_command(scans, work, structures, settings))
    demand_labels(work)
    return cost


def demand_labels(work: Path) -> None:
    """Raise a RuntimeError if a scan was not segmented, and print the details of the others on the terminal."""
    rows = pd.read_parquet(work / "segments.parquet")
    failed = rows[rows["status"].ne("segmented")]
    if len(failed):
        raise RuntimeError(f"{len(failed)} of {len(rows)} scans were not segmented:\n{failed.to_string()}")
    for detail in rows["detail"].dropna().unique():
        sys.stderr.write(f"{detail}\n")


def start(command: list[str], recorded: Any, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command of this repository with its output redirected to a file."""
    package = {"PYTHONPATH": str(ROOT / "workflow"), **environment}
    return subprocess.Popen(command, stdout=recorded, stderr=subprocess.STDOUT, env={**os.environ, **package})


def demand_success(code: int, command: list[str], recorded: str) -> None:
    """Raise a RuntimeError if a command failed."""
    if code != 0:
        raise RuntimeError(f"{' '.join(command)}\nfailed with {code}:\n{recorded[-3000:]}")


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", tree, commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree], check=True)


@contextmanager
def looked_at(look: Callable[[], Any]) -> Iterator[list[Any]]:
    """Yield a list to which a background thread appends samples; the first sample is taken immediately."""
    seen, over = [look()], threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            seen.append(look())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def held_mb(pid: int) -> float:
    """Return the total memory of a process and its children, or the largest peak of one of them if higher (MB)."""
    members = family(pid)
    return max([sum(map(pss_mb, members)), *map(peak_mb, members)])


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all its children, or an empty list if it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def pss_mb(process: psutil.Process) -> float:
    """Return the memory of a process with its share of shared pages (MB); 0 if it has ended."""
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.Error:
        return 0.0


def peak_mb(process: psutil.Process) -> float:
    """Return the peak memory of a process since its start (MB)."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def gpu_line() -> str:
    """Return the current output of nvidia-smi, or an empty string without a GPU."""
    if not shutil.which(NVIDIA_SMI[0]):
        return ""
    done = subprocess.run(NVIDIA_SMI, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def gpu_cost(lines: Iterable[str]) -> tuple[float | None, float | None]:
    """Return memory (MB above the first line) and load from lines of `memory.used, utilization.gpu`."""
    looks = [[float(word) for word in line.split(",")] for line in lines if line.count(",") == 1]
    if not looks:
        return None, None
    at_work = [number for number, (_, percent) in enumerate(looks) if percent > 0]
    percents = [percent for _, percent in looks[at_work[0] : at_work[-1] + 1]] if at_work else [0.0]
    return max(used for used, _ in looks) - looks[0][0], sum(percents) / len(percents) / 100
