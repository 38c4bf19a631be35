"""What screening did to one structure, and what others found of it, as tables of its page."""

from ctpop.contracts.all_tables import ENDS, FLOW_REASONS
from ctpop.figures.formatting import EXCLUSIONS, MEASURES, RULE_SETS, SEX_WORDS
from ctpop.stages.report import cells, published_results
from ctpop.stages.report.cells import RHO, CellGrid, CellRow, Head, P
from ctpop.stages.report.structure_lists import truth_cells
from ctpop.stages.report.structure_tables import MEASURE, StructureRows

SEX_WORD = {sex: one for sex, (one, _) in SEX_WORDS.items()}


def losses(rows: StructureRows) -> CellGrid:
    """Return how many values each reason took away, from all scans to those in the statistics."""
    steps = {(row["reason"], row["measure"]): row for row in rows.of("structure_flow")}
    asked = [reason for reason in FLOW_REASONS if any((reason, measure) in steps for measure in MEASURES)]
    counted = [
        CellRow(
            EXCLUSIONS[reason].capitalize(),
            [
                cells.size(steps[reason, measure], f"n_{end}", f"n_patients_{end}")
                if (reason, measure) in steps
                else cells.words(None)
                for measure in MEASURES
                for end in ("before", "removed", "after")
            ],
        )
        for reason in asked
    ]
    headings = [f"{name}<br>{step}" for name in ("Volumes", "Attenuations") for step in ("before", "removed", "after")]
    return CellGrid("What was lost, and why", cells.heads("Reason", *headings), counted)


def failures(rows: StructureRows) -> CellGrid:
    """Return age and sex of the people whose values are used, and of the others."""
    made = [
        CellRow(
            words,
            [
                cells.size(row, "n_scans"),
                cells.size(row, f"n_usable_{name}", f"n_patients_usable_{name}"),
                *(cells.decimal(row[f"age_{share}_{name}_years"]) for share in ("usable", "removed")),
                *(cells.percentage(row[f"women_{share}_{name}"]) for share in ("usable", "removed")),
            ],
        )
        for row in rows.of("failures")
        for name, words in (("volume", MEASURES["volume_ml"]), ("hu", MEASURES["hu_mean"]))
    ]
    headings = cells.heads(
        *("Measure", "Scans", "Used", "Mean age (years),<br>used", "Mean age (years),<br>not used"),
        *("Women,<br>used", "Women,<br>not used"),
    )
    return CellGrid("Who is lost", headings, made)


def sensitivity(rows: StructureRows) -> CellGrid:
    """Return the correlations under each rule set of the screening."""
    order = list(RULE_SETS)
    made = [
        CellRow(
            RULE_SETS[row["rules"]],
            [
                cells.words(MEASURES[row["measure"]]),
                cells.size(row),
                cells.coefficient(row["rho"]),
                cells.limits(row["ci_low"], row["ci_high"]),
                cells.p_value(row["p"], row["log10_p"]),
                cells.coefficient(row["difference"], 3),
            ],
            strong=row["rules"] == "study",
        )
        for row in sorted(
            rows.of("sensitivity"), key=lambda row: (list(MEASURES).index(row["measure"]), order.index(row["rules"]))
        )
    ]
    headings = cells.heads("Rules", MEASURE, "n", RHO, rows.interval, P, "Difference<br>to this study")
    return CellGrid("Under other rules of screening", headings, made)


def extremes(rows: StructureRows) -> CellGrid:
    """Return the smallest and largest values that the rules let through; each leads to its mask in the gallery."""
    ends = list(ENDS)
    made = [
        CellRow(
            row["scan_id"],
            [
                cells.words(MEASURES[row["measure"]]),
                cells.words(row["end"]),
                cells.count(row["rank"]),
                cells.decimal(row["value"]),
                cells.significant_digits(row["age_years"]),
                cells.words(SEX_WORD.get(row["sex"])),
            ],
            rows.study.case_link(row["scan_id"], row["structure"]),
        )
        for row in sorted(
            rows.of("extremes"),
            key=lambda row: (list(MEASURES).index(row["measure"]), ends.index(row["end"]), row["rank"]),
        )
    ]
    headings = cells.heads(
        *("Scan", MEASURE, Head("End", words=True), "Place", "Value<br>(mL or HU)", "Age (years)"),
        Head("Sex", words=True),
    )
    note = "The smallest and largest values that the rules let through."
    note += " Their masks are in the gallery." if rows.study.has_gallery else ""
    return CellGrid("Extreme values", headings, made, note)


def beside_published(rows: StructureRows) -> CellGrid:
    """Return what the paper prints of the structure, and our numbers."""
    made = published_results.correlations(rows.of("compare_published"), rows.study)
    return CellGrid("Published and here", published_results.correlation_heads(rows.study), made)


def beside_truth(rows: StructureRows) -> CellGrid:
    """Return measured against true values, where a simulation knows these."""
    interval = rows.interval
    headings = cells.heads(
        *("", MEASURE, "n", "<i>r</i>", "Bias", "Bias (%)", f"True {RHO}", f"Measured {RHO}", interval),
        Head("Truth inside", words=True),
    )
    made = [CellRow("Measured and true", truth_cells(row)) for row in rows.of("compare_truth")]
    return CellGrid("Measured against the truth", headings, made)
