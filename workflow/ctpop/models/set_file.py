"""The YAML file of a model set: location, content, and restriction of its paths to the folders of the model set."""

from functools import cache
from pathlib import Path
from typing import Any

from ctpop.foundation import strict_yaml
from ctpop.foundation.alternatives import alternative
from ctpop.foundation.errors import ContractError
from ctpop.foundation.json_schema import filled_in, problems_of, read_schema
from ctpop.foundation.resources import resource
from ctpop.models.model_folder import SHIPPED
from ctpop.study import configuration, configuration_file

SCHEMA_PATH = resource("schemas", "model_set.schema.yaml")
NAME_WORDS = ("trainer", "plans", "configuration")  # parts of nnU-Net folder names, which are joined by two underscores


def locate(options: dict[str, Any]) -> Path:
    """Return the YAML file or model folder to which `segment.model` refers: a built-in model set or a path.

    Raises
    ------
    ContractError
        If the setting is missing, or is neither a built-in model set nor an existing path.

    """
    if not options.get("model"):
        raise ContractError(
            "segment.model: this setting is missing, but engine nnunet requires a model set, such as"
            " segment: {model: demo}"
        )
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}
    path = shipped.get(options["model"], Path(options["model"]).expanduser())
    if not path.exists():
        raise ContractError(
            f"segment.model: {options['model']} is neither a built-in model set ({', '.join(shipped)}) nor the path of"
            " a YAML file or an nnU-Net v2 model folder"
            f"{alternative('segment.model', options['model'], shipped) or '; correct the name or the path'}"
        )
    return path


def read(path: Path) -> dict[str, Any]:
    """Return the content of the YAML file, completed with defaults.

    Raises
    ------
    ContractError
        If the file is not YAML or violates its schema; the message contains one line per error.

    """
    content = strict_yaml.content_of(path, "the model set")
    schema = _schema()
    problems = sorted(set(problems_of(schema, content)))
    if problems:
        lines = configuration_file.with_places(problems, path)
        raise ContractError(f"{path}: the model set contains errors:\n" + "\n".join(f"  {line}" for line in lines))
    filled: dict[str, Any] = filled_in(schema, content)
    return filled


def folder_of(part: dict[str, Any], weights: Path, where: str) -> Path:
    """Return the model folder of a part.

    Raises
    ------
    ContractError
        If the folder is not inside `weights`, or its name contradicts the model set.

    """
    folder = Path(part["folder"])
    if folder.is_absolute() or ".." in folder.parts:
        raise ContractError(f"{where}.folder: must be a path relative to {weights} without '..', but is {folder}")
    words = folder.name.split("__")
    named = dict(zip(NAME_WORDS, words, strict=True)) if len(words) == len(NAME_WORDS) else {}
    for key in NAME_WORDS if named else NAME_WORDS[:2]:
        if part.get(key) not in {None, named.get(key)}:
            raise ContractError(
                f"{where}.{key}: {part[key]} does not match the folder name {folder.name}; correct the key or the"
                " folder"
            )
    return weights / folder


def confine(paths: list[Path], root: Path, where: str) -> None:
    """Reject paths that lead outside a folder, including through symbolic links.

    Raises
    ------
    ContractError
        If a path leads outside the folder; the message contains the first such path.

    """
    for path in paths:
        try:
            inside = path.resolve().is_relative_to(root.resolve())
        except (OSError, RuntimeError):  # circular links
            inside = False
        if not inside:
            raise ContractError(
                f"{where}: {path} leads outside {root} through '..' or a symbolic link; a model set can use only"
                " files in its folder"
            )


def label_set_file(path: Path, name: str) -> Path:
    """Return the CSV file of a built-in label set, or of a label set in the folder of the YAML file.

    Raises
    ------
    ContractError
        If neither exists.

    """
    shipped = {file.stem: file for file in sorted(configuration.LABEL_SETS.glob("*.csv"))}
    if name in shipped:
        return shipped[name]
    own = path.parent / name
    if not own.is_file():
        raise ContractError(
            f"{path}: label_set: {name!r} is neither a built-in label set ({', '.join(shipped)})"
            " nor a CSV file in the folder of the YAML file"
        )
    confine([own], path.parent, f"{path}: label_set")
    return own


def numbers_of(label_set: Path) -> dict[str, int]:
    """Return the label of each structure of a label set, in ascending order of the labels.

    Raises
    ------
    ContractError
        If a row lacks a structure or a label, or if a structure has two labels.

    """
    rows = configuration.label_rows(str(label_set))
    try:
        numbers = {row["structure"]: int(row["label"]) for row in rows}
    except (KeyError, ValueError, TypeError):
        numbers = {"": 0}
    if not all(numbers):
        raise ContractError(f"{label_set}: each row must contain a structure and its label, which is an integer")
    if len(numbers) < len(rows):
        raise ContractError(f"{label_set}: each structure must have one label, but a structure occurs in two rows")
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


@cache
def _schema() -> dict[str, Any]:
    return read_schema(SCHEMA_PATH)
