"""P values of the tables of statistics, and their adjustment within families of tests."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ctpop.stats import families
from ctpop.stats.tails import p_of_log10

LOG = "log10_"


def with_p(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a P value (`p`, `p_rho0`) for each logarithm of a P value (`log10_p`, `log10_p_rho0`)."""
    logarithms = [name for name in table.columns if name.startswith(f"{LOG}p")]
    return table.assign(**{name.removeprefix(LOG): table[name].map(p_of_log10) for name in logarithms})


def adjusted(table: pd.DataFrame, p: str, correct: Callable[[np.ndarray], np.ndarray], *within: str) -> pd.Series:
    """Return adjusted values of the column `p`.

    A family of tests comprises the rows with equal values in the columns `family` and `within`. Rows without a P value
    are not part of a family.
    """
    # ASSUME: the tests of individual structures in one table are one family. The original study does not report the
    # number of tests. Groups repeat the values of their members and must not reduce the significance of their members.
    return table.groupby(["family", *within])[p].transform(lambda values: correct(values.to_numpy(dtype=float)))


def with_adjusted(table: pd.DataFrame, p: str, *within: str) -> pd.DataFrame:
    """Return the table with the values of the column `p` adjusted in three ways, within families as in `adjusted`."""
    return table.assign(
        p_bonferroni=adjusted(table, p, families.bonferroni, *within),
        p_holm=adjusted(table, p, families.holm, *within),
        q_bh=adjusted(table, p, families.benjamini_hochberg, *within),
    )
