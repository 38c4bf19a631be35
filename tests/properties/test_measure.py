"""Laws of measuring: what a scan contains does not depend on how it lies on disk or in the world."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctpop.images import Grid, read_ct, read_labels
from ctpop.measure import HU_COLUMNS, PERCENTILES, measure_structures
from ctpop.schema import FACES
from volumes import ORIENTATIONS, affine, save, save_turned

law = settings(deadline=None, max_examples=60, derandomize=True)
few = settings(law, max_examples=30)

LABEL_OF = {"spleen": 1, "kidney_left": 2, "liver": 4}
SHAPES = st.one_of(st.tuples(*[st.integers(1, 8)] * 3), st.tuples(*[st.integers(4, 8)] * 3))
SEEDS = st.integers(0, 2**32)
LAYERS = st.integers(1, 4)
EDGES_MM = st.sampled_from([0.5, 0.75, 1.5, 2.0, 5.0])  # exact in float32, as are the turned affines
AFFINES = st.builds(affine, st.tuples(EDGES_MM, EDGES_MM, EDGES_MM), st.tuples(*[st.integers(-300, 300)] * 3))
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
LABEL_TYPES = st.sampled_from([np.uint8, np.uint16])
CENTROID = ["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]


@pytest.fixture(scope="module")
def new_path(tmp_path_factory):
    """Returns a path that no other example uses."""
    folder = tmp_path_factory.mktemp("volumes")
    numbers = itertools.count()
    return lambda: folder / f"{next(numbers)}.nii.gz"


def scan(shape, seed, label_type=np.uint8, hu_type=np.int16):
    """Return labels 0 to 5 and attenuation of a scan; labels 3 and 5 were not asked for, 4 is often absent."""
    random = np.random.default_rng(seed)
    numbers = random.choice(np.array([0, 1, 2, 3, 4, 5]), shape, p=[0.4, 0.3, 0.15, 0.1, 0.02, 0.03])
    hu = random.normal(100 if hu_type == np.uint8 else 0, 30, shape).astype(hu_type)
    return numbers.astype(label_type), hu


def measure(numbers, hu, where, layers=1):
    return measure_structures(numbers, hu, Grid(numbers.shape, where), LABEL_OF, layers).set_index("structure")


def brute_force(numbers, hu, where, layers):
    """Return the same measures structure by structure, with one mask each, as one would at first write it."""
    rows = {}
    for name, label in LABEL_OF.items():
        mask = numbers == label
        core = np.zeros(numbers.shape, bool)
        core[tuple(slice(layers, n - layers) if n > 2 * layers else slice(0) for n in numbers.shape)] = True
        ends = {
            face: np.take(mask, range(min(layers, mask.shape[axis])), axis=axis) for axis, face in enumerate(FACES[::2])
        }
        ends |= {
            face: np.take(np.flip(mask, axis), range(min(layers, mask.shape[axis])), axis=axis)
            for axis, face in enumerate(FACES[1::2])
        }
        values = hu[mask].astype(np.float64)
        described = dict.fromkeys(HU_COLUMNS, np.nan)
        if mask.any():
            percentiles = [np.percentile(values, q) for q in PERCENTILES]
            spread = np.sqrt(((values - values.mean()) ** 2).mean())
            described = dict(
                zip(HU_COLUMNS, [values.mean(), spread, *percentiles, values.min(), values.max()], strict=True)
            )
        positions = np.argwhere(mask) @ where[:3, :3].T + where[:3, 3]
        rows[name] = {
            "n_voxels": mask.sum(),
            "volume_ml": mask.sum() * abs(np.linalg.det(where[:3, :3])) / 1000,
            "border_voxels": (mask & ~core).sum(),
            "faces": " ".join(face for face in FACES if ends[face].any()) or None,
            **dict(zip(CENTROID, positions.mean(axis=0) if mask.any() else [np.nan] * 3, strict=True)),
            **described,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("structure")


@pytest.mark.parametrize("hu_type", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@few
@given(SHAPES, SEEDS, LABEL_TYPES, AFFINES, LAYERS)
def test_measures_are_those_of_one_mask_per_structure(hu_type, shape, seed, label_type, where, layers):
    numbers, hu = scan(shape, seed, label_type, hu_type)

    found = measure(numbers, hu, where, layers)

    expected = brute_force(numbers, hu, where, layers)
    exact = ["n_voxels", "border_voxels", "hu_min", "hu_max", *[f"hu_p{q:02d}" for q in PERCENTILES]]
    pd.testing.assert_frame_equal(found[exact], expected[exact], check_exact=True)
    assert found["faces"].fillna("").to_list() == expected["faces"].fillna("").to_list()
    rest = [name for name in found.columns if name not in {*exact, "faces"}]
    # sums in another order differ in their last digits
    pd.testing.assert_frame_equal(found[rest], expected[rest], rtol=1e-12, atol=1e-9)


@few
@given(SHAPES, SEEDS, st.sampled_from(ORIENTATIONS), st.sampled_from(ORIENTATIONS), AFFINES, LAYERS)
def test_flipping_and_transposing_image_and_affine_together_changes_nothing(
    new_path, shape, seed, ct_codes, label_codes, where, layers
):
    numbers, hu = scan(shape, seed)
    hu.flat[0], hu.flat[-1] = -1000, 1000
    numbers, hu = np.pad(numbers, 1), np.pad(hu, 1)  # a CT that is constant is refused
    plain = measure(numbers, hu, where, layers)

    mask = read_labels(save_turned(new_path(), numbers, label_codes, where))
    ct = read_ct(save_turned(new_path(), hu, ct_codes, where))
    found = measure_structures(mask.data, ct.data, mask.grid, LABEL_OF, layers).set_index("structure")

    pd.testing.assert_frame_equal(found, plain, check_exact=True)


@few
@given(SHAPES, SEEDS, AFFINES, ANGLES)
def test_turning_the_patient_in_the_scanner_moves_the_centroid_and_nothing_else(shape, seed, where, degrees):
    numbers, hu = scan(shape, seed)
    turn = affine((1, 1, 1), (0, 0, 0), degrees)

    plain, turned = measure(numbers, hu, where), measure(numbers, hu, turn @ where)

    pd.testing.assert_frame_equal(
        turned.drop(columns=CENTROID), plain.drop(columns=CENTROID), rtol=1e-12
    )  # the determinant of a rotation is 1 but for the last digits
    expected = plain[CENTROID].to_numpy() @ turn[:3, :3].T
    np.testing.assert_allclose(turned[CENTROID].to_numpy(), expected, rtol=1e-9, atol=1e-6)


@few
@given(SHAPES, SEEDS, ANGLES)
def test_a_scan_that_is_stored_obliquely_has_the_same_volumes_and_attenuation(new_path, shape, seed, degrees):
    numbers, hu = scan(shape, seed)
    numbers, hu = np.pad(numbers, 1), np.pad(hu, 1, constant_values=-1000)
    hu[0, 0, 0] = 3000
    where = affine(turned_degrees=degrees)
    plain = measure(numbers, hu, affine())

    mask = read_labels(save(new_path(), numbers, where))
    ct = read_ct(save(new_path(), hu, where))
    found = measure_structures(mask.data, ct.data, mask.grid, LABEL_OF, 1).set_index("structure")

    assert mask.grid.differs_from(ct.grid) == ""
    pd.testing.assert_series_equal(found["n_voxels"], plain["n_voxels"])
    np.testing.assert_allclose(found["volume_ml"], plain["volume_ml"], rtol=1e-6)  # the header is float32
    np.testing.assert_allclose(found[list(HU_COLUMNS)], plain[list(HU_COLUMNS)], rtol=1e-12)


@law
@given(SHAPES, SEEDS, SEEDS)
def test_voxels_outside_the_structures_do_not_matter(shape, seed, other_seed):
    numbers, hu = scan(shape, seed)
    outside = ~np.isin(numbers, list(LABEL_OF.values()))
    other_numbers, other_hu = numbers.copy(), hu.copy()
    random = np.random.default_rng(other_seed)
    other_hu[outside] = random.integers(-30000, 30000, outside.sum())
    other_numbers[outside] = random.choice(np.array([0, 3, 5, 200], np.uint8), outside.sum())

    found, other = measure(numbers, hu, affine()), measure(other_numbers, other_hu, affine())

    pd.testing.assert_frame_equal(found, other, check_exact=True)


@law
@given(SHAPES, SEEDS, st.permutations(list(LABEL_OF)))
def test_a_structure_is_measured_alone_as_it_is_among_others(shape, seed, order):
    numbers, hu = scan(shape, seed)
    together = measure(numbers, hu, affine())

    for name in order:
        alone = measure_structures(numbers, hu, Grid(shape, affine()), {name: LABEL_OF[name]}, 1)
        pd.testing.assert_frame_equal(
            alone.set_index("structure"), together.loc[[name]], check_exact=True, check_dtype=False
        )  # a column of nothing but missing faces has no type


@law
@given(SHAPES, SEEDS)
def test_the_memory_order_of_the_arrays_does_not_matter(shape, seed):
    numbers, hu = scan(shape, seed)
    plain = measure(numbers, hu, affine())

    for one, other in itertools.product((np.ascontiguousarray, np.asfortranarray), repeat=2):
        # the same values summed in another order differ in their last digits
        pd.testing.assert_frame_equal(measure(one(numbers), other(hu), affine()), plain, rtol=1e-12)


@law
@given(SHAPES, SEEDS, st.integers(-5, 5).map(lambda power: 2.0**power), st.integers(-64, 64))
def test_a_change_of_the_attenuation_scale_changes_the_attenuation_alike(shape, seed, factor, shift):
    numbers, hu = scan(shape, seed, hu_type=np.int16)
    plain, scaled = measure(numbers, hu, affine()), measure(numbers, hu * factor + shift, affine())

    places = [name for name in HU_COLUMNS if name != "hu_sd"]
    np.testing.assert_allclose(scaled[places], plain[places] * factor + shift, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(scaled["hu_sd"], plain["hu_sd"] * factor, rtol=1e-9, atol=1e-9)


@law
@given(SHAPES, SEEDS)
def test_more_layers_never_mean_fewer_voxels_at_the_border(shape, seed):
    numbers, _ = scan(shape, seed)

    counts = [measure(numbers, None, affine(), layers)["border_voxels"] for layers in (1, 2, 3, 4)]

    assert all((more >= fewer).all() for fewer, more in itertools.pairwise(counts))
    assert (counts[-1] == measure(numbers, None, affine())["n_voxels"]).all()  # no image has more than 8 voxels


@law
@given(SHAPES, SEEDS)
def test_the_order_of_the_statistics_is_that_of_their_names(shape, seed):
    found = measure(*scan(shape, seed), affine()).dropna(subset=["hu_mean"])

    ordered = found[["hu_min", "hu_p05", "hu_p25", "hu_p50", "hu_p75", "hu_p95", "hu_max"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert found["hu_mean"].between(found["hu_min"], found["hu_max"]).all()
    assert (found["hu_sd"] <= (found["hu_max"] - found["hu_min"]) / 2 + 1e-9).all()  # Popoviciu's inequality
