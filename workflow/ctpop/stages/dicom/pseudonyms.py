"""Pseudonyms by a keyed hash, and the private folder where the key lies.

Without the key nobody can tell whose pseudonym it is, not even by trying all identifiers of a hospital. Whoever has the
key can: it stays out of the results, in a folder that its owner alone may read.
"""

import hmac
import secrets
from pathlib import Path

from ctpop.foundation.errors import ContractError

KEY_BYTES = 32
DIGITS = 32  # hexadecimal digits of a full pseudonym: 128 bits
ID_DIGITS = 16  # of one that names a scan: among a million scans, two are alike with a chance of 1 in 37 million
PREFIXES = {"scan": "s", "patient": "p", "exam": "e"}
MOST_SHIFT_DAYS = 36525
RESULTS = "results"


class Pseudonyms:
    """Turns identifiers into pseudonyms: equal identifiers of a kind give equal ones, under one key."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def digest(self, kind: str, *identifiers: str) -> str:
        """Return 32 hexadecimal digits of HMAC-SHA-256 over a kind and identifiers; their limits count, too."""
        message = b"\0".join(text.encode("utf-8", "surrogatepass") for text in (kind, *identifiers))
        return hmac.new(self.key, message, "sha256").hexdigest()[:DIGITS]

    def name(self, kind: str, digest: str) -> str:
        """Return the id of a scan, patient or examination: a letter and digits, fit for the name of a file."""
        return PREFIXES[kind] + self.digest(f"name of {kind}", digest)[:ID_DIGITS]

    def shift_days(self, patient: str) -> int:
        """Return days that are added to every date of a patient, so that their order stays and no date can be told."""
        return int(self.digest("shift", patient)[:8], 16) % MOST_SHIFT_DAYS


def open_private(folder: Path) -> Path:
    """Return the private folder, made if need be: for its owner alone, and ignored by git.

    Raises
    ------
    ContractError
        If it lies below a folder `results`, which is made to be handed on.

    """
    if RESULTS in folder.resolve().parts:
        raise ContractError(
            "--private: the key must not lie inside a folder `results`, which is made to be handed on; name another"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def key_of(folder: Path) -> bytes:
    """Return the key in a private folder; the first call draws one.

    Raises
    ------
    ContractError
        If the file is there and holds no key.

    """
    path = folder / "key"
    if not path.exists():
        write_privately(path, secrets.token_hex(KEY_BYTES) + "\n")
    return read_key(folder)


def read_key(folder: Path) -> bytes:
    """Return the key that is in a private folder.

    Raises
    ------
    ContractError
        If there is none, or the file holds something else.

    """
    try:
        key = bytes.fromhex((folder / "key").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ContractError(
            f"the private folder has no file `key` with {2 * KEY_BYTES} hexadecimal digits; name the folder that"
            " `ctpop index` made (--private, study.dicom.private), or restore the key from a backup"
        )
    return key


def write_privately(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, all of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
