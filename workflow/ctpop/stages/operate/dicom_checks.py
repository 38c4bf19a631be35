"""Checks of a folder of DICOM files before a run: whether it has DICOM files, and a list of the files of each scan."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check

LOOKED_AT = 500  # files
PREAMBLE, MAGIC = 128, b"DICM"  # SOURCE: DICOM PS3.10, section 7.1
PRIVATE = "ctpop_private"
MEMBERS = "members.csv"


def of_dicom(study: ConfiguredStudy) -> list[Check]:
    """Return the findings about the folder of DICOM files and the private folder of `ctpop index`."""
    folder = Path(str(study.dicom))
    private = Path(study.config["study"].get("private", PRIVATE))
    index = f"run `ctpop index` with --private {private}"
    members = private / MEMBERS
    of_private = (
        Check("private", OK, f"{members} lists the files of the scans")
        if members.is_file()
        else Check("private", ERROR, f"{private} has no {MEMBERS}, which lists the files of the scans; {index}")
    )
    of_registry = [Check("registry", ERROR, f"{study.registry} does not exist; {index} --registry {study.registry}")]
    return [*([] if study.registry.is_file() else of_registry), _of_files(folder), of_private]


def _of_files(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("dicom", ERROR, f"{folder} is not a folder; correct study.dicom")
    opened = [_is_dicom(path) for path in islice(_files(folder), LOOKED_AT)]
    n = sum(found is True for found in opened)
    counts = f"{n} of the first {len(opened)} files are DICOM files with a preamble"
    if not opened:
        return Check("dicom", ERROR, f"{folder} has no files; correct study.dicom")
    if opened.count(None):
        counts += f", {opened.count(None)} cannot be read; check their permissions"
    level = ERROR if opened.count(None) == len(opened) else WARNING if not n or opened.count(None) else OK
    return Check("dicom", level, f"{counts}; headers were read by `ctpop index`, and volumes are made during the run")


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _is_dicom(path: Path) -> bool | None:
    """Return whether a file has the preamble of DICOM; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC
    except OSError:
        return None
