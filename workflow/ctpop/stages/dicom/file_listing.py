"""Which files lie in a folder, at any depth: names and sizes, nothing is opened.

Names of folders and files may hold the names of people. They are kept in memory alone; whatever is stored knows a file
by its pseudonym.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ctpop.stages.dicom.pseudonyms import Pseudonyms


@dataclass(frozen=True)
class File:
    """A file below the folder: its path as seen from there, size in bytes, and time of the last change."""

    path: str
    size: int
    mtime_ns: int

    def pseudonym(self, pseudonyms: Pseudonyms) -> str:
        """Return what stands for the path in everything that is stored."""
        return pseudonyms.digest("file", self.path)


CLOSED, LINK = "closed", "link"  # members of FILE_STATUS


def walk(folder: Path) -> Iterator[File | str]:
    """Yield every regular file below a folder, and a status for what cannot be read.

    A folder or file that may not be looked at is `closed`. Links to files are followed, those to folders are not, since
    they could lead round in circles: these, and links that lead nowhere, are `link`.
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
    """Return a file, or what it is instead; nothing for a folder or a pipe."""
    try:
        if not entry.is_file():
            return LINK if entry.is_symlink() else None
        facts = entry.stat()
    except OSError:
        return CLOSED
    return File(inner + entry.name, facts.st_size, facts.st_mtime_ns)
