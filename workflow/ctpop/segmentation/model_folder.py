"""Model folders of nnU-Net v2, as `nnUNetv2_train` writes them, found and checked without loading torch."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ctpop.errors import ContractError

VERSION = 1  # raise it when the same image and model would give other labels: then scans are segmented again
SHIPPED = Path(__file__).parents[2] / "resources" / "models"
FILES = ("plans.json", "dataset.json", "fold_0/checkpoint_final.pth")
# Modules that hold classes only: a longer path leads elsewhere, as torch.nn.functional.torch.os.system does.
IMPORTABLE = re.compile(
    r"(torch\.nn(\.modules\.[a-z]+)?|dynamic_network_architectures\.(architectures|building_blocks)\.[a-z_]+)\.[A-Z]\w*"
)
IMPORTED_KEYS = ("network_class_name", "conv_op", "norm_op", "dropout_op", "nonlin", "nonlin_first")


def find_folder(name_or_folder: str) -> Path:
    """Return the folder that holds plans.json, for a shipped model (`demo`) or a path to it or to its parent.

    Raises
    ------
    ContractError
        If there is none, more than one, or a file is missing.

    """
    shipped = SHIPPED / name_or_folder
    root = shipped if shipped.is_dir() else Path(name_or_folder)
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


def files(name_or_folder: str) -> list[str]:
    """Return the files of a model, by shipped name or path."""
    folder = find_folder(name_or_folder)
    return [str(folder / name) for name in FILES]


def digest_of(folder: Path) -> str:
    """Return the SHA-256 over the files that decide what a model predicts."""
    digest = hashlib.sha256()
    for name in FILES:
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object.

    Raises
    ------
    ContractError
        If it is not one.

    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ContractError(f"{path}: is not JSON ({error})") from None
    if not isinstance(values, dict):
        raise ContractError(f"{path}: a JSON object is expected, found {type(values).__name__}")
    return values


def check_imports(plans: Any, path: Path) -> None:
    """Refuse plans that name anything but classes of torch.nn and nnU-Net: what they name is imported and called.

    Raises
    ------
    ContractError
        With the first entry that names something else.

    """
    entries = list(_entries(plans))
    listed = [names for key, names in entries if key == "_kw_requires_import"]
    imported = {*IMPORTED_KEYS, *(str(name) for names in listed for name in names)}
    for key, value in entries:
        if key in imported and value is not None and not IMPORTABLE.fullmatch(str(value)):
            raise ContractError(f"{path}: {key} may name a class of torch.nn or nnU-Net's networks, found {value!r}")


def foreground_labels(dataset: dict[str, Any], path: Path) -> dict[str, int]:
    """Return the number of each structure in dataset.json.

    Raises
    ------
    ContractError
        If labels are regions (lists), or the input is not one CT channel.

    """
    labels = dataset.get("labels", {})
    if not labels or not all(isinstance(number, int) for number in labels.values()):
        raise ContractError(f"{path}: labels must map each structure to one number (regions are not supported)")
    if len(dataset.get("channel_names", {})) != 1:
        raise ContractError(f"{path}: a model with one CT channel is expected, found {dataset.get('channel_names')}")
    return {name: number for name, number in labels.items() if number}


def labels_of(folder: Path) -> dict[str, int]:
    """Return the number of each structure of a model folder."""
    path = folder / FILES[1]
    return foreground_labels(read_json(path), path)


def _entries(values: Any) -> Iterator[tuple[str, Any]]:
    """Return the keys and values of all objects in a JSON document, however deep."""
    if isinstance(values, dict):
        yield from values.items()
    parts = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
    for part in parts:
        yield from _entries(part)
