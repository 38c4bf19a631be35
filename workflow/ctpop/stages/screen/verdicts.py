"""Application of a rule set to all rows of measures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctpop.contracts.all_tables import MEASURES, REASONS
from ctpop.contracts.reasons import WITHOUT_MEASUREMENT
from ctpop.stages.screen.attributes import ScreeningAttributes, rows_of
from ctpop.stages.screen.evidence import EVIDENCE, Question, Truth
from ctpop.stages.screen.rows import MeasureRows
from ctpop.study.rule_sets import RuleSet

Reasons = NDArray[np.int8]
CODE = {reason: number for number, reason in enumerate(REASONS)}
OK, KEPT = CODE["ok"], CODE["reviewer_kept"]
IN_NO_TABLE = ("not_in_table", "zero_in_statistics", "impossible_hu", "bad_entry")  # statuses without a value
BY_STATUS = ("not_in_model", "not_requested", "mask_in_others", "duplicate_images")  # reasons that are also statuses
NOT_FOUND = (*WITHOUT_MEASUREMENT, "absent")
ABOUT_SIZE = ("below_bound", "fragmented", "unequal_sides")


@dataclass(frozen=True)
class Assessment:
    """The reasons for each row, as indices into `REASONS`.

    `reason` is the first applicable reason, and `against[measure]` is the first reason that excludes this measure; both
    are `ok` without such a reason. `unassessed[rule]` marks the rows without an earlier reason for which the evidence
    of a rule is missing. `found` marks the rows in which the structure has a voxel.
    """

    reason: Reasons
    against: dict[str, Reasons]
    unassessed: dict[str, Truth]
    found: Truth

    def usable(self, rows: MeasureRows, measure: str) -> Truth:
        """Return which values enter the statistics, that is, values that are present and not excluded."""
        free: Truth = np.isin(self.against[measure], (OK, KEPT))
        return free & ~np.isnan(rows.numbers(measure))


def apply_rules(rows: MeasureRows, rules: RuleSet, facts: ScreeningAttributes) -> Assessment:
    """Apply a rule set to all rows.

    Reasons have the order of `REASONS`. The reasons before the rules apply without a rule, because no usable value was
    found. The size and the components of a truncated structure are not assessed, because they do not indicate a failed
    segmentation.
    """
    holds = beyond_rules(rows, facts)
    open_to_rules = ~np.logical_or.reduce(list(holds.values()))
    clear = open_to_rules.copy()
    unassessed = {}
    for name, find in EVIDENCE.items():
        if name not in rules.rules:
            continue
        rule = rules.rules[name]
        asked = open_to_rules & ~rows.of_structures(rule.not_for)
        if name in ABOUT_SIZE and "truncated" in holds:
            asked &= ~holds["truncated"]
        finding = find(Question(rows, rule, facts, clear))
        holds[name] = asked & finding.holds
        unassessed[name] = asked & clear & finding.unassessed
        is_note = name == "laterality" and not rule.drops  # without exclusion, sizes of both sides remain comparable
        if not is_note and name != "unequal_sides":  # asymmetry, an earlier reason, is assessed for the same pairs
            clear &= ~holds[name]
    takes = {name: rules.rules[name].drops if name in rules.rules else MEASURES for name in holds}
    against = {
        measure: _first({name: held for name, held in holds.items() if measure in takes[name]}, len(rows))
        for measure in MEASURES
    }
    found = ~np.logical_or.reduce([holds[name] for name in NOT_FOUND])
    return Assessment(_first(holds, len(rows)), against, unassessed, found)


def beyond_rules(rows: MeasureRows, facts: ScreeningAttributes) -> dict[str, Truth]:
    """Return which rows cannot be assessed by a rule, by reason."""
    status = rows.measures["status"]
    measured = status.eq("measured").to_numpy(dtype=bool)
    without_value = status.isin(IN_NO_TABLE).to_numpy(dtype=bool)
    by_status: dict[str, Truth] = {name: status.eq(name).to_numpy(dtype=bool) for name in BY_STATUS}
    known_absent = np.zeros(len(rows), bool)
    known_absent[rows_of(rows, facts.absences)] = True
    empty = (rows.numbers("n_voxels") == 0) | (rows.numbers("volume_ml") == 0)
    return {
        **by_status,
        "not_in_table": without_value,
        "not_segmented": ~np.logical_or.reduce([measured, without_value, *by_status.values()]),
        "absent_known": measured & known_absent,
        "absent": measured & empty,
    }


def _first(holds: dict[str, Truth], n: int) -> Reasons:
    reason = np.full(n, OK, np.int8)
    for name, held in reversed(holds.items()):
        reason[held] = CODE[name]
    return reason
