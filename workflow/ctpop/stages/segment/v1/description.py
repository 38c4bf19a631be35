"""The description of an nnU-Net v1 model in its pickle files: a stage of its plans as plain values, and its trainer.

A v1 folder describes a model in plans.pkl and in a file next to each checkpoint, which is used for prediction. Both
descriptions must agree.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import filled_in, problems_of
from ctpop.foundation.resources import resource
from ctpop.stages.segment.v1.unpickling import read_pickle

SCHEMA_PATH = resource("schemas", "nnunet_v1.schema.yaml")
CHECKPOINT = "model_final_checkpoint.model"
# Variants of nnUNetTrainerV2 in nnunet 1.7.1 and in the fork of TotalSegmentator that change only the training. Other
# variants change the network in ways that its tensors do not show: the slope of the nonlinearity or the layer order.
TRAINER = re.compile(
    r"nnUNetTrainerV2(_(ep\d+|\d+epochs|nomirror|noMirroring|noDA|DA[235]|insaneDA|independentScalePerAxis|fullEvals"
    r"|fp16|warmup|momentum\d+|cycleAtEnd|Loss_[A-Za-z0-9]+|focalLoss))*"
)
WITHOUT_MIRRORING = re.compile(r"_(nomirror|noMirroring|noDA)(_|$)")
STAGE_ARGUMENT = 5  # arguments of a trainer: plans, fold, output folder, data, batch dice, stage, …


@dataclass(frozen=True)
class V1Description:
    """An nnU-Net v1 model; `plans` and `stage` contain only checked numbers, text, lists, and dictionaries."""

    trainer: str
    configuration: str
    plans: dict[str, Any]
    stage: dict[str, Any]

    @property
    def mirrors(self) -> bool:
        """Return whether prediction can average over mirrored images."""
        return not WITHOUT_MIRRORING.search(self.trainer)


def describe(folder: Path, fold: Path) -> V1Description:
    """Read the description of one fold of a model folder.

    Raises
    ------
    ContractError
        If a pickle file is rejected, is incomplete, contradicts the other file or the name of the folder, or describes
        a model that nnU-Net v2 cannot represent.

    """
    path = fold / f"{CHECKPOINT}.pkl"
    beside = plain(read_pickle(path), path)
    check("checkpoint", beside, path)
    trainer = _trainer(beside["name"], folder, path)
    plans = _checked_plans(beside["plans"], path)
    checked_plans = _checked_plans(plain(read_pickle(folder / "plans.pkl"), folder / "plans.pkl"), folder / "plans.pkl")
    differing = [key for key in plans if plans[key] != checked_plans[key]]
    if differing:
        raise ContractError(
            f"{path} differs from {folder / 'plans.pkl'} in {', '.join(differing)}; the files describe different models"
        )
    stages = plans["plans_per_stage"]
    number = _stage(beside["init"], stages, path)
    refuse_what_v2_lacks(plans, path)
    pools, kernels = (len(stages[number][key]) for key in ("pool_op_kernel_sizes", "conv_kernel_sizes"))
    if kernels != pools + 1:
        raise ContractError(f"{path}: {pools} pooling operations require {pools + 1} kernels, found {kernels}")
    configuration = "3d_fullres" if number == max(stages, key=int) else "3d_lowres"
    return V1Description(trainer, configuration, plans, stages[number])


def plain(values: Any, path: Path) -> Any:
    """Convert values to JSON types, with lists for arrays, tuples, and sets, and text for keys.

    Raises
    ------
    ContractError
        If a value has another type.

    """
    if isinstance(values, Mapping):
        return {str(key): plain(value, path) for key, value in values.items()}
    if isinstance(values, np.ndarray | np.generic):
        return plain(values.tolist(), path)
    if isinstance(values, list | tuple):
        return [plain(value, path) for value in values]
    if isinstance(values, set | frozenset):
        return sorted((plain(value, path) for value in values), key=str)
    if values is None or isinstance(values, str | bool | int):
        return values
    if isinstance(values, float):
        return values if math.isfinite(values) else str(values)  # the schema rejects this text in numeric fields
    raise ContractError(f"{path} must contain only numbers, text, and lists, found {type(values).__name__}")


def check(kind: str, values: Any, path: Path) -> None:
    """Reject a description that does not match the definition of its type in `nnunet_v1.schema.yaml`.

    Raises
    ------
    ContractError
        With one line per invalid entry.

    """
    problems = sorted(set(problems_of({**_schema(), "$ref": f"#/$defs/{kind}"}, values)))
    if problems:
        raise ContractError(f"{path} cannot be converted:\n" + "\n".join(f"  {line}" for line in problems))


def refuse_what_v2_lacks(plans: dict[str, Any], path: Path) -> None:
    """Reject a model whose images nnU-Net v2 would preprocess differently from v1.

    Raises
    ------
    ContractError
        With the property that v2 does not support.

    """
    for channel, scheme in plans["normalization_schemes"].items():
        if scheme == "CT2":
            raise ContractError(f"{path}: channel {channel} is normalized by CT2, which nnU-Net v2 does not support")
        if scheme == "CT" and plans["use_mask_for_norm"].get(channel):
            raise ContractError(
                f"{path}: channel {channel} is a CT with use_mask_for_norm, which sets voxels outside the mask to 0;"
                " CTNormalization of nnU-Net v2 does not"
            )
        if scheme == "CT" and channel not in (plans["dataset_properties"]["intensityproperties"] or {}):
            raise ContractError(f"{path}: channel {channel} is a CT but is not in intensityproperties")
    if [plans["transpose_forward"][axis] for axis in plans["transpose_backward"]] != [0, 1, 2]:
        raise ContractError(f"{path}: transpose_backward is not the inverse of transpose_forward")
    if plans["all_classes"] != list(range(1, plans["num_classes"] + 1)):
        raise ContractError(f"{path}: all_classes must be 1, 2, … {plans['num_classes']}, found {plans['all_classes']}")


def _checked_plans(plans: Any, path: Path) -> dict[str, Any]:
    check("plans", plans, path)
    known = _schema()["$defs"]["plans"]
    whole: dict[str, Any] = filled_in(known, plans)
    return {key: whole[key] for key in known["properties"]}


def _trainer(name: str, folder: Path, path: Path) -> str:
    if folder.name.split("__")[0] != name:
        raise ContractError(
            f"{path} was trained by {name}, but the folder is named {folder.name}. Rename the folder to"
            f" {name}__nnUNetPlansv2.1, the name in nnU-Net v1"
        )
    if not TRAINER.fullmatch(name):
        raise ContractError(
            f"{path}: trainer {name} may not use the network of nnUNetTrainerV2; trainers that change the network,"
            " cascades, and regions cannot be converted"
        )
    return name


def _stage(init: list[Any], stages: dict[str, Any], path: Path) -> str:
    """Return the key of the stage of a trainer."""
    wanted = init[STAGE_ARGUMENT] if len(init) > STAGE_ARGUMENT else None
    if wanted is None and len(stages) == 1:
        return next(iter(stages))
    if str(wanted) not in stages:
        raise ContractError(f"{path}: stage {wanted} is not in the plans, which contain {', '.join(stages)}")
    return str(wanted)


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = yaml.safe_load(SCHEMA_PATH.read_text(encoding="utf-8"))
    return schema
