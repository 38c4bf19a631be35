"""Model sets: which nnU-Net v2 models make a label map together, read and checked without loading torch.

A set is a YAML file (`resources/models/`, or a user's own), or one bare model folder. Everything that decides labels is
in `ModelSet`; where files lie is not part of its digest, so equal files and equal words give equal digests anywhere.
"""

import difflib
import logging
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError
from ctpop.models import model_folder, set_file
from ctpop.study import configuration as settings

LOG = logging.getLogger(__name__)
PLANS, DATASET, CHECKPOINT = model_folder.FILES
STEP_SIZE = 0.5  # SOURCE: nnU-Net's default, for a model folder without a set
LOGITS = "logits"  # what nnU-Net averages
HIGHEST_LABEL = 65535  # uint16
SPACING_TOLERANCE = 1e-3  # relative; plans hold medians of float32 headers, which may differ in the last digits


@dataclass(frozen=True)
class ModelPart:
    """One model of a set; `labels` are the numbers in its own output, without background."""

    folder: Path
    checkpoint: Path
    configuration: str
    labels: dict[str, int]
    sha256: str | None = None  # pinned by the set; of the checkpoint


@dataclass(frozen=True)
class Resampling:
    """The CT is resampled to `spacing_mm` before the models see it, and labels come back by nearest neighbour."""

    spacing_mm: float
    order: int


@dataclass(frozen=True)
class ModelSet:
    """Models merged in this order (a later part's foreground wins), and the structures of the merged label map.

    Without `resampling`, each part resamples in nnU-Net's own way: to the spacing of its plans, and its logits back.
    `averaging` says what is averaged where windows overlap: logits, or probabilities as in nnU-Net v1.
    """

    name: str
    parts: tuple[ModelPart, ...]
    labels: dict[str, int]
    step_size: float
    resampling: Resampling | None
    sha256: str | None = None  # pinned by the settings; of the whole set, see `digest_of`
    averaging: str = LOGITS


def read(options: dict[str, Any]) -> ModelSet:
    """Return the model set of the section `segment`, all of whose files are there.

    Raises
    ------
    ContractError
        If the set or a file of it is not there, the YAML breaks its schema, or a path leaves its folder.

    """
    source = set_file.locate(options)
    return _of_folder(source, options) if source.is_dir() else _of_yaml(source, options)


def files(options: dict[str, Any]) -> list[str]:
    """Return the files that the labels depend on: models, the set's YAML, and a label set that lies beside it."""
    source, found = set_file.locate(options), read(options)
    described = [] if source.is_dir() else [source, set_file.label_set_file(source, set_file.read(source)["label_set"])]
    models = [path for part in found.parts for path in files_of(part)]
    return [str(path) for path in (*described, *models) if path.parent != settings.LABEL_SETS]


def files_of(part: ModelPart) -> list[Path]:
    """Return the files of one model."""
    return [part.folder / PLANS, part.folder / DATASET, part.checkpoint]


def check(model_set: ModelSet) -> None:
    """Check all that can be known before a checkpoint is opened.

    Raises
    ------
    ContractError
        With the first part that is not as the set says, or whose files are not those that were pinned.

    """
    _check_labels(model_set)
    renamed = [line for part in model_set.parts for line in _check_part(part, model_set)]
    if renamed:
        LOG.warning(
            "model set %s names %d numbers otherwise than dataset.json, and decides: %s",
            *(model_set.name, len(renamed), ", ".join(renamed)),
        )
    _check_pins(model_set)


def digest_of(model_set: ModelSet) -> str:
    """Return the SHA-256 over all that decides labels: content of the model files, route, numbers and merge order."""
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
    """Return the SHA-256 of each model file, by its path below the folder that the parts share."""
    root = os.path.commonpath([part.folder.parent for part in model_set.parts])
    paths = [path for part in model_set.parts for path in files_of(part)]
    return {path.relative_to(root).as_posix(): digests.of_unchanged_file(path) for path in paths}


def _of_folder(root: Path, options: dict[str, Any]) -> ModelSet:
    """Return one bare model folder as a set: nnU-Net's own way, with the numbers of its dataset.json."""
    for key in ("weights", "resampling_order"):
        if options.get(key) is not None:
            raise ContractError(f"segment.{key}: has no meaning for a bare model folder ({root}); leave it out")
    folder = model_folder.find_folder(root)
    set_file.confine([folder / name for name in model_folder.FILES], root, "segment.model")
    labels = model_folder.read_dataset(folder / DATASET)
    part = ModelPart(folder, folder / CHECKPOINT, _configuration_of(folder), labels)
    step_size = options.get("step_size", STEP_SIZE)
    return ModelSet(root.resolve().name, (part,), labels, step_size, None, options.get("sha256"))


def _configuration_of(folder: Path) -> str:
    """Return the configuration that a folder is named after, or else the only one of its plans."""
    words = folder.name.split("__")
    known = list(model_folder.read_plans(folder / PLANS)["configurations"])
    if len(words) == len(set_file.NAME_WORDS):
        return words[-1]
    if len(known) != 1:
        raise ContractError(
            f"{folder}: has the configurations {', '.join(known)}, and its name does not say which (as in"
            " nnUNetTrainer__nnUNetPlans__3d_fullres); rename it, or write a model set"
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
        raise ContractError(f"{path}: label set {content['label_set']} has no structure {name}{hint}")
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
    """Return a part, of which the set lists no structures, with the labels of its dataset.json."""
    return replace(part, labels=model_folder.read_dataset(part.folder / DATASET))


def _demand_files(parts: list[ModelPart], weights: Path, name: str, source: str | None) -> None:
    lines = []
    for number, part in enumerate(parts, start=1):
        absent = [path.relative_to(part.folder).as_posix() for path in files_of(part) if not path.is_file()]
        lines += [f"part {number}, {part.folder.relative_to(weights)}: {', '.join(absent)}"] if absent else []
    if not lines:
        return
    lines += [f"they are published at {source}"] if source else []
    lines += ["nothing is downloaded: put them there, or name the folder that has them in segment.weights"]
    raise ContractError(
        f"segment.weights: model set {name} lacks files below {weights}:\n" + "\n".join(f"  {line}" for line in lines)
    )


def _resampling_of(content: dict[str, Any], path: Path, options: dict[str, Any]) -> Resampling | None:
    order = options.get("resampling_order")
    if "resampling" in content:
        return Resampling(content["resampling"]["spacing_mm"], order or content["resampling"]["order"])
    if order is not None:
        raise ContractError(
            f"segment.resampling_order: model set {path.stem} resamples in nnU-Net's own way, found {order};"
            " leave it out"
        )
    return None


def _check_labels(model_set: ModelSet) -> None:
    claims: dict[str, int] = {}
    for number, part in enumerate(model_set.parts, start=1):
        twice = [name for name in part.labels if name in claims]
        if twice:
            raise ContractError(
                f"model set {model_set.name}: parts {claims[twice[0]]} and {number} both claim {', '.join(twice[:3])}"
            )
        claims |= dict.fromkeys(part.labels, number)
    labels = sorted(model_set.labels.values())
    if len(set(labels)) < len(labels) or labels[0] < 1 or labels[-1] > HIGHEST_LABEL:
        raise ContractError(
            f"model set {model_set.name}: structures need different numbers from 1 to {HIGHEST_LABEL},"
            f" found {len(set(labels))} numbers from {labels[0]} to {labels[-1]} for {len(labels)} structures"
        )


def _check_part(part: ModelPart, model_set: ModelSet) -> list[str]:
    """Return the numbers that dataset.json names otherwise than the set, after checking all the rest of a part."""
    described = model_folder.described(part.folder, part.configuration)
    spacing = described.configuration["spacing"]
    wanted = model_set.resampling.spacing_mm if model_set.resampling else None
    if wanted and not all(math.isclose(edge, wanted, rel_tol=SPACING_TOLERANCE) for edge in spacing):
        raise ContractError(
            f"{part.folder / PLANS}: the model was made for {' x '.join(map(str, spacing))} mm, but model set"
            f" {model_set.name} resamples to {wanted} mm"
        )
    if len(described.labels) != len(part.labels):
        raise ContractError(
            f"{part.folder / DATASET}: has {len(described.labels)} structures, but model set {model_set.name} lists"
            f" {len(part.labels)} for this part"
        )
    names = {number: name for name, number in described.labels.items()}
    return [f"{name} ({names[number]})" for name, number in part.labels.items() if names[number] != name]


def _check_pins(model_set: ModelSet) -> None:
    for part in model_set.parts:
        found = digests.of_unchanged_file(part.checkpoint)
        if part.sha256 not in {None, found}:
            raise ContractError(f"{part.checkpoint}: model set {model_set.name} pins {part.sha256}, found {found}")
    if model_set.sha256 not in {None, digest_of(model_set)}:
        raise ContractError(
            f"segment.sha256: pins {model_set.sha256}, found {digest_of(model_set)} for model set {model_set.name}"
        )
