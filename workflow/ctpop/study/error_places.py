"""File and line of errors in users' tables, for messages that contain only a table or the registry.

The readers of tables report the line of a cell. Other checks report a column, a scan, or a word, whose line this module
finds in the file after the error.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ctpop.foundation.errors import ContractError
from ctpop.study import configuration, configuration_file
from ctpop.study.registry_options import WITHOUT_SETTINGS
from ctpop.study.table_cells import cells_of

TEXT_TABLES = (".csv", ".tsv", ".txt")
TABLES = (*TEXT_TABLES, ".xlsx", ".xls", ".ods")
NUMBERED = re.compile(r"\b(?:lines?|cell) [A-Z]*[0-9]+")
REGISTRY = "registry: "


def located(message: str, options: Mapping[str, Any]) -> str:
    """Return the error message of a command with the file and line of the table.

    Parameters
    ----------
    message : str
        Message with one error per line.
    options : mapping of str to Any
        Options of the command; only `registry` and `config` are read.

    Returns
    -------
    str
        Message.

    Examples
    --------
    >>> located("registry: criterion adult needs column age_years", {"registry": Path("mine.csv")})
    'mine.csv: criterion adult needs column age_years'

    """
    registry = options.get("registry") or _registry_of(options.get("config"))
    return "\n".join(with_line(line, registry) for line in message.split("\n"))


def with_line(problem: str, registry: Path | None = None) -> str:
    r"""Return an error message about a table with the line number; unchanged if the message contains a line number.

    Parameters
    ----------
    problem : str
        Message that begins with the path of a table, or with `registry`, and a colon.
    registry : Path, optional
        Path of the registry.

    Returns
    -------
    str
        Message with the line of the first quoted cell, or with the line of the header if no cell is found.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "mine.csv")
    ...     _ = path.write_text("scan_id,age_years\ns1,old\n")
    ...     found = with_line("registry: found 'old'", path), with_line(f"{path}: column sex is missing")
    >>> [sentence.removeprefix(f"{path}: ") for sentence in found]
    ["line 2: found 'old'", 'line 1: column sex is missing']

    """
    if registry is not None and problem.startswith(REGISTRY):
        problem = f"{registry}: {problem.removeprefix(REGISTRY)}"
    name, colon, rest = problem.partition(": ")
    path = Path(name)
    if not colon or path.suffix.lower() not in TABLES or not path.is_file() or NUMBERED.search(problem):
        return problem
    line = _line_of(path, re.findall("'([^']*)'", rest))
    return f"{name}: line {line}: {rest}" if line else problem


def _line_of(path: Path, words: list[str]) -> int | None:
    """Return the line of the first word that is a cell of a table, or the line of the header.

    The line of a table that cannot be read is 1 for a text table and None for other formats.
    """
    try:
        cells = cells_of(path, WITHOUT_SETTINGS)
    except (ContractError, OSError):
        return 1 if path.suffix.lower() in TEXT_TABLES else None
    rows = [(line, {cell.lower() for cell in row}) for line, row in zip(cells.lines, cells.rows, strict=True)]
    lines = (line for word in words for line, row in rows if word.lower() in row)
    return next(lines, cells.header_line)


def _registry_of(config: Path | None) -> Path | None:
    """Return the table that contains the patient data of a study."""
    try:
        study = configuration_file.read(config).get("study") if config else None
    except ContractError:
        return None
    if not isinstance(study, dict):
        return None
    table = study.get("measures" if configuration.patients_in_measures({"measures": "", **study}) else "registry")
    return Path(table) if table else None
