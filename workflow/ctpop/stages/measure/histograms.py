"""Files of the histograms of a shard, from which percentiles, windows, and thresholds can be computed later.

A file has one row group per scan. Writing and reading therefore require the memory of a single scan.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as arrow

from ctpop.contracts import parquet_files
from ctpop.contracts.all_tables import HISTOGRAMS
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_atomically

SCHEMA = arrow.Schema.from_pandas(HISTOGRAMS.empty(), preserve_index=False).remove_metadata()


def write_histograms(scans: Iterable[tuple[str, pd.DataFrame]], path: Path) -> None:
    """Write the histogram (structure, hu, n) of each scan, sorted by structure and HU; scans without rows are omitted.

    `scans` yields pairs of a scan_id and its histogram.
    """
    tables = (arrow.Table.from_pandas(rows.assign(scan_id=scan_id), SCHEMA) for scan_id, rows in scans if len(rows))

    def write(part: Path) -> None:
        with parquet_files.writing(part, SCHEMA) as file:
            for table in tables:
                file.write_table(table)

    write_atomically(path, write)


def read_histograms(path: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each scan of a file with its histogram.

    Raises
    ------
    ContractError
        If the file does not exist, is damaged, or contains no histograms.

    """
    if not path.is_file():
        raise ContractError(f"{path}: the file does not exist; name a file of results/STUDY/histograms/")
    with parquet_files.opened(path, read_dictionary=["structure"]) as file:
        found = file.schema_arrow.names
        if found != SCHEMA.names:
            raise ContractError(
                f"{path}: the columns must be {', '.join(SCHEMA.names)}, found {', '.join(found)}; name a file of"
                " results/STUDY/histograms/"
            )
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group).to_pandas()
            yield str(rows["scan_id"].iloc[0]), rows.drop(columns="scan_id")
