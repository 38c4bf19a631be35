"""The store of label maps, with one compressed NIfTI file and one note on its origin per scan.

The note is written after the label map, so a map without a note is incomplete and is created again. The fingerprint in
the note is derived from the image, the model, and the settings. A map with the same fingerprint is not computed again,
even if a job is killed. The checksum in the note is that of the bytes of the map. A damaged or partly replaced map is
therefore created again, whereas a map that an older version compressed differently is kept.
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
    """The note on a stored label map.

    Attributes
    ----------
    fingerprint : str
        Digest of the image, the model, and the settings from which the map was created.
    mask_sha256 : str
        SHA-256 digest of the file of the map; empty until the file has been written.
    labels : dict of str to int
        Label of each structure that the map can contain.
    model : str or None
        Model that created the map; None for an existing segmentation.
    detail : str or None
        Remark about the map for the user.
    shared : dict of str to int, or None
        For a map merged from one mask per structure, the number of voxels of each mask that are also in another mask.
        None in older notes.
    named : bool
        Whether the producer of the map named its labels. If False, their numbers are interpreted as those of the label
        set.
    covered : dict of str to str, or None
        Sentence about each structure that is not in `labels` because most of its mask is in masks of higher labels.
        None in older notes.
    format : int
        Version of the format of the note.

    Examples
    --------
    >>> LabelMapNote("0123abcd", "", {"liver": 1}).labels
    {'liver': 1}

    """

    fingerprint: str
    mask_sha256: str
    labels: dict[str, int]
    model: str | None = None
    detail: str | None = None
    shared: dict[str, int] | None = None
    named: bool = True
    covered: dict[str, str] | None = None
    format: int = FORMAT


@dataclass(frozen=True)
class LabelMapStore:
    """The folder of the label maps of a study.

    Attributes
    ----------
    folder : Path
        Folder of the label maps and their notes.

    Examples
    --------
    >>> store = LabelMapStore(Path("label_maps"))
    >>> store.mask_path("scan1").name, store.note_path("scan1").name
    ('scan1.nii.gz', 'scan1.json')

    """

    folder: Path

    def mask_path(self, scan_id: str) -> Path:
        """Return the path of the label map of a scan, which need not exist.

        Parameters
        ----------
        scan_id : str
            Identifier of the scan.

        Returns
        -------
        Path
            Path of the compressed NIfTI file.

        Examples
        --------
        >>> LabelMapStore(Path("label_maps")).mask_path("scan1").as_posix()
        'label_maps/scan1.nii.gz'

        """
        return self.folder / f"{scan_id}.nii.gz"

    def note_path(self, scan_id: str) -> Path:
        """Return the path of the note on the label map of a scan, which need not exist.

        Parameters
        ----------
        scan_id : str
            Identifier of the scan.

        Returns
        -------
        Path
            Path of the JSON file.

        Examples
        --------
        >>> LabelMapStore(Path("label_maps")).note_path("scan1").as_posix()
        'label_maps/scan1.json'

        """
        return self.folder / f"{scan_id}.json"

    def finished(self, scan_id: str, fingerprint: str) -> LabelMapNote | None:
        """Return the note on a label map that has the given fingerprint and has not changed since it was written.

        Parameters
        ----------
        scan_id : str
            Identifier of the scan.
        fingerprint : str
            Fingerprint that the label map must have.

        Returns
        -------
        LabelMapNote or None
            The note; None if the map does not exist, or if its file is missing, unreadable, or changed. The map is then
            created again.

        Examples
        --------
        >>> LabelMapStore(Path("no_such_folder")).finished("scan1", "0123abcd") is None
        True

        """
        note = self.note(scan_id)
        if note is None or note.fingerprint != fingerprint:
            return None
        try:
            found = sha256_of(self.mask_path(scan_id))
        except ScanError:  # a missing or unreadable map is created again
            return None
        return note if found == note.mask_sha256 else None

    def note(self, scan_id: str) -> LabelMapNote | None:
        """Return the note on the label map of a scan if it is valid.

        Parameters
        ----------
        scan_id : str
            Identifier of the scan.

        Returns
        -------
        LabelMapNote or None
            The note; None if the file is missing, damaged, or of another format version.

        Examples
        --------
        >>> LabelMapStore(Path("no_such_folder")).note("scan1") is None
        True

        """
        try:
            note = LabelMapNote(**json.loads(self.note_path(scan_id).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # missing or unreadable file, invalid JSON, other fields
            return None
        return note if note.format == FORMAT else None

    def note_of(self, scan_id: str) -> LabelMapNote:
        """Return the note on a stored label map.

        Parameters
        ----------
        scan_id : str
            Identifier of a scan that was reported as segmented.

        Returns
        -------
        LabelMapNote
            The note.

        Raises
        ------
        ContractError
            If the note is missing or damaged although the scan was reported as segmented.

        Examples
        --------
        >>> LabelMapStore(Path("maps")).note_of("scan1")
        Traceback (most recent call last):
        ctpop.foundation.errors.ContractError: maps/scan1.json is missing or damaged; run the segment stage again

        """
        note = self.note(scan_id)
        if note is None:
            raise ContractError(f"{self.note_path(scan_id)} is missing or damaged; run the segment stage again")
        return note

    def keep(self, scan_id: str, labels: Volume, note: LabelMapNote) -> LabelMapNote:
        """Write a label map, then its note, and return the note.

        Parameters
        ----------
        scan_id : str
            Identifier of the scan.
        labels : Volume
            Label of each voxel, shape (x, y, z) in RAS+, uint8 or uint16; `stored_affine` determines the order of the
            stored voxels.
        note : LabelMapNote
            The note without the checksum of the map.

        Returns
        -------
        LabelMapNote
            The note with the checksum of the map.

        Raises
        ------
        ScanError
            `not_written` if a file cannot be written; its previous content is kept. `missing_file`, `unreadable`, or
            `not_read` if the written map cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> from ctpop.imaging.images import Grid
        >>> labels = Volume(np.ones((1, 1, 2), np.uint8), Grid((1, 1, 2), np.eye(4)), np.eye(4))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = LabelMapStore(Path(folder))
        ...     note = store.keep("scan1", labels, LabelMapNote("0123abcd", "", {"liver": 1}))
        ...     store.finished("scan1", "0123abcd") == note
        True

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
    """Convert any failure to write a file (such as a full disk, a quota, or a disk error) into a `ScanError`."""
    try:
        yield
    except OSError as error:
        raise ScanError("not_written", f"{path.name}: {error.strerror or in_one_line(error)}") from None


def fingerprint_of(**parts: object) -> str:
    """Return a digest of all inputs that determine the content of a label map.

    Parameters
    ----------
    **parts : object
        Values that JSON can represent, such as the digests of the image and the model, and the settings.

    Returns
    -------
    str
        Digest in 64 hexadecimal digits, independent of the order of the parts.

    Raises
    ------
    TypeError
        If JSON cannot represent a value.

    Examples
    --------
    >>> fingerprint_of(ct="0123", model="4567") == fingerprint_of(model="4567", ct="0123")
    True

    """
    return digests.of_json(parts)
