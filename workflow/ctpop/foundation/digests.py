"""SHA-256 digests of files, texts and JSON values: the one place of the package where a digest is computed."""

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

SHORT = 16  # hexadecimal digits of a digest that only has to change with its content


def of_bytes(content: bytes) -> str:
    """Return the digest of bytes in 64 hexadecimal digits.

    Examples
    --------
    >>> of_bytes(b"")[:8]
    'e3b0c442'

    """
    return hashlib.sha256(content).hexdigest()


def of_text(text: str) -> str:
    """Return the digest of a text in UTF-8."""
    return of_bytes(text.encode())


def of_json(value: Any) -> str:
    """Return the digest of a value as JSON with sorted keys."""
    return of_text(json.dumps(value, sort_keys=True))


def of_parts(parts: Iterable[bytes | memoryview]) -> str:
    """Return the digest of bytes that come in parts.

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
    """Return the digest of what is left to read of a binary file."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def of_file(path: Path) -> str:
    """Return the digest of a file.

    Raises
    ------
    OSError
        If it cannot be read.

    """
    with path.open("rb") as file:
        return of_stream(file)


def of_unchanged_file(path: Path) -> str:
    """Return the digest of a file, which is read once per process as long as its size and time do not change.

    Raises
    ------
    OSError
        If it cannot be read.

    """
    stat = path.stat()
    return _of_file(path, stat.st_size, stat.st_mtime_ns)


def short(digest: str) -> str:
    """Return the first 16 hexadecimal digits of a digest."""
    return digest[:SHORT]


def raw(content: bytes) -> bytes:
    """Return the 32 bytes of the digest of bytes."""
    return hashlib.sha256(content).digest()


def number_of(text: str) -> int:
    """Return a whole number from 0 to 2^64 - 1 that follows from a text and is uniform over texts.

    Examples
    --------
    >>> number_of("patient 1") == number_of("patient 1")
    True

    """
    return int.from_bytes(raw(text.encode())[:8], "big")


@cache
def _of_file(path: Path, _size: int, _modified_ns: int) -> str:
    return of_file(path)
