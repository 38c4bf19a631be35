"""A folder of nnU-Net v1 becomes one of v2, with every tensor accounted for, or is refused with the reason."""

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
    """Return the model folder that the command writes."""
    assert main(["convert-v1", str(task), str(out)]) == 0
    [folder] = out.glob("Dataset*/nnUNetTrainer__nnUNetPlans__*")
    return folder


def refusal_of(task, capsys):
    """Return what the command says instead of converting, and see that it wrote nothing."""
    out = task.parent / "out"
    assert main(["convert-v1", str(task), str(out)]) == 1
    assert not list(out.rglob("*.*"))
    return capsys.readouterr().err.removeprefix("error in convert-v1: ").strip()


def fold_of(task, number=0):
    return task / MODEL / f"fold_{number}"


# What is written


def test_the_folder_is_a_model_of_nnunet_v2(tmp_path):
    folder = convert(save_v1(tmp_path), tmp_path / "out")

    told = model_folder.described(folder, "3d_fullres")
    assert folder.parent.name == "Dataset998_Tiny"
    assert told.labels == {"label_1": 1, "label_2": 2}
    assert told.configuration["patch_size"] == [8, 12, 8]
    assert model_folder.find_folder(folder.parent) == folder


def test_every_promise_of_the_v1_plans_is_carried_over(tmp_path):
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


def test_the_checkpoint_holds_tensors_and_plain_values_only(tmp_path):
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
def test_prediction_mirrors_where_v1_did(trainer, axes, tmp_path):
    folder = convert(save_v1(tmp_path, trainer=trainer), tmp_path / "out")

    held = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    assert held["inference_allowed_mirroring_axes"] == axes


def test_the_same_folder_gives_the_same_bytes(tmp_path):
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


def test_the_folder_of_the_trainer_can_be_named_itself(tmp_path):
    assert convert(save_v1(tmp_path) / MODEL, tmp_path / "out").parent.name == "Dataset998_Tiny"


def test_a_coarse_stage_is_called_lowres(tmp_path):
    two = plans(CASES["stages3"])["plans_per_stage"][0]
    task = save_v1(tmp_path, plans_per_stage={0: two, 1: two})

    assert convert(task, tmp_path / "out").name.endswith("__3d_lowres")


# Each tensor


@pytest.mark.parametrize("name", ["stages2", "stages6", "flat_first", "three_convolutions", "one_convolution", "part1"])
def test_every_tensor_stands_in_the_table_once_and_none_is_left_over(name, tmp_path, capsys):
    folder = convert(save_v1(tmp_path, name), tmp_path / "out")

    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(maxsplit=3) for line in lines[2:-1]]
    network = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    distinct = {tensor.data_ptr(): key for key, tensor in network.items()}
    assert sorted(row[0] for row in rows if row[0] != "-") == sorted(key for key, _ in SHAPES[name])
    assert len({row[2] for row in rows}) == len(rows) == len(distinct)
    assert {row[2] for row in rows} <= set(network)
    for v1, shape, v2, change in rows:
        assert change == "zeros: v1 has no such bias" if v1 == "-" else change.startswith(("copied", "kernel"))
        if v1 == "-":
            assert not network[v2].any()
        if change == "copied":
            assert torch.equal(network[v2], state_of(name)[v1])
            assert shape == "x".join(map(str, network[v2].shape))
    n = len(SHAPES[name])
    assert lines[-1].startswith(f"{n} of {n} tensors of nnU-Net v1 placed; {len(rows) - n} biases")


def test_a_flat_kernel_lies_between_zeros_where_the_decoder_of_v1_has_a_cube(tmp_path, capsys):
    folder = convert(save_v1(tmp_path, "flat_first"), tmp_path / "out")

    network = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)["network_weights"]
    kernel = network["encoder.stages.0.0.convs.0.conv.weight"]
    assert kernel.shape[2:] == (3, 3, 3)
    assert torch.equal(kernel[:, :, 1:2], state_of("flat_first")["conv_blocks_context.0.blocks.0.conv.weight"])
    assert not kernel[:, :, [0, 2]].any()
    assert "kernel 1x3x3 between zeros in 3x3x3" in capsys.readouterr().out
    assert translation.kernels_of([[1, 3, 3], [3, 3, 3], [3, 3, 3]]) == [[3, 3, 3]] * 3
    assert translation.kernels_of([[3, 3, 3], [1, 3, 3], [1, 1, 3]]) == [[3, 3, 3], [1, 3, 3], [1, 1, 3]]


def test_names_follow_the_halves_of_v1s_last_block():
    assert keys.v2_key("conv_blocks_context.5.1.blocks.0.instnorm.bias", 3) == "encoder.stages.5.0.convs.2.norm.bias"
    assert keys.v2_key("conv_blocks_localization.0.0.blocks.1.conv.bias", 3) == "decoder.stages.0.convs.1.conv.bias"
    assert keys.v2_key("conv_blocks_context.0.blocks.1.conv.weight", 2) == "encoder.stages.0.0.convs.1.conv.weight"
    assert keys.v2_key("seg_outputs.0.bias", 2) is None


def without(state, key):
    return OrderedDict((name, tensor) for name, tensor in state.items() if name != key)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: without(s, "tu.0.weight"), "nnU-Net v1 lacks decoder.transpconvs.0.weight"),
        (
            lambda s: without(s, "conv_blocks_context.1.blocks.0.instnorm.bias"),
            "nnU-Net v1 lacks encoder.stages.1.0.convs.0.norm.bias",
        ),
        (lambda s: {**s, "seg_outputs.0.bias": torch.zeros(3)}, "nnU-Net v2 has no place for seg_outputs.0.bias"),
        (lambda s: {**s, "extra": torch.zeros(1)}, "nnU-Net v2 has no place for extra"),
        (
            lambda s: {**s, "seg_outputs.1.weight": torch.zeros(4, 4, 1, 1, 1)},
            "seg_outputs.1.weight has shape 4x4x1x1x1, but decoder.seg_layers.1.weight of the plans has 3x4x1x1x1",
        ),
        (
            lambda s: {**s, "conv_blocks_context.0.blocks.0.conv.weight": torch.zeros(4, 1, 1, 3, 3)},
            "conv_blocks_context.0.blocks.0.conv.weight has kernel 1x3x3, but the plans say 3x3x3",
        ),
        (
            lambda s: {**s, "tu.0.weight": s["tu.0.weight"].half()},
            "must hold tensors of float32, each once, found tu.0",
        ),
        (lambda s: {**s, "tu.0.weight": [1.0]}, "must hold tensors of float32, each once, found tu.0.weight"),
        (lambda s: {**s, "module.tu.0.weight": s["tu.0.weight"]}, "must hold tensors of float32, each once"),
    ],
)
def test_a_tensor_too_many_too_few_or_of_another_shape_is_refused(change, told, tmp_path, capsys):
    task = save_v1(tmp_path, state_dict=change(state_of("stages3")))

    assert told in refusal_of(task, capsys)


def test_a_prefix_of_parallel_training_is_taken_off(tmp_path):
    state = OrderedDict((f"module.{key}", tensor) for key, tensor in state_of("stages3").items())
    plain, prefixed = tmp_path / "plain", tmp_path / "prefixed"

    convert(save_v1(plain), plain / "out")
    convert(save_v1(prefixed, state_dict=state), prefixed / "out")

    [first], [second] = (sorted(folder.rglob("*.pth")) for folder in (plain, prefixed))
    assert first.read_bytes() == second.read_bytes()


def test_kernels_of_v2_are_told_where_poolings_and_kernels_disagree(tmp_path, capsys):
    task = save_v1(tmp_path, stage={"conv_kernel_sizes": [[3, 3, 3]] * 4})

    assert "2 poolings need 3 kernels, found 4" in refusal_of(task, capsys)


# What is refused


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"normalization_schemes": {0: "CT2"}}, "channel 0 is normalised by CT2, which nnU-Net v2 does not have"),
        ({"use_mask_for_norm": {0: True}}, "channel 0 is a CT with use_mask_for_norm, which sets what lies outside"),
        ({"preprocessor_name": "PreprocessorFor2D"}, "preprocessor_name: 'PreprocessorFor2D' is not one of"),
        ({"transpose_forward": [1, 0, 2], "transpose_backward": [2, 0, 1]}, "transpose_backward does not undo"),
        ({"all_classes": [1, 3]}, "all_classes must be 1, 2, … 2, found [1, 3]"),
        ({"stage": {"patch_size": np.array([64, 64])}}, "plans_per_stage.0.patch_size: [64, 64] is too short"),
        ({"stage": {"conv_kernel_sizes": [[5, 5, 5]] * 3}}, "5 is not one of [1, 3]"),
        ({"base_num_features": "32; import os"}, "base_num_features: '32; import os' is not of type 'integer'"),
        ({"stage": {"current_spacing": np.array([np.nan, 1, 1])}}, "'nan' is not of type 'number'"),
        ({"dataset_properties": {"intensityproperties": None}}, "intensityproperties does not know it"),
    ],
)
def test_what_v2_cannot_express_is_told(changed, told, tmp_path, capsys):
    assert told in refusal_of(save_v1(tmp_path, **changed), capsys)


@pytest.mark.parametrize(
    "trainer",
    [
        *("nnUNetTrainer", "nnUNetTrainerV2_ReLU", "nnUNetTrainerV2_LReLU_slope_2en1", "nnUNetTrainerV2_BN"),
        *("nnUNetTrainerV2CascadeFullRes", "nnUNetTrainerV2BraTSRegions", "nnUNetTrainerV2_ResencUNet_DA3", "Mine"),
    ],
)
def test_trainers_whose_network_is_another_are_refused(trainer, tmp_path, capsys):
    told = refusal_of(save_v1(tmp_path, trainer=trainer), capsys)

    assert f"the network of trainer {trainer} is not known to be that of nnUNetTrainerV2" in told


def test_other_normalisations_are_carried_over(tmp_path):
    schemes = {"normalization_schemes": {0: "nonCT"}, "use_mask_for_norm": OrderedDict({0: True})}
    folder = convert(save_v1(tmp_path, modalities={0: "T1"}, **schemes), tmp_path / "out")

    configuration = json.loads((folder / "plans.json").read_text())["configurations"]["3d_fullres"]
    assert (configuration["normalization_schemes"], configuration["use_mask_for_norm"]) == (
        ["ZScoreNormalization"],
        [True],
    )
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "T1"}
    assert translation.SCHEMES["noNorm"] == "NoNormalization"


def test_plans_beside_the_checkpoint_must_be_those_of_the_model(tmp_path, capsys):
    task = save_v1(tmp_path)
    save_pickle(task / MODEL / "plans.pkl", plans(CASES["stages3"], base_num_features=8))

    assert "differs from" in (told := refusal_of(task, capsys))
    assert "in base_num_features; the files are of two models" in told


def test_a_folder_named_after_another_trainer_is_refused(tmp_path, capsys):
    task = save_v1(tmp_path)
    (task / MODEL).rename(task / "nnUNetTrainerV2__nnUNetPlansv2.1")

    assert f"was trained by {TRAINER}, but the folder is named nnUNetTrainerV2__" in refusal_of(task, capsys)


def test_folds_of_other_plans_are_refused(tmp_path, capsys):
    task = save_v1(tmp_path)
    fold_of(task).rename(fold_of(task, 1))
    save_v1(tmp_path)
    held = description.read_pickle(fold_of(task, 1) / "model_final_checkpoint.model.pkl")
    held["plans"]["transpose_forward"] = held["plans"]["transpose_backward"] = [0, 2, 1]
    save_pickle(fold_of(task, 1) / "model_final_checkpoint.model.pkl", held)

    assert main(["convert-v1", str(task), str(tmp_path / "out")]) == 1
    assert "differs from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("excluded", "told"),
    [
        ("plans.pkl", "one model of nnU-Net v1 (a folder TRAINER__PLANS with plans.pkl) is expected, found 0"),
        ("fold_0/model_final_checkpoint.model", "has no fold_0/model_final_checkpoint.model"),
        ("fold_0/model_final_checkpoint.model.pkl", "lacks model_final_checkpoint.model.pkl, which says what"),
    ],
)
def test_a_missing_file_is_told(excluded, told, tmp_path, capsys):
    task = save_v1(tmp_path)
    (task / MODEL / excluded).unlink()

    assert told in refusal_of(task, capsys)


def test_two_models_in_one_task_have_to_be_told_apart(tmp_path, capsys):
    task = save_v1(tmp_path)
    save_v1(tmp_path, trainer="nnUNetTrainerV2")

    told = refusal_of(task, capsys)
    assert told.endswith(f"found 2: nnUNetTrainerV2__nnUNetPlansv2.1, {MODEL}; name one of them")


def test_a_model_outside_of_its_task_is_refused(tmp_path, capsys):
    task = save_v1(tmp_path, task="Elsewhere")

    assert "must lie in the folder of its task, as Task251_Name/TRAINER__PLANS" in refusal_of(task, capsys)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            '{"for_which_classes": [1, [2, 3]]}',
            "keeps the largest part of classes [1, [2, 3]]; a model folder of nnU-Net",
        ),
        ("[]", "is no postprocessing of nnU-Net v1"),
    ],
)
def test_postprocessing_is_no_part_of_a_model_of_v2(content, told, tmp_path, capsys):
    task = save_v1(tmp_path)
    (task / MODEL / "postprocessing.json").write_text(content)

    assert told in refusal_of(task, capsys)


def test_postprocessing_that_does_nothing_is_no_hindrance(tmp_path):
    task = save_v1(tmp_path)
    (task / MODEL / "postprocessing.json").write_text('{"for_which_classes": []}')

    assert convert(task, tmp_path / "out").is_dir()


class Touch:
    """Pickles to a call that leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("file", ["plans.pkl", "fold_0/model_final_checkpoint.model.pkl"])
def test_a_pickle_with_code_is_refused_and_not_run(file, tmp_path, capsys):
    task, mark = save_v1(tmp_path), tmp_path / "mark"
    held = description.read_pickle(task / MODEL / file)
    save_pickle(task / MODEL / file, {**held, "extra": Touch(mark)})

    assert "mkdir, which a model of nnU-Net v1 does not need" in refusal_of(task, capsys)
    assert not mark.exists()
    pickle.loads((task / MODEL / file).read_bytes())
    assert mark.exists()


def test_a_checkpoint_with_code_is_refused_and_not_run(tmp_path, capsys):
    task, mark = save_v1(tmp_path), tmp_path / "mark"
    path = fold_of(task) / "model_final_checkpoint.model"
    torch.save({"state_dict": state_of("stages3"), "extra": Touch(mark)}, path)

    assert "refused as a checkpoint" in refusal_of(task, capsys)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_checkpoint_without_weights_is_refused(tmp_path, capsys):
    task = save_v1(tmp_path)
    torch.save({"network_weights": {}}, fold_of(task) / "model_final_checkpoint.model")

    assert "is no checkpoint of nnU-Net v1, it lacks state_dict" in refusal_of(task, capsys)


def test_the_model_that_v1_itself_saved_is_read_with_what_training_left_in_it():
    held = torch.load(TASK / MODEL / "fold_0" / "model_final_checkpoint.model", weights_only=False)

    assert held["optimizer_state_dict"]["param_groups"]
    assert set(tensors.read_weights(TASK / MODEL / "fold_0" / "model_final_checkpoint.model")) == set(
        held["state_dict"]
    )
