"""List of the files in a folder and its subfolders, with names and sizes; no file is opened.

Names of folders and files can contain the names of patients. They are kept only in memory; all stored data refer to a
file by its pseudonym.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctpop.stages.dicom.pseudonyms import Pseudonyms


@dataclass(frozen=True)
class File:
    """A file in the folder: its path relative to the folder, size in bytes, and time of the last change."""

    path: str
    size: int
    mtime_ns: int

    def pseudonym(self, pseudonyms: Pseudonyms) -> str:
        """Return the pseudonym that replaces the path in all stored data."""
        return pseudonyms.digest("file", self.path)


CLOSED, LINK = "closed", "link"  # members of FILE_STATUS


def walk(folder: Path) -> Iterator[File | str]:
    """Yield every regular file in a folder and its subfolders, and a status for each entry that cannot be read.

    Folders and files without read permission are `closed`. Links to files are followed. Links to folders are not
    followed, because they can form cycles; these links and broken links are `link`.
    """
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        entries = _entries(folder / inner)
        if entries is None:
            yield CLOSED
            continue
        waiting += [f"{inner}{entry.name}/" for entry in entries if entry.is_dir(follow_symlinks=False)]
        yield from (file for entry in entries if (file := _file(entry, inner)) is not None)


def _entries(folder: Path) -> "list[os.DirEntry[str]] | None":
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return None


def _file(entry: "os.DirEntry[str]", inner: str) -> File | str | None:
    """Return a file or the status of an unreadable entry; None for a folder or a pipe."""
    try:
        if not entry.is_file():
            return LINK if entry.is_symlink() else None
        facts = entry.stat()
    except OSError:
        return CLOSED
    return File(inner + entry.name, facts.st_size, facts.st_mtime_ns)
