"""Left and right are told by the patient's own midline, and pairs are compared only where both are there."""

import numpy as np
import pandas as pd
import pytest

from ctpop.imaging.images import Grid
from ctpop.stages.measure.sides import compared_with_contralateral, placed_by_side
from support.volumes import affine, label_set

PAIRED = label_set(
    "kidney_left", "kidney_right", "lung_middle_lobe_right", "liver", "vertebrae_L1", "vertebrae_L5", "spinal_cord"
)
GRID = Grid((40, 20, 10), affine((2, 2, 4), (-100, -50, 0)))


def scan(**structures):
    """Return rows of a scan: volume (ml) and centre of mass (x, y, z in mm) of each structure; None is absent."""
    rows = [
        (name, 0.0, np.nan, np.nan, np.nan) if value is None else (name, *value) for name, value in structures.items()
    ]
    return pd.DataFrame(rows, columns=["structure", "volume_ml", "centroid_x_mm", "centroid_y_mm", "centroid_z_mm"])


def placed(rows, hu=None):
    return placed_by_side(rows, PAIRED, hu, GRID).set_index("structure")["side_mm"]


def compared(rows):
    return compared_with_contralateral(rows, PAIRED).set_index("structure")[["contralateral_ratio", "asymmetry"]]


SPINE = {"vertebrae_L1": (30, -40, 0, 100), "vertebrae_L5": (40, -60, 0, 0)}  # leaning, off the centre of the image


# Pairs


def test_a_pair_is_compared_by_its_volumes():
    found = compared(scan(kidney_left=(150, 0, 0, 0), kidney_right=(100, 0, 0, 0)))

    assert found["contralateral_ratio"].to_list() == pytest.approx([1.5, 2 / 3])
    assert found["asymmetry"].to_list() == pytest.approx([0.2, 0.2])  # the same on both rows


def test_swapping_the_sides_turns_the_sign_and_the_ratio():
    found = compared(scan(kidney_left=(100, 0, 0, 0), kidney_right=(150, 0, 0, 0)))

    assert found["contralateral_ratio"].to_list() == pytest.approx([2 / 3, 1.5])
    assert found["asymmetry"].to_list() == pytest.approx([-0.2, -0.2])


@pytest.mark.parametrize("other", [None, (np.nan, 0, 0, 0)], ids=["absent", "not measured"])
def test_without_the_other_side_there_is_nothing_to_compare(other):
    found = compared(scan(kidney_left=(150, 0, 0, 0), kidney_right=other))

    assert found.isna().all(axis=None)


def test_what_has_no_contralateral_structure_is_not_compared():
    found = compared(scan(liver=(1500, 0, 0, 0), lung_middle_lobe_right=(300, 0, 0, 0)))

    assert found.isna().all(axis=None)


# The midline


def test_the_midline_runs_through_the_vertebrae_at_the_height_of_the_structure():
    rows = scan(**SPINE, kidney_left=(150, -110, 0, 50), kidney_right=(150, 0, 0, 75), liver=(1500, 40, 0, 75))

    side = placed(rows)

    # at 50 mm the midline is at -50 mm, at 75 mm at -45 mm
    assert side[["kidney_left", "kidney_right"]].to_list() == [60, 45]
    assert side[["liver", "vertebrae_L1", "vertebrae_L5"]].isna().all()


def test_above_and_below_the_spine_the_nearest_vertebra_tells():
    rows = scan(**SPINE, kidney_left=(150, -110, 0, 400), lung_middle_lobe_right=(300, 0, 0, -90))

    assert placed(rows)[["kidney_left", "lung_middle_lobe_right"]].to_list() == [70, 60]


def test_a_structure_on_the_wrong_side_lies_a_negative_distance_from_the_midline():
    rows = scan(**SPINE, kidney_left=(150, 10, 0, 50), kidney_right=(150, -110, 0, 50))

    assert placed(rows)[["kidney_left", "kidney_right"]].to_list() == [-60, -60]


def test_the_place_of_the_patient_in_the_image_does_not_matter():
    rows = scan(**SPINE, kidney_left=(150, -110, 0, 50), kidney_right=(150, 0, 0, 75))
    moved = rows.assign(centroid_x_mm=rows["centroid_x_mm"] + 500)

    pd.testing.assert_series_equal(placed(moved), placed(rows))


def test_a_fragment_of_a_vertebra_does_not_move_the_midline():
    whole = scan(**SPINE, kidney_left=(150, -110, 0, 50))
    fragment = scan(**SPINE | {"vertebrae_L1": (0.2, 300, 0, 50)}, kidney_left=(150, -110, 0, 50))

    assert placed(whole)["kidney_left"] == 60
    assert placed(fragment)["kidney_left"] == 50  # L5 alone, at -60 mm


def test_the_spinal_cord_tells_where_there_are_no_vertebrae():
    cord = scan(spinal_cord=(30, -20, 0, 50), kidney_left=(150, -110, 0, 50), vertebrae_L1=None)
    both = scan(spinal_cord=(30, -20, 0, 50), kidney_left=(150, -110, 0, 50), vertebrae_L1=(30, -40, 0, 50))

    assert placed(cord)["kidney_left"] == 90
    assert placed(both)["kidney_left"] == 70


def test_an_absent_structure_has_no_side():
    assert placed(scan(**SPINE, kidney_left=None)).isna().all()


def test_without_spine_and_ct_nothing_is_known():
    assert placed(scan(kidney_left=(150, -110, 0, 50))).isna().all()


def air():
    return np.full(GRID.shape, -1000, np.int16)


def test_without_a_spine_the_body_in_the_slice_tells():
    hu = air()
    hu[20:31, 5:15] = 40  # x from -60 to -40 mm, centre -50 mm
    hu[:8, :10, 5:] = 40  # the table or an arm, in other slices and smaller

    side = placed(scan(kidney_left=(150, -80, 0, 8), kidney_right=(150, -30, 0, 24)), hu)

    assert side.to_list() == [30, 20]


def test_arms_beside_the_body_do_not_move_its_middle():
    hu = air()
    hu[20:31, 5:15] = 40
    alone = placed(scan(kidney_left=(150, -80, 0, 8)), hu)
    hu[35:38, 5:15] = 40

    assert placed(scan(kidney_left=(150, -80, 0, 8)), hu).to_list() == alone.to_list() == [30]


def test_in_a_slice_of_air_nothing_is_known():
    assert placed(scan(kidney_left=(150, -80, 0, 8)), air()).isna().all()


def test_the_middle_of_the_body_turns_with_the_grid():
    turned = Grid(GRID.shape, affine((2, 2, 4), (-100, -50, 0), (0, 0, 90)))  # x of the image runs forwards
    hu = air()
    hu[20:31, 5:15] = 40  # world x from -128 to -110 mm

    found = placed_by_side(scan(kidney_left=(150, -130, 0, 8)), PAIRED, hu, turned)["side_mm"]

    assert found.to_list() == pytest.approx([130 - 119])
