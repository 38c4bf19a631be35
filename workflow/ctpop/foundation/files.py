"""Files that are written whole or not at all.

Only the standard library is imported, so that programs that write a text or a picture need no table library.
"""

import errno
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LONG_SILENCE_S = 3600


def write_atomically(path: str | Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file, then move it to its name: readers see all of it or nothing.

    Content and name are on the disk when this returns, so that a note on a file never outlives the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = half_written(path)
    try:
        write(part)
        _flush(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _flush(path.parent)


def write_text(text: str, path: str | Path) -> None:
    """Write a text file, all of it or nothing."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def half_written(path: Path) -> Path:
    """Return the name that a file has until it is whole; `remove_half_written` knows it by that."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.part")


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; some network file systems do so by themselves."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


def remove_half_written(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder.

    Whether a process of this machine runs is known. One of another machine is taken for dead when its file has not been
    written to for an hour: a file takes seconds.
    """
    for left in folder.glob(".*.*.part"):
        name, process = left.name.removesuffix(".part").rsplit(".", 1)
        if not process.isdigit():
            continue
        of_this_machine = name.endswith(f".{platform.node()}")
        if not _is_running(int(process)) if of_this_machine else _is_old(left):
            left.unlink(missing_ok=True)


def _is_old(left: Path) -> bool:
    try:
        return time.time() - left.stat().st_mtime > LONG_SILENCE_S
    except FileNotFoundError:  # moved to its name in the meantime
        return False


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
