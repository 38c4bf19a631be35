"""Tests of the command `convert-v1`: conversion of all tensors of an nnU-Net v1 folder, or rejection with a reason."""

import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from ctpop.cli import main
from ctpop.models import model_folder
from ctpop.stages.segment.v1 import description, keys, tensors, translation
from reference.v1_cases import CASES
from support.v1_model import MODEL, SHAPES, TASK, TRAINER, plans, save_pickle, save_v1
from support.v1_model import tensors as state_of


def convert(task, out):
    """Run the command, and return the model folder."""
    assert main(["convert-v1", str(task), str(out)]) == 0
    [folder] = out.glob("Dataset*/nnUNetTrainer__nnUNetPlans__*")
    return folder


def refusal_of(task, capsys):
    """Return the error message of the command, and check that no file was written."""
    out = task.parent / "out"
    assert main(["convert-v1", str(task), str(out)]) == 1
    assert not list(out.rglob("*.*"))
    return capsys.readouterr().err.removeprefix("error in convert-v1: ").strip()


def fold_of(task, number=0):
    return task / MODEL / f"fold_{number}"


# Output


def test_the_output_is_an_nnunet_v2_model_folder(tmp_path):
    folder = convert(save_v1(tmp_path), tmp_path / "out")

    found = model_folder.described(folder, "3d_fullres")
    assert folder.parent.name == "Dataset998_Tiny"
    assert found.labels == {"label_1": 1, "label_2": 2}
    assert found.configuration["patch_size"] == [8, 12, 8]
    assert model_folder.find_folder(folder.parent) == folder


def test_the_v1_plans_are_converted(tmp_path):
    stage = {"current_spacing": np.array([2.0, 0.8, 0.7]), "batch_size": 3}
    export = {"force_separate_z": False, "interpolation_order": 2, "interpolation_order_z": 1}
    turn = {"transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]}
    folder = convert(save_v1(tmp_path, stage=stage, segmentation_export_params=export, **turn), tmp_path / "out")

    written = json.loads((folder / "plans.json").read_text())
    configuration = written["configurations"]["3d_fullres"]
    known = plans(CASES["stages3"])["dataset_properties"]["intensityproperties"][0]
    assert {key: written[key] for key in turn} == turn
    assert (configuration["spacing"], configuration["batch_size"]) == ([2.0, 0.8, 0.7], 3)
    assert configuration["normalization_schemes"] == ["CTNormalization"]
    assert configuration["use_mask_for_norm"] == [False]
    assert configuration["resampling_fn_data_kwargs"] == {
        **{"is_seg": False, "order": 3, "order_z": 0},
        "force_separate_z": None,
    }
    assert configuration["resampling_fn_probabilities_kwargs"] == {
        **{"is_seg": False, "order": 2, "order_z": 1},
        "force_separate_z": False,
    }
    assert written["foreground_intensity_properties_per_channel"]["0"] == {
        **{
            "mean": known["mean"],
            "std": known["sd"],
            "median": known["median"],
            "min": known["mn"],
            "max": known["mx"],
        },
        **{name: known[name] for name in ("percentile_00_5", "percentile_99_5")},
    }


def test_the_checkpoint_contains_only_tensors_and_plain_values(tmp_path):
    folder = convert(save_v1(tmp_path), tmp_path / "out")

    held = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)

    assert held["init_args"] == {"configuration": "3d_fullres", "fold": 0}
    assert held["optimizer_state"] is None
    assert {type(value) for value in held["network_weights"].values()} == {torch.Tensor}


@pytest.mark.parametrize(
    ("trainer", "axes"),
    [
        ("nnUNetTrainerV2", (0, 1, 2)),
        ("nnUNetTrainerV2_noMirroring", None),
        ("nnUNetTrainerV2_ep4000_nomirror", None),
        ("nnUNetTrainerV2_DA5", (0, 1, 2)),
        ("nnUNetTrainerV2_Loss_DiceTopK10", (0, 1, 2)),
    ],
)
def test_mirroring_is_as_in_v1(trainer, axes, tmp_path):
    folder = convert(save_v1(tmp_path, trainer=trainer), tmp_path / "out")

    held = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    assert held["inference_allowed_mirroring_axes"] == axes


def test_repeated_conversion_results_in_equal_bytes(tmp_path):
    task = save_v1(tmp_path)

    first, second = (convert(task, tmp_path / name) for name in ("one", "two"))

    for path in (path.relative_to(first) for path in first.rglob("*") if path.is_file()):
        assert (first / path).read_bytes() == (second / path).read_bytes(), path


def test_every_fold_is_converted(tmp_path):
    task = save_v1(tmp_path)
    for name in ("fold_3", "all"):
        fold_of(task).rename(task / MODEL / name)
        save_v1(tmp_path)

    folder = convert(task, tmp_path / "out")

    assert sorted(path.name for path in folder.glob("fold_*")) == ["fold_0", "fold_3", "fold_all"]
    held = torch.load(folder / "fold_all" / "checkpoint_final.pth", weights_only=True)
    assert held["init_args"]["fold"] == "all"


def test_the_trainer_folder_is_accepted(tmp_path):
    assert convert(save_v1(tmp_path) / MODEL, tmp_path / "out").parent.name == "Dataset998_Tiny"


def test_a_coarse_stage_is_named_lowres(tmp_path):
    two = plans(CASES["stages3"])["plans_per_stage"][0]
    task = save_v1(tmp_path, plans_per_stage={0: two, 1: two})

    assert convert(task, tmp_path / "out").name.endswith("__3d_lowres")


# Tensors


@pytest.mark.parametrize("name", ["stages2", "stages6", "flat_first", "three_convolutions", "one_convolution", "part1"])
def test_every_tensor_is_converted_and_listed_once(name, tmp_path, capsys):
    folder = convert(save_v1(tmp_path, name), tmp_path / "out")

    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(maxsplit=3) for line in lines[2:-1]]
    network = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    distinct = {tensor.data_ptr(): key for key, tensor in network.items()}
    assert sorted(row[0] for row in rows if row[0] != "-") == sorted(key for key, _ in SHAPES[name])
    assert len({row[2] for row in rows}) == len(rows) == len(distinct)
    assert {row[2] for row in rows} <= set(network)
    for v1, shape, v2, change in rows:
        assert change == "zeros (bias absent in v1)" if v1 == "-" else change.startswith(("copied", "kernel"))
        if v1 == "-":
            assert not network[v2].any()
        if change == "copied":
            assert torch.equal(network[v2], state_of(name)[v1])
            assert shape == "x".join(map(str, network[v2].shape))
    n = len(SHAPES[name])
    assert lines[-1] == (
        f"nnU-Net v1 tensors converted: {n} of {n}; biases present only in nnU-Net v2, set to zero: {len(rows) - n}"
    )


def test_a_flat_kernel_is_padded_if_the_v1_decoder_has_a_cubic_kernel(tmp_path, capsys):
    folder = convert(save_v1(tmp_path, "flat_first"), tmp_path / "out")

    network = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    kernel = network["encoder.stages.0.0.convs.0.conv.weight"]
    assert kernel.shape[2:] == (3, 3, 3)
    assert torch.equal(kernel[:, :, 1:2], state_of("flat_first")["conv_blocks_context.0.blocks.0.conv.weight"])
    assert not kernel[:, :, [0, 2]].any()
    assert "kernel 1x3x3 padded with zeros to 3x3x3" in capsys.readouterr().out
    assert translation.kernels_of([[1, 3, 3], [3, 3, 3], [3, 3, 3]]) == [[3, 3, 3]] * 3
    assert translation.kernels_of([[3, 3, 3], [1, 3, 3], [1, 1, 3]]) == [[3, 3, 3], [1, 3, 3], [1, 1, 3]]


def test_names_of_the_last_v1_block_are_converted():
    assert keys.v2_key("conv_blocks_context.5.1.blocks.0.instnorm.bias", 3) == "encoder.stages.5.0.convs.2.norm.bias"
    assert keys.v2_key("conv_blocks_localization.0.0.blocks.1.conv.bias", 3) == "decoder.stages.0.convs.1.conv.bias"
    assert keys.v2_key("conv_blocks_context.0.blocks.1.conv.weight", 2) == "encoder.stages.0.0.convs.1.conv.weight"
    assert keys.v2_key("seg_outputs.0.bias", 2) is None


def without(state, key):
    return OrderedDict((name, tensor) for name, tensor in state.items() if name != key)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: without(s, "tu.0.weight"), "tensors absent in nnU-Net v1: decoder.transpconvs.0.weight"),
        (
            lambda s: without(s, "conv_blocks_context.1.blocks.0.instnorm.bias"),
            "tensors absent in nnU-Net v1: encoder.stages.1.0.convs.0.norm.bias",
        ),
        (lambda s: {**s, "seg_outputs.0.bias": torch.zeros(3)}, "tensors absent in nnU-Net v2: seg_outputs.0.bias"),
        (lambda s: {**s, "extra": torch.zeros(1)}, "tensors absent in nnU-Net v2: extra"),
        (
            lambda s: {**s, "seg_outputs.1.weight": torch.zeros(4, 4, 1, 1, 1)},
            "seg_outputs.1.weight has shape 4x4x1x1x1, but decoder.seg_layers.1.weight in the plans has 3x4x1x1x1",
        ),
        (
            lambda s: {**s, "conv_blocks_context.0.blocks.0.conv.weight": torch.zeros(4, 1, 1, 3, 3)},
            "conv_blocks_context.0.blocks.0.conv.weight has kernel 1x3x3, but the plans specify 3x3x3",
        ),
        (
            lambda s: {**s, "tu.0.weight": s["tu.0.weight"].half()},
            "must contain float32 tensors with unique names, found tu.0",
        ),
        (lambda s: {**s, "tu.0.weight": [1.0]}, "must contain float32 tensors with unique names, found tu.0.weight"),
        (lambda s: {**s, "module.tu.0.weight": s["tu.0.weight"]}, "must contain float32 tensors with unique names"),
    ],
)
def test_mismatched_tensors_are_rejected(change, expected, tmp_path, capsys):
    task = save_v1(tmp_path, state_dict=change(state_of("stages3")))

    assert expected in refusal_of(task, capsys)


def test_the_prefix_of_parallel_training_is_removed(tmp_path):
    state = OrderedDict((f"module.{key}", tensor) for key, tensor in state_of("stages3").items())
    plain, prefixed = tmp_path / "plain", tmp_path / "prefixed"

    convert(save_v1(plain), plain / "out")
    convert(save_v1(prefixed, state_dict=state), prefixed / "out")

    [first], [second] = (sorted(folder.rglob("*.pth")) for folder in (plain, prefixed))
    assert first.read_bytes() == second.read_bytes()


def test_contradictory_numbers_of_pooling_operations_and_kernels_are_rejected(tmp_path, capsys):
    task = save_v1(tmp_path, stage={"conv_kernel_sizes": [[3, 3, 3]] * 4})

    assert "2 pooling operations require 3 kernels, found 4" in refusal_of(task, capsys)


# Rejected models


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"normalization_schemes": {0: "CT2"}}, "channel 0 is normalized by CT2, which nnU-Net v2 does not support"),
        ({"use_mask_for_norm": {0: True}}, "channel 0 is a CT with use_mask_for_norm, which sets voxels outside"),
        ({"preprocessor_name": "PreprocessorFor2D"}, "preprocessor_name: 'PreprocessorFor2D' is not one of"),
        ({"transpose_forward": [1, 0, 2], "transpose_backward": [2, 0, 1]}, "transpose_backward is not the inverse of"),
        ({"all_classes": [1, 3]}, "all_classes must be 1, 2, … 2, found [1, 3]"),
        ({"stage": {"patch_size": np.array([64, 64])}}, "plans_per_stage.0.patch_size: [64, 64] is too short"),
        ({"stage": {"conv_kernel_sizes": [[5, 5, 5]] * 3}}, "5 is not one of [1, 3]"),
        ({"base_num_features": "32; import os"}, "base_num_features: '32; import os' is not of type 'integer'"),
        ({"stage": {"current_spacing": np.array([np.nan, 1, 1])}}, "'nan' is not of type 'number'"),
        ({"dataset_properties": {"intensityproperties": None}}, "channel 0 is a CT but is not in intensityproperties"),
    ],
)
def test_properties_that_v2_does_not_support_are_rejected(changed, expected, tmp_path, capsys):
    assert expected in refusal_of(save_v1(tmp_path, **changed), capsys)


@pytest.mark.parametrize(
    "trainer",
    [
        *("nnUNetTrainer", "nnUNetTrainerV2_ReLU", "nnUNetTrainerV2_LReLU_slope_2en1", "nnUNetTrainerV2_BN"),
        *("nnUNetTrainerV2CascadeFullRes", "nnUNetTrainerV2BraTSRegions", "nnUNetTrainerV2_ResencUNet_DA3", "Mine"),
    ],
)
def test_trainers_with_a_different_network_are_rejected(trainer, tmp_path, capsys):
    message = refusal_of(save_v1(tmp_path, trainer=trainer), capsys)

    assert f"trainer {trainer} may not use the network of nnUNetTrainerV2" in message


def test_other_normalization_schemes_are_converted(tmp_path):
    schemes = {"normalization_schemes": {0: "nonCT"}, "use_mask_for_norm": OrderedDict({0: True})}
    folder = convert(save_v1(tmp_path, modalities={0: "T1"}, **schemes), tmp_path / "out")

    configuration = json.loads((folder / "plans.json").read_text())["configurations"]["3d_fullres"]
    assert (configuration["normalization_schemes"], configuration["use_mask_for_norm"]) == (
        ["ZScoreNormalization"],
        [True],
    )
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "T1"}
    assert translation.SCHEMES["noNorm"] == "NoNormalization"


def test_contradictory_plans_are_rejected(tmp_path, capsys):
    task = save_v1(tmp_path)
    save_pickle(task / MODEL / "plans.pkl", plans(CASES["stages3"], base_num_features=8))

    assert "differs from" in (message := refusal_of(task, capsys))
    assert "in base_num_features; the files describe different models" in message


def test_a_folder_named_after_another_trainer_is_rejected(tmp_path, capsys):
    task = save_v1(tmp_path)
    (task / MODEL).rename(task / "nnUNetTrainerV2__nnUNetPlansv2.1")

    assert f"was trained by {TRAINER}, but the folder is named nnUNetTrainerV2__" in refusal_of(task, capsys)


def test_folds_with_different_plans_are_rejected(tmp_path, capsys):
    task = save_v1(tmp_path)
    fold_of(task).rename(fold_of(task, 1))
    save_v1(tmp_path)
    held = description.read_pickle(fold_of(task, 1) / "model_final_checkpoint.model.pkl")
    held["plans"]["transpose_forward"] = held["plans"]["transpose_backward"] = [0, 2, 1]
    save_pickle(fold_of(task, 1) / "model_final_checkpoint.model.pkl", held)

    assert main(["convert-v1", str(task), str(tmp_path / "out")]) == 1
    assert "differs from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ("plans.pkl", "must contain one nnU-Net v1 model (a folder TRAINER__PLANS with plans.pkl), found 0"),
        ("fold_0/model_final_checkpoint.model", "contains no fold_0/model_final_checkpoint.model"),
        ("fold_0/model_final_checkpoint.model.pkl", "lacks model_final_checkpoint.model.pkl, which describes"),
    ],
)
def test_a_missing_file_is_reported(excluded, expected, tmp_path, capsys):
    task = save_v1(tmp_path)
    (task / MODEL / excluded).unlink()

    assert expected in refusal_of(task, capsys)


def test_a_task_with_two_models_is_rejected(tmp_path, capsys):
    task = save_v1(tmp_path)
    save_v1(tmp_path, trainer="nnUNetTrainerV2")

    message = refusal_of(task, capsys)
    assert message.endswith(f"found 2: nnUNetTrainerV2__nnUNetPlansv2.1, {MODEL}; specify one of them")


def test_a_model_outside_its_task_folder_is_rejected(tmp_path, capsys):
    task = save_v1(tmp_path, task="Elsewhere")

    assert "must be in the folder of its task, such as Task251_Name/TRAINER__PLANS" in refusal_of(task, capsys)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '{"for_which_classes": [1, [2, 3]]}',
            "only the largest component of classes [1, [2, 3]] is kept, which a model folder of nnU-Net",
        ),
        ("[]", "is not a postprocessing file of nnU-Net v1"),
    ],
)
def test_a_model_with_postprocessing_is_rejected(content, expected, tmp_path, capsys):
    task = save_v1(tmp_path)
    (task / MODEL / "postprocessing.json").write_text(content)

    assert expected in refusal_of(task, capsys)


def test_postprocessing_without_effect_is_accepted(tmp_path):
    task = save_v1(tmp_path)
    (task / MODEL / "postprocessing.json").write_text('{"for_which_classes": []}')

    assert convert(task, tmp_path / "out").is_dir()


class Touch:
    """An object whose pickle creates a folder when loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("file", ["plans.pkl", "fold_0/model_final_checkpoint.model.pkl"])
def test_a_pickle_file_with_code_is_rejected_without_execution(file, tmp_path, capsys):
    task, mark = save_v1(tmp_path), tmp_path / "mark"
    held = description.read_pickle(task / MODEL / file)
    save_pickle(task / MODEL / file, {**held, "extra": Touch(mark)})

    assert "mkdir, which nnU-Net v1 models do not require" in refusal_of(task, capsys)
    assert not mark.exists()
    pickle.loads((task / MODEL / file).read_bytes())
    assert mark.exists()


def test_a_checkpoint_with_code_is_rejected_without_execution(tmp_path, capsys):
    task, mark = save_v1(tmp_path), tmp_path / "mark"
    path = fold_of(task) / "model_final_checkpoint.model"
    torch.save({"state_dict": state_of("stages3"), "extra": Touch(mark)}, path)

    assert "is not a safe checkpoint" in refusal_of(task, capsys)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_checkpoint_without_weights_is_rejected(tmp_path, capsys):
    task = save_v1(tmp_path)
    torch.save({"network_weights": {}}, fold_of(task) / "model_final_checkpoint.model")

    assert "is not a checkpoint of nnU-Net v1: state_dict missing" in refusal_of(task, capsys)


def test_a_checkpoint_with_training_state_is_read():
    held = torch.load(TASK / MODEL / "fold_0" / "model_final_checkpoint.model", weights_only=False)

    assert held["optimizer_state_dict"]["param_groups"]
    assert set(tensors.read_weights(TASK / MODEL / "fold_0" / "model_final_checkpoint.model")) == set(
        held["state_dict"]
    )
