"""Tests of the selection of cases: flagged masks, extreme values, and a random sample, independent of a review."""

import numpy as np
import pandas as pd
import pytest

from ctpop.stages.review.case_selection import chosen_cases, in_sample


def tables(*rows):
    """Return verdicts and measures from rows (scan, structure, voxels, reason)."""
    frame = pd.DataFrame(rows, columns=["scan_id", "structure", "n_voxels", "rule_reason"])
    frame["n_voxels"] = frame["n_voxels"].astype("Int64")
    return frame[["scan_id", "structure", "rule_reason"]], frame[["scan_id", "structure", "n_voxels"]]


NONE = pd.DataFrame({"scan_id": [], "structure": []}, dtype="str")


def test_flagged_masks_are_selected_and_structures_without_voxels_are_not():
    found = chosen_cases(
        *tables(
            ("a", "liver", 10, "truncated"),
            ("a", "spleen", 0, "absent"),
            ("b", "liver", None, "not_segmented"),
            ("b", "spleen", 9, "ok"),
            ("c", "liver", 5, "absent_known"),
        ),
        sample_share=0,
        extremes=NONE,
    )

    assert found.to_numpy().tolist() == [["a", "liver", "flagged"], ["c", "liver", "flagged"]]


def test_a_complete_sample_has_every_mask_and_labels_flagged_ones():
    found = chosen_cases(
        *tables(("b", "liver", 1, "ok"), ("a", "liver", 1, "below_bound")), sample_share=1, extremes=NONE
    )

    assert found.to_numpy().tolist() == [["a", "liver", "flagged"], ["b", "liver", "sample"]]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
def test_a_sample_has_the_requested_share(share):
    scans = pd.Series([f"s{number}" for number in range(20_000)])

    drawn = in_sample(scans, pd.Series("liver", index=scans.index), share)

    # four standard errors of a proportion with n = 20,000
    assert abs(drawn.mean() - share) <= 4 * np.sqrt(share * (1 - share) / len(scans))


def test_additional_scans_do_not_change_which_cases_are_sampled():
    scans = pd.Series([f"s{number}" for number in range(200)])
    structures = pd.Series("liver", index=scans.index)

    alone = in_sample(scans[:100], structures[:100], 0.2)

    assert alone.tolist() == in_sample(scans, structures, 0.2)[:100].tolist()
    assert (
        in_sample(scans, pd.Series("spleen", index=scans.index), 0.2).tolist()
        != in_sample(scans, structures, 0.2).tolist()
    )


def test_a_mask_with_several_extreme_values_is_selected_once():
    extremes = pd.DataFrame({"scan_id": ["b", "b", "c"], "structure": ["liver", "liver", "spleen"]})

    found = chosen_cases(
        *tables(("a", "liver", 1, "ok"), ("b", "liver", 1, "ok"), ("c", "liver", 1, "ok")), 0, extremes
    )

    assert found.to_numpy().tolist() == [["b", "liver", "extreme"]]


def test_flagged_and_sampled_cases_keep_their_label_if_their_value_is_extreme():
    both = pd.DataFrame({"scan_id": ["a", "b"], "structure": "liver"})
    rows = tables(("a", "liver", 1, "truncated"), ("b", "liver", 1, "ok"))

    assert chosen_cases(*rows, 1, both)["chosen"].tolist() == ["flagged", "sample"]
    assert chosen_cases(*rows, 1, both).equals(chosen_cases(*rows, 1, NONE))


def test_empty_tables_have_no_cases():
    assert chosen_cases(*tables(), sample_share=1, extremes=NONE).empty


def test_a_scan_with_the_same_images_as_another_scan_is_not_selected():
    found = chosen_cases(*tables(("a", "liver", 5, "duplicate_images")), sample_share=1, extremes=NONE)

    assert found.empty
