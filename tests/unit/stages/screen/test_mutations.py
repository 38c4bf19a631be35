"""One thing is spoilt in one scan of a sound cohort: the reason that names it is given, and nothing else changes."""

import numpy as np
import pytest

from support.evidence import changed_rows, sound_cohort, spoilt, verdicts

SCAN = "s007"


@pytest.fixture(scope="module")
def cohort():
    return sound_cohort()


@pytest.fixture(scope="module")
def before(cohort):
    found = verdicts(cohort, "strict")
    assert found["reason"].eq("ok").all()
    return found


def exchanged(cohort, one, other):
    """Return the measures of a scan whose labels of a pair were exchanged: values go to the other row, on its side."""
    changed = cohort.copy()
    values = [name for name in changed.columns if name not in ("scan_id", "structure")]
    rows = [changed.index[(changed["scan_id"] == SCAN) & (changed["structure"] == name)][0] for name in (one, other)]
    changed.loc[rows, values] = changed.loc[rows[::-1], values].to_numpy()
    changed.loc[rows, ["side_mm", "asymmetry"]] *= -1
    return changed


def test_labels_of_a_pair_that_are_exchanged_are_on_the_wrong_side(cohort, before):
    flipped = exchanged(cohort, "kidney_left", "kidney_right")

    found = changed_rows(before, verdicts(flipped, "strict"))

    assert found == {(SCAN, "kidney_left"): "laterality", (SCAN, "kidney_right"): "laterality"}


@pytest.mark.parametrize("rules", ["strict", "standard"])
def test_a_structure_that_the_image_cuts_is_truncated_and_the_other_side_is_not_touched(cohort, before, rules):
    cut = spoilt(cohort, SCAN, "kidney_left", volume_ml=70.0, faces="inferior", border_voxels=300)

    assert changed_rows(before, verdicts(cut, rules)) == {(SCAN, "kidney_left"): "truncated"}


def test_a_structure_in_pieces_is_fragmented_and_the_other_side_is_not_touched(cohort, before):
    broken = spoilt(cohort, SCAN, "kidney_left", volume_ml=90.0, largest_share=0.55, n_components=2)

    assert changed_rows(before, verdicts(broken, "strict")) == {(SCAN, "kidney_left"): "fragmented"}


@pytest.mark.parametrize("rules", ["strict", "standard", "paper"])
def test_a_remnant_is_below_its_bound_and_the_other_side_is_not_touched(cohort, before, rules):
    remnant = spoilt(cohort, SCAN, "kidney_left", volume_ml=8.0)

    assert changed_rows(before, verdicts(remnant, rules)) == {(SCAN, "kidney_left"): "below_bound"}


def test_a_structure_that_lost_a_part_is_asymmetric_with_its_contralateral_structure(cohort, before):
    half = spoilt(cohort, SCAN, "hip_left", volume_ml=200.0)

    found = changed_rows(before, verdicts(half, "strict"))

    assert found == {(SCAN, "hip_left"): "asymmetric", (SCAN, "hip_right"): "asymmetric"}


def test_a_structure_that_is_missing_is_absent_and_the_other_side_is_not_touched(cohort, before):
    missing = spoilt(cohort, SCAN, "hip_left", volume_ml=0.0, hu_mean=np.nan, side_mm=np.nan, largest_share=np.nan)

    assert changed_rows(before, verdicts(missing, "strict")) == {(SCAN, "hip_left"): "absent"}


@pytest.mark.parametrize(
    "harmless",
    [
        {"largest_share": 0.85, "n_components": 4},
        {"side_mm": 25.0},
        {"hu_mean": -40.0},
    ],
)
def test_what_is_inside_the_limits_changes_nothing(cohort, before, harmless):
    assert changed_rows(before, verdicts(spoilt(cohort, SCAN, "hip_left", **harmless), "strict")) == {}


def test_a_structure_that_lost_little_changes_nothing(cohort, before):
    volume_ml = cohort.set_index(["scan_id", "structure"])["volume_ml"][SCAN, "hip_left"]

    assert changed_rows(before, verdicts(spoilt(cohort, SCAN, "hip_left", volume_ml=0.97 * volume_ml), "strict")) == {}
