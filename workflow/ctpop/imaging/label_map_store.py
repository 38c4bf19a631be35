"""The store of label maps: one compressed NIfTI per scan and, beside it, a note of how it came about.

The note is written after the label map, so a map without a note is unfinished and is made again. The fingerprint in
the note says from which image, by which model and with which settings the map was made: the same fingerprint is
never computed twice, whatever killed the job in between. Its checksum is that of the map's bytes, so that a map that
was damaged or half replaced is made again, while one that an older version packed differently stays as it is.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ctpop.foundation import digests
from ctpop.foundation.errors import ContractError, ScanError, in_one_line
from ctpop.foundation.files import write_text
from ctpop.imaging.images import Volume, sha256_of
from ctpop.imaging.label_map_file import write_labels

FORMAT = 1


@dataclass(frozen=True)
class LabelMapNote:
    """What is known of a stored label map.

    `labels` gives the number of each structure that it could contain; `shared`, where the map was put together from one
    mask per structure, how many voxels of each mask lie in another mask as well. Older notes do not tell it.
    """

    fingerprint: str
    mask_sha256: str
    labels: dict[str, int]
    model: str | None = None
    detail: str | None = None
    shared: dict[str, int] | None = None
    format: int = FORMAT


@dataclass(frozen=True)
class LabelMapStore:
    """The folder of label maps of a study."""

    folder: Path

    def mask_path(self, scan_id: str) -> Path:
        """Return where the label map of a scan lies, or would lie."""
        return self.folder / f"{scan_id}.nii.gz"

    def note_path(self, scan_id: str) -> Path:
        """Return where the note on it lies, or would lie."""
        return self.folder / f"{scan_id}.json"

    def finished(self, scan_id: str, fingerprint: str) -> LabelMapNote | None:
        """Return the note on a label map with this fingerprint whose bytes are still those that were written."""
        note = self.note(scan_id)
        if note is None or note.fingerprint != fingerprint:
            return None
        try:
            found = sha256_of(self.mask_path(scan_id))
        except ScanError:  # not there, or not readable: it is made again
            return None
        return note if found == note.mask_sha256 else None

    def note(self, scan_id: str) -> LabelMapNote | None:
        """Return the note on a scan's label map, or nothing if there is none, or it is damaged or of another format."""
        try:
            note = LabelMapNote(**json.loads(self.note_path(scan_id).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # not there or not readable, no JSON, other fields
            return None
        return note if note.format == FORMAT else None

    def note_of(self, scan_id: str) -> LabelMapNote:
        """Return the note on a stored label map.

        Raises
        ------
        ContractError
            If the note is gone although the scan was reported as segmented.

        """
        note = self.note(scan_id)
        if note is None:
            raise ContractError(f"{self.note_path(scan_id)}: is missing or damaged; run the segment stage again")
        return note

    def keep(self, scan_id: str, labels: Volume, note: LabelMapNote) -> LabelMapNote:
        """Write a label map, then its note, and return the note.

        Raises
        ------
        ScanError
            `not_written`; what the store had of the scan before is then still there.

        """
        mask, beside = self.mask_path(scan_id), self.note_path(scan_id)
        with _written(mask):
            write_labels(labels.data, labels, mask, note.labels)
        complete = replace(note, mask_sha256=sha256_of(mask))
        with _written(beside):
            write_text(json.dumps(asdict(complete), indent=1, sort_keys=True) + "\n", beside)
        return complete


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn whatever keeps a file from being written into a `ScanError`: a full disk, a quota, a broken one."""
    try:
        yield
    except OSError as error:
        raise ScanError("not_written", f"{path.name}: {error.strerror or in_one_line(error)}") from None


def fingerprint_of(**parts: object) -> str:
    """Return one digest of everything that decides what a label map looks like."""
    return digests.of_json(parts)
