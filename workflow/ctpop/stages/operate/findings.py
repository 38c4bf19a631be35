"""Findings of the command `check`: what was looked at, how bad it is, what was found and what to do."""

from collections.abc import Callable
from dataclasses import dataclass

from ctpop.foundation.errors import in_one_line

OK, WARNING, ERROR = "ok", "warning", "error"
LONGEST = 1000  # characters of an error


@dataclass(frozen=True)
class Check:
    """What was looked at, how bad it is, and what was found."""

    name: str
    level: str
    found: str


def check_or_error(name: str, check: Callable[[], Check]) -> Check:
    """Return a check, or the error that prevented it: of a contract, a text file or the file system."""
    return checks_or_error(name, lambda: [check()])[0]


def checks_or_error(name: str, checks: Callable[[], list[Check]]) -> list[Check]:
    """Return checks, or the error that prevented all of them: one for each line of a list of errors."""
    try:
        return checks()
    except (OSError, ValueError) as error:  # a ContractError and a UnicodeDecodeError are ValueErrors
        first, *others = str(error).splitlines() or [""]
        if first.endswith(":") and others:
            return [Check(name, ERROR, line.strip()) for line in others]
        return [Check(name, ERROR, in_one_line(error, longest=LONGEST))]
