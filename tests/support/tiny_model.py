"""Tiny nnU-Net v2 models and model sets with random weights, in the file formats of `nnUNetv2_train`."""

import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import yaml

STRUCTURES = {"spleen": 1, "kidney_left": 2, "liver": 3}
CONFIGURATION = "3d_fullres"
SPACING_MM = 2.0
PATCH = (16, 12, 20)
FEATURES = (8, 8)
FOLDER_NAME = f"nnUNetTrainer__nnUNetPlans__{CONFIGURATION}"

# A smaller model set in the format of the public weights (five part models at 1.5 mm, one model at 3 mm).
SET_NAME = "tiny_set"
SET_SPACING_MM = 3.0
SET_FEATURES = (8, 8, 8)  # three stages, with two heads of deep supervision
BACKGROUND_BIAS = 0.5  # prevents a part from overwriting all labels of earlier parts
PARTS_TRAINER = "nnUNetTrainerNoMirroring"
WHOLE_TRAINER = "nnUNetTrainer_4000epochs_NoMirroring"
WHOLE_DATASET = "Dataset297_TotalSegmentator_total_3mm_1559subj"
WHOLE_PATCH = (16, 16, 20)


class TinyPart(NamedTuple):
    """A part model, with its folder, its patch (z, y, x), and its structures in the order of their numbers."""

    dataset: str
    patch: tuple[int, int, int]
    structures: tuple[str, ...]


PARTS = (
    TinyPart(
        "Dataset291_TotalSegmentator_part1_organs_1559subj",
        (16, 12, 20),
        ("spleen", "kidney_right", "kidney_left", "liver"),
    ),
    TinyPart(
        "Dataset292_TotalSegmentator_part2_vertebrae_1532subj",
        (12, 16, 16),
        ("sacrum", "vertebrae_L5", "vertebrae_L4", "vertebrae_L3", "vertebrae_L2"),
    ),
    TinyPart("Dataset293_TotalSegmentator_part3_cardiac_1559subj", (20, 12, 12), ("heart", "aorta", "pulmonary_vein")),
    TinyPart("Dataset294_TotalSegmentator_part4_muscles_1559subj", (12, 12, 16), ("hip_left", "hip_right")),
    TinyPart("Dataset295_TotalSegmentator_part5_ribs_1559subj", (16, 16, 12), ("rib_left_1", "rib_right_1", "sternum")),
)


def architecture(features: tuple[int, ...] = FEATURES, **changed: Any) -> dict[str, Any]:
    """Return the network description of the plans; `changed` replaces or adds arguments of its class."""
    stages = len(features)
    arguments = {
        "n_stages": stages,
        "features_per_stage": list(features),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * stages,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        "n_conv_per_stage": [1] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1),
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {**arguments, **changed},
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def plans(network: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    """Return the content of plans.json of nnU-Net 2.4 and later; `changed` replaces top-level entries."""
    resample = "resample_data_or_seg_to_shape"
    linear = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    configuration = {
        "data_identifier": f"nnUNetPlans_{CONFIGURATION}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(PATCH),
        "median_image_size_in_voxels": [float(n) for n in PATCH],
        "spacing": [SPACING_MM] * 3,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": resample,
        "resampling_fn_seg": resample,
        "resampling_fn_data_kwargs": {**linear, "order": 3},
        "resampling_fn_seg_kwargs": {**linear, "is_seg": True},
        "resampling_fn_probabilities": resample,
        "resampling_fn_probabilities_kwargs": linear,
        "architecture": network or architecture(),
        "batch_dice": False,
    }
    intensity = {"max": 1000, "mean": 0, "median": 0, "min": -1000, "std": 300}
    return {
        "dataset_name": "Dataset998_Tiny",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [SPACING_MM] * 3,
        "original_median_shape_after_transp": list(PATCH),
        "image_reader_writer": "NibabelIOWithReorient",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {CONFIGURATION: configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {**intensity, "percentile_00_5": -900, "percentile_99_5": 900}
        },
        **changed,
    }


def plans_before_2_4(features: tuple[int, ...] = FEATURES, **changed: Any) -> dict[str, Any]:
    """Return the same plans in the format before nnU-Net 2.4, which the public weights of TotalSegmentator use.

    `changed` replaces entries of the configuration.
    """
    old = plans()
    configuration = old["configurations"][CONFIGURATION]
    del configuration["architecture"]
    stages = len(features)
    configuration |= {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": features[0],
        "n_conv_per_stage_encoder": [1] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1),
        "num_pool_per_axis": [stages - 1] * 3,
        "pool_op_kernel_sizes": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        "conv_kernel_sizes": [[3, 3, 3]] * stages,
        "unet_max_num_features": features[-1],
        **changed,
    }
    return old


def dataset(**changed: Any) -> dict[str, Any]:
    """Return the content of dataset.json."""
    return {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **STRUCTURES},
        "numTraining": 1,
        "file_ending": ".nii.gz",
        **changed,
    }


def save_json(folder: Path, name: str, values: Any) -> None:
    """Write one of the two JSON files that describe a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(values))


def describe(folder: Path, **described: dict[str, Any]) -> Path:
    """Write plans.json, dataset.json, and a placeholder for the checkpoint."""
    folder = folder / FOLDER_NAME
    save_json(folder, "plans.json", described.get("plans", plans()))
    save_json(folder, "dataset.json", described.get("dataset", dataset()))
    (folder / "fold_0").mkdir(exist_ok=True)
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"weights")
    return folder


def network_of(described: dict[str, Any], classes: int, seed: int) -> Any:
    """Return a network with random weights and the heads of deep supervision, as in training."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return get_network_from_plans(
            described["network_class_name"],
            described["arch_kwargs"],
            described["_kw_requires_import"],
            1,
            classes + 1,
            deep_supervision=True,
        )


def checkpoint(seed: int = 1) -> dict[str, Any]:
    """Return the contents of a checkpoint with random weights."""
    return {
        "network_weights": network_of(architecture(), len(STRUCTURES), seed).state_dict(),
        "optimizer_state": None,
        "grad_scaler_state": None,
        "logging": {},
        "_best_ema": None,
        "current_epoch": 1,
        "init_args": {"configuration": CONFIGURATION, "fold": 0},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": None,
    }


def save_model(folder: Path, seed: int = 1, **described: dict[str, Any]) -> Path:
    """Write a model folder, and return the folder that contains plans.json."""
    import torch

    found = describe(folder, **described)
    torch.save(checkpoint(seed), found / "fold_0" / "checkpoint_final.pth")
    return found


def parts_of_set(parts: int) -> tuple[TinyPart, ...]:
    """Return the first part models of the tiny set, or the model of all structures if `parts` is 1."""
    if parts > 1:
        return PARTS[:parts]
    return (TinyPart(WHOLE_DATASET, WHOLE_PATCH, tuple(name for part in PARTS for name in part.structures)),)


def part_plans(part: TinyPart, number: int, spacing_mm: float) -> dict[str, Any]:
    """Return old plans of a part, with intensities that differ between parts as in the public weights."""
    old = plans_before_2_4(SET_FEATURES, patch_size=list(part.patch), spacing=[spacing_mm] * 3)
    intensity = {"max": 1000.0, "mean": 10.0 * number, "median": 0.0, "min": -1000.0, "std": 300.0 + 25.0 * number}
    return {
        **old,
        "dataset_name": part.dataset,
        "original_median_spacing_after_transp": [spacing_mm] * 3,
        "foreground_intensity_properties_per_channel": {
            "0": {**intensity, "percentile_00_5": -900.0 - number, "percentile_99_5": 900.0 + number}
        },
    }


def part_checkpoint(
    part: TinyPart, number: int, described: dict[str, Any], trainer: str, seed: int = 1
) -> dict[str, Any]:
    """Return the entries that `nnUNetTrainer.save_checkpoint` stores after training on a GPU."""
    import numpy as np
    import torch

    network = network_of(architecture(SET_FEATURES), len(part.structures), 100 * seed + number)
    with torch.no_grad():
        for head in network.decoder.seg_layers:  # centered rows of equal length, so that each class occurs
            head.weight -= head.weight.mean(dim=1, keepdim=True)
            head.weight /= head.weight.norm(dim=1, keepdim=True)
            head.bias[0] += BACKGROUND_BIAS
    optimizer = torch.optim.SGD(network.parameters(), 1e-2, weight_decay=3e-5, momentum=0.99, nesterov=True)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # creates momentum buffers for the checkpoint
    score = np.float64(0.87)
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": optimizer.state_dict(),
        "grad_scaler_state": {
            **{"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5},
            **{"growth_interval": 2000, "_growth_tracker": 100},
        },
        "logging": {
            "mean_fg_dice": [score, score],
            "ema_fg_dice": [score, score],
            "dice_per_class_or_region": [[score] * len(part.structures)] * 2,
            "train_losses": [np.float32(-0.5), np.float32(-0.6)],
            "val_losses": [np.float32(-0.4), np.float32(-0.5)],
            "lrs": [0.01, 0.005],
            "epoch_start_timestamps": [1.69e9, 1.69e9 + 100],
            "epoch_end_timestamps": [1.69e9 + 100, 1.69e9 + 200],
        },
        "_best_ema": score,
        "current_epoch": 2,
        "init_args": {
            "plans": described,
            "configuration": CONFIGURATION,
            "fold": 0,
            "dataset_json": part_dataset(part),
            "unpack_dataset": True,
            "device": torch.device("cuda", 0),
        },
        "trainer_name": trainer,
        "inference_allowed_mirroring_axes": None,
    }


def part_dataset(part: TinyPart) -> dict[str, Any]:
    """Return the content of dataset.json for a part."""
    return dataset(labels={"background": 0, **{name: n for n, name in enumerate(part.structures, start=1)}})


def set_description(parts: int = 5, spacing_mm: float = SET_SPACING_MM, **changed: Any) -> dict[str, Any]:
    """Return the content of the YAML of the tiny set; `changed` replaces top-level entries, or removes them if None."""
    trainer = PARTS_TRAINER if parts > 1 else WHOLE_TRAINER
    described = {
        "description": "A set of tiny models with random weights.",
        "label_set": "structures.csv",
        "step_size": 0.8,
        "resampling": {"spacing_mm": spacing_mm, "order": 1},
        "parts": [
            {
                "folder": f"{part.dataset}/{trainer}__nnUNetPlans__{CONFIGURATION}",
                "trainer": trainer,
                "plans": "nnUNetPlans",
                "configuration": CONFIGURATION,
                "fold": 0,
                "checkpoint": "checkpoint_final.pth",
                "structures": list(part.structures),
            }
            for part in parts_of_set(parts)
        ],
        **changed,
    }
    return {key: value for key, value in described.items() if value is not None}


def describe_set(folder: Path, parts: int = 5, spacing_mm: float = SET_SPACING_MM, **changed: Any) -> Path:
    """Write the YAML, label set, and model folders of the tiny set, with placeholders for the checkpoints.

    Returns the path of the YAML.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described = set_description(parts, spacing_mm, **changed)
    models = set_description(parts, spacing_mm)["parts"]
    for number, (part, model) in enumerate(zip(parts_of_set(parts), models, strict=True)):
        found = folder / model["folder"]
        save_json(found, "plans.json", part_plans(part, number, spacing_mm))
        save_json(found, "dataset.json", part_dataset(part))
        (found / "fold_0").mkdir(exist_ok=True)
        (found / "fold_0" / "checkpoint_final.pth").write_bytes(b"weights")
    names = [name for part in parts_of_set(parts) for name in part.structures]
    sides = [next((side for side in ("left", "right") if side in name.split("_")), "") for name in names]
    rows = [f"{n},{name},{side},group,\n" for n, (name, side) in enumerate(zip(names, sides, strict=True), start=1)]
    (folder / "structures.csv").write_text("label,structure,side,group,lower_bound_ml\n" + "".join(rows))
    path = folder / f"{SET_NAME}.yaml"
    path.write_text(yaml.safe_dump(described, sort_keys=False))
    return path


def save_set(folder: Path, parts: int = 5, spacing_mm: float = SET_SPACING_MM, seed: int = 1, **changed: Any) -> Path:
    """Write a model set with random weights in one folder, and return the path of its YAML.

    With `parts` from 2 to 5, the set contains part models with different patches and class counts, like the public
    1.5 mm weights. With `parts` of 1, it contains one model of all structures, like the public 3 mm weights.
    """
    import torch

    path = describe_set(folder, parts, spacing_mm, **changed)
    trainer = PARTS_TRAINER if parts > 1 else WHOLE_TRAINER
    for number, part in enumerate(parts_of_set(parts)):
        content = part_checkpoint(part, number, part_plans(part, number, spacing_mm), trainer, seed)
        found = folder / part.dataset / f"{trainer}__nnUNetPlans__{CONFIGURATION}"
        torch.save(content, found / "fold_0" / "checkpoint_final.pth")
    return path


def rename_numpy(path: Path) -> None:
    """Change module names in a checkpoint to those of NumPy 1, in which numpy._core was named numpy.core."""
    with zipfile.ZipFile(path) as packed:
        members = {info.filename: packed.read(info) for info in packed.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name, content in members.items():
            packed.writestr(name, content.replace(b"numpy._core", b"numpy.core"))
