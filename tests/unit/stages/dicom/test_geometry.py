"""Tests of spacing, gaps, repeated positions, tilt, and extent with stacks of known geometry."""

import numpy as np
import pytest

from ctpop.stages.dicom.geometry import affine_of, stack_of

AXIAL = np.array([1.0, 0, 0, 0, 1, 0])


def along_z(*heights):
    return np.array([[-10.0, -20.0, z] for z in heights])


def test_an_even_stack_has_no_faults():
    stack = stack_of(along_z(0, 2, 4, 6, 8), AXIAL)

    assert (stack.spacing, stack.n_gaps, stack.n_missing, stack.n_repeated, stack.deviation) == (2, 0, 0, 0, 0)
    assert (stack.shear_deg, stack.plane, stack.n_places) == (0, "axial", 5)
    assert stack.z_extent(None) == 10


def test_missing_slices_are_counted_in_each_gap():
    stack = stack_of(along_z(0, 2, 4, 8, 10, 16, 18, 20), AXIAL)

    assert (stack.n_gaps, stack.n_missing) == (2, 3)
    assert stack.spacing == 2
    assert stack.deviation == 0


def test_repeated_positions_are_not_gaps():
    stack = stack_of(along_z(0, 2, 4, 0, 2, 4), AXIAL)

    assert (stack.n_repeated, stack.n_places, stack.n_gaps, stack.spacing) == (3, 3, 0, 2)


def test_deviation_is_the_distance_from_an_even_grid():
    stack = stack_of(along_z(0, 1, 2, 3.3, 4), AXIAL)

    assert stack.deviation == pytest.approx(0.3)
    assert stack.n_gaps == 0


def test_a_drifting_spacing_is_uneven():
    heights = np.cumsum(np.linspace(1.0, 1.1, 101))

    assert stack_of(along_z(*heights), AXIAL).deviation > 1


def test_spacing_is_correct_for_rounded_positions():
    stack = stack_of(along_z(*np.round(np.arange(200) * 0.625, 1)), AXIAL)

    assert stack.spacing == pytest.approx(0.625, abs=0.001)
    assert stack.deviation < 0.11


def test_tilt_is_detected_and_oblique_stacks_have_none():
    angle = np.deg2rad(20)
    turned = np.array([1, 0, 0, 0, np.cos(angle), np.sin(angle)])
    normal = np.cross(turned[:3], turned[3:])

    assert stack_of(along_z(0, 2, 4, 6), turned).shear_deg == pytest.approx(20)
    assert stack_of(np.arange(5)[:, None] * 2.0 * normal, turned).shear_deg == pytest.approx(0, abs=1e-5)


def test_coronal_and_sagittal_planes_are_recognized():
    coronal, sagittal = np.array([1.0, 0, 0, 0, 0, -1]), np.array([0.0, 1, 0, 0, 0, -1])

    assert stack_of(along_z(0), coronal).plane == "coronal"
    assert stack_of(along_z(0), sagittal).plane == "sagittal"


def test_a_single_slice_has_no_spacing():
    stack = stack_of(along_z(7), AXIAL)

    assert (stack.n_places, stack.spacing, stack.n_gaps, stack.shear_deg) == (1, None, None, None)
    assert stack.z_extent(5.0) == 5
    assert stack.z_extent(None) is None


def test_the_affine_maps_voxels_to_ras():
    stack = stack_of(along_z(0, 2.5, 5), AXIAL)

    affine = affine_of(stack, AXIAL, np.array([0.7, 0.9]))

    assert affine.tolist() == [[-0.7, 0, 0, 10], [0, -0.9, 0, 20], [0, 0, 2.5, 0], [0, 0, 0, 1]]
