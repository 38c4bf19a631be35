"""Convert the scans of a shard from DICOM to NIfTI, and reject volumes that disagree with the headers.

Input: the registry that `index` wrote, the DICOM folder, and the private folder. Output: one row per scan in
`conversions`, and the volumes at the `ct_path` of the registry. A volume that differs from the headers (slices, grid,
or HU) has a row with a reason and no file. Converted scans are not converted again.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ctpop.contracts.dicom import CONVERSIONS
from ctpop.foundation.errors import ContractError, ScanError
from ctpop.foundation.files import remove_half_written
from ctpop.foundation.progress import Progress
from ctpop.imaging.failure_policy import failure
from ctpop.imaging.images import read_ct
from ctpop.stages.dicom import nifti_conversion, private_links, volume_checks, volume_store
from ctpop.stages.dicom.file_listing import File, walk
from ctpop.stages.dicom.folder_scan import ScannedFile
from ctpop.stages.dicom.header_reading import read_facts
from ctpop.stages.dicom.pseudonyms import Pseudonyms, read_key
from ctpop.stages.dicom.series_grouping import digest_of
from ctpop.study import configuration
from ctpop.study.registry import add_registry_argument, included_scans
from ctpop.study.shards import parse_shard, shard_of

LOG = logging.getLogger(__name__)
ANY_SHARE = 1.0  # a DICOM folder can consist of unsuitable scans, which does not indicate a faulty machine


@dataclass(frozen=True)
class DicomSource:
    """DICOM folder, its files by pseudonym, and the pseudonyms of the files of each scan."""

    folder: Path
    pseudonyms: Pseudonyms
    files: dict[str, File]
    members: dict[str, set[str]]

    def facts_of(self, scan_id: str) -> list[ScannedFile]:
        """Return the files of a scan with the current contents of their headers.

        Raises
        ------
        ScanError
            `changed_since_index` if a file no longer exists.

        """
        wanted = sorted(self.members.get(scan_id, ()))
        gone = [name for name in wanted if name not in self.files]
        if gone or not wanted:
            raise ScanError(
                "changed_since_index", f"missing files: {len(gone)} of {len(wanted)}; run `ctpop index` again"
            )
        return [ScannedFile(self.files[name], name, self._read(name)) for name in wanted]

    def _read(self, name: str) -> dict[str, Any]:
        return read_facts(self.path(name), self.pseudonyms).as_json()

    def path(self, name: str) -> Path:
        """Return the path of the file with a pseudonym."""
        return self.folder / self.files[name].path


def source_of(folder: Path, private: Path, scans: pd.Series) -> DicomSource:
    """Return the files of the scans of a shard; the folder is listed, and no DICOM file is opened."""
    if not folder.is_dir():
        raise ContractError("--dicom: the folder does not exist; correct study.dicom or the option --dicom")
    pseudonyms = Pseudonyms(read_key(private))
    members = private_links.read_members(private)
    wanted = set().union(*(members.get(scan, set()) for scan in scans))
    seen = ((file, file.pseudonym(pseudonyms)) for file in walk(folder) if isinstance(file, File))
    return DicomSource(folder, pseudonyms, {name: file for file, name in seen if name in wanted}, members)


def convert_scan(row: pd.Series, place: Path, source: DicomSource, chosen: dict[str, Any]) -> volume_store.VolumeNote:
    """Return the note on the volume of a scan, after conversion unless the volume already exists.

    Raises
    ------
    ScanError
        With a status of `CONVERSION_STATUS`.

    """
    version = nifti_conversion.version()
    fingerprint = volume_store.fingerprint_of(files=row["files_digest"], converter=version, settings=chosen)
    note = volume_store.finished(place, fingerprint)
    if note:
        return note
    found = source.facts_of(row["scan_id"])
    if digest_of(found, source.pseudonyms) != row["files_digest"]:
        raise ScanError("changed_since_index", "files have changed since `ctpop index` read them; run it again")
    files = [source.path(one.pseudonym) for one in found]
    expected_volume = volume_checks.expected_volume_of(files, [one.facts for one in found], chosen["even_within_mm"])
    numbers = {one.facts.get("number") for one in found}
    syntaxes = [one.facts.get("syntax") for one in found]
    readable = all(map(nifti_conversion.is_read_by_dcm2niix, files, syntaxes))
    renumber = len(numbers) < len(found) or None in numbers or not readable
    in_order = list(dict.fromkeys(frame.file for frame in expected_volume.frames))
    with nifti_conversion.converted(in_order, chosen["longest_seconds"], renumber=renumber) as made:
        volume_checks.take_over_grid(made.volume, expected_volume)
        volume = read_ct(made.volume)
        compared = volume_checks.check(volume, expected_volume, chosen["air_below_hu"])
        return volume_store.keep(
            place,
            volume,
            fingerprint=fingerprint,
            slices_compared=compared,
            converter=version,
            warnings=made.warnings,
        )


def attempt(row: pd.Series, place: Path, source: DicomSource, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a scan in `conversions`; the volume of a rejected scan is removed."""
    try:
        note = convert_scan(row, place, source, chosen)
    except ScanError as error:
        volume_store.discard(place)
        return {"scan_id": row["scan_id"], "status": error.reason, "detail": error.detail}
    known = {name: getattr(note, name) for name in CONVERSIONS.columns if hasattr(note, name)}
    return {**known, "scan_id": row["scan_id"], "status": "converted", "warnings": ";".join(note.warnings) or None}


def convert_scans(scans: pd.DataFrame, root: Path, source: DicomSource, chosen: dict[str, Any]) -> pd.DataFrame:
    """Return the rows of `conversions`."""
    rows: list[dict[str, Any]] = []
    progress = Progress(LOG, len(scans), "scans")
    for _, row in scans.iterrows():
        rows.append(attempt(row, root / str(row["ct_path"]), source, chosen))
        if rows[-1]["status"] != "converted":
            LOG.warning("%s %s: %s", rows[-1]["scan_id"], rows[-1]["status"], rows[-1]["detail"])
        progress.add()
    return pd.DataFrame(rows, columns=list(CONVERSIONS.columns))


def check_paths(scans: pd.DataFrame, registry: Path) -> None:
    """Reject a registry whose paths of volumes differ from those that `index` wrote."""
    if "files_digest" not in scans.columns:
        raise ContractError(
            f"{registry}: column files_digest is missing; use a registry that `ctpop index` wrote, or remove"
            " study.dicom if the registry lists NIfTI files"
        )
    wrong = scans[scans["ct_path"] != "images/" + scans["scan_id"] + ".nii.gz"]
    if len(wrong):
        raise ContractError(
            f"{registry}: ct_path must be images/SCAN_ID.nii.gz, as written by `ctpop index` (rows with another path:"
            f" {len(wrong)}, first scan_id {wrong['scan_id'].iloc[0]!r}); run `ctpop index` again"
        )


@dataclass(frozen=True)
class ConvertOptions:
    """Options of the command `convert`; `ctpop convert --help` explains them."""

    registry: Path
    dicom: Path
    private: Path
    shard: tuple[int, int]
    config: Path | None
    out: Path
    attempts_left: int


def run(options: ConvertOptions) -> None:
    """Convert the scans of one shard, write their rows, and log the number of scans by status."""
    chosen = configuration.section("dicom", options.config)
    scans = included_scans(options.registry, options.config)
    check_paths(scans, options.registry)
    shard, shards = options.shard
    scans = scans[scans["patient_id"].map(lambda patient: shard_of(patient, shards)).eq(shard)]
    LOG.info("shard %d of %d: %d scans, dcm2niix %s", shard + 1, shards, len(scans), nifti_conversion.version())
    source = source_of(options.dicom, options.private, scans["scan_id"])
    remove_half_written(options.registry.parent / "images")
    rows = convert_scans(scans, options.registry.parent, source, chosen)
    reason = failure(rows["status"], {"converted"}, ANY_SHARE, options.attempts_left)
    if reason:
        raise ContractError(f"shard {shard + 1}-of-{shards}: {reason}")
    conversions = CONVERSIONS.write(rows, options.out)
    ends = ", ".join(f"{n} {status}" for status, n in conversions["status"].value_counts().sort_index().items())
    LOG.info("scans by status: %s", ends or "none")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this stage."""
    add_registry_argument(parser)
    parser.add_argument("--dicom", type=Path, required=True, help="DICOM folder that `ctpop index` read")
    parser.add_argument(
        "--private",
        type=Path,
        default=Path("ctpop_private"),
        help="private folder of `ctpop index` (default %(default)s)",
    )
    parser.add_argument(
        "--shard",
        type=parse_shard,
        default="1-of-1",
        metavar="K-of-N",
        help="shard of the cohort to convert, for example 3-of-16 (default %(default)s)",
    )
    configuration.add_config_argument(parser, "cohort", "dicom")
    parser.add_argument("--out", type=Path, required=True, help="output Parquet file with one row per scan")
    parser.add_argument(
        "--attempts-left",
        type=int,
        default=0,
        help="number of remaining attempts for this job; with 0, a scan that exceeds the memory is recorded with a"
        " reason, and otherwise the job fails and can be repeated (default %(default)s)",
    )
