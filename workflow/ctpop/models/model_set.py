"""Model sets: combinations of nnU-Net v2 models that produce a label map, read and validated without loading torch.

A model set is a YAML file (shipped in `resources/models/` or written by the user) or a single model folder. `ModelSet`
contains everything that determines the labels. Its digest does not depend on the location of the files; the same files
and settings yield the same digest on every computer.
"""

import difflib
import logging
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError, count
from ctpop.models import model_folder, set_file
from ctpop.study import configuration as settings

LOG = logging.getLogger(__name__)
PLANS, DATASET, CHECKPOINT = model_folder.FILES
STEP_SIZE = 0.5  # SOURCE: default of nnU-Net; used for a model folder without a model set
LOGITS = "logits"  # the quantity that nnU-Net averages
HIGHEST_LABEL = 65535  # uint16
SPACING_TOLERANCE = 1e-3  # relative tolerance; plans contain medians of float32 headers, whose last digits can differ


@dataclass(frozen=True)
class ModelPart:
    """A model of a set; `labels` are the labels in the output of this model, without the background."""

    folder: Path
    checkpoint: Path
    configuration: str
    labels: dict[str, int]
    sha256: str | None = None  # of the checkpoint, as required by the model set


@dataclass(frozen=True)
class Resampling:
    """Resampling of the CT to `spacing_mm` before inference; labels are resampled back by nearest neighbor."""

    spacing_mm: float
    order: int


@dataclass(frozen=True)
class ModelSet:
    """Models in the order in which they are merged, and the structures of the merged label map.

    The foreground of a later part overwrites earlier parts. Without `resampling`, each part uses the resampling of
    nnU-Net: the CT is resampled to the spacing of the plans, and the logits are resampled back. `averaging` is the
    quantity that is averaged where windows overlap: logits, or probabilities as in nnU-Net v1.
    """

    name: str
    parts: tuple[ModelPart, ...]
    labels: dict[str, int]
    step_size: float
    resampling: Resampling | None
    sha256: str | None = None  # of the whole set (`digest_of`), as required by the settings
    averaging: str = LOGITS


def read(options: dict[str, Any]) -> ModelSet:
    """Return the model set of the section `segment` after checking that all of its files exist.

    Raises
    ------
    ContractError
        If the model set or one of its files does not exist, the YAML violates its schema, or a path leads outside the
        folder of the model set.

    """
    source = set_file.locate(options)
    return _of_folder(source, options) if source.is_dir() else _of_yaml(source, options)


def files(options: dict[str, Any]) -> list[str]:
    """Return the files that determine the labels: the models, the YAML file, and a label set in its folder."""
    source, found = set_file.locate(options), read(options)
    described = [] if source.is_dir() else [source, set_file.label_set_file(source, set_file.read(source)["label_set"])]
    models = [path for part in found.parts for path in files_of(part)]
    return [str(path) for path in (*described, *models) if path.parent != settings.LABEL_SETS]


def files_of(part: ModelPart) -> list[Path]:
    """Return the files of a model."""
    return [part.folder / PLANS, part.folder / DATASET, part.checkpoint]


def check(model_set: ModelSet) -> None:
    """Run all checks that are possible before a checkpoint is opened.

    Raises
    ------
    ContractError
        If a part does not match the model set, or a file does not have the required SHA-256; the message describes
        the first error.

    """
    _check_labels(model_set)
    renamed = [line for part in model_set.parts for line in _check_part(part, model_set)]
    if renamed:
        LOG.warning(
            "model set %s and dataset.json name %s differently; the names of the model set are used: %s",
            *(model_set.name, count(len(renamed), "label"), ", ".join(renamed)),
        )
    _check_pins(model_set)


def digest_of(model_set: ModelSet) -> str:
    """Return the SHA-256 of everything that determines the labels: model files, processing, labels, and merge order."""
    resampling = model_set.resampling
    parts = [
        {
            "files": [digests.of_unchanged_file(path) for path in files_of(part)],
            "configuration": part.configuration,
            "labels": part.labels,
        }
        for part in model_set.parts
    ]
    entries = {
        "parts": parts,
        "labels": model_set.labels,
        "step_size": float(model_set.step_size),
        "resampling": [float(resampling.spacing_mm), resampling.order] if resampling else None,
        **({"averaging": model_set.averaging} if model_set.averaging != LOGITS else {}),
    }
    return digests.of_json(entries)


def file_digests(model_set: ModelSet) -> dict[str, str]:
    """Return the SHA-256 of each model file by its path relative to the common folder of the parts."""
    root = os.path.commonpath([part.folder.parent for part in model_set.parts])
    paths = [path for part in model_set.parts for path in files_of(part)]
    return {path.relative_to(root).as_posix(): digests.of_unchanged_file(path) for path in paths}


def _of_folder(root: Path, options: dict[str, Any]) -> ModelSet:
    """Return a single model folder as a model set with the resampling of nnU-Net and the labels of its dataset.json."""
    for key in ("weights", "resampling_order"):
        if options.get(key) is not None:
            raise ContractError(
                f"segment.{key}: this setting does not apply to a single model folder ({root}); remove the setting"
            )
    folder = model_folder.find_folder(root)
    set_file.confine([folder / name for name in model_folder.FILES], root, "segment.model")
    labels = model_folder.read_dataset(folder / DATASET)
    part = ModelPart(folder, folder / CHECKPOINT, _configuration_of(folder), labels)
    step_size = options.get("step_size", STEP_SIZE)
    return ModelSet(root.resolve().name, (part,), labels, step_size, None, options.get("sha256"))


def _configuration_of(folder: Path) -> str:
    """Return the configuration in the name of a folder, or else the only configuration of its plans."""
    words = folder.name.split("__")
    known = list(model_folder.read_plans(folder / PLANS)["configurations"])
    if len(words) == len(set_file.NAME_WORDS):
        return words[-1]
    if len(known) != 1:
        raise ContractError(
            f"{folder}: plans.json contains the configurations {', '.join(known)}, and the folder name does not"
            " indicate which one to use; rename the folder (for example, nnUNetTrainer__nnUNetPlans__3d_fullres) or"
            " write a model set"
        )
    return str(known[0])


def _of_yaml(path: Path, options: dict[str, Any]) -> ModelSet:
    content = set_file.read(path)
    weights = Path(options["weights"]).expanduser() if options.get("weights") else path.parent
    parts = [_part_of(part, weights, f"{path}: parts.{index}") for index, part in enumerate(content["parts"])]
    _demand_files(parts, weights, path.stem, content.get("source"))
    parts = [part if part.labels else _with_own_labels(part) for part in parts]
    numbers = set_file.numbers_of(set_file.label_set_file(path, content["label_set"]))
    claimed = {name for part in parts for name in part.labels}
    for name in sorted(claimed - set(numbers)):
        close = difflib.get_close_matches(name, numbers, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ContractError(f"{path}: label set {content['label_set']} does not contain the structure {name}{hint}")
    labels = {name: number for name, number in numbers.items() if name in claimed}
    step_size = options.get("step_size", content["step_size"])
    resampling = _resampling_of(content, path, options)
    pinned, averaging = options.get("sha256"), content["averaging"]
    return ModelSet(path.stem, tuple(parts), labels, step_size, resampling, pinned, averaging)


def _part_of(entries: dict[str, Any], weights: Path, where: str) -> ModelPart:
    folder = set_file.folder_of(entries, weights, where)
    labels = {name: number for number, name in enumerate(entries.get("structures", []), start=1)}
    checkpoint = folder / f"fold_{entries['fold']}" / entries["checkpoint"]
    part = ModelPart(folder, checkpoint, entries["configuration"], labels, entries.get("sha256"))
    set_file.confine(files_of(part), weights, f"{where}.folder")
    return part


def _with_own_labels(part: ModelPart) -> ModelPart:
    """Return a part without a list of structures, completed with the labels of its dataset.json."""
    return replace(part, labels=model_folder.read_dataset(part.folder / DATASET))


def _demand_files(parts: list[ModelPart], weights: Path, name: str, source: str | None) -> None:
    lines = []
    for number, part in enumerate(parts, start=1):
        absent = [path.relative_to(part.folder).as_posix() for path in files_of(part) if not path.is_file()]
        lines += [f"part {number}, {part.folder.relative_to(weights)}: {', '.join(absent)}"] if absent else []
    if not lines:
        return
    lines += [f"these files are published at {source}"] if source else []
    lines += ["ctpop downloads no files: copy them there, or set segment.weights to the folder that contains them"]
    raise ContractError(
        f"segment.weights: files of model set {name} are missing in {weights}:\n"
        + "\n".join(f"  {line}" for line in lines)
    )


def _resampling_of(content: dict[str, Any], path: Path, options: dict[str, Any]) -> Resampling | None:
    order = options.get("resampling_order")
    if "resampling" in content:
        return Resampling(content["resampling"]["spacing_mm"], order or content["resampling"]["order"])
    if order is not None:
        raise ContractError(
            f"segment.resampling_order: the order {order} does not apply, because model set {path.stem} uses the"
            " resampling of nnU-Net; remove the setting"
        )
    return None


def _check_labels(model_set: ModelSet) -> None:
    claims: dict[str, int] = {}
    for number, part in enumerate(model_set.parts, start=1):
        twice = [name for name in part.labels if name in claims]
        if twice:
            raise ContractError(
                f"model set {model_set.name}: parts {claims[twice[0]]} and {number} both contain"
                f" {', '.join(twice[:3])}; each structure can be in only one part"
            )
        claims |= dict.fromkeys(part.labels, number)
    labels = sorted(model_set.labels.values())
    if len(set(labels)) < len(labels) or labels[0] < 1 or labels[-1] > HIGHEST_LABEL:
        raise ContractError(
            f"model set {model_set.name}: each structure must have a unique label from 1 to {HIGHEST_LABEL}, but"
            f" {count(len(set(labels)), 'different label')} from {labels[0]} to {labels[-1]} were found for"
            f" {count(len(labels), 'structure')}"
        )


def _check_part(part: ModelPart, model_set: ModelSet) -> list[str]:
    """Check a part, and return the labels whose names in dataset.json differ from those in the model set."""
    described = model_folder.described(part.folder, part.configuration)
    spacing = described.configuration["spacing"]
    wanted = model_set.resampling.spacing_mm if model_set.resampling else None
    if wanted and not all(math.isclose(edge, wanted, rel_tol=SPACING_TOLERANCE) for edge in spacing):
        raise ContractError(
            f"{part.folder / PLANS}: the spacing of the model is {' × '.join(map(str, spacing))} mm, but model set"
            f" {model_set.name} resamples to {wanted} mm"
        )
    if len(described.labels) != len(part.labels):
        raise ContractError(
            f"{part.folder / DATASET}: the file contains {count(len(described.labels), 'structure')}, but model set"
            f" {model_set.name} lists {len(part.labels)} for this part"
        )
    names = {number: name for name, number in described.labels.items()}
    return [f"{name} ({names[number]})" for name, number in part.labels.items() if names[number] != name]


def _check_pins(model_set: ModelSet) -> None:
    for part in model_set.parts:
        found = digests.of_unchanged_file(part.checkpoint)
        if part.sha256 not in {None, found}:
            raise ContractError(
                f"{part.checkpoint}: model set {model_set.name} requires the SHA-256 {part.sha256}, but the file has"
                f" {found}; restore the original file, or correct sha256 in the model set"
            )
    if model_set.sha256 not in {None, digest_of(model_set)}:
        raise ContractError(
            f"segment.sha256: the setting requires {model_set.sha256}, but model set {model_set.name} has"
            f" {digest_of(model_set)}; restore the original files and settings, or correct or remove this setting"
        )
