"""Measure the combination of the measures of 100,000 synthetic scans with 117 structures each by `gather`.

    python bench/gather.py --work FOLDER > bench/gather.md

The script writes the shards (about 4 GB) and the table to FOLDER, and runs the command for a few large shards and for
many small shards. All digits of the numbers are random, so they compress less than real measures. Memory is the peak of
the command. Unlike elapsed time, CPU time does not depend on other load.
"""

import argparse
import resource
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet
from machine import heading, load, table
from runs import measured

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.study import label_sets
from ctpop.study.shards import shard_of

MOST_SECONDS, MOST_GB = 120, 4
LABEL_SET = "total_117"


def rows_of(scans: list[str], seed: int, label_set: str = LABEL_SET) -> pd.DataFrame:
    """Return synthetic measures of some scans with 10% missing values in optional columns."""
    names = label_sets.read(label_set).names
    n = len(scans) * len(names)
    random = np.random.default_rng(seed)
    columns = {name: values(str(column.dtype), n, random) for name, column in MEASURES_TABLE.columns.items()}
    keys = {"scan_id": np.repeat(np.array(scans, dtype=object), len(names)), "structure": names * len(scans)}
    return pd.DataFrame({**columns, **keys, "status": "measured"})


def values(dtype: str, n: int, random: np.random.Generator) -> pd.Series:
    """Return a column of numbers from 0 to 1, of counts, or of faces of the image."""
    missing = random.random(n) < 0.1
    if dtype == "float64":
        return pd.Series(random.random(n)).mask(missing)
    if dtype == "Int64":
        return pd.Series(random.integers(0, 10**6, n), dtype="Int64").mask(missing)
    return pd.Series("left superior", index=range(n), dtype="str").where(missing)


def write_shards(scans: int, shards: int, folder: Path) -> list[Path]:
    """Write the shards of a study and return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"scan{number:06d}" for number in range(scans)]
    members = pd.Series(ids).groupby([shard_of(name, shards) for name in ids])
    paths = []
    for shard, names in members:
        rows = MEASURES_TABLE.check(rows_of(sorted(names), int(shard)))
        paths.append(folder / f"{int(shard) + 1}-of-{shards}.parquet")
        parquet.write_table(arrow.Table.from_pandas(rows, preserve_index=False), paths[-1], compression="zstd")
    return paths


def processor_seconds() -> float:
    """Return the CPU time of all child processes so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def once(scans: int, shards: int, work: Path) -> list[str]:
    """Return the table row for a number of shards."""
    paths = write_shards(scans, shards, work / f"{shards}")
    out = work / "measures.parquet"
    files = ["--shards", *map(str, paths), "--out", str(out)]
    before = processor_seconds()
    cost = measured([sys.executable, "-m", "ctpop", "gather", "--table", "measures", *files])
    busy = processor_seconds() - before
    rows, gb = parquet.read_metadata(out).num_rows, cost.host_mb / 1024
    held = "yes" if cost.seconds < MOST_SECONDS and gb < MOST_GB else "no"
    size = f"{out.stat().st_size / 2**30:.1f}"
    return [str(shards), f"{rows:,}", size, f"{cost.seconds:.0f}", f"{busy:.0f}", f"{gb:.1f}", held]


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the shards and the table")
    parser.add_argument("--scans", type=int, default=100_000)
    parser.add_argument("--shards", type=int, nargs="+", default=[16, 1000])
    options = parser.parse_args()
    before = load()
    rows = [once(options.scans, shards, options.work) for shards in options.shards]
    head = [
        "shards",
        "rows",
        "table (GB)",
        "time (s)",
        "CPU time (s)",
        "memory (GB)",
        f"less than {MOST_SECONDS} s and {MOST_GB} GB",
    ]
    columns = f"{len(MEASURES_TABLE.columns)} columns, {options.scans:,} scans, label set `{LABEL_SET}`"
    sys.stdout.write(f"{heading(before)}\n\n{columns}.\n\n{table(head, rows)}\n")


if __name__ == "__main__":
    main()
