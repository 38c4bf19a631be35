"""Reading of users' tables without settings: label sets, ground truth, QC decisions, and reference masks."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from ctpop.contracts.columns import Column
from ctpop.contracts.evaluation import REFERENCE
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError, count
from ctpop.study import codings, column_names
from ctpop.study.registry import check_ids, read_cells
from ctpop.study.registry_options import WITHOUT_SETTINGS
from ctpop.study.table_cells import line_of

LOG = logging.getLogger(__name__)


def read_user_table(table: Table, path: Path, optional: Mapping[str, Column] = MappingProxyType({})) -> pd.DataFrame:
    r"""Read and check a user's table; its format is inferred in the same way as for a registry.

    Parameters
    ----------
    table : Table
        Contract of the table.
    path : Path
        Text table, spreadsheet, or Parquet file.
    optional : mapping of str to Column
        Contracts of optional columns.

    Returns
    -------
    pandas.DataFrame
        Checked rows, sorted by key. If the contract is open, columns that are not part of it are text.

    Raises
    ------
    ContractError
        If the file cannot be read (`table_cells.cells_of`), a cell of a numeric column is not a number, or the table
        violates its contract.

    Examples
    --------
    >>> import tempfile
    >>> from ctpop.contracts.columns import number, text
    >>> table = Table("bounds", ("structure",), "one per structure", {"structure": text("name"), "ml": number("ml")})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "bounds.csv")
    ...     _ = path.write_text("structure;ml\nliver;1,5\n", encoding="utf-16")
    ...     read_user_table(table, path).to_dict("records")
    [{'structure': 'liver', 'ml': 1.5}]

    """
    cells = named_as({**table.columns, **optional}, read_cells(path), path)
    present = {name: column for name, column in optional.items() if name in cells.columns}
    table = replace(table, columns={**table.columns, **present})
    numbers = [name for name, column in table.columns.items() if name in cells.columns and column.dtype != "str"]
    cells, _ = codings.with_numbers(cells, numbers, str(path), WITHOUT_SETTINGS)
    for name in numbers:
        cells[name] = _numbers(cells[name], name, table.columns[name], path)
    return table.check(cells, where=path, numbered=True)


def read_reference_rows(path: Path) -> pd.DataFrame:
    r"""Return the scans of a table of reference masks and the path of each mask, sorted by scan identifier.

    Parameters
    ----------
    path : Path
        Path of a table with the columns of `REFERENCE`.

    Returns
    -------
    pandas.DataFrame
        Checked rows.

    Raises
    ------
    ContractError
        If the file, a column, or a path is missing, or if a scan identifier is duplicated or cannot be used in a file
        name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "references.csv")
    ...     _ = path.write_text("Scan ID;Reference path\ns1;s1.nii.gz\n")
    ...     read_reference_rows(path).to_dict("records")
    [{'scan_id': 's1', 'reference_path': 's1.nii.gz'}]

    """
    if not path.is_file():
        raise ContractError(
            f"{path}: the table of reference masks does not exist; set evaluate.reference to the path of the table"
        )
    cells = named_as(REFERENCE.columns, read_cells(path), path)
    absent = [name for name in REFERENCE.columns if name not in cells.columns]
    if absent or cells.empty:
        raise ContractError(
            f"{path}: the table must contain the columns {' and '.join(REFERENCE.columns)} and at least one row, but"
            f" contains {count(len(cells), 'row')} with the columns {', '.join(cells.columns)}; write"
            f" {','.join(REFERENCE.columns)} in the first line and add one row per reference mask"
        )
    check_ids(cells["scan_id"], path)
    return REFERENCE.check(cells, where=path, numbered=True)


def named_as(columns: Iterable[str], cells: pd.DataFrame, path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """Rename columns whose names differ from those of a contract only in spelling.

    Parameters
    ----------
    columns : iterable of str
        Columns of the contract.
    cells : pandas.DataFrame of str
        Cells of a user's table.
    path : Path
        Path of the table, for the log.
    notes : list of str, optional
        Receives one note per column instead of the log.

    Returns
    -------
    pandas.DataFrame of str
        Cells with the new column names.

    Examples
    --------
    >>> list(named_as(["scan_id"], pd.DataFrame({"Scan ID": ["s1"], "note": ["x"]}), Path("a.csv")).columns)
    ['scan_id', 'note']

    """
    names = column_names.spelled_as(list(cells.columns), columns)
    report([f"column {theirs} is read as {ours}" for theirs, ours in names.items()], path, notes)
    return cells.rename(columns=names)


def report(found: list[str], path: Path, notes: list[str] | None) -> None:
    """Add sentences about the reading of a table to a list of notes or to the log.

    Parameters
    ----------
    found : list of str
        Sentences.
    path : Path
        Path of the table, for the log.
    notes : list of str or None
        Receives the sentences; if None, the sentences are logged.

    Examples
    --------
    >>> notes = []
    >>> report(["the separator is a tab"], Path("a.csv"), notes)
    >>> notes
    ['the separator is a tab']

    """
    if notes is not None:
        notes += found
        return
    for sentence in found:
        LOG.info("%s: %s", path, sentence)


def _numbers(words: pd.Series, name: str, column: Column, path: Path) -> pd.Series:
    numbers = pd.to_numeric(words, errors="coerce")
    odd = words[numbers.isna() & words.notna()]
    if len(odd):
        raise ContractError(
            f"{path}: line {line_of(odd.index[0])}: column {name} ({column.meaning}) must contain numbers, but contains"
            f" {odd.iloc[0]!r} ({count(len(odd), 'affected row')}); correct the cells"
        )
    return numbers
