"""Tables whose columns, data types, and values are checked.

Each file that is passed between two stages is described by a `Table`. `Table.write` and `Table.read` check the file, so
stages read only valid tables. Rows are sorted by key and written without timestamps: equal data give equal bytes.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts import column_checks, parquet_files, parquet_rows
from ctpop.contracts.columns import Column
from ctpop.contracts.table_files import CSV_ROWS, write_csv, write_note_instead_of_csv, write_parquet
from ctpop.foundation.errors import ContractError, count
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
        Columns whose values together identify a row.
    meaning : str
        Meaning of a row.
    columns : dict of str to Column
        Contract of each column, in the order of the table.
    open : bool
        Whether further columns are allowed, which are kept and not checked.

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
        """Return the frame with the columns, order, and data types of the table, sorted by key.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows of the table, with any index and order of columns.
        where : str or Path
            File or other origin of the frame, for error messages; if empty, the name of the table.
        numbered : bool
            Whether the index of the frame is the line number in the file minus 2. Error messages then contain lines.

        Returns
        -------
        pandas.DataFrame
            The checked rows, with the index 0, 1, 2, ...

        Raises
        ------
        ContractError
            If a column is missing or unknown, a key is repeated, or a value violates the contract of its column.

        Examples
        --------
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> table.check(pd.DataFrame({"scan": ["a"]}), where="scans.csv")
        Traceback (most recent call last):
        ctpop.foundation.errors.ContractError: scans.csv: column scan_id is missing; found scan; add the column

        """
        place = str(where) or f"table {self.name!r}"
        lines = [int(row) + 2 for row in frame.index] if numbered else []
        frame = self._required_columns(frame, place, numbered=numbered).reset_index(drop=True)
        frame, failures = column_checks.checked(frame, self.columns)
        if failures:
            raise ContractError("\n".join(f"{place}: {self._explain(frame, *failure, lines)}" for failure in failures))
        self.refuse_repeated(frame, place, lines)
        return frame.sort_values(list(self.key), ignore_index=True)

    def refuse_repeated(self, frame: pd.DataFrame, place: str | Path, lines: Sequence[int] = ()) -> None:
        """Raise an error if several rows have the same key.

        Parameters
        ----------
        frame : pandas.DataFrame
            Rows with at least the columns of the key.
        place : str or Path
            File or other origin of the frame, for error messages.
        lines : sequence of int
            Line number of each row in the file, if known.

        Raises
        ------
        ContractError
            If a key is repeated.

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
                f"{place}: {' and '.join(self.key)} must identify one row; found repeated values in"
                f" {count(int(repeated.sum()), 'row')}, first"
                f" {first}{_in_lines(lines, repeated.to_numpy().nonzero()[0])};"
                " remove the repeated rows or correct their identifiers"
            )

    def read(self, path: str | Path, *columns: str) -> pd.DataFrame:
        """Read and check a Parquet file: all columns, or only the key and the named columns.

        Parameters
        ----------
        path : str or Path
            Parquet file.
        *columns : str
            Names of columns of the table; if none is given, all columns are read.

        Returns
        -------
        pandas.DataFrame
            The checked rows, sorted by key.

        Raises
        ------
        ContractError
            As for `check`, or if the file is damaged.
        KeyError
            If the table does not contain a named column.
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
        """Read and check a CSV file that was written by a user or another program.

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
            As for `check`.
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
        """Check a frame, write it as Parquet and CSV, and return the rows as written.

        If the table exceeds the row limit of spreadsheets, the CSV file contains a note instead of the rows.

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
            As for `check`; nothing is written.
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
        """Return an empty table.

        Returns
        -------
        pandas.DataFrame
            A frame without rows, with the columns and data types of the table.

        Examples
        --------
        >>> from ctpop.contracts.columns import text
        >>> table = Table("scans", ("scan_id",), "one row per scan", {"scan_id": text("scan")})
        >>> table.empty().shape
        (0, 1)

        """
        return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in self.columns.items()})

    def _required_columns(self, frame: pd.DataFrame, place: str, *, numbered: bool) -> pd.DataFrame:
        absent = [name for name in self.columns if name not in frame.columns]
        unknown = [str(name) for name in frame.columns if name not in self.columns]
        if absent:
            raise ContractError(
                f"{place}: {_columns(absent)} missing; found {', '.join(map(str, frame.columns))}"
                f"{_renamed(unknown) or _likely(absent, unknown if numbered else [])}"
            )
        if unknown and not self.open:
            raise ContractError(
                f"{place}: {_columns(unknown)} not part of table {self.name!r}; remove the {_noun(unknown)}"
            )
        return frame[[*self.columns, *(unknown if self.open else [])]]

    def _explain(self, frame: pd.DataFrame, column: str, expected: str, rows: list[int], lines: Sequence[int]) -> str:
        values = sorted({"no value" if pd.isna(value) else str(value) for value in frame.loc[rows, column]})
        first = _first(frame.loc[rows[:3], list(self.key)].itertuples(index=False))
        return (
            f"column {column!r} must be {expected}; found {', '.join(values[:3])} in {count(len(rows), 'row')},"
            f" first {' and '.join(self.key)}: {first}{_in_lines(lines, rows)}"
            f"{'; correct the cells' if lines else ''}"
        )


def _noun(names: list[str]) -> str:
    return "column" if len(names) == 1 else "columns"


def _columns(names: list[str]) -> str:
    return f"{_noun(names)} {', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _renamed(unknown: list[str]) -> str:
    names = [f"{name} is now {RENAMED_COLUMNS[name]}" for name in unknown if name in RENAMED_COLUMNS]
    return f"; an earlier version of ctpop wrote this table ({', '.join(names)}); rerun the study" if names else ""


def _likely(absent: list[str], unknown: list[str]) -> str:
    """Return the remedy for columns that are missing in a table: rename similar columns, or add the columns."""
    close = {name: found for name in absent if (found := difflib.get_close_matches(name, unknown, n=1))}
    pairs = [f"{found[0]} to {name}" for name, found in close.items()]
    return f"; rename {', '.join(pairs)} in the header" if pairs else f"; add the {_noun(absent)}"


def _in_lines(lines: Sequence[int], rows: Iterable[int], number: int = 3) -> str:
    """Return the line numbers of the first rows in their file, if known."""
    shown = [str(lines[row]) for _, row in zip(range(number), rows, strict=False)] if lines else []
    return f" in {'line' if len(shown) == 1 else 'lines'} {', '.join(shown)}" if shown else ""


def _first(rows: Iterable[Any], number: int = 3) -> str:
    shown = [" ".join(str(value) for value in row) for _, row in zip(range(number), rows, strict=False)]
    return ", ".join(repr(row) for row in shown)
