"""Spacing, gaps, repeated places, tilt and extent of stacks whose answers are known."""

import numpy as np
import pytest

from ctpop.stages.dicom.geometry import affine_of, stack_of

AXIAL = np.array([1.0, 0, 0, 0, 1, 0])


def along_z(*heights):
    return np.array([[-10.0, -20.0, z] for z in heights])


def test_an_even_stack_has_its_spacing_and_nothing_else():
    stack = stack_of(along_z(0, 2, 4, 6, 8), AXIAL)

    assert (stack.spacing, stack.n_gaps, stack.n_missing, stack.n_repeated, stack.deviation) == (2, 0, 0, 0, 0)
    assert (stack.shear_deg, stack.plane, stack.n_places) == (0, "axial", 5)
    assert stack.z_extent(None) == 10


def test_missing_slices_are_counted_place_by_place():
    stack = stack_of(along_z(0, 2, 4, 8, 10, 16, 18, 20), AXIAL)

    assert (stack.n_gaps, stack.n_missing) == (2, 3)
    assert stack.spacing == 2
    assert stack.deviation == 0


def test_slices_at_one_place_are_repeated_and_no_gap():
    stack = stack_of(along_z(0, 2, 4, 0, 2, 4), AXIAL)

    assert (stack.n_repeated, stack.n_places, stack.n_gaps, stack.spacing) == (3, 3, 0, 2)


def test_uneven_slices_are_told_by_how_far_they_lie_off_an_even_grid():
    stack = stack_of(along_z(0, 1, 2, 3.3, 4), AXIAL)

    assert stack.deviation == pytest.approx(0.3)
    assert stack.n_gaps == 0


def test_a_spacing_that_drifts_is_uneven_though_neighbours_hardly_differ():
    heights = np.cumsum(np.linspace(1.0, 1.1, 101))

    assert stack_of(along_z(*heights), AXIAL).deviation > 1


def test_rounded_positions_give_the_true_spacing():
    stack = stack_of(along_z(*np.round(np.arange(200) * 0.625, 1)), AXIAL)

    assert stack.spacing == pytest.approx(0.625, abs=0.001)
    assert stack.deviation < 0.11


def test_a_tilted_gantry_is_told_and_an_oblique_stack_is_not_tilted():
    angle = np.deg2rad(20)
    turned = np.array([1, 0, 0, 0, np.cos(angle), np.sin(angle)])
    normal = np.cross(turned[:3], turned[3:])

    assert stack_of(along_z(0, 2, 4, 6), turned).shear_deg == pytest.approx(20)
    assert stack_of(np.arange(5)[:, None] * 2.0 * normal, turned).shear_deg == pytest.approx(0, abs=1e-5)


def test_planes_are_told_apart():
    coronal, sagittal = np.array([1.0, 0, 0, 0, 0, -1]), np.array([0.0, 1, 0, 0, 0, -1])

    assert stack_of(along_z(0), coronal).plane == "coronal"
    assert stack_of(along_z(0), sagittal).plane == "sagittal"


def test_one_slice_has_a_place_and_no_spacing():
    stack = stack_of(along_z(7), AXIAL)

    assert (stack.n_places, stack.spacing, stack.n_gaps, stack.shear_deg) == (1, None, None, None)
    assert stack.z_extent(5.0) == 5
    assert stack.z_extent(None) is None


def test_the_affine_turns_dicom_into_ras():
    stack = stack_of(along_z(0, 2.5, 5), AXIAL)

    affine = affine_of(stack, AXIAL, np.array([0.7, 0.9]))

    assert affine.tolist() == [[-0.7, 0, 0, 10], [0, -0.9, 0, 20], [0, 0, 2.5, 0], [0, 0, 0, 1]]
