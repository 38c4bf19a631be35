"""Model folders of nnU-Net v2, as `nnUNetv2_train` writes them, found and checked without loading torch.

Only JSON is read here. A folder may hold pickles, too (`plans.pkl` of nnU-Net v1, checkpoints): none is opened.
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

VERSION = 1  # raise it when the same image and model would give other labels: then scans are segmented again
SHIPPED = resource("models")
SCHEMA_PATH = resource("schemas", "nnunet.schema.yaml")
FILES = ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth")
INTENSITIES = ("foreground_intensity_properties_per_channel", "foreground_intensity_properties_by_modality")
# Modules that hold classes only: a longer path leads elsewhere, as torch.nn.functional.torch.os.system does.
IMPORTABLE = re.compile(
    r"(torch\.nn(\.modules\.[a-z]+)?|dynamic_network_architectures\.(architectures|building_blocks)\.[a-z_]+)\.[A-Z]\w*"
)
IMPORTED_KEYS = ("network_class_name", "conv_op", "norm_op", "dropout_op", "nonlin", "nonlin_first")


@dataclass(frozen=True)
class ModelDescription:
    """What the JSON files of a folder say: one configuration with all that it inherits, and the foreground labels."""

    configuration: dict[str, Any]
    labels: dict[str, int]


def find_folder(root: Path) -> Path:
    """Return the folder that holds plans.json: this one, or the only one just below.

    Raises
    ------
    ContractError
        If there is none, more than one, or a file is missing.

    """
    folders = [root] if (root / FILES[0]).is_file() else sorted(path.parent for path in root.glob(f"*/{FILES[0]}"))
    if len(folders) != 1:
        raise ContractError(
            f"segment.model: one nnU-Net v2 model folder (with {', '.join(FILES)}) is expected,"
            f" found {len(folders)} in {root}"
        )
    absent = [name for name in FILES if not (folders[0] / name).is_file()]
    if absent:
        raise ContractError(f"segment.model: {folders[0]} lacks {', '.join(absent)}")
    return folders[0]


def described(folder: Path, configuration: str) -> ModelDescription:
    """Return what a model folder says of itself, checked.

    Raises
    ------
    ContractError
        If plans.json or dataset.json is not what nnU-Net v2 writes for a model of one CT channel, or plans name code.

    """
    return ModelDescription(read_configuration(folder / FILES[0], configuration), read_dataset(folder / FILES[1]))


def read_configuration(path: Path, name: str) -> dict[str, Any]:
    """Return a configuration of plans.json, with what it inherits, checked."""
    plans = read_plans(path)
    check_imports(plans, path)
    forward, backward = plans["transpose_forward"], plans["transpose_backward"]
    if [forward[axis] for axis in backward] != [0, 1, 2]:
        raise ContractError(f"{path}: transpose_backward {backward} does not undo transpose_forward {forward}")
    if not any(key in plans for key in INTENSITIES):
        raise ContractError(f"{path}: {INTENSITIES[0]} is missing; CTNormalization needs it")
    configuration = configuration_of(plans, name, path)
    check_shape("configuration", configuration, path, f"configurations.{name}")
    check_patch(configuration, path)
    return configuration


def read_plans(path: Path) -> dict[str, Any]:
    """Return plans.json; of its configurations it is only known that they are there."""
    plans = read_json(path)
    check_shape("plans", plans, path)
    return plans


def read_dataset(path: Path) -> dict[str, int]:
    """Return the number of each structure out of dataset.json, checked."""
    dataset = read_json(path)
    check_shape("dataset", dataset, path)
    return foreground_labels(dataset, path)


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object.

    Raises
    ------
    ContractError
        If it is not one, or holds a number that is none (NaN, Infinity), which JSON does not know.

    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"{path}: is not JSON ({error})") from None
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror})") from None
    if not isinstance(values, dict):
        raise ContractError(f"{path}: a JSON object is expected, found {type(values).__name__}")
    return values


def check_shape(kind: str, values: dict[str, Any], path: Path, place: str = "") -> None:
    """Refuse a description that lacks what `nnunet.schema.yaml` says of its kind.

    Raises
    ------
    ContractError
        With one line per entry.

    """
    problems = sorted(set(problems_of({**_schema(), "$ref": f"#/$defs/{kind}"}, values, place)))
    if problems:
        raise ContractError(f"{path}: is not usable:\n" + "\n".join(f"  {line}" for line in problems))


def configuration_of(plans: dict[str, Any], name: str, path: Path) -> dict[str, Any]:
    """Return a configuration with the entries of those that it inherits from, as nnU-Net merges them.

    Raises
    ------
    ContractError
        If one of them is not there, or they inherit in a circle.

    """
    known = plans["configurations"]
    chain = [name]
    while chain[-1] in known and "inherits_from" in known[chain[-1]]:
        chain.append(str(known[chain[-1]]["inherits_from"]))
        if chain[-1] in chain[:-1]:
            raise ContractError(f"{path}: configurations inherit in a circle: {' from '.join(chain)}")
    if chain[-1] not in known:
        raise ContractError(f"{path}: has no configuration {chain[-1]}, only {', '.join(known) or 'none'}")
    merged: dict[str, Any] = {}
    for ancestor in reversed(chain):
        merged |= known[ancestor]
    return merged


def check_patch(configuration: dict[str, Any], path: Path) -> None:
    """Refuse a patch that the network cannot halve as often as its stages do.

    Raises
    ------
    ContractError
        If an axis of the patch is no multiple of the product of the strides along it.

    """
    network = configuration.get("architecture", {}).get("arch_kwargs", {})
    strides = network.get("strides") or configuration.get("pool_op_kernel_sizes")
    if not strides:
        return
    steps = [math.prod(axis) for axis in zip(*strides, strict=True)]
    patch = configuration["patch_size"]
    if any(edge % step for edge, step in zip(patch, steps, strict=True)):
        raise ContractError(f"{path}: patch_size {patch} is no multiple of {steps}, the network's steps along its axes")


def check_imports(plans: Any, path: Path) -> None:
    """Refuse plans that name anything but classes of torch.nn and nnU-Net: what they name is imported and called.

    Raises
    ------
    ContractError
        With the first entry that names something else.

    """
    entries = list(_entries(plans))
    listed = [names for key, names in entries if key == "_kw_requires_import"]
    imported = {*IMPORTED_KEYS, *(str(name) for names in listed if isinstance(names, list) for name in names)}
    for key, value in entries:
        if key in imported and value is not None and not IMPORTABLE.fullmatch(str(value)):
            raise ContractError(f"{path}: {key} may name a class of torch.nn or nnU-Net's networks, found {value!r}")


def foreground_labels(dataset: dict[str, Any], path: Path) -> dict[str, int]:
    """Return the number of each structure in dataset.json.

    Raises
    ------
    ContractError
        If labels are regions (lists), do not count from background 0 without a gap, or the input is not one channel.

    """
    labels = {name: number for name, number in dataset.get("labels", {}).items() if name != "ignore"}
    if not labels or not all(type(number) is int for number in labels.values()):
        raise ContractError(f"{path}: labels must map each structure to one number (regions are not supported)")
    if labels.get("background") != 0 or sorted(labels.values()) != list(range(len(labels))) or len(labels) == 1:
        raise ContractError(f"{path}: labels must be background 0 and structures 1, 2, …, found {_few(labels)}")
    if len(dataset.get("channel_names", {})) != 1:
        raise ContractError(f"{path}: a model with one CT channel is expected, found {dataset.get('channel_names')}")
    return {name: number for name, number in labels.items() if number}


@cache
def _schema() -> dict[str, Any]:
    return read_schema(SCHEMA_PATH)


def _few(labels: dict[str, int]) -> str:
    numbered = [f"{name} {number}" for name, number in labels.items()]
    return ", ".join(numbered[:5]) + (", …" if len(numbered) > 5 else "")


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refused(text)


def _entries(values: Any) -> Iterator[tuple[str, Any]]:
    """Return the keys and values of all objects in a JSON document, however deep."""
    waiting = [values]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, dict):
            yield from found.items()
        waiting += found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
