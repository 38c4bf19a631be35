"""Tests of surfaces: points with areas, and the agreement of two surfaces within a tolerance."""

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
    """Return the area of the faces, of the edges beveled half a voxel from the edge, and of the corner triangles."""
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


def test_a_plane_through_a_cube_has_the_area_of_a_voxel_face():
    x, y, z = SPACING_MM

    assert area_of_code([0, 1, 2, 3]) == y * z  # corners with lower x
    assert area_of_code([0, 1, 4, 5]) == x * z
    assert area_of_code([0, 2, 4, 6]) == x * y


def test_a_corner_has_the_area_of_a_triangle_between_edge_midpoints():
    assert area_of_code([5], (1, 1, 1)) == pytest.approx(math.sqrt(3) / 8, rel=1e-14)


@pytest.mark.parametrize("inside", [[0], [1, 6], [0, 3, 5], [0, 3, 5, 6], [0, 1, 2, 4]])
def test_complementary_codes_have_equal_areas(inside):
    outside = set(range(8)) - set(inside)

    assert area_of_code(outside) == pytest.approx(area_of_code(inside), rel=1e-14)


@pytest.mark.parametrize("voxels", [(1, 1, 1), (2, 1, 1), (4, 3, 2), (5, 7, 6)])
@pytest.mark.parametrize("spacing_mm", [(1, 1, 1), SPACING_MM, (0.7, 0.7, 5)])
def test_the_surface_of_a_box_has_the_analytical_area(voxels, spacing_mm):
    found = surface(np.ones(voxels, bool), spacing_mm)

    assert found.areas.sum() == pytest.approx(area_of_box(voxels, spacing_mm), rel=1e-13)
    assert len(found.points) == math.prod(n + 1 for n in voxels) - math.prod(n - 1 for n in voxels)


def test_the_origin_of_a_part_shifts_its_points():
    whole = box((9, 8, 7), (3, 2, 4), (6, 7, 6))
    part = whole[3:6, 2:7, 4:6]

    here, there = surface(part, origin=(3, 2, 4)), surface(whole)

    np.testing.assert_array_equal(here.points, there.points)
    np.testing.assert_array_equal(here.areas, there.areas)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_memory_order_of_a_mask_has_no_influence(order):
    mask = ball((9, 8, 7), SPACING_MM, (5, 7, 12), 7)

    found = surface(np.array(mask, order=order))

    np.testing.assert_array_equal(found.points, surface(mask).points)
    np.testing.assert_array_equal(found.areas, surface(mask).areas)


def test_equal_structures_have_an_nsd_of_1():
    mask = ball((12, 9, 8), SPACING_MM, (8, 8, 14), 7)

    assert nsd(mask, mask, 0.001) == 1


def test_distant_structures_have_an_nsd_of_0():
    assert nsd(box((20, 5, 5), (0, 0, 0), (4, 5, 5)), box((20, 5, 5), (15, 0, 0), (20, 5, 5)), 10) == 0


def test_a_distance_equal_to_the_tolerance_is_within_it():
    # Two voxels of 1.5 mm are 3 mm
    reference, prediction = box((12, 6, 6), (1, 1, 1), (8, 5, 5)), box((12, 6, 6), (3, 1, 1), (10, 5, 5))

    assert nsd(reference, prediction, 3.0) == 1
    assert nsd(reference, prediction, 2.99) < 1


@pytest.mark.parametrize("voxel_mm", [0.6, 0.75, 0.3, 0.1])
def test_rounding_of_header_spacings_is_tolerated(voxel_mm):
    spacing_mm = np.full(3, voxel_mm, np.float32).astype(float)
    n = round(3 / voxel_mm)
    reference, prediction = box((9 + n, 4, 4), (1, 1, 1), (8, 3, 3)), box((9 + n, 4, 4), (1, 1, 1), (8 + n, 3, 3))

    assert nsd(reference, prediction, 3.0, spacing_mm) == 1


def test_the_tolerance_depends_on_the_voxel_spacing():
    middle = box((12, 12, 12), (4, 4, 4), (8, 8, 8))
    shifted = [np.roll(middle, 1, axis) for axis in range(3)]

    found = [nsd(middle, mask, 2.0) == 1 for mask in shifted]

    assert found == [True, True, False]  # one voxel is 1.5, 2, and 4 mm


def test_a_truncated_structure_has_a_surface_at_the_border():
    # 3 × 3 × 1 voxels of 1 mm that fill the image, and 3 × 3 × 3 voxels, which share five faces
    reference, prediction = np.ones((3, 3, 1), bool), np.ones((3, 3, 3), bool)

    found = surface(reference, (1, 1, 1))

    assert found.areas.sum() == pytest.approx(area_of_box((3, 3, 1), (1, 1, 1)), rel=1e-14)
    assert 0.5 < nsd(reference, prediction, 0.5, (1, 1, 1)) < 1


def proportion_of_sphere(radius_mm, shift_mm, tolerance_mm):
    """Return the proportion of the surface of two spheres within a distance of the other sphere.

    The distance from a point p to the other sphere is | |p - c| - R |. According to Archimedes, u, the cosine of the
    angle to the shift, is uniformly distributed. |p - c|^2 = R^2 + d^2 - 2 R d u is between (R - t)^2 and (R + t)^2.
    """
    product = 2 * radius_mm * shift_mm
    low = (shift_mm**2 - 2 * radius_mm * tolerance_mm - tolerance_mm**2) / product
    high = (shift_mm**2 + 2 * radius_mm * tolerance_mm - tolerance_mm**2) / product
    return (min(high, 1) - max(low, -1)) / 2


@pytest.mark.parametrize("spacing_mm", [(1, 1.25, 2), (0.5, 0.6, 0.9), (0.3, 0.3, 0.25)])
@pytest.mark.parametrize(("radius_mm", "shift_mm"), [(14, 5), (20, 8.1)])
def test_nsd_of_shifted_spheres_agrees_with_geometry(spacing_mm, radius_mm, shift_mm):
    # Surface points are up to half a voxel away from the spheres, which changes a distance by up to one voxel
    found = nsd(*shifted_balls(spacing_mm, radius_mm, shift_mm)[:2], 3.0, spacing_mm)

    voxel_mm = max(spacing_mm)
    assert proportion_of_sphere(14, 5, 3) == pytest.approx(0.6, rel=1e-12)
    assert (
        proportion_of_sphere(radius_mm, shift_mm, 3 - voxel_mm)
        < found
        < proportion_of_sphere(radius_mm, shift_mm, 3 + voxel_mm)
    )


def test_nsd_of_concentric_spheres_depends_on_their_radii():
    spacing_mm = (0.5, 0.6, 0.7)
    small, large = (ball((60, 50, 44), spacing_mm, (15, 15, 15), radius) for radius in (8, 12))

    assert nsd(small, large, 4 - 1, spacing_mm) == 0
    assert nsd(small, large, 4 + 1, spacing_mm) == 1
