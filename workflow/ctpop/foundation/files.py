"""Atomic writing of files: a file is written completely or not at all.

This module imports only the standard library, so that programs that write text or images need no table library.
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
    """Call `write` with a temporary path, then rename the file, so that readers never see an incomplete file.

    Content and name are on the disk when this function returns. A record about a file therefore never exists without
    the file.
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
    """Write a text file completely or not at all."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def half_written(path: Path) -> Path:
    """Return the name of a file until it is complete; `remove_half_written` recognizes this name."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.part")


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; some network file systems do not support this."""
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

    On this machine, the state of the process is checked. A process of another machine counts as dead if its file has
    not changed for an hour, because writing a file takes seconds.
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
    except FileNotFoundError:  # renamed in the meantime
        return False


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a process of another user
        return True
    return True
