"""Pseudonyms from a keyed hash, and the private folder that contains the key.

Without the key, pseudonyms cannot be assigned to patients, even by testing all identifiers of a hospital. With the key,
this assignment is possible. The key is therefore stored outside the results in a folder that only its owner can read.
"""

import hmac
import secrets
from pathlib import Path

from ctpop.foundation.errors import ContractError

KEY_BYTES = 32
DIGITS = 32  # hexadecimal digits of a full pseudonym: 128 bits
ID_DIGITS = 16  # in the id of a scan: the probability of equal ids among a million scans is 1 in 37 million
PREFIXES = {"scan": "s", "patient": "p", "exam": "e"}
MOST_SHIFT_DAYS = 36525
RESULTS = "results"


class Pseudonyms:
    """Conversion of identifiers to pseudonyms: with the same key and kind, equal identifiers have equal pseudonyms."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def digest(self, kind: str, *identifiers: str) -> str:
        """Return 32 hexadecimal digits of HMAC-SHA-256 over a kind and identifiers, separated by null bytes."""
        message = b"\0".join(text.encode("utf-8", "surrogatepass") for text in (kind, *identifiers))
        return hmac.new(self.key, message, "sha256").hexdigest()[:DIGITS]

    def name(self, kind: str, digest: str) -> str:
        """Return the id of a scan, patient, or examination: a letter and hexadecimal digits, valid in file names."""
        return PREFIXES[kind] + self.digest(f"name of {kind}", digest)[:ID_DIGITS]

    def shift_days(self, patient: str) -> int:
        """Return the number of days to add to all dates of a patient; order is kept and true dates are concealed."""
        return int(self.digest("shift", patient)[:8], 16) % MOST_SHIFT_DAYS


def open_private(folder: Path) -> Path:
    """Create the private folder if necessary, accessible to its owner only and ignored by git, and return its path.

    Raises
    ------
    ContractError
        If the folder is inside a folder `results`, which is intended for sharing.

    """
    if RESULTS in folder.resolve().parts:
        raise ContractError(
            "--private: the private folder is inside a folder `results`, which is intended for sharing; choose a"
            " folder outside `results`"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def key_of(folder: Path) -> bytes:
    """Return the key of a private folder; the first call generates a random key.

    Raises
    ------
    ContractError
        If the file exists and does not contain a key.

    """
    path = folder / "key"
    if not path.exists():
        write_privately(path, secrets.token_hex(KEY_BYTES) + "\n")
    return read_key(folder)


def read_key(folder: Path) -> bytes:
    """Return the existing key of a private folder.

    Raises
    ------
    ContractError
        If the file does not exist or does not contain a key.

    """
    try:
        key = bytes.fromhex((folder / "key").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ContractError(
            f"the private folder contains no file `key` with {2 * KEY_BYTES} hexadecimal digits; specify the folder"
            " that `ctpop index` created (option --private, setting study.private), or restore the key from a backup"
        )
    return key


def write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner can read; the file is written completely or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600, exist_ok=False)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
