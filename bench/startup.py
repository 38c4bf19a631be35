"""Compare the CPU time that a command requires to read its options with that of an earlier commit.

    python bench/startup.py --before 885221f > bench/startup.md

The script starts each command with `--help` several times, with both versions in alternation. The result is the
smallest sum of user and system time, which includes the start of Python and all imports before the command starts its
work.
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
    """Return the user and system time of a command with `--help` (s)."""
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
    parser.add_argument("--repeats", type=int, default=5, help="starts of each command (default: %(default)s)")
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
    print(f"\nCPU time of each command with `--help` (minimum of {options.repeats} runs).\n")
    print(table(["command", f"{options.before} (s)", "current (s)", "ratio"], rows))


if __name__ == "__main__":
    main()
