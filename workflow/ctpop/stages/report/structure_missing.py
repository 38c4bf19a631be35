"""Missing values of one structure by age and sex, and their influence on its results, as tables of pages."""

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

from ctpop.contracts.codes import OUTCOMES
from ctpop.figures.formatting import EXCLUSIONS, MEASURES, SEXES, structure_text
from ctpop.stages.report import cells
from ctpop.stages.report.cells import RHO, Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.structure_tables import MEASURE, NOTE, Record, StructureRows

SHOWN = 10
SEX_NAMES = {"female": SEXES["female"], "male": SEXES["male"], "unknown": SEXES[""]}
CATEGORIES = {"missing": "missing", "absent": "absent", "not_included": "not included"}
LABELS = {
    **EXCLUSIONS,
    "other_rule": "excluded by another rule",
    "members_missing": "value of a member missing",
    "members_absent": "member absent",
    "members_not_included": "member not included in the segmentation",
}
HAS_RESULT = ("ok", "none_missing")
REMARK = (
    "Weighted correlations estimate the result for all scans in which the structure is not absent, if the values are"
    " missing depending on age and sex only. Bounds of the slope: result if all missing values were extreme (5th or"
    " 95th percentile of the residuals); they are not a confidence interval."
)


def missing_by_age(rows: StructureRows) -> CellGrid:
    """Return the numbers of missing values by sex and age decade; empty if no value is missing."""
    found = [row for row in rows.of("missingness") if row["category"] != "used"]
    n = Counter[tuple[str, ...]]()
    for row in found:
        n[row["sex"], row["age_decade"], row["measure"], row["category"]] += row["n_with_reason"]
    shown = [column for column in product(MEASURES, CATEGORIES) if column in {key[2:] for key in n}]
    strata = {(row["sex"], row["age_decade"]): row for row in rows.of("missingness")} if shown else {}
    made = [
        CellRow(
            f"{SEX_NAMES[sex]}, {'age unknown' if decade == 'unknown' else decade.replace('-', '–') + ' years'}",
            [
                cells.size(strata[sex, decade]),
                *(cells.count(n[sex, decade, *column]) for column in shown),
            ],
        )
        for sex, decade in sorted(strata, key=_order)
    ]
    headings = [f"{MEASURES[measure]},<br>{CATEGORIES[category]}" for measure, category in shown]
    return CellGrid(
        "Missing values by age and sex", cells.heads("Sex and age", "Scans", *headings), made, _reasons(found)
    )


def missing_influence(rows: StructureRows) -> CellGrid:
    """Return the influence of missing values on the results; empty if no value is missing."""
    made = [
        CellRow(MEASURES[row["measure"]], _cells(row)) for row in rows.of("missing_sensitivity") if row["n_missing"]
    ]
    return CellGrid("Influence of missing values", cells.heads("Measure", *_headings(rows.interval)), made, REMARK)


def most_missing(study: FinishedStudy) -> CellGrid:
    """Return the structures whose correlation changes most if missing values are taken into account."""
    table = study.tables["missing_sensitivity"]
    single = table[table["structure"].isin(study.label_set.names) & table["n_missing"].gt(0)]
    change = single.assign(change=single["difference"].abs().fillna(0.0))
    most = change.sort_values(["change", "share_missing"], ascending=False, kind="stable").head(SHOWN)
    interval = StructureRows(study, {}).interval
    made = [
        CellRow(structure_text(row["structure"]), [cells.words(MEASURES[row["measure"]]), *_cells(row)], _link(row))
        for row in most.to_dict("records")
    ]
    return CellGrid(
        "Influence of missing values", cells.heads("Structure", MEASURE, *_headings(interval)), made, REMARK
    )


def _link(row: Mapping[Any, Any]) -> str:
    return f"structures/{row['structure']}.html"


def _headings(interval: str) -> list[str | Head]:
    return [
        *("Missing", "Share<br>missing", "Median age (years),<br>missing", "Median age (years),<br>used"),
        *(f"{RHO}", f"Weighted {RHO}", interval, f"{P}<br>({RHO} = 0)", "Difference", "Effective<br>n"),
        *("Slope per decade<br>(% or HU)", "Lower bound<br>of slope", "Upper bound<br>of slope", NOTE),
    ]


def _cells(row: Record | Mapping[Any, Any]) -> list[Cell]:
    return [
        cells.size(row, "n_missing", "n_patients_missing"),
        cells.percentage(row["share_missing"]),
        *(cells.decimal(row[f"age_{which}_years"]) for which in ("missing", "used")),
        cells.coefficient(row["rho"]),
        cells.coefficient(row["rho_weighted"]),
        cells.limits(row["ci_low"], row["ci_high"]),
        cells.p_value(row["p_rho0"], row["log10_p_rho0"]),
        cells.coefficient(row["difference"], 3),
        cells.decimal(row["effective_n"], 0),
        *(cells.decimal(row[name], 2) for name in ("slope", "slope_low", "slope_high")),
        _note(row),
    ]


def _note(row: Mapping[Any, Any]) -> Cell:
    """Return the reasons for missing weights and bounds."""
    reasons = dict.fromkeys(row[name] for name in ("reason", "bounds_reason") if row[name] not in HAS_RESULT)
    return Cell("; ".join(OUTCOMES[reason] for reason in reasons), wrap=True)


def _order(stratum: tuple[str, str]) -> tuple[int, float]:
    sex, decade = stratum
    return list(SEX_NAMES).index(sex), float("inf") if decade == "unknown" else int(decade.partition("-")[0])


def _reasons(found: list[Record]) -> str:
    """Return the numbers of values by reason for each measure in a sentence."""
    sentences = []
    for measure, name in MEASURES.items():
        n = Counter[str]()
        for row in found:
            n[row["reason"]] += row["n_with_reason"] * (row["measure"] == measure)
        if n.total():
            words = ", ".join(f"{LABELS[reason]} ({number:,})" for reason, number in n.items() if number)
            sentences.append(f"{name}: {words}.")
    return " ".join(sentences)
