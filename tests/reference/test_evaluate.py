"""Tests of agreement with surface-distance and MONAI (see surface_dice_values.py), SimpleITK, and SciPy."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK
from scipy import stats
from scipy.spatial.distance import cdist
from skimage.measure import marching_cubes, mesh_surface_area

from ctpop.imaging.existing_segmentations import Segmentation, read_segmentation
from ctpop.imaging.images import Grid, Volume
from ctpop.stages.evaluate.agreement import compare
from ctpop.stages.evaluate.surfaces import SurfacePart, areas_by_code, surface_agreement, surface_of
from ctpop.stats.bootstrap import interval_of_mean
from ctpop.stats.signed_rank import MOST_EXACT, signed_rank
from ctpop.study.label_sets import read
from support.real_data import ABDOMEN
from support.solids import PAIRS, TOLERANCES_MM
from support.volumes import affine

CORNERS = np.array(list(product((0, 1), repeat=3)))
SMALL = [name for name, pair in PAIRS.items() if pair.reference.size < 3000]


def nsd(pair, tolerance_mm):
    spacing_mm = np.array(pair.spacing_mm, float)
    areas_mm2 = areas_by_code(spacing_mm)
    surfaces = [
        surface_of(SurfacePart(mask, np.zeros(3, int)), areas_mm2) for mask in (pair.reference, pair.prediction)
    ]
    return surface_agreement(*surfaces, spacing_mm, tolerance_mm)


@pytest.mark.parametrize("name", PAIRS)
def test_nsd_agrees_with_the_reference_implementations(name):
    table = pd.read_csv(Path(__file__).with_name("surface_dice_values.csv"))
    rows = table[table["pair"].eq(name)]

    found = [nsd(PAIRS[name], tolerance) for tolerance in rows["tolerance_mm"]]

    assert list(rows["tolerance_mm"]) == list(TOLERANCES_MM)
    np.testing.assert_allclose(found, rows["surface_distance"], rtol=1e-11, atol=1e-15)  # the table contains 12 digits
    np.testing.assert_allclose(found, rows["monai"], rtol=3e-7, atol=1e-15)  # MONAI computes in float32


def surface_elements(mask, spacing_mm):
    """Return position and area of the surface in every cube of eight voxel centers."""
    padded = np.pad(mask, 1)
    points, areas = [], []
    for cube in np.ndindex(*[n - 1 for n in padded.shape]):
        inside = padded[tuple((CORNERS + cube).T)].reshape(2, 2, 2)
        if inside.any() and not inside.all():
            fewer = inside if inside.sum() <= 4 else ~inside
            mesh = marching_cubes(fewer.astype(float), 0.5, spacing=spacing_mm, method="lorensen")
            points.append(np.array(cube) * spacing_mm)
            areas.append(mesh_surface_area(mesh[0].astype(float), mesh[1]))
    return np.array(points), np.array(areas)


@pytest.mark.parametrize("name", SMALL)
def test_nsd_equals_that_of_all_pairs_of_surface_elements(name):
    reference, prediction, spacing_mm = PAIRS[name]
    (points, areas), (other_points, other_areas) = (
        surface_elements(mask, spacing_mm) for mask in (reference, prediction)
    )
    apart = cdist(points, other_points)

    for tolerance in TOLERANCES_MM:
        near = areas[apart.min(axis=1) <= tolerance].sum() + other_areas[apart.min(axis=0) <= tolerance].sum()
        expected = near / (areas.sum() + other_areas.sum())
        # scikit-image stores vertices as float32
        assert nsd(PAIRS[name], tolerance) == pytest.approx(expected, rel=1e-6, abs=1e-15)


def by_simpleitk(reference, prediction, label):
    overlap = SimpleITK.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*(SimpleITK.GetImageFromArray(labels) for labels in (reference, prediction)))
    return overlap.GetDiceCoefficient(label)


def test_dice_agrees_with_simpleitk():
    random = np.random.default_rng(8)
    shape = (20, 18, 16)
    maps = [random.integers(0, 5, shape).astype(np.uint8) for _ in range(2)]
    names = {f"structure_{label}": label for label in range(1, 5)}
    reference, prediction = (Segmentation(Volume(data, Grid(shape, affine()), affine()), names) for data in maps)

    rows = compare(reference, prediction, list(names), 3.0)

    expected = [by_simpleitk(*maps, label) for label in names.values()]
    assert [row["dice"] for row in rows] == pytest.approx(expected, rel=1e-12)


def test_a_real_label_map_shifted_by_one_voxel_agrees_with_simpleitk():
    label_set = read("paper_104")
    reference = read_segmentation(ABDOMEN / "segmentation_v1_104.nii.gz", label_set, None)
    data = reference.volume.data
    moved = np.roll(data, 1, axis=0)
    prediction = Segmentation(Volume(moved, reference.volume.grid, reference.volume.stored_affine), reference.labels)

    rows = {row["structure"]: row for row in compare(reference, prediction, label_set.names, 3.0)}

    for name in ("liver", "kidney_left", "aorta"):
        expected = by_simpleitk(data, moved, label_set.label_of[name])
        assert rows[name]["dice"] == pytest.approx(expected, rel=1e-12)
        assert 0.5 < rows[name]["dice"] < 1
    within = [row["nsd"] for row in rows.values() if row["status"] == "compared"]
    assert len(within) > 20
    assert min(within) > 0.99


@pytest.mark.parametrize("n", [3, 8, 25, MOST_EXACT, MOST_EXACT + 1, 300])
def test_the_signed_rank_test_agrees_with_scipy(n):
    differences = np.random.default_rng(n).normal(0.2, 1, n)

    found = signed_rank(differences)

    method = "exact" if n <= MOST_EXACT else "asymptotic"
    expected = stats.wilcoxon(differences, correction=True, method=method)
    assert 10**found.log10_p == pytest.approx(expected.pvalue, rel=1e-9)
    assert min(found.w, n * (n + 1) / 2 - found.w) == pytest.approx(expected.statistic, rel=1e-14)


@pytest.mark.parametrize("n", [6, 9])
def test_with_ties_the_signed_rank_test_agrees_with_the_permutations_of_scipy(n):
    differences = np.random.default_rng(n).choice([-0.02, -0.01, 0.01, 0.02, 0.03], n)

    expected = stats.wilcoxon(differences, method=stats.PermutationMethod(n_resamples=np.inf)).pvalue

    assert 10 ** signed_rank(differences).log10_p == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [60, 400])
def test_with_many_ties_and_equal_values_the_signed_rank_test_agrees_with_scipy(n):
    differences = np.round(np.random.default_rng(n).normal(0.02, 0.05, n), 2)

    found = signed_rank(differences)

    expected = stats.wilcoxon(differences, correction=True, method="asymptotic")
    assert found.n_equal == (differences == 0).sum() > 0
    assert 10**found.log10_p == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [5, 65])
def test_the_bootstrap_interval_equals_the_quantiles_of_drawn_means(n):
    values = np.random.default_rng(n).beta(8, 1.5, n)
    draws = np.random.default_rng(7).integers(0, n, (10000, n))
    expected = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])

    assert interval_of_mean(values, 0.95, 10000, np.random.default_rng(7)) == pytest.approx(expected, rel=1e-12)


def test_the_bootstrap_agrees_with_the_normal_interval_of_a_large_sample():
    values = np.random.default_rng(3).beta(8, 1.5, 2000)
    half = 1.959964 * values.std() / np.sqrt(len(values))

    low, high = interval_of_mean(values, 0.95, 10000, np.random.default_rng(1))

    assert (low, high) == (
        pytest.approx(values.mean() - half, abs=0.1 * half),
        pytest.approx(values.mean() + half, abs=0.1 * half),
    )
