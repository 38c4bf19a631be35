"""Results from repeated scans of the patients of a structure, as tables of its page."""

from ctpop.figures.formatting import MEASURES, covariates_in_words
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.structure_tables import NOTE, Record, StructureRows, note, without_notes


def within_patient(rows: StructureRows) -> CellGrid:
    """Return the changes within patients beside the differences between patients."""
    made = [
        CellRow(
            MEASURES[row["measure"]],
            [
                cells.words(covariates_in_words(row["adjusted_for"])),
                cells.size(row, "n_long", "n_patients_long"),
                cells.decimal(row["interval_years"]),
                *_estimate(row, "within"),
                *_estimate(row, "between"),
                *_estimate(row, "contrast"),
                cells.p_value(row["p"], row["log10_p"]),
                *_estimate(row, "fixed"),
                cells.percentage(row["share_changed"]),
                note(row),
            ],
        )
        for row in rows.of("within_patient")
    ]
    headings = cells.heads(
        *("Measure", Head("Adjusted for", words=True), "n, repeated", "Median<br>interval (y)"),
        *("Within<br>patients", rows.interval, "Between<br>patients", rows.interval),
        *("Within minus<br>between", rows.interval, P, "Patient<br>indicators", rows.interval),
        *("Changed<br>patients", NOTE),
    )
    remark = (
        "Slopes: HU per decade, or percent per decade for volumes, from a linear model with a random intercept for each"
        " patient. n: scans of patients with two scans at least half a year apart. Patients with repeated CT are a"
        " selected group, and their changes are not the aging of the cohort."
    )
    return without_notes(CellGrid("Changes within patients", headings, made, remark))


def retest(rows: StructureRows) -> CellGrid:
    """Return the repeatability of the measures."""
    made = [
        CellRow(
            MEASURES[row["measure"]],
            [
                cells.size(row),
                cells.limits(row["change_low"], row["change_high"], 1),
                cells.percentage(row["cv"] / 100),
                cells.coefficient(row["icc"], 3),
                cells.limits(row["icc_low"], row["icc_high"], 3),
                cells.decimal(row["bias"], 2),
                cells.limits(row["agreement_low"], row["agreement_high"], 1),
                cells.coefficient(row["rho"]),
                cells.limits(row["rho_low"], row["rho_high"]),
                note(row),
            ],
        )
        for row in rows.of("retest")
    ]
    headings = cells.heads(
        *("Measure", "n", "Change without<br>true change", "CV", "ICC", rows.interval, "Bias"),
        *("Limits of<br>agreement", f"Corrected<br>{RHO}", rows.interval, NOTE),
    )
    remark = (
        "From pairs of scans within seven days; HU, or percent for volumes. CV: coefficient of variation within"
        f" patients. ICC: intraclass correlation of absolute agreement. Corrected {RHO}: correlation with age without"
        " measurement error."
    )
    return without_notes(CellGrid("Repeatability", headings, made, remark))


def _estimate(row: Record, name: str) -> list[Cell]:
    return [cells.decimal(row[name]), cells.limits(row[f"{name}_low"], row[f"{name}_high"], 1)]
