"""Checks before a long run: software, GPU, models, registry, files, disk space, shared folder, and Slurm."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from ctpop.figures.formatting import count
from ctpop.foundation.errors import ContractError
from ctpop.stages.operate import checks, configured_study, slurm
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.dicom_checks import of_dicom
from ctpop.stages.operate.findings import ERROR, WARNING, Check, checks_or_error, with_places
from ctpop.stages.operate.image_checks import of_images
from ctpop.stages.operate.table_checks import read_tables

SAMPLE = 200


@dataclass(frozen=True)
class CheckOptions:
    """Options of the command `check`; `ctpop check --help` describes them."""

    study: Path
    profile: Path | None
    all: bool


def examine(options: CheckOptions) -> list[Check]:
    """Return all checks in the order in which errors should be corrected."""
    found = checks.software()
    found += checks_or_error("profile", lambda: slurm.of_slurm(options.profile))
    return found + checks_or_error("study", lambda: of_study(configured_study.read(options.study), options))


def of_study(study: ConfiguredStudy, options: CheckOptions) -> list[Check]:
    """Return the checks of a study: its tables, a sample of its images, and the requirements of a run."""
    tables = read_tables(study)
    found = list(tables.checks)
    if study.dicom:
        found += checks_or_error("dicom", lambda: of_dicom(study))
    elif tables.scans is not None and tables.label_set is not None:
        scans, label_set = tables.scans, tables.label_set
        found += checks_or_error("images", lambda: of_images(study, scans, label_set))
    return with_places(found + checks.of_study(study, 0 if options.all else SAMPLE), study)


def table(found: list[Check]) -> str:
    """Return the checks as lines with three columns."""
    width = max(len(check.name) for check in found)
    return "".join(f"{check.level:8}{check.name:{width + 2}}{check.found}\n" for check in found)


def run(options: CheckOptions) -> None:
    """Print the checks.

    Raises
    ------
    ContractError
        If at least one check reports an error.

    """
    found = examine(options)
    sys.stdout.write(table(found))
    errors, warnings = (sum(check.level == level for check in found) for level in (ERROR, WARNING))
    if errors:
        found_words = f"{count(errors, 'error')} and {count(warnings, 'warning')}"
        raise ContractError(f"{found_words}; correct the errors before you start the run")
    sys.stdout.write(f"no errors, {count(warnings, 'warning')}\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    configured_study.add_study_argument(parser)
    parser.add_argument(
        "--profile",
        type=Path,
        help="Snakemake profile of the run (default: profiles/slurm if Slurm is available)",
    )
    parser.add_argument("--all", action="store_true", help=f"check all files instead of a sample of {SAMPLE}")
