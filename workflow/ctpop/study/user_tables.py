"""Tables of users without settings of their own: label sets, ground truth, decisions of reviewers, references."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from ctpop.contracts.columns import Column
from ctpop.contracts.evaluation import REFERENCE
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.study import codings, column_names
from ctpop.study.registry import check_ids, read_cells
from ctpop.study.registry_options import WITHOUT_SETTINGS
from ctpop.study.table_cells import line_of

LOG = logging.getLogger(__name__)


def read_user_table(table: Table, path: Path, optional: Mapping[str, Column] = MappingProxyType({})) -> pd.DataFrame:
    r"""Return a table of a user after a check; its form is inferred as that of a registry.

    Parameters
    ----------
    table : Table
        Contract of the table.
    path : Path
        Text table, spreadsheet or Parquet.
    optional : mapping of str to Column
        Contracts of columns that may be left out.

    Returns
    -------
    pandas.DataFrame
        The checked rows, sorted by key. Columns that the contract does not have, if it is open, are text.

    Raises
    ------
    ContractError
        If the file cannot be read (`table_cells.cells_of`), a number is none, or the contract is not met.

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
    r"""Return the scans of a table of references and the path of each reference, in the order of their ids.

    Parameters
    ----------
    path : Path
        Table with the columns of `REFERENCE`.

    Returns
    -------
    pandas.DataFrame
        The checked rows.

    Raises
    ------
    ContractError
        If the file, a column or a path is missing, or an id repeats or cannot name a file.

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
        raise ContractError(f"{path}: the CSV of references does not exist; set evaluate.reference")
    cells = named_as(REFERENCE.columns, read_cells(path), path)
    absent = [name for name in REFERENCE.columns if name not in cells.columns]
    if absent or cells.empty:
        raise ContractError(
            f"{path}: columns {' and '.join(REFERENCE.columns)} and at least one row are expected,"
            f" found {len(cells)} rows with columns {', '.join(cells.columns)}"
        )
    check_ids(cells["scan_id"], path)
    return REFERENCE.check(cells, where=path, numbered=True)


def named_as(columns: Iterable[str], cells: pd.DataFrame, path: Path, notes: list[str] | None = None) -> pd.DataFrame:
    """Return cells with the names of a contract for columns that differ from them in spelling alone.

    Parameters
    ----------
    columns : iterable of str
        Columns of the contract.
    cells : pandas.DataFrame of str
        Cells of a user's table.
    path : Path
        File of the table, for the log.
    notes : list of str, optional
        Receives a sentence for each column, in place of the log.

    Returns
    -------
    pandas.DataFrame of str
        The same rows.

    Examples
    --------
    >>> list(named_as(["scan_id"], pd.DataFrame({"Scan ID": ["s1"], "note": ["x"]}), Path("a.csv")).columns)
    ['scan_id', 'note']

    """
    names = column_names.spelled_as(list(cells.columns), columns)
    report([f"column {theirs} is read as {ours}" for theirs, ours in names.items()], path, notes)
    return cells.rename(columns=names)


def report(found: list[str], path: Path, notes: list[str] | None) -> None:
    """Add sentences about how a table was read to notes, or to the log.

    Parameters
    ----------
    found : list of str
        Sentences.
    path : Path
        File of the table, for the log.
    notes : list of str or None
        Receives the sentences; None: the log does.

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
            f"{path}: line {line_of(odd.index[0])}: column {name} ({column.meaning}) must be a number, found"
            f" {odd.iloc[0]!r}, and no number in {len(odd)} rows; correct the cells"
        )
    return numbers
