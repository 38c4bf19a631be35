"""Centile curves of one structure: models, curves with confidence intervals, and calibration, as tables of its page."""

import pandas as pd

from ctpop.contracts.all_tables import CENTILES_SHOWN
from ctpop.figures import formatting
from ctpop.figures.formatting import AXES, MEASURES, NO_CURVES, SEXES
from ctpop.stages.report import cells
from ctpop.stages.report.cells import Cell, CellGrid, CellRow, Head
from ctpop.stages.report.structure_tables import MEASURE, NOTE, Record, StructureRows, true

STEP_YEARS = 10
ALL = "all"
MODELS = {
    "bccg": "Box-Cox Cole-Green (LMS)",
    "bccg_skew": "Box-Cox Cole-Green, skewness by age",
    "bct": "Box-Cox t",
    "normal": "Normal",
    "shash": "Sinh-arcsinh",
    "shash_skew": "Sinh-arcsinh, skewness by age",
}
STATISTICS = {"z1": "mean", "z2": "standard deviation", "z3": "skewness", "z4": "kurtosis"}


def models(rows: StructureRows) -> CellGrid:
    """Return the chosen model of each sex with its candidates, and whether it fits."""
    whole = {_key(row): row for row in rows.of("centile_calibration") if row["band"] == ALL}
    candidates: dict[tuple[str, str], list[Record]] = {}
    for row in rows.of("centile_models"):
        candidates.setdefault(_key(row), []).append(row)
    made = [
        CellRow(
            SEXES[sex],
            [
                cells.words(MEASURES[measure]),
                cells.size(whole[measure, sex]),
                *_model_cells([row for row in found if true(row["chosen"])], found),
                _verdict(whole[measure, sex]),
            ],
            strong=true(whole[measure, sex]["misfit"]),
        )
        for (measure, sex), found in candidates.items()
        if (measure, sex) in whole
    ]
    named = [Head("Model", words=True), Head("BIC of candidates", words=True)]
    headings = cells.heads("Sex", MEASURE, "n", *named, "Outliers<br>set aside", Head("Fit", words=True))
    note = (
        "The model with the lowest BIC (Bayesian information criterion) was chosen. Misfit: the percentage of scans"
        " below a curve, or the distribution of the z scores in an age quartile, deviates in a 10-fold"
        " cross-validation."
    )
    return CellGrid("Models of centile curves", headings, made, note)


def centiles(rows: StructureRows) -> CellGrid:
    """Return the centile curves of each sex at intervals of 10 years."""
    made = [
        CellRow(
            f"{SEXES[row['sex']]}, {row['age_years']:g} years",
            [
                cells.words(AXES[row["measure"]]),
                *(_with_limits(row, f"centile_{centile:02d}") for centile in CENTILES_SHOWN),
                cells.size(row, "n_near", "n_patients_near"),
                Cell("uncertain" if true(row["uncertain"]) else ""),
            ],
        )
        for row in rows.of("centiles")
        if row["age_years"] % STEP_YEARS == 0
    ]
    percents = [f"{centile}%" for centile in CENTILES_SHOWN]
    headings = cells.heads("Age", MEASURE, *percents, "Scans within<br>5 years", NOTE)
    note = (
        f"Columns: percentage of patients of this age and sex with a smaller value ({rows.interval}). Uncertain: an"
        " interval is wider than half of the distance between the 3rd and 50th centiles."
    )
    return CellGrid("Centiles", headings, made, note)


def calibration(rows: StructureRows) -> CellGrid:
    """Return the percentages below the curves of each sex in the cross-validation."""
    made = [
        CellRow(
            SEXES[row["sex"]],
            [
                cells.words(MEASURES[row["measure"]]),
                cells.size(row),
                *(_with_limits(row, f"below_{centile:02d}") for centile in CENTILES_SHOWN),
            ],
        )
        for row in rows.of("centile_calibration")
        if row["band"] == ALL and row["reason"] == "ok"
    ]
    headings = cells.heads("Sex", MEASURE, "n", *(f"{centile}%" for centile in CENTILES_SHOWN))
    note = (
        "Percentage of scans below each curve in the 10-fold cross-validation over patients; in parentheses, 95% limits"
        " of this percentage if the curves are correct."
    )
    return CellGrid("Calibration of centile curves", headings, made, note)


def misfit_in_words(reasons: str) -> str:
    """Return the codes of a misfit in words: `3rd centile; quartile 4: skewness`."""
    return "; ".join(_reason(code) for code in reasons.split(";"))


def _reason(code: str) -> str:
    band, _, statistic = code.rpartition(":")
    if band:
        return f"age {band.replace('_', ' ')}: {STATISTICS[statistic]}"
    if code == "unstable":
        return "cross-validation did not converge"
    centile = int(code.removeprefix("below_"))
    return f"{centile}{'rd' if centile == 3 else 'th'} centile"


def _verdict(row: Record) -> Cell:
    if row["reason"] != "ok":
        return Cell(f"no curves ({NO_CURVES[row['reason']]})", wrap=True)
    return Cell(f"misfit ({misfit_in_words(row['misfit_reason'])})" if true(row["misfit"]) else "no misfit", wrap=True)


def _model_cells(chosen: list[Record], candidates: list[Record]) -> list[Cell]:
    criteria = [
        f"{MODELS[row['model']]}: {formatting.number(float(row['bic']), 1)}"
        for row in candidates
        if pd.notna(row["bic"])
    ]
    listed = Cell("; ".join(criteria) or formatting.MISSING, wrap=True)
    if not chosen:
        return [Cell(formatting.MISSING), listed, Cell(formatting.MISSING, "")]
    outliers = cells.size(chosen[0], "n_outliers", "n_patients_outliers")
    return [Cell(MODELS[chosen[0]["model"]], wrap=True), listed, outliers]


def _with_limits(row: Record, name: str) -> Cell:
    """Return a cell with a value and its limits (columns `_low` and `_high`): `52.7 (51.3, 54.1)`."""
    value = cells.decimal(row[name])
    if pd.isna(row[f"{name}_low"]):
        return value
    low, high = (cells.decimal(row[f"{name}_{end}"]).text for end in ("low", "high"))
    return Cell(f"{value.text} ({low}, {high})", value.order)


def _key(row: Record) -> tuple[str, str]:
    return row["measure"], row["sex"]
