"""Ages at which the slope of a structure changes, as a table of its page."""

import pandas as pd

from ctpop.figures.change_point import outcome_text
from ctpop.figures.formatting import MEASURES, SEXES
from ctpop.stages.report import cells
from ctpop.stages.report.cells import Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.structure_tables import MEASURE, Record, StructureRows


def change_points(rows: StructureRows) -> CellGrid:
    """Return the comparison of a straight line, two lines that meet, and a smooth curve for each sex."""
    made = [
        CellRow(
            SEXES[row["sex"]],
            [
                cells.words(MEASURES[row["measure"]]),
                cells.size(row),
                _result(row),
                cells.limits(row["age_low_years"], row["age_high_years"], 1),
                *_slope(row, "slope_before"),
                *_slope(row, "slope_after"),
                cells.p_value(row["p"]),
                *(cells.decimal(row[name]) for name in ("bic_line", "bic_break", "bic_curve")),
                cells.words(_ages(row["decreasing_ages"]), wrap=True),
                cells.words(_ages(row["increasing_ages"]), wrap=True),
            ],
        )
        for row in rows.of("change_points")
        if row["sex"] in rows.sexes
    ]
    headings = cells.heads(
        *("Sex", MEASURE, "n", Head("Result", words=True), f"{rows.interval}<br>of the age"),
        *("Slope<br>before", rows.interval, "Slope<br>after", rows.interval),
        *(f"{P}<br>(straight line)", "BIC, line", "BIC, two<br>lines", "BIC, curve"),
        *(Head("Ages with<br>decrease", words=True), Head("Ages with<br>increase", words=True)),
    )
    remark = (
        "Slopes: HU per decade, or percent per decade for volumes. The intervals are based on bootstrap samples of"
        " patients. BIC: Bayesian information criterion; smaller values indicate a better fit. Ages with decrease or"
        " increase: the pointwise confidence interval of the derivative of the smooth curve excludes 0."
    )
    return CellGrid("Change of slope by sex", headings, made, remark)


def _result(row: Record) -> Cell:
    text = outcome_text(row)
    return Cell(text[:1].upper() + text[1:], wrap=True)


def _slope(row: Record, name: str) -> list[Cell]:
    return [cells.decimal(row[name]), cells.limits(row[f"{name}_low"], row[f"{name}_high"], 1)]


def _ages(ranges: object) -> object:
    return ranges if pd.isna(ranges) else str(ranges).replace("-", "–").replace(";", ", ")  # type: ignore[call-overload]
