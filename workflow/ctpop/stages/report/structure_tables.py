"""Rows of one structure or group of structures in all tables of a study."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ctpop.contracts.codes import OUTCOMES
from ctpop.figures.formatting import level, percent
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, Cell, CellGrid, Head, P
from ctpop.stages.report.finished_study import FinishedStudy

MEASURE = Head("Measure", words=True)
NOTE = Head("Note", words=True)
CORRELATION_P = (f"{P}<br>({RHO} = 0)", f"{P}<br>(independence)", f"Adjusted {P}<br>(Bonferroni)")

Record = dict[str, Any]


@dataclass(frozen=True)
class StructureRows:
    """Rows of one structure in all tables; rows of the volume precede rows of the attenuation."""

    study: FinishedStudy
    tables: dict[str, list[Record]]

    def of(self, table: str) -> list[Record]:
        """Return the rows of a table, or an empty list if the study does not contain the table."""
        return self.tables.get(table, [])

    @cached_property
    def sexes(self) -> set[str]:
        """Sexes that occur in the cohort."""
        return set(self.study.tables["cohort"]["sex"].dropna())

    @cached_property
    def interval(self) -> str:
        """Header of confidence intervals."""
        return f"{percent(self.study.conventions.confidence)} CI"

    @cached_property
    def below_alpha(self) -> str:
        """Header of the column that marks significant results."""
        return f"{P} &lt; {level(self.study.conventions.alpha)}"


def p_pair(row: Record) -> list[Cell]:
    """Return the cells of the P value and of the Bonferroni-adjusted P value."""
    return [cells.p_value(row["p"], row["log10_p"]), cells.p_value(row["p_bonferroni"], row["log10_p"])]


def correlation_p(row: Record) -> list[Cell]:
    """Return the cells of the P values for a correlation of 0 and for independence, and of the adjusted P value."""
    return [
        cells.p_value(row["p_rho0"], row["log10_p_rho0"]),
        cells.p_value(row["p_independence"], row["log10_p_independence"]),
        cells.p_value(row["p_bonferroni"], log10_p(row)),
    ]


def log10_p(row: Record) -> float:
    """Return the logarithm of the P value that is adjusted: that of the test in the column `test`."""
    found: float = row[f"log10_p_{row['test']}"]
    return found


def note(row: Record) -> Cell:
    """Return a cell with the reason for a missing result, or an empty cell."""
    return Cell("" if row["reason"] == "ok" else OUTCOMES[row["reason"]], wrap=True)


def without_notes(grid: CellGrid) -> CellGrid:
    """Return the table without its last column (notes) if all notes are empty."""
    if any(row.cells[-1].text for row in grid.rows):
        return grid
    return replace(grid, heads=grid.heads[:-1], rows=[replace(row, cells=row.cells[:-1]) for row in grid.rows])


def true(value: object) -> bool:
    """Return whether a value is true; missing values count as false."""
    return bool(pd.notna(value) and value)  # type: ignore[call-overload]
