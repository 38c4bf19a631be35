"""Tables of the private folder: the files of each scan and, on request, the identifiers of each scan.

The list of members contains only pseudonyms; the conversion uses it to find the files of a scan. The link table is the
only file with identifiers in clear text. It is written on request, is readable by its owner only, and is never written
outside the private folder.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom

from ctpop.contracts.table_files import write_csv
from ctpop.foundation.errors import ContractError
from ctpop.stages.dicom.elements import text_of
from ctpop.stages.dicom.folder_scan import ScannedFile
from ctpop.stages.dicom.pseudonyms import write_privately
from ctpop.stages.dicom.quiet_pydicom import quiet_pydicom

MEMBERS = "members.csv"
LINK = "link.csv"
LINK_FILES = "link_files.csv"
IDENTIFIERS = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyDate",
    "AccessionNumber",
    "SeriesDescription",
)


def write_members(private: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the files of each scan as pseudonyms of their paths."""
    members = [(row["scan_id"], one.pseudonym) for row in rows for one in row["files"]]
    write_csv(pd.DataFrame(members, columns=["scan_id", "file"]), private / MEMBERS)


def read_members(private: Path) -> dict[str, set[str]]:
    """Return the pseudonyms of the files of each scan.

    Raises
    ------
    ContractError
        If the list does not exist.

    """
    path = private / MEMBERS
    if not path.is_file():
        raise ContractError(f"the private folder contains no {MEMBERS}; run `ctpop index` again")
    members: dict[str, set[str]] = {}
    for scan_id, file in pd.read_csv(path, dtype=str, keep_default_na=False).itertuples(index=False):
        members.setdefault(scan_id, set()).add(file)
    return members


def write_links(private: Path, folder: Path, rows: Iterable[dict[str, Any]], found: Iterable[ScannedFile]) -> None:
    """Write the identifiers and the first file of each scan, and the files that are not CT images."""
    links = [
        (
            row["scan_id"],
            row["patient_id"],
            row["exam_id"],
            *_identifiers(folder, row["files"][0]),
            row["files"][0].file.path,
        )
        for row in rows
    ]
    _write(private / LINK, ("scan_id", "patient_id", "exam_id", *IDENTIFIERS, "first_file"), links)
    others = [(one.facts["status"], one.file.path) for one in found if one.facts["status"] != "ct_image"]
    _write(private / LINK_FILES, ("status", "file"), sorted(others))


def _identifiers(folder: Path, one: ScannedFile) -> list[str]:
    path = folder / one.file.path
    with quiet_pydicom():
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(IDENTIFIERS), force=True)
        return [text_of(dataset, name) for name in IDENTIFIERS]


def _write(path: Path, header: tuple[str, ...], rows: list[Any]) -> None:
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_privately(path, content.getvalue())
