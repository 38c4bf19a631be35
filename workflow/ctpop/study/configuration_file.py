"""Strict reader of the study file (YAML), which records the line of each setting for messages.

This module runs each time Snakemake parses the Snakefile.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ctpop.foundation import strict_yaml
from ctpop.foundation.errors import ContractError

WHAT = "the study file"
START = "docs/config.md lists the settings"


def read(path: Path) -> dict[str, Any]:
    r"""Read the settings of a study file without validation or defaults.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    dict
        Sections by name, without defaults.

    Raises
    ------
    ContractError
        If the file cannot be read, is not YAML in UTF-8, is empty, is not a mapping, or contains a key twice.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.yaml")
    ...     _ = path.write_text("structures: demo\n")
    ...     read(path)
    {'structures': 'demo'}

    """
    content = strict_yaml.content_of(path, WHAT)
    if content is None:
        raise ContractError(f"{path}: the study file is empty; {START}")
    if not isinstance(content, dict):
        raise ContractError(
            f"{path}: line 1: sections such as 'study:' are expected at the top level, found a {_kind(content)};"
            f" write 'study:' followed by its settings; {START}"
        )
    return content


def places_of(paths: Iterable[Path]) -> dict[str, str]:
    r"""Return the file and line of each setting in study files.

    Parameters
    ----------
    paths : iterable of Path
        YAML files that `read` accepts. If several files contain a setting, the place in the last file is returned.

    Returns
    -------
    dict of str to str
        File and line, such as `study.yaml, line 3`, by setting, such as `aging.alpha`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.yaml")
    ...     _ = path.write_text("structures: demo\naging:\n  alpha: 0.05\n")
    ...     places_of([path])["aging.alpha"]
    'study.yaml, line 3'

    """
    found: dict[str, str] = {}
    for path in paths:
        root = yaml.compose(strict_yaml.text_of(path, WHAT), yaml.CSafeLoader)
        found |= {name: f"{path.name}, line {line}" for name, line in _lines(root, "", ())}
    return found


def with_place(problem: str, places: Mapping[str, str]) -> str:
    """Add the file and line of a setting, or of its section, to the beginning of a message.

    Parameters
    ----------
    problem : str
        Message that begins with the name of a setting and a colon.
    places : mapping of str to str
        File and line by setting (`places_of`).

    Returns
    -------
    str
        Message with file and line; unchanged if the place of the setting is unknown.

    Examples
    --------
    >>> with_place("aging.alpha: is too large", {"aging": "study.yaml, line 2"})
    'study.yaml, line 2: aging.alpha: is too large'

    """
    name = problem.partition(": ")[0]
    while name:
        if name in places:
            return f"{places[name]}: {problem}"
        name = name.rpartition(".")[0]
    return problem


def _lines(node: Any, prefix: str, above: tuple[int, ...]) -> Iterator[tuple[str, int]]:
    """Yield the name and line of each entry of a mapping or list, including nested entries."""
    if id(node) in above or not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        return
    listed = isinstance(node, yaml.SequenceNode)
    pairs = [(str(number), part) for number, part in enumerate(node.value)] if listed else node.value
    for key, value in pairs:
        name = f"{prefix}{key if isinstance(key, str) else key.value}"
        yield name, (value if isinstance(key, str) else key).start_mark.line + 1
        yield from _lines(value, f"{name}.", (*above, id(node)))


def _kind(content: object) -> str:
    return "list" if isinstance(content, list) else "single value"
