"""Record of a run: a Workflow Run RO-Crate and a copy of the workflow in the folder of the study.

Input: the folder of a finished study. Output: `ro-crate-metadata.json`, which makes this folder a research object
according to the profile Workflow Run Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), and `code/` with Snakefile and
rules. The metadata contain the time of the run and therefore differ, like `benchmarks/` and `logs/`, between two runs
of the same study.
"""

import argparse
import filecmp
import json
import logging
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ctpop.foundation.errors import ContractError
from ctpop.foundation.files import write_atomically, write_text
from ctpop.stages.report import crate_graph
from ctpop.stages.report.crate_files import parts_of, times_of

LOG = logging.getLogger(__name__)
PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class CrateOptions:
    """Options of the command `crate`; `ctpop crate --help` describes them."""

    study: Path
    workflow: list[tuple[str, Path]]
    snakemake: str


def run(options: CrateOptions) -> None:
    """Copy the workflow, describe all files, and write the metadata."""
    sources = read_provenance(options.study)
    for name, path in options.workflow:
        _copy(path, options.study / "code" / name)
    parts = parts_of(options.study)
    crate = crate_graph.crate_of(sources, parts, times_of(options.study), options.snakemake)
    write_text(json.dumps(crate, indent=1, ensure_ascii=False) + "\n", options.study / "ro-crate-metadata.json")
    LOG.info("%d files and folders", len(parts))


def read_provenance(study: Path) -> dict[str, Any]:
    """Return the provenance of a study.

    Raises
    ------
    ContractError
        If the file is missing because the study has no report yet.

    """
    path = study / PROVENANCE
    if not path.is_file():
        raise ContractError(f"{path}: the file is required for the RO-Crate but is missing; create the report first")
    sources: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return sources


def _copy(path: Path, place: Path) -> None:
    if not place.is_file() or not filecmp.cmp(place, path, shallow=False):
        write_atomically(place, partial(shutil.copyfile, path))


def _named_file(word: str) -> tuple[str, Path]:
    name, _, path = word.partition("=")
    if not path:
        raise argparse.ArgumentTypeError(f"{word!r} does not have the form NAME=FILE")
    return name, Path(path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    parser.add_argument("--study", type=Path, required=True, help="folder of the finished study")
    parser.add_argument(
        "--workflow",
        type=_named_file,
        nargs="+",
        required=True,
        metavar="NAME=FILE",
        help="Snakefile of the workflow and the included files, with their names in `code/`",
    )
    parser.add_argument("--snakemake", required=True, help="version of Snakemake")
