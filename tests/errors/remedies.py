"""Application of the remedies in error messages: lines, cells, or commands.

The entry `message` of a case contains four parts of the error message: file, line, value found, and remedy. YAML lines
and commands are applied exactly as the message states them. If the message cannot state the correct value (`correct
the cell`), the entry `correct` contains the wrong text and the correct text of the reported line.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from errors import inputs

SECTION = re.compile(r"(?:study|cohort|measure|segment|screen|aging|report|review|evaluate): \{.*\}$")
REPLACE = re.compile(r"[Rr]eplace (?P<old>\S+) with (?P<new>\S+)")
SET = re.compile(r"(?:[Ss]et|swap the limits:|for example) (?P<key>[a-z0-9_-]+): (?P<value>.+)")
DELETE = re.compile(r"(remove|delete) (the line|this section|this setting|these|measure: |one of the two lines)")
COMMAND = re.compile(r"(?:gunzip|ctpop) .+")
MEANT = re.compile(r"did you mean (?P<new>\S+)\?")


def apply(case: dict[str, Any], command: str, folder: Path) -> list[str]:
    """Apply the remedy of a case to its files, and return the commands that must succeed afterward."""
    expected = case["message"]
    remedy, path = expected["remedy"], folder / expected["file"]
    if "then" in case:  # the corrected command
        return [case["then"]]
    if found := COMMAND.search(remedy):
        return [found[0]] if found[0].endswith("--help") else [found[0], command]
    if found := MEANT.search(remedy):
        return [replaced(command, expected["found"], found["new"])]
    if {"saved", "delete", "correct"} & set(case):
        correct_files(case, folder)
    elif "UTF-8" in remedy:
        path.write_text(path.read_text(encoding=case["encode"][expected["file"]]), encoding="utf-8")
    else:
        write_remedy(path, remedy, expected.get("line", 1))
    return [command]


def correct_files(case: dict[str, Any], folder: Path) -> None:
    """Correct the reported line, save files again, or delete a file, as specified in a case."""
    for name, content in case.get("saved", {}).items():
        inputs.write_file(folder / name, content)
    if "delete" in case:
        (folder / case["delete"]).unlink()
    if "correct" in case:
        correct(folder / case["message"]["file"], case["correct"], case["message"].get("line"))


def write_remedy(path: Path, remedy: str, line: int) -> None:
    """Apply a remedy to a YAML file, or delete the reported line."""
    if found := REPLACE.search(remedy):
        correct(path, [found["old"], found["new"]], line)
        return
    section = SECTION.search(remedy)
    if DELETE.search(remedy):
        delete(path, line)
    if section:
        add_setting(path.parent / "study.yaml", section[0])
    elif found := SET.search(remedy):
        write_setting(path, found["key"], found["value"], line)
    elif not DELETE.search(remedy):
        raise AssertionError(f"no way to apply the remedy {remedy!r}")


def replaced(command: str, old: str, new: str) -> str:
    """Return a command with a word replaced."""
    assert old in command.split()
    return " ".join(new if word == old else word for word in command.split())


def correct(path: Path, pair: list[Any], line: int | None) -> None:
    """Replace a text in a line of a file, or a cell in a row of a workbook.

    The optional third and fourth elements of `pair` are the line and the file, if they differ from the reported ones.
    """
    old, new, *other = pair
    line = other[0] if other else line
    path = path.parent / other[1] if len(other) > 1 else path
    if path.suffix in (".xlsx", ".ods", ".parquet"):
        correct_cell(path, str(old), str(new), line)
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = lines or [""]
    assert old in lines[line - 1], f"line {line} of {path.name} is {lines[line - 1]!r}"
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def correct_cell(path: Path, old: str, new: str, line: int | None) -> None:
    """Replace a cell in a row of the first sheet, or in any row if no line is given."""
    rows = inputs.cells_in(path)
    wanted = [number for number, row in enumerate(rows, 1) if old in row and line in (None, number)]
    assert wanted, f"no cell {old!r} in row {line} of {path.name}"
    rows[wanted[0] - 1] = [new if cell == old else cell for cell in rows[wanted[0] - 1]]
    inputs.write_file(path, "".join(",".join(row) + "\n" for row in rows))


def delete(path: Path, line: int) -> None:
    """Delete a line of a file and the following lines with a larger indentation."""
    lines = path.read_text(encoding="utf-8").splitlines()
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    end = line
    while path.suffix == ".yaml" and end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > indent:
        end += 1
    del lines[line - 1 : end]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_setting(path: Path, key: str, value: str, line: int) -> None:
    """Write a setting to its line, below its section, or, for a top-level setting, at the end of the file."""
    lines = path.read_text(encoding="utf-8").splitlines() or [""]
    indent = " " * (len(lines[line - 1]) - len(lines[line - 1].lstrip()))
    flow = re.search(rf"\b{key}: (\[[^\]]*\]|[^,}}]+)", lines[line - 1])
    if re.match(rf" *{key}:", lines[line - 1]):
        lines[line - 1 : end_of(lines, line)] = [f"{indent}{key}: {value}"]
    elif flow:
        lines[line - 1] = lines[line - 1].replace(flow[0], f"{key}: {value}", 1)
    elif key in ("structures", "rules"):
        lines.append(f"{key}: {value}")
    else:
        lines.insert(line, f"{indent}  {key}: {value}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def end_of(lines: list[str], line: int) -> int:
    """Return the number of the last line of a setting: the last line with a larger indentation or a list entry."""
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    end = line
    while end < len(lines) and (
        len(lines[end]) - len(lines[end].lstrip()) > indent or lines[end].lstrip().startswith("- ")
    ):
        end += 1
    return end


def add_setting(path: Path, text: str) -> None:
    """Add a setting to a study file; the text is YAML that begins with the section."""
    study = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    merge(study, yaml.safe_load(text))
    path.write_text(yaml.safe_dump(study, sort_keys=False, allow_unicode=True), encoding="utf-8")


def merge(settings: dict[str, Any], added: dict[str, Any]) -> None:
    """Add settings to existing settings, at any depth."""
    for key, value in added.items():
        if isinstance(value, dict) and isinstance(settings.get(key), dict):
            merge(settings[key], value)
        else:
            settings[key] = value
