"""Which shard a scan belongs to: a number that no other scan can change.

The shard follows from the patient alone, so that a growing registry moves nobody and all scans of a patient stay
together. Only the standard library is imported here (and what reads a spreadsheet, if the registry is one), since the
Snakefile calls it whenever it is parsed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ctpop.registries.files import filled_rows
from ctpop.registries.reading import AS_OURS, Reading


def shard_of(patient_id: str, shards: int) -> int:
    """Return the shard, 0 to shards - 1, of a patient (or of a scan whose patient is not recorded)."""
    digest = hashlib.sha256(patient_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % shards


def shard_names(shards: int) -> list[str]:
    """Return the name of each shard, as it stands in file names: `1-of-4` and so on."""
    return [f"{shard + 1}-of-{shards}" for shard in range(shards)]


def parse_shard(name: str) -> tuple[int, int]:
    """Return (shard, shards) of a name.

    Raises
    ------
    ValueError
        If it is not of the form 3-of-16.

    """
    one_based, _, shards = name.partition("-of-")
    if not 1 <= int(one_based) <= int(shards):
        raise ValueError(f"{name} is no shard")
    return int(one_based) - 1, int(shards)


def key_of(row: dict[str, str]) -> str:
    """Return what decides the shard of a registry row: its patient, or its scan where no patient is recorded."""
    return row.get("patient_id", "").strip() or row.get("scan_id", "").strip()


def shard_digests(registry: str | Path, shards: int, reading: Reading = AS_OURS) -> dict[str, str]:
    """Return a digest of the registry rows of each shard; it changes when one of its own rows changes.

    As in `registry.read_cells`, the header is the first row with any content. What is wrong with a file is left for
    that function to tell.
    """
    filled = filled_rows(Path(registry), reading)
    return digest_rows(next(filled, []), filled, shards, reading)


def digest_rows(header: list[str], rows: Iterable[list[str]], shards: int, reading: Reading) -> dict[str, str]:
    """Return a digest of the rows of each shard, whatever the order of rows and columns."""
    order = sorted(range(len(header)), key=header.__getitem__)
    place_of = {name: place for place, column in enumerate(header) for name in reading.names(column)}
    named = [(name, place_of[name]) for name in ("patient_id", "scan_id") if name in place_of]
    members: list[list[bytes]] = [[] for _ in range(shards)]
    for row in rows:
        cells = row + [""] * (len(header) - len(row))
        ids = {str(name): reading.word(name, cells[place]) for name, place in named}
        members[shard_of(key_of(ids), shards)].append(repr([cells[place] for place in order]).encode())
    first = repr([header[place] for place in order]).encode()
    names = shard_names(shards)
    return {
        name: hashlib.sha256(b"\n".join([first, *sorted(rows)])).hexdigest()[:16]
        for name, rows in zip(names, members, strict=True)
    }
