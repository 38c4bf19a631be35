"""A model is loaded without running what it carries, and segments every scan as nnU-Net itself would."""

import os
import pickle

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from ctpop.errors import ContractError, ScanError
from ctpop.images import Grid, Volume, read_ct
from ctpop.segmentation.model_folder import digest_of
from ctpop.segmentation.nnunet import NnunetModel, choose_device, load_checkpoint
from tiny_model import STRUCTURES, architecture, checkpoint, dataset, plans, plans_before_2_4, rename_numpy, save_model
from volumes import affine, hu, save_turned

SHAPE = (21, 30, 17)  # more than one window along every axis
SPACING_MM = (1.5, 2.0, 4.0)


def smooth(shape=SHAPE, seed=1):
    """Return attenuation that varies over a few voxels, so that resampling keeps its structure."""
    coarse = hu(tuple(-(-n // 3) for n in shape), seed)
    return np.kron(coarse, np.ones((3, 3, 3), np.int16))[: shape[0], : shape[1], : shape[2]]


def volume(values, where=None):
    where = affine(SPACING_MM) if where is None else where
    return Volume(values, Grid(values.shape, where), where)


def load(folder):
    return NnunetModel(str(folder), "cpu", step_size=0.5, cpu_threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


def by_nnunet(folder, ct):
    """Return the labels of nnU-Net's own predictor, loaded in its own way, on the same voxels."""
    predictor = nnUNetPredictor(
        use_mirroring=False, perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False
    )
    predictor.initialize_from_trained_model_folder(str(folder), (0,), "checkpoint_final.pth")
    spacing = [float(edge) for edge in ct.grid.spacing_mm[::-1]]
    image = ct.data.transpose(2, 1, 0)[None].astype(np.float32)
    return predictor.predict_single_npy_array(image, {"spacing": spacing}).transpose(2, 1, 0)


# Segmenting


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (1.5, 2.0, 4.0), (0.75, 0.75, 5.0)])
def test_labels_are_those_of_nnunets_own_predictor(folder, model, spacing_mm):
    ct = volume(smooth(), affine(spacing_mm))

    found = model.segment(ct)

    assert found.shape == SHAPE
    assert set(np.unique(found)) == {0, 1, 2, 3}  # random weights, and yet not all the same
    np.testing.assert_array_equal(found, by_nnunet(folder, ct))


def test_labels_are_those_of_nnunets_own_predictor_where_the_plans_turn_the_axes(tmp_path):
    turned = save_model(tmp_path, plans=plans(transpose_forward=[2, 0, 1], transpose_backward=[1, 2, 0]))
    ct = volume(smooth())

    found = load(turned).segment(ct)

    assert len(np.unique(found)) == 4
    np.testing.assert_array_equal(found, by_nnunet(turned, ct))


def test_the_same_scan_gives_the_same_labels_again_and_from_another_load(folder, model):
    ct = volume(smooth())

    first = model.segment(ct)

    np.testing.assert_array_equal(model.segment(ct), first)
    np.testing.assert_array_equal(load(folder).segment(ct), first)


def test_another_scan_between_two_runs_changes_nothing(model):
    ct = volume(smooth())
    before = model.segment(ct)

    other = model.segment(volume(smooth(seed=7)))

    assert not np.array_equal(other, before)
    np.testing.assert_array_equal(model.segment(ct), before)


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAL"])
def test_the_orientation_in_which_a_scan_is_stored_does_not_change_its_labels(tmp_path, model, codes):
    plain = read_ct(save_turned(tmp_path / "ras.nii.gz", smooth(), "RAS"))
    turned = read_ct(save_turned(tmp_path / "turned.nii.gz", smooth(), codes))

    found = model.segment(turned)

    assert len(np.unique(found)) == 4
    np.testing.assert_array_equal(found, model.segment(plain))


def test_the_segmentation_does_not_change_the_scan(model):
    ct = volume(smooth())

    model.segment(ct)

    np.testing.assert_array_equal(ct.data, smooth())


@pytest.mark.parametrize("shape", [(10, 10, 10), (30, 20, 1), (1, 1, 1), (3, 40, 2)])
def test_a_scan_smaller_than_the_window_has_labels_for_each_of_its_voxels(folder, model, shape):
    ct = volume(smooth(shape))

    found = model.segment(ct)

    assert found.shape == shape
    np.testing.assert_array_equal(found, by_nnunet(folder, ct))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_the_type_in_which_a_scan_is_stored_does_not_change_its_labels(model, dtype):
    np.testing.assert_array_equal(model.segment(volume(smooth().astype(dtype))), model.segment(volume(smooth())))


def test_a_network_that_fails_on_a_scan_is_a_reason_and_not_the_end(tmp_path):
    broken = checkpoint()
    for weights in broken["network_weights"].values():
        weights.fill_(float("nan"))
    folder = save_model(tmp_path)
    torch.save(broken, folder / "fold_0" / "checkpoint_final.pth")

    with pytest.raises(ScanError) as refused:
        load(folder).segment(volume(smooth()))

    assert (refused.value.reason, refused.value.detail) == (
        "prediction_failed",
        "the network's output is not finite",
    )


def test_a_scan_that_does_not_fit_into_memory_is_a_reason_and_not_the_end(folder):
    model = load(folder)
    huge = Grid(SHAPE, affine((20_000.0, 20_000.0, 20_000.0)))  # at 2 mm more bytes than any machine can address

    with pytest.raises(ScanError) as refused:
        model.segment(Volume(smooth(), huge, huge.affine))

    assert refused.value.reason == "out_of_memory"


# Loading


def test_a_model_is_named_after_its_folder_and_checksum(folder, model):
    assert model.name == f"{folder.name} {digest_of(folder)[:12]}"
    assert model.labels == STRUCTURES


def test_plans_from_before_nnunet_2_4_give_the_same_network(tmp_path, model):
    old = save_model(tmp_path, plans=plans_before_2_4())

    with pytest.warns(UserWarning, match="Detected old nnU-Net plans format"):
        loaded = load(old)

    np.testing.assert_array_equal(loaded.segment(volume(smooth())), model.segment(volume(smooth())))


def test_a_checkpoint_with_half_precision_weights_is_read(tmp_path):
    folder = save_model(tmp_path)
    half = checkpoint()
    half["network_weights"] = {name: weights.half() for name, weights in half["network_weights"].items()}
    torch.save(half, folder / "fold_0" / "checkpoint_final.pth")

    assert load(folder).segment(volume(smooth())).shape == SHAPE


def official(seed=1):
    """Return a checkpoint with all that nnU-Net's trainer stores: optimizer, log of NumPy scalars, arguments."""
    score = np.float64(0.87)
    return {
        **checkpoint(seed),
        "optimizer_state": {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 1e-5}]},
        "grad_scaler_state": {"scale": 65536.0, "growth_factor": 2.0},
        "logging": {
            "mean_fg_dice": [score, np.float32(0.5)],
            "dice_per_class_or_region": [[score, np.int64(3)]],
            "train_losses": [np.array([0.5, 0.25])],
        },
        "_best_ema": score,
        "init_args": {
            "plans": plans(),
            "configuration": "3d_fullres",
            "fold": 0,
            "dataset_json": dataset(),
            "device": torch.device("cpu"),
        },
    }


@pytest.mark.parametrize("numpy_1", [False, True], ids=["NumPy 2", "NumPy 1"])
def test_an_official_checkpoint_with_numpy_scalars_is_read(tmp_path, model, numpy_1):
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    torch.save(official(), path)
    if numpy_1:
        rename_numpy(path)
    assert (b"numpy.core.multiarray" in path.read_bytes()) == numpy_1
    with pytest.raises(pickle.UnpicklingError, match="multiarray"):
        torch.load(path, weights_only=True)  # what torch admits by itself is not enough

    found = load_checkpoint(path)

    assert found["_best_ema"] == 0.87
    assert found["logging"]["train_losses"][0].tolist() == [0.5, 0.25]
    np.testing.assert_array_equal(load(folder).segment(volume(smooth())), model.segment(volume(smooth())))


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize(
    "save",
    [
        lambda evil, path: torch.save({**checkpoint(), "logging": evil}, path),
        lambda evil, path: torch.save(evil, path, _use_new_zipfile_serialization=False),
        lambda evil, path: path.write_bytes(pickle.dumps(evil)),
    ],
    ids=["zip file", "legacy file", "bare pickle"],
)
def test_a_checkpoint_that_carries_code_is_refused_and_the_code_does_not_run(tmp_path, save):
    marker = tmp_path / "touched"
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    save(Evil(marker), path)

    with pytest.raises(ContractError) as refused:
        load(folder)

    assert str(refused.value).startswith(f"{path}: refused as a checkpoint: ")
    assert not marker.exists()


def test_the_same_checkpoint_would_run_its_code_if_it_were_loaded_without_care(tmp_path):
    marker = tmp_path / "touched"
    torch.save(Evil(marker), tmp_path / "evil.pth")

    torch.load(tmp_path / "evil.pth", weights_only=False)

    assert marker.exists()


@pytest.mark.parametrize("name", ["os.system", "torch.nn.functional.torch.os.system"])
def test_plans_that_name_a_command_are_refused_and_the_command_does_not_run(tmp_path, name):
    marker = tmp_path / "touched"
    evil = architecture(nonlin=name, nonlin_kwargs={"command": f"touch {marker}"})
    folder = save_model(tmp_path, plans=plans(evil))

    with pytest.raises(ContractError, match=r"nonlin may name a class of torch\.nn"):
        load(folder)

    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"network_weights": {}}, "is no nnU-Net v2 checkpoint, it lacks init_args, trainer_name"),
        ({}, "is no nnU-Net v2 checkpoint, it lacks network_weights, init_args, trainer_name"),
        ([1, 2], "is no nnU-Net v2 checkpoint"),
        (torch.ones(3), "is no nnU-Net v2 checkpoint"),
    ],
)
def test_a_file_that_is_no_checkpoint_of_nnunet_is_refused(tmp_path, content, words):
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    torch.save(content, path)

    with pytest.raises(ContractError) as refused:
        load(folder)

    assert str(refused.value).startswith(f"{path}: {words}")


@pytest.mark.parametrize("content", [b"", b"weights", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_refused(tmp_path, content):
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.write_bytes(content)

    with pytest.raises(ContractError, match=r"checkpoint_final\.pth: refused as a checkpoint"):
        load(folder)


def test_a_checkpoint_that_does_not_fit_its_plans_is_refused(tmp_path):
    folder = save_model(tmp_path, plans=plans(architecture(features_per_stage=[4, 4])))

    with pytest.raises(ContractError, match="plans and checkpoint make no network: "):
        load(folder)


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path):
    folder = save_model(tmp_path)
    other = {**checkpoint(), "init_args": {"configuration": "3d_lowres"}}
    torch.save(other, folder / "fold_0" / "checkpoint_final.pth")

    with pytest.raises(ContractError, match="plans and checkpoint make no network: "):
        load(folder)


def test_a_model_of_regions_is_refused(tmp_path):
    folder = save_model(tmp_path, dataset=dataset(labels={"background": 0, "kidneys": [1, 2], "tumour": 2}))

    with pytest.raises(ContractError, match=r"dataset\.json: labels must map each structure to one number"):
        load(folder)


def test_a_model_of_two_channels_is_refused(tmp_path):
    folder = save_model(tmp_path, dataset=dataset(channel_names={"0": "CT", "1": "PET"}))

    with pytest.raises(ContractError, match="a model with one CT channel is expected"):
        load(folder)


# The device


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_asked_for_and_not_there_stops_the_run():
    with pytest.raises(ContractError, match=r"segment\.device: cuda is configured, but torch sees no GPU"):
        choose_device("cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_auto_means_cpu():
    assert choose_device("auto") == torch.device("cpu")


def test_cpu_means_cpu():
    assert choose_device("cpu") == torch.device("cpu")
