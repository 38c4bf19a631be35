"""The reason for the use or absence of each value, including values of groups of structures.

The reasons of structures come from the table `verdicts`. The verdict contains the first applicable reason of both
measures; the rule set determines whether this reason excludes a measure. Groups have no verdict; their reason depends
on their members.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctpop.contracts.all_tables import MEASURES, MISSING_CATEGORIES, MISSING_REASONS, REASONS, RULES
from ctpop.contracts.reasons import ABSENT
from ctpop.study.label_sets import LabelSet
from ctpop.study.rule_sets import RuleSet

Codes = NDArray[np.int8]
CODE = {reason: number for number, reason in enumerate(MISSING_REASONS)}
USED, MISSING, ABSENT_CATEGORY, NOT_INCLUDED = range(len(MISSING_CATEGORIES))
WITHOUT_STRUCTURE = ("not_in_model", "not_requested", "duplicate_images", "members_not_included")
# ASSUME: a structure without voxels is absent and not missing. The tables do not distinguish resection, agenesis, a
# position outside the field of view, and failed segmentation
CATEGORY = np.array(
    [
        USED
        if reason == "used"
        else ABSENT_CATEGORY
        if reason in (*ABSENT, "members_absent")
        else NOT_INCLUDED
        if reason in WITHOUT_STRUCTURE
        else MISSING
        for reason in MISSING_REASONS
    ],
    dtype=np.int8,
)
OF_GROUP = {  # reason of a group by the category of its members, in order of precedence
    MISSING: "members_missing",
    NOT_INCLUDED: "members_not_included",
    ABSENT_CATEGORY: "members_absent",
}


@dataclass(frozen=True)
class ValueReasons:
    """Reason (position in `MISSING_REASONS`) and category (in `MISSING_CATEGORIES`) of each value of one measure.

    Both have one row per scan of the cohort and one column per structure and group. `values` contains the used values
    (mL or HU), and NaN for all others.
    """

    reasons: Codes
    categories: Codes
    values: NDArray[np.float64]


def value_reasons(
    verdicts: pd.DataFrame, analysis: pd.DataFrame, cohort: pd.DataFrame, label_set: LabelSet, rules: RuleSet
) -> dict[str, ValueReasons]:
    """Return the reasons and used values by measure; the columns are structures in label order, then groups."""
    scans, names = pd.Index(cohort["scan_id"]), label_set.names
    reason = _matrix(verdicts, scans, names, REASONS.index("not_segmented"))
    found = {}
    for measure in MEASURES:
        values = _values(analysis[analysis["measure"].eq(measure)], scans, [*names, *label_set.groups])
        used = np.isfinite(values)
        reasons = np.where(used[:, : len(names)], CODE["used"], reasons_without_value(rules, measure)[reason])
        categories = with_structures_in_no_table(reasons, CATEGORY[reasons])
        groups = [[names.index(member) for member in members] for members in label_set.groups.values()]
        of_groups = [
            _of_group(categories[:, members], used[:, len(names) + number]) for number, members in enumerate(groups)
        ]
        reasons = np.column_stack([reasons, *of_groups]).astype(np.int8)
        categories = np.column_stack([categories, *(CATEGORY[of_group] for of_group in of_groups)])
        found[measure] = ValueReasons(reasons, categories, values)
    return found


def reasons_without_value(rules: RuleSet, measure: str) -> Codes:
    """Return the reason for a missing value of a measure by the reason of the verdict (position in `REASONS`)."""
    dropping = [name for name in RULES if name in rules.rules and measure in rules.rules[name].drops]
    found = []
    for position, reason in enumerate(REASONS):
        later = [name for name in dropping if REASONS.index(name) > position]
        flagged = reason in ("ok", "reviewer_kept") or (reason in RULES and reason not in dropping)
        found.append(("other_rule" if later else "no_value") if flagged else reason)
    return np.array([CODE[reason] for reason in found], dtype=np.int8)


def with_structures_in_no_table(reasons: Codes, categories: Codes) -> Codes:
    """Return the categories, with `not_in_table` as not included for structures without any entry in the table.

    In other structures, an empty cell of a table is a missing value: the segmentation of the scan may have failed.
    """
    empty = reasons == CODE["not_in_table"]
    nowhere = (empty | (categories == NOT_INCLUDED)).all(axis=0)
    return np.where(empty & nowhere, np.int8(NOT_INCLUDED), categories)


def _of_group(categories: Codes, used: NDArray[np.bool_]) -> Codes:
    """Return the reason of a group in each scan from the categories of its members, shape (scans, members)."""
    reason = np.full(len(used), CODE[OF_GROUP[MISSING]], np.int8)
    without = categories != USED
    for category in (ABSENT_CATEGORY, NOT_INCLUDED, MISSING):  # later categories have precedence
        reason[(without & (categories == category)).any(axis=1)] = CODE[OF_GROUP[category]]
    reason[used] = CODE["used"]
    return reason


def _matrix(verdicts: pd.DataFrame, scans: pd.Index, names: list[str], otherwise: int) -> Codes:
    """Return the reason of each verdict (position in `REASONS`), shape (scans, structures)."""
    found = np.full((len(scans), len(names)), otherwise, np.int8)
    row, column = _positions(verdicts["scan_id"], scans), _positions(verdicts["structure"], pd.Index(names))
    known = (row >= 0) & (column >= 0)
    found[row[known], column[known]] = _positions(verdicts["reason"], pd.Index(list(REASONS)))[known]
    return found


def _values(analysis: pd.DataFrame, scans: pd.Index, names: list[str]) -> NDArray[np.float64]:
    found = np.full((len(scans), len(names)), np.nan)
    row, column = _positions(analysis["scan_id"], scans), _positions(analysis["structure"], pd.Index(names))
    known = (row >= 0) & (column >= 0)
    found[row[known], column[known]] = analysis["value"].to_numpy(dtype=float)[known]
    return found


def _positions(words: pd.Series, among: pd.Index) -> NDArray[np.intp]:
    codes, distinct = pd.factorize(words)
    positions: NDArray[np.intp] = among.get_indexer(pd.Index(distinct))[codes]
    return positions
