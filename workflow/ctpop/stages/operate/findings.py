"""Findings of the command `check`: subject, level, and result, with the remedy for errors."""

from collections.abc import Callable
from dataclasses import dataclass

from ctpop.foundation.errors import in_one_line

OK, WARNING, ERROR = "ok", "warning", "error"
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
        if first.endswith(":") and others:
            return [Check(name, ERROR, line.strip()) for line in others]
        return [Check(name, ERROR, in_one_line(error, longest=LONGEST))]
