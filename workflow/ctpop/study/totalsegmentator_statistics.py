"""TotalSegmentator's statistics of a scan, as a file: written from `measures`, and read in their place.

SOURCE: totalsegmentator/statistics.py of github.com/wasserth/TotalSegmentator, function get_basic_statistics. Its file
`statistics.json` has the volume (mm³) and the mean attenuation (HU) of every structure, in the order of the labels. It
writes 0.0 for both where a structure is absent, and since release 2.0 where it reaches the border of the image. Here
null says that something was not measured.
"""

import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.errors import ContractError

LOG = logging.getLogger(__name__)

FILE_NAME = "statistics.json"
MM3_PER_ML = 1000
BORDER_LAYERS = 3  # SOURCE: touches_border() looks at three layers of voxels on each face
VOLUME_DECIMALS = 5  # mm³; the conversion from ml leaves dust in the last digits
COLUMNS = ("status", "n_voxels", "volume_ml", "hu_mean", "border_voxels")

Statistics = dict[str, dict[str, float | None]]
Entry = tuple[str, float, float]  # status, volume (ml) and attenuation (HU) of a structure


@dataclass(frozen=True)
class StatisticsStyle:
    """How a file is written.

    Attributes
    ----------
    decimals : int
        Decimals of the attenuation.
    zeros : bool
        Whether volume and attenuation of an absent or truncated structure are 0.0.

    """

    decimals: int
    zeros: bool


def statistics_of(rows: pd.DataFrame, style: StatisticsStyle) -> Statistics:
    """Return the statistics of one scan from its rows of `measures`, in their order.

    Without `zeros`, an absent structure has volume 0.0 and attenuation null. What was not measured is null either way.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `measures` of one scan.
    style : StatisticsStyle
        How the file is written.

    Returns
    -------
    dict of str to dict of str to (float or None)
        `volume` (mm³) and `intensity` (HU) by structure.

    Examples
    --------
    >>> row = {"structure": "liver", "n_voxels": 9, "volume_ml": 1.5, "hu_mean": 61.57, "border_voxels": 0}
    >>> statistics_of(pd.DataFrame([row]), StatisticsStyle(decimals=1, zeros=True))
    {'liver': {'volume': 1500.0, 'intensity': 61.6}}

    """
    volume = (rows["volume_ml"] * MM3_PER_ML).round(VOLUME_DECIMALS)
    intensity = rows["hu_mean"].round(style.decimals)
    if style.zeros:
        dropped = (rows["n_voxels"].eq(0) | rows["border_voxels"].gt(0)).fillna(False).astype(bool)
        volume, intensity = volume.mask(dropped, 0.0), intensity.mask(dropped, 0.0)
    return {
        name: {"volume": _or_none(mm3), "intensity": _or_none(hu)}
        for name, mm3, hu in zip(rows["structure"], volume, intensity, strict=True)
    }


def text_of(statistics: Statistics) -> str:
    """Return the text of a file, as TotalSegmentator formats it.

    Parameters
    ----------
    statistics : dict of str to dict of str to (float or None)
        `volume` (mm³) and `intensity` (HU) by structure.

    Returns
    -------
    str
        JSON.

    Examples
    --------
    >>> text_of({"liver": {"volume": 1500.0, "intensity": None}}).split()
    ['{', '"liver":', '{', '"volume":', '1500.0,', '"intensity":', 'null', '}', '}']

    """
    return json.dumps(statistics, indent=4)


def read_folder(folder: Path, scan_ids: list[str], names: list[str]) -> pd.DataFrame:
    """Return the statistics of all scans of the cohort as `measures`: every scan with every structure.

    The file of a scan is `<scan_id>.json` or `<scan_id>/statistics.json`. A volume of 0.0 with an attenuation of 0.0 is
    TotalSegmentator's word for absent, cut off and failed alike: nothing is known then (`zero_in_statistics`). What has
    no file or no entry is `not_in_table`. Structures outside the label set are set aside.

    Parameters
    ----------
    folder : Path
        Folder with the files.
    scan_ids : list of str
        Scans of the study.
    names : list of str
        Structures of the label set.

    Returns
    -------
    pandas.DataFrame
        One row per scan and structure, with the columns of `MEASURES_TABLE`; volumes in ml, attenuation in HU.

    Raises
    ------
    ContractError
        If no scan of the cohort has a file, none has a structure of the label set, or a file is not of the layout.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "s1.json").write_text('{"liver": {"volume": 1500000, "intensity": 61.5}}')
    ...     read_folder(Path(folder), ["s1"], ["liver"])[["volume_ml", "hu_mean"]].values.tolist()
    [[1500.0, 61.5]]

    """
    files = {scan_id: path for scan_id in scan_ids if (path := file_of(folder, scan_id))}
    if not files:
        raise ContractError(f"{folder}: no scan of the cohort has a file, which is SCAN_ID.json or SCAN_ID/{FILE_NAME}")
    shape = len(scan_ids), len(names)
    status = np.full(shape, "not_in_table", dtype=object)
    volume_ml, hu = np.full(shape, np.nan), np.full(shape, np.nan)
    n_entries = 0
    for row, path in ((row, files[scan_id]) for row, scan_id in enumerate(scan_ids) if scan_id in files):
        found = entries(path, names)
        n_entries += len(found)
        for place, entry in found.items():
            status[row, place], volume_ml[row, place], hu[row, place] = entry
    if not n_entries:
        raise ContractError(f"{folder}: no file has a structure of the label set")
    LOG.info("files of %d of %d scans, %d entries taken over", len(files), len(scan_ids), n_entries)
    keys = {"scan_id": np.repeat(np.array(scan_ids, dtype=object), len(names)), "structure": names * len(scan_ids)}
    values = {"status": status.ravel(), "volume_ml": volume_ml.ravel(), "hu_mean": hu.ravel()}
    return pd.DataFrame({**keys, **values}).reindex(columns=list(MEASURES_TABLE.columns))


def file_of(folder: Path, scan_id: str) -> Path | None:
    """Return the file with the statistics of a scan, if there is one.

    Parameters
    ----------
    folder : Path
        Folder with the files.
    scan_id : str
        Scan.

    Returns
    -------
    Path or None
        File `SCAN_ID.json` or `SCAN_ID/statistics.json`; None if there is neither.

    Raises
    ------
    ContractError
        If there are two.

    Examples
    --------
    >>> file_of(Path("no_such_folder"), "s1") is None
    True

    """
    present = [path for path in (folder / f"{scan_id}.json", folder / scan_id / FILE_NAME) if path.is_file()]
    if len(present) > 1:
        raise ContractError(f"{folder}: {scan_id} has two files, {scan_id}.json and {scan_id}/{FILE_NAME}; remove one")
    return present[0] if present else None


def entries(path: Path, names: list[str]) -> dict[int, Entry]:
    """Return what a file reports about the structures that it has of the label set, by their places in `names`.

    Parameters
    ----------
    path : Path
        JSON file of one scan.
    names : list of str
        Structures of the label set.

    Returns
    -------
    dict of int to (str, float, float)
        Status, volume (ml) and attenuation (HU) by place.

    Raises
    ------
    ContractError
        If it is not of the layout: an object of structures with a volume and an intensity, each a number or null.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "s1.json")
    ...     _ = path.write_text('{"liver": {"volume": 1500, "intensity": 61.5}, "skin": null}')
    ...     entries(path, ["spleen", "liver"])
    {1: ('measured', 1.5, 61.5)}

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ContractError(f"{path}: is not JSON ({' '.join(str(error).split())[:100]})") from None
    if not isinstance(content, dict):
        raise ContractError(f"{path}: must be an object of structures, as TotalSegmentator's {FILE_NAME}")
    return {
        place: _assessed(*_numbers(content[name], name, path)) for place, name in enumerate(names) if name in content
    }


def _numbers(entry: Any, name: str, path: Path) -> tuple[float | None, float | None]:
    """Return volume (mm³) and attenuation (HU) of a structure, as they are written."""
    content: dict[str, Any] = entry if isinstance(entry, dict) else {}
    mm3, hu = content.get("volume", ""), content.get("intensity", "")
    known = [value for value in (mm3, hu) if value is not None]
    fit = all(type(value) in (int, float) and math.isfinite(value) for value in known)
    if not fit or (mm3 or 0) < 0 or (mm3 == 0 and hu):
        raise ContractError(
            f"{path}: {name} must have a volume, 0 or more, and an intensity, each a number or null, and nothing has no"
            f" intensity; found {str(entry)[:80]}"
        )
    return mm3, hu


def _assessed(mm3: float | None, hu: float | None) -> Entry:
    """Return status, volume (ml) and attenuation (HU), NaN where they are not known."""
    if mm3 == 0 and hu == 0:
        return "zero_in_statistics", math.nan, math.nan
    volume_ml = math.nan if mm3 is None else mm3 / MM3_PER_ML
    return "not_in_table" if mm3 is None and hu is None else "measured", volume_ml, math.nan if hu is None else hu


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
