"""Values of each structure or group with the ages of the scans, the input of all tests of age."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts import all_tables
from ctpop.figures.formatting import count, scans_in_words
from ctpop.foundation.errors import ContractError
from ctpop.stats.groups import quartile_cuts
from ctpop.stats.patient_sums import has_repeats
from ctpop.stats.ranks import Ranks, ranks_of, ranks_of_levels
from ctpop.study.patients import distinct, patient_numbers

SIZES = ("n", "n_patients")  # columns with the numbers of scans and patients


@dataclass(frozen=True)
class Series:
    """Values of one measure of a structure or group with the age of each scan, in the order of the scans.

    `rows` contains the columns `scan_id`, `value`, `age_years`, `age_level`, and `patient` (see `with_ages`).
    `distinct_ages` contains the age (years) of each level. `family` is the family of tests (one of `FAMILIES`) for the
    adjustment of P values.
    """

    structure: str
    measure: str
    rows: pd.DataFrame
    distinct_ages: np.ndarray
    family: str

    @property
    def values(self) -> np.ndarray:
        """Volumes (mL) or attenuations (HU)."""
        return self.rows["value"].to_numpy(dtype=float)

    @property
    def ages(self) -> np.ndarray:
        """Ages (years)."""
        return self.rows["age_years"].to_numpy(dtype=float)

    @property
    def patients(self) -> np.ndarray:
        """Number of the patient of each scan among the patients of known age in the cohort."""
        return self.rows["patient"].to_numpy(dtype=int)

    @cached_property
    def repeats(self) -> bool:
        """Whether a patient has several scans with a value."""
        return has_repeats(self.patients)

    @cached_property
    def ranks(self) -> Ranks:
        """Ranks of the values, which all tests share."""
        return ranks_of(self.values)

    @cached_property
    def age_ranks(self) -> Ranks:
        """Ranks of the ages, from the age levels of the cohort."""
        return ranks_of_levels(self.rows["age_level"].to_numpy(), self.distinct_ages)

    @cached_property
    def name(self) -> dict[str, Any]:
        """Columns that identify a row of results, with the numbers of values and patients."""
        return {"structure": self.structure, "measure": self.measure, **sizes(self.patients)}


def sizes(patients: np.ndarray) -> dict[str, int]:
    """Return the numbers of scans and of distinct patients, from the patient number of each scan."""
    return {"n": len(patients), "n_patients": distinct(patients)}


def size_of(cohort: pd.DataFrame) -> str:
    """Return the number of scans in a cohort in words, with the number of patients if patients have several scans."""
    return scans_in_words(len(cohort), distinct(patient_numbers(cohort)))


def with_ages(analysis: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the analysis table with the age of each scan, without scans of unknown age.

    Every scan is an observation, even if its patient has other scans. The column `patient` numbers the patients with a
    scan of known age from 0 (`patients.patient_numbers`). The column `age_level` numbers the distinct ages of the scans
    in ascending order.

    Raises
    ------
    ContractError
        If the cohort does not contain a scan of the analysis.

    """
    # ASSUME: scans have equal weights, so that results describe scans; standard errors are computed by patient
    codes, scans = pd.factorize(analysis["scan_id"])
    place = pd.Index(cohort["scan_id"]).get_indexer(pd.Index(scans))
    _refuse(analysis.loc[(place < 0)[codes], "scan_id"], "scan_id", "scans of the cohort table")
    ages = cohort["age_years"].to_numpy(dtype=float)
    level = np.unique(ages, return_inverse=True)[1]
    patient = np.full(len(ages), -1, dtype=np.int32)
    patient[np.isfinite(ages)] = patient_numbers(cohort[np.isfinite(ages)])
    found = analysis.assign(
        age_years=ages[place][codes],
        age_level=level[place][codes],
        patient=patient[place][codes],
    )
    known = found["age_years"].notna()
    return found if known.all() else found[known]


def split(observations: pd.DataFrame, names: Iterable[str], groups: Iterable[str] = ()) -> list[Series]:
    """Return one series for each measure of each structure and group of the label set; series can be empty.

    Raises
    ------
    ContractError
        If the structure of a row is neither a structure of the label set nor one of the groups.

    """
    family = {**dict.fromkeys(names, "structures"), **dict.fromkeys(groups, "groups")}
    structure = _numbers(observations["structure"], list(family))
    _refuse(
        observations.loc[structure < 0, "structure"],
        "structure",
        "structures of the label set or groups of structures",
    )
    number = structure * len(all_tables.MEASURES) + _numbers(observations["measure"], list(all_tables.MEASURES))
    order = np.argsort(number.astype(np.int16), kind="stable")  # NumPy sorts 16-bit integers by radix sort
    rows = observations.drop(columns=["structure", "measure"]).take(order)
    ends = np.cumsum(np.bincount(number, minlength=len(family) * len(all_tables.MEASURES)))
    parts = [rows.iloc[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    keys, ages = product(family, all_tables.MEASURES), _distinct_ages(observations)
    return [Series(*key, part, ages, family[key[0]]) for key, part in zip(keys, parts, strict=True)]


def _distinct_ages(observations: pd.DataFrame) -> np.ndarray:
    """Return the age of each level; levels without observations have missing ages."""
    level = observations["age_level"].to_numpy()
    ages = np.full(level.max(initial=-1) + 1, np.nan)
    ages[level] = observations["age_years"].to_numpy(dtype=float)
    return ages


def _numbers(column: pd.Series, names: list[str]) -> np.ndarray:
    """Return the position of each text in a list of names, or -1 if the list does not contain the text."""
    codes, found = pd.factorize(column)
    positions: np.ndarray = pd.Index(names).get_indexer(pd.Index(found))[codes]
    return positions


def cut_points(ages: np.ndarray, cut_years: Sequence[float]) -> np.ndarray:
    """Return the three ages that divide a cohort: the setting `aging.cut_years`, or the quartiles of the cohort.

    Raises
    ------
    ContractError
        If the ages of the setting do not increase.

    """
    if not cut_years:
        return quartile_cuts(ages)
    if np.any(np.diff(cut_years) <= 0):
        raise ContractError(
            f"aging.cut_years: the ages must increase, found {list(cut_years)}; write, for example,"
            " aging: {cut_years: [40, 55, 70]}"
        )
    return np.array(cut_years, dtype=float)


def _refuse(wrong: pd.Series, column: str, expected: str) -> None:
    if len(wrong):
        first = ", ".join(repr(name) for name in wrong.drop_duplicates().head(3))
        raise ContractError(
            f"analysis: column {column!r} must contain {expected}, found other values in {count(len(wrong), 'row')}"
            f" ({first}). Create all tables of a study with one registry and one label set"
        )
