"""Strict reader for users' YAML files; error messages contain the line and the remedy.

YAML parsers accept duplicate keys and use the last value; here, duplicate keys are an error.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ctpop.foundation.alternatives import closest
from ctpop.foundation.errors import ContractError, in_one_line

MERGE = "<<"
REMEDIES = {  # remedy by a phrase in the message of the parser
    "mapping values are not allowed": "align the line with its section, and quote any text that contains ': '",
    "expected <block end>|did not find expected key": "align the line with the other settings of its section",
    "could not find expected ':'": "write a colon and a space between the setting and its value",
    "flow sequence|flow mapping|expected ',' or|expected node content": "close the bracket that the line opens",
    "quoted scalar": "close the quotation mark that the line opens",
}


def content_of(path: Path, what: str) -> Any:
    """Return the content of a YAML file; None if it is empty.

    Parameters
    ----------
    path
        YAML file.
    what
        Noun phrase for the content of the file, for messages.

    Raises
    ------
    ContractError
        If the file cannot be read, is not YAML in UTF-8, or contains a duplicate key.

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
            f"{path}: line {second}: the key {key!r} already occurs in line {first}; remove one of the two lines"
        )
    return content


def text_of(path: Path, what: str) -> str:
    """Return the text of a UTF-8 file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        close = closest(str(path))
        remedy = f"did you mean {close}?" if close else "correct the path of the YAML file"
        raise ContractError(f"{path}: {what} cannot be read ({error.strerror}); {remedy}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ContractError(
            f"{path}: line {line}: the file is not encoded in UTF-8 (found the byte {content[error.start]:#04x}); save"
            " the file as UTF-8"
        ) from None


def _explain(error: Exception, text: str, path: Path) -> str:
    context = str(getattr(error, "context", ""))  # the contexts below begin at the line to correct
    in_context = re.search("simple key|quoted scalar|flow sequence|flow mapping", context)
    mark = getattr(error, "context_mark" if in_context else "problem_mark", None)
    if mark is None:
        return f"{path}: invalid YAML: {in_one_line(error)}"
    problem = str(getattr(error, "problem", "") or in_one_line(error))
    lines = text.splitlines()
    tabbed = next((n for n, line in enumerate(lines[: mark.line + 1], 1) if re.match(r" *\t+ *\S", line)), None)
    if tabbed:
        return f"{path}: line {tabbed}: invalid YAML: the line begins with a tab; indent the line with spaces"
    parsed = f"{problem} {context}"
    remedy = next((fix for words, fix in REMEDIES.items() if re.search(words, parsed)), "correct the line")
    place = f"line {mark.line + 1}, column {mark.column + 1}"
    if mark.line >= len(lines):
        place = f"line {len(lines)}, at the end of the file"
    return f"{path}: {place}: invalid YAML: {problem}; {remedy}"


def _repeated_keys(node: Any, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Yield the key, the first line, and the second line of each duplicate key of a mapping."""
    if node is None or id(node) in seen or isinstance(node, yaml.ScalarNode):
        return
    seen.add(id(node))  # an alias can refer to a node that contains the alias
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
