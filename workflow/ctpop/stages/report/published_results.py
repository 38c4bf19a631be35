"""Tables of the comparison with the published study."""

from typing import Any

import pandas as pd

from ctpop.figures.formatting import AGREEMENTS, AXES, MISSING, percent, structure_text
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.finished_study import FinishedStudy

PROPORTIONS = "For patient counts, the difference is that between proportions."
FRACTION = 4  # decimals of a difference that is not an integer


def published(study: FinishedStudy) -> dict[str, Any]:
    """Return the published correlations and other numbers with those of this study, and the rows by agreement."""
    table = study.tables["compare_published"]
    rows = _records(table.astype(dict.fromkeys(table.select_dtypes("Float64").columns, "float64")))
    numbers = [row for row in rows if not pd.isna(row["number_published"])]
    verdicts = table["verdict"].value_counts()
    return {
        "correlations": CellGrid("Published correlations", correlation_heads(study), correlations(rows, study)),
        "numbers": CellGrid("Other published numbers", number_heads(), [counted(row) for row in numbers], PROPORTIONS),
        "gaps": [str(row["statistic"]) for row in rows if not _about_rho(row) and pd.isna(row["number_published"])],
        "verdicts": [(AGREEMENTS[verdict], int(verdicts.get(verdict, 0))) for verdict in AGREEMENTS],
    }


def correlations(rows: list[dict[str, Any]], study: FinishedStudy) -> list[CellRow]:
    """Return a table row for each published correlation among rows of `compare_published`."""
    pages = set(study.analyzed)
    return [correlation(row, pages) for row in rows if _about_rho(row)]


def correlation_heads(study: FinishedStudy) -> list[Head]:
    """Return the headers of the table of correlations."""
    interval = f"{percent(study.conventions.confidence)} CI"
    return cells.heads(
        *("Structure", Head("Measure", words=True), f"Published {RHO}", interval, f"{RHO}, this study", interval),
        *("Left / right", "n", "Difference", "<i>z</i>", P, Head("Agreement", words=True), Head("Row", words=True)),
    )


def number_heads() -> list[Head]:
    """Return the headers of the table of other numbers."""
    return cells.heads(
        *("Quantity", "Published", "This study", "Difference", "<i>z</i>", P),
        *(Head("Agreement", words=True), Head("Row", words=True)),
    )


def correlation(row: dict[str, Any], pages: set[str]) -> CellRow:
    """Return the row of a published correlation, with a link to the page of the structure if the page exists."""
    sides = [cells.coefficient(row[f"rho_{side}"]) for side in ("left", "right")]
    both = MISSING if not any(side.order for side in sides) else " / ".join(side.text for side in sides)
    return CellRow(
        structure_text(row["structure_published"] if pd.isna(row["structure"]) else row["structure"]),
        [
            cells.words(AXES[row["measure"]]),
            cells.coefficient(row["rho_published"]),
            cells.limits(row["ci_low_published"], row["ci_high_published"]),
            cells.coefficient(row["rho_here"]),
            cells.limits(row["ci_low_here"], row["ci_high_here"]),
            Cell(both, sides[0].order),
            cells.size(row),
            cells.coefficient(row["difference"], 3),
            *_tested(row),
        ],
        f"structures/{row['structure']}.html" if row["structure"] in pages else "",
        strong=row["verdict"] == "differs",
    )


def counted(row: dict[str, Any]) -> CellRow:
    """Return the row of another published number; for patient counts, the difference is that between proportions."""
    statistic = str(row["statistic"])
    return CellRow(
        statistic[:1].upper() + statistic[1:],
        [
            cells.significant_digits(row["number_published"]),
            cells.significant_digits(row["number_here"]),
            cells.decimal(row["difference"], FRACTION if row["difference"] % 1 else 0),
            *_tested(row),
        ],
        strong=row["verdict"] == "differs",
    )


def _tested(row: dict[str, Any]) -> list[Cell]:
    return [
        cells.decimal(row["z"], 2),
        cells.p_value(row["p"]),
        cells.words(AGREEMENTS[row["verdict"]]),
        cells.words(row["id"]),
    ]


def _about_rho(row: dict[str, Any]) -> bool:
    return not pd.isna(row["measure"]) and "rho" in row["statistic"]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
