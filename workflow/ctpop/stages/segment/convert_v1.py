"""The command `convert-v1`, which converts an nnU-Net v1 model to an nnU-Net v2 model folder.

Input: the folder of a task that was trained by nnU-Net v1, such as the published model of the original study. Output:
OUT/Dataset251_…/nnUNetTrainer__nnUNetPlans__3d_fullres with plans.json, dataset.json, and one checkpoint per fold, and
a table of all tensors on standard output. No code in the folder of the task is executed, and its files are not changed.
`nnUNetv2_predict` and this package can run the converted model. The networks are equivalent; docs/decisions/007
describes the remaining differences between v1 and v2.
"""

import argparse
import json
import logging
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_atomically, write_text
from ctpop.models import set_file
from ctpop.models.model_folder import SHIPPED
from ctpop.stages.segment.v1 import description, translation

LOG = logging.getLogger(__name__)

TASK = re.compile(r"Task(\d{3})_(\w+)")
FOLD = re.compile(r"fold_[0-4]|all")


def find_model(task: Path) -> Path:
    """Return the folder that contains plans.pkl: the given folder or its only subfolder with this file.

    Raises
    ------
    ContractError
        If no folder or several folders contain plans.pkl.

    """
    folders = [task] if (task / "plans.pkl").is_file() else sorted(path.parent for path in task.glob("*/plans.pkl"))
    if len(folders) != 1:
        names = f": {', '.join(folder.name for folder in folders)}; specify one of them" if folders else ""
        raise ContractError(
            f"{task} must contain one nnU-Net v1 model (a folder TRAINER__PLANS with plans.pkl),"
            f" found {len(folders)}{names}"
        )
    return folders[0]


def dataset_name(model: Path) -> str:
    """Return the dataset name for a model, for example Dataset251_… for the folder Task251_….

    Raises
    ------
    ContractError
        If the model is not in the folder of its task.

    """
    found = TASK.fullmatch(model.resolve().parent.name)
    if not found:
        raise ContractError(
            f"{model} must be in the folder of its task, such as Task251_Name/TRAINER__PLANS, found in"
            f" {model.resolve().parent.name}"
        )
    return f"Dataset{found[1]}_{found[2]}"


def find_folds(model: Path) -> list[Path]:
    """Return the folders of the trained folds.

    Raises
    ------
    ContractError
        If the model has no fold, or the description of a checkpoint is missing.

    """
    folds = sorted(
        path.parent for path in model.glob(f"*/{description.CHECKPOINT}") if FOLD.fullmatch(path.parent.name)
    )
    if not folds:
        raise ContractError(f"{model} contains no fold_0/{description.CHECKPOINT}")
    absent = [fold for fold in folds if not (fold / f"{description.CHECKPOINT}.pkl").is_file()]
    if absent:
        raise ContractError(f"{absent[0]} lacks {description.CHECKPOINT}.pkl, which describes the checkpoint")
    return folds


def refuse_postprocessing(model: Path) -> None:
    """Reject a model with postprocessing, which cannot be specified in a v2 model folder.

    Raises
    ------
    ContractError
        If postprocessing.json lists classes of which only the largest component is kept.

    """
    path = model / "postprocessing.json"
    if not path.is_file():
        return
    try:
        classes = json.loads(path.read_text(encoding="utf-8"))["for_which_classes"]
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path} is not a postprocessing file of nnU-Net v1 ({error!r})") from None
    if classes:
        raise ContractError(
            f"{path}: only the largest component of classes {classes} is kept, which a model folder of nnU-Net v2"
            " cannot specify. Remove this file before the conversion to keep all components"
        )


def names_of(dataset: str) -> list[str] | None:
    """Return the structure names of a dataset in a model set of this package, in the order of their numbers."""
    parts = [part for path in sorted(SHIPPED.glob("*.yaml")) for part in set_file.read(path)["parts"]]
    known = (part.get("structures") for part in parts if Path(part["folder"]).parts[0] == dataset)
    return next(known, None)


def table_of(rows: list[Any]) -> str:
    """Return a text table with one line per tensor."""
    cells = [("nnU-Net v1", "shape", "nnU-Net v2", "conversion")]
    cells += [(row.v1 or "-", "x".join(map(str, row.shape)), row.v2, row.change) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) + "\n"
        for row in cells
    )


@dataclass(frozen=True)
class ConvertV1Options:
    """Options of the command `convert-v1`, described by `ctpop convert-v1 --help`."""

    task_folder: Path
    out_folder: Path


def run(options: ConvertV1Options) -> None:
    """Convert all folds of a model, print the tables of tensors, and log the output folder."""
    model = find_model(options.task_folder)
    dataset, folds = dataset_name(model), find_folds(model)
    refuse_postprocessing(model)
    described_model = description.describe(model, folds[0])
    plans = translation.plans_of(described_model, dataset)
    out = (
        options.out_folder
        / dataset
        / f"{translation.TRAINER}__{translation.PLANS_NAME}__{described_model.configuration}"
    )
    described = {"plans.json": plans, "dataset.json": translation.dataset_of(described_model, names_of(dataset))}
    for fold in folds:
        write_fold(fold, model, plans, out)
    for name, values in described.items():
        write_text(json.dumps(values, indent=1) + "\n", out / name)
    LOG.info("%s: %d folds of trainer %s written to %s", dataset, len(folds), described_model.trainer, out)


def write_fold(fold: Path, model: Path, plans: dict[str, Any], out: Path) -> None:
    """Convert the checkpoint of a fold.

    Raises
    ------
    ContractError
        If the plans differ from those of the first fold, or a tensor cannot be matched.

    """
    from ctpop.stages.segment.v1 import tensors  # importing torch takes seconds; other errors are reported first

    described_model = description.describe(model, fold)
    if translation.plans_of(described_model, plans["dataset_name"]) != plans:
        raise ContractError(f"{fold}: the plans differ from those of the first fold")
    path = fold / description.CHECKPOINT
    architecture = plans["configurations"][described_model.configuration]["architecture"]
    held = tensors.read_weights(path)
    weights, rows = tensors.converted(held, described_model, architecture, path)
    number = fold.name if fold.name == "all" else int(fold.name.removeprefix("fold_"))
    content = tensors.checkpoint_bytes(weights, described_model.configuration, number, described_model.mirrors)
    write_atomically(out / f"fold_{number}" / "checkpoint_final.pth", lambda part: part.write_bytes(content))
    placed = sum(row.v1 is not None for row in rows)
    sys.stdout.write(
        f"{path}\n{table_of(rows)}nnU-Net v1 tensors converted: {placed} of {len(held)};"
        f" biases present only in nnU-Net v2, set to zero: {len(rows) - placed}\n"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "task_folder",
        type=Path,
        metavar="TASK_FOLDER",
        help="folder of an nnU-Net v1 task, such as Task251_Name, or its model folder TRAINER__PLANS",
    )
    parser.add_argument(
        "out_folder",
        type=Path,
        metavar="OUT_FOLDER",
        help="output folder for Dataset251_Name/… (nnUNet_results of nnU-Net v2, segment.weights of ctpop)",
    )
