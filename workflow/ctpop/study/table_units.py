"""Whether the values of a table of measures can be millilitres and Hounsfield units.

A table in other units gives the same correlations and wrong volumes, attenuations and screening. Each check looks at
the medians of many values, so that single wrong values, which screening finds, decide nothing.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError

FEWEST = 5  # values of a structure from which its median counts
LARGEST_RATIO = 300.0  # of a median volume to the lower bound of its structure; whole organs have 1 to 30
SMALLEST_RATIO = 0.02
# Organs and muscles, whose mean attenuation with and without contrast agent is between those of fat and of bone.
SOFT = (
    *("liver", "spleen", "pancreas", "kidney_left", "kidney_right", "heart", "stomach", "urinary_bladder", "prostate"),
    *("autochthon_left", "autochthon_right", "iliopsoas_left", "iliopsoas_right", "spinal_cord", "esophagus"),
    *("gluteus_maximus_left", "gluteus_maximus_right", "gluteus_medius_left", "gluteus_medius_right", "aorta"),
)
SOFT_HU = (-200.0, 600.0)
NARROWEST_HU = 3.0  # between the medians of structures and values of a scale from 0 to 1


def refuse_other_units(rows: pd.DataFrame, bounds_ml: Mapping[str, float], place: Path) -> None:
    """Refuse rows whose volumes cannot be ml, or whose attenuation cannot be HU.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `measures` with structure, volume_ml and hu_mean.
    bounds_ml : mapping of str to float
        Lower bound of the volume (ml) of each structure that has one.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the medians of structures are beyond what these units allow.

    Examples
    --------
    >>> rows = pd.DataFrame({"structure": ["liver"] * 5, "volume_ml": [1500.0] * 5, "hu_mean": [60.0] * 5})
    >>> refuse_other_units(rows, {"liver": 600.0}, Path("measures.csv"))

    """
    _refuse_volumes(_medians(rows, "volume_ml"), bounds_ml, place)
    _refuse_attenuation(_medians(rows, "hu_mean"), place)


def _medians(rows: pd.DataFrame, measure: str) -> "pd.Series[float]":
    values = rows.loc[rows[measure].notna() & rows[measure].ne(0), ["structure", measure]]
    groups = values.groupby("structure")[measure]
    return groups.median()[groups.size() >= FEWEST]


def _refuse_volumes(medians: "pd.Series[float]", bounds_ml: Mapping[str, float], place: Path) -> None:
    bounds = pd.Series(dict(bounds_ml), dtype=float).reindex(medians.index)
    ratios = (medians / bounds).dropna()
    if ratios.empty:
        return
    ratio = float(ratios.median())
    first = str(ratios.index[0])
    found = f"{place}: the median volume of {first} is {medians[first]:g} ml, and of all structures {ratio:g} times the"
    if ratio > LARGEST_RATIO:
        raise ContractError(
            f"{found} lower bound: they are probably in mm³; name the columns STRUCTURE_volume_mm3 (volume_mm3 in"
            ' a long table), as in measure: {columns: {"*_volume_ml": "*_volume_mm3"}}'
        )
    if ratio < SMALLEST_RATIO:
        raise ContractError(
            f"{found} lower bound: they are probably in ml or litres; call the columns STRUCTURE_volume_ml or"
            ' STRUCTURE_volume_l, as in measure: {columns: {"*_volume_mm3": "*_volume_ml"}}'
        )


def _refuse_attenuation(medians: "pd.Series[float]", place: Path) -> None:
    soft = medians[medians.index.isin(SOFT)]
    if soft.empty:
        return
    typical = float(soft.median())
    found = f"{place}: the median attenuation of {soft.index[0]} is {soft.iloc[0]:g}, and of soft tissue {typical:g}"
    if not SOFT_HU[0] <= typical <= SOFT_HU[1]:
        raise ContractError(
            f"{found}, which cannot be HU ({SOFT_HU[0]:g} to {SOFT_HU[1]:g}); subtract the offset of the values, as"
            " 1024, in the table"
        )
    if np.ptp(medians) < NARROWEST_HU and len(medians) > 1 and medians.abs().max() < NARROWEST_HU:
        raise ContractError(f"{found}: the values lie on a scale of 0 to 1 and are not HU; correct the table")
