"""Assignment of scans to shards, which does not depend on the other scans of the registry.

The shard of a scan depends only on the patient. Adding rows to the registry therefore moves no scan to another shard,
and all scans of a patient are in the same shard. This module imports only the standard library (and the spreadsheet
reader if the registry is a spreadsheet), because it runs each time Snakemake parses the Snakefile.
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
    """Return the shard of a patient, or of a scan without a recorded patient.

    Parameters
    ----------
    patient_id : str
        Patient identifier, or scan identifier if no patient is recorded.
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
    """Return the number whose remainder after division by the shard count is the shard of a patient.

    Parameters
    ----------
    patient_id : str
        Patient identifier, or scan identifier if no patient is recorded.

    Returns
    -------
    int
        Integer from 0 to 2^64 - 1.

    Examples
    --------
    >>> number_of("p1") % 4 == shard_of("p1", 4)
    True

    """
    return hashes.number_of(patient_id)


def shard_names(shards: int) -> list[str]:
    """Return the names of all shards, as used in file names: `1-of-4`, `2-of-4`, and so on.

    Parameters
    ----------
    shards : int
        Number of shards.

    Returns
    -------
    list of str
        Names of the shards in ascending order.

    Examples
    --------
    >>> shard_names(3)
    ['1-of-3', '2-of-3', '3-of-3']

    """
    return [f"{shard + 1}-of-{shards}" for shard in range(shards)]


def parse_shard(name: str) -> tuple[int, int]:
    """Return the shard and the shard count in the name of a shard.

    Parameters
    ----------
    name : str
        Name of a shard, such as `3-of-16`.

    Returns
    -------
    tuple of (int, int)
        Shard, from 0 to shards - 1, and shard count.

    Raises
    ------
    ValueError
        If the name does not have the form `3-of-16`.

    Examples
    --------
    >>> parse_shard("3-of-16")
    (2, 16)

    """
    one_based, _, shards = name.partition("-of-")
    if not 1 <= int(one_based) <= int(shards):
        raise ValueError(f"{name!r} is not the name of a shard, such as 3-of-16")
    return int(one_based) - 1, int(shards)


def key_of(row: dict[str, str]) -> str:
    """Return the identifier that determines the shard of a registry row: the patient, or the scan if there is none.

    Parameters
    ----------
    row : dict of str to str
        Cells of the row by column; only the optional columns `patient_id` and `scan_id` are used.

    Returns
    -------
    str
        Identifier without surrounding white space; empty if the row contains neither identifier.

    Examples
    --------
    >>> key_of({"patient_id": "p1", "scan_id": "s1"})
    'p1'
    >>> key_of({"patient_id": " ", "scan_id": "s1"})
    's1'

    """
    return row.get("patient_id", "").strip() or row.get("scan_id", "").strip()


def growing_names(shards: int) -> list[str]:
    """Return names of shards such that an additional shard splits one shard in two and leaves all others unchanged.

    The names follow linear hashing: for n shards between two powers of two, the first n - 2^k of 2^k shards are split.
    A shard that has not been split contains about twice as many scans as a shard that has.

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
    r"""Return the result of `digests`, from a cache file of an earlier call if the registry has not changed.

    Every job on a cluster parses the Snakefile twice, and hashing a registry of 100,000 rows is faster than parsing its
    rows. The cache is used only if every byte of the registry is unchanged. If the cache cannot be read, the digests
    are computed again.

    Parameters
    ----------
    folder : Path
        Folder of the cache file `registry.json`, created if it does not exist.
    registry : str or Path
        Path of the registry.
    shards : int or None
        Shard count; None to derive it from the number of rows.
    scans_per_shard : int
        Largest mean number of scans per shard; used only if `shards` is None or 0.
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
    with suppress(OSError):  # a full disk can leave an incomplete file
        part.unlink(missing_ok=True)
    return found


def digests(
    registry: str | Path, shards: int | None, scans_per_shard: int, reading: Reading = AS_OURS
) -> dict[str, str]:
    """Return the digest of the rows of each shard of a registry.

    The shard count is `shards`, or is derived from the number of rows.

    Parameters
    ----------
    registry : str or Path
        Path of the registry.
    shards : int or None
        Shard count; None to derive it from the number of rows.
    scans_per_shard : int
        Largest mean number of scans per shard; used only if `shards` is None or 0.
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
    r"""Return a digest of the registry rows of each shard, which changes if a row of the shard changes.

    Parameters
    ----------
    registry : str or Path
        Path of the registry.
    shards : int
        Shard count, at least 1.
    reading : Reading
        Settings for reading the registry.

    Returns
    -------
    dict of str to str
        Digest (16 hexadecimal digits) by the name of the shard.

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
    r"""Yield the number of the patient and a digest of each row of a registry, independent of the order of the columns.

    As in `registry.read_cells`, the header is the first row with any content. This function ignores errors in the file,
    which `registry.read_cells` reports.

    Parameters
    ----------
    registry : str or Path
        Path of the registry.
    reading : Reading
        Settings for reading the registry.

    Yields
    ------
    tuple of (int, bytes)
        Number of the patient (`number_of`) and digest (32 bytes) of the header and the cells of the row.

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
    """Return a digest of the rows of each shard, independent of the order of the rows.

    Parameters
    ----------
    rows : iterable of (int, bytes)
        Number of the patient and digest of each row, as yielded by `rows_in`.
    names : list of str
        Names of the shards (`shard_names` or `growing_names`).

    Returns
    -------
    dict of str to str
        Digest (16 hexadecimal digits) by the name of the shard.

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
    """Return the files of shards as brace expressions for bash, because a command is limited to 128 KB.

    Consecutive shards with the same shard count form one word: `folder/{1..3}-of-4.parquet`.

    Parameters
    ----------
    folder : str
        Folder of the files.
    names : list of str
        Names of the shards.
    suffix : str
        Suffix of the file names, such as `.parquet`.

    Returns
    -------
    str
        Words separated by spaces.

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
    """Return the name of the shard to which a key belongs.

    Parameters
    ----------
    key : str
        Patient or scan identifier, as returned by `key_of`.
    names : container of str
        Names of all shards.
    moduli : list of int
        Shard counts in the names, in the order in which they are tried.

    Returns
    -------
    str
        Name of the shard.

    Raises
    ------
    StopIteration
        If the key does not belong to any of the shards.

    Examples
    --------
    >>> home_of("p1", ["1-of-4", "3-of-4", "2-of-2"], [4, 2])
    '2-of-2'

    """
    return _home(number_of(key), names, moduli)


def _home(number: int, names: Container[str], moduli: list[int]) -> str:
    candidates = (f"{number % modulus + 1}-of-{modulus}" for modulus in moduli)
    return next(name for name in candidates if name in names)
