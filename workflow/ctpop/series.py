"""The values of each structure or group beside the ages of the people: what the tests of age are given."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ctpop import schema
from ctpop.errors import ContractError


@dataclass(frozen=True)
class Series:
    """The values of one structure or group and measure, with the age of each scan, in the order of the scans.

    `family` are the tests that its P values are adjusted with, out of `schema.FAMILIES`.
    """

    structure: str
    measure: str
    rows: pd.DataFrame
    family: str

    @property
    def values(self) -> np.ndarray:
        """Volumes (ml) or attenuations (HU)."""
        return self.rows["value"].to_numpy(dtype=float)

    @property
    def ages(self) -> np.ndarray:
        """Ages (years)."""
        return self.rows["age_years"].to_numpy(dtype=float)

    @property
    def name(self) -> dict[str, Any]:
        """The columns that identify a row of results, and the number of values."""
        return {"structure": self.structure, "measure": self.measure, "n": len(self.rows)}


def with_ages(analysis: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the analysis table with the age of each scan, without scans of unknown age.

    Every scan is an observation of its own, whether or not its patient has others.

    Raises
    ------
    ContractError
        If a scan of the analysis is not in the cohort.

    """
    # ASSUME: scans are independent; in the paper each is of another patient, as far as it tells
    ages = cohort[["scan_id", "age_years"]]
    joined = analysis.merge(ages, on="scan_id", how="left", validate="many_to_one", indicator=True)
    _refuse(joined.loc[joined["_merge"].ne("both"), "scan_id"], "scan_id", "a scan of the cohort table")
    return joined.drop(columns="_merge").dropna(subset="age_years")


def split(observations: pd.DataFrame, names: Iterable[str], groups: Iterable[str] = ()) -> list[Series]:
    """Return one series for each structure and group of the label set and measure, empty where nothing is usable.

    Raises
    ------
    ContractError
        If a row is neither of a structure of the label set nor of one of the groups.

    """
    family = {**dict.fromkeys(names, "structures"), **dict.fromkeys(groups, "groups")}
    _refuse(
        observations.loc[~observations["structure"].isin(list(family)), "structure"],
        "structure",
        "a structure of the label set, or a group of them",
    )
    found = dict(iter(observations.groupby(["structure", "measure"], sort=False, observed=True)))
    nothing = observations.iloc[:0]
    return [
        Series(structure, measure, found.get((structure, measure), nothing), family[structure])
        for structure in family
        for measure in schema.MEASURES
    ]


def _refuse(wrong: pd.Series, column: str, promise: str) -> None:
    if len(wrong):
        first = ", ".join(repr(name) for name in wrong.drop_duplicates().head(3))
        raise ContractError(
            f"analysis: column {column!r} must be {promise}, found others in {len(wrong)} rows, first {first};"
            " make the tables of a study with one registry and one label set"
        )
