"""Volume and attenuation of groups of structures, such as all ribs, both kidneys, or the lumbar spine.

A group contains its members in the label set. Its volume requires usable volumes of all members, because a sum of the
available members would be too small, and missing members can depend on age. Its attenuation is the mean of the usable
members weighted by their volumes, which is the mean of all their voxels. A few missing members have little effect on
this mean.
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
    """The members of each group, and the smallest proportion of usable members for the attenuation of a group."""

    members: dict[str, list[str]]
    hu_share: float


NO_GROUPS = Groups({}, 1.0)


def group_values(rows: MeasureRows, usable: dict[str, Truth], groups: Groups) -> pd.DataFrame:
    """Return the table `group_values`, with one row per scan, group, and measure, including missing values.

    `usable[measure]` specifies the usable rows of measures. An attenuation without a volume has no weight and is
    ignored.
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
    """Return the volume and the attenuation of a group, with one row per scan."""
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
    """Return the sum over the members of each scan, or NaN unless all members are usable; shape (scans, members)."""
    return np.where(usable.all(axis=1), np.where(usable, values, 0).sum(axis=1), np.nan)


def weighted_mean(
    values: NDArray[np.float64], weights: NDArray[np.float64], usable: Truth, share: float
) -> NDArray[np.float64]:
    """Return the weighted mean over the usable members of each scan; shape (scans, members).

    The mean is NaN if the proportion of usable members is below `share` or no member is usable.
    """
    weight = np.where(usable, weights, 0)
    total = weight.sum(axis=1)
    enough = (usable.mean(axis=1) >= share) & (total > 0)
    sums = (np.where(usable, values, 0) * weight).sum(axis=1)
    mean: NDArray[np.float64] = np.divide(sums, total, out=np.full(len(total), np.nan), where=enough)
    return mean


def with_groups(values: pd.DataFrame, grouped: pd.DataFrame) -> pd.DataFrame:
    """Return the values of structures and groups that enter the statistics, sorted by key.

    `values` are the values of individual structures as returned by `usable_values.usable_values`, and `grouped` is the
    table `group_values`. Scans, structures, and measures remain categories.
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
