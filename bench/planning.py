"""Compare the time and memory for planning a study of 100,000 scans between the current version and an earlier commit.

    python bench/planning.py --before 885221f --work planning > bench/planning.md

`snakemake --dry-run` plans all jobs of the study of `scale.py` several times with each version, in alternation and in
separate folders. The first run of each version fills the caches and is reported separately.
"""

import argparse
import shutil
import statistics
from pathlib import Path

from machine import heading, load, table
from runs import ROOT, checked_out
from scale import Taken, snakemake, took, write_study


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="COMMIT", help="earlier commit of this repository")
    parser.add_argument("--work", type=Path, required=True, help="folder for the studies")
    parser.add_argument("--scans", type=int, default=100_000, help="number of scans (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=6, help="plans of each version (default: %(default)s)")
    parser.add_argument("--structures", default="total_117", help="label set (default: %(default)s)")
    options = parser.parse_args()
    quiet = load()
    with checked_out(options.before) as tree:
        works = {folder: options.work.resolve() / name for name, folder in (("before", tree), ("now", ROOT))}
        for work in works.values():
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            write_study(options.scans, options.structures, work)
        rounds = [
            [took(snakemake("--dry-run", work=work, tree=folder)) for folder, work in works.items()]
            for _ in range(options.pairs + 1)
        ]
    first, *pairs = rounds
    ratio = statistics.median(now.processor / before.processor for before, now in pairs)
    print(heading(quiet))
    print(f"\n{options.scans:,} scans, label set `{options.structures}`, {options.pairs} pairs of runs.\n")
    head = ["version", "first plan", "median", "minimum", "memory"]
    print(table(head, [row(options.before, 0, first, pairs), row("current", 1, first, pairs)]))
    print(f"\nMedian ratio of the pairs (CPU time): {ratio:.2f}.")


def row(name: str, version: int, first: list[Taken], pairs: list[list[Taken]]) -> list[str]:
    """Return the table row for a version: CPU times and peak memory."""
    seconds = [pair[version].processor for pair in pairs]
    times = [first[version].processor, statistics.median(seconds), min(seconds)]
    memory = max(pair[version].memory_mb for pair in pairs)
    return [name, *(f"{value:.1f} s" for value in times), f"{memory:.0f} MB"]


if __name__ == "__main__":
    main()
