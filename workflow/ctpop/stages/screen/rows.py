"""The rows of `measures` with numeric indices, so rules on millions of rows compare numbers instead of names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NOWHERE = -1


@dataclass(frozen=True)
class MeasureRows:
    """Rows of measures; `scan[k]` and `structure[k]` are indices of row k into `scan_ids` and `names`."""

    measures: pd.DataFrame
    scan: NDArray[np.int32]
    structure: NDArray[np.int32]
    scan_ids: pd.Index
    names: pd.Index
    place: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.scan)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of measures, with NaN for missing values."""
        return self.measures[column].to_numpy(np.float64, na_value=np.nan)

    def of_structures(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return which rows are rows of the given structures."""
        return self.names.isin(list(names))[self.structure]

    def find(self, scan: NDArray[np.integer[Any]], structure: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Return the row of each pair of indices, or `NOWHERE` if an index is `NOWHERE` or the row does not exist."""
        found = np.full(len(scan), NOWHERE, np.int32)
        known = (scan != NOWHERE) & (structure != NOWHERE)
        found[known] = self.place[scan[known].astype(np.int64) * len(self.names) + structure[known]]
        return found


def numbered(measures: pd.DataFrame) -> MeasureRows:
    """Index the rows of measures, which contain one row per scan and structure."""
    scan, scan_ids = pd.factorize(measures["scan_id"])
    structure, names = pd.factorize(measures["structure"])
    place = np.full(len(scan_ids) * len(names), NOWHERE, np.int32)
    place[scan * len(names) + structure] = np.arange(len(scan), dtype=np.int32)
    return MeasureRows(
        measures, scan.astype(np.int32), structure.astype(np.int32), pd.Index(scan_ids), pd.Index(names), place
    )
