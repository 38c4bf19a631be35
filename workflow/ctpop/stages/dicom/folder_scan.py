"""Reading of all headers in a folder with several processes; unchanged files are not read again."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.foundation.processes import end_with_parent
from ctpop.foundation.progress import Progress
from ctpop.stages.dicom.file_listing import File, walk
from ctpop.stages.dicom.header_cache import Cache, Key
from ctpop.stages.dicom.header_reading import pixels_of, read_facts
from ctpop.stages.dicom.pseudonyms import Pseudonyms

LOG = logging.getLogger(__name__)
AT_ONCE = 200  # files that a process reads before it returns their facts


@dataclass(frozen=True)
class ScannedFile:
    """A file of the folder, the pseudonym of its path, and the facts from its header."""

    file: File
    pseudonym: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Scanned:
    """All files of a folder with their facts, sorted by pseudonym, and the numbers of new files and unread entries."""

    found: list[ScannedFile]
    n_read: int
    n_unread: Counter[str]


def scan(folder: Path, cache: Cache, processes: int) -> Scanned:
    """Return the facts of every file in a folder and its subfolders, and store them in the cache in batches.

    Only headers are read. Pixels are read only if the UID of an image is missing or equal to that of another file: the
    pixels show whether the images are copies.
    """
    cache.prepare()
    known = cache.known()
    seen = list(walk(folder))
    files = [(file, file.pseudonym(cache.pseudonyms)) for file in seen if isinstance(file, File)]
    new = [(file, name) for file, name in files if key_of(file, name) not in known]
    LOG.info("%d files in the folder, %d of them unchanged since an earlier run", len(files), len(files) - len(new))
    for part in read_all(new, _Reader(folder, cache.pseudonyms.key), processes):
        cache.keep(part)
        known.update(part)
    found = [ScannedFile(file, name, known[key_of(file, name)]) for file, name in files]
    unclear = [(one.file, one.pseudonym) for one in with_shared_uids(found)]
    for part in read_all(unclear, _PixelReader(folder, cache.pseudonyms.key), processes):
        facts = [(key, {**known[key], **pixels}) for key, pixels in part]
        cache.keep(facts)
        known.update(facts)
    found = [ScannedFile(one.file, one.pseudonym, known[key_of(one.file, one.pseudonym)]) for one in found]
    unread = Counter(file for file in seen if isinstance(file, str))
    return Scanned(sorted(found, key=lambda one: one.pseudonym), len(new), unread)


def key_of(file: File, pseudonym: str) -> Key:
    """Return the key of a file in the cache; a file with an unchanged key is not read again."""
    return pseudonym, file.size, file.mtime_ns


def with_shared_uids(found: list[ScannedFile]) -> list[ScannedFile]:
    """Return images that share their UID with other files (copies or placeholders) and whose pixels are unread."""
    numbers = Counter(one.facts["instance"] for one in found if one.facts.get("instance"))
    return [one for one in found if numbers[one.facts.get("instance")] > 1 and not one.facts.get("pixels")]


def read_all(
    files: list[tuple[File, str]], read: Callable[[list[tuple[File, str]]], list[dict[str, Any]]], processes: int
) -> Iterator[list[tuple[Key, dict[str, Any]]]]:
    """Yield the facts of files in batches, in the order of the files."""
    parts = [files[begin : begin + AT_ONCE] for begin in range(0, len(files), AT_ONCE)]
    progress = Progress(LOG, len(files), "headers")
    for number, facts in enumerate(_mapped(read, parts, processes)):
        part = parts[number]
        progress.add(len(part))
        yield [(key_of(file, name), one) for (file, name), one in zip(part, facts, strict=True)]


def _mapped(
    read: Callable[[list[tuple[File, str]]], list[dict[str, Any]]], parts: list[list[tuple[File, str]]], processes: int
) -> Iterator[list[dict[str, Any]]]:
    if processes == 1 or len(parts) < 2:
        yield from map(read, parts)
        return
    with ProcessPoolExecutor(processes, initializer=end_with_parent) as pool:
        yield from pool.map(read, parts)


@dataclass(frozen=True)
class _Reader:
    """Reader of a batch of files; it is sent to other processes and therefore contains the key and no open file."""

    folder: Path
    key: bytes

    def __call__(self, part: list[tuple[File, str]]) -> list[dict[str, Any]]:
        pseudonyms = Pseudonyms(self.key)
        return [read_facts(self.folder / file.path, pseudonyms).as_json() for file, _ in part]


@dataclass(frozen=True)
class _PixelReader(_Reader):
    """Reader of the pixels of a batch of files."""

    def __call__(self, part: list[tuple[File, str]]) -> list[dict[str, Any]]:
        pseudonyms = Pseudonyms(self.key)
        return [{"pixels": pixels_of(self.folder / file.path, pseudonyms)} for file, _ in part]
