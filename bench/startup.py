"""CPU seconds until a command has read its options, beside those of an earlier commit.

    python bench/startup.py --before 885221f > bench/startup.md

Each command is started with `--help` in both versions in turn, several times; the smallest user and system time counts.
It holds the start of Python and every import that a command makes before it does anything.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from machine import heading, load, table
from runs import ROOT, checked_out

from ctpop.cli import RENAMED
from ctpop.commands import COMMANDS

EARLIER_NAME = {new: old for old, new in RENAMED.items()}


def cpu_seconds(tree: Path, command: str) -> float:
    """Return user and system time of a command with `--help`."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "workflow"), "OPENBLAS_NUM_THREADS": "1"}
    before = os.times()
    words = [sys.executable, "-m", "ctpop", command, "--help"]
    subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="COMMIT", help="earlier commit of this repository")
    parser.add_argument("--repeats", type=int, default=5, help="starts of each command (default %(default)s)")
    options = parser.parse_args()
    quiet, rows, sums = load(), [], [0.0, 0.0]
    with checked_out(options.before) as tree:
        for command in COMMANDS:
            pairs = [
                (cpu_seconds(tree, EARLIER_NAME.get(command, command)), cpu_seconds(ROOT, command))
                for _ in range(options.repeats)
            ]
            before, now = (min(times) for times in zip(*pairs, strict=True))
            sums = [sums[0] + before, sums[1] + now]
            rows.append([f"`{command}`", f"{before:.2f}", f"{now:.2f}", f"{now / before:.2f}"])
    rows.append(["all", f"{sums[0]:.1f}", f"{sums[1]:.1f}", f"{sums[1] / sums[0]:.2f}"])
    print(heading(quiet))
    print(f"\nCPU seconds of a command with `--help`, smallest of {options.repeats}.\n")
    print(table(["command", f"{options.before} (s)", "now (s)", "ratio"], rows))


if __name__ == "__main__":
    main()
