"""Rows of Parquet files as pandas frames; `parquet_files` checks for damage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.parquet_files import damage_refused, opened


def read(
    path: str | Path, columns: list[str] | None = None, filters: list[tuple[str, str, Any]] | None = None
) -> pd.DataFrame:
    """Read rows of a Parquet file written by this package.

    Parameters
    ----------
    path : str or Path
        Parquet file.
    columns : list of str, optional
        Columns to read; if omitted, all columns.
    filters : list of tuple, optional
        Conditions for the rows to read, as tuples of column, operator, and value.

    Returns
    -------
    pandas.DataFrame
        The rows.

    Raises
    ------
    ContractError
        If the file is damaged or not a Parquet file.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.contracts.table_files import write_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_parquet(pd.DataFrame({"scan_id": ["a", "b"]}), Path(folder, "scans.parquet"))
    ...     read(Path(folder, "scans.parquet"), filters=[("scan_id", "==", "b")])
      scan_id
    0       b

    """
    with damage_refused(path):
        return pd.read_parquet(
            path, columns=columns, filters=filters, partitioning=None, page_checksum_verification=True
        )


def in_batches(path: str | Path, most: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of a Parquet file written by this package in batches.

    Parameters
    ----------
    path : str or Path
        Parquet file.
    most : int
        Largest number of rows per batch.

    Yields
    ------
    pandas.DataFrame
        Batch of rows in the order of the file.

    Raises
    ------
    ContractError
        If the file is damaged or not a Parquet file.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.contracts.table_files import write_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_parquet(pd.DataFrame({"ml": [1, 2, 3]}), Path(folder, "scans.parquet"))
    ...     [len(rows) for rows in in_batches(Path(folder, "scans.parquet"), 2)]
    [2, 1]

    """
    with opened(path) as file:
        yield from (batch.to_pandas() for batch in file.iter_batches(most))
