"""Rows of the table `detectable_effects`: the smallest correlation and slope that each test detects."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series
from ctpop.stages.aging.effect_units import PER_DECADE, in_unit
from ctpop.stats.power import detectable_rho, detectable_slope

POWERS = (0.8, 0.9)
SEXES = ("standardized", "all", "female", "male")  # the first with a slope is used
KEY = ["structure", "measure"]


def detectable_rows(series: Iterable[Series], age_effects: pd.DataFrame, alpha: float) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table `detectable_effects`.

    The correlation follows from the number of patients, and the slope from the standard error of the straight line that
    is adjusted for most covariates. The standard error accounts for repeated scans.
    """
    # ASSUME: additional scans of a patient provide no information about the correlation. This is conservative unless
    # few patients provide most of the scans.
    slopes = {tuple(row[name] for name in KEY): row for row in slope_rows(age_effects)}
    for each in series:
        found = slopes.get((each.structure, each.measure), {"adjusted_for": "none"})
        for power in POWERS:
            slope = detectable_slope(found.get("error", np.nan), alpha, power)
            yield {
                **each.name,
                **{name: value for name, value in found.items() if name != "error"},
                "power": power,
                "alpha": alpha,
                "rho": detectable_rho(each.name["n_patients"], alpha, power),
                # An increase is larger in percent than the decrease with the same logarithm. Both are detected.
                "slope": in_unit(slope, each.measure),
                "unit": PER_DECADE[each.measure],
            }


def slope_rows(age_effects: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one slope per structure and measure, with its standard error (HU, or natural logarithm of mL)."""
    lines = age_effects[age_effects["form"].eq("line") & age_effects["sex"].isin(SEXES) & age_effects["error"].notna()]
    covariates = lines["adjusted_for"].str.count(r" \+ ") + lines["adjusted_for"].ne("none")
    order = lines.assign(covariates=-covariates, preference=lines["sex"].map(SEXES.index))
    first = order.sort_values(["covariates", "preference"], kind="stable").drop_duplicates(KEY)
    columns = first[[*KEY, "adjusted_for", "sex", "error"]].assign(
        n_slope=first["n"], n_patients_slope=first["n_patients"]
    )
    return [{str(name): value for name, value in row.items()} for row in columns.to_dict("records")]
