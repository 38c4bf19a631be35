"""Tests of the agreement of two label maps: each structure is compared or has a status."""

import numpy as np
import pytest

from ctpop.foundation.errors import ScanError
from ctpop.imaging.existing_segmentations import Segmentation
from ctpop.imaging.images import Grid, Volume
from ctpop.stages.evaluate.agreement import compare
from support.solids import box
from support.volumes import affine

SHAPE = (12, 10, 8)
LABELS = {"spleen": 1, "liver": 2}


def segmentation(labels=LABELS, where=None, dtype=np.uint8, **masks):
    """Return a label map on a grid of 1.5 × 2 × 4 mm with these masks."""
    data = np.zeros(SHAPE, dtype)
    for name, mask in masks.items():
        data[mask] = labels[name]
    where = affine() if where is None else where
    return Segmentation(Volume(data, Grid(SHAPE, where), where), labels)


def rows(reference, prediction, names=("spleen", "liver"), tolerance_mm=3.0):
    return {row.pop("structure"): row for row in compare(reference, prediction, list(names), tolerance_mm)}


def slab(begin, end):
    return box(SHAPE, (begin, 2, 2), (end, 6, 6))


def test_dice_is_twice_the_shared_voxels_divided_by_the_sum():
    found = rows(segmentation(spleen=slab(1, 6)), segmentation(spleen=slab(4, 9)), tolerance_mm=0.1)["spleen"]

    assert (found["status"], found["n_reference_voxels"], found["n_predicted_voxels"]) == ("compared", 80, 80)
    assert found["dice"] == 2 * 32 / 160
    assert 0 < found["nsd"] < 1


def test_an_exact_prediction_has_dice_and_nsd_of_1():
    same = segmentation(spleen=slab(1, 6), liver=slab(8, 12))

    for row in rows(same, same).values():
        assert (row["dice"], row["nsd"]) == (1.0, 1.0)


def test_a_structure_at_another_position_has_a_dice_of_0():
    found = rows(segmentation(spleen=slab(0, 2)), segmentation(spleen=slab(9, 12)))["spleen"]

    assert (found["status"], found["dice"], found["nsd"]) == ("compared", 0.0, 0.0)


def test_nsd_is_1_within_the_tolerance():
    found = rows(segmentation(spleen=slab(1, 6)), segmentation(spleen=slab(3, 8)), tolerance_mm=3.0)["spleen"]

    assert found["nsd"] == 1
    assert found["dice"] == 2 * 48 / 160


def test_structures_in_one_or_no_label_map_have_a_status():
    one, other = segmentation(spleen=slab(1, 6)), segmentation(liver=slab(1, 6))

    assert rows(one, other) == {
        "spleen": {
            "status": "only_in_reference",
            "dice": 0.0,
            "nsd": 0.0,
            "n_reference_voxels": 80,
            "n_predicted_voxels": 0,
        },
        "liver": {
            "status": "only_in_prediction",
            "dice": 0.0,
            "nsd": 0.0,
            "n_reference_voxels": 0,
            "n_predicted_voxels": 80,
        },
    }
    assert rows(one, one)["liver"] == {"status": "absent", "n_reference_voxels": 0, "n_predicted_voxels": 0}


def test_structures_outside_a_label_map_are_not_compared():
    with_spleen, without_spleen = segmentation(spleen=slab(1, 6)), segmentation({"liver": 2}, liver=slab(1, 6))

    assert rows(with_spleen, without_spleen)["spleen"] == {"status": "not_in_model"}
    assert rows(without_spleen, with_spleen)["spleen"] == {"status": "not_in_reference"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_structures_are_matched_by_name(dtype):
    other_labels = {"liver": 1, "spleen": 200}
    reference = segmentation(spleen=slab(1, 6), liver=slab(6, 9))
    prediction = segmentation(other_labels, dtype=dtype, spleen=slab(1, 6), liver=slab(6, 8))

    found = rows(reference, prediction)

    assert found["spleen"]["dice"] == 1
    assert found["liver"]["dice"] == 2 * 32 / 80


def test_rows_are_in_the_requested_order():
    same = segmentation(spleen=slab(1, 6), liver=slab(6, 9))

    assert [row["structure"] for row in compare(same, same, ["liver"], 3.0)] == ["liver"]
    assert [row["structure"] for row in compare(same, same, ["liver", "spleen"], 3.0)] == ["liver", "spleen"]


def test_a_stray_voxel_has_a_small_effect():
    stray = segmentation(spleen=slab(1, 6))
    stray.volume.data[11, 9, 7] = LABELS["spleen"]

    found = rows(segmentation(spleen=slab(1, 6)), stray)["spleen"]

    assert found["n_predicted_voxels"] == 81
    assert found["dice"] == 2 * 80 / 161
    assert 0.9 < found["nsd"] < 1


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (affine((1.5, 2.0, 5.0)), "corners are up to 7 mm apart"),
        (affine(origin_mm=(0, 0, 0)), "corners are up to 100 mm apart"),
    ],
)
def test_different_grids_are_rejected(where, words):
    with pytest.raises(ScanError, match=f"grid_mismatch: prediction and reference have different grids: {words}"):
        rows(segmentation(spleen=slab(1, 6)), segmentation(where=where, spleen=slab(1, 6)))
