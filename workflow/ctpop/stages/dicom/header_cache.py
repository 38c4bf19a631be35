"""What was read of each file, kept so that a second run reads only what changed.

A file is known by the pseudonym of its path, its size and its time. Identifiers are pseudonyms already, dates are
shifted, texts are words out of closed lists: there is nothing in clear. Another key, or another version of what is
read, starts anew.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.stages.dicom.pseudonyms import Pseudonyms

VERSION = 6  # raised when what is read of a file changes
NAME = "cache.sqlite"
Key = tuple[str, int, int]


@dataclass(frozen=True)
class Cache:
    """The cache in a private folder: facts by pseudonym of the path, size and time."""

    path: Path
    pseudonyms: Pseudonyms
    words: str

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60)

    def prepare(self) -> None:
        """Make the table, and empty it if its facts were read with another key, other words or another version."""
        self.path.touch(mode=0o600, exist_ok=True)
        stamp = self.pseudonyms.digest("cache", str(VERSION), self.words)
        try:
            self._stamp(stamp)
        except sqlite3.DatabaseError:  # no database, or a broken one
            self.path.unlink()
            self.path.touch(mode=0o600)
            self._stamp(stamp)

    def _stamp(self, stamp: str) -> None:
        with closing(self._open()) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS made_with (stamp TEXT)")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS files (file TEXT PRIMARY KEY, size INT, mtime INT, facts TEXT)"
            )
            if connection.execute("SELECT stamp FROM made_with").fetchall() != [(stamp,)]:
                connection.execute("DELETE FROM made_with")
                connection.execute("DELETE FROM files")
                connection.execute("INSERT INTO made_with VALUES (?)", (stamp,))

    def known(self) -> dict[Key, dict[str, Any]]:
        """Return the facts of every file that was read before."""
        with closing(self._open()) as connection:
            rows = connection.execute("SELECT file, size, mtime, facts FROM files").fetchall()
        return {(file, size, mtime): json.loads(facts) for file, size, mtime, facts in rows}

    def keep(self, read: Iterable[tuple[Key, dict[str, Any]]]) -> None:
        """Keep the facts of files; those that it had of them before are replaced."""
        rows = [(*key, json.dumps(facts)) for key, facts in read]
        with closing(self._open()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
