"""Checks of a folder of DICOM files before a run: presence of DICOM files and of the list of the files of each scan."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check
from ctpop.study import missing_inputs

LOOKED_AT = 500  # number of files to open
PREAMBLE, MAGIC = 128, b"DICM"  # SOURCE: DICOM PS3.10, section 7.1
PRIVATE = "ctpop_private"
MEMBERS = "members.csv"


def of_dicom(study: ConfiguredStudy) -> list[Check]:
    """Return the findings on the folder of DICOM files and the private folder of `ctpop index`."""
    folder = Path(str(study.dicom))
    private = Path(study.config["study"].get("private", PRIVATE))
    index = f"run `ctpop index {folder} --registry {study.registry} --private {private}`"
    members = private / MEMBERS
    of_private = (
        Check("private", OK, f"{members} lists the files of the scans")
        if members.is_file()
        else Check(
            "private",
            ERROR,
            f"study.dicom: {private} does not contain {MEMBERS}, the list of the files of each scan; {index}",
        )
    )
    of_registry = [
        Check("registry", ERROR, missing_inputs.problem_of("study.registry", str(study.registry), study.config))
    ]
    return [*([] if study.registry.is_file() else of_registry), _of_files(folder), of_private]


def _of_files(folder: Path) -> Check:
    if not folder.is_dir():
        return Check("dicom", ERROR, f"study.dicom: folder {str(folder)!r} does not exist; correct the path")
    opened = [_is_dicom(path) for path in islice(_files(folder), LOOKED_AT)]
    n = sum(found is True for found in opened)
    counts = f"{n} of the first {len(opened)} files are DICOM files with a preamble"
    if not opened:
        return Check("dicom", ERROR, f"study.dicom: folder {str(folder)!r} contains no files; correct the path")
    if opened.count(None):
        counts += f", {opened.count(None)} cannot be read; check their permissions"
    level = ERROR if opened.count(None) == len(opened) else WARNING if not n or opened.count(None) else OK
    return Check("dicom", level, f"{counts}; `ctpop index` reads the headers, and the run converts the volumes")


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _is_dicom(path: Path) -> bool | None:
    """Return whether a file has a DICOM preamble, or None if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC
    except OSError:
        return None
