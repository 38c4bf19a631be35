"""A surface is made of points with areas, and agrees with another where it lies within the tolerance."""

import math

import numpy as np
import pytest

from ctpop.stages.evaluate.surfaces import SurfacePart, areas_by_code, surface_agreement, surface_of
from support.solids import ball, box, shifted_balls

SPACING_MM = (1.5, 2.0, 4.0)
AT_ORIGIN = np.zeros(3, int)


def surface(mask, spacing_mm=SPACING_MM, origin=AT_ORIGIN):
    return surface_of(SurfacePart(mask, np.array(origin)), areas_by_code(np.array(spacing_mm)))


def nsd(reference, prediction, tolerance_mm, spacing_mm=SPACING_MM):
    spacing = np.array(spacing_mm, float)
    return surface_agreement(surface(reference, spacing), surface(prediction, spacing), spacing, tolerance_mm)


def area_of_box(voxels, spacing_mm):
    """The faces, whose edges are cut off at 45 degrees half a voxel from the edge, and the triangles at the corners."""
    (nx, ny, nz), (x, y, z) = voxels, spacing_mm
    faces = 2 * ((nx - 1) * (ny - 1) * x * y + (ny - 1) * (nz - 1) * y * z + (nz - 1) * (nx - 1) * z * x)
    edges = 4 * sum(
        (n - 1) * along * math.hypot(a, b) / 2 for n, along, a, b in ((nx, x, y, z), (ny, y, z, x), (nz, z, x, y))
    )
    corners = 8 * math.sqrt((x * y) ** 2 + (y * z) ** 2 + (z * x) ** 2) / 8
    return faces + edges + corners


def area_of_code(inside, spacing_mm=SPACING_MM):
    return areas_by_code(np.array(spacing_mm))[sum(1 << corner for corner in inside)]


def test_a_cube_without_a_surface_has_no_area():
    assert area_of_code([]) == 0
    assert area_of_code(range(8)) == 0


def test_a_plane_through_a_cube_has_the_area_of_a_face_of_a_voxel():
    x, y, z = SPACING_MM

    assert area_of_code([0, 1, 2, 3]) == y * z  # corners with the lower x
    assert area_of_code([0, 1, 4, 5]) == x * z
    assert area_of_code([0, 2, 4, 6]) == x * y


def test_a_corner_is_cut_off_by_a_triangle_between_the_middles_of_its_edges():
    assert area_of_code([5], (1, 1, 1)) == pytest.approx(math.sqrt(3) / 8, rel=1e-14)


@pytest.mark.parametrize("inside", [[0], [1, 6], [0, 3, 5], [0, 3, 5, 6], [0, 1, 2, 4]])
def test_inside_and_outside_have_one_surface(inside):
    outside = set(range(8)) - set(inside)

    assert area_of_code(outside) == pytest.approx(area_of_code(inside), rel=1e-14)


@pytest.mark.parametrize("voxels", [(1, 1, 1), (2, 1, 1), (4, 3, 2), (5, 7, 6)])
@pytest.mark.parametrize("spacing_mm", [(1, 1, 1), SPACING_MM, (0.7, 0.7, 5)])
def test_the_surface_of_a_box_is_faces_edges_and_corners(voxels, spacing_mm):
    found = surface(np.ones(voxels, bool), spacing_mm)

    assert found.areas.sum() == pytest.approx(area_of_box(voxels, spacing_mm), rel=1e-13)
    assert len(found.points) == math.prod(n + 1 for n in voxels) - math.prod(n - 1 for n in voxels)


def test_where_a_part_was_cut_out_moves_its_points_and_nothing_else():
    whole = box((9, 8, 7), (3, 2, 4), (6, 7, 6))
    part = whole[3:6, 2:7, 4:6]

    here, there = surface(part, origin=(3, 2, 4)), surface(whole)

    np.testing.assert_array_equal(here.points, there.points)
    np.testing.assert_array_equal(here.areas, there.areas)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_memory_order_of_a_mask_changes_nothing(order):
    mask = ball((9, 8, 7), SPACING_MM, (5, 7, 12), 7)

    found = surface(np.array(mask, order=order))

    np.testing.assert_array_equal(found.points, surface(mask).points)
    np.testing.assert_array_equal(found.areas, surface(mask).areas)


def test_a_structure_agrees_with_itself():
    mask = ball((12, 9, 8), SPACING_MM, (8, 8, 14), 7)

    assert nsd(mask, mask, 0.001) == 1


def test_structures_far_apart_agree_nowhere():
    assert nsd(box((20, 5, 5), (0, 0, 0), (4, 5, 5)), box((20, 5, 5), (15, 0, 0), (20, 5, 5)), 10) == 0


def test_a_distance_equal_to_the_tolerance_agrees():
    # two voxels of 1.5 mm are 3 mm
    reference, prediction = box((12, 6, 6), (1, 1, 1), (8, 5, 5)), box((12, 6, 6), (3, 1, 1), (10, 5, 5))

    assert nsd(reference, prediction, 3.0) == 1
    assert nsd(reference, prediction, 2.99) < 1


@pytest.mark.parametrize("voxel_mm", [0.6, 0.75, 0.3, 0.1])
def test_a_distance_equal_to_the_tolerance_agrees_where_the_header_holds_32_bits(voxel_mm):
    spacing_mm = np.full(3, voxel_mm, np.float32).astype(float)
    n = round(3 / voxel_mm)
    reference, prediction = box((9 + n, 4, 4), (1, 1, 1), (8, 3, 3)), box((9 + n, 4, 4), (1, 1, 1), (8 + n, 3, 3))

    assert nsd(reference, prediction, 3.0, spacing_mm) == 1


def test_spacing_decides_which_shift_is_within_the_tolerance():
    middle = box((12, 12, 12), (4, 4, 4), (8, 8, 8))
    shifted = [np.roll(middle, 1, axis) for axis in range(3)]

    found = [nsd(middle, mask, 2.0) == 1 for mask in shifted]

    assert found == [True, True, False]  # one voxel is 1.5, 2 and 4 mm


def test_the_cut_face_of_a_structure_that_the_image_ends_counts_as_surface():
    # 3 x 3 x 1 voxels of 1 mm that fill the image, and 3 x 3 x 3: both end at the same five faces
    reference, prediction = np.ones((3, 3, 1), bool), np.ones((3, 3, 3), bool)

    found = surface(reference, (1, 1, 1))

    assert found.areas.sum() == pytest.approx(area_of_box((3, 3, 1), (1, 1, 1)), rel=1e-14)
    assert 0.5 < nsd(reference, prediction, 0.5, (1, 1, 1)) < 1


def share_of_sphere(radius_mm, shift_mm, tolerance_mm):
    """Share of two spheres' surface within a distance of the other.

    The distance from a point to the other sphere is | |p - c| - R |, and by Archimedes u = cos(angle to the shift) is
    spread evenly: |p - c|^2 = R^2 + d^2 - 2 R d u lies between (R - t)^2 and (R + t)^2.
    """
    product = 2 * radius_mm * shift_mm
    low = (shift_mm**2 - 2 * radius_mm * tolerance_mm - tolerance_mm**2) / product
    high = (shift_mm**2 + 2 * radius_mm * tolerance_mm - tolerance_mm**2) / product
    return (min(high, 1) - max(low, -1)) / 2


@pytest.mark.parametrize("spacing_mm", [(1, 1.25, 2), (0.5, 0.6, 0.9), (0.3, 0.3, 0.25)])
@pytest.mark.parametrize(("radius_mm", "shift_mm"), [(14, 5), (20, 8.1)])
def test_shifted_spheres_agree_on_the_share_that_geometry_gives(spacing_mm, radius_mm, shift_mm):
    # points of both surfaces lie within half a voxel of the spheres, which moves a distance by up to a voxel
    found = nsd(*shifted_balls(spacing_mm, radius_mm, shift_mm)[:2], 3.0, spacing_mm)

    voxel_mm = max(spacing_mm)
    assert share_of_sphere(14, 5, 3) == pytest.approx(0.6, rel=1e-12)
    assert (
        share_of_sphere(radius_mm, shift_mm, 3 - voxel_mm) < found < share_of_sphere(radius_mm, shift_mm, 3 + voxel_mm)
    )


def test_spheres_in_each_other_agree_from_the_difference_of_their_radii_on():
    spacing_mm = (0.5, 0.6, 0.7)
    small, large = (ball((60, 50, 44), spacing_mm, (15, 15, 15), radius) for radius in (8, 12))

    assert nsd(small, large, 4 - 1, spacing_mm) == 0
    assert nsd(small, large, 4 + 1, spacing_mm) == 1
