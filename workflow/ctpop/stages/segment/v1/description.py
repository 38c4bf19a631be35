"""What the pickles of an nnU-Net v1 model say: one stage of its plans, as plain values, and its trainer.

A v1 folder describes a model twice: in plans.pkl, and beside every checkpoint, where prediction reads it. Both must
agree.
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
# Variants of nnUNetTrainerV2 in nnunet 1.7.1, and of TotalSegmentator's fork, that change training and nothing else.
# Others change the network in ways that its tensors do not show: the slope of the nonlinearity, or the order of layers.
TRAINER = re.compile(
    r"nnUNetTrainerV2(_(ep\d+|\d+epochs|nomirror|noMirroring|noDA|DA[235]|insaneDA|independentScalePerAxis|fullEvals"
    r"|fp16|warmup|momentum\d+|cycleAtEnd|Loss_[A-Za-z0-9]+|focalLoss))*"
)
WITHOUT_MIRRORING = re.compile(r"_(nomirror|noMirroring|noDA)(_|$)")
STAGE_ARGUMENT = 5  # of a trainer: plans, fold, output folder, data, batch dice, stage, …


@dataclass(frozen=True)
class V1Description:
    """An nnU-Net v1 model: `plans` and `stage` hold plain numbers, text, lists and dictionaries, checked."""

    trainer: str
    configuration: str
    plans: dict[str, Any]
    stage: dict[str, Any]

    @property
    def mirrors(self) -> bool:
        """Whether prediction may average over mirrored images."""
        return not WITHOUT_MIRRORING.search(self.trainer)


def describe(folder: Path, fold: Path) -> V1Description:
    """Return what a model folder says of one of its folds.

    Raises
    ------
    ContractError
        If a pickle is refused, lacks something, contradicts the other one or the folder's name, or describes a model
        that nnU-Net v2 cannot express.

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
            f"{path}: differs from {folder / 'plans.pkl'} in {', '.join(differing)}; the files are of two models"
        )
    stages = plans["plans_per_stage"]
    number = _stage(beside["init"], stages, path)
    refuse_what_v2_lacks(plans, path)
    pools, kernels = (len(stages[number][key]) for key in ("pool_op_kernel_sizes", "conv_kernel_sizes"))
    if kernels != pools + 1:
        raise ContractError(f"{path}: {pools} poolings need {pools + 1} kernels, found {kernels}")
    configuration = "3d_fullres" if number == max(stages, key=int) else "3d_lowres"
    return V1Description(trainer, configuration, plans, stages[number])


def plain(values: Any, path: Path) -> Any:
    """Return values with lists for arrays, tuples and sets, and text for the keys, as JSON would have them.

    Raises
    ------
    ContractError
        If a number is not finite or a value is of another kind.

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
        return values if math.isfinite(values) else str(values)  # refused by the schema wherever it matters
    raise ContractError(f"{path}: numbers, text and lists are expected, found {type(values).__name__}")


def check(kind: str, values: Any, path: Path) -> None:
    """Refuse a description that lacks what `nnunet_v1.schema.yaml` says of its kind.

    Raises
    ------
    ContractError
        With one line per entry.

    """
    problems = sorted(set(problems_of({**_schema(), "$ref": f"#/$defs/{kind}"}, values)))
    if problems:
        raise ContractError(f"{path}: cannot be converted:\n" + "\n".join(f"  {line}" for line in problems))


def refuse_what_v2_lacks(plans: dict[str, Any], path: Path) -> None:
    """Refuse a model whose images nnU-Net v2 would prepare otherwise than v1.

    Raises
    ------
    ContractError
        With what v2 has no word for.

    """
    for channel, scheme in plans["normalization_schemes"].items():
        if scheme == "CT2":
            raise ContractError(f"{path}: channel {channel} is normalised by CT2, which nnU-Net v2 does not have")
        if scheme == "CT" and plans["use_mask_for_norm"].get(channel):
            raise ContractError(
                f"{path}: channel {channel} is a CT with use_mask_for_norm, which sets what lies outside of the mask to"
                " 0; CTNormalization of nnU-Net v2 does not"
            )
        if scheme == "CT" and channel not in (plans["dataset_properties"]["intensityproperties"] or {}):
            raise ContractError(f"{path}: channel {channel} is a CT, but intensityproperties does not know it")
    if [plans["transpose_forward"][axis] for axis in plans["transpose_backward"]] != [0, 1, 2]:
        raise ContractError(f"{path}: transpose_backward does not undo transpose_forward")
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
            f"{path}: was trained by {name}, but the folder is named {folder.name}; nnU-Net v1 names it"
            f" {name}__nnUNetPlansv2.1"
        )
    if not TRAINER.fullmatch(name):
        raise ContractError(
            f"{path}: the network of trainer {name} is not known to be that of nnUNetTrainerV2; trainers that change"
            " the network, cascades and regions cannot be converted"
        )
    return name


def _stage(init: list[Any], stages: dict[str, Any], path: Path) -> str:
    """Return the key of the stage that a trainer was made for."""
    wanted = init[STAGE_ARGUMENT] if len(init) > STAGE_ARGUMENT else None
    if wanted is None and len(stages) == 1:
        return next(iter(stages))
    if str(wanted) not in stages:
        raise ContractError(f"{path}: is for stage {wanted} of the plans, which have {', '.join(stages)}")
    return str(wanted)


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = yaml.safe_load(SCHEMA_PATH.read_text(encoding="utf-8"))
    return schema
