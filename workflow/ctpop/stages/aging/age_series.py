"""The values of each structure or group beside the ages of the people: what the tests of age are given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.figures.formatting import scans_in_words
from ctpop.foundation.errors import ContractError
from ctpop.stats.groups import quartile_cuts
from ctpop.stats.ranks import Ranks, ranks_of, ranks_of_levels
from ctpop.study.patients import distinct, patient_numbers

SIZES = ("n", "n_patients")  # columns of the numbers of scans and of patients


@dataclass(frozen=True)
class Series:
    """The values of one structure or group and measure, with the age of each scan, in the order of the scans.

    `rows` has them in columns scan_id, value, age_years, age_level, person and patient (see `with_ages`);
    `distinct_ages` are those that the levels stand for.
    `family` are the tests that its P values are adjusted with, out of `schema.FAMILIES`.
    """

    structure: str
    measure: str
    rows: pd.DataFrame
    distinct_ages: np.ndarray
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
    def patients(self) -> np.ndarray:
        """Numbers of the scans among those of the cohort whose age is known."""
        return self.rows["person"].to_numpy(dtype=int)

    @cached_property
    def ranks(self) -> Ranks:
        """Ranks of the values, sorted once for all tests."""
        return ranks_of(self.values)

    @cached_property
    def age_ranks(self) -> Ranks:
        """Ranks of the ages, in an order that was found once for the cohort."""
        return ranks_of_levels(self.rows["age_level"].to_numpy(), self.distinct_ages)

    @cached_property
    def name(self) -> dict[str, Any]:
        """The columns that identify a row of results, and the numbers of values and of patients."""
        return {"structure": self.structure, "measure": self.measure, **sizes(self.rows["patient"].to_numpy())}


def sizes(patients: np.ndarray) -> dict[str, int]:
    """Return the numbers of scans and of different patients, from the number of the patient of each scan."""
    return {"n": len(patients), "n_patients": distinct(patients)}


def size_of(cohort: pd.DataFrame) -> str:
    """Return the number of scans of a cohort in words, with that of their patients where these are fewer."""
    return scans_in_words(len(cohort), distinct(patient_numbers(cohort)))


def with_ages(analysis: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the analysis table with the age of each scan, without scans of unknown age.

    Every scan is an observation of its own, whether or not its patient has others. Column `person` numbers the scans of
    the cohort whose age is known, from 0, `patient` the patients (`patients.patient_numbers`), and `age_level` the ages
    that occur among the scans, from the youngest.

    Raises
    ------
    ContractError
        If a scan of the analysis is not in the cohort.

    """
    # ASSUME: scans are independent; in the paper each is of another patient, as far as it tells
    codes, scans = pd.factorize(analysis["scan_id"])
    place = pd.Index(cohort["scan_id"]).get_indexer(pd.Index(scans))
    _refuse(analysis.loc[(place < 0)[codes], "scan_id"], "scan_id", "a scan of the cohort table")
    ages = cohort["age_years"].to_numpy(dtype=float)
    person = np.cumsum(np.isfinite(ages)) - 1
    level = np.unique(ages, return_inverse=True)[1]
    patient = patient_numbers(cohort)
    found = analysis.assign(
        age_years=ages[place][codes],
        age_level=level[place][codes],
        person=person[place][codes],
        patient=patient[place][codes],
    )
    known = found["age_years"].notna()
    return found if known.all() else found[known]


def split(observations: pd.DataFrame, names: Iterable[str], groups: Iterable[str] = ()) -> list[Series]:
    """Return one series for each structure and group of the label set and measure, empty where nothing is usable.

    Raises
    ------
    ContractError
        If a row is neither of a structure of the label set nor of one of the groups.

    """
    family = {**dict.fromkeys(names, "structures"), **dict.fromkeys(groups, "groups")}
    structure = _numbers(observations["structure"], list(family))
    _refuse(
        observations.loc[structure < 0, "structure"],
        "structure",
        "a structure of the label set, or a group of them",
    )
    number = structure * len(all_tables.MEASURES) + _numbers(observations["measure"], list(all_tables.MEASURES))
    order = np.argsort(number.astype(np.int16), kind="stable")  # of 16 bits: sorted by counting
    rows = observations.drop(columns=["structure", "measure"]).take(order)
    ends = np.cumsum(np.bincount(number, minlength=len(family) * len(all_tables.MEASURES)))
    parts = [rows.iloc[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    keys, ages = product(family, all_tables.MEASURES), _distinct_ages(observations)
    return [Series(*key, part, ages, family[key[0]]) for key, part in zip(keys, parts, strict=True)]


def _distinct_ages(observations: pd.DataFrame) -> np.ndarray:
    """Return the age of each level; missing at a level that no observation has."""
    level = observations["age_level"].to_numpy()
    ages = np.full(level.max(initial=-1) + 1, np.nan)
    ages[level] = observations["age_years"].to_numpy(dtype=float)
    return ages


def _numbers(column: pd.Series, names: list[str]) -> np.ndarray:
    """Return the position of each text among names, -1 where it is none of them."""
    codes, found = pd.factorize(column)
    positions: np.ndarray = pd.Index(names).get_indexer(pd.Index(found))[codes]
    return positions


def cut_points(ages: np.ndarray, cut_years: Sequence[float]) -> np.ndarray:
    """Return the three ages that divide a cohort: those that are given (`aging.cut_years`), or else its quartiles.

    Raises
    ------
    ContractError
        If the given ages do not rise.

    """
    if not cut_years:
        return quartile_cuts(ages)
    if np.any(np.diff(cut_years) <= 0):
        raise ContractError(f"aging.cut_years: ages must rise from one to the next, found {list(cut_years)}")
    return np.array(cut_years, dtype=float)


def _refuse(wrong: pd.Series, column: str, expected: str) -> None:
    if len(wrong):
        first = ", ".join(repr(name) for name in wrong.drop_duplicates().head(3))
        raise ContractError(
            f"analysis: column {column!r} must be {expected}, found others in {len(wrong)} rows, first {first};"
            " make the tables of a study with one registry and one label set"
        )
