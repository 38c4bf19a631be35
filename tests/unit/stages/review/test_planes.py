"""Tests that planes are in radiological convention with square pixels, regardless of the stored orientation."""

import numpy as np
import pytest
from scipy import ndimage

from ctpop.imaging.images import Grid, read_ct, read_labels
from ctpop.stages.review.planes import PIXELS, SHORTEST_SIDE_MM, VIEWS, PlaneFrame, frame_of, plane_of
from support.volumes import ORIENTATIONS, affine, save_turned

SHAPE = (40, 30, 24)
SPACING_MM = (2.0, 3.0, 5.0)
GRID = Grid(SHAPE, affine(SPACING_MM, (-30.0, -20.0, 100.0)))
AXIAL, CORONAL, SAGITTAL = VIEWS


def block(begin, end, shape=SHAPE):
    """Return a label map with label 1 from `begin` to `end`."""
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(*ends) for ends in zip(begin, end, strict=True))] = 1
    return labels


def place_of(labels, grid=GRID, label=1):
    """Return the center of mass and the bounding box in world coordinates, as in `measures`."""
    voxels = np.argwhere(labels == label)
    edges = np.array([voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5])
    corners = np.array(np.meshgrid(*edges.T)).reshape(3, -1)
    world = grid.affine[:3, :3] @ corners + grid.affine[:3, 3:]
    return grid.affine[:3, :3] @ voxels.mean(axis=0) + grid.affine[:3, 3], np.array(
        [world.min(axis=1), world.max(axis=1)]
    )


def frame(labels, grid=GRID):
    return frame_of(labels, 1, grid, *place_of(labels, grid))


def extent(mask):
    """Return the first and last row and column of a mask (ends are exclusive)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


@pytest.mark.parametrize(
    ("view", "marker", "is_right_half", "is_lower_half"),
    [
        (AXIAL, (30, 15, 12), False, None),  # closer to the patient's right: left half of the image
        (AXIAL, (20, 24, 12), None, False),  # more anterior: upper half
        (CORONAL, (30, 15, 12), False, None),
        (CORONAL, (20, 15, 18), None, False),  # more superior: upper half
        (SAGITTAL, (20, 24, 12), False, None),  # more anterior: left half
        (SAGITTAL, (20, 15, 18), None, False),
    ],
)
def test_right_is_on_the_left_anterior_and_superior_on_top(view, marker, is_right_half, is_lower_half):
    hu = np.zeros(SHAPE, np.int16)
    hu[marker] = 1000
    middle = PlaneFrame((20, 15, 12), np.array([20.0, 15.0, 12.0]), 110.0)

    plane = plane_of(np.zeros(SHAPE, np.uint8), hu, GRID, middle, view)

    row, column = np.unravel_index(np.nanargmax(plane.hu), plane.hu.shape)
    assert np.nanmax(plane.hu) > 500
    assert is_right_half is None or (column > PIXELS / 2) == is_right_half
    assert is_lower_half is None or (row > PIXELS / 2) == is_lower_half


def test_pixels_are_square_for_anisotropic_voxels():
    labels = block((10, 10, 9), (25, 20, 15))  # 30 × 30 × 30 mm
    shown = frame(labels)

    for view in VIEWS:
        top, bottom, left, right = extent(plane_of(labels, None, GRID, shown, view).labels == 1)
        pixels_per_mm = PIXELS / shown.side_mm
        assert bottom - top == pytest.approx(30 * pixels_per_mm, abs=1)
        assert right - left == pytest.approx(30 * pixels_per_mm, abs=1)
        assert (top + bottom) / 2 == pytest.approx(PIXELS / 2, abs=1)
        assert (left + right) / 2 == pytest.approx(PIXELS / 2, abs=1)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_the_stored_orientation_of_an_image_does_not_change_pixels(tmp_path, codes):
    labels = block((10, 10, 9), (25, 12, 15))
    hu = np.random.default_rng(1).integers(-200, 200, SHAPE).astype(np.int16)
    shown = frame(labels)
    stored = read_ct(save_turned(tmp_path / "ct.nii.gz", hu, codes, GRID.affine))
    mask = read_labels(save_turned(tmp_path / "mask.nii.gz", labels, codes, GRID.affine))

    for view in VIEWS:
        expected = plane_of(labels, hu, GRID, shown, view)
        found = plane_of(mask.data, stored.data, stored.grid, frame(mask.data, stored.grid), view)
        np.testing.assert_allclose(found.hu, expected.hu, atol=0.01)
        np.testing.assert_array_equal(found.labels, expected.labels)


def test_a_small_structure_is_shown_with_its_surroundings_and_a_large_one_completely():
    assert frame(block((10, 10, 10), (11, 11, 11))).side_mm == SHORTEST_SIDE_MM
    large = block((0, 0, 0), SHAPE)
    shown = frame(large)
    assert shown.side_mm > 5.0 * 24
    for view in VIEWS:
        labels = plane_of(large, None, GRID, shown, view).labels
        assert not labels[0].any()
        assert not labels[:, 0].any()
        assert labels.any()


def test_the_nearest_planes_through_the_structure_are_used_if_its_center_of_mass_is_outside():
    labels = block((2, 2, 2), (4, 4, 4)) | block((30, 20, 18), (31, 21, 19))

    shown = frame(labels)

    assert shown.at == (3, 3, 3)
    for view in VIEWS:
        assert plane_of(labels, None, GRID, shown, view).labels.any()


def test_pixels_outside_the_image_have_no_attenuation_and_no_label():
    labels = block((0, 0, 20), (10, 10, 24))
    hu = np.full(SHAPE, 40, np.int16)

    plane = plane_of(labels, hu, GRID, frame(labels), CORONAL)

    assert np.isnan(plane.hu[~plane.inside]).all()
    assert not plane.labels[~plane.inside].any()
    assert (plane.hu[plane.inside] == 40).all()
    assert 0 < plane.inside.mean() < 1
    assert not plane.inside[0].any()  # superior to the image
    assert not plane.inside[:, -1].any()  # left of the image


def test_voxels_smaller_than_pixels_are_averaged():
    grid = Grid((400, 400, 4), affine((0.8, 0.8, 5.0)))
    hu = (np.indices(grid.shape).sum(axis=0) % 2 * 1000).astype(np.int16)
    shown = PlaneFrame((200, 200, 2), np.array([200.0, 200.0, 2.0]), 0.8 * 2 * PIXELS)

    plane = plane_of(np.zeros(grid.shape, np.uint8), hu, grid, shown, AXIAL)

    inner = plane.hu[plane.inside][1:-1]
    assert inner.mean() == pytest.approx(500, abs=10)
    assert inner.std() < 260  # single voxels: 500


def test_the_complete_structure_is_visible_on_a_rotated_grid():
    grid = Grid(SHAPE, affine(SPACING_MM, (0, 0, 0), (10, 5, 15)))
    labels = block((5, 5, 5), (35, 25, 20))

    shown = frame(labels, grid)

    for view in VIEWS:
        plane = plane_of(labels, None, grid, shown, view).labels
        assert not plane[[0, -1]].any()
        assert not plane[:, [0, -1]].any()
        assert plane.any()


@pytest.mark.parametrize("side_mm", [100.0, 300.0])
def test_attenuation_between_voxels_equals_the_interpolation_of_scipy(side_mm):
    hu = np.random.default_rng(3).integers(-500, 500, SHAPE).astype(np.int16)
    shown = PlaneFrame((20, 15, 12), np.array([20.0, 15.0, 12.0]), side_mm)

    found = plane_of(np.zeros(SHAPE, np.uint8), hu, GRID, shown, AXIAL)

    # pixels are smaller than voxels in this test, so no pixel is an average
    offsets = ((np.arange(PIXELS) + 0.5) / PIXELS - 0.5) * side_mm
    across, down = 20 - offsets / SPACING_MM[0], 15 - offsets / SPACING_MM[1]
    grid = np.meshgrid(down, across, indexing="ij")
    expected = ndimage.map_coordinates(hu[:, :, 12].T.astype(float), grid, order=1, mode="nearest")
    np.testing.assert_allclose(found.hu[found.inside], expected[found.inside], atol=0.01)
    assert found.inside.any()
