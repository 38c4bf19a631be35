"""Screening, sensitivity, and comparison with other results of one structure, as tables of its page."""

from ctpop.contracts.all_tables import ENDS, FLOW_REASONS
from ctpop.figures.formatting import ANALYSES, EXCLUSIONS, MEASURES, SEX_WORDS
from ctpop.stages.report import cells, published_results
from ctpop.stages.report.cells import RHO, CellGrid, CellRow, Head, P
from ctpop.stages.report.structure_lists import truth_cells
from ctpop.stages.report.structure_tables import MEASURE, NOTE, StructureRows, note, without_notes

SEX_WORD = {sex: one for sex, (one, _) in SEX_WORDS.items()}


def losses(rows: StructureRows) -> CellGrid:
    """Return the number of values that each reason excluded, from all scans to the analyzed values."""
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
    names = ("Volumes", "Attenuation values")
    headings = [f"{name}<br>{step}" for name in names for step in ("before", "excluded", "after")]
    return CellGrid("Excluded values by reason", cells.heads("Reason", *headings), counted)


def failures(rows: StructureRows) -> CellGrid:
    """Return the age and sex of patients with usable values and of patients with excluded values."""
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
        *("Measure", "Scans", "Usable", "Mean age (years),<br>usable", "Mean age (years),<br>excluded"),
        *("Women,<br>usable", "Women,<br>excluded"),
    )
    return CellGrid("Characteristics of patients with usable and excluded values", headings, made)


def sensitivity(rows: StructureRows) -> CellGrid:
    """Return the correlations under each rule set of segmentation screening and in other sensitivity analyses."""
    order = list(ANALYSES)
    made = [
        CellRow(
            ANALYSES[row["analysis"]],
            [
                cells.words(MEASURES[row["measure"]]),
                cells.size(row),
                cells.decimal(row["effective_n"], 0),
                cells.coefficient(row["rho"]),
                cells.limits(row["ci_low"], row["ci_high"]),
                cells.p_value(row["p_rho0"], row["log10_p_rho0"]),
                cells.coefficient(row["difference"], 3),
                note(row),
            ],
            strong=row["analysis"] == "study",
        )
        for row in sorted(
            rows.of("sensitivity"), key=lambda row: (list(MEASURES).index(row["measure"]), order.index(row["analysis"]))
        )
    ]
    headings = cells.heads(
        *("Analysis", MEASURE, "n", "Effective n", RHO, rows.interval, f"{P}<br>({RHO} = 0)"),
        *("Difference<br>from this study", NOTE),
    )
    remark = "Effective n: number of scans with equal weights that would provide the same precision."
    return without_notes(CellGrid("Sensitivity analyses", headings, made, remark))


def extremes(rows: StructureRows) -> CellGrid:
    """Return the smallest and largest values that passed screening, with links to their masks in the gallery."""
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
        *("Scan", MEASURE, Head("Extreme", words=True), "Rank", "Value<br>(mL or HU)", "Age (years)"),
        Head("Sex", words=True),
    )
    note = "Smallest and largest values that passed screening."
    note += " Select a scan to review its mask in the gallery." if rows.study.has_gallery else ""
    return CellGrid("Extreme values", headings, made, note)


def beside_published(rows: StructureRows) -> CellGrid:
    """Return the published results of the structure and the corresponding results of this study."""
    made = published_results.correlations(rows.of("compare_published"), rows.study)
    return CellGrid("Comparison with the published study", published_results.correlation_heads(rows.study), made)


def beside_truth(rows: StructureRows) -> CellGrid:
    """Return the comparison with the ground truth of a simulated study."""
    interval = rows.interval
    headings = cells.heads(
        *("", MEASURE, "n", "<i>r</i>", "Bias", "Bias (%)", f"True {RHO}", f"Measured {RHO}", interval),
        Head("True value in CI", words=True),
    )
    made = [CellRow("Measured and true values", truth_cells(row)) for row in rows.of("compare_truth")]
    return CellGrid("Comparison with the ground truth", headings, made)
