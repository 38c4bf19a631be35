"""Tables of a structure page: change of slope, detectable effects, and results from repeated scans."""

import numpy as np
import pytest

from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.structure_change_points import change_points
from ctpop.stages.report.structure_detectable import detectable
from ctpop.stages.report.structure_pages import pages
from ctpop.stages.report.structure_repeats import retest, within_patient
from ctpop.stages.report.structure_tables import StructureRows
from ctpop.study import configuration
from support import study_tables

LIMITS = [f"slope_{when}{end}" for when in ("before", "after") for end in ("", "_low", "_high")]
ROW = {
    **{"measure": "hu_mean", "sex": "female", "n": 1461, "n_patients": 1461, "outcome": "break_or_curve"},
    **{"age_years": 42.5, "age_low_years": 38.0, "age_high_years": 47.0, "reason": "ok", "p": 0.002},
    **dict(zip(LIMITS, (-2.0, -4.0, 0.5, -27.1, -30.0, -24.0), strict=True)),
    **{"bic_line": 1000.0, "bic_break": 900.0, "bic_curve": 901.0},
    **{"decreasing_ages": "40-70;75-95", "increasing_ages": np.nan},
}


@pytest.fixture(scope="module")
def study():
    labels = study_tables.label_set(0, 1)
    of_study = {"name": "x", "start_from": "measures", "measures": "m.csv"}
    config = configuration.validated({"study": of_study, "structures": "demo"})
    config["aging"]["change_points"] = ["organ_1"]
    tables = study_tables.study(study_tables.registry(200), labels, curves_of=[])
    return FinishedStudy(config, labels, {**tables, **study_tables.change_point_tables(tables, labels, ["organ_1"])})


def cells_of(grid):
    return {head.label: cell.text for head, cell in zip(grid.heads[1:], grid.rows[0].cells, strict=True)}


def test_a_row_contains_the_age_both_slopes_and_the_comparison(study):
    grid = change_points(StructureRows(study, {"change_points": [ROW]}))

    texts = cells_of(grid)
    assert grid.rows[0].name == "Women"
    assert texts["Result"] == "Slope changes at 42.5 years, if the change is abrupt"
    assert texts["95% CI<br>of the age"] == "38.0, 47.0"
    assert (texts["Slope<br>before"], texts["Slope<br>after"]) == ("−2.0", "−27.1")
    assert (texts["Ages with<br>decrease"], texts["Ages with<br>increase"]) == ("40–70, 75–95", "–")


def test_a_row_without_models_contains_the_reason(study):
    empty = dict.fromkeys([*LIMITS, *(name for name in ROW if name.startswith(("age_", "bic_"))), "p"], np.nan)
    row = {**ROW, **empty, "outcome": np.nan, "decreasing_ages": np.nan, "reason": "narrow_ages"}

    texts = cells_of(change_points(StructureRows(study, {"change_points": [row]})))

    assert texts["Result"] == "No models (ages cover too few years)"
    assert {text for head, text in texts.items() if head not in {"Measure", "n", "Result"}} == {"–"}


def test_only_pages_of_selected_structures_have_the_table(study):
    titles = {page.name: [grid.title for grid in page.grids] for page in pages(study)}

    assert "Change of slope by sex" in titles.pop("organ_1")
    assert not any("Change of slope by sex" in each for each in titles.values())


def test_detectable_effects_are_listed_by_power(study):
    rows = [
        {"measure": "hu_mean", "power": power, "n": 300, "n_patients": 300, "rho": 0.0747, "slope": slope}
        for power, slope in ((0.8, 0.7426), (0.9, np.nan))
    ]

    grid = detectable(StructureRows(study, {"detectable_effects": rows}))

    assert [cell.text for cell in grid.rows[0].cells] == ["80%", "300", ".075", "0.74", "HU"]
    assert [cell.text for cell in grid.rows[1].cells] == ["90%", "300", ".075", "–", "HU"]


def test_changes_within_patients_and_repeatability_are_listed(study):
    def limits(**estimates):
        ends = {"": 0, "_low": -1, "_high": 1}
        return {f"{name}{end}": each + step for name, each in estimates.items() for end, step in ends.items()}

    within = {"measure": "hu_mean", "adjusted_for": "sex", "n_long": 180, "n_patients_long": 60, "interval_years": 2.5}
    within |= limits(within=-7.8, between=-5.9, contrast=-1.9, fixed=-7.7)
    within |= {"log10_p": -0.55, "p": 0.281, "share_changed": 0.25, "reason": "ok"}
    pairs = {"measure": "volume_ml", "n": 80, "n_patients": 40, "change_low": -8.1, "change_high": 8.8, "cv": 3.04}
    pairs |= {"agreement_low": -8.0, "agreement_high": 8.6, "bias": -0.4, "reason": "ok", **limits(icc=0.98)}
    pairs |= dict.fromkeys(("rho", "rho_low", "rho_high"), np.nan)
    rows = StructureRows(study, {"within_patient": [within], "retest": [pairs]})

    changes, repeatability = within_patient(rows), retest(rows)

    texts = [cell.text for cell in changes.rows[0].cells]
    assert texts[:5] == ["sex", "180 scans of 60 patients", "2.5", "−7.8", "−8.8, −6.8"]
    assert texts[-4:] == [".28", "−7.7", "−8.7, −6.7", "25.0%"]
    texts = [cell.text for cell in repeatability.rows[0].cells]
    assert texts[:4] == ["80 scans of 40 patients", "−8.1, 8.8", "3.0%", ".980"]
    assert texts[-2:] == ["–", "–"]
