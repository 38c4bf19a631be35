"""Statistics of one structure: all tests of associations with age, as tables of its page."""

import math
from collections.abc import Callable, Sequence

import pandas as pd
from markupsafe import Markup

from ctpop.contracts.codes import NOTES
from ctpop.figures.formatting import AXES, MEASURES, MISSING, SEXES, covariates_in_words, number
from ctpop.stages.report import cells
from ctpop.stages.report.cells import LOG_P, RHO, Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.structure_tables import (
    CORRELATION_P,
    MEASURE,
    NOTE,
    Record,
    StructureRows,
    correlation_p,
    log10_p,
    note,
    p_pair,
    true,
    without_notes,
)

TERMS = {
    "age": "Age",
    "nonlinear": "Nonlinearity of the age curve",
    "nonlinear_female": "Nonlinearity in women",
    "nonlinear_male": "Nonlinearity in men",
    "interaction": "Age-by-sex interaction",
}
TERMS_OF_SEXES = ("nonlinear_female", "nonlinear_male", "interaction")  # not shown with one sex
GROUP_TESTS = {"quade": "Quade test", "score": "score test by patient"}  # methods of the table rank_ancova
DECIDING = {"independence": "Independence", "rho0": "Correlation of 0"}
OPTIONAL = ("Restriction", "Kruskal-Wallis <i>H</i>", "Score statistic <i>Q</i> by patient")


def results(rows: StructureRows) -> CellGrid:
    """Return the results of all tests, with one row per statistic and one column per measure."""
    bands = f"{rows.study.conventions.band}s"
    of_measure = {
        measure: {
            table: row
            for table in ("associations", "groups", "normality")
            for row in rows.of(table)
            if row["measure"] == measure
        }
        for measure in MEASURES
    }
    lines: list[tuple[str, str, Callable[[Record], Cell]]] = [
        ("Usable values, n", "associations", lambda row: cells.size(row)),
        (f"Spearman {RHO} with age", "associations", lambda row: cells.coefficient(row["rho"])),
        (rows.interval, "associations", lambda row: cells.limits(row["ci_low"], row["ci_high"])),
        (f"{P} ({RHO} = 0)", "associations", lambda row: cells.p_value(row["p_rho0"])),
        (f"{P} (independence)", "associations", lambda row: cells.p_value(row["p_independence"])),
        ("Test that determines significance", "associations", lambda row: cells.words(DECIDING[row["test"]])),
        (f"{LOG_P} of this test", "associations", lambda row: cells.decimal(log10_p(row))),
        (f"Adjusted {P} (Bonferroni)", "associations", lambda row: cells.p_value(row["p_bonferroni"])),
        (f"Adjusted {P} (Holm)", "associations", lambda row: cells.p_value(row["p_holm"])),
        ("False discovery rate <i>q</i>", "associations", lambda row: cells.p_value(row["q_bh"])),
        (f"Adjusted {P} ({RHO} = 0, Holm)", "associations", lambda row: cells.p_value(row["p_rho0_holm"])),
        (rows.below_alpha, "associations", lambda row: _flag(row["significant"])),
        ("Restriction", "associations", _restriction),
        (OPTIONAL[1], "groups", lambda row: cells.decimal(row["h"] if row["test"] == "kruskal_wallis" else math.nan)),
        (OPTIONAL[2], "groups", lambda row: cells.decimal(row["q"])),
        ("Degrees of freedom", "groups", lambda row: cells.count(row["df"])),
        (f"{P} ({bands})", "groups", lambda row: cells.p_value(row["p"])),
        (f"Adjusted {P} ({bands}, Bonferroni)", "groups", lambda row: cells.p_value(row["p_bonferroni"])),
        ("Effect size ε²", "groups", lambda row: cells.coefficient(row["epsilon_squared"])),
        (
            f"{rows.interval} of ε²",
            "groups",
            lambda row: cells.limits(row["epsilon_squared_ci_low"], row["epsilon_squared_ci_high"]),
        ),
        (
            f"ε² expected for a uniform trend with this {RHO}",
            "groups",
            lambda row: cells.coefficient(row["epsilon_squared_of_rho"]),
        ),
        ("ε² more than twice the expected value", "groups", lambda row: _flag(row["discordant"])),
        ("Normality: Kolmogorov-Smirnov <i>D</i>", "normality", lambda row: cells.coefficient(row["d"], 3)),
        (f"{P} (<i>D</i>)", "normality", lambda row: cells.p_value(row["p"])),
        ("Skewness", "normality", lambda row: cells.decimal(row["skewness"], 2)),
    ]
    made = [
        CellRow(Markup(name), [tell(of_measure[measure][table]) for measure in MEASURES])
        for name, table, tell in lines
        if all(table in found for found in of_measure.values())
    ]
    made = [row for row in made if row.name not in OPTIONAL or any(cell.text != MISSING for cell in row.cells)]
    return CellGrid("Association with age", cells.heads("", *AXES.values()), made)


def post_hoc(rows: StructureRows) -> CellGrid:
    """Return the tests of pairs of age quartiles."""
    ages, bands = rows.study.conventions.age_spans, f"{rows.study.conventions.band}s"
    made = [
        CellRow(
            f"{_quartile(row['group_a'], ages)} and {_quartile(row['group_b'], ages)}",
            [
                cells.words(MEASURES[row["measure"]]),
                cells.decimal(row["shift"], 2),
                _range(row["shift_ci_low"], row["shift_ci_high"]),
                cells.coefficient(row["auc"]),
                cells.limits(row["auc_ci_low"], row["auc_ci_high"]),
                cells.coefficient(row["cliffs_delta"]),
                cells.limits(row["cliffs_delta_ci_low"], row["cliffs_delta_ci_high"]),
                cells.decimal(row["z"], 2),
                *p_pair(row),
                cells.yes(row["significant"]),
            ],
            strong=true(row["significant"]),
        )
        for row in rows.of("posthoc")
    ]
    headings = cells.heads(
        *(bands.capitalize(), MEASURE, "Shift, older<br>minus younger", rows.interval, "AUC", rows.interval),
        *("Cliff’s δ", rows.interval, "<i>z</i>", P),
        *(f"Adjusted {P}<br>(Bonferroni)", Head(rows.below_alpha, words=True)),
    )
    remark = (
        "Shift: Hodges-Lehmann estimate (mL or HU). AUC: probability that a value of the older group exceeds a value of"
        " the younger group. Positive values of z: larger values in the older group. The P value tests equal"
        " distributions; the intervals allow for unequal spread."
    )
    return CellGrid(f"Pairwise comparisons of {bands}", headings, made, remark)


def by_sex(rows: StructureRows) -> CellGrid:
    """Return the correlations of women and men."""
    made = [
        CellRow(
            SEXES[row["sex"]],
            [
                cells.words(MEASURES[row["measure"]]),
                cells.size(row),
                cells.coefficient(row["rho"]),
                cells.limits(row["ci_low"], row["ci_high"]),
                *correlation_p(row),
                note(row),
            ],
        )
        for row in rows.of("associations_by_sex")
        if row["sex"] in rows.sexes
    ]
    headings = cells.heads("Sex", MEASURE, "n", RHO, rows.interval, *CORRELATION_P, NOTE)
    return without_notes(CellGrid("Results by sex", headings, made))


def adjusted(rows: StructureRows) -> CellGrid:
    """Return the correlations adjusted for covariates."""
    made = [
        CellRow(
            _covariates(row["adjusted_for"]),
            [
                cells.words(MEASURES[row["measure"]]),
                cells.size(row, "n_informative", "n_patients_informative"),
                cells.size(row),
                cells.size(row, "n_left_out", "n_patients_left_out"),
                cells.count(row["levels_merged"]),
                cells.coefficient(row["rho_crude"]),
                cells.coefficient(row["rho"]),
                cells.limits(row["ci_low"], row["ci_high"]),
                *correlation_p(row),
                note(row),
            ],
        )
        for row in rows.of("adjusted")
    ]
    headings = cells.heads(
        *("Adjusted for", MEASURE, "n", "Complete", "Excluded", "Combined<br>categories"),
        *(f"Unadjusted {RHO}", f"Adjusted {RHO}", rows.interval),
        *(*CORRELATION_P, NOTE),
    )
    remark = (
        "n: scans that contribute to the correlations. Complete: scans without missing covariates. Excluded: scans with"
        " missing covariates. Combined categories: small categories of covariates that were combined. Unadjusted"
        " correlations are based on the same n scans."
    )
    return without_notes(CellGrid("Correlations adjusted for covariates", headings, made, remark))


def curves(rows: StructureRows) -> CellGrid:
    """Return the covariate-adjusted tests of age quartiles and of the age curve."""
    bands = f"{rows.study.conventions.band}s"
    groups = [
        CellRow(
            f"{bands.capitalize()} ({GROUP_TESTS[row['method']]})",
            [
                *(
                    cells.words(MEASURES[row["measure"]]),
                    cells.words(_covariates(row["adjusted_for"])),
                    cells.size(row),
                ),
                *(cells.decimal(row["f"], 2), cells.count(row["df_between"]), cells.count(row["df_within"])),
                *p_pair(row),
                *(cells.coefficient(row["eta_squared"], 3), note(row)),
            ],
        )
        for row in rows.of("rank_ancova")
    ]
    terms = [
        CellRow(
            TERMS[row["term"]],
            [
                *(
                    cells.words(MEASURES[row["measure"]]),
                    cells.words(_covariates(row["adjusted_for"])),
                    cells.size(row),
                ),
                *(cells.decimal(row["f"], 2), cells.count(row["df_1"]), _degrees(row["df_2"])),
                *p_pair(row),
                *(cells.coefficient(row["partial_r_squared"], 3), note(row)),
            ],
        )
        for row in rows.of("age_curves")
        if len(rows.sexes) > 1 or row["term"] not in TERMS_OF_SEXES
    ]
    headings = cells.heads(
        *("Effect", MEASURE, Head("Adjusted for", words=True), "n", "<i>F</i>", "df", "Residual<br>df", P),
        *(f"Adjusted {P}<br>(Bonferroni)", "Proportion<br>of variance", NOTE),
    )
    return without_notes(CellGrid(f"Adjusted tests of {bands} and age curve", headings, groups + terms))


def _covariates(names: str) -> str:
    words = "no covariates" if names == "none" else covariates_in_words(names)
    return words[:1].upper() + words[1:]


def _quartile(number: int, ages: Sequence[str]) -> str:
    return f"{number} ({ages[number - 1]} years)" if ages[number - 1] else str(number)


def _degrees(df: float) -> Cell:
    """Return degrees of freedom, which have a decimal place if they are approximated."""
    return cells.decimal(df, 0 if pd.isna(df) or float(df).is_integer() else 1)


def _range(low: float, high: float) -> Cell:
    """Return a cell with the limits of an interval in the unit of the measure."""
    return Cell(MISSING if math.isnan(low) else f"{number(low, 2)}, {number(high, 2)}", cells.decimal(low).order)


def _restriction(row: Record) -> Cell:
    return cells.words(None if pd.isna(row["note"]) else NOTES[row["note"]], wrap=True)


def _flag(truth: object) -> Cell:
    return Cell(cells.yes(truth).text, "")
