"""Tests of the measurement of a scan: an absent structure has a volume of zero, and undefined values are missing."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import FACES
from ctpop.imaging.images import Grid, read_labels
from ctpop.stages.measure.attenuation import COLUMNS as HU_COLUMNS
from ctpop.stages.measure.scan_measures import How, measure_structures
from support.volumes import affine, hu, save_turned

CUBE = (10, 10, 10)
GRID = Grid(CUBE, affine())
VOXEL_ML = 1.5 * 2 * 4 / 1000
ONE = {"liver": 1}
PLACE = ["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]
BOX = [f"bbox_{end}_{axis}_mm" for end in ("min", "max") for axis in "xyz"]


def marked(*voxels, label=1, shape=CUBE, dtype=np.uint8):
    """Return a label map in which these voxels have a label."""
    found = np.zeros(shape, dtype)
    for voxel in voxels:
        found[voxel] = label
    return found


def measure(numbers, image, grid, label_of, layers, erosion_mm=1.5):
    return measure_structures(numbers, image, grid, label_of, How(layers, erosion_mm)).rows


def only_row(*given):
    frame = measure(*given)
    assert len(frame) == 1
    return frame.iloc[0]


# Volume and attenuation


def test_volume_is_the_number_of_voxels_times_the_voxel_volume():
    row = only_row(marked((2, 2, 2), (2, 2, 3), (7, 7, 7)), None, GRID, ONE, 1)

    assert (row["n_voxels"], row["volume_ml"]) == (3, pytest.approx(3 * VOXEL_ML, rel=1e-12))


@pytest.mark.parametrize(
    ("where", "voxel_ml"),
    [
        (affine(turned_degrees=(10, -20, 30)), VOXEL_ML),
        (affine() @ np.diag([-1, 1, 1, 1]), VOXEL_ML),  # left-handed, with a negative determinant
        (np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), 0.001),  # edges of 1, 1.41, and 1 mm
    ],
)
def test_the_volume_of_a_voxel_is_the_determinant_of_the_affine(where, voxel_ml):
    row = only_row(marked((2, 2, 2)), None, Grid(CUBE, where), ONE, 1)

    assert row["volume_ml"] == pytest.approx(voxel_ml, rel=1e-12)


def test_attenuation_has_mean_sd_and_percentiles():
    image = np.zeros(CUBE, np.int16)
    voxels = [(2, 2, 2), (3, 2, 2), (2, 4, 2), (5, 5, 5), (5, 5, 6)]
    for voxel, value in zip(voxels, (100, 10, 30, 20, 40), strict=True):
        image[voxel] = value

    row = only_row(marked(*voxels), image, GRID, ONE, 1)

    assert row["hu_mean"] == 40
    assert row["hu_sd"] == pytest.approx(np.sqrt(5000 / 5))  # divided by n, not n - 1
    assert row[["hu_min", "hu_p25", "hu_p50", "hu_p75", "hu_max"]].to_list() == [10, 20, 30, 40, 100]
    assert row[["hu_p05", "hu_p95"]].to_list() == pytest.approx([12, 88])  # positions 0.2 and 3.8 of 0 to 4


def test_one_voxel_has_an_sd_of_zero():
    row = only_row(marked((2, 2, 2)), np.full(CUBE, -87, np.int16), GRID, ONE, 1)

    assert row["hu_sd"] == 0
    assert (row[[name for name in HU_COLUMNS if name != "hu_sd"]] == -87).all()


def test_fractional_values_are_not_rounded():
    image = np.zeros(CUBE, np.float64)
    image[2, 2, 2], image[3, 3, 3], image[4, 4, 4] = 0.25, 0.5, 10

    row = only_row(marked((2, 2, 2), (3, 3, 3), (4, 4, 4)), image, GRID, ONE, 1)

    assert row[["hu_min", "hu_p25", "hu_p50", "hu_max"]].to_list() == [0.25, 0.375, 0.5, 10]
    assert row["hu_mean"] == 10.75 / 3


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_values_beyond_16_bits_are_clipped_and_counted(dtype):
    image = np.zeros(CUBE, dtype)
    image[2, 2, 2], image[3, 3, 3], image[4, 4, 4] = 65000, 32768, 32767

    row = only_row(marked((2, 2, 2), (3, 3, 3), (4, 4, 4)), image, GRID, ONE, 1)

    assert row["hu_clipped"] == 2
    assert row[["hu_min", "hu_mean", "hu_max"]].to_list() == [32767] * 3


def test_values_below_16_bits_do_not_overflow():
    image = np.full(CUBE, -40_000, np.int32)

    row = only_row(marked((2, 2, 2)), image, GRID, ONE, 1)

    assert row[["hu_clipped", "hu_min", "hu_max", "hu_mean"]].to_list() == [1, -32768, -32768, -32768]


def test_extreme_values_in_one_structure_are_exact():
    image = np.zeros(CUBE, np.int16)
    image[2, 2, 2], image[3, 3, 3], image[4, 4, 4] = -32768, 32767, 5

    row = only_row(marked((2, 2, 2), (3, 3, 3), (4, 4, 4)), image, GRID, ONE, 1)

    assert row[["hu_min", "hu_p50", "hu_max", "hu_clipped"]].to_list() == [-32768, 5, 32767, 0]
    assert row["hu_mean"] == 4 / 3


def test_a_large_structure_of_small_integers_does_not_overflow():
    shape = (50, 50, 50)
    row = only_row(np.ones(shape, np.uint8), np.full(shape, 30000, np.int16), Grid(shape, affine()), ONE, 1)

    assert (row["hu_mean"], row["hu_sd"]) == (30000, 0)


@pytest.mark.parametrize("others", [[], [(2, 2, 2)]], ids=["empty", "other structures"])
def test_absent_structure_has_zero_volume_and_no_attenuation(others):
    row = only_row(marked(*others, label=7), hu(CUBE), GRID, ONE, 1)

    counts = [name for name in row.index if name.startswith("border_") or name in {"n_components", "eroded_voxels"}]
    assert (row[["n_voxels", "volume_ml", "hu_clipped", *counts]] == 0).all()
    assert row[[*HU_COLUMNS, "hu_mean_eroded", "largest_share", "faces", *PLACE, *BOX]].isna().all()


def test_volumes_are_measured_without_a_ct():
    row = only_row(marked((2, 2, 2)), None, GRID, ONE, 1)

    assert (row["n_voxels"], row["eroded_voxels"], row["n_components"]) == (1, 0, 1)
    assert row[[*HU_COLUMNS, "hu_mean_eroded", "hu_clipped"]].isna().all()


def test_structures_are_measured_in_the_requested_order():
    image = marked((2, 2, 2), label=7) + marked((3, 3, 3), (4, 4, 4), label=2)
    attenuation = (image * 10).astype(np.int16)

    frame = measure(image, attenuation, GRID, {"g": 7, "absent": 5, "b": 2}, 1)

    assert frame["structure"].to_list() == ["g", "absent", "b"]
    assert frame["n_voxels"].to_list() == [1, 0, 2]
    assert frame["hu_mean"].fillna(-1).to_list() == [70, -1, 20]


def test_other_labels_have_no_influence():
    image = marked((2, 2, 2), label=1) + marked((0, 0, 0), (9, 9, 9), label=200)

    pd.testing.assert_frame_equal(
        measure(image, hu(CUBE), GRID, ONE, 1),
        measure(marked((2, 2, 2), label=1), hu(CUBE), GRID, ONE, 1),
    )


@pytest.mark.parametrize(("label", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_the_highest_label_of_a_type_is_measured(label, dtype):
    row = only_row(marked((0, 2, 2), label=label, dtype=dtype), hu(CUBE), GRID, {"last": label}, 1)

    assert (row["n_voxels"], row["border_voxels"], row["faces"]) == (1, 1, "left")
    assert row["hu_mean"] == hu(CUBE)[0, 2, 2]


# The border of the image


@pytest.mark.parametrize(
    ("voxel", "face"),
    [
        ((0, 5, 5), "left"),
        ((9, 5, 5), "right"),
        ((5, 0, 5), "posterior"),
        ((5, 9, 5), "anterior"),
        ((5, 5, 0), "inferior"),
        ((5, 5, 9), "superior"),
    ],
)
def test_one_border_layer_is_one_voxel_deep_at_each_face(voxel, face):
    inward = tuple(min(max(index, 1), 8) for index in voxel)

    at_border = only_row(marked(voxel), None, GRID, ONE, 1)
    inside = only_row(marked(inward), None, GRID, ONE, 1)

    assert (at_border["faces"], at_border["border_voxels"]) == (face, 1)
    assert inside["border_voxels"] == 0
    assert pd.isna(inside["faces"])


@pytest.mark.parametrize(("index", "layers", "touches"), [(2, 3, True), (3, 3, False), (7, 3, True), (6, 3, False)])
def test_three_border_layers_are_three_voxels_deep(index, layers, touches):
    row = only_row(marked((5, 5, index)), None, GRID, ONE, layers)

    assert row["border_voxels"] == int(touches)
    assert pd.notna(row["faces"]) == touches


def test_voxels_of_edges_and_corners_count_once():
    row = only_row(marked((0, 0, 0), (0, 5, 9), (5, 5, 5)), None, GRID, ONE, 1)

    assert row["border_voxels"] == 2
    assert row["faces"] == "left posterior inferior superior"


def test_a_structure_that_fills_the_image_reaches_all_faces():
    full = np.ones(CUBE, np.uint8)

    assert only_row(full, None, GRID, ONE, 1)["border_voxels"] == 10**3 - 8**3
    assert only_row(full, None, GRID, ONE, 3)["border_voxels"] == 10**3 - 4**3
    assert only_row(full, None, GRID, ONE, 1)["faces"] == " ".join(FACES)


@pytest.mark.parametrize("layers", [5, 7, 20])
def test_all_voxels_are_border_with_many_layers(layers):
    row = only_row(marked((4, 4, 4), (5, 5, 5)), None, GRID, ONE, layers)

    assert row["border_voxels"] == 2


def test_all_voxels_of_a_single_slice_are_border():
    row = only_row(marked((5, 5, 0), shape=(10, 10, 1)), None, Grid((10, 10, 1), affine()), ONE, 1)

    assert (row["border_voxels"], row["faces"]) == (1, "inferior superior")


@pytest.mark.parametrize(("codes", "on_disk"), [("LPS", (9, 4, 5)), ("RAS", (0, 5, 5)), ("SLA", (5, 9, 5))])
def test_faces_do_not_depend_on_the_storage_order(tmp_path, codes, on_disk):
    leftmost = marked((0, 5, 5))
    path = save_turned(tmp_path / "labels.nii.gz", leftmost, codes)
    stored = np.asarray(nib.load(path).dataobj)
    volume = read_labels(path)

    row = only_row(volume.data, None, volume.grid, ONE, 1)

    assert stored[on_disk] == 1
    assert row["faces"] == "left"


# The center of mass


def test_the_centroid_is_the_mean_world_position():
    row = only_row(marked((2, 4, 6), (3, 4, 6)), None, GRID, ONE, 1)

    # Origin at -30, -20, 100 mm; edges of 1.5, 2, and 4 mm
    centroid = row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].to_list()
    assert centroid == [-30 + 2.5 * 1.5, -20 + 4 * 2.0, 100 + 6 * 4.0]


def test_the_centroid_follows_the_affine():
    quarter = np.array([[0, -2, 0, 10], [1.5, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]])  # x to anterior, y to the left

    row = only_row(marked((2, 3, 5)), None, Grid(CUBE, quarter), ONE, 1)

    assert row[["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]].to_list() == [10 - 6, 20 + 3, 30 + 20]


# The bounding box


def test_the_box_ends_at_the_outer_edges_of_voxels():
    row = only_row(marked((2, 4, 6), (5, 3, 6)), None, GRID, ONE, 1)

    # Origin (center of the first voxel) at -30, -20, 100 mm; edges of 1.5, 2, and 4 mm
    assert row[BOX].to_list() == [-27.75, -15, 122, -21.75, -11, 126]


def test_the_box_follows_the_affine():
    quarter = np.array([[0, -2, 0, 10], [1.5, 0, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1.0]])  # x to anterior, y to the left

    row = only_row(marked((2, 3, 5), (2, 4, 5)), None, Grid(CUBE, quarter), ONE, 1)

    assert row[BOX].to_list() == [1, 22.25, 48, 5, 23.75, 52]


# Connected components


@pytest.mark.parametrize(
    ("voxels", "n_components", "share"),
    [
        ([(2, 2, 2), (2, 2, 3)], 1, 1),  # a face
        ([(2, 2, 2), (2, 3, 3)], 1, 1),  # an edge
        ([(2, 2, 2), (3, 3, 3)], 1, 1),  # a corner
        ([(2, 3, 2), (3, 2, 3)], 1, 1),  # the other diagonal
        ([(2, 2, 2), (2, 2, 4)], 2, 0.5),
        ([(2, 2, 2), (2, 2, 3), (9, 9, 9), (0, 0, 0)], 3, 0.5),
        ([(9, 9, 2), (0, 0, 3), (9, 0, 5), (0, 1, 5)], 4, 0.25),  # distant voxels that are adjacent in memory
    ],
)
def test_voxels_that_share_a_face_edge_or_corner_are_connected(voxels, n_components, share):
    row = only_row(marked(*voxels), None, GRID, ONE, 1)

    assert (row["n_components"], row["largest_share"]) == (n_components, share)


def test_another_structure_does_not_connect_components():
    numbers = marked((2, 2, 2), (2, 2, 4)) + marked((2, 2, 3), label=2)

    assert measure(numbers, None, GRID, {"a": 1, "b": 2}, 1)["n_components"].to_list() == [2, 1]


# Erosion


def filled(shape=(7, 7, 7), begin=1, end=6):
    """Return a label map with a block from voxel `begin` to `end` (not included) of each axis."""
    found = np.zeros(shape, np.uint8)
    found[begin:end, begin:end, begin:end] = 1
    return found


@pytest.mark.parametrize(
    ("edges_mm", "erosion_mm", "left"),
    [
        ((1, 1, 1), 0.49, 125),  # no center is that close to a surface
        ((1, 1, 1), 0.5, 27),  # a center exactly at the depth is removed
        ((1, 1, 1), 1.49, 27),
        ((1, 1, 1), 1.5, 1),
        ((1, 1, 1), 2.5, 0),
        ((3, 3, 3), 1.5, 27),
        ((0.8, 0.8, 5), 1.5, 1 * 1 * 5),  # the centers of thick slices are deeper
    ],
)
def test_erosion_keeps_voxels_deeper_than_the_distance(edges_mm, erosion_mm, left):
    row = only_row(filled(), hu((7, 7, 7)), Grid((7, 7, 7), affine(edges_mm)), ONE, 1, erosion_mm)

    assert row["eroded_voxels"] == left


def test_eroded_attenuation_is_the_mean_of_remaining_voxels():
    image = np.full((7, 7, 7), -100, np.int16)
    image[2:5, 2:5, 2:5] = 40
    image[3, 3, 3] = 67

    row = only_row(filled(), image, Grid((7, 7, 7), affine((1, 1, 1))), ONE, 1, 1.0)

    assert row["hu_mean_eroded"] == 41  # (26 * 40 + 67) / 27
    assert row["hu_mean"] < 0


def test_the_face_of_the_image_is_not_a_surface():
    row = only_row(np.ones(CUBE, np.uint8), None, GRID, ONE, 1, 1.5)

    assert row["eroded_voxels"] == 1000


def test_an_adjacent_structure_is_a_surface():
    numbers = np.ones(CUBE, np.uint8)
    numbers[5:] = 2

    frame = measure(numbers, None, Grid(CUBE, affine((1, 1, 1))), {"a": 1, "b": 2}, 1, 1)

    assert frame["eroded_voxels"].to_list() == [400, 400]


def test_eroded_attenuation_of_thin_structures_is_missing():
    row = only_row(marked((2, 2, 2), (2, 2, 3)), hu(CUBE), GRID, ONE, 1, 1.5)

    assert row["eroded_voxels"] == 0
    assert np.isnan(row["hu_mean_eroded"])


def test_columns_of_erosion_are_missing_without_erosion():
    row = only_row(filled(CUBE), hu(CUBE), GRID, ONE, 1, 0)

    assert row[["eroded_voxels", "hu_mean_eroded"]].isna().all()


# The histogram


def test_the_histogram_is_sorted_by_structure_and_hu():
    numbers = marked((2, 2, 2), (2, 2, 3), (2, 2, 4), label=1) + marked((5, 5, 5), label=2)
    image = np.zeros(CUBE, np.int16)
    image[2, 2, 2], image[2, 2, 3], image[2, 2, 4], image[5, 5, 5] = 30, -20, 30, 7

    found = measure_structures(numbers, image, GRID, {"spleen": 1, "liver": 2, "absent": 3}, How(1, 1.0)).histogram

    assert found.to_numpy().tolist() == [["liver", 7, 1], ["spleen", -20, 1], ["spleen", 30, 2]]
    assert found["hu"].dtype == np.int16


def test_fractional_hu_are_rounded_half_to_even():
    image = np.zeros(CUBE, np.float32)
    image[2, 2, 2], image[2, 2, 3], image[2, 2, 4] = 0.5, 1.5, -7.4

    found = measure_structures(marked((2, 2, 2), (2, 2, 3), (2, 2, 4)), image, GRID, ONE, How(1, 1.0)).histogram

    assert found[["hu", "n"]].to_numpy().tolist() == [[-7, 1], [0, 1], [2, 1]]


def test_the_histogram_is_empty_without_a_ct():
    assert len(measure_structures(marked((2, 2, 2)), None, GRID, ONE, How(1, 1.0)).histogram) == 0
