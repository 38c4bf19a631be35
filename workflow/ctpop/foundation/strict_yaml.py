"""YAML files of users, read strictly: an error names the line and what to do.

YAML itself accepts a key that is written twice and takes the last one; here that is an error.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ctpop.foundation.errors import ContractError, in_one_line

MERGE = "<<"
REMEDIES = {  # by words of the parser's messages
    "mapping values are not allowed": "align the line with its section, and quote texts that contain ': '",
    "expected <block end>|did not find expected key": "align the line with the other settings of its section",
    "could not find expected ':'": "write a colon and a blank between the setting and its value",
    "flow sequence|flow mapping|expected ',' or|expected node content": "close the bracket that the line opens",
    "quoted scalar": "close the quotation mark that the line opens",
}


def content_of(path: Path, what: str) -> Any:
    """Return the content of a YAML file; None if it is empty.

    Parameters
    ----------
    path
        File.
    what
        What the file should be, for messages.

    Raises
    ------
    ContractError
        If the file cannot be read, is not YAML in UTF-8, or contains a key twice.

    """
    text = text_of(path, what)
    try:
        root = yaml.compose(text, yaml.CSafeLoader)
        repeated = next(_repeated_keys(root, set()), None)
        content = None if repeated else yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ContractError(_explain(error, text, path)) from None
    if repeated:
        key, first, second = repeated
        raise ContractError(
            f"{path}: line {second}: the key {key!r} is in line {first} already, and YAML would take the last value"
            " only; remove one of the two lines"
        )
    return content


def text_of(path: Path, what: str) -> str:
    """Return the text of a file in UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ContractError(
            f"{path}: {what} is expected, found: {error.strerror}; give the path of its YAML file"
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ContractError(
            f"{path}: line {line}: YAML in UTF-8 is expected, found the byte {content[error.start]:#04x}; save the file"
            " with the encoding UTF-8"
        ) from None


def _explain(error: Exception, text: str, path: Path) -> str:
    in_key = "simple key" in str(getattr(error, "context", ""))  # which begins where the line is to be corrected
    mark = getattr(error, "context_mark" if in_key else "problem_mark", None)
    if mark is None:
        return f"{path}: YAML is expected, found: {in_one_line(error)}"
    problem = str(getattr(error, "problem", "") or in_one_line(error))
    lines = text.splitlines()
    tabbed = next((n for n, line in enumerate(lines[: mark.line + 1], 1) if re.match(r" *\t+ *\S", line)), None)
    if tabbed:
        return f"{path}: line {tabbed}: YAML is expected, found a tab at the start of the line; indent with blanks"
    remedy = next((fix for words, fix in REMEDIES.items() if re.search(words, problem)), "correct the line")
    place = f"line {mark.line + 1}, column {mark.column + 1}"
    if mark.line >= len(lines):
        place = f"line {len(lines)}, at the end of the file"
    return f"{path}: {place}: YAML is expected, found: {problem}; {remedy}"


def _repeated_keys(node: Any, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Yield key, first line and second line of each key that a mapping contains twice."""
    if node is None or id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))  # an alias may stand for a node that contains it
    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            yield from _repeated_keys(part, seen)
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines and name != MERGE:
            yield name, lines[name], line
        lines[name] = line
        yield from _repeated_keys(value, seen)
