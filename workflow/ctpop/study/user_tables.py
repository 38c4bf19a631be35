"""Tables of users without settings of their own: label sets and the ground truth of a simulated study."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from ctpop.contracts.columns import Column
from ctpop.contracts.tables import Table
from ctpop.foundation.errors import ContractError
from ctpop.study import codings
from ctpop.study.registry import read_cells
from ctpop.study.registry_options import WITHOUT_SETTINGS


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
    cells = read_cells(path)
    present = {name: column for name, column in optional.items() if name in cells.columns}
    table = replace(table, columns={**table.columns, **present})
    numbers = [name for name, column in table.columns.items() if name in cells.columns and column.dtype != "str"]
    cells, _ = codings.with_numbers(cells, numbers, str(path), WITHOUT_SETTINGS)
    for name in numbers:
        cells[name] = _numbers(cells[name], name, table.columns[name], path)
    return table.check(cells, where=path)


def _numbers(words: pd.Series, name: str, column: Column, path: Path) -> pd.Series:
    numbers = pd.to_numeric(words, errors="coerce")
    odd = words[numbers.isna() & words.notna()]
    if len(odd):
        raise ContractError(
            f"{path}: line {int(str(odd.index[0])) + 2}: column {name} ({column.meaning}) must be a number, found"
            f" {odd.iloc[0]!r}, and no number in {len(odd)} rows; correct the cells"
        )
    return numbers
