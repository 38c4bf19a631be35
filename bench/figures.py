"""Measure the drawing of all figures of a study of the size of the published study, with one and two processes.

    make simulated-study                       # creates the study: 4004 patients, 104 structures, 2 measures
    python bench/figures.py > bench/figures.md

The script runs the command `report` on the tables of the study and writes to a temporary folder. The time includes
reading of the tables and drawing of figures and pages. Memory is the peak of the command, including all its processes.
Unlike elapsed time, CPU time does not depend on other load.
"""

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

from machine import heading, load, table
from runs import ROOT, measured

from ctpop.study.configuration import write

MOST_MINUTES, CORES = 5, 2


def command(study: Path, out: Path, jobs: int) -> list[str]:
    """Return the command that draws the figures of a study with its own configuration into another folder."""
    config = json.loads((study / "provenance.json").read_text(encoding="utf-8"))["config"]
    places = {"tables": study / "tables", "figures": out / "figures", "report": out / "report"}
    options = [word for name, place in places.items() for word in (f"--{name}", str(place))]
    others = ["--structures", config["structures"], "--config", str(write(config, out)), "--jobs", str(jobs)]
    return [sys.executable, "-m", "ctpop", "report", *options, *others]


def processor_seconds() -> float:
    """Return the CPU time of all child processes so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def once(study: Path, jobs: int) -> list[str]:
    """Return the table row for a number of processes."""
    with tempfile.TemporaryDirectory() as folder:
        before = processor_seconds()
        cost = measured(command(study, Path(folder), jobs), OPENBLAS_NUM_THREADS="1")
        busy = processor_seconds() - before
        files = list(Path(folder, "figures").iterdir())
        pdfs = [path.stat().st_size for path in files if path.suffix == ".pdf"]
        whole = sum(path.stat().st_size for path in files)
    held = "yes" if cost.seconds < 60 * MOST_MINUTES else "no"
    sizes = [f"{whole / 2**20:.0f}", f"{max(pdfs) / 2**20:.1f}"]
    return [str(jobs), str(len(pdfs)), f"{cost.seconds:.0f}", f"{busy:.0f}", f"{cost.host_mb / 1024:.1f}", *sizes, held]


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, default=ROOT / "results" / "simulated_study", help="finished study")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, CORES], help="numbers of processes")
    options = parser.parse_args()
    before = load()
    rows = [once(options.study, jobs) for jobs in options.jobs]
    head = ["processes", "figures", "time (s)", "CPU time (s)", "memory (GB)", "files (MB)", "largest PDF (MB)"]
    head.append(f"less than {MOST_MINUTES} min")
    sys.stdout.write(f"{heading(before)}\n\nEach figure is written as PDF, SVG, PNG, and CSV.\n\n{table(head, rows)}\n")


if __name__ == "__main__":
    main()
