"""Write a model of nnU-Net v1 as a model folder of nnU-Net v2, which `nnUNetv2_predict` and this program run.

In: the folder of a task, as nnU-Net v1 trained it, or as TotalSegmentator published the model of the paper. Out:
OUT/Dataset251_…/nnUNetTrainer__nnUNetPlans__3d_fullres with plans.json, dataset.json and a checkpoint per fold, and on
standard output a table of every tensor. Nothing in the folder of the task is run or changed. The networks compute the
same; docs/decisions/007 tells what differs around them.
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
    """Return the folder that holds plans.pkl: this one, or the only one just below.

    Raises
    ------
    ContractError
        If there is none, or more than one.

    """
    folders = [task] if (task / "plans.pkl").is_file() else sorted(path.parent for path in task.glob("*/plans.pkl"))
    if len(folders) != 1:
        names = f": {', '.join(folder.name for folder in folders)}; name one of them" if folders else ""
        raise ContractError(
            f"{task}: one model of nnU-Net v1 (a folder TRAINER__PLANS with plans.pkl) is expected,"
            f" found {len(folders)}{names}"
        )
    return folders[0]


def dataset_name(model: Path) -> str:
    """Return Dataset251_… for a model in the folder Task251_….

    Raises
    ------
    ContractError
        If the model does not lie in the folder of its task.

    """
    found = TASK.fullmatch(model.resolve().parent.name)
    if not found:
        raise ContractError(
            f"{model}: must lie in the folder of its task, as Task251_Name/TRAINER__PLANS, found it in"
            f" {model.resolve().parent.name}"
        )
    return f"Dataset{found[1]}_{found[2]}"


def find_folds(model: Path) -> list[Path]:
    """Return the folders of trained folds.

    Raises
    ------
    ContractError
        If there is none.

    """
    folds = sorted(
        path.parent for path in model.glob(f"*/{description.CHECKPOINT}") if FOLD.fullmatch(path.parent.name)
    )
    if not folds:
        raise ContractError(f"{model}: has no fold_0/{description.CHECKPOINT}")
    absent = [fold for fold in folds if not (fold / f"{description.CHECKPOINT}.pkl").is_file()]
    if absent:
        raise ContractError(f"{absent[0]}: lacks {description.CHECKPOINT}.pkl, which says what the checkpoint is of")
    return folds


def refuse_postprocessing(model: Path) -> None:
    """Refuse a model that v1 would clean after prediction: v2 does not do that from a model folder.

    Raises
    ------
    ContractError
        If postprocessing.json names classes of which only the largest part is to be kept.

    """
    path = model / "postprocessing.json"
    if not path.is_file():
        return
    try:
        classes = json.loads(path.read_text(encoding="utf-8"))["for_which_classes"]
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path}: is no postprocessing of nnU-Net v1 ({error!r})") from None
    if classes:
        raise ContractError(
            f"{path}: keeps the largest part of classes {classes}; a model folder of nnU-Net v2 cannot say that."
            " Convert without this file if the parts shall stay"
        )


def names_of(dataset: str) -> list[str] | None:
    """Return the structures of a dataset that a shipped model set uses, in the order of their numbers."""
    parts = [part for path in sorted(SHIPPED.glob("*.yaml")) for part in set_file.read(path)["parts"]]
    known = (part.get("structures") for part in parts if Path(part["folder"]).parts[0] == dataset)
    return next(known, None)


def table_of(rows: list[Any]) -> str:
    """Return what has become of every tensor, a line for each."""
    cells = [("nnU-Net v1", "shape", "nnU-Net v2", "what")]
    cells += [(row.v1 or "-", "x".join(map(str, row.shape)), row.v2, row.change) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    return "".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) + "\n"
        for row in cells
    )


@dataclass(frozen=True)
class ConvertV1Options:
    """Options of the command `convert-v1`; `ctpop convert-v1 --help` explains them."""

    task_folder: Path
    out_folder: Path


def run(options: ConvertV1Options) -> None:
    """Convert every fold of a model, print the tables, and say what was written."""
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
        If it is not of the same plans as the first one, or a tensor is not accounted for.

    """
    from ctpop.stages.segment.v1 import tensors  # torch takes seconds to import, and mistakes are told before

    described_model = description.describe(model, fold)
    if translation.plans_of(described_model, plans["dataset_name"]) != plans:
        raise ContractError(f"{fold}: is of other plans than the folds before it")
    path = fold / description.CHECKPOINT
    architecture = plans["configurations"][described_model.configuration]["architecture"]
    held = tensors.read_weights(path)
    weights, rows = tensors.converted(held, described_model, architecture, path)
    number = fold.name if fold.name == "all" else int(fold.name.removeprefix("fold_"))
    content = tensors.checkpoint_bytes(weights, described_model.configuration, number, described_model.mirrors)
    write_atomically(out / f"fold_{number}" / "checkpoint_final.pth", lambda part: part.write_bytes(content))
    placed = sum(row.v1 is not None for row in rows)
    sys.stdout.write(
        f"{path}\n{table_of(rows)}{placed} of {len(held)} tensors of nnU-Net v1 placed;"
        f" {len(rows) - placed} biases that only nnU-Net v2 has are zero\n"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "task_folder",
        type=Path,
        metavar="TASK_FOLDER",
        help="folder of a task of nnU-Net v1, as Task251_Name, or its only model TRAINER__PLANS",
    )
    parser.add_argument(
        "out_folder",
        type=Path,
        metavar="OUT_FOLDER",
        help="folder to write Dataset251_Name/… to: what nnU-Net v2 calls nnUNet_results, and ctpop segment.weights",
    )
