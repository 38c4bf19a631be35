"""Description of the machine and Markdown tables for result pages."""

import datetime
import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

import torch


def gpu_name() -> str | None:
    """Return the name of the GPU that PyTorch uses."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def described() -> str:
    """Return the date, the processor, the GPU, and software versions."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    processor = f"{os.cpu_count()} cores ({found[1] if found else platform.machine()})"
    versions = f"torch {version('torch')}, nnunetv2 {version('nnunetv2')}, Python {platform.python_version()}"
    return f"{datetime.datetime.now().astimezone().date()}, {processor}, GPU: {gpu_name() or 'none'}, {versions}"


def load() -> str:
    """Return the load average of the last minute, which includes the benchmark."""
    return f"{os.getloadavg()[0]:.1f}"


def heading(load_before: str) -> str:
    """Return the heading of a result page: title, command, machine, and load."""
    name = Path(sys.argv[0]).name
    command = f"`python {' '.join([f'bench/{name}', *sys.argv[1:]])}`"
    return f"# {name}\n\n{command}: {described()}. Load average: {load_before} before, {load()} after."


def grouped(number: int) -> str:
    """Return a number with commas if it has five digits or more."""
    return f"{number:,}" if number >= 10_000 else str(number)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
