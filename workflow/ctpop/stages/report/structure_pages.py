"""Content of the page of a structure or group of structures: its results from all tables of the study."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ctpop.figures.formatting import MEASURES, structure_text
from ctpop.stages.report.cells import CellGrid
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.structure_centiles import calibration, centiles, models
from ctpop.stages.report.structure_change_points import change_points
from ctpop.stages.report.structure_detectable import detectable
from ctpop.stages.report.structure_effects import body_size, effects, sex_differences
from ctpop.stages.report.structure_lists import organ_groups
from ctpop.stages.report.structure_missing import missing_by_age, missing_influence
from ctpop.stages.report.structure_repeats import retest, within_patient
from ctpop.stages.report.structure_screening import (
    beside_published,
    beside_truth,
    extremes,
    failures,
    losses,
    sensitivity,
)
from ctpop.stages.report.structure_statistics import adjusted, by_sex, curves, post_hoc, results
from ctpop.stages.report.structure_tables import Record, StructureRows

TABLES = (
    *("associations", "groups", "normality", "posthoc", "associations_by_sex", "adjusted", "rank_ancova", "age_curves"),
    *("age_effects", "sex_differences", "body_size", "detectable_effects", "change_points", "within_patient", "retest"),
    *("centiles", "centile_models", "centile_calibration", "missingness", "missing_sensitivity"),
    *("structure_flow", "failures", "sensitivity", "extremes", "compare_published", "compare_truth"),
)
PLACES = {measure: place for place, measure in enumerate(MEASURES)}
GRIDS = (
    *(results, effects, sex_differences, body_size),
    *(beside_published, post_hoc, by_sex, adjusted, curves, detectable, change_points),
    *(models, centiles, calibration, within_patient, retest),
    *(losses, failures, missing_by_age, missing_influence, extremes, sensitivity, beside_truth),
)


@dataclass(frozen=True)
class StructurePage:
    """Content of a page: the structure, its organ group, its members or the groups that contain it, and its tables.

    `figures` contains the possible names of its figures.
    """

    name: str
    title: str
    organ: str
    members: list[tuple[str, str]]
    part_of: list[tuple[str, str]]
    single: bool
    grids: list[CellGrid]
    figures: list[str]


def pages(study: FinishedStudy) -> Iterator[StructurePage]:
    """Yield the pages of all structures in label order, followed by the pages of the groups."""
    split = {name: _by_structure(study.tables[name]) for name in TABLES if name in study.tables}
    organ, groups = organ_groups(study), study.label_set.groups
    fitted = set(study.tables["centile_worms"]["structure"]) if "centile_worms" in study.tables else set()
    for name in study.analyzed:
        rows = StructureRows(study, {table: parts[name] for table, parts in split.items() if name in parts})
        yield StructurePage(
            name,
            structure_text(name),
            organ.get(name, "Group of structures"),
            [_place(member) for member in groups.get(name, [])],
            [_place(group) for group, members in groups.items() if name in members],
            name not in groups,
            [grid for make in GRIDS for grid in [make(rows)] if grid.rows],
            figures_of(name, fitted=name in fitted),
        )


def figures_of(name: str, *, fitted: bool) -> list[str]:
    """Return the possible names of the figures of one structure, in the order of its page.

    Worm plots are omitted unless centile curves were fitted (`fitted`).
    """
    kinds = ("centiles", "change_point")
    of_measures = [f"{kind}_{name}_{measure}" for kind in kinds for measure in MEASURES]
    return [f"structure_{name}", *of_measures, *([f"worms_{name}"] if fitted else [])]


def _by_structure(table: pd.DataFrame) -> dict[str, list[Record]]:
    flat = table.astype(dict.fromkeys(table.select_dtypes("Float64").columns, "float64"))
    if "measure" in flat:
        flat = flat.sort_values("measure", key=lambda column: column.map(PLACES), kind="stable")
    found: dict[str, list[Record]] = {}
    for row in flat.to_dict("records"):
        found.setdefault(row["structure"], []).append({str(name): value for name, value in row.items()})
    return found


def _place(name: str) -> tuple[str, str]:
    return structure_text(name), f"{name}.html"
