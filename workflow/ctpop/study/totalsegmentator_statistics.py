"""Conversion of the measures of a scan to a statistics file of TotalSegmentator.

SOURCE: totalsegmentator/statistics.py of github.com/wasserth/TotalSegmentator, function get_basic_statistics. The file
`statistics.json` contains the volume (mm³) and the mean attenuation (HU) of every structure in the order of the labels.
TotalSegmentator writes 0.0 for both values if a structure is absent and, since release 2.0, if it reaches the border of
the image. Here, null indicates that a value was not measured.
"""

import json
from dataclasses import dataclass

import pandas as pd

FILE_NAME = "statistics.json"
MM3_PER_ML = 1000
BORDER_LAYERS = 3  # SOURCE: touches_border() checks three layers of voxels on each face
VOLUME_DECIMALS = 5  # mm³; rounding removes floating-point errors of the conversion from mL
COLUMNS = ("status", "n_voxels", "volume_ml", "hu_mean", "border_voxels")

Statistics = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class StatisticsStyle:
    """Format of a statistics file.

    Attributes
    ----------
    decimals : int
        Number of decimals of the attenuation.
    zeros : bool
        Whether the volume and attenuation of absent and truncated structures are 0.0.

    """

    decimals: int
    zeros: bool


def statistics_of(rows: pd.DataFrame, style: StatisticsStyle) -> Statistics:
    """Return the statistics of a scan in the order of its rows of `measures`.

    Without `zeros`, an absent structure has volume 0.0 and attenuation null. Values that were not measured are null in
    both formats.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `measures` of a scan.
    style : StatisticsStyle
        Format of the file.

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
    """Return the text of a statistics file in the format of TotalSegmentator.

    Parameters
    ----------
    statistics : dict of str to dict of str to (float or None)
        `volume` (mm³) and `intensity` (HU) by structure.

    Returns
    -------
    str
        JSON text.

    Examples
    --------
    >>> text_of({"liver": {"volume": 1500.0, "intensity": None}}).split()
    ['{', '"liver":', '{', '"volume":', '1500.0,', '"intensity":', 'null', '}', '}']

    """
    return json.dumps(statistics, indent=4)


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
