"""Join the tables of all shards into one table, sorted by key and independent of the number of shards.

A study of 100,000 scans has 12 million rows of measures, which exceed the memory of a small machine. Large tables are
therefore divided into parts, each with all rows of a range of scans. Each part is a temporary file next to the table;
the parts are sorted separately and written to the table in order. The file does not depend on this division.
"""

import argparse
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow
from numpy.typing import NDArray
from pyarrow import ipc

from ctpop.contracts import parquet_files, parquet_rows
from ctpop.contracts.all_tables import MEASURES_TABLE, TABLES
from ctpop.contracts.table_files import CSV_ROWS, write_note_instead_of_csv
from ctpop.contracts.tables import Table
from ctpop.foundation.files import half_written, remove_half_written, write_atomically
from ctpop.imaging.hu_scale import MEANINGS
from ctpop.stages.measure import duplicates, requested

LOG = logging.getLogger(__name__)

Amendment = Callable[[pd.DataFrame], pd.DataFrame]

ASSUMPTIONS = {  # by column of measures and its value
    ("hu_scale", "uncertain"): f"{MEANINGS['uncertain']}; the values are used as HU",
    ("label_names", requested.LABEL_SET): "the label map contains no structure names; its label numbers are interpreted"
    " as those of the label set",
}
AT_ONCE = 2**17  # rows of a shard that are read and checked together
BRIEF = ipc.IpcWriteOptions(compression="lz4")
ROW_GROUP = 2**20  # rows of a row group, the default of pyarrow


def unchanged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows unchanged."""
    return rows


def gather(table: Table, shards: list[Path], path: Path, most: int = CSV_ROWS, amend: Amendment = unchanged) -> int:
    """Join and write the tables of all shards, and return the number of rows; up to `most` rows are joined in memory.

    `amend` changes rows according to information from all shards.

    Raises
    ------
    ContractError
        If a shard does not meet the contract of the table, or a key occurs twice.

    """
    rows = sum(map(number_of_rows, shards))
    if table.open or rows <= most:
        frames = [amend(table.read(shard)) for shard in shards]
        filled = [frame for frame in frames if len(frame)] or frames[:1]
        table.write(pd.concat(filled, ignore_index=True), path)
        return rows
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_half_written(path.parent)
    ends = ends_of_parts(table, shards, most)
    parts = [half_written(path.with_name(f"{path.name}-{number}")) for number in range(len(ends))]
    with ExitStack() as to_remove:
        for part in parts:
            to_remove.callback(part.unlink, missing_ok=True)
        deal(table, shards, dict(zip(ends, parts, strict=True)), amend)
        write_atomically(path, lambda whole: write_parts(table, parts, whole))
    write_note_instead_of_csv(rows, path)
    return rows


def number_of_rows(shard: Path) -> int:
    """Return the number of rows of a shard."""
    with parquet_files.opened(shard) as file:
        return int(file.metadata.num_rows)


def ends_of_parts(table: Table, shards: list[Path], most: int) -> list[str]:
    """Return the last scan of each part, in order. A part has about `most` rows and all rows of its scans."""
    scan = table.key[0]
    counts = [parquet_rows.read(shard, [scan])[scan].value_counts() for shard in shards]
    of_scan = pd.concat(counts).groupby(level=0).sum().sort_index()
    part = ((of_scan.cumsum() - of_scan) // most).to_numpy()
    return list(of_scan.index[np.append(part[1:] != part[:-1], True)])


def deal(table: Table, shards: list[Path], parts: dict[str, Path], amend: Amendment) -> None:
    """Write every row of the shards to the part of its scan; `parts` maps the last scan of each part to its file."""
    schema = arrow.Table.from_pandas(table.empty(), preserve_index=False).schema
    ends = np.array(list(parts), dtype=object)
    with ExitStack() as open_files:
        writers = [open_files.enter_context(ipc.new_file(path, schema, options=BRIEF)) for path in parts.values()]
        for rows in checked_rows(table, shards, amend):
            part_of = np.searchsorted(ends, rows[table.key[0]].to_pandas().to_numpy(dtype=object))
            edges = np.searchsorted(part_of, np.arange(len(ends) + 1))
            _write_slices(rows, edges, writers)


def checked_rows(table: Table, shards: list[Path], amend: Amendment) -> Iterator[arrow.Table]:
    """Yield the rows of the shards in batches, each sorted by key."""
    for path, rows in ((shard, rows) for shard in shards for rows in parquet_rows.in_batches(shard, AT_ONCE)):
        yield arrow.Table.from_pandas(table.check(amend(rows), where=path), preserve_index=False)


def write_parts(table: Table, parts: list[Path], path: Path) -> None:
    """Write the rows of the parts in the format of `Table.write`: sorted, in full row groups."""
    schema = arrow.Table.from_pandas(table.empty(), preserve_index=False).schema
    with parquet_files.writing(path, schema) as writer:
        for rows in in_row_groups(sorted_parts(table, parts)):
            writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP)


def sorted_parts(table: Table, parts: list[Path]) -> Iterator[arrow.Table]:
    """Yield the rows of each part in turn, sorted by key."""
    for part in parts:
        with ipc.open_file(part) as file:
            rows = file.read_all()
        table.refuse_repeated(rows.select(table.key).to_pandas(), f"table {table.name!r}")
        yield rows.sort_by([(name, "ascending") for name in table.key])


def in_row_groups(tables: Iterator[arrow.Table]) -> Iterator[arrow.Table]:
    """Yield rows from tables of any size in full row groups, followed by the remaining rows."""
    waiting: list[arrow.Table] = []
    for rows in tables:
        together = arrow.concat_tables([*waiting, rows])
        full = len(together) // ROW_GROUP * ROW_GROUP
        yield from (together.slice(start, ROW_GROUP) for start in range(0, full, ROW_GROUP))
        waiting = [together.slice(full)]
    yield from (rows for rows in waiting if len(rows))


def _write_slices(rows: arrow.Table, edges: NDArray[np.intp], writers: list[ipc.RecordBatchFileWriter]) -> None:
    for number in np.flatnonzero(np.diff(edges)):
        writers[number].write_table(rows.slice(edges[number], edges[number + 1] - edges[number]))


def amendment(table: Table, shards: list[Path]) -> Amendment:
    """Return the change of measures that requires all shards: duplicate images and structures that never occur."""
    if table is not MEASURES_TABLE:
        return unchanged
    kept = duplicates.of_shards(shards)
    duplicates.warn_of_images(kept)
    report_assumptions(shards)
    return partial(amended, kept=kept, structures=requested.never_labeled(shards))


def report_assumptions(shards: list[Path]) -> None:
    """Log the number of scans with values assumed to be HU or label numbers assumed to be those of the label set."""
    for (column, value), meaning in ASSUMPTIONS.items():
        parts = (parquet_rows.read(shard, ["scan_id"], [(column, "==", value)]) for shard in shards)
        scans = sorted({scan for part in parts for scan in part["scan_id"]})
        if scans:
            LOG.warning("%s (affected scans: %d, first %s)", meaning, len(scans), scans[0])


def amended(rows: pd.DataFrame, kept: duplicates.Kept, structures: set[str]) -> pd.DataFrame:
    """Return measures with the status of scans with duplicate images and of structures that were not requested."""
    return duplicates.marked(requested.without_never_labeled(rows, structures), kept)


@dataclass(frozen=True)
class GatherOptions:
    """Options of the command `gather`; `ctpop gather --help` explains them."""

    table: str
    shards: list[Path]
    out: Path


def run(options: GatherOptions) -> None:
    """Read the tables of all shards, and write one table, sorted by key."""
    table = next(table for table in TABLES if table.name == options.table)
    rows = gather(table, options.shards, options.out, amend=amendment(table, options.shards))
    LOG.info("table %s: %d rows from %d shards", table.name, rows, len(options.shards))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--table", required=True, choices=[table.name for table in TABLES], help="name of the table")
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="Parquet files of all shards")
    parser.add_argument("--out", type=Path, required=True, help="output Parquet file, with a CSV file next to it")
