"""Commands as a user types them, and what they take: seconds, memory of the host, memory and work of the GPU.

Memory of the host is looked at twice a second. It is the larger of two numbers: what all processes of the command hold
together (pages that several share are counted once, as in the kernel's PSS), and the kernel's own peak of the largest
of them, which is not missed between two looks.

GPU figures are those of `nvidia-smi` for the first GPU, five times a second, so nothing else may run there: memory over
what was in use before the command began, and the share of time with a kernel running, from the first kernel of the
command to its last.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SECONDS_BETWEEN_LOOKS = 0.5
NVIDIA_SMI = ["nvidia-smi", "-i", "0", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Cost:
    """What a command took; without a GPU, nothing is known of one."""

    seconds: float
    host_mb: float
    gpu_mb: float | None = None
    gpu_busy: float | None = None


def segment_command(scans: dict[str, Path], work: Path, structures: str, settings: dict[str, Any]) -> list[str]:
    """Return the command that segments scans into `work/masks`, after writing their registry."""
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
    options = {**files, "--engine": "nnunet", "--structures": structures, "--settings": json.dumps(settings)}
    return [sys.executable, "-m", "ctpop", "segment", *(str(word) for pair in options.items() for word in pair)]


def measured(command: list[str], **environment: str) -> Cost:
    """Return what a command took, from its start to its end.

    Raises
    ------
    RuntimeError
        With the end of what it said, if it fails.

    """
    with tempfile.TemporaryFile("w+") as said, gpu_watched() as looks:
        began = time.monotonic()
        process = start(command, said, **environment)
        with memory_watched(process.pid) as held_mb:
            process.wait()
            seconds = time.monotonic() - began
        said.seek(0)
        demand_success(process.returncode, command, said.read())
    return Cost(seconds, max(held_mb), *gpu_cost(looks))


def start(command: list[str], said: Any, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command of this repository; what it says goes into a file."""
    package = {"PYTHONPATH": str(ROOT / "workflow"), **environment}
    return subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, **package})


def demand_success(code: int, command: list[str], said: str) -> None:
    """Raise a RuntimeError for a command that failed."""
    if code != 0:
        raise RuntimeError(f"{' '.join(command)}\nfailed with {code}:\n{said[-3000:]}")


@contextmanager
def memory_watched(pid: int) -> Iterator[list[float]]:
    """Give a list that grows by what a process and all below it hold (MB)."""
    held, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            members = family(pid)
            held.extend([sum(map(pss_mb, members)), *map(peak_mb, members)])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield held
    finally:
        over.set()
        watcher.join()


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it, or nothing if it has just ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def pss_mb(process: psutil.Process) -> float:
    """Return the memory of a process in MB, with its share of what it shares; one that has just ended holds nothing."""
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.Error:
        return 0.0


def peak_mb(process: psutil.Process) -> float:
    """Return the largest memory that a process has held since it began (MB)."""
    try:
        told = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s*(\d+) kB", told)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def gpu_watched() -> Iterator[list[str]]:
    """Give a list that holds, at the end, the lines that nvidia-smi wrote; none where it is not installed."""
    lines: list[str] = []
    if not shutil.which(NVIDIA_SMI[0]):
        yield lines
        return
    with tempfile.TemporaryFile("w+") as said:
        watcher = subprocess.Popen([*NVIDIA_SMI, "--loop-ms=200"], stdout=said)
        time.sleep(1)  # the first lines tell what is in use before
        try:
            yield lines
        finally:
            watcher.terminate()
            watcher.wait()
            said.seek(0)
            lines += said.read().splitlines()


def gpu_cost(lines: Iterable[str]) -> tuple[float | None, float | None]:
    """Return memory (MB over that of the first line) and busy share out of lines of `memory.used, utilization.gpu`."""
    looks = [[float(word) for word in line.split(",")] for line in lines if line.count(",") == 1]
    if not looks:
        return None, None
    at_work = [number for number, (_, percent) in enumerate(looks) if percent > 0]
    percents = [percent for _, percent in looks[at_work[0] : at_work[-1] + 1]] if at_work else [0.0]
    return max(used for used, _ in looks) - looks[0][0], sum(percents) / len(percents) / 100
