"""The smallest and largest values of each structure that the rules do not exclude, whose masks should be reviewed."""

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import COHORT, EXTREMES, MEASURES
from ctpop.stages.screen.rows import MeasureRows
from ctpop.stages.screen.verdicts import Assessment

Places = NDArray[np.int64]
SIGNS = {"smallest": 1.0, "largest": -1.0}


def extreme_table(rows: MeasureRows, by_rules: Assessment, cohort: pd.DataFrame | None, number: int) -> pd.DataFrame:
    """Return the table `extremes`, with up to `number` smallest and largest values of each structure and measure.

    The table includes the age and sex of the patients. A review does not change the table. With fewer than twice
    `number` values, some values are listed at both ends. Of equal values, the value of the first scan has the lower
    rank.
    """
    found = [*_ends(rows, by_rules, number)] if number else []
    table = pd.concat(found, ignore_index=True) if found else EXTREMES.empty()
    patients = COHORT.empty() if cohort is None else cohort
    known = patients.set_index("scan_id")[["age_years", "sex"]].reindex(table["scan_id"])
    return table.assign(age_years=known["age_years"].array, sex=known["sex"].array)


def outermost(values: NDArray[np.float64], number: int) -> Places:
    """Return the indices of the smallest values in ascending order; equal values keep their order."""
    if len(values) > number:
        limit = np.partition(values, number - 1)[number - 1]
        among = np.flatnonzero(values <= limit)
    else:
        among = np.arange(len(values))
    return among[np.argsort(values[among], kind="stable")][:number]


def _ends(rows: MeasureRows, by_rules: Assessment, number: int) -> Iterator[pd.DataFrame]:
    for measure, (end, sign) in product(MEASURES, SIGNS.items()):
        values = sign * rows.numbers(measure)
        for name, members in _usable_places(rows, by_rules.usable(rows, measure)):
            yield _rows_of(rows, members[outermost(values[members], number)], (name, measure, end))


def _usable_places(rows: MeasureRows, usable: NDArray[np.bool_]) -> Iterator[tuple[str, Places]]:
    """Return the indices of the usable rows of each structure."""
    places = np.flatnonzero(usable)
    places = places[np.argsort(rows.structure[places], kind="stable")]
    borders = np.searchsorted(rows.structure[places], np.arange(len(rows.names) + 1))
    parts = (places[begin:end] for begin, end in pairwise(borders))
    return zip(rows.names, parts, strict=True)


def _rows_of(rows: MeasureRows, places: Places, what: tuple[str, str, str]) -> pd.DataFrame:
    structure, measure, end = what
    return pd.DataFrame(
        {
            "structure": structure,
            "measure": measure,
            "end": end,
            "rank": np.arange(1, len(places) + 1),
            "scan_id": rows.scan_ids[rows.scan[places]],
            "value": rows.numbers(measure)[places],
        }
    )
