"""Detection and validation of nnU-Net v2 model folders, as written by `nnUNetv2_train`, without loading torch.

This module reads only JSON files. A model folder can also contain pickle files (`plans.pkl` of nnU-Net v1,
checkpoints), which this module never opens.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import problems_of, read_schema
from ctpop.foundation.resources import resource

VERSION = 1  # increase this number if new code yields other labels; all scans are then segmented again
SHIPPED = resource("models")
SCHEMA_PATH = resource("schemas", "nnunet.schema.yaml")
FILES = ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth")
INTENSITIES = ("foreground_intensity_properties_per_channel", "foreground_intensity_properties_by_modality")
# Only modules that define classes; longer paths could reach other code, such as torch.nn.functional.torch.os.system.
IMPORTABLE = re.compile(
    r"(torch\.nn(\.modules\.[a-z]+)?|dynamic_network_architectures\.(architectures|building_blocks)\.[a-z_]+)\.[A-Z]\w*"
)
IMPORTED_KEYS = ("network_class_name", "conv_op", "norm_op", "dropout_op", "nonlin", "nonlin_first")


@dataclass(frozen=True)
class ModelDescription:
    """Content of the JSON files of a folder: a configuration with its inherited entries, and the foreground labels."""

    configuration: dict[str, Any]
    labels: dict[str, int]


def find_folder(root: Path) -> Path:
    """Return the folder that contains plans.json: the root folder or its only subfolder with this file.

    Raises
    ------
    ContractError
        If there is no such folder or more than one, or if a file is missing.

    """
    folders = [root] if (root / FILES[0]).is_file() else sorted(path.parent for path in root.glob(f"*/{FILES[0]}"))
    if len(folders) != 1:
        raise ContractError(
            f"segment.model: exactly one nnU-Net v2 model folder (with {', '.join(FILES)}) is required,"
            f" but the number of such folders in {root} is {len(folders)}; set segment.model to the path of one model"
            " folder"
        )
    absent = [name for name in FILES if not (folders[0] / name).is_file()]
    if absent:
        raise ContractError(
            f"segment.model: {', '.join(absent)} not found in {folders[0]}; copy the missing files from the training"
            " folder of nnU-Net"
        )
    return folders[0]


def described(folder: Path, configuration: str) -> ModelDescription:
    """Return the description of a model folder after validation.

    Raises
    ------
    ContractError
        If plans.json or dataset.json does not have the form that nnU-Net v2 writes for a model with one CT channel, or
        if the plans name code other than permitted classes.

    """
    return ModelDescription(read_configuration(folder / FILES[0], configuration), read_dataset(folder / FILES[1]))


def read_configuration(path: Path, name: str) -> dict[str, Any]:
    """Return a configuration of plans.json with its inherited entries after validation."""
    plans = read_plans(path)
    check_imports(plans, path)
    forward, backward = plans["transpose_forward"], plans["transpose_backward"]
    if [forward[axis] for axis in backward] != [0, 1, 2]:
        raise ContractError(f"{path}: transpose_backward {backward} is not the inverse of transpose_forward {forward}")
    if not any(key in plans for key in INTENSITIES):
        raise ContractError(f"{path}: {INTENSITIES[0]} is missing, but CTNormalization requires this key")
    configuration = configuration_of(plans, name, path)
    check_shape("configuration", configuration, path, f"configurations.{name}")
    check_patch(configuration, path)
    return configuration


def read_plans(path: Path) -> dict[str, Any]:
    """Return the content of plans.json; the presence of configurations is checked, but not their content."""
    plans = read_json(path)
    check_shape("plans", plans, path)
    return plans


def read_dataset(path: Path) -> dict[str, int]:
    """Return the label of each structure in dataset.json after validation."""
    dataset = read_json(path)
    check_shape("dataset", dataset, path)
    return foreground_labels(dataset, path)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises
    ------
    ContractError
        If the file cannot be read, is not a JSON object, or contains NaN or Infinity, which are not valid in JSON.

    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"{path}: the file is not valid JSON ({error})") from None
    except OSError as error:
        raise ContractError(f"{path}: the file cannot be read ({error.strerror})") from None
    if not isinstance(values, dict):
        raise ContractError(f"{path}: the top level must be a JSON object, but is of type {type(values).__name__}")
    return values


def check_shape(kind: str, values: dict[str, Any], path: Path, place: str = "") -> None:
    """Reject a description that violates the definition of its kind in `nnunet.schema.yaml`.

    Raises
    ------
    ContractError
        If the description has errors; the message contains one line per error.

    """
    problems = sorted(set(problems_of({**_schema(), "$ref": f"#/$defs/{kind}"}, values, place)))
    if problems:
        raise ContractError(f"{path}: unsupported model:\n" + "\n".join(f"  {line}" for line in problems))


def configuration_of(plans: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    """Return a configuration merged, as in nnU-Net, with the configurations from which it inherits entries.

    Raises
    ------
    ContractError
        If one of these configurations does not exist, or if the inheritance is circular.

    """
    known = plans["configurations"]
    chain = [name]
    while chain[-1] in known and "inherits_from" in known[chain[-1]]:
        chain.append(str(known[chain[-1]]["inherits_from"]))
        if chain[-1] in chain[:-1]:
            raise ContractError(f"{path}: circular inheritance of configurations: {' from '.join(chain)}")
    if chain[-1] not in known:
        raise ContractError(
            f"{path}: the configuration {chain[-1]} does not exist; available configurations:"
            f" {', '.join(known) or 'none'}"
        )
    merged: dict[str, Any] = {}
    for ancestor in reversed(chain):
        merged |= known[ancestor]
    return merged


def check_patch(configuration: dict[str, Any], path: Path) -> None:
    """Reject a patch size that the network cannot downsample in all of its stages.

    Raises
    ------
    ContractError
        If the patch size along an axis is not divisible by the product of the strides along this axis.

    """
    network = configuration.get("architecture", {}).get("arch_kwargs", {})
    strides = network.get("strides") or configuration.get("pool_op_kernel_sizes")
    if not strides:
        return
    steps = [math.prod(axis) for axis in zip(*strides, strict=True)]
    patch = configuration["patch_size"]
    if any(edge % step for edge, step in zip(patch, steps, strict=True)):
        raise ContractError(
            f"{path}: patch_size {patch} is not divisible by {steps}, the products of the network strides by axis"
        )


def check_imports(plans: Any, path: Path) -> None:
    """Reject plans that name anything other than classes of torch.nn and nnU-Net, because these names are executed.

    Raises
    ------
    ContractError
        If an entry names anything else; the message contains the first such entry.

    """
    entries = list(_entries(plans))
    listed = [names for key, names in entries if key == "_kw_requires_import"]
    imported = {*IMPORTED_KEYS, *(str(name) for names in listed if isinstance(names, list) for name in names)}
    for key, value in entries:
        if key in imported and value is not None and not IMPORTABLE.fullmatch(str(value)):
            raise ContractError(
                f"{path}: {key} must be a class of torch.nn or of the nnU-Net networks, but is {value!r}"
            )


def foreground_labels(dataset: dict[str, Any], path: Path) -> dict[str, int]:
    """Return the label of each structure in dataset.json.

    Raises
    ------
    ContractError
        If labels are regions (lists), if labels are not consecutive integers from 0 (background), or if the model does
        not have exactly one input channel.

    """
    labels = {name: number for name, number in dataset.get("labels", {}).items() if name != "ignore"}
    if not labels or not all(type(number) is int for number in labels.values()):
        raise ContractError(f"{path}: labels must map each structure to one integer (regions are not supported)")
    if labels.get("background") != 0 or sorted(labels.values()) != list(range(len(labels))) or len(labels) == 1:
        raise ContractError(
            f"{path}: labels must be 0 for the background and 1, 2, … for the structures, but are {_few(labels)}"
        )
    if len(dataset.get("channel_names", {})) != 1:
        raise ContractError(
            f"{path}: the model must have exactly one input channel (CT), but channel_names is"
            f" {dataset.get('channel_names')}"
        )
    return {name: number for name, number in labels.items() if number}


@cache
def _schema() -> dict[str, Any]:
    return read_schema(SCHEMA_PATH)


def _few(labels: dict[str, int]) -> str:
    numbered = [f"{name} {number}" for name, number in labels.items()]
    return ", ".join(numbered[:5]) + (", …" if len(numbered) > 5 else "")


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(text)


def _entries(values: Any) -> Iterator[tuple[str, Any]]:
    """Return the keys and values of all objects in a JSON document, at any depth."""
    waiting = [values]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, dict):
            yield from found.items()
        waiting += found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
