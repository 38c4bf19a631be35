"""P values of the tables of statistics, and their adjustment within families of tests."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from ctpop.stats import families
from ctpop.stats.tails import p_of_log10
from ctpop.study.deciding_tests import deciding

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


def with_significance(table: pd.DataFrame, p: str, alpha: float) -> pd.DataFrame:
    """Return the table with P values, three adjustments of the column `p`, and the significance of `p` at alpha.

    Primary outcomes (column `primary`) form a separate family in each table.
    """
    return _significant(with_adjusted(with_p(table), p, "primary"), table[f"{LOG}{p}"], alpha)


def with_decision(table: pd.DataFrame, alpha: float | None, *within: str) -> pd.DataFrame:
    """Return a table of correlations with P values and with the adjusted values of the P value that decides.

    The column `test` names this P value: `independence` or `rho0`. The P value for a rho of 0 is also adjusted with the
    Holm method (`p_rho0_holm`). With `alpha`, the column `significant` states whether the deciding P value is below
    alpha.
    """
    known = with_p(table)
    known = with_adjusted(known.assign(deciding=deciding(known)), "deciding", *within).drop(columns="deciding")
    known = known.assign(p_rho0_holm=adjusted(known, "p_rho0", families.holm, *within))
    if alpha is None:
        return known
    return _significant(known, deciding(known, "log10_p"), alpha)


def _significant(table: pd.DataFrame, log10_p: pd.Series, alpha: float) -> pd.DataFrame:
    # ASSUME: alpha of the original study, .0001, includes the Bonferroni correction (.05 / 416) and applies to raw P
    # values
    return table.assign(significant=log10_p.lt(math.log10(alpha)).astype("boolean").mask(log10_p.isna()))
