"""Tests of the engine: labels of a model set are equal to those of the nnU-Net predictor."""

import json
import warnings
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from scipy import ndimage

from ctpop.foundation.errors import ContractError, ScanError
from ctpop.imaging.images import Grid, Volume, read_ct
from ctpop.models import model_set
from ctpop.stages.segment.nnunet import routes
from ctpop.stages.segment.nnunet.engine import Engine, choose_device
from support.tiny_model import CONFIGURATION, PARTS, SET_SPACING_MM, checkpoint, plans, save_model, save_set
from support.volumes import affine, hu, save_turned

SHAPE = (21, 30, 17)  # more than one window along every axis
SPACING_MM = (1.5, 2.0, 4.0)
OPTIONS = {"device": "cpu", "cpu_threads": 1, "batch_size": 1, "compile": False}
CODES = [
    "".join(pair[side] for pair, side in zip(axes, sides, strict=True))
    for axes in permutations(("LR", "PA", "IS"))
    for sides in product((0, 1), repeat=3)
]


def smooth(shape=SHAPE, seed=1):
    """Return attenuation that varies over several voxels, which resampling preserves."""
    coarse = hu(tuple(-(-n // 3) for n in shape), seed)
    return np.kron(coarse, np.ones((3, 3, 3), np.int16))[: shape[0], : shape[1], : shape[2]]


def volume(values, where=None):
    where = affine(SPACING_MM) if where is None else where
    return Volume(values, Grid(values.shape, where), where)


def load(path, **options):
    return Engine(model_set.read({"model": str(path)}), {**OPTIONS, **options})


def segment(engine, ct):
    """Return the labels of a CT, computed with the same steps as in the pipeline."""
    return engine.restore(engine.predict(engine.prepare(ct)), ct.grid)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def engine(folder):
    return load(folder)


@pytest.fixture(scope="module")
def set_file(tmp_path_factory):
    return save_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def five(set_file):
    """Return five part models with different patch sizes and class counts."""
    return load(set_file)


def by_predictor(folder, checkpoint_path, image, spacing, step_size=0.5):
    """Return the labels (z, y, x) of the nnU-Net predictor for an image (z, y, x) with the given spacing.

    The predictor is initialized manually. The loading function of nnU-Net searches for the class of the trainer, and
    finds the trainers of the public weights only if torchvision can be imported.
    """
    described = json.loads((folder / "dataset.json").read_text())
    manager = PlansManager(json.loads((folder / "plans.json").read_text()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected old nnU-Net plans")
        configuration = manager.get_configuration(CONFIGURATION)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        len(described["labels"]),
        deep_supervision=True,
    )
    weights = torch.load(checkpoint_path, weights_only=False, map_location="cpu")["network_weights"]
    network.decoder.deep_supervision = False
    predictor = nnUNetPredictor(
        tile_step_size=step_size,
        use_mirroring=False,
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        allow_tqdm=False,
    )
    predictor.manual_initialization(network, manager, configuration, [weights], described, "nnUNetTrainer", None)
    return predictor.predict_single_npy_array(image[None].astype(np.float32), {"spacing": spacing})


def by_nnunet(folder, ct):
    """Return the labels (x, y, z) of the nnU-Net predictor on the grid of a scan."""
    spacing = [float(edge) for edge in ct.grid.spacing_mm[::-1]]
    found = by_predictor(folder, folder / "fold_0" / "checkpoint_final.pth", ct.data.transpose(2, 1, 0), spacing)
    return found.transpose(2, 1, 0)


# One model, method of nnU-Net


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (1.5, 2.0, 4.0), (0.75, 0.75, 5.0), (1.0, 9.0, 1.0)])
def test_labels_are_equal_to_those_of_the_nnunet_predictor(folder, engine, spacing_mm):
    ct = volume(smooth(), affine(spacing_mm))

    found = segment(engine, ct)

    assert found.shape == SHAPE
    assert set(np.unique(found)) == {0, 1, 2, 3}  # all classes occur despite random weights
    np.testing.assert_array_equal(found, by_nnunet(folder, ct))


def test_labels_are_equal_to_those_of_the_nnunet_predictor_with_permuted_axes(tmp_path):
    turned = save_model(tmp_path, plans=plans(transpose_forward=[2, 0, 1], transpose_backward=[1, 2, 0]))
    ct = volume(smooth())

    found = segment(load(turned), ct)

    assert len(np.unique(found)) == 4
    np.testing.assert_array_equal(found, by_nnunet(turned, ct))


def test_a_frame_of_zeros_is_cropped_and_restored_as_in_nnunet(folder, engine):
    framed = np.zeros(SHAPE, np.int16)
    framed[4:19, 5:28, 2:15] = smooth((15, 23, 13)) | 1
    ct = volume(framed)

    found = segment(engine, ct)

    assert (found[4:19, 5:28, 2:15] > 0).any()
    np.testing.assert_array_equal(found, by_nnunet(folder, ct))


@pytest.mark.parametrize("shape", [(10, 10, 10), (30, 20, 1), (1, 1, 1), (3, 40, 2)])
def test_a_scan_smaller_than_the_window_is_segmented_as_in_nnunet(folder, engine, shape):
    ct = volume(smooth(shape))

    found = segment(engine, ct)

    assert found.shape == shape
    np.testing.assert_array_equal(found, by_nnunet(folder, ct))


# Five part models, method of TotalSegmentator


def by_totalsegmentator(set_file, image, shape):
    """Return the merged labels of five predictors for an image (z, y, x), resampled to a shape (x, y, z)."""
    models = model_set.read({"model": str(set_file)})
    merged = np.zeros(image.shape, np.uint8)
    for part in models.parts:
        found = by_predictor(part.folder, part.checkpoint, image, [SET_SPACING_MM] * 3, models.step_size)
        for structure, number in part.labels.items():
            merged[found == number] = models.labels[structure]
    zoom = np.divide(shape[::-1], merged.shape)
    return ndimage.zoom(merged, zoom, order=0, mode="nearest", grid_mode=False).transpose(2, 1, 0)


def by_zoom(ct, order):
    """Return the resampled image (z, y, x) that TotalSegmentator passes to nnU-Net."""
    zoom = ct.grid.spacing_mm / SET_SPACING_MM
    values = ndimage.zoom(ct.data.astype(np.float64), zoom, order=order, mode="nearest", grid_mode=False)
    return values.astype(np.int32).transpose(2, 1, 0)


@pytest.mark.parametrize("spacing_mm", [(1.5, 2.0, 4.0), (3.0, 3.0, 3.0), (0.7, 0.8, 5.0), (4.0, 3.0, 2.0)])
def test_five_parts_result_in_the_labels_of_five_predictors(set_file, five, spacing_mm):
    ct = volume(smooth((40, 44, 30)), affine(spacing_mm))
    image = five.prepare(ct)
    same = image.hu if image.new_shape is None else routes.resample_hu(image.hu, image.new_shape)

    found = segment(five, ct)

    assert len(np.unique(found)) > len(PARTS)
    np.testing.assert_array_equal(found, by_totalsegmentator(set_file, same.numpy(), ct.grid.shape))


def test_cubic_splines_result_in_the_labels_of_totalsegmentator_before_2_16(set_file):
    cubic = Engine(model_set.read({"model": str(set_file), "resampling_order": 3}), OPTIONS)
    ct = volume(smooth((40, 44, 30)))

    found = segment(cubic, ct)

    np.testing.assert_array_equal(found, by_totalsegmentator(set_file, by_zoom(ct, 3), ct.grid.shape))


def test_linear_interpolation_results_in_the_labels_of_totalsegmentator_except_single_voxels(set_file, five):
    ct = volume(smooth((40, 44, 30)))

    found = segment(five, ct)

    same = found == by_totalsegmentator(set_file, by_zoom(ct, 1), ct.grid.shape)
    assert same.mean() > 0.999  # a network with random weights amplifies differences of 1 HU in a few voxels


def test_later_parts_overwrite_earlier_parts_except_with_background():
    first, second = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 0, 7, 8])

    assert routes.merge(routes.merge(None, first), second).tolist() == [0, 1, 7, 8]


def test_labels_above_255_are_supported(tmp_path, five):
    path = save_set(tmp_path)
    structures = pd.read_csv(tmp_path / "structures.csv")
    structures.assign(label=structures["label"] + 60_000).to_csv(tmp_path / "structures.csv", index=False)
    ct = volume(smooth())
    expected = segment(five, ct)

    found = segment(load(path), ct)

    assert (expected.dtype, found.dtype) == (np.uint8, np.uint16)
    np.testing.assert_array_equal(found, np.where(expected > 0, expected.astype(int) + 60_000, 0))


# Orientation, geometry, data type


@pytest.fixture(scope="module")
def upright(tmp_path_factory, five):
    """Return the labels of the scan stored as RAS."""
    return segment(five, read_ct(save_turned(tmp_path_factory.mktemp("upright") / "ras.nii.gz", smooth(), "RAS")))


@pytest.mark.parametrize(
    "codes",
    [pytest.param(codes, marks=pytest.mark.exhaustive if place % 5 else ()) for place, codes in enumerate(CODES)],
)
def test_orientation_does_not_change_the_labels(tmp_path, five, upright, codes):
    turned = read_ct(save_turned(tmp_path / "turned.nii.gz", smooth(), codes))

    found = segment(five, turned)

    assert len(np.unique(found)) > len(PARTS)
    np.testing.assert_array_equal(found, upright)


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAL"])
def test_orientation_does_not_change_the_labels_with_the_nnunet_method(tmp_path, engine, codes):
    plain = read_ct(save_turned(tmp_path / "ras.nii.gz", smooth(), "RAS"))
    turned = read_ct(save_turned(tmp_path / "turned.nii.gz", smooth(), codes))

    np.testing.assert_array_equal(segment(engine, turned), segment(engine, plain))


@pytest.mark.parametrize("kind", ["engine", "five"])
def test_an_oblique_affine_does_not_change_the_labels(request, kind):
    chosen = request.getfixturevalue(kind)
    straight = volume(smooth())
    oblique = volume(smooth(), affine(SPACING_MM, turned_degrees=(5, 10, -15)))

    np.testing.assert_array_equal(segment(chosen, oblique), segment(chosen, straight))


@pytest.mark.parametrize("shape", [(10, 10, 10), (30, 20, 1), (1, 1, 1), (3, 40, 2)])
def test_a_small_scan_is_segmented_by_five_parts(set_file, five, shape):
    ct = volume(smooth(shape))
    image = five.prepare(ct)

    found = segment(five, ct)

    same = routes.resample_hu(image.hu, image.new_shape).numpy()
    np.testing.assert_array_equal(found, by_totalsegmentator(set_file, same, shape))


@pytest.mark.parametrize("kind", ["engine", "five"])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_the_data_type_of_a_scan_does_not_change_its_labels(request, kind, dtype):
    chosen = request.getfixturevalue(kind)
    values = np.abs(smooth())

    np.testing.assert_array_equal(
        segment(chosen, volume(values.astype(dtype))), segment(chosen, volume(values.astype(np.int16)))
    )


@pytest.mark.parametrize("kind", ["engine", "five"])
def test_segmentation_does_not_change_the_scan(request, kind):
    ct = volume(smooth())

    segment(request.getfixturevalue(kind), ct)

    np.testing.assert_array_equal(ct.data, smooth())


# Repetition and insufficient memory


@pytest.mark.parametrize("kind", ["engine", "five"])
def test_a_scan_between_two_runs_does_not_change_the_labels(request, kind):
    chosen = request.getfixturevalue(kind)
    before = segment(chosen, volume(smooth()))

    other = segment(chosen, volume(smooth(seed=7)))

    assert not np.array_equal(other, before)
    np.testing.assert_array_equal(segment(chosen, volume(smooth())), before)


def test_loading_again_results_in_the_same_labels(set_file, five):
    np.testing.assert_array_equal(segment(load(set_file), volume(smooth())), segment(five, volume(smooth())))


def fail_for_batches_above(limit, times=10**6):
    """Return a hook that raises the out-of-memory error of a GPU for large batches, up to a number of times."""
    failures = []

    def hook(_, inputs):
        if len(inputs[0]) > limit and len(failures) < times:
            failures.append(len(inputs[0]))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")

    return hook


def test_a_batch_that_exceeds_the_memory_is_predicted_window_by_window(set_file, five):
    ct = volume(smooth())
    large = load(set_file, batch_size=4)
    large.route.networks[2].module.register_forward_pre_hook(fail_for_batches_above(1))

    prediction = large.predict(large.prepare(ct))

    assert prediction.detail == "insufficient memory: one window at a time"
    np.testing.assert_array_equal(large.restore(prediction, ct.grid), segment(five, ct))


def test_a_scan_that_always_exceeds_the_memory_fails_and_the_next_scan_is_segmented(set_file, five):
    small = load(set_file)
    hook = small.route.networks[0].module.register_forward_pre_hook(fail_for_batches_above(0))

    with pytest.raises(ScanError) as refused:
        small.predict(small.prepare(volume(smooth())))

    assert (refused.value.reason, refused.value.detail[:19]) == ("out_of_memory", "CUDA out of memory.")
    hook.remove()
    np.testing.assert_array_equal(segment(small, volume(smooth())), segment(five, volume(smooth())))


def test_the_last_setting_of_a_gpu_sums_on_the_cpu(set_file):
    engine = load(set_file, batch_size=8)
    engine.device = torch.device("cuda")

    places = [(place.batch_size, place.sums_on.type) for place, _ in engine._places()]

    assert places == [(8, "cuda"), (1, "cuda"), (1, "cpu")]


@pytest.mark.parametrize("kind", ["engine", "five"])
def test_a_scan_that_exceeds_the_memory_fails_with_a_reason(request, kind):
    chosen = request.getfixturevalue(kind)
    huge = Grid(SHAPE, affine((20_000.0, 20_000.0, 20_000.0)))  # more voxels than any computer can address

    with pytest.raises(ScanError) as refused:
        segment(chosen, Volume(smooth(), huge, huge.affine))

    assert refused.value.reason == "out_of_memory"


def test_a_scan_with_failed_prediction_has_a_reason(tmp_path):
    broken = checkpoint()
    for weights in broken["network_weights"].values():
        weights.fill_(float("nan"))
    folder = save_model(tmp_path)
    torch.save(broken, folder / "fold_0" / "checkpoint_final.pth")

    with pytest.raises(ScanError) as refused:
        segment(load(folder), volume(smooth()))

    assert (refused.value.reason, refused.value.detail) == (
        "prediction_failed",
        "the output of the network is not finite",
    )


def test_programming_errors_are_not_reasons_of_scans(engine):
    with pytest.raises(AttributeError):
        engine.prepare(None)


# The device


@pytest.mark.skipif(torch.cuda.is_available(), reason="requires a computer without a GPU")
def test_a_missing_gpu_stops_the_run():
    with pytest.raises(ContractError, match=r"segment\.device is cuda, but torch detects no GPU"):
        choose_device("cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="requires a computer without a GPU")
def test_without_a_gpu_auto_selects_the_cpu():
    assert choose_device("auto") == torch.device("cpu")


def test_cpu_selects_the_cpu(engine):
    assert choose_device("cpu") == torch.device("cpu")
    assert engine.memory_mb() is None
