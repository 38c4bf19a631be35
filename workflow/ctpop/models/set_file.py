"""The YAML of a model set: found, read, and kept from naming files outside its folders."""

from functools import cache
from pathlib import Path
from typing import Any

from ctpop.foundation import strict_yaml
from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import filled_in, problems_of, read_schema
from ctpop.foundation.resources import resource
from ctpop.models.model_folder import SHIPPED
from ctpop.study import configuration

SCHEMA_PATH = resource("schemas", "model_set.schema.yaml")
NAME_WORDS = ("trainer", "plans", "configuration")  # nnU-Net names a model folder after them, joined by two underscores


def locate(options: dict[str, Any]) -> Path:
    """Return the YAML or the model folder that `segment.model` means: a shipped set, or a path.

    Raises
    ------
    ContractError
        If it is neither.

    """
    if not options.get("model"):
        raise ContractError("segment.model: is missing; engine nnunet needs a model set (or demo)")
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
    path = shipped.get(options["model"], Path(options["model"]).expanduser())
    if not path.exists():
        raise ContractError(
            f"segment.model: a shipped model set ({', '.join(shipped)}), a YAML of your own, or one nnU-Net v2 model"
            f" folder is expected, found nothing at {options['model']}"
        )
    return path


def read(path: Path) -> dict[str, Any]:
    """Return what the YAML says, with defaults.

    Raises
    ------
    ContractError
        If it is not YAML, or breaks its schema, with one line per entry.

    """
    content = strict_yaml.content_of(path, "a model set")
    schema = _schema()
    problems = sorted(set(problems_of(schema, content)))
    if problems:
        raise ContractError(f"{path}: the model set has errors:\n" + "\n".join(f"  {line}" for line in problems))
    filled: dict[str, Any] = filled_in(schema, content)
    return filled


def folder_of(part: dict[str, Any], weights: Path, where: str) -> Path:
    """Return the model folder of a part.

    Raises
    ------
    ContractError
        If it is not below `weights`, or its name contradicts the set.

    """
    folder = Path(part["folder"])
    if folder.is_absolute() or ".." in folder.parts:
        raise ContractError(f"{where}.folder: must lie below {weights}, without '..', found {folder}")
    words = folder.name.split("__")
    named = dict(zip(NAME_WORDS, words, strict=True)) if len(words) == len(NAME_WORDS) else {}
    for key in NAME_WORDS if named else NAME_WORDS[:2]:
        if part.get(key) not in {None, named.get(key)}:
            raise ContractError(f"{where}.{key}: is {part[key]}, but the folder is named {folder.name}")
    return weights / folder


def confine(paths: list[Path], root: Path, where: str) -> None:
    """Refuse paths that lead out of a folder, through symbolic links, too.

    Raises
    ------
    ContractError
        With the first that does.

    """
    for path in paths:
        try:
            inside = path.resolve().is_relative_to(root.resolve())
        except (OSError, RuntimeError):  # links in a circle
            inside = False
        if not inside:
            raise ContractError(
                f"{where}: {path} leads out of {root}, as '..' or a link; a set must not leave its folder"
            )


def label_set_file(path: Path, name: str) -> Path:
    """Return the CSV of a shipped label set, or of one in the folder of the YAML.

    Raises
    ------
    ContractError
        If there is neither.

    """
    shipped = {file.stem: file for file in sorted(configuration.LABEL_SETS.glob("*.csv"))}
    if name in shipped:
        return shipped[name]
    own = path.parent / name
    if not own.is_file():
        raise ContractError(
            f"{path}: label_set: {name!r} is neither a shipped label set ({', '.join(shipped)})"
            " nor a CSV beside the YAML"
        )
    confine([own], path.parent, f"{path}: label_set")
    return own


def numbers_of(label_set: Path) -> dict[str, int]:
    """Return the number of each structure of a label set, in the order of the numbers.

    Raises
    ------
    ContractError
        If a row lacks one of them, or a structure has two.

    """
    rows = configuration.label_rows(str(label_set))
    try:
        numbers = {row["structure"]: int(row["label"]) for row in rows}
    except (KeyError, ValueError, TypeError):
        numbers = {"": 0}
    if not all(numbers):
        raise ContractError(f"{label_set}: each row needs a structure and its label, a whole number")
    if len(numbers) < len(rows):
        raise ContractError(f"{label_set}: each structure has one label, found a structure in two rows")
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


@cache
def _schema() -> dict[str, Any]:
    return read_schema(SCHEMA_PATH)
