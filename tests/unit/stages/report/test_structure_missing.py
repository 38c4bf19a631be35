"""Missing values on the pages: numbers by age and sex, and their influence on the results of a structure."""

import re

import numpy as np
import pytest

from ctpop.contracts import all_tables
from ctpop.figures.formatting import MISSING
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.missing_sentences import (
    BOUNDS,
    METHODS,
    WITHOUT_WEIGHTS,
    methods_sentences,
    results_sentences,
)
from ctpop.stages.report.structure_missing import missing_by_age, missing_influence, most_missing
from ctpop.stages.report.structure_tables import StructureRows
from ctpop.study import configuration
from support import study_tables

LABELS = study_tables.label_set()
N = 400


def study(lost=(), absent=()) -> FinishedStudy:
    """Return a study in which `organ_1` is truncated in some scans and absent in others."""
    patients = study_tables.registry(N)
    patients.loc[patients.index[:3], ["age_years", "sex"]] = [50.0, None]
    truth = study_tables.true_values(patients, LABELS)
    measures = study_tables.measures_of(truth)
    organ = measures["structure"].eq("organ_1")
    measures.loc[organ & measures["scan_id"].isin(patients["scan_id"][list(lost)]), "faces"] = "left"
    empty = organ & measures["scan_id"].isin(patients["scan_id"][list(absent)])
    measures.loc[empty, ["n_voxels", "volume_ml", "hu_mean"]] = [0, 0.0, np.nan]
    screening = study_tables.screened(all_tables.MEASURES_TABLE.check(measures), LABELS, patients)
    tables = {
        "cohort": all_tables.COHORT.check(patients),
        "groups": all_tables.GROUPS.empty(),
        **screening,
        **study_tables.missing_tables(patients, screening, LABELS),
    }
    config = {
        "study": {"name": "made_up", "registry": "registry.csv", "start_from": "segmentations"},
        "structures": "demo",
    }
    return FinishedStudy(configuration.validated(config), LABELS, tables)


def rows_of(found, structure):
    names = ("missingness", "missing_sensitivity")
    parts = {name: found.tables[name][found.tables[name]["structure"].eq(structure)] for name in names}
    return StructureRows(found, {name: part.to_dict("records") for name, part in parts.items()})


def texts(grid):
    return [[row.name, *(cell.text for cell in row.cells)] for row in grid.rows]


@pytest.fixture(scope="module")
def with_losses():
    return study(lost=range(5, 65), absent=range(65, 70))


def test_numbers_by_age_and_sex_add_up(with_losses):
    grid = missing_by_age(rows_of(with_losses, "organ_1"))

    heads = [head.label for head in grid.heads]
    assert heads == [
        *("Sex and age", "Scans", "Volume,<br>missing", "Volume,<br>absent"),
        *("Attenuation,<br>missing", "Attenuation,<br>absent"),
    ]
    totals = np.array([[int(cell.text) for cell in row.cells] for row in grid.rows]).sum(axis=0)
    assert totals.tolist() == [N, 60, 5, 60, 5]
    names = [row.name for row in grid.rows]
    assert names[0] == "Women, 10–19 years"
    assert names[-1] == "Sex not recorded, 50–59 years"
    assert grid.note == (
        "Volume: truncated by the field of view (60), absent (5)."
        " Attenuation: truncated by the field of view (60), absent (5)."
    )


def test_influence_has_both_measures(with_losses):
    grid = missing_influence(rows_of(with_losses, "organ_1"))

    assert [row.name for row in grid.rows] == ["Attenuation", "Volume"]  # the page sorts rows of volume first
    for row in texts(grid):
        assert row[1:3] == ["60", f"{100 * 60 / (N - 5):.1f}%"]
        assert MISSING not in row
        assert len(row) == len(grid.heads)
        assert row[-1] == ""


def test_structures_without_missing_values_have_no_tables(with_losses):
    rows = rows_of(with_losses, "organ_2")

    assert (missing_by_age(rows).rows, missing_influence(rows).rows) == ([], [])


def test_the_index_lists_structures_with_missing_values(with_losses):
    grid = most_missing(with_losses)

    assert [(row.name, row.link) for row in grid.rows] == [("Organ 1", "structures/organ_1.html")] * 2
    assert most_missing(study()).rows == []


def test_missing_results_have_a_note():
    grid = missing_influence(rows_of(study(lost=range(5)), "organ_1"))

    assert all(row[-1].startswith("fewer than 10 values are missing") for row in texts(grid))


def test_many_missing_values_have_weights_but_no_bounds():
    [row, _] = texts(missing_influence(rows_of(study(lost=range(150)), "organ_1")))

    assert row[-3:-1] == [MISSING, MISSING]
    assert row[6] != MISSING
    assert row[-1].startswith("more than 30% of the values are missing")


def test_the_results_report_missing_values_with_their_ages(with_losses):
    table = with_losses.tables["missing_sensitivity"].set_index(["structure", "measure"])
    row = table.loc["organ_1", "hu_mean"]
    n = 6 * N - 5

    text = results_sentences(with_losses)

    share = f"60 of {n:,} volumes (2.5%) and 60 of {n:,} attenuation values (2.5%) were missing"
    assert text.startswith(f"Among scans in which the structure was not absent, {share}. ")
    ages = f"{row['age_missing_years']:.0f} and {row['age_used_years']:.0f} years; 60 missing of 395"
    assert f" of the organ 1 (median age, {ages})" in text or f" of organ 1 (median age, {ages})" in text
    assert re.search(r"With weights for missing values, correlations changed by at most \.\d+ \(2 correlations; ", text)
    terms = "age, age squared, sex, an indicator of unknown sex, and the interaction between age and sex"
    assert methods_sentences(with_losses) == METHODS.replace("{terms}", terms) + BOUNDS


def test_studies_without_missing_values_have_no_sentences():
    assert (results_sentences(study()), methods_sentences(study())) == ("", "")


def test_few_missing_values_have_no_weighted_correlation():
    found = study(lost=range(5))

    assert "With weights" not in results_sentences(found)
    assert methods_sentences(found) == WITHOUT_WEIGHTS
