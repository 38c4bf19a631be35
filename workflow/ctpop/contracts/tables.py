"""Tables that keep their promises.

Every file that passes between two stages is described by a `Table` in `schema.py`. `write` and `read` check it, so
that a stage may trust what it reads. Rows are sorted by key and written without timestamps: equal data, equal bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as parquet

from ctpop.contracts import column_checks
from ctpop.contracts.columns import Column
from ctpop.contracts.table_files import CSV_ROWS, write_csv, write_note_instead_of_csv, write_parquet
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import remove_half_written


@dataclass(frozen=True)
class Table:
    """A named set of columns whose rows are identified by `key`; `meaning` says what a row is."""

    name: str
    key: tuple[str, ...]
    meaning: str
    columns: dict[str, Column]
    open: bool = False

    def check(self, frame: pd.DataFrame, where: str | Path = "") -> pd.DataFrame:
        """Return the frame with promised columns, order and types, sorted by key.

        Raises
        ------
        ContractError
            If a column is missing or unknown, a key repeats, or a value breaks its column's promise.

        """
        place = str(where) or f"table {self.name!r}"
        frame = self._promised_columns(frame, place).reset_index(drop=True)
        frame, failures = column_checks.checked(frame, self.columns)
        if failures:
            raise ContractError("\n".join(f"{place}: {self._explain(frame, *failure)}" for failure in failures))
        self.refuse_repeated(frame, place)
        return frame.sort_values(list(self.key), ignore_index=True)

    def refuse_repeated(self, frame: pd.DataFrame, place: str | Path) -> None:
        """Raise a ContractError if several rows of a frame have one key."""
        repeated = frame.duplicated(list(self.key), keep=False)
        if repeated.any():
            first = _first(frame.loc[repeated, list(self.key)].drop_duplicates().itertuples(index=False))
            raise ContractError(
                f"{place}: {' and '.join(self.key)} must identify one row, found repeated in"
                f" {int(repeated.sum())} rows, first {first}; remove or rename the repeated rows"
            )

    def read(self, path: str | Path, *columns: str) -> pd.DataFrame:
        """Read and check a Parquet file: all of it, or its key and the named columns alone."""
        if not columns:
            return self.check(pd.read_parquet(path), where=path)
        part = replace(self, columns={name: self.columns[name] for name in (*self.key, *columns)})
        present = set(parquet.read_schema(path).names)
        return part.check(pd.read_parquet(path, columns=[name for name in part.columns if name in present]), where=path)

    def read_csv(self, path: str | Path) -> pd.DataFrame:
        """Read and check a CSV that a person or another program wrote."""
        texts = {name: str for name, column in self.columns.items() if column.dtype == "str"}
        return self.check(pd.read_csv(path, dtype=texts), where=path)

    def write(self, frame: pd.DataFrame, path: str | Path) -> pd.DataFrame:
        """Check the frame and write it as Parquet, and as CSV for people beside it; return what was written."""
        checked = self.check(frame, where=path)
        remove_half_written(Path(path).parent)
        write_parquet(checked, path)
        if len(checked) > CSV_ROWS:
            write_note_instead_of_csv(len(checked), path)
        else:
            write_csv(checked, Path(path).with_suffix(".csv"))
        return checked

    def empty(self) -> pd.DataFrame:
        """Return the table without rows."""
        return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in self.columns.items()})

    def _promised_columns(self, frame: pd.DataFrame, place: str) -> pd.DataFrame:
        absent = [name for name in self.columns if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in self.columns]
        if absent:
            raise ContractError(
                f"{place}: columns {', '.join(absent)} are missing; found {', '.join(map(str, frame.columns))}"
            )
        if unknown and not self.open:
            raise ContractError(f"{place}: columns {', '.join(unknown)} are not part of table {self.name!r}")
        return frame[[*self.columns, *(unknown if self.open else [])]]

    def _explain(self, frame: pd.DataFrame, column: str, promise: str, rows: list[int]) -> str:
        values = sorted({"nothing" if pd.isna(value) else str(value) for value in frame.loc[rows, column]})
        first = _first(frame.loc[rows[:3], list(self.key)].itertuples(index=False))
        return (
            f"column {column!r} must be {promise}, found {', '.join(values[:3])} in {len(rows)} rows,"
            f" first {' and '.join(self.key)}: {first}"
        )


def _first(rows: Iterable[Any], number: int = 3) -> str:
    shown = [" ".join(str(value) for value in row) for _, row in zip(range(number), rows, strict=False)]
    return ", ".join(repr(row) for row in shown)
