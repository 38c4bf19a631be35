"""Groups of structures: one volume and one attenuation for all ribs, both kidneys, the lumbar spine.

A group is taken over the members that the label set has. Its volume is there only if that of every member is usable:
a sum of those at hand would be too small by whatever is lacking, and what is lacking may depend on age. Its attenuation
is the mean of the usable members weighted by their volumes, which is that of all their voxels; a few that are lacking
hardly move it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from ctpop.contracts.all_tables import ANALYSIS, GROUP_VALUES, MEASURES
from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.rows import NOWHERE, MeasureRows


@dataclass(frozen=True)
class Groups:
    """Members of each group, and the share of them that must be usable for the attenuation of the group."""

    members: dict[str, list[str]]
    hu_share: float


NO_GROUPS = Groups({}, 1.0)


def group_values(rows: MeasureRows, usable: dict[str, Truth], groups: Groups) -> pd.DataFrame:
    """Return the table `group_values`: a row per scan, group and measure, whether or not there is a value.

    `usable[measure]` says which rows of measures may be used. An attenuation without a volume has no weight and does
    not count.
    """
    if not len(rows) or not groups.members:
        return GROUP_VALUES.empty()
    frames = [
        frame.assign(group=pd.Categorical([group] * len(frame), categories=list(groups.members)))
        for group, members in groups.members.items()
        for frame in values_of(rows, usable, members, groups.hu_share)
    ]
    return pd.concat(frames, ignore_index=True)[list(GROUP_VALUES.columns)]


def values_of(rows: MeasureRows, usable: dict[str, Truth], members: list[str], hu_share: float) -> list[pd.DataFrame]:
    """Return volume and attenuation of one group, a row per scan."""
    scans = np.arange(len(rows.scan_ids))
    structures = rows.names.get_indexer(pd.Index(members))
    row = rows.find(np.repeat(scans, len(members)), np.tile(structures, len(scans))).reshape(len(scans), len(members))
    there = row != NOWHERE
    volume, hu = rows.numbers("volume_ml")[row], rows.numbers("hu_mean")[row]
    whole = usable["volume_ml"][row] & there
    weighed = usable["hu_mean"][row] & there & (volume > 0)
    values = {
        "volume_ml": (sum_of_all(volume, whole), whole),
        "hu_mean": (weighted_mean(hu, volume, weighed, hu_share), weighed),
    }
    return [
        pd.DataFrame(
            {
                "scan_id": pd.Categorical.from_codes(scans, categories=rows.scan_ids),
                "measure": pd.Categorical([measure] * len(scans), categories=sorted(MEASURES)),
                "value": value,
                "n_members": len(members),
                "n_usable": counted.sum(axis=1),
            }
        )
        for measure, (value, counted) in values.items()
    ]


def sum_of_all(values: NDArray[np.float64], usable: Truth) -> NDArray[np.float64]:
    """Return the sum over the members of each scan, NaN unless all of them are usable; shape (scans, members)."""
    return np.where(usable.all(axis=1), np.where(usable, values, 0).sum(axis=1), np.nan)


def weighted_mean(
    values: NDArray[np.float64], weights: NDArray[np.float64], usable: Truth, share: float
) -> NDArray[np.float64]:
    """Return the weighted mean over the usable members of each scan; shape (scans, members).

    NaN where fewer than `share` of the members are usable, or none.
    """
    weight = np.where(usable, weights, 0)
    total = weight.sum(axis=1)
    enough = (usable.mean(axis=1) >= share) & (total > 0)
    sums = (np.where(usable, values, 0) * weight).sum(axis=1)
    mean: NDArray[np.float64] = np.divide(sums, total, out=np.full(len(total), np.nan), where=enough)
    return mean


def with_groups(values: pd.DataFrame, grouped: pd.DataFrame) -> pd.DataFrame:
    """Return the values that may enter the statistics, those of groups among them, sorted by key.

    `values` are those of single structures as `values.usable_values` returns them, `grouped` is the table
    `group_values`. Scans, structures and measures stay categories.
    """
    if grouped.empty:
        return values
    found = grouped.dropna(subset="value").rename(columns={"group": "structure"})
    words = {
        name: union_categoricals([values[name], found[name]], sort_categories=True, ignore_order=True)
        for name in ANALYSIS.key
    }
    both = pd.DataFrame({**words, "value": np.concatenate([values["value"], found["value"]])})
    return both.sort_values(list(ANALYSIS.key), ignore_index=True)
