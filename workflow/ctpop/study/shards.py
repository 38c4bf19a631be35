"""The shard of a scan: a number that does not depend on any other scan.

The shard follows from the patient alone. A growing registry therefore moves no scan, and all scans of a patient stay
together. This module imports only the standard library (and the reader of spreadsheets, if the registry is one),
because the Snakefile calls it whenever it is parsed.
"""

import json
import math
import os
import platform
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from ctpop.foundation import digests as hashes
from ctpop.study import registry_options as readings
from ctpop.study import spreadsheet, spreadsheet_process, table_cells, table_form
from ctpop.study.registry_options import AS_OURS, Reading
from ctpop.study.table_cells import filled_rows

CODE = [Path(str(module.__file__)) for module in (readings, spreadsheet, spreadsheet_process, table_cells, table_form)]


def shard_of(patient_id: str, shards: int) -> int:
    """Return the shard of a patient, or of a scan whose patient is not recorded.

    Parameters
    ----------
    patient_id : str
        Id of the patient, or of the scan where no patient is recorded.
    shards : int
        Number of shards, at least 1.

    Returns
    -------
    int
        Shard, from 0 to shards - 1.

    Examples
    --------
    >>> shard_of("p1", 4)
    3

    """
    return number_of(patient_id) % shards


def number_of(patient_id: str) -> int:
    """Return the number whose remainder is the shard of a patient.

    Parameters
    ----------
    patient_id : str
        Id of the patient, or of the scan where no patient is recorded.

    Returns
    -------
    int
        Whole number from 0 to 2^64 - 1.

    Examples
    --------
    >>> number_of("p1") % 4 == shard_of("p1", 4)
    True

    """
    return hashes.number_of(patient_id)


def shard_names(shards: int) -> list[str]:
    """Return the name of each shard as file names contain it: `1-of-4` and so on.

    Parameters
    ----------
    shards : int
        Number of shards.

    Returns
    -------
    list of str
        Names of the shards in order.

    Examples
    --------
    >>> shard_names(3)
    ['1-of-3', '2-of-3', '3-of-3']

    """
    return [f"{shard + 1}-of-{shards}" for shard in range(shards)]


def parse_shard(name: str) -> tuple[int, int]:
    """Return the shard and the number of shards that a name contains.

    Parameters
    ----------
    name : str
        Name of a shard, such as `3-of-16`.

    Returns
    -------
    tuple of (int, int)
        Shard, from 0 to shards - 1, and number of shards.

    Raises
    ------
    ValueError
        If the name is not of the form `3-of-16`.

    Examples
    --------
    >>> parse_shard("3-of-16")
    (2, 16)

    """
    one_based, _, shards = name.partition("-of-")
    if not 1 <= int(one_based) <= int(shards):
        raise ValueError(f"{name} is no shard")
    return int(one_based) - 1, int(shards)


def key_of(row: dict[str, str]) -> str:
    """Return the text that decides the shard of a registry row: its patient, or its scan where no patient is recorded.

    Parameters
    ----------
    row : dict of str to str
        Cells of the row by column; `patient_id` and `scan_id` are read, and either may be absent.

    Returns
    -------
    str
        Id without blanks around it; empty if the row has neither id.

    Examples
    --------
    >>> key_of({"patient_id": "p1", "scan_id": "s1"})
    'p1'
    >>> key_of({"patient_id": " ", "scan_id": "s1"})
    's1'

    """
    return row.get("patient_id", "").strip() or row.get("scan_id", "").strip()


def growing_names(shards: int) -> list[str]:
    """Return names of shards such that one shard more splits a single shard in two and leaves all others unchanged.

    This is linear hashing: with n shards between two powers of two, the first n - 2^k of 2^k shards are split, and the
    others are not split yet. A shard that is not split yet has about twice as many scans as one that is.

    Parameters
    ----------
    shards : int
        Number of shards, at least 1.

    Returns
    -------
    list of str
        Names of the shards.

    Examples
    --------
    >>> growing_names(3)
    ['1-of-4', '3-of-4', '2-of-2']
    >>> growing_names(4)
    ['1-of-4', '2-of-4', '3-of-4', '4-of-4']

    """
    whole = 1 << (shards.bit_length() - 1)
    split = shards - whole
    halves = [f"{number + 1}-of-{2 * whole}" for number in (*range(split), *range(whole, shards))]
    return [*halves, *(f"{number + 1}-of-{whole}" for number in range(split, whole))]


def kept_digests(
    folder: Path, registry: str | Path, shards: int | None, scans_per_shard: int, reading: Reading = AS_OURS
) -> dict[str, str]:
    r"""Return the result of `digests`, from a note of an earlier call if the registry has not changed since.

    Every job on a cluster parses the Snakefile twice, and a registry of 100,000 rows takes longer to read than to hash.
    The note counts only if every byte of the registry is the same. Where it cannot be read, the digests are computed
    again.

    Parameters
    ----------
    folder : Path
        Folder of the note `registry.json`; it is created if it does not exist.
    registry : str or Path
        File of the registry.
    shards : int or None
        Number of shards; None derives it from the number of rows.
    scans_per_shard : int
        Largest mean number of scans per shard; read only if `shards` is None or 0.
    reading : Reading
        Settings for reading the registry.

    Returns
    -------
    dict of str to str
        Digest of the registry rows of each shard, by the name of the shard.

    Raises
    ------
    OSError
        If the registry is a file that cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Path(folder, "registry.csv")
    ...     _ = registry.write_text("scan_id,age_years\ns1,61\ns2,55\n")
    ...     kept = kept_digests(Path(folder), registry, 2, 100)
    ...     Path(folder, "registry.json").is_file(), kept == digests(registry, 2, 100)
    (True, True)

    """
    if not Path(registry).is_file():
        return digests(registry, shards, scans_per_shard, reading)
    asked = [sorted(value) if isinstance(value, frozenset) else value for value in vars(reading).values()]
    identity = repr(
        (Path(registry).suffix, shards, scans_per_shard, asked, [path.read_bytes() for path in (Path(__file__), *CODE)])
    )
    key = hashes.of_bytes(identity.encode() + Path(registry).read_bytes())
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
    """Return the digest of the rows of each shard of a registry.

    The registry has `shards` shards, or as many as its number of rows requires.

    Parameters
    ----------
    registry : str or Path
        File of the registry.
    shards : int or None
        Number of shards; None derives it from the number of rows.
    scans_per_shard : int
        Largest mean number of scans per shard; read only if `shards` is None or 0.
    reading : Reading
        Settings for reading the registry.

    Returns
    -------
    dict of str to str
        Digest of the registry rows of each shard, by the name of the shard; `no registry` if the file does not exist.

    Raises
    ------
    OSError
        If the registry is a text file that cannot be read.

    Examples
    --------
    >>> digests("absent.csv", 2, 100)
    {'1-of-2': 'no registry', '2-of-2': 'no registry'}

    """
    if not Path(registry).is_file():
        return dict.fromkeys(shard_names(shards or 1), "no registry")
    if shards:
        return shard_digests(registry, shards, reading)
    rows = list(rows_in(registry, reading))
    return digest_rows(rows, growing_names(max(1, math.ceil(len(rows) / scans_per_shard))))


def shard_digests(registry: str | Path, shards: int, reading: Reading = AS_OURS) -> dict[str, str]:
    r"""Return a digest of the registry rows of each shard; it changes when one of the rows of the shard changes.

    Parameters
    ----------
    registry : str or Path
        File of the registry.
    shards : int
        Number of shards, at least 1.
    reading : Reading
        Settings for reading the registry.

    Returns
    -------
    dict of str to str
        Digest of 16 hexadecimal digits by the name of the shard.

    Raises
    ------
    OSError
        If the registry is a text file that cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Path(folder, "registry.csv")
    ...     _ = registry.write_text("scan_id,age_years\ns1,61\ns2,55\n")
    ...     before = shard_digests(registry, 2)
    ...     _ = registry.write_text("scan_id,age_years\ns2,55\ns1,61\n")
    ...     list(before), before == shard_digests(registry, 2)
    (['1-of-2', '2-of-2'], True)

    """
    return digest_rows(rows_in(registry, reading), shard_names(shards))


def rows_in(registry: str | Path, reading: Reading = AS_OURS) -> Iterator[tuple[int, bytes]]:
    r"""Yield the number of the patient and a digest of each row of a registry, whatever the order of its columns.

    As in `registry.read_cells`, the header is the first row with any content. This function does not report errors in a
    file; `registry.read_cells` does.

    Parameters
    ----------
    registry : str or Path
        File of the registry.
    reading : Reading
        Settings for reading the registry.

    Yields
    ------
    tuple of (int, bytes)
        Number of the patient (`number_of`) and digest of 32 bytes of the header and the cells of the row.

    Raises
    ------
    OSError
        If the registry is a text file that cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Path(folder, "registry.csv")
    ...     _ = registry.write_text("scan_id,patient_id\ns1,p1\ns2,p1\n")
    ...     [(number == number_of("p1"), len(digest)) for number, digest in rows_in(registry)]
    [(True, 32), (True, 32)]

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
    """Return a digest of the rows of each shard, whatever the order of the rows.

    Parameters
    ----------
    rows : iterable of (int, bytes)
        Number of the patient and digest of each row, as `rows_in` yields them.
    names : list of str
        Names of the shards (`shard_names` or `growing_names`).

    Returns
    -------
    dict of str to str
        Digest of 16 hexadecimal digits by the name of the shard.

    Examples
    --------
    >>> found = digest_rows([(0, b"a"), (1, b"b"), (2, b"c")], ["1-of-2", "2-of-2"])
    >>> found == digest_rows([(2, b"c"), (1, b"b"), (0, b"a")], ["1-of-2", "2-of-2"])
    True

    """
    members: dict[str, list[bytes]] = {name: [] for name in names}
    moduli = sorted({parse_shard(name)[1] for name in names}, reverse=True)
    homes = [_home(number, members, moduli) for number in range(moduli[0])]  # the largest is a multiple of all others
    for number, row in rows:
        members[homes[number % moduli[0]]].append(row)
    return {name: hashes.short(hashes.of_bytes(b"".join(sorted(rows)))) for name, rows in members.items()}


def in_braces(folder: str, names: list[str], suffix: str) -> str:
    """Return the files of shards as words that bash expands, because a command cannot be longer than 128 KB.

    Consecutive shards with the same number of shards form one word: `folder/{1..3}-of-4.parquet`.

    Parameters
    ----------
    folder : str
        Folder of the files.
    names : list of str
        Names of the shards.
    suffix : str
        End of the file names, such as `.parquet`.

    Returns
    -------
    str
        Words between blanks.

    Examples
    --------
    >>> in_braces("measures", ["1-of-4", "3-of-4", "2-of-2"], ".parquet")
    'measures/{2..2}-of-2.parquet measures/{1..1}-of-4.parquet measures/{3..3}-of-4.parquet'

    """
    runs: list[list[int]] = []
    for modulus, number in sorted((shards, shard + 1) for shard, shards in map(parse_shard, names)):
        if runs and runs[-1][0] == modulus and runs[-1][2] == number - 1:
            runs[-1][2] = number
        else:
            runs.append([modulus, number, number])
    return " ".join(f"{folder}/{{{first}..{last}}}-of-{modulus}{suffix}" for modulus, first, last in runs)


def home_of(key: str, names: Container[str], moduli: list[int]) -> str:
    """Return the name of the shard that a key belongs to, among the names of a set of shards.

    Parameters
    ----------
    key : str
        Id of a patient or scan, as `key_of` returns it.
    names : container of str
        Names of the shards.
    moduli : list of int
        Numbers of shards that the names contain, in the order in which they are tried.

    Returns
    -------
    str
        Name of the shard.

    Raises
    ------
    StopIteration
        If the key belongs to none of the shards.

    Examples
    --------
    >>> home_of("p1", ["1-of-4", "3-of-4", "2-of-2"], [4, 2])
    '2-of-2'

    """
    return _home(number_of(key), names, moduli)


def _home(number: int, names: Container[str], moduli: list[int]) -> str:
    candidates = (f"{number % modulus + 1}-of-{modulus}" for modulus in moduli)
    return next(name for name in candidates if name in names)
