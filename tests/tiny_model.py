"""Tiny nnU-Net v2 models with random weights, in the files that `nnUNetv2_train` writes."""

import json
import zipfile
from pathlib import Path
from typing import Any

STRUCTURES = {"spleen": 1, "kidney_left": 2, "liver": 3}
CONFIGURATION = "3d_fullres"
SPACING_MM = 2.0
PATCH = (16, 12, 20)
FEATURES = (8, 8)
FOLDER_NAME = f"nnUNetTrainer__nnUNetPlans__{CONFIGURATION}"


def architecture(**changed: Any) -> dict[str, Any]:
    """Return the network of the plans; `changed` replaces or adds arguments of its class."""
    stages = len(FEATURES)
    arguments = {
        "n_stages": stages,
        "features_per_stage": list(FEATURES),
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
    """Return plans.json, as of nnU-Net 2.4 and later; `changed` replaces entries at the top."""
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


def plans_before_2_4() -> dict[str, Any]:
    """Return the same plans as nnU-Net wrote them before 2.4, and as TotalSegmentator's public weights have them."""
    new = plans()
    configuration = new["configurations"][CONFIGURATION]
    del configuration["architecture"]
    stages = len(FEATURES)
    configuration |= {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": FEATURES[0],
        "n_conv_per_stage_encoder": [1] * stages,
        "n_conv_per_stage_decoder": [1] * (stages - 1),
        "num_pool_per_axis": [stages - 1] * 3,
        "pool_op_kernel_sizes": [[1, 1, 1]] + [[2, 2, 2]] * (stages - 1),
        "conv_kernel_sizes": [[3, 3, 3]] * stages,
        "unet_max_num_features": FEATURES[-1],
    }
    return new


def dataset(**changed: Any) -> dict[str, Any]:
    """Return dataset.json."""
    return {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **STRUCTURES},
        "numTraining": 1,
        "file_ending": ".nii.gz",
        **changed,
    }


def save_json(folder: Path, name: str, values: Any) -> None:
    """Write one of the two descriptions of a model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(values))


def describe(folder: Path, **described: dict[str, Any]) -> Path:
    """Write plans.json and dataset.json, and a file in the place of the checkpoint."""
    folder = folder / FOLDER_NAME
    save_json(folder, "plans.json", described.get("plans", plans()))
    save_json(folder, "dataset.json", described.get("dataset", dataset()))
    (folder / "fold_0").mkdir(exist_ok=True)
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"weights")
    return folder


def checkpoint(seed: int = 1) -> dict[str, Any]:
    """Return the contents of a checkpoint with weights drawn at random."""
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    network = architecture()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = get_network_from_plans(
            network["network_class_name"],
            network["arch_kwargs"],
            network["_kw_requires_import"],
            1,
            len(STRUCTURES) + 1,
            deep_supervision=True,
        )
    return {
        "network_weights": built.state_dict(),
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
    """Write a model folder, and return the folder that holds plans.json."""
    import torch

    found = describe(folder, **described)
    torch.save(checkpoint(seed), found / "fold_0" / "checkpoint_final.pth")
    return found


def rename_numpy(path: Path) -> None:
    """Rewrite a checkpoint as NumPy 1 would have pickled it: its modules were not called numpy._core yet."""
    with zipfile.ZipFile(path) as packed:
        members = {info.filename: packed.read(info) for info in packed.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name, content in members.items():
            packed.writestr(name, content.replace(b"numpy._core", b"numpy.core"))
