"""Tables of all structures: associations, screening, sensitivity, and comparison with the ground truth."""

from typing import Any

import numpy as np
import pandas as pd

from ctpop.figures.association import KEY, records
from ctpop.figures.formatting import (
    ANALYSES,
    AXES,
    MEASURES,
    MISSING,
    REASONS,
    group_text,
    level,
    percent,
    scans_of_patients,
    structure_text,
)
from ctpop.stages.report import cells
from ctpop.stages.report.age_sentences import effect_with_limits, with_effects
from ctpop.stages.report.cells import LOG_P, RHO, Cell, CellGrid, CellRow, Head, P
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.structure_tables import log10_p
from ctpop.stages.report.summaries import sensitive
from ctpop.study import rule_sets
from ctpop.study.label_sets import lower_bounds

PLACE = "structures/{}.html"
BOUNDS = "The original study did not publish its lower bounds. The lower bounds in this table are substitutes."


def associations(study: FinishedStudy, family: str) -> CellGrid:
    """Return the results of each structure (or group) and measure, sorted by the strength of the correlation."""
    found = study.tables["associations"].loc[study.tables["associations"]["family"] == family]
    statistic = statistic_of_groups(study)
    groups = study.tables["groups"][[*KEY, "log10_p", "p", "epsilon_squared"]].assign(
        statistic=study.tables["groups"][statistic]
    )
    joined = found.merge(groups, on=KEY, how="left", suffixes=("", "_groups"), validate="one_to_one")
    joined = joined.assign(strength=joined["rho"].abs()).sort_values(
        ["strength", *KEY], ascending=[False, True, True], na_position="last"
    )
    joined = with_effects(joined, study)
    single = family == "structures"
    organ = organ_groups(study) if single else {}
    headings = cells.heads(
        "Structure" if single else "Group",
        *([Head("Organ group", words=True, choice="all groups")] if single else []),
        Head("Measure", words=True, choice="both measures"),
        *("n", RHO, f"{percent(study.conventions.confidence)} CI"),
        f"Difference per decade<br>({percent(study.conventions.confidence)} CI)",
        *(f"{P} ({RHO} = 0)", f"{P} (independence)", LOG_P, f"Adjusted {P}"),
        *(f"<i>{statistic.upper()}</i>", f"{P} ({study.conventions.band}s)", "ε²"),
        Head(f"{P} &lt; {level(study.conventions.alpha)}", words=True, choice="all correlations"),
    )
    rows = [
        CellRow(
            structure_text(row["structure"]),
            [*([cells.words(organ[row["structure"]])] if single else []), *association_cells(row)],
            PLACE.format(row["structure"]),
            strong=_true(row["significant"]),
        )
        for row in joined.to_dict("records")
    ]
    return CellGrid("Associations with age" if single else "Associations of groups with age", headings, rows)


def statistic_of_groups(study: FinishedStudy) -> str:
    """Return the column of the table `groups` with the statistic of the test: `q` if patients have several scans."""
    return "q" if study.conventions.repeated and "q" in study.tables["groups"] else "h"


def association_cells(row: dict[Any, Any]) -> list[Cell]:
    """Return the cells of a correlation with age and of the test of age groups."""
    return [
        cells.words(MEASURES[row["measure"]]),
        cells.size(row),
        cells.coefficient(row["rho"]),
        cells.limits(row["ci_low"], row["ci_high"]),
        Cell(effect_with_limits(row), cells.decimal(row["effect"]).order),
        cells.p_value(row["p_rho0"], row["log10_p_rho0"]),
        cells.p_value(row["p_independence"], row["log10_p_independence"]),
        cells.decimal(log10_p(row)),
        cells.p_value(row["p_bonferroni"], log10_p(row)),
        cells.decimal(row["statistic"]),
        cells.p_value(row["p"], row["log10_p"]),
        cells.coefficient(row["epsilon_squared"]),
        cells.yes(row["significant"]),
    ]


def organ_groups(study: FinishedStudy) -> dict[str, str]:
    """Return the organ group of each structure as text; organ groups are optional in a label set."""
    table = study.label_set.table
    return {
        name: MISSING if pd.isna(group) else group_text(group)
        for name, group in zip(table["structure"], table["group"], strict=True)
    }


def by_organ_group(study: FinishedStudy) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the pages of all structures by organ group, followed by the pages of the groups of structures."""
    organ = organ_groups(study)
    found: dict[str, list[tuple[str, str]]] = {}
    for name in study.label_set.names:
        found.setdefault(organ[name], []).append((structure_text(name), PLACE.format(name)))
    combined = [(structure_text(group), PLACE.format(group)) for group in study.label_set.groups]
    shown = [("Other" if group == MISSING else group, pages) for group, pages in found.items()]
    return [*shown, *([("Groups of structures", combined)] if combined else [])]


def screening(study: FinishedStudy) -> CellGrid:
    """Return the usable values of both measures and the scans by reason of each structure, in label order."""
    failures = study.tables["failures"].set_index("structure")
    reasons = [code for code in REASONS if code != "ok" and failures[f"n_{code}"].any()]
    counted = ["usable_volume", "usable_hu", *reasons]
    table = failures.reindex(study.label_set.names, fill_value=0)
    bounded = "below_bound" in rule_sets.read(study.config["screen"]["rules"]).rules
    known = lower_bounds(study.label_set, study.config["screen"]["lower_bound_ml"]) if bounded else {}
    bounds = {name: known.get(name, np.nan) for name in study.label_set.names}
    headings = cells.heads(
        *("Structure", "Lower bound<br>(mL)", "Usable<br>volumes", "Usable<br>attenuation values"),
        *(REASONS[code].capitalize() for code in reasons),
    )
    rows = [
        CellRow(
            structure_text(name),
            [
                cells.decimal(bounds[name], 0 if bounds[name] >= 10 else 1),
                *(cells.size(row, f"n_{code}", f"n_patients_{code}") for code in counted),
            ],
            PLACE.format(name),
        )
        for name, row in zip(study.label_set.names, table.to_dict("records"), strict=True)
    ]
    return CellGrid("Segmentation screening", headings, rows, BOUNDS if bounded else "")


def sensitivity(study: FinishedStudy) -> CellGrid:
    """Return the correlations in each analysis for selected structures and those with the largest changes."""
    table = study.tables["sensitivity"]
    cell = {(row["analysis"], row["structure"], row["measure"]): _rho_and_n(row) for row in table.to_dict("records")}
    shown = [analysis for analysis in ANALYSES if table["analysis"].eq(analysis).any()]
    rows = [
        CellRow(
            structure_text(structure),
            [cells.words(AXES[measure]), *(cell.get((name, structure, measure), cells.words(None)) for name in shown)],
            PLACE.format(structure),
        )
        for structure, measure in sensitive(study)
    ]
    headings = cells.heads("Structure", Head("Measure", words=True), *(ANALYSES[name] for name in shown))
    return CellGrid("Sensitivity analyses", headings, rows)


def _rho_and_n(row: dict[Any, Any]) -> Cell:
    rho = cells.coefficient(row["rho"])
    return Cell(f"{rho.text} (n = {scans_of_patients(row['n'], row['n_patients'])})", rho.order)


def truth(study: FinishedStudy) -> CellGrid:
    """Return the comparison with the ground truth, in label order."""
    compared = study.tables["compare_truth"]
    by_measure = {measure: records(compared.loc[compared["measure"] == measure]) for measure in AXES}
    headings = cells.heads(
        *("Structure", Head("Measure", words=True), "n", "<i>r</i>", "Bias", "Bias (%)"),
        *(f"True {RHO}", f"Measured {RHO}", f"{percent(study.conventions.confidence)} CI"),
        Head("True value in CI", words=True),
    )
    rows = [
        CellRow(structure_text(name), truth_cells(by_measure[measure][name]), PLACE.format(name))
        for name in study.label_set.names
        for measure in AXES
        if name in by_measure[measure]
    ]
    return CellGrid("Comparison with the ground truth", headings, rows)


def truth_cells(row: dict[str, Any]) -> list[Cell]:
    """Return the cells of a comparison with the ground truth."""
    return [
        cells.words(AXES[row["measure"]]),
        cells.size(row),
        cells.coefficient(row["pearson_r"], 3),
        cells.decimal(row["bias"]),
        cells.decimal(row["bias_percent"]),
        cells.coefficient(row["rho_true"]),
        cells.coefficient(row["rho_measured"]),
        cells.limits(row["ci_low"], row["ci_high"]),
        cells.yes(None if np.isnan(row["ci_low"]) else row["truth_inside"]),
    ]


def _true(value: object) -> bool:
    return bool(pd.notna(value) and value)  # type: ignore[call-overload]
