"""Check what a long run needs, before it: software, GPU, models, registry, files, disk, shared folder and Slurm."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.stages.operate import checks, configured_study, slurm
from ctpop.stages.operate.checks import ERROR, WARNING, Check

SAMPLE = 200


@dataclass(frozen=True)
class CheckOptions:
    """Options of the command `check`; `ctpop check --help` explains them."""

    study: Path
    profile: Path
    all: bool


def examine(options: CheckOptions) -> list[Check]:
    """Return every check, in the order in which things can be put right."""
    found = checks.software()
    found += checks.checks_or_error("profile", lambda: slurm.of_slurm(options.profile))
    sample = 0 if options.all else SAMPLE
    return found + checks.checks_or_error(
        "study", lambda: checks.of_study(configured_study.read(options.study), sample)
    )


def table(found: list[Check]) -> str:
    """Return the checks as lines of three columns."""
    width = max(len(check.name) for check in found)
    return "".join(f"{check.level:8}{check.name:{width + 2}}{check.found}\n" for check in found)


def run(options: CheckOptions) -> None:
    """Print the checks.

    Raises
    ------
    ContractError
        If one of them is an error.

    """
    found = examine(options)
    sys.stdout.write(table(found))
    errors, warnings = (sum(check.level == level for check in found) for level in (ERROR, WARNING))
    if errors:
        raise ContractError(f"{errors} errors and {warnings} warnings; put the errors right before you start")
    sys.stdout.write(f"no errors, {warnings} warnings\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    configured_study.add_study_argument(parser)
    parser.add_argument(
        "--profile",
        type=Path,
        default=Path("profiles/slurm"),
        help="profile that the study will run with (default %(default)s)",
    )
    parser.add_argument("--all", action="store_true", help=f"look for every file, not for a sample of {SAMPLE}")
