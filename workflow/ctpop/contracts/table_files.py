"""Tables as files: Parquet for programs, CSV for people; a file is written as a whole or not at all."""

from pathlib import Path

import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet

from ctpop.foundation.files import write_atomically

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
COMPRESSION = "zstd"
CSV_ROWS = 2**20 - 1  # SOURCE: a sheet of Excel or LibreOffice holds 1,048,576 rows, one of them the heading


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a frame for people: missing is empty, and text that a spreadsheet would run as a formula is quoted."""
    safe = frame.copy()
    for name in safe.select_dtypes(include=["object", "string"]).columns:
        text = safe[name].astype("string")
        safe[name] = text.where(~text.str.startswith(FORMULA_STARTS, na=False), "'" + text)
    write_atomically(path, lambda part: safe.to_csv(part, index=False, lineterminator="\n"))


def write_note_instead_of_csv(rows: int, path: str | Path) -> None:
    """Write a CSV beside a Parquet file that tells people where so many rows are."""
    place = Path(path)
    note = f"{rows:,} rows are too many for a CSV: read {place.name} with pandas, polars, DuckDB or R (arrow)"
    write_csv(pd.DataFrame({"note": [note]}), place.with_suffix(".csv"))


def write_parquet(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a frame as Parquet, without index and without a time: equal rows give equal bytes."""
    table = arrow.Table.from_pandas(frame, preserve_index=False)
    write_atomically(path, lambda part: parquet.write_table(table, part, compression=COMPRESSION))
