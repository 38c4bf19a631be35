"""Smallest effects that the study detects for a structure, as a table of its page."""

from ctpop.figures.formatting import MEASURES, percent
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, CellGrid, CellRow, Head
from ctpop.stages.report.structure_tables import StructureRows

UNITS = {"volume_ml": "%", "hu_mean": "HU"}


def detectable(rows: StructureRows) -> CellGrid:
    """Return the smallest detectable correlation and slope for each measure and power."""
    made = [
        CellRow(
            MEASURES[row["measure"]],
            [
                cells.words(percent(row["power"])),
                cells.size(row),
                cells.coefficient(row["rho"], 3),
                cells.decimal(row["slope"], 2),
                cells.words(UNITS[row["measure"]]),
            ],
        )
        for row in rows.of("detectable_effects")
    ]
    headings = cells.heads(
        *("Measure", "Power", "n", f"Absolute<br>{RHO}", "Absolute difference<br>per decade"),
        Head("Unit", words=True),
    )
    remark = (
        "Smallest effects that a two-sided test at the significance level of the study detects with the stated power."
        " Correlations are based on the number of patients."
    )
    return CellGrid("Smallest detectable effects", headings, made, remark)
