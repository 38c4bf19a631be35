"""Which shard a scan belongs to: a number that no other scan can change.

The shard follows from the patient alone, so that a growing registry moves nobody and all scans of a patient stay
together. Only the standard library is imported here (and what reads a spreadsheet, if the registry is one), since the
Snakefile calls it whenever it is parsed.
"""

import json
import math
import os
import platform
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ctpop.foundation import digests as hashes
from ctpop.study import registry_files
from ctpop.study import registry_options as readings
from ctpop.study.registry_files import filled_rows
from ctpop.study.registry_options import AS_OURS, Reading

CODE = [Path(name) for name in (__file__, registry_files.__file__, readings.__file__)]


def shard_of(patient_id: str, shards: int) -> int:
    """Return the shard, 0 to shards - 1, of a patient (or of a scan whose patient is not recorded)."""
    return number_of(patient_id) % shards


def number_of(patient_id: str) -> int:
    """Return the number whose remainder is the shard of a patient."""
    return hashes.number_of(patient_id)


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


def growing_names(shards: int) -> list[str]:
    """Return names of shards of which one more splits a single one in two, and leaves all others as they are.

    Linear hashing: with n shards between two powers of two, the first n - 2^k of 2^k are split, and the others wait for
    their turn. A shard that is not split yet has twice the scans of one that is.
    """
    whole = 1 << (shards.bit_length() - 1)
    split = shards - whole
    halves = [f"{number + 1}-of-{2 * whole}" for number in (*range(split), *range(whole, shards))]
    return [*halves, *(f"{number + 1}-of-{whole}" for number in range(split, whole))]


def kept_digests(
    folder: Path, registry: str | Path, shards: int | None, scans_per_shard: int, reading: Reading = AS_OURS
) -> dict[str, str]:
    """Return `digests`, as an earlier call noted them in a folder if not a byte of the registry has changed since.

    Every job on a cluster parses the Snakefile twice, and a registry of 100,000 rows takes longer to read than to hash.
    What cannot be noted is computed again.
    """
    if not Path(registry).is_file():
        return digests(registry, shards, scans_per_shard, reading)
    asked = [sorted(value) if isinstance(value, frozenset) else value for value in vars(reading).values()]
    told = repr((Path(registry).suffix, shards, scans_per_shard, asked, [path.read_bytes() for path in CODE]))
    key = hashes.of_bytes(told.encode() + Path(registry).read_bytes())
    note = folder / "registry.json"
    with suppress(OSError, ValueError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if isinstance(known, dict) and known.get("key") == key:
            return {str(name): str(digest) for name, digest in known["digests"].items()}
    found = digests(registry, shards, scans_per_shard, reading)
    part = folder / f"registry-{os.getpid()}-{platform.node()}.part"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"key": key, "digests": found}), encoding="utf-8")
        part.replace(note)
    with suppress(OSError):  # what a full disk left of it
        part.unlink(missing_ok=True)
    return found


def digests(
    registry: str | Path, shards: int | None, scans_per_shard: int, reading: Reading = AS_OURS
) -> dict[str, str]:
    """Return the digest of the rows of each shard of a registry: `shards` of them, or as many as its rows ask for."""
    if not Path(registry).is_file():
        return dict.fromkeys(shard_names(shards or 1), "no registry")
    if shards:
        return shard_digests(registry, shards, reading)
    rows = list(rows_in(registry, reading))
    return digest_rows(rows, growing_names(max(1, math.ceil(len(rows) / scans_per_shard))))


def shard_digests(registry: str | Path, shards: int, reading: Reading = AS_OURS) -> dict[str, str]:
    """Return a digest of the registry rows of each shard; it changes when one of its own rows changes."""
    return digest_rows(rows_in(registry, reading), shard_names(shards))


def rows_in(registry: str | Path, reading: Reading = AS_OURS) -> Iterator[tuple[int, bytes]]:
    """Yield the number of the patient and a digest of each row of a registry, whatever the order of columns.

    As in `registry.read_cells`, the header is the first row with any content. What is wrong with a file is left for
    that function to tell.
    """
    filled = filled_rows(Path(registry), reading)
    header = next(filled, [])
    order = sorted(range(len(header)), key=header.__getitem__)
    first = repr([header[place] for place in order]).encode()
    place_of = {name: place for place, column in enumerate(header) for name in reading.names(column)}
    named = [(name, place_of[name]) for name in ("patient_id", "scan_id") if name in place_of]
    for row in filled:
        cells = row + [""] * (len(header) - len(row))
        ids: dict[str, str] = {name: reading.word(name, cells[place]) for name, place in named}
        sorted_cells = repr([cells[place] for place in order]).encode()
        yield number_of(key_of(ids)), hashes.raw(first + sorted_cells)


def digest_rows(rows: Iterable[tuple[int, bytes]], names: list[str]) -> dict[str, str]:
    """Return a digest of the rows of each shard, whatever their order."""
    members: dict[str, list[bytes]] = {name: [] for name in names}
    moduli = sorted({parse_shard(name)[1] for name in names}, reverse=True)
    homes = [_home(number, members, moduli) for number in range(moduli[0])]  # the largest is a multiple of all others
    for number, row in rows:
        members[homes[number % moduli[0]]].append(row)
    return {name: hashes.short(hashes.of_bytes(b"".join(sorted(rows)))) for name, rows in members.items()}


def in_braces(folder: str, names: list[str], suffix: str) -> str:
    """Return the files of shards as words that bash expands, since a command may not be longer than 128 KB.

    Consecutive shards of one modulus make a word: `folder/{1..3}-of-4.parquet`.
    """
    runs: list[list[int]] = []
    for modulus, number in sorted((shards, shard + 1) for shard, shards in map(parse_shard, names)):
        if runs and runs[-1][0] == modulus and runs[-1][2] == number - 1:
            runs[-1][2] = number
        else:
            runs.append([modulus, number, number])
    return " ".join(f"{folder}/{{{first}..{last}}}-of-{modulus}{suffix}" for modulus, first, last in runs)


def home_of(key: str, names: Container[str], moduli: list[int]) -> str:
    """Return the name, among those of a set of shards, of the one that a key belongs to."""
    return _home(number_of(key), names, moduli)


def _home(number: int, names: Container[str], moduli: list[int]) -> str:
    candidates = (f"{number % modulus + 1}-of-{modulus}" for modulus in moduli)
    return next(name for name in candidates if name in names)
