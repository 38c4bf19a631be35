"""Tests of left and right: the midline of the patient determines the side, and pairs require both structures."""

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
    """Return rows of a scan: volume (mL) and center of mass (x, y, z in mm) of each structure; None is absent."""
    rows = [
        (name, 0.0, np.nan, np.nan, np.nan) if value is None else (name, *value) for name, value in structures.items()
    ]
    return pd.DataFrame(rows, columns=["structure", "volume_ml", "centroid_x_mm", "centroid_y_mm", "centroid_z_mm"])


def placed(rows, hu=None):
    return placed_by_side(rows, PAIRED, hu, GRID).set_index("structure")["side_mm"]


def compared(rows):
    return compared_with_contralateral(rows, PAIRED).set_index("structure")[["contralateral_ratio", "asymmetry"]]


SPINE = {"vertebrae_L1": (30, -40, 0, 100), "vertebrae_L5": (40, -60, 0, 0)}  # oblique, off the center of the image


# Pairs


def test_a_pair_is_compared_by_its_volumes():
    found = compared(scan(kidney_left=(150, 0, 0, 0), kidney_right=(100, 0, 0, 0)))

    assert found["contralateral_ratio"].to_list() == pytest.approx([1.5, 2 / 3])
    assert found["asymmetry"].to_list() == pytest.approx([0.2, 0.2])  # the same on both rows


def test_swapping_the_sides_inverts_sign_and_ratio():
    found = compared(scan(kidney_left=(100, 0, 0, 0), kidney_right=(150, 0, 0, 0)))

    assert found["contralateral_ratio"].to_list() == pytest.approx([2 / 3, 1.5])
    assert found["asymmetry"].to_list() == pytest.approx([-0.2, -0.2])


@pytest.mark.parametrize("other", [None, (np.nan, 0, 0, 0)], ids=["absent", "unmeasured"])
def test_a_missing_contralateral_structure_is_not_compared(other):
    found = compared(scan(kidney_left=(150, 0, 0, 0), kidney_right=other))

    assert found.isna().all(axis=None)


def test_unpaired_structures_are_not_compared():
    found = compared(scan(liver=(1500, 0, 0, 0), lung_middle_lobe_right=(300, 0, 0, 0)))

    assert found.isna().all(axis=None)


# The midline


def test_the_midline_is_interpolated_between_vertebrae():
    rows = scan(**SPINE, kidney_left=(150, -110, 0, 50), kidney_right=(150, 0, 0, 75), liver=(1500, 40, 0, 75))

    side = placed(rows)

    # The midline is at -50 mm at the level of 50 mm, and at -45 mm at the level of 75 mm
    assert side[["kidney_left", "kidney_right"]].to_list() == [60, 45]
    assert side[["liver", "vertebrae_L1", "vertebrae_L5"]].isna().all()


def test_the_nearest_vertebra_is_used_beyond_the_spine():
    rows = scan(**SPINE, kidney_left=(150, -110, 0, 400), lung_middle_lobe_right=(300, 0, 0, -90))

    assert placed(rows)[["kidney_left", "lung_middle_lobe_right"]].to_list() == [70, 60]


def test_a_structure_on_the_wrong_side_has_a_negative_distance():
    rows = scan(**SPINE, kidney_left=(150, 10, 0, 50), kidney_right=(150, -110, 0, 50))

    assert placed(rows)[["kidney_left", "kidney_right"]].to_list() == [-60, -60]


def test_the_position_of_the_patient_has_no_influence():
    rows = scan(**SPINE, kidney_left=(150, -110, 0, 50), kidney_right=(150, 0, 0, 75))
    moved = rows.assign(centroid_x_mm=rows["centroid_x_mm"] + 500)

    pd.testing.assert_series_equal(placed(moved), placed(rows))


def test_fragments_of_vertebrae_are_ignored():
    whole = scan(**SPINE, kidney_left=(150, -110, 0, 50))
    fragment = scan(**SPINE | {"vertebrae_L1": (0.2, 300, 0, 50)}, kidney_left=(150, -110, 0, 50))

    assert placed(whole)["kidney_left"] == 60
    assert placed(fragment)["kidney_left"] == 50  # only L5, at -60 mm


def test_the_spinal_cord_is_used_without_vertebrae():
    cord = scan(spinal_cord=(30, -20, 0, 50), kidney_left=(150, -110, 0, 50), vertebrae_L1=None)
    both = scan(spinal_cord=(30, -20, 0, 50), kidney_left=(150, -110, 0, 50), vertebrae_L1=(30, -40, 0, 50))

    assert placed(cord)["kidney_left"] == 90
    assert placed(both)["kidney_left"] == 70


def test_an_absent_structure_has_no_side():
    assert placed(scan(**SPINE, kidney_left=None)).isna().all()


def test_the_side_is_missing_without_spine_and_ct():
    assert placed(scan(kidney_left=(150, -110, 0, 50))).isna().all()


def air():
    return np.full(GRID.shape, -1000, np.int16)


def test_the_body_is_used_without_a_spine():
    hu = air()
    hu[20:31, 5:15] = 40  # x from -60 to -40 mm, center -50 mm
    hu[:8, :10, 5:] = 40  # a table or an arm, smaller and in other slices

    side = placed(scan(kidney_left=(150, -80, 0, 8), kidney_right=(150, -30, 0, 24)), hu)

    assert side.to_list() == [30, 20]


def test_arms_do_not_shift_the_center_of_the_body():
    hu = air()
    hu[20:31, 5:15] = 40
    alone = placed(scan(kidney_left=(150, -80, 0, 8)), hu)
    hu[35:38, 5:15] = 40

    assert placed(scan(kidney_left=(150, -80, 0, 8)), hu).to_list() == alone.to_list() == [30]


def test_the_side_is_missing_in_a_slice_of_air():
    assert placed(scan(kidney_left=(150, -80, 0, 8)), air()).isna().all()


def test_the_center_of_the_body_follows_the_grid():
    turned = Grid(GRID.shape, affine((2, 2, 4), (-100, -50, 0), (0, 0, 90)))  # x of the image points to anterior
    hu = air()
    hu[20:31, 5:15] = 40  # world x from -128 to -110 mm

    found = placed_by_side(scan(kidney_left=(150, -130, 0, 8)), PAIRED, hu, turned)["side_mm"]

    assert found.to_list() == pytest.approx([130 - 119])
