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
SECTIONS = (
    *("study", "structures", "cohort", "dicom", "segment", "measure", "screen", "aging", "report", "review"),
    "evaluate",
)
START = "docs/config.md lists the settings"
FIRST_LINE = "study: {name: my_study, start_from: images, registry: registry.csv}"


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
        raise ContractError(f"{path}: line 1: the study file is empty; add {FIRST_LINE}; {START}")
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
        File and line, such as `study.yaml, line 3`, by setting, such as `aging.alpha`. The empty name refers to the
        first line, for settings that no file contains.

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
        found |= {"": f"{path.name}, line 1"} | {
            name: f"{path.name}, line {line}" for name, line in _lines(root, "", ())
        }
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
        Message with file and line; unchanged if it does not begin with a setting or the place is unknown.

    Examples
    --------
    >>> with_place("aging.alpha: is too large", {"aging": "study.yaml, line 2"})
    'study.yaml, line 2: aging.alpha: is too large'

    """
    setting = problem.partition(": ")[0]
    name = setting
    while name and name not in places:
        name = name.rpartition(".")[0]
    if Path(setting).is_file():  # the message begins with a file such as review.csv
        return problem
    known = name or setting.partition(".")[0] in SECTIONS
    return f"{places[name]}: {problem}" if known and name in places else problem


def with_places(problems: Iterable[str], path: Path) -> list[str]:
    r"""Return error messages about entries of a YAML file, each preceded by the file and the line of the entry.

    Parameters
    ----------
    problems : iterable of str
        Messages that begin with the name of an entry and a colon.
    path : Path
        YAML file.

    Returns
    -------
    list of str
        Messages; for an entry that is missing at the top level, the line is the first line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.yaml")
    ...     _ = path.write_text("rules:\n  padding: {}\n")
    ...     [problem] = with_places(["rules.padding.drops: missing key"], path)
    >>> problem.removeprefix(str(path))
    ', line 2: rules.padding.drops: missing key'

    """
    places = {name: f"{path}{place.removeprefix(path.name)}" for name, place in places_of([path]).items()}
    known = [with_place(problem, places) for problem in problems]
    return [
        found if found != problem else f"{places['']}: {problem}"
        for found, problem in zip(known, problems, strict=True)
    ]


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
