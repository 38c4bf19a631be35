"""Effects of age on the page of a structure: estimates with limits, available sexes, and reasons for no result."""

import re

import numpy as np
import pytest

from ctpop.stages.report import structure_effects
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.structure_pages import pages
from ctpop.study import configuration
from support import study_tables

LABELS = study_tables.label_set(0, 1)
HEIGHTS = np.round(np.random.default_rng(6).normal(170, 9, 300), 1)


def grids_of(patients):
    """Return the tables of the page of the structure by title."""
    tables = study_tables.study(patients, LABELS, curves_of=[])
    study = {"name": "made_up", "start_from": "measures", "measures": "measures.csv"}
    config = configuration.validated({"study": study, "structures": "demo"})
    [page] = pages(FinishedStudy(config, LABELS, tables))
    return {grid.title: grid for grid in page.grids}, tables


def texts(row):
    return [cell.text for cell in row.cells]


def number(text):
    return text.replace("-", "−")


@pytest.fixture(scope="module")
def with_height():
    return grids_of(study_tables.registry(300).assign(height_cm=HEIGHTS))


EFFECTS = "Difference per decade of age"
SEX = "Difference between men and women at 50 years"
SIZE = "Volume and body height"


def test_each_model_and_age_range_has_a_row_with_the_effects_of_all_sexes(with_height):
    grids, tables = with_height
    grid, table = grids[EFFECTS], tables["age_effects"]

    assert [head.label for head in grid.heads[4:8]] == [
        f"{name}<br>(95% CI)" for name in ("Women", "Men", "Women and men<br>(equal weights)", "Men minus<br>women")
    ]
    assert len(grid.rows) == 2 * 2 * 3
    [row] = table.query(
        "measure == 'hu_mean' and adjusted_for == 'height_cm' and window == '30-80' and sex == 'standardized'"
    ).to_dict("records")
    of_hu = [each for each in grid.rows if texts(each)[:2] == ["Attenuation (HU)", "Height"]]
    [shown] = [each for each in of_hu if each.name == "30–80 years"]
    expected = f"{row['effect']:.2f} ({row['ci_low']:.2f}, {row['ci_high']:.2f})"
    assert texts(shown)[5] == number(expected)
    assert texts(shown)[2] == "300"


def test_differences_between_the_sexes_have_both_units(with_height):
    grids, tables = with_height
    [row] = (
        tables["sex_differences"]
        .query("measure == 'volume_ml' and adjusted_for == 'none' and form == 'line'")
        .to_dict("records")
    )

    [shown] = [each for each in grids[SEX].rows if texts(each)[:2] == ["Straight line", "No covariates"]][:1]

    assert shown.name == "Volume (%)"
    assert texts(shown)[3] == number(f"{row['difference']:.2f} ({row['ci_low']:.2f}, {row['ci_high']:.2f})")
    assert texts(shown)[4] == number(f"{row['difference_sd']:.2f} ({row['ci_low_sd']:.2f}, {row['ci_high_sd']:.2f})")


def test_the_relation_with_height_is_shown_with_the_index_of_each_sex(with_height):
    grids, tables = with_height
    [row] = tables["body_size"].to_dict("records")
    shown = {each.name: texts(each)[0] for each in grids[SIZE].rows}

    exponent = f"{row['exponent']:.2f} ({row['ci_low']:.2f}, {row['ci_high']:.2f})"
    assert shown["Allometric exponent (95% CI)"] == number(exponent)
    assert [name for name in shown if name.startswith("Women")] == [
        name.replace("Men", "Women") for name in shown if name.startswith("Men")
    ]
    assert all(re.search(r"\d", text) for text in shown.values())


def test_without_heights_and_women_only_effects_in_men_are_shown():
    grids, _ = grids_of(study_tables.registry(300, sexes=("male",)))

    assert {SEX, SIZE} & set(grids) == set()
    heads = [head.label for head in grids[EFFECTS].heads]
    assert heads[4:] == ["Men<br>(95% CI)", "<i>P</i>", "Adjusted <i>P</i><br>(Bonferroni)"]


def test_without_recorded_sex_the_effects_of_all_patients_are_shown():
    grids, _ = grids_of(study_tables.registry(300, sexes=(None,)))

    assert SEX not in grids
    assert [head.label for head in grids[EFFECTS].heads][4] == "All patients<br>(95% CI)"


def test_a_study_with_few_patients_has_the_reasons():
    grids, _ = grids_of(study_tables.registry(8).assign(height_cm=HEIGHTS[:8]))

    few = {structure_effects.note({"reason": "too_few"}).text, structure_effects.FEW_IN_RANGE}
    assert {texts(row)[-1] for row in grids[EFFECTS].rows} == few
    assert [row.name for row in grids[SIZE].rows] == ["Note"]
