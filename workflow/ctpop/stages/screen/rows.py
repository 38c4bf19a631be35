"""The rows of `measures` by number, so that rules on millions of them compare numbers and not names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NOWHERE = -1


@dataclass(frozen=True)
class MeasureRows:
    """Rows of measures: of row k, `scan[k]` and `structure[k]` are places in `scan_ids` and `names`."""

    measures: pd.DataFrame
    scan: NDArray[np.int32]
    structure: NDArray[np.int32]
    scan_ids: pd.Index
    names: pd.Index
    place: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.scan)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return a column of measures, NaN where it is missing."""
        return self.measures[column].to_numpy(np.float64, na_value=np.nan)

    def of_structures(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return which rows are about one of these structures."""
        return self.names.isin(list(names))[self.structure]

    def find(self, scan: NDArray[np.integer[Any]], structure: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """Return the row of each pair of places, `NOWHERE` if a place is `NOWHERE` or there is no such row."""
        found = np.full(len(scan), NOWHERE, np.int32)
        known = (scan != NOWHERE) & (structure != NOWHERE)
        found[known] = self.place[scan[known].astype(np.int64) * len(self.names) + structure[known]]
        return found


def numbered(measures: pd.DataFrame) -> MeasureRows:
    """Return the rows of measures, which have one row per scan and structure."""
    scan, scan_ids = pd.factorize(measures["scan_id"])
    structure, names = pd.factorize(measures["structure"])
    place = np.full(len(scan_ids) * len(names), NOWHERE, np.int32)
    place[scan * len(names) + structure] = np.arange(len(scan), dtype=np.int32)
    return MeasureRows(
        measures, scan.astype(np.int32), structure.astype(np.int32), pd.Index(scan_ids), pd.Index(names), place
    )
