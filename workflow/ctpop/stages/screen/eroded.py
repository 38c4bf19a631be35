"""Mean attenuation without the surface layer of each structure, for a sensitivity analysis of partial volume."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ctpop.stages.screen.evidence import Truth
from ctpop.stages.screen.groups import Groups, group_values, with_groups
from ctpop.stages.screen.rows import MeasureRows
from ctpop.stages.screen.usable_values import usable_values

COLUMNS = ("eroded_voxels", "hu_mean_eroded")


def eroded_values(rows: MeasureRows, usable: Truth, groups: Groups) -> pd.DataFrame:
    """Return the eroded attenuation of structures and groups, one value per row, sorted by key.

    The values are those whose attenuation is usable and whose structure contains eroded voxels. The attenuation of a
    group is the mean of the eroded voxels of its members, under the same conditions as the attenuation without erosion.

    Parameters
    ----------
    rows
        The rows of measures, with the columns in `COLUMNS`.
    usable
        Whether the attenuation of each row is usable.
    groups
        Members of the groups of structures.

    """
    eroded = rows.measures.assign(
        volume_ml=rows.numbers("eroded_voxels"),  # weights of the members of a group
        hu_mean=rows.numbers("hu_mean_eroded"),
    )
    with_erosion = replace(rows, measures=eroded)
    found = {
        "volume_ml": np.zeros(len(rows), dtype=bool),
        "hu_mean": usable & np.isfinite(with_erosion.numbers("hu_mean")),
    }
    return with_groups(usable_values(with_erosion, found), group_values(with_erosion, found, groups))
