"""Properties of evaluation: agreement is symmetric, monotone in the tolerance, and independent of axis order."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ctpop.imaging.existing_segmentations import Segmentation
from ctpop.imaging.images import Grid, Volume, read_labels
from ctpop.stages.evaluate.agreement import compare
from ctpop.stats.bootstrap import interval_of_mean
from ctpop.stats.signed_rank import signed_rank
from support.laws import law
from support.volumes import ORIENTATIONS, affine, save_turned

NAMES = ["spleen", "liver"]
LABELS = {"spleen": 1, "liver": 2}
SHAPE = (5, 4, 6)
MAPS = arrays.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 0, 1, 2]))
SPACINGS = st.tuples(*[st.floats(0.3, 6)] * 3)
TOLERANCES = st.floats(0.1, 12)
SHARES = arrays.arrays(float, st.integers(0, 70), elements=st.floats(-1, 1))


def segmentation(data, spacing_mm=(1.5, 2.0, 4.0)):
    where = affine(spacing_mm)
    return Segmentation(Volume(data, Grid(SHAPE, where), where), LABELS)


def agreement(reference, prediction, tolerance_mm=3.0, spacing_mm=(1.5, 2.0, 4.0)):
    maps = segmentation(reference, spacing_mm), segmentation(prediction, spacing_mm)
    return {row["structure"]: row for row in compare(*maps, NAMES, tolerance_mm)}


def values(rows, metric):
    """Return a metric of each structure, NaN if it is missing."""
    return np.array([rows[name].get(metric, np.nan) for name in NAMES])


@law(20)
@given(MAPS, MAPS, SPACINGS, TOLERANCES)
def test_agreement_is_symmetric_and_between_0_and_1(one, other, spacing_mm, tolerance_mm):
    there, back = agreement(one, other, tolerance_mm, spacing_mm), agreement(other, one, tolerance_mm, spacing_mm)

    for metric in ("dice", "nsd"):
        np.testing.assert_allclose(values(there, metric), values(back, metric), rtol=1e-12)
        assert all(0 <= share <= 1 for share in values(there, metric) if not np.isnan(share))
    np.testing.assert_array_equal(values(there, "n_reference_voxels"), values(back, "n_predicted_voxels"))


@law(20)
@given(MAPS, MAPS, TOLERANCES, st.floats(0, 5))
def test_a_wider_tolerance_does_not_decrease_nsd_or_change_dice(one, other, tolerance_mm, more_mm):
    narrow, wide = agreement(one, other, tolerance_mm), agreement(one, other, tolerance_mm + more_mm)

    np.testing.assert_array_equal(values(narrow, "dice"), values(wide, "dice"))
    assert not (values(narrow, "nsd") > values(wide, "nsd") + 1e-12).any()


@law(20)
@given(MAPS, TOLERANCES)
def test_a_label_map_agrees_with_itself(one, tolerance_mm):
    rows = agreement(one, one, tolerance_mm)

    for name, label in LABELS.items():
        expected = 1.0 if (one == label).any() else None
        assert (rows[name].get("dice"), rows[name].get("nsd")) == (expected, expected)


@law(20)
@given(MAPS, MAPS)
def test_every_voxel_is_in_a_structure_or_in_none(one, other):
    rows = agreement(one, other)

    assert sum(values(rows, "n_reference_voxels")) == np.count_nonzero(one)
    assert sum(values(rows, "n_predicted_voxels")) == np.count_nonzero(other)


@law(20)
@given(MAPS, MAPS, st.floats(0.25, 4))
def test_nsd_does_not_depend_on_scale(one, other, factor):
    spacing_mm = (1.5, 2.0, 3.0)
    larger = tuple(factor * edge for edge in spacing_mm)

    there, here = agreement(one, other, 3.1 * factor, larger), agreement(one, other, 3.1, spacing_mm)

    np.testing.assert_allclose(values(there, "nsd"), values(here, "nsd"), rtol=1e-9)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_the_axis_order_of_files_has_no_influence(tmp_path, codes):
    random = np.random.default_rng(3)
    maps = [random.choice([0, 1, 2], SHAPE, p=[0.5, 0.3, 0.2]).astype(np.uint8) for _ in range(2)]
    expected = agreement(*maps)

    paths = [save_turned(tmp_path / f"{number}.nii", data, codes) for number, data in enumerate(maps)]
    turned = [Segmentation(read_labels(path), LABELS) for path in paths]

    assert {row["structure"]: row for row in compare(*turned, NAMES, 3.0)} == expected


def test_reference_and_prediction_can_have_different_axis_orders():
    random = np.random.default_rng(3)
    data = random.choice([0, 1, 2], SHAPE).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        paths = [save_turned(Path(folder, f"{codes}.nii"), data, codes) for codes in ("LPS", "SAR")]
        rows = compare(*[Segmentation(read_labels(path), LABELS) for path in paths], NAMES, 3.0)

    assert [(row["dice"], row["nsd"]) for row in rows] == [(1, 1), (1, 1)]


@law(20)
@given(SHARES)
def test_swapping_models_inverts_the_effect_and_keeps_p(differences):
    there, back = signed_rank(differences), signed_rank(-differences)

    assert back.n_equal == there.n_equal
    assert back.log10_p == pytest.approx(there.log10_p, rel=1e-12, nan_ok=True)
    assert back.rank_biserial == pytest.approx(-there.rank_biserial, abs=1e-12, nan_ok=True)


@law(20)
@given(SHARES, st.randoms())
def test_the_order_of_scans_does_not_change_the_test(differences, random):
    order = random.sample(range(len(differences)), len(differences))

    assert repr(signed_rank(differences[order])) == repr(signed_rank(differences))


@law(20)
@given(arrays.arrays(float, st.integers(2, 60), elements=st.floats(0, 1)), st.integers(0, 99))
def test_intervals_are_within_the_range_and_widen_with_confidence(shares, seed):
    narrow, wide = (interval_of_mean(shares, level, 200, np.random.default_rng(seed)) for level in (0.6, 0.95))

    assert shares.min() <= wide[0] <= wide[1] <= shares.max()
    assert wide[0] <= narrow[0] + 1e-12  # interpolation of quantiles causes rounding
    assert narrow[1] <= wide[1] + 1e-12
