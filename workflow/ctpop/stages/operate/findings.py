"""Findings of the command `check`: subject, level, and result, with the remedy for errors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ctpop.foundation.errors import in_one_line
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.study import configuration_file
from ctpop.study.error_places import with_line

OK, WARNING, ERROR = "ok", "warning", "error"
SETTING = re.compile(rf"\b(?:{'|'.join(configuration_file.SECTIONS)})\.[a-z_0-9]+\b(?!:)")
LONGEST = 1000  # maximum length of an error (characters)


@dataclass(frozen=True)
class Check:
    """Subject, level, and result of a check."""

    name: str
    level: str
    found: str


def check_or_error(name: str, check: Callable[[], Check]) -> Check:
    """Return the result of a check, or the error that prevented the check."""
    return checks_or_error(name, lambda: [check()])[0]


def checks_or_error(name: str, checks: Callable[[], list[Check]]) -> list[Check]:
    """Return the results of checks, or one error per line of the message that prevented the checks."""
    try:
        return checks()
    except (OSError, ValueError) as error:  # ContractError and UnicodeDecodeError are subclasses of ValueError
        first, *others = str(error).splitlines() or [""]
        if first.endswith("errors:") and others:
            return [Check(name, ERROR, line.strip()) for line in others]
        whole = "; ".join([first.removesuffix(":"), *map(str.strip, others)]) if others else first
        return [Check(name, ERROR, in_one_line(ValueError(whole), longest=LONGEST))]


def with_places(checks: list[Check], study: ConfiguredStudy) -> list[Check]:
    """Return the checks with the file and line of the setting or table at the beginning of each error."""
    return [replace(check, found=_placed(check.found, study)) if check.level == ERROR else check for check in checks]


def _placed(problem: str, study: ConfiguredStudy) -> str:
    setting = study.setting_of(problem.partition(": ")[0])
    named = f"{setting}: {problem}" if setting and not Path(study.paths[setting]).is_file() else problem
    placed = configuration_file.with_place(with_line(named, study.patients_file), study.places)
    return SETTING.sub(lambda found: _with_its_line(found[0], placed, study.places), placed, count=1)


def _with_its_line(setting: str, problem: str, places: Mapping[str, str]) -> str:
    """Return the name of a setting with its file and line, or only the name if the message contains the place."""
    place = places.get(setting, "")
    return setting if not place or place in problem else f"{setting} ({place})"
