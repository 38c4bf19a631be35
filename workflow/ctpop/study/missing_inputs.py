"""The files of a user that a run needs and that are not there: one line each, in place of Snakemake's message.

Snakemake names the rule and all its files; a user has to know which setting of which line is to be corrected.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ctpop.study import configuration_file

EXCEPTION = "MissingInputException"
FILES = "affected files:"
SETTINGS = (
    *(("study", name) for name in ("registry", "measures", "truth")),
    *(("structures", ""), ("screen", "review"), ("screen", "rules"), ("evaluate", "reference")),
)


class MissingInputs(logging.Filter):
    """A filter of Snakemake's log that names the settings whose files are missing; it lets every message pass.

    Parameters
    ----------
    config : dict
        Configuration of the study.
    places : mapping of str to str
        File and line of each setting (`configuration_file.places_of`).

    """

    def __init__(self, config: dict[str, Any], places: Mapping[str, str]) -> None:
        super().__init__()
        self.config, self.places = config, places

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the message about missing input files, if these are files of settings."""
        if getattr(record, "exception", None) == EXCEPTION:
            lines = [*sentences(record.getMessage(), self.config, self.places)]
            record.msg, record.args = ("\n".join(lines), ()) if lines else (record.msg, record.args)
        return True


def sentences(message: str, config: dict[str, Any], places: Mapping[str, str]) -> Iterator[str]:
    r"""Yield an error for each missing file that a setting names.

    Parameters
    ----------
    message : str
        Snakemake's message about missing input files.
    config : dict
        Configuration of the study.
    places : mapping of str to str
        File and line of each setting.

    Yields
    ------
    str
        Sentence with file and line, setting, path and remedy; none for files that no setting names.

    Examples
    --------
    >>> message = "Missing input files for rule cohort:\n    affected files:\n        people.csv"
    >>> config, places = {"study": {"registry": "./people.csv"}}, {"study.registry": "s.yaml, line 3"}
    >>> [*sentences(message, config, places)]  # doctest: +ELLIPSIS
    ["error: s.yaml, line 3: study.registry: there is no file './people.csv'; correct the path, ..."]

    """
    missing = {os.path.normpath(line.strip()) for line in message.partition(FILES)[2].splitlines() if line.strip()}
    for section, name in SETTINGS:
        part = config.get(section) or {}
        path = part.get(name) if isinstance(part, dict) else part
        if isinstance(path, str) and os.path.normpath(path) in missing:
            problem = f"{'.'.join(filter(None, (section, name)))}: there is no file {path!r}; {_remedy(config, name)}"
            yield f"error: {configuration_file.with_place(problem, places)}"


def _remedy(config: dict[str, Any], name: str) -> str:
    study = config.get("study") or {}
    if name == "registry" and study.get("dicom"):
        return f"write it with `ctpop index {study['dicom']} --registry {study['registry']}`, or correct the path"
    if str(study.get(name, "")).startswith("~"):
        return "write the path in full, since ~ is not replaced"
    return "correct the path, which is relative to the folder where snakemake is called"
