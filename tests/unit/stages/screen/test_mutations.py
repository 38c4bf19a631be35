"""Tests of single errors in a cohort without errors: only the affected rows change, with the correct reason."""

import numpy as np
import pytest

from support.evidence import altered, changed_rows, intact_cohort, verdicts

SCAN = "s007"


@pytest.fixture(scope="module")
def cohort():
    return intact_cohort()


@pytest.fixture(scope="module")
def before(cohort):
    found = verdicts(cohort, "strict")
    assert found["reason"].eq("ok").all()
    return found


def exchanged(cohort, one, other):
    """Return measures in which the values and sides of a pair of structures are exchanged in one scan."""
    changed = cohort.copy()
    values = [name for name in changed.columns if name not in ("scan_id", "structure")]
    rows = [changed.index[(changed["scan_id"] == SCAN) & (changed["structure"] == name)][0] for name in (one, other)]
    changed.loc[rows, values] = changed.loc[rows[::-1], values].to_numpy()
    changed.loc[rows, ["side_mm", "asymmetry"]] *= -1
    return changed


def test_exchanged_labels_of_a_pair_are_on_the_wrong_side(cohort, before):
    flipped = exchanged(cohort, "kidney_left", "kidney_right")

    found = changed_rows(before, verdicts(flipped, "strict"))

    assert found == {(SCAN, "kidney_left"): "laterality", (SCAN, "kidney_right"): "laterality"}


@pytest.mark.parametrize("rules", ["strict", "standard"])
def test_a_truncated_structure_does_not_affect_the_other_side(cohort, before, rules):
    cut = altered(cohort, SCAN, "kidney_left", volume_ml=70.0, faces="inferior", border_voxels=300)

    assert changed_rows(before, verdicts(cut, rules)) == {(SCAN, "kidney_left"): "truncated"}


def test_a_fragmented_structure_does_not_affect_the_other_side(cohort, before):
    broken = altered(cohort, SCAN, "kidney_left", volume_ml=90.0, largest_share=0.55, n_components=2)

    assert changed_rows(before, verdicts(broken, "strict")) == {(SCAN, "kidney_left"): "fragmented"}


@pytest.mark.parametrize("rules", ["strict", "standard", "paper"])
def test_a_structure_below_its_bound_does_not_affect_the_other_side(cohort, before, rules):
    remnant = altered(cohort, SCAN, "kidney_left", volume_ml=8.0)

    assert changed_rows(before, verdicts(remnant, rules)) == {(SCAN, "kidney_left"): "below_bound"}


def test_a_structure_with_a_missing_part_is_asymmetric_on_both_sides(cohort, before):
    half = altered(cohort, SCAN, "hip_left", volume_ml=200.0)

    found = changed_rows(before, verdicts(half, "strict"))

    assert found == {(SCAN, "hip_left"): "asymmetric", (SCAN, "hip_right"): "asymmetric"}


def test_an_absent_structure_does_not_affect_the_other_side(cohort, before):
    missing = altered(cohort, SCAN, "hip_left", volume_ml=0.0, hu_mean=np.nan, side_mm=np.nan, largest_share=np.nan)

    assert changed_rows(before, verdicts(missing, "strict")) == {(SCAN, "hip_left"): "absent"}


@pytest.mark.parametrize(
    "harmless",
    [
        {"largest_share": 0.85, "n_components": 4},
        {"side_mm": 25.0},
        {"hu_mean": -40.0},
    ],
)
def test_changes_within_the_limits_have_no_effect(cohort, before, harmless):
    assert changed_rows(before, verdicts(altered(cohort, SCAN, "hip_left", **harmless), "strict")) == {}


def test_a_small_missing_part_has_no_effect(cohort, before):
    volume_ml = cohort.set_index(["scan_id", "structure"])["volume_ml"][SCAN, "hip_left"]

    assert changed_rows(before, verdicts(altered(cohort, SCAN, "hip_left", volume_ml=0.97 * volume_ml), "strict")) == {}
