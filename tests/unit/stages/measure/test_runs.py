"""Tests of runs: consecutive voxels of one label, which end with their line."""

import numpy as np

from ctpop.stages.measure.runs import Runs, runs_of

ROW_OF = np.array([-1, 0, 1, -1])  # label 3 is not measured


def as_rows(runs):
    return [tuple(int(value) for value in run) for run in zip(*vars(runs).values(), strict=True)]


def test_runs_have_row_plane_line_and_limits():
    labels = np.array([[[1, 1, 2, 0], [0, 0, 1, 1]], [[1, 3, 1, 2], [0, 0, 0, 0]]], np.uint8)

    assert as_rows(runs_of(labels, ROW_OF, 10)) == [
        (0, 10, 0, 0, 2),
        (1, 10, 0, 2, 3),
        (0, 10, 1, 2, 4),
        (0, 11, 0, 0, 1),
        (0, 11, 0, 2, 3),
        (1, 11, 0, 3, 4),
    ]


def test_a_run_ends_with_its_line_and_its_plane():
    assert as_rows(runs_of(np.ones((2, 2, 3), np.uint8), ROW_OF, 0)) == [
        (0, plane, line, 0, 3) for plane in (0, 1) for line in (0, 1)
    ]


def test_runs_contain_the_row_of_every_voxel():
    runs = runs_of(np.array([[[1, 1, 2, 0, 3, 2, 2]]], np.uint8), ROW_OF, 0)

    assert runs.row_of_voxels.tolist() == [0, 0, 1, 1, 1]


def test_runs_can_be_joined_and_selected():
    runs = runs_of(np.array([[[1, 2, 0, 1]]], np.uint8), ROW_OF, 0)

    assert isinstance(runs.then(runs), Runs)
    assert as_rows(runs.then(runs)) == as_rows(runs) * 2
    assert as_rows(runs.take(runs.row == 1)) == [(1, 0, 0, 1, 2)]


def test_a_plane_without_structures_has_no_runs():
    assert as_rows(runs_of(np.full((1, 3, 3), 3, np.uint8), ROW_OF, 0)) == []
