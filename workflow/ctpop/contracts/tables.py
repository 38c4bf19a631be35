"""Tables whose columns, data types and values are checked.

A `Table` of this package describes every file that passes between two stages. `Table.write` and `Table.read` check the
file, so that a stage can rely on what it reads. Rows are sorted by key and written without timestamps: equal data give
equal bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import column_checks, parquet_files, parquet_rows
from ctpop.contracts.columns import Column
from ctpop.contracts.table_files import CSV_ROWS, write_csv, write_note_instead_of_csv, write_parquet
from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import remove_half_written

RENAMED_COLUMNS = {"twin_ratio": "contralateral_ratio"}  # of earlier versions


@dataclass(frozen=True)
class Table:
    """A named set of columns and the key that identifies a row.

    Attributes
    ----------
    name : str
        Name of the table.
    key : tuple of str
        Columns whose values together identify one row.
    meaning : str
        Meaning of a row.
    columns : dict of str to Column
        Contract of each column, in the order of the table.
    open : bool
        Whether the table may have further columns, which are kept and not checked.

    Examples
    --------
    >>> from ctpop.contracts.columns import number, text
    >>> columns = {"scan_id": text("scan"), "age": number("age at the scan", "years", low=0)}
    >>> table = Table("scans", ("scan_id",), "one row per scan", columns)
    >>> table.check(pd.DataFrame({"age": [60, 50], "scan_id": ["b", "a"]}))
      scan_id   age
    0       a  50.0
    1       b  60.0

    """

    name: str
    key: tuple[str, ...]
    meaning: str
    columns: dict[str, Column]
    open: bool = False

    def check(self, frame: pd.DataFrame, where: str | Path = "", *, numbered: bool = False) -> pd.DataFrame:
        """Return the frame with the columns, order and data types of the table, sorted by key.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows of the table, with any index and order of columns.
        where : str or Path
            File or other origin of the frame, for the text of an error; the name of the table if it is empty.
        numbered : bool
            Whether the index of the frame is the line in the file minus 2, so that errors can name lines.

        Returns
        -------
        pandas.DataFrame
            The checked rows with the index 0, 1, 2 ...

        Raises
        ------
        ContractError
            If a column is missing or unknown, a key repeats, or a value does not meet the contract of its column.

        Examples
        --------
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> table.check(pd.DataFrame({"scan": ["a"]}), where="scans.csv")
        Traceback (most recent call last):
        ctpop.foundation.errors.ContractError: scans.csv: columns scan_id are missing; found scan

        """
        place = str(where) or f"table {self.name!r}"
        lines = [int(row) + 2 for row in frame.index] if numbered else []
        frame = self._required_columns(frame, place).reset_index(drop=True)
        frame, failures = column_checks.checked(frame, self.columns)
        if failures:
            raise ContractError("\n".join(f"{place}: {self._explain(frame, *failure, lines)}" for failure in failures))
        self.refuse_repeated(frame, place, lines)
        return frame.sort_values(list(self.key), ignore_index=True)

    def refuse_repeated(self, frame: pd.DataFrame, place: str | Path, lines: Sequence[int] = ()) -> None:
        """Refuse a frame in which several rows have the same key.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows with at least the columns of the key.
        place : str or Path
            File or other origin of the frame, for the text of the error.
        lines : sequence of int
            Line in the file of each row, if it is known.

        Raises
        ------
        ContractError
            If a key repeats.

        Examples
        --------
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> table.refuse_repeated(pd.DataFrame({"scan_id": ["a", "b"]}), "scans.csv")

        """
        repeated = frame.duplicated(list(self.key), keep=False)
        if repeated.any():
            first = _first(frame.loc[repeated, list(self.key)].drop_duplicates().itertuples(index=False))
            raise ContractError(
                f"{place}: {' and '.join(self.key)} must identify one row, found repeated in"
                f" {int(repeated.sum())} rows, first {first}{_in_lines(lines, repeated.to_numpy().nonzero()[0])};"
                " remove or rename the repeated rows"
            )

    def read(self, path: str | Path, *columns: str) -> pd.DataFrame:
        """Return the rows of a Parquet file after a check: all columns, or the key and the named columns alone.

        Parameters
        ----------
        path : str or Path
            Parquet file.
        *columns : str
            Names of columns of the table; without any, all columns are read.

        Returns
        -------
        pandas.DataFrame
            The checked rows, sorted by key.

        Raises
        ------
        ContractError
            As `check`, or if the file is damaged.
        KeyError
            If the table does not have a named column.
        OSError
            If the file cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> from ctpop.contracts.columns import number, text
        >>> columns = {"scan_id": text("scan"), "age": number("age", "years"), "bmi": number("BMI", "kg/m²")}
        >>> table = Table("scans", ("scan_id",), "one row per scan", columns)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "scans.parquet")
        ...     _ = table.write(pd.DataFrame({"scan_id": ["a"], "age": [50.0], "bmi": [25.0]}), path)
        ...     table.read(path, "age")
          scan_id   age
        0       a  50.0

        """
        if not columns:
            return self.check(parquet_rows.read(path), where=path)
        part = replace(self, columns={name: self.columns[name] for name in (*self.key, *columns)})
        with parquet_files.opened(path) as file:
            present = set(file.schema_arrow.names)
        return part.check(parquet_rows.read(path, [name for name in part.columns if name in present]), where=path)

    def read_csv(self, path: str | Path) -> pd.DataFrame:
        """Return the rows of a CSV file that a person or another program wrote, after a check.

        Parameters
        ----------
        path : str or Path
            CSV file.

        Returns
        -------
        pandas.DataFrame
            The checked rows, sorted by key.

        Raises
        ------
        ContractError
            As `check`.
        OSError
            If the file cannot be read.
        ValueError
            If the file is not a CSV file.

        Examples
        --------
        >>> import tempfile
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "scans.csv")
        ...     _ = path.write_text(chr(10).join(["scan_id", "007"]))
        ...     list(table.read_csv(path)["scan_id"])
        ['007']

        """
        texts = {name: str for name, column in self.columns.items() if column.dtype == "str"}
        return self.check(pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""]), where=path)

    def write(self, frame: pd.DataFrame, path: str | Path) -> pd.DataFrame:
        """Write a frame as Parquet after a check, with a CSV file for people beside it, and return the rows as written.

        A table with more rows than a spreadsheet holds has a note in place of the rows in its CSV file.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows of the table, with any index and order of columns.
        path : str or Path
            Parquet file to write.

        Returns
        -------
        pandas.DataFrame
            The checked rows, sorted by key.

        Raises
        ------
        ContractError
            As `check`; nothing is written.
        OSError
            If a file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = table.write(pd.DataFrame({"scan_id": ["b", "a"]}), Path(folder, "scans.parquet"))
        ...     sorted(file.name for file in Path(folder).iterdir())
        ['scans.csv', 'scans.parquet']
        >>> list(written["scan_id"])
        ['a', 'b']

        """
        checked = self.check(frame, where=path)
        remove_half_written(Path(path).parent)
        write_parquet(checked, path)
        if len(checked) > CSV_ROWS:
            write_note_instead_of_csv(len(checked), path)
        else:
            write_csv(checked, Path(path).with_suffix(".csv"))
        return checked

    def empty(self) -> pd.DataFrame:
        """Return the table without rows.

        Returns
        -------
        pandas.DataFrame
            A frame without rows that has the columns and data types of the table.

        Examples
        --------
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> table.empty().shape
        (0, 1)

        """
        return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in self.columns.items()})

    def _required_columns(self, frame: pd.DataFrame, place: str) -> pd.DataFrame:
        absent = [name for name in self.columns if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in self.columns]
        if absent:
            raise ContractError(
                f"{place}: columns {', '.join(absent)} are missing; found {', '.join(map(str, frame.columns))}"
                f"{_renamed(unknown)}"
            )
        if unknown and not self.open:
            raise ContractError(f"{place}: columns {', '.join(unknown)} are not part of table {self.name!r}")
        return frame[[*self.columns, *(unknown if self.open else [])]]

    def _explain(self, frame: pd.DataFrame, column: str, expected: str, rows: list[int], lines: Sequence[int]) -> str:
        values = sorted({"nothing" if pd.isna(value) else str(value) for value in frame.loc[rows, column]})
        first = _first(frame.loc[rows[:3], list(self.key)].itertuples(index=False))
        return (
            f"column {column!r} must be {expected}, found {', '.join(values[:3])} in {len(rows)} rows,"
            f" first {' and '.join(self.key)}: {first}{_in_lines(lines, rows)}"
        )


def _renamed(unknown: list[str]) -> str:
    names = [f"{name} is now {RENAMED_COLUMNS[name]}" for name in unknown if name in RENAMED_COLUMNS]
    return f"; an earlier version of ctpop wrote this table: {', '.join(names)}; run the study again" if names else ""


def _in_lines(lines: Sequence[int], rows: Iterable[int], number: int = 3) -> str:
    """Return where the first rows are in their file, if that is known."""
    shown = [str(lines[row]) for _, row in zip(range(number), rows, strict=False)] if lines else []
    return f" in line {', '.join(shown)}" if shown else ""


def _first(rows: Iterable[Any], number: int = 3) -> str:
    shown = [" ".join(str(value) for value in row) for _, row in zip(range(number), rows, strict=False)]
    return ", ".join(repr(row) for row in shown)
