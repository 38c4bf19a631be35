"""Conversion of the description of an nnU-Net v1 model to plans.json and dataset.json of nnU-Net v2."""

from itertools import pairwise
from typing import Any

from ctpop.foundation.errors import ContractError
from ctpop.stages.segment.v1.description import V1Description

MOST_FEATURES = 320  # SOURCE: Generic_UNet.MAX_NUM_FILTERS_3D of nnunet 1.7.1
SCHEMES = {"CT": "CTNormalization", "noNorm": "NoNormalization"}  # v1 interprets any other name as a z-score
RESAMPLING = "resample_data_or_seg_to_shape"
NETWORK_CLASS = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
PLANS_NAME = "nnUNetPlans"
TRAINER = "nnUNetTrainer"  # its network is PlainConvUNet; the checkpoint specifies mirroring
INTENSITIES = {  # names in v1 by name in v2
    "max": "mx",
    "mean": "mean",
    "median": "median",
    "min": "mn",
    "percentile_00_5": "percentile_00_5",
    "percentile_99_5": "percentile_99_5",
    "std": "sd",
}


def plans_of(v1_model: V1Description, dataset_name: str) -> dict[str, Any]:
    """Return the content of plans.json."""
    plans, stage = v1_model.plans, v1_model.stage
    intensities = plans["dataset_properties"]["intensityproperties"] or {}
    return {
        "dataset_name": dataset_name,
        "plans_name": PLANS_NAME,
        "original_median_spacing_after_transp": stage["original_spacing"],
        "original_median_shape_after_transp": stage["median_patient_size_in_voxels"],
        "image_reader_writer": "SimpleITKIO",  # the only reader of v1
        "transpose_forward": plans["transpose_forward"],
        "transpose_backward": plans["transpose_backward"],
        "configurations": {v1_model.configuration: configuration_of(v1_model)},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            channel: {new: known[old] for new, old in INTENSITIES.items()} for channel, known in intensities.items()
        },
        "converted_from": f"nnU-Net v1, trainer {v1_model.trainer}",
    }


def configuration_of(v1_model: V1Description) -> dict[str, Any]:
    """Return the only configuration of plans.json.

    v1 resamples an image by cubic splines, and along a coarse axis by nearest neighbors (`GenericPreprocessor`).
    """
    plans, stage = v1_model.plans, v1_model.stage
    channels = sorted(plans["normalization_schemes"], key=int)
    schemes = [plans["normalization_schemes"][channel] for channel in channels]
    export = plans["segmentation_export_params"]
    image = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
    logits = {
        "is_seg": False,
        "order": export["interpolation_order"],
        "order_z": export["interpolation_order_z"],
        "force_separate_z": export["force_separate_z"],
    }
    return {
        "data_identifier": f"{PLANS_NAME}_{v1_model.configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": stage["batch_size"],
        "patch_size": stage["patch_size"],
        "median_image_size_in_voxels": stage["median_patient_size_in_voxels"],
        "spacing": stage["current_spacing"],
        "normalization_schemes": [SCHEMES.get(scheme, "ZScoreNormalization") for scheme in schemes],
        "use_mask_for_norm": [bool(plans["use_mask_for_norm"].get(channel)) for channel in channels],
        "resampling_fn_data": RESAMPLING,
        "resampling_fn_seg": RESAMPLING,
        "resampling_fn_data_kwargs": image,
        "resampling_fn_seg_kwargs": {**image, "is_seg": True, "order": 1},
        "resampling_fn_probabilities": RESAMPLING,
        "resampling_fn_probabilities_kwargs": logits,
        "architecture": architecture_of(v1_model),
        "batch_dice": False,
    }


def architecture_of(v1_model: V1Description) -> dict[str, Any]:
    """Return the v2 description of the v1 network, the `Generic_UNet` of nnUNetTrainerV2."""
    stage = v1_model.stage
    pools, convolutions = stage["pool_op_kernel_sizes"], convolutions_of(v1_model)
    first = v1_model.plans["base_num_features"]
    return {
        "network_class_name": NETWORK_CLASS,
        "arch_kwargs": {
            "n_stages": len(pools) + 1,
            "features_per_stage": [min(first * 2**depth, MOST_FEATURES) for depth in range(len(pools) + 1)],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": kernels_of(stage["conv_kernel_sizes"]),
            "strides": [[1, 1, 1], *pools],
            "n_conv_per_stage": convolutions,
            "n_conv_per_stage_decoder": [convolutions[-1]] * len(pools),
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"negative_slope": 0.01, "inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def kernels_of(kernels: list[list[int]]) -> list[list[int]]:
    """Return the kernel of each stage of v2, which must contain two kernels of v1.

    At each resolution, the v1 decoder uses the kernel of the next coarser stage of the encoder, whereas the v2 decoder
    uses the kernel of the same stage. If these kernels differ, as in anisotropic models, the larger size along each
    axis is used in v2. The smaller kernel of v1 is padded with zeros, which does not change the result.
    """
    return [*([max(edges) for edges in zip(*pair, strict=True)] for pair in pairwise(kernels)), kernels[-1]]


def convolutions_of(v1_model: V1Description) -> list[int]:
    """Return the number of convolutions in each stage of the encoder.

    In the last stage of the encoder and in the decoder, v1 places the last convolution in a separate block, and the
    first block contains at least one convolution.
    """
    wanted: int = v1_model.plans["conv_per_stage"]
    return [wanted] * len(v1_model.stage["pool_op_kernel_sizes"]) + [max(wanted - 1, 1) + 1]


def dataset_of(v1_model: V1Description, names: list[str] | None) -> dict[str, Any]:
    """Return the content of dataset.json.

    A v1 model contains only numbers of structures; `names` are the structure names in the order of these numbers.

    Raises
    ------
    ContractError
        If the number of names differs from the number of structures.

    """
    numbers = v1_model.plans["all_classes"]
    names = names or [f"label_{number}" for number in numbers]
    if len(names) != len(numbers):
        raise ContractError(
            f"plans.pkl: the number of structures ({len(numbers)}) differs from the number of names ({len(names)})"
        )
    return {
        "channel_names": {channel: str(name) for channel, name in v1_model.plans["modalities"].items()},
        "labels": {"background": 0, **dict(zip(names, numbers, strict=True))},
        "numTraining": 0,
        "file_ending": ".nii.gz",
    }
