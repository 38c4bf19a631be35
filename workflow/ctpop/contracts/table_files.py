"""Tables as Parquet and CSV files, written atomically."""

from pathlib import Path

import pandas as pd
import pyarrow as arrow

from ctpop.contracts import parquet_files
from ctpop.foundation.files import write_atomically

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CSV_ROWS = 2**20 - 1  # SOURCE: a sheet of Excel or LibreOffice has 1,048,576 rows, one of which is the header


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a frame as CSV.

    A missing value is an empty cell. Text that a spreadsheet would interpret as a formula is prefixed with an
    apostrophe.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows to write; the index is not written.
    path : str or Path
        File to write.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "table.csv")
    ...     write_csv(pd.DataFrame({"text": ["=1+1", "liver"], "ml": [1.5, None]}), path)
    ...     path.read_text().splitlines()
    ['text,ml', "'=1+1,1.5", 'liver,']

    """
    safe = frame.copy()
    for name in safe.select_dtypes(include=["object", "string"]).columns:
        text = safe[name].astype("string")
        safe[name] = text.where(~text.str.startswith(FORMULA_STARTS, na=False), "'" + text)
    write_atomically(path, lambda part: safe.to_csv(part, index=False, lineterminator="\n"))


def write_note_instead_of_csv(rows: int, path: str | Path) -> None:
    """Write a CSV file with a note on how to read a Parquet file that exceeds the row limit of spreadsheets.

    Parameters
    ----------
    rows : int
        Number of rows of the Parquet file.
    path : str or Path
        The Parquet file; the CSV file has the same name with the suffix .csv.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_note_instead_of_csv(2000000, Path(folder, "voxels.parquet"))
    ...     Path(folder, "voxels.csv").read_text().splitlines()[1][:40]
    '"2,000,000 rows exceed the row limit of '

    """
    place = Path(path)
    programs = "pandas, polars, DuckDB, or R (arrow)"
    note = f"{rows:,} rows exceed the row limit of spreadsheets; read {place.name} with {programs}"
    write_csv(pd.DataFrame({"note": [note]}), place.with_suffix(".csv"))


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a frame as Parquet with checksums, without index and timestamp; equal rows give equal bytes.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows to write.
    path : str or Path
        File to write.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "table.parquet")
    ...     write_parquet(pd.DataFrame({"ml": [1.5, 2.5]}), path)
    ...     list(pd.read_parquet(path)["ml"])
    [1.5, 2.5]

    """
    table = arrow.Table.from_pandas(frame, preserve_index=False)

    def write(part: Path) -> None:
        with parquet_files.writing(part, table.schema) as writer:
            writer.write_table(table)

    write_atomically(path, write)
