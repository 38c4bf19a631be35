"""Inputs of screening in addition to the measures, from the label set (structures) and the registry (patients)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.stages.screen.rows import MeasureRows
from ctpop.study.decisions import known_absences
from ctpop.study.label_sets import LabelSet, lower_bounds, upper_bounds


@dataclass(frozen=True)
class ScreeningAttributes:
    """Bounds (mL), sides, contralateral structures, and unique known absences (scan_id, structure)."""

    bounds: dict[str, float]
    upper_bounds: dict[str, float]
    sides: dict[str, str]
    contralateral: dict[str, str]
    absences: pd.DataFrame


def facts_of(
    label_set: LabelSet, changed_bounds: dict[str, float | None], cohort: pd.DataFrame | None
) -> ScreeningAttributes:
    """Return the attributes for screening; without a cohort, no absences are known.

    Raises
    ------
    ContractError
        If the structure of a bound or an absence is not in the label set.

    """
    paired = label_set.table.dropna(subset="side")
    none = pd.DataFrame({"scan_id": pd.Series(dtype="str"), "structure": pd.Series(dtype="str")})
    return ScreeningAttributes(
        bounds=lower_bounds(label_set, changed_bounds),
        upper_bounds=upper_bounds(label_set),
        sides=dict(zip(paired["structure"], paired["side"], strict=True)),
        contralateral=label_set.contralateral,
        absences=none if cohort is None else known_absences(cohort, label_set.names),
    )


def rows_of(rows: MeasureRows, pairs: pd.DataFrame) -> NDArray[np.int32]:
    """Return the row numbers of pairs of scan_id and structure, without pairs that have no row."""
    scan, structure = pd.Index(pairs["scan_id"]), pd.Index(pairs["structure"])
    found = rows.find(rows.scan_ids.get_indexer(scan), rows.names.get_indexer(structure))
    return found[found >= 0]
