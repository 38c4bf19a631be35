"""The rows of all tables of a study that are about one structure, or one group of structures."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ctpop.contracts.codes import OUTCOMES
from ctpop.figures.formatting import level, percent
from ctpop.stages.report import cells
from ctpop.stages.report.cells import Cell, CellGrid, Head, P
from ctpop.stages.report.finished_study import FinishedStudy

MEASURE = Head("Measure", words=True)
NOTE = Head("Note", words=True)

Record = dict[str, Any]


@dataclass(frozen=True)
class StructureRows:
    """The rows of all tables that are about one structure, those of the volume before those of the attenuation."""

    study: FinishedStudy
    tables: dict[str, list[Record]]

    def of(self, table: str) -> list[Record]:
        """Return the rows of a table; nothing where the study does not have it."""
        return self.tables.get(table, [])

    @cached_property
    def interval(self) -> str:
        """The heading of intervals."""
        return f"{percent(self.study.conventions.confidence)} CI"

    @cached_property
    def below_alpha(self) -> str:
        """The heading of what is significant."""
        return f"{P} &lt; {level(self.study.conventions.alpha)}"


def p_pair(row: Record) -> list[Cell]:
    """Return P and P adjusted by Bonferroni."""
    return [cells.p_value(row["p"], row["log10_p"]), cells.p_value(row["p_bonferroni"], row["log10_p"])]


def note(row: Record) -> Cell:
    """Return why there is no result, if there is none."""
    return Cell("" if row["reason"] == "ok" else OUTCOMES[row["reason"]], wrap=True)


def without_notes(grid: CellGrid) -> CellGrid:
    """Return a table whose last column has notes, without that column where there is none."""
    if any(row.cells[-1].text for row in grid.rows):
        return grid
    return replace(grid, heads=grid.heads[:-1], rows=[replace(row, cells=row.cells[:-1]) for row in grid.rows])


def true(value: object) -> bool:
    """Return whether a value is true; a missing one is not."""
    return bool(pd.notna(value) and value)  # type: ignore[call-overload]
