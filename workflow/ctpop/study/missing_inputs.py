"""Messages about missing input files that name the setting to be corrected, one line per file.

They replace the message of Snakemake, which contains the rule and all of its files but not the setting.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from ctpop.foundation.alternatives import alternative
from ctpop.study import configuration_file

EXCEPTION = "MissingInputException"
FILES = "affected files:"
SETTINGS = (
    *(("study", name) for name in ("registry", "measures", "truth")),
    *(("structures", ""), ("screen", "review"), ("screen", "rules"), ("evaluate", "reference")),
)


class MissingInputs(logging.Filter):
    """A filter for the Snakemake log that reports the settings of missing files and suppresses no message.

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
        """Replace the message about missing input files if settings specify these files."""
        if getattr(record, "exception", None) == EXCEPTION:
            lines = [*sentences(record.getMessage(), self.config, self.places)]
            record.msg, record.args = ("\n".join(lines), ()) if lines else (record.msg, record.args)
        return True


def sentences(message: str, config: dict[str, Any], places: Mapping[str, str]) -> Iterator[str]:
    r"""Yield an error for each missing file that a setting specifies.

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
        Message with file, line, setting, path, and remedy. Files that no setting specifies are skipped.

    Examples
    --------
    >>> message = "Missing input files for rule cohort:\n    affected files:\n        scans.csv"
    >>> config, places = {"study": {"registry": "./scans.csv"}}, {"study.registry": "s.yaml, line 3"}
    >>> [*sentences(message, config, places)]  # doctest: +ELLIPSIS
    ["error: s.yaml, line 3: study.registry: file './scans.csv' does not exist; correct the path, ..."]

    """
    missing = {os.path.normpath(line.strip()) for line in message.partition(FILES)[2].splitlines() if line.strip()}
    for section, name in SETTINGS:
        part = config.get(section) or {}
        path = part.get(name) if isinstance(part, dict) else part
        if isinstance(path, str) and os.path.normpath(path) in missing:
            problem = problem_of(".".join(filter(None, (section, name))), path, config)
            yield f"error: {configuration_file.with_place(problem, places)}"


def problem_of(setting: str, path: str, config: Mapping[str, Any]) -> str:
    """Return the message about a setting whose file or folder does not exist.

    Parameters
    ----------
    setting : str
        Setting, such as `study.registry`.
    path : str
        Path in the setting.
    config : mapping
        Configuration of the study.

    Returns
    -------
    str
        Message with setting, path, and remedy.

    Examples
    --------
    >>> problem_of("study.measures", "~/m.csv", {})
    "study.measures: file '~/m.csv' does not exist; write the full path because ~ is not expanded"

    """
    return f"{setting}: file {path!r} does not exist; {_remedy(setting, path, config.get('study') or {})}"


def _remedy(setting: str, path: str, study: Mapping[str, Any]) -> str:
    if setting == "study.registry" and study.get("dicom"):
        return f"create it with `ctpop index {study['dicom']} --registry {path}`, or correct the path"
    if path.startswith("~"):
        return "write the full path because ~ is not expanded"
    advice = "correct the path, which is relative to the folder in which snakemake is run"
    return f"{advice}{alternative(setting, path)}"
