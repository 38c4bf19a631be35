"""The contracts are complete: each column has a meaning, a unit, and a meaning of missing values."""

import pandas as pd
import pytest

from ctpop.contracts import all_tables, codes, efficiency, evaluation
from ctpop.foundation.errors import ContractError

EVERY = (*all_tables.INPUTS, evaluation.REFERENCE, *all_tables.TABLES, *evaluation.TABLES, *efficiency.TABLES)
CODE_LISTS = {name: values for name, values in vars(codes).items() if name.isupper()}


def rows_of(table, **values):
    return pd.DataFrame({name: values.get(name, [None]) for name in table.columns})


def test_table_names_are_unchanged():
    assert [table.name for table in all_tables.TABLES] == [
        "cohort",
        "exclusions",
        "flow",
        "overlap",
        "table1",
        "conversions",
        "segments",
        "measures",
        "verdicts",
        "review_cases",
        "group_members",
        "group_values",
        "analysis",
        "failures",
        "structure_flow",
        "extremes",
        "plausibility",
        "implausible_values",
        "contrast_check",
        "normality",
        "associations",
        "groups",
        "posthoc",
        "sensitivity",
        "adjusted",
        "associations_by_sex",
        "rank_ancova",
        "age_curves",
        "centiles",
        "centile_calibration",
        "z_scores",
        "compare_published",
        "compare_truth",
        "analysis_sets",
    ]
    assert [table.name for table in evaluation.TABLES] == ["evaluation", "evaluation_summary", "evaluation_comparison"]


NOT_SCANS = {  # columns of counts other than scan counts
    **{"measures": {"n_voxels", "n_components"}, "evaluation": {"n_reference_voxels", "n_predicted_voxels"}},
    **{"conversions": {"n_slices"}, "group_values": {"n_members", "n_usable"}},
    "comparison": {"n_shared_scans", "n_shared_patients"},  # the second column is the patient count of the first
}


@pytest.mark.parametrize("table", [*EVERY, all_tables.COMPARISON], ids=lambda table: table.name)
def test_every_count_of_scans_has_a_count_of_patients(table):
    numbers = {name for name in table.columns if name == "n" or name.startswith("n_")}
    scans = {name for name in numbers if not name.startswith("n_patients")} - NOT_SCANS.get(table.name, set())

    expected = {"n_patients" if name == "n_scans" else f"n_patients{name[1:]}" for name in scans}
    assert expected <= numbers


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_key_columns_contain_no_missing_values(table):
    assert table.key
    for name in table.key:
        assert not table.columns[name].nullable, name


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_every_table_and_column_has_a_meaning(table):
    assert table.meaning
    for name, column in table.columns.items():
        assert column.meaning, name


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_units_in_column_names_agree_with_the_units_of_the_contract(table):
    unit_of_hu = {"hu_clipped": "voxels", "hu_scale": ""}  # a voxel count and a code
    for ending, unit in {"_ml": "mL", "_mm": "mm", "_years": "years"}.items():
        for name, column in table.columns.items():
            assert not name.endswith(ending) or column.unit == unit, name
    for name, column in table.columns.items():
        assert not name.startswith("hu_") or column.unit == unit_of_hu.get(name, "HU"), name


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_an_empty_table_fulfills_its_contract(table):
    assert list(table.check(table.empty()).columns) == list(table.columns)


def test_every_code_has_a_meaning():
    assert len(CODE_LISTS) == 29
    for name, meanings in CODE_LISTS.items():
        assert tuple(meanings) == getattr(all_tables, name), name
        assert all(len(meaning) > 15 and not meaning.endswith(".") for meaning in meanings.values()), name


def test_measurement_statuses_include_segmentation_statuses():
    failures = {status for status in all_tables.SEGMENT_STATUS if status not in all_tables.USABLE_STATUS}

    assert len(failures) == 12
    assert failures < set(all_tables.MEASURE_STATUS)
    assert set(all_tables.MEASURE_STATUS).isdisjoint(all_tables.USABLE_STATUS)


@pytest.mark.parametrize("unfit", ["", "a/b", "../a", ".a", "-a", "a b", "ä", "a\n"])
def test_a_scan_id_that_is_not_a_file_name_is_rejected(unfit):
    frame = rows_of(all_tables.SEGMENTS, scan_id=[unfit], status=["segmented"])

    with pytest.raises(ContractError, match="column 'scan_id' must be"):
        all_tables.SEGMENTS.check(frame)


@pytest.mark.parametrize("fit", ["a", "A-1.b_c", "0", "_x"])
def test_a_scan_id_that_is_a_file_name_is_accepted(fit):
    frame = rows_of(all_tables.SEGMENTS, scan_id=[fit], status=["segmented"])

    assert list(all_tables.SEGMENTS.check(frame)["scan_id"]) == [fit]


def test_an_absent_structure_has_a_volume_of_zero_and_no_attenuation():
    frame = rows_of(all_tables.MEASURES_TABLE, scan_id=["a"], structure=["spleen"], status=["measured"])
    frame = frame.assign(n_voxels=0, volume_ml=0.0, border_voxels=0)

    [row] = all_tables.MEASURES_TABLE.check(frame).to_dict("records")

    assert (row["n_voxels"], row["volume_ml"]) == (0, 0.0)
    assert pd.isna(row["hu_mean"])


def test_a_cohort_keeps_covariates():
    frame = rows_of(all_tables.COHORT, scan_id=["a"]).assign(height_cm=[171.5])

    assert list(all_tables.COHORT.check(frame)["height_cm"]) == [171.5]
