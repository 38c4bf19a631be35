"""Tables of the comparison with the published study."""

from typing import Any

import pandas as pd

from ctpop.figures.formatting import AGREEMENTS, AXES, MISSING, coefficient, listed, percent, structure_text
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, Cell, CellGrid, CellRow, Head
from ctpop.stages.report.finished_study import FinishedStudy

NUMBERS_NOTE = (
    "These numbers describe the registry, the patients, and the configuration. They are listed without an assessment."
    " For patient counts, the difference is that between proportions."
)
FRACTION = 3  # decimals of a difference that is not an integer
COMPARED = ("equivalent", "different", "inconclusive", "not_comparable")  # outcomes with two correlations
OUTCOMES = (  # outcome, and its words for one and for several correlations
    ("equivalent", "was equivalent within {margin}", "were equivalent within {margin}"),
    ("different", "differed", "differed"),
    ("inconclusive", "was inconclusive", "were inconclusive"),
    ("not_comparable", "was not comparable", "were not comparable"),
    ("not_measured_here", "was not measured in this study", "were not measured in this study"),
)


def published(study: FinishedStudy) -> dict[str, Any]:
    """Return the published correlations and other numbers with those of this study, and their summary."""
    table = study.tables["compare_published"]
    rows = _records(table.astype(dict.fromkeys(table.select_dtypes("Float64").columns, "float64")))
    numbers = [row for row in rows if not pd.isna(row["number_published"])]
    return {
        "correlations": CellGrid("Published correlations", correlation_heads(study), correlations(rows, study)),
        "numbers": CellGrid(
            "Other published numbers", number_heads(study), [counted(row) for row in numbers], NUMBERS_NOTE
        ),
        "gaps": [str(row["statistic"]) for row in rows if not _about_rho(row) and pd.isna(row["number_published"])],
        "summary": sentence(table),
        "margin": margin_of(table),
    }


def sentence(table: pd.DataFrame) -> str:
    """Return the numbers of distinct published correlations with each outcome as a sentence of a results section.

    The sentence is empty if the study has none of the correlations.
    """
    outcomes = table.loc[table["distinct"], "outcome"]
    if not outcomes.isin(COMPARED).any():
        return ""
    margin = margin_of(table)
    found = [(int(outcomes.eq(outcome).sum()), one, several) for outcome, one, several in OUTCOMES]
    parts = [f"{n:,} {(one if n == 1 else several).format(margin=margin)}" for n, one, several in found if n]
    return f"Of {len(outcomes):,} distinct correlations published in the original study, {listed(parts)}."


def margin_of(table: pd.DataFrame) -> str:
    """Return the margin of equivalence for correlations in words; empty if the table has no margin."""
    margins = table["margin"].dropna()
    return "" if margins.empty else coefficient(float(margins.iloc[0]))


def correlations(rows: list[dict[str, Any]], study: FinishedStudy) -> list[CellRow]:
    """Return a table row for each published correlation among rows of `compare_published`."""
    pages = set(study.analyzed)
    return [correlation(row, pages) for row in rows if _about_rho(row)]


def correlation_heads(study: FinishedStudy) -> list[Head]:
    """Return the headers of the table of correlations."""
    interval = f"{percent(study.conventions.confidence)} CI"
    return cells.heads(
        *("Structure", Head("Measure", words=True), f"Published {RHO}", f"Expected {RHO}", interval),
        *(f"{RHO}, this study", interval, "Left / right", "n", "Difference", interval),
        *(Head("Outcome", words=True), Head("Row", words=True)),
    )


def number_heads(study: FinishedStudy) -> list[Head]:
    """Return the headers of the table of other numbers."""
    interval = f"{percent(study.conventions.confidence)} CI"
    return cells.heads(*("Quantity", "Published", "This study", "Difference", interval), Head("Row", words=True))


def correlation(row: dict[str, Any], pages: set[str]) -> CellRow:
    """Return the row of a published correlation, with a link to the page of the structure if the page exists."""
    sides = [cells.coefficient(row[f"rho_{side}"]) for side in ("left", "right")]
    both = MISSING if not any(side.order for side in sides) else " / ".join(side.text for side in sides)
    return CellRow(
        structure_text(row["structure_published"] if pd.isna(row["structure"]) else row["structure"]),
        [
            cells.words(AXES[row["measure"]]),
            cells.coefficient(row["rho_published"]),
            cells.coefficient(row["rho_expected"]),
            cells.limits(row["ci_low_expected"], row["ci_high_expected"]),
            cells.coefficient(row["rho_here"]),
            cells.limits(row["ci_low_here"], row["ci_high_here"]),
            Cell(both, sides[0].order),
            cells.size(row),
            cells.coefficient(row["difference"], 3),
            cells.limits(row["difference_low"], row["difference_high"], 3),
            cells.words(AGREEMENTS[row["outcome"]]),
            cells.words(row["id"]),
        ],
        f"structures/{row['structure']}.html" if row["structure"] in pages else "",
        strong=row["outcome"] == "different",
    )


def counted(row: dict[str, Any]) -> CellRow:
    """Return the row of another published number; for patient counts, the difference is that between proportions."""
    statistic = str(row["statistic"])
    return CellRow(
        statistic[:1].upper() + statistic[1:],
        [
            cells.significant_digits(row["number_published"]),
            cells.significant_digits(row["number_here"]),
            cells.coefficient(row["difference"], FRACTION)
            if row["difference"] % 1
            else cells.decimal(row["difference"], 0),
            cells.limits(row["difference_low"], row["difference_high"], FRACTION),
            cells.words(row["id"]),
        ],
    )


def _about_rho(row: dict[str, Any]) -> bool:
    return not pd.isna(row["measure"]) and "rho" in row["statistic"]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
