"""SHA-256 digests of files, strings, and JSON values; all digests of the package are computed here."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

SHORT = 16  # number of hexadecimal digits, sufficient to detect a change in content


def of_bytes(content: bytes) -> str:
    """Return the digest of bytes as 64 hexadecimal digits.

    Examples
    --------
    >>> of_bytes(b"")[:8]
    'e3b0c442'

    """
    return hashlib.sha256(content).hexdigest()


def of_text(text: str) -> str:
    """Return the digest of a string encoded in UTF-8."""
    return of_bytes(text.encode())


def of_json(value: Any) -> str:
    """Return the digest of a value serialized as JSON with sorted keys."""
    return of_text(json.dumps(value, sort_keys=True))


def of_parts(parts: Iterable[bytes | memoryview]) -> str:
    """Return the digest of the concatenation of several parts.

    Examples
    --------
    >>> of_parts([b"a", memoryview(b"b")]) == of_bytes(b"ab")
    True

    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def of_stream(file: BufferedReader) -> str:
    """Return the digest of the unread rest of a binary file."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def of_file(path: Path) -> str:
    """Return the digest of a file.

    Raises
    ------
    OSError
        If the file cannot be read.

    """
    with path.open("rb") as file:
        return of_stream(file)


def of_unchanged_file(path: Path) -> str:
    """Return the digest of a file; reread the file only if its size or modification time has changed.

    Raises
    ------
    OSError
        If the file cannot be read.

    """
    stat = path.stat()
    return _of_file(path, stat.st_size, stat.st_mtime_ns)


def short(digest: str) -> str:
    """Return the first 16 hexadecimal digits of a digest."""
    return digest[:SHORT]


def raw(content: bytes) -> bytes:
    """Return the digest of bytes as 32 bytes."""
    return hashlib.sha256(content).digest()


def number_of(text: str) -> int:
    """Return an integer from 0 to 2^64 - 1 that depends only on a string and is uniformly distributed over strings.

    Examples
    --------
    >>> number_of("patient 1") == number_of("patient 1")
    True

    """
    return int.from_bytes(raw(text.encode())[:8], "big")


@cache
def _of_file(path: Path, _size: int, _modified_ns: int) -> str:
    return of_file(path)
