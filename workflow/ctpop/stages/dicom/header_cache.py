"""Cache of the facts from each header, which allows a second run to read only new and changed files.

A file is identified by the pseudonym of its path, its size, and the time of its last change. The cache contains no
clear text: identifiers are pseudonyms, dates are shifted, and texts are words of closed lists. A different key, word
list, or version of the facts empties the cache.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctpop.stages.dicom.pseudonyms import Pseudonyms

VERSION = 6  # increased when the facts that are read from a file change
NAME = "cache.sqlite"
Key = tuple[str, int, int]


@dataclass(frozen=True)
class Cache:
    """Cache in a private folder: facts by pseudonym of the path, size, and time of the last change."""

    path: Path
    pseudonyms: Pseudonyms
    words: str

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60)

    def prepare(self) -> None:
        """Create the table, and empty it if its facts were read with another key, word list, or version."""
        self.path.touch(mode=0o600, exist_ok=True)
        stamp = self.pseudonyms.digest("cache", str(VERSION), self.words)
        try:
            self._stamp(stamp)
        except sqlite3.DatabaseError:  # the file is not a database or is damaged
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
        """Return the facts of all files in the cache."""
        with closing(self._open()) as connection:
            rows = connection.execute("SELECT file, size, mtime, facts FROM files").fetchall()
        return {(file, size, mtime): json.loads(facts) for file, size, mtime, facts in rows}

    def keep(self, read: Iterable[tuple[Key, dict[str, Any]]]) -> None:
        """Store the facts of files, and replace earlier facts of the same files."""
        rows = [(*key, json.dumps(facts)) for key, facts in read]
        with closing(self._open()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
