"""Properties of measurement: measures do not depend on the storage order or the orientation of a scan."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ctpop.contracts.all_tables import FACES
from ctpop.imaging.images import Grid, read_ct, read_labels
from ctpop.stages.measure import traversal
from ctpop.stages.measure.attenuation import COLUMNS as HU_COLUMNS
from ctpop.stages.measure.attenuation import PERCENTILES
from ctpop.stages.measure.scan_measures import How, measure_structures
from support.laws import law
from support.volumes import ORIENTATIONS, affine, save, save_turned

LABEL_OF = {"spleen": 1, "kidney_left": 2, "liver": 4}
SHAPES = st.one_of(st.tuples(*[st.integers(1, 8)] * 3), st.tuples(*[st.integers(4, 8)] * 3))
SEEDS = st.integers(0, 2**32)
LAYERS = st.integers(1, 4)
EDGES_MM = st.sampled_from([0.5, 0.75, 1.5, 2.0, 5.0])  # exact in float32, as are the reoriented affines
AFFINES = st.builds(affine, st.tuples(EDGES_MM, EDGES_MM, EDGES_MM), st.tuples(*[st.integers(-300, 300)] * 3))
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
LABEL_TYPES = st.sampled_from([np.uint8, np.uint16])
EROSIONS_MM = st.sampled_from([0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 7.5])  # some depths equal voxel edges
CENTROID = ["centroid_x_mm", "centroid_y_mm", "centroid_z_mm"]
BOX = [f"bbox_{end}_{axis}_mm" for end in ("min", "max") for axis in "xyz"]
COUNTS = ["n_voxels", "border_voxels", *[f"border_{face}" for face in FACES], "n_components", "eroded_voxels"]


@pytest.fixture(scope="module")
def new_path(tmp_path_factory):
    """Return a path that no other example uses."""
    folder = tmp_path_factory.mktemp("volumes")
    numbers = itertools.count()
    return lambda: folder / f"{next(numbers)}.nii.gz"


def scan(shape, seed, label_type=np.uint8, hu_type=np.int16):
    """Return labels (0 to 5) and attenuation; labels 3 and 5 were not requested, and label 4 is often absent."""
    random = np.random.default_rng(seed)
    numbers = random.choice(np.array([0, 1, 2, 3, 4, 5]), shape, p=[0.4, 0.3, 0.15, 0.1, 0.02, 0.03])
    hu = random.normal(0 if np.dtype(hu_type).kind != "u" else 125, 25, shape).astype(hu_type)
    return numbers.astype(label_type), hu


def measure_both(numbers, hu, where, layers=1, erosion_mm=1.5):
    return measure_structures(numbers, hu, Grid(numbers.shape, where), LABEL_OF, How(layers, erosion_mm))


def measure(*given):
    return measure_both(*given).rows.set_index("structure")


def brute_force(numbers, hu, where, layers, erosion_mm):
    """Return the same measures by a straightforward implementation with one mask per structure."""
    rows = {name: of_mask(numbers == label, hu, where, layers, erosion_mm) for name, label in LABEL_OF.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("structure")


def of_mask(mask, hu, where, layers, erosion_mm):
    core = np.zeros(mask.shape, bool)
    core[tuple(slice(layers, n - layers) if n > 2 * layers else slice(0) for n in mask.shape)] = True
    ends = [
        np.take(np.flip(mask, axis) if far else mask, range(min(layers, mask.shape[axis])), axis=axis).sum()
        for axis in range(3)
        for far in (False, True)
    ]
    edges = np.sqrt((where[:3, :3] ** 2).sum(axis=0))
    deep = mask & (depths_mm(mask, edges) > erosion_mm * (1 + 1e-6))
    parts, number = ndimage.label(mask, np.ones((3, 3, 3)))
    positions = np.argwhere(mask) @ where[:3, :3].T + where[:3, 3]
    half = np.abs(where[:3, :3]).sum(axis=1) / 2
    box = [*(positions.min(axis=0) - half), *(positions.max(axis=0) + half)] if mask.any() else [np.nan] * 6
    return {
        "n_voxels": mask.sum(),
        "volume_ml": mask.sum() * abs(np.linalg.det(where[:3, :3])) / 1000,
        "border_voxels": (mask & ~core).sum(),
        "faces": " ".join(face for face, count in zip(FACES, ends, strict=True) if count) or None,
        **{f"border_{face}": count for face, count in zip(FACES, ends, strict=True)},
        **dict(zip(CENTROID, positions.mean(axis=0) if mask.any() else [np.nan] * 3, strict=True)),
        **dict(zip(BOX, box, strict=True)),
        "n_components": number,
        "largest_share": np.bincount(parts[mask]).max() / mask.sum() if mask.any() else np.nan,
        **of_values(hu[mask].astype(np.float64)),
        "hu_clipped": 0,
        "eroded_voxels": deep.sum(),
        "hu_mean_eroded": hu[deep].astype(np.float64).mean() if deep.any() else np.nan,
    }


def depths_mm(mask, edges):
    """Return the distance of each voxel center from the nearest outside voxel; the image border does not count."""
    places = np.argwhere(np.ones(mask.shape, bool)).reshape(*mask.shape, 1, 3)
    apart = np.maximum(np.abs(places - np.argwhere(~mask)) - 0.5, 0) * edges
    return np.sqrt((apart**2).sum(axis=-1)).min(axis=-1, initial=np.inf)


def of_values(values):
    if not values.size:
        return dict.fromkeys(HU_COLUMNS, np.nan)
    percentiles = [np.percentile(values, q) for q in PERCENTILES]
    spread = np.sqrt(((values - values.mean()) ** 2).mean())
    return dict(zip(HU_COLUMNS, [values.mean(), spread, *percentiles, values.min(), values.max()], strict=True))


@pytest.mark.parametrize(
    "hu_type", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64]
)
@law(12)
@given(SHAPES, SEEDS, LABEL_TYPES, AFFINES, LAYERS, EROSIONS_MM, st.booleans())
def test_measures_equal_those_of_separate_masks(
    hu_type, shape, seed, label_type, where, layers, erosion_mm, fractional
):
    numbers, hu = scan(shape, seed, label_type, hu_type)
    hu = hu if fractional else np.rint(hu).astype(hu_type)

    found = measure(numbers, hu, where, layers, erosion_mm)

    expected = brute_force(numbers, hu, where, layers, erosion_mm)
    assert set(found.columns) == set(expected.columns)
    exact = [*COUNTS, "hu_clipped", "hu_min", "hu_max", *[f"hu_p{q:02d}" for q in PERCENTILES]]
    pd.testing.assert_frame_equal(found[exact], expected[exact], check_exact=True)
    assert found["faces"].fillna("").to_list() == expected["faces"].fillna("").to_list()
    rest = [name for name in found.columns if name not in {*exact, "faces"}]
    # sums in a different order differ in the last digits
    pd.testing.assert_frame_equal(found[rest], expected[rest], rtol=1e-12, atol=1e-9)


@law(20)
@given(SHAPES, SEEDS, st.sampled_from([1, 30, 3000]))
def test_mean_and_sd_of_whole_hu_are_exact(shape, seed, spread):
    numbers, hu = scan(shape, seed)
    hu = (hu * np.float64(spread)).clip(-32768, 32767).astype(np.int16)

    found = measure(numbers, hu, affine())

    for name, label in LABEL_OF.items():
        values = [Fraction(int(value)) for value in hu[numbers == label]]
        mean = sum(values) / len(values) if values else None
        variance = sum((value - mean) ** 2 for value in values) / len(values) if values else None
        assert not values or found.loc[name, "hu_mean"] == float(mean)
        assert not values or found.loc[name, "hu_sd"] == math.sqrt(variance)


@law(20)
@given(SHAPES, SEEDS, LABEL_TYPES, st.sampled_from([np.int16, np.float32]))
def test_the_histogram_contains_every_voxel_once(shape, seed, label_type, hu_type):
    numbers, hu = scan(shape, seed, label_type, hu_type)

    histogram = measure_both(numbers, hu, affine()).histogram

    values = [np.unique(np.rint(hu[numbers == LABEL_OF[name]]), return_counts=True) for name in sorted(LABEL_OF)]
    expected = [
        (name, *row) for name, pair in zip(sorted(LABEL_OF), values, strict=True) for row in zip(*pair, strict=True)
    ]
    assert [tuple(row) for row in histogram.to_numpy(dtype=object)] == expected


@law(20)
@given(SHAPES, SEEDS, st.sampled_from([np.uint16, np.int32, np.float32, np.float64]))
def test_values_beyond_16_bits_are_clipped_and_counted(shape, seed, hu_type):
    numbers, hu = scan(shape, seed)
    far = (np.abs(hu.astype(np.float64)) * 1500).astype(hu_type)  # with values of 100,000 HU and more

    found, cut = measure(numbers, far, affine()), measure(numbers, far.clip(0, 32767).astype(np.int16), affine())

    beyond = {name: np.count_nonzero(far[numbers == label] > 32767) for name, label in LABEL_OF.items()}
    assert found["hu_clipped"].to_dict() == beyond
    names = [name for name in found.columns if name != "hu_clipped"]
    pd.testing.assert_frame_equal(found[names], cut[names], rtol=1e-12)


@law(12)
@given(SHAPES, SEEDS, st.sampled_from(ORIENTATIONS), st.sampled_from(ORIENTATIONS), AFFINES, LAYERS)
def test_flipping_and_transposing_image_and_affine_has_no_effect(
    new_path, shape, seed, ct_codes, label_codes, where, layers
):
    numbers, hu = scan(shape, seed)
    hu.flat[0], hu.flat[-1] = -1000, 1000
    numbers, hu = np.pad(numbers, 1), np.pad(hu, 1)  # a CT with constant attenuation is rejected
    plain = measure(numbers, hu, where, layers)

    mask = read_labels(save_turned(new_path(), numbers, label_codes, where))
    ct = read_ct(save_turned(new_path(), hu, ct_codes, where))
    found = measure_structures(mask.data, ct.data, mask.grid, LABEL_OF, How(layers, 1.5)).rows.set_index("structure")

    pd.testing.assert_frame_equal(found, plain, check_exact=True)


@law(12)
@given(SHAPES, SEEDS, AFFINES, ANGLES)
def test_rotation_changes_only_centroid_and_box(shape, seed, where, degrees):
    numbers, hu = scan(shape, seed)
    turn = affine((1, 1, 1), (0, 0, 0), degrees)

    plain, turned = measure(numbers, hu, where), measure(numbers, hu, turn @ where)

    pd.testing.assert_frame_equal(
        turned.drop(columns=[*CENTROID, *BOX]), plain.drop(columns=[*CENTROID, *BOX]), rtol=1e-12
    )  # the determinant of a rotation is 1 up to rounding
    expected = plain[CENTROID].to_numpy() @ turn[:3, :3].T
    np.testing.assert_allclose(turned[CENTROID].to_numpy(), expected, rtol=1e-9, atol=1e-6)
    low, high = turned[BOX[:3]].to_numpy(), turned[BOX[3:]].to_numpy()
    corners = np.stack(
        [plain[list(names)].to_numpy() for names in itertools.product(*zip(BOX[:3], BOX[3:], strict=True))]
    )
    corners = corners @ turn[:3, :3].T
    np.testing.assert_allclose(low, corners.min(axis=0), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(high, corners.max(axis=0), rtol=1e-9, atol=1e-6)


@law(12)
@given(SHAPES, SEEDS, ANGLES)
def test_oblique_storage_does_not_change_volume_and_attenuation(new_path, shape, seed, degrees):
    numbers, hu = scan(shape, seed)
    numbers, hu = np.pad(numbers, 1), np.pad(hu, 1, constant_values=-1000)
    hu[0, 0, 0] = 3000
    where = affine(turned_degrees=degrees)
    plain = measure(numbers, hu, affine())

    mask = read_labels(save(new_path(), numbers, where))
    ct = read_ct(save(new_path(), hu, where))
    found = measure_structures(mask.data, ct.data, mask.grid, LABEL_OF, How(1, 1.5)).rows.set_index("structure")

    assert mask.grid.differs_from(ct.grid) == ""
    pd.testing.assert_series_equal(found["n_voxels"], plain["n_voxels"])
    np.testing.assert_allclose(found["volume_ml"], plain["volume_ml"], rtol=1e-6)  # the header has float32 precision
    np.testing.assert_allclose(found[list(HU_COLUMNS)], plain[list(HU_COLUMNS)], rtol=1e-12)


@law(20)
@given(SHAPES, SEEDS, SEEDS)
def test_voxels_outside_the_structures_have_no_influence(shape, seed, other_seed):
    numbers, hu = scan(shape, seed)
    outside = ~np.isin(numbers, list(LABEL_OF.values()))
    other_numbers, other_hu = numbers.copy(), hu.copy()
    random = np.random.default_rng(other_seed)
    other_hu[outside] = random.integers(-30000, 30000, outside.sum())
    other_numbers[outside] = random.choice(np.array([0, 3, 5, 200], np.uint8), outside.sum())

    found, other = measure(numbers, hu, affine()), measure(other_numbers, other_hu, affine())

    pd.testing.assert_frame_equal(found, other, check_exact=True)


@law(20)
@given(SHAPES, SEEDS, st.permutations(list(LABEL_OF)))
def test_measures_do_not_depend_on_other_structures(shape, seed, order):
    numbers, hu = scan(shape, seed)
    together = measure(numbers, hu, affine())

    for name in order:
        alone = measure_structures(numbers, hu, Grid(shape, affine()), {name: LABEL_OF[name]}, How(1, 1.5)).rows
        pd.testing.assert_frame_equal(
            alone.set_index("structure"), together.loc[[name]], check_exact=True, check_dtype=False
        )  # a column with only missing faces has no type


@pytest.mark.parametrize("hu_type", [np.int16, np.float32])
@law(5)
@given(SHAPES, SEEDS)
def test_the_memory_order_of_arrays_has_no_influence(hu_type, shape, seed):
    numbers, hu = scan(shape, seed, hu_type=hu_type)
    plain = measure(numbers, hu, affine())

    for one, other in itertools.product(
        (np.ascontiguousarray, np.asfortranarray, backwards, inner_axis_first), repeat=2
    ):
        pd.testing.assert_frame_equal(measure(one(numbers), other(hu), affine()), plain, check_exact=True)


def backwards(image):
    """Return the same image, stored from the last to the first voxel."""
    return np.ascontiguousarray(image[::-1, ::-1, ::-1])[::-1, ::-1, ::-1]


def inner_axis_first(image):
    """Return the same image, stored with y as the fastest axis and without every second voxel."""
    turned = np.zeros((image.shape[2], image.shape[0], 2 * image.shape[1]), image.dtype).transpose(1, 2, 0)[:, ::2]
    turned[:] = image
    return turned


@law(20)
@given(SHAPES, SEEDS, st.integers(1, 600))
def test_the_size_of_slabs_has_no_influence(shape, seed, voxels):
    numbers, hu = scan(shape, seed)
    whole = measure_both(numbers, hu, affine())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traversal, "VOXELS_PER_SLAB", voxels)
        found = measure_both(numbers, hu, affine())

    pd.testing.assert_frame_equal(found.rows, whole.rows, check_exact=True)
    pd.testing.assert_frame_equal(found.histogram, whole.histogram, check_exact=True)


@law(20)
@given(SHAPES, SEEDS, st.integers(-5, 5).map(lambda power: 2.0**power), st.integers(-64, 64))
def test_attenuation_follows_linear_transformations(shape, seed, factor, shift):
    numbers, hu = scan(shape, seed, hu_type=np.int16)
    plain, scaled = measure(numbers, hu, affine()), measure(numbers, hu * factor + shift, affine())

    places = [name for name in HU_COLUMNS if name != "hu_sd"]
    np.testing.assert_allclose(scaled[places], plain[places] * factor + shift, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(scaled["hu_sd"], plain["hu_sd"] * factor, rtol=1e-9, atol=1e-9)


@law(20)
@given(SHAPES, SEEDS)
def test_border_voxels_increase_with_the_number_of_layers(shape, seed):
    numbers, _ = scan(shape, seed)

    counts = [measure(numbers, None, affine(), layers)["border_voxels"] for layers in (1, 2, 3, 4)]

    assert all((more >= fewer).all() for fewer, more in itertools.pairwise(counts))
    assert (counts[-1] == measure(numbers, None, affine())["n_voxels"]).all()  # images have at most 8 voxels


@law(20)
@given(SHAPES, SEEDS)
def test_the_order_of_the_statistics_is_that_of_their_names(shape, seed):
    found = measure(*scan(shape, seed), affine()).dropna(subset=["hu_mean"])

    ordered = found[["hu_min", "hu_p05", "hu_p25", "hu_p50", "hu_p75", "hu_p95", "hu_max"]].to_numpy()
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert found["hu_mean"].between(found["hu_min"], found["hu_max"]).all()
    assert (found["hu_sd"] <= (found["hu_max"] - found["hu_min"]) / 2 + 1e-9).all()  # Popoviciu's inequality


@law(20)
@given(SHAPES, SEEDS, EROSIONS_MM, EROSIONS_MM)
def test_deeper_erosion_keeps_a_subset_of_voxels(shape, seed, one_mm, other_mm):
    numbers, hu = scan(shape, seed)

    shallow, deep = (measure(numbers, hu, affine(), 1, depth) for depth in sorted((one_mm, other_mm)))

    assert (deep["eroded_voxels"] <= shallow["eroded_voxels"]).all()
    assert (shallow["eroded_voxels"] <= shallow["n_voxels"]).all()


@law(20)
@given(SHAPES, SEEDS)
def test_components_have_consistent_sizes(shape, seed):
    found = measure(*scan(shape, seed), affine()).query("n_voxels > 0")

    assert (found["n_components"].between(1, found["n_voxels"])).all()
    assert (found["largest_share"] >= 1 / found["n_components"] - 1e-12).all()
    assert (found["largest_share"] <= 1).all()
