"""Table 1: characteristics of the cohort, overall, by sex, and by age quartile.

Age quartiles are those of the statistical analysis (whole cohort, linear interpolation). The table contains no tests:
age differs between age quartiles by definition, and the groups are not random samples.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import TABLE1
from ctpop.foundation.errors import ContractError
from ctpop.stats.groups import GROUPS, quartile_cuts, quartile_of
from ctpop.study.patients import distinct, patient_numbers

ALWAYS = ("age_years", "sex")
MOST_LEVELS = 20  # number of categories with a separate row; rarer categories share the last row
OTHER = "other categories"
NOT_KNOWN = "not_known"
MARKS = {"right_closed": ("≤", ">"), "left_closed": ("<", "≥")}
STATISTICS = ("median", "q1", "q3", "mean", "sd", "lowest", "highest")


@dataclass(frozen=True)
class Group:
    """A group of scans: one column of the table."""

    grouping: str
    name: str
    members: "pd.Series[bool]"
    age_range: str | None = None


def refuse_absent(cohort: pd.DataFrame, further: list[str]) -> None:
    """Raise an error for columns that the registry does not contain.

    Raises
    ------
    ContractError
        If a column does not exist.

    """
    absent = [name for name in further if name not in cohort.columns]
    if absent:
        found = ", ".join(cohort.columns)
        close = difflib.get_close_matches(absent[0], list(cohort.columns), n=1)
        hint = f"did you mean {close[0]}? Replace {absent[0]} with {close[0]}" if close else f"remove {absent[0]}"
        raise ContractError(f"cohort.table1: the registry has no column {', '.join(absent)}; found {found}; {hint}")


def table1(cohort: pd.DataFrame, further: list[str], closed: str) -> pd.DataFrame:
    """Return Table 1 of a cohort, with the columns of `schema.TABLE1`.

    Parameters
    ----------
    cohort
        Scans as rows, with scan_id, patient_id, age_years, sex, and the further columns.
    further
        Columns in addition to age and sex. Numeric columns are described by median and mean, and other columns by the
        counts of their categories.
    closed
        Side on which a quartile includes its cut point, as in `aging.quartiles`.

    Raises
    ------
    ContractError
        If a further column does not exist.

    """
    refuse_absent(cohort, further)
    groups = list(groups_of(cohort, closed))
    names = list(dict.fromkeys([*ALWAYS, *further]))
    numbers = pd.Series(patient_numbers(cohort), cohort.index)
    rows = [row for name in names for row in _variable(cohort[name], name, groups, numbers)]
    everybody = pd.Series(True, cohort.index)
    n = _per_group(groups, everybody)
    share = [part / n[0] if n[0] else np.nan for part in n]
    scans = {"variable": "scans", "level": "all", **_sizes(groups, everybody, numbers), "share": share}
    counts: list[dict[str, Any]] = [scans]
    if cohort["patient_id"].notna().all() and len(cohort):
        patients = scans["n_patients"]
        counts.append({"variable": "patients", "level": "all", "n": patients, "n_patients": patients})
    frames = [_frame(order, row, groups) for order, row in enumerate([*counts, *rows], start=1)]
    return TABLE1.check(pd.concat(frames, ignore_index=True).reindex(columns=list(TABLE1.columns)))


def groups_of(cohort: pd.DataFrame, closed: str) -> Iterator[Group]:
    """Yield all scans, women, men, the age quartiles, and scans of unknown sex or age if there are any."""
    everybody = pd.Series(True, index=cohort.index)
    yield Group("all", "all", everybody)
    for sex in ("female", "male"):
        yield Group("sex", sex, cohort["sex"].eq(sex).fillna(False).astype(bool))
    if cohort["sex"].isna().any():
        yield Group("sex", NOT_KNOWN, cohort["sex"].isna())
    ages = cohort["age_years"].to_numpy(dtype=float)
    known = ~np.isnan(ages)
    cuts = quartile_cuts(ages[known])
    quartiles = np.where(known, quartile_of(ages, cuts, closed), 0)
    for number, words in zip(GROUPS, age_ranges(cuts, closed), strict=True):
        yield Group("age_quartile", str(number), pd.Series(quartiles == number, index=cohort.index), words)
    if not known.all():
        yield Group("age_quartile", NOT_KNOWN, pd.Series(~known, index=cohort.index))


def age_ranges(cuts: np.ndarray, closed: str) -> list[str | None]:
    """Return the age ranges of the four quartiles in words; None for each quartile without ages."""
    if np.isnan(cuts).any():
        return [None] * len(GROUPS)
    below, above = MARKS[closed]
    first, second, third = (f"{cut:.3g}" for cut in cuts)
    return [
        f"{below} {first}",
        f"{above} {first} to {below} {second}",
        f"{above} {second} to {below} {third}",
        f"{above} {third}",
    ]


def _variable(values: pd.Series, name: str, groups: list[Group], patients: pd.Series) -> list[dict[str, Any]]:
    missing = {"variable": name, "level": "missing", **_sizes(groups, values.isna(), patients)}
    numbers = pd.to_numeric(values, errors="coerce") if values.dtype != "boolean" else values.isna().map({True: np.nan})
    if values.notna().any() and numbers.notna().eq(values.notna()).all():
        parts = [numbers[group.members].dropna().to_numpy(dtype=float) for group in groups]
        described = pd.DataFrame([_described(part) for part in parts])
        known = {"variable": name, "level": "known", **_sizes(groups, values.notna(), patients)}
        return [{**known, **{name: list(described[name]) for name in STATISTICS}}, missing]
    words = values.astype("string").str.lower() if values.dtype == "boolean" else values.astype("string")
    by_size = words.value_counts()
    frequent = by_size.sort_index(kind="stable").sort_values(ascending=False, kind="stable").index[:MOST_LEVELS]
    words = words.where(words.isna() | words.isin(frequent), OTHER)
    levels = [*sorted(frequent), *([OTHER] if len(by_size) > MOST_LEVELS else [])]
    known_in = np.array(_per_group(groups, words.notna()))
    rows: list[dict[str, Any]] = []
    for level in levels:
        sizes = _sizes(groups, words.eq(level).fillna(False).astype(bool), patients)
        share = np.divide(sizes["n"], known_in, out=np.full(len(groups), np.nan), where=known_in > 0)
        rows.append({"variable": name, "level": level, **sizes, "share": share})
    return [*rows, missing]


def _described(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(STATISTICS, np.nan)
    q1, median, q3 = np.quantile(values, (0.25, 0.5, 0.75))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    found = (median, q1, q3, values.mean(), sd, values.min(), values.max())
    return dict(zip(STATISTICS, map(float, found), strict=True))


def _per_group(groups: list[Group], rows: pd.Series) -> list[int]:
    return [int(rows[group.members].sum()) for group in groups]


def _sizes(groups: list[Group], rows: "pd.Series[bool]", patients: pd.Series) -> dict[str, list[int]]:
    """Return the number of selected scans in each group, and the number of different patients of these scans."""
    of_group = [distinct(patients[group.members & rows].to_numpy()) for group in groups]
    return {"n": _per_group(groups, rows), "n_patients": of_group}


def _frame(order: int, row: dict[str, Any], groups: list[Group]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order": order,
            "group_order": range(1, len(groups) + 1),
            "grouping": [group.grouping for group in groups],
            "group": [group.name for group in groups],
            "age_range": pd.Series([group.age_range for group in groups], dtype="str"),
            **row,
        }
    )
