"""Tests of loading models: code in a checkpoint is not executed, and mismatched models are rejected with a reason."""

import os
import pickle

import numpy as np
import pytest
import torch
from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

from ctpop.foundation.errors import ContractError
from ctpop.models import model_set
from ctpop.stages.segment.nnunet.checkpoint import load_checkpoint
from ctpop.stages.segment.nnunet.network import Intensity, compile_network, halve_convolutions, load_network
from support.tiny_model import (
    architecture,
    checkpoint,
    dataset,
    plans,
    plans_before_2_4,
    rename_numpy,
    save_model,
    save_set,
)

CPU = torch.device("cpu")


def load(path, part=0):
    """Load a part of a model set or the model of a folder as in a run."""
    models = model_set.read({"model": str(path)})
    model_set.check(models)
    return load_network(models.parts[part], models, CPU)


def logits(network):
    """Return the logits of a network for a fixed image."""
    image = torch.from_numpy(np.random.default_rng(1).normal(size=network.patch).astype(np.float32))
    with torch.inference_mode():
        return network.module(image[None, None])


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return load(save_model(tmp_path_factory.mktemp("tiny")))


def test_a_network_has_the_properties_of_its_plans(network):
    assert (network.heads, network.patch, network.spacing_mm, network.turn) == (
        4,
        (16, 12, 20),
        (2.0, 2.0, 2.0),
        (0, 1, 2),
    )
    assert network.intensity == Intensity(-900, 900, 0, 300)
    assert network.number_in_set(torch.tensor([0, 3, 1])).tolist() == [0, 3, 1]


def test_attenuation_is_clipped_and_scaled_as_in_training():
    found = Intensity(-900, 900, 30, 300).normalize(torch.tensor([-1024, -270, 30, 2000], dtype=torch.int16))

    assert found.tolist() == pytest.approx([-3.1, -1, 0, 2.9])


def test_only_convolutions_are_stored_in_half_precision(tmp_path):
    module = load(save_model(tmp_path)).module

    halve_convolutions(module)

    kinds = {type(part).__name__: {w.dtype for w in part.parameters(recurse=False)} for part in module.modules()}
    assert {name: dtypes for name, dtypes in kinds.items() if dtypes} == {
        "Conv3d": {torch.half},
        "ConvTranspose3d": {torch.half},
        "InstanceNorm3d": {torch.float32},
    }


class Stubborn(torch.nn.Module):
    """A module that cannot be run or compiled."""

    def forward(self, image):
        raise RuntimeError("no kernel")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # the torch compiler uses deprecated functions of torch
def test_a_failed_compilation_stops_the_run():
    with pytest.raises(ContractError, match=r"segment\.compile: torch cannot compile the network: .*no kernel"):
        compile_network(Stubborn(), (16, 12, 20), CPU)


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_logits_of_a_compiled_network_are_equal_within_rounding():
    models = model_set.read({"model": "demo"})
    plain = load_network(models.parts[0], models, CPU)

    compiled = load_network(models.parts[0], models, CPU, compiled=True)

    torch.testing.assert_close(logits(compiled), logits(plain), atol=1e-3, rtol=0)


def test_parts_have_separate_patches_and_classes_and_shared_numbers(tmp_path):
    path = save_set(tmp_path)

    first, second = load(path, 0), load(path, 1)

    assert (first.heads, second.heads) == (5, 6)
    assert first.patch != second.patch
    assert first.number_in_set(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]
    assert second.number_in_set(torch.arange(6)).tolist() == [0, 5, 6, 7, 8, 9]


def test_trainers_of_the_public_weights_load_without_their_classes(tmp_path):
    path = save_set(tmp_path, parts=1)
    found = model_set.read({"model": str(path)}).parts[0]

    assert "nnUNetTrainer_4000epochs_NoMirroring" in str(found.folder)
    assert load_checkpoint(found.checkpoint)["trainer_name"] == "nnUNetTrainer_4000epochs_NoMirroring"
    assert load(path).heads == len(found.labels) + 1


def test_plans_before_nnunet_2_4_result_in_the_same_network(tmp_path, network):
    old = save_model(tmp_path, plans=plans_before_2_4())

    assert torch.equal(logits(load(old)), logits(network))


def test_old_plans_with_a_residual_encoder_are_read(tmp_path):
    old = plans_before_2_4()
    configuration = old["configurations"]["3d_fullres"]
    configuration["UNet_class_name"] = "ResidualEncoderUNet"
    folder = save_model(tmp_path, plans=old)
    kinds = {"conv_op": torch.nn.Conv3d, "norm_op": torch.nn.InstanceNorm3d, "nonlin": torch.nn.LeakyReLU}
    described = architecture()["arch_kwargs"]
    blocks = described.pop("n_conv_per_stage")
    network = ResidualEncoderUNet(1, num_classes=4, **{**described, **kinds, "n_blocks_per_stage": blocks})
    weights = {**checkpoint(), "network_weights": network.state_dict()}
    torch.save(weights, folder / "fold_0" / "checkpoint_final.pth")

    found = load(folder)

    assert isinstance(found.module, ResidualEncoderUNet)
    image = torch.ones(1, 1, *found.patch)
    with torch.inference_mode():
        assert torch.equal(found.module(image), network.eval()(image))


def test_a_checkpoint_with_half_precision_weights_is_read(tmp_path):
    folder = save_model(tmp_path)
    half = checkpoint()
    half["network_weights"] = {name: weights.half() for name, weights in half["network_weights"].items()}
    torch.save(half, folder / "fold_0" / "checkpoint_final.pth")

    assert logits(load(folder)).dtype == torch.float32


def official(seed=1):
    """Return a checkpoint with all entries of the nnU-Net trainer: optimizer, log of NumPy scalars, and arguments."""
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
def test_an_official_checkpoint_with_numpy_scalars_is_read(tmp_path, network, numpy_1):
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    torch.save(official(), path)
    if numpy_1:
        rename_numpy(path)
    assert (b"numpy.core.multiarray" in path.read_bytes()) == numpy_1
    with pytest.raises(pickle.UnpicklingError, match="multiarray"):
        torch.load(path, weights_only=True)  # the types that torch permits by default are insufficient

    found = load_checkpoint(path)

    assert found["_best_ema"] == 0.87
    assert found["logging"]["train_losses"][0].tolist() == [0.5, 0.25]
    assert torch.equal(logits(load(folder)), logits(network))


class Evil:
    """An object whose pickle runs a command when loaded."""

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
def test_a_checkpoint_that_contains_code_is_rejected_without_execution(tmp_path, save):
    marker = tmp_path / "touched"
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    save(Evil(marker), path)

    with pytest.raises(ContractError) as refused:
        load(folder)

    assert str(refused.value).startswith(f"{path} is not a safe checkpoint: ")
    assert not marker.exists()


def test_the_checkpoint_would_execute_code_without_the_restriction(tmp_path):
    marker = tmp_path / "touched"
    torch.save(Evil(marker), tmp_path / "evil.pth")

    torch.load(tmp_path / "evil.pth", weights_only=False)

    assert marker.exists()


@pytest.mark.parametrize("name", ["os.system", "torch.nn.functional.torch.os.system"])
def test_plans_with_a_command_are_rejected_without_execution(tmp_path, name):
    marker = tmp_path / "touched"
    evil = architecture(nonlin=name, nonlin_kwargs={"command": f"touch {marker}"})
    folder = save_model(tmp_path, plans=plans(evil))

    with pytest.raises(ContractError, match=r"nonlin must be a class of torch\.nn"):
        load(folder)

    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"network_weights": {}}, "is not an nnU-Net v2 checkpoint: init_args, trainer_name missing"),
        ({}, "is not an nnU-Net v2 checkpoint: network_weights, init_args, trainer_name missing"),
        ([1, 2], "is not an nnU-Net v2 checkpoint"),
        (torch.ones(3), "is not an nnU-Net v2 checkpoint"),
    ],
)
def test_a_file_that_is_not_a_checkpoint_is_rejected(tmp_path, content, words):
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    torch.save(content, path)

    with pytest.raises(ContractError) as refused:
        load(folder)

    assert str(refused.value).startswith(f"{path} {words}")


@pytest.mark.parametrize("content", [b"", b"weights", b"PK\x03\x04"])
def test_a_damaged_checkpoint_is_rejected(tmp_path, content):
    folder = save_model(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.write_bytes(content)

    with pytest.raises(ContractError, match=r"checkpoint_final\.pth is not a safe checkpoint"):
        load(folder)


def test_a_checkpoint_that_does_not_match_its_plans_is_rejected(tmp_path):
    folder = save_model(tmp_path, plans=plans(architecture(features_per_stage=[4, 4])))

    with pytest.raises(ContractError, match="the plans do not match the checkpoint: "):
        load(folder)


def test_a_checkpoint_of_another_configuration_is_rejected(tmp_path):
    folder = save_model(tmp_path)
    other = {**checkpoint(), "init_args": {"configuration": "3d_lowres"}}
    torch.save(other, folder / "fold_0" / "checkpoint_final.pth")

    with pytest.raises(ContractError, match="configuration must be 3d_fullres, found 3d_lowres"):
        load(folder)


def test_a_model_of_regions_is_rejected(tmp_path):
    folder = save_model(tmp_path, dataset=dataset(labels={"background": 0, "kidneys": [1, 2], "tumor": 2}))

    with pytest.raises(ContractError, match=r"dataset\.json: labels must map each structure to one integer"):
        load(folder)


def test_a_model_with_two_channels_is_rejected(tmp_path):
    folder = save_model(tmp_path, dataset=dataset(channel_names={"0": "CT", "1": "PET"}))

    with pytest.raises(ContractError, match=r"the model must have exactly one input channel \(CT\)"):
        load(folder)
