"""Reading of a folder of statistics files of TotalSegmentator, which replaces the measurement of images.

An unreadable file is recorded as the status of its scan, and an invalid entry as the status of its structure. A damaged
file therefore does not stop a study. The module `totalsegmentator_statistics` describes the format of the files.
"""

import json
import logging
import math
import os
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import PASSING_ERRORS, ContractError, ScanError, count, in_one_line
from ctpop.study.configuration import LABEL_SETS, label_rows
from ctpop.study.identifiers import refuse_near_ids
from ctpop.study.totalsegmentator_statistics import FILE_NAME, MM3_PER_ML

LOG = logging.getLogger(__name__)

LARGEST_BYTES = 16 << 20  # ASSUME: a file of 117 structures has 10 KB, or 1 MB with hundreds of values per structure
SUFFIX = ".json"
SHOWN = 80  # number of characters of an entry in messages
REPEATED = "duplicate key"  # replaces the values of a key that occurs twice in an object


@dataclass(frozen=True)
class StatisticsEntry:
    """Entry of a structure in a statistics file.

    Attributes
    ----------
    status : str
        Status in `measures`.
    detail : str or None
        Detail of a status without values.
    volume_ml : float
        Volume (mL); NaN if unknown.
    hu_mean : float
        Mean attenuation (HU); NaN if unknown.

    """

    status: str
    detail: str | None = None
    volume_ml: float = math.nan
    hu_mean: float = math.nan


ABSENT = StatisticsEntry("not_in_table")


def read_folder(folder: Path, scan_ids: list[str], names: list[str], excluded: Collection[str] = ()) -> pd.DataFrame:
    """Return the statistics of all scans of the cohort in the form of `measures`, with every structure of every scan.

    The file of a scan is `<scan_id>.json` or `<scan_id>/statistics.json`. TotalSegmentator writes a volume of 0.0 and
    an attenuation of 0.0 for absent, truncated, and failed structures; these entries have unknown values
    (`zero_in_statistics`). Structures without a file or an entry are `not_in_table`. If a file cannot be read, all
    structures of its scan have the status of this error. An entry without a valid volume and attenuation is
    `bad_entry`. Structures that are not in the label set are ignored.

    Parameters
    ----------
    folder : Path
        Folder that contains the files.
    scan_ids : list of str
        Scans of the study.
    names : list of str
        Structures of the label set.
    excluded : collection of str
        Scans of the registry that are not in the study.

    Returns
    -------
    pandas.DataFrame
        One row per scan and structure, with the columns of `MEASURES_TABLE`; volume in mL, attenuation in HU.

    Raises
    ------
    ContractError
        If no scan of the cohort has a file, a scan has two files, no file can be read, or no file contains a structure
        of the label set.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "s1.json").write_text('{"liver": {"volume": 1500000, "intensity": 61.5}}')
    ...     read_folder(Path(folder), ["s1"], ["liver"])[["volume_ml", "hu_mean"]].values.tolist()
    [[1500.0, 61.5]]

    """
    files = {scan_id: path for scan_id in scan_ids if (path := file_of(folder, scan_id))}
    _refuse_other_names(folder, [scan_id for scan_id in scan_ids if scan_id not in files], {*scan_ids, *excluded})
    if not files:
        present = ", ".join(sorted(path.name for path in folder.iterdir())[:3]) or "no files"
        raise ContractError(
            f"{folder}: no scan of the cohort has a statistics file (SCAN_ID.json or SCAN_ID/{FILE_NAME}); the folder"
            f" contains {present}; rename the files or folders according to scan_id in the registry"
        )
    columns = {name: np.full((len(scan_ids), len(names)), default, object) for name, default in asdict(ABSENT).items()}
    failures: list[str] = []
    n_entries = 0
    for row, path in ((row, files[scan_id]) for row, scan_id in enumerate(scan_ids) if scan_id in files):
        try:
            found = entries(path, names)
        except ScanError as error:
            LOG.warning("scan %s has no measures: %s", scan_ids[row], error)
            failures.append(f"{scan_ids[row]!r}: {error.detail}")
            found = dict.fromkeys(range(len(names)), StatisticsEntry(error.reason, error.detail))
        else:
            n_entries += len(found)
        _fill(columns, row, found)
    if len(failures) == len(files):
        raise ContractError(
            f"{folder}: no statistics file can be read ({count(len(files), 'file')}); error of scan"
            f" {failures[0]}; export the files again"
        )
    if not n_entries:
        structures = _keys_of(next(iter(files.values())))
        raise ContractError(
            f"{folder}: no file contains a structure of the label set (such as {names[0]}); the first file contains"
            f" {', '.join(structures[:3]) or 'no structures'}; set structures to the label set of the files"
            f"{_label_set_of(structures)}"
        )
    message = "statistics files found for %d of %d scans, %d unreadable; %d entries read"
    LOG.info(message, len(files), len(scan_ids), len(failures), n_entries)
    keys = {"scan_id": np.repeat(np.array(scan_ids, dtype=object), len(names)), "structure": names * len(scan_ids)}
    values = {name: cells.ravel() for name, cells in columns.items()}
    return pd.DataFrame({**keys, **values}).reindex(columns=list(MEASURES_TABLE.columns))


def file_of(folder: Path, scan_id: str) -> Path | None:
    """Return the path of the statistics file of a scan.

    Parameters
    ----------
    folder : Path
        Folder that contains the files.
    scan_id : str
        Scan identifier.

    Returns
    -------
    Path or None
        `SCAN_ID.json` or `SCAN_ID/statistics.json`; None if neither exists.

    Raises
    ------
    ContractError
        If both exist.

    Examples
    --------
    >>> file_of(Path("no_such_folder"), "s1") is None
    True

    """
    present = [path for path in (folder / f"{scan_id}.json", folder / scan_id / FILE_NAME) if _is_there(path)]
    if len(present) > 1:
        raise ContractError(
            f"{folder}: scan {scan_id} has two statistics files, {scan_id}.json and {scan_id}/{FILE_NAME}; remove one"
            " of them"
        )
    return present[0] if present else None


def entries(path: Path, names: list[str]) -> dict[int, StatisticsEntry]:
    """Return the entries of a statistics file for structures of the label set, by their positions in `names`.

    Parameters
    ----------
    path : Path
        JSON file of a scan.
    names : list of str
        Structures of the label set.

    Returns
    -------
    dict of int to StatisticsEntry
        Entry by the position of the structure.

    Raises
    ------
    ScanError
        `missing_file`, `not_read`, `unreadable`, or `out_of_memory` if the file cannot be read or is not a JSON object.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "s1.json")
    ...     _ = path.write_text('{"liver": {"volume": 1500, "intensity": 61.5}, "skin": null}')
    ...     entries(path, ["spleen", "liver"])[1].volume_ml
    1.5

    """
    try:
        content = json.loads(_content_of(path), object_pairs_hook=_with_repeated)
    except (ValueError, RecursionError) as error:
        raise ScanError("unreadable", f"the statistics file is not valid JSON ({in_one_line(error, 100)})") from None
    except MemoryError:
        raise ScanError("out_of_memory", "the statistics file does not fit into memory") from None
    if not isinstance(content, dict):
        raise ScanError(
            "unreadable",
            f"the statistics file must contain a JSON object of structures, like {FILE_NAME} of TotalSegmentator",
        )
    return {place: entry_of(content[name]) for place, name in enumerate(names) if name in content}


def entry_of(content: Any) -> StatisticsEntry:
    """Return the status and values of an entry of a statistics file.

    Parameters
    ----------
    content : object
        Value of the structure in the file.

    Returns
    -------
    StatisticsEntry
        Status, volume, and attenuation.

    Examples
    --------
    >>> entry_of({"volume": 0.0, "intensity": 0.0}).status, entry_of({"volume": -1, "intensity": 0}).status
    ('zero_in_statistics', 'bad_entry')

    """
    values = content if isinstance(content, dict) else {}
    mm3, hu = values.get("volume", ""), values.get("intensity", "")
    fit = all(value is None or _is_number(value) for value in (mm3, hu))
    if not fit or (mm3 or 0) < 0 or (mm3 == 0 and hu):
        return StatisticsEntry(
            "bad_entry",
            "volume and intensity must be numbers or null, volume must not be negative, and intensity must be 0 or null"
            f" if volume is 0; found {in_one_line(ValueError(repr(content)), SHOWN)}",
        )
    if mm3 == 0 and hu == 0:
        return StatisticsEntry("zero_in_statistics")
    if mm3 is None and hu is None:
        return ABSENT
    volume_ml = math.nan if mm3 is None else mm3 / MM3_PER_ML
    return StatisticsEntry("measured", None, volume_ml, math.nan if hu is None else float(hu))


def _refuse_other_names(folder: Path, absent: list[str], known: set[str]) -> None:
    """Reject a folder with statistics files whose names differ from scan identifiers only in spelling."""
    if absent:
        names = sorted(path.name for path in folder.iterdir() if _may_have_statistics(path))
        others = [name for name in names if name.removesuffix(SUFFIX) not in known]
        refuse_near_ids(absent, others, folder, "the name of a file or folder")


def _may_have_statistics(path: Path) -> bool:
    return path.suffix.lower() == SUFFIX or path.is_dir()


def _keys_of(path: Path) -> list[str]:
    """Return the structures in a statistics file, for messages."""
    try:
        content = json.loads(_content_of(path))
    except (ValueError, ScanError):
        return []
    return list(content) if isinstance(content, dict) else []


def _label_set_of(keys: list[str]) -> str:
    """Return the setting of a built-in label set that contains all structures, as the end of an error message."""
    matching = [
        path.stem
        for path in sorted(LABEL_SETS.glob("*.csv"), reverse=True)
        if keys and set(keys) <= {row["structure"] for row in label_rows(path.stem)}
    ]
    return f": structures: {matching[0]}" if matching else ""


def _fill(columns: dict[str, NDArray[np.object_]], row: int, found: dict[int, StatisticsEntry]) -> None:
    for place, entry in found.items():
        for name, cells in columns.items():
            cells[row, place] = getattr(entry, name)


def _is_there(path: Path) -> bool:
    """Return whether a path is a file, a folder, or a broken link, or cannot be accessed."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _content_of(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ScanError("unreadable", "the path of the statistics file is a folder or a device")
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise ScanError("missing_file", "the statistics file is a link to a file that does not exist") from None
    except OSError as error:
        reason = "not_read" if error.errno in PASSING_ERRORS else "unreadable"
        raise ScanError(reason, f"the statistics file cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_BYTES:
        raise ScanError("unreadable", f"the statistics file is larger than {LARGEST_BYTES >> 20} MB")
    if not content.strip():
        raise ScanError("unreadable", "the statistics file is empty")
    return content


def _with_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object in which duplicate keys have no usable value, because the correct value is unknown."""
    counts = Counter(key for key, _ in pairs)
    return {key: REPEATED if counts[key] > 1 else value for key, value in pairs}


def _is_number(value: Any) -> bool:
    """Return whether a value is a finite number within the range of float; Boolean values are not numbers."""
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
