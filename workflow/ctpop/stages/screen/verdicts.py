"""The verdict of a rule set on every row of measures."""

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
BY_STATUS = ("not_in_model", "not_requested", "mask_in_others", "duplicate_images")  # reasons with the name of a status
NOT_FOUND = (*WITHOUT_MEASUREMENT, "absent")
ABOUT_SIZE = ("below_bound", "fragmented", "unequal_sides")


@dataclass(frozen=True)
class Assessment:
    """What holds against each row, as places in `REASONS`.

    `reason` is the first that holds, `against[measure]` the first that takes this measure away, or `ok`.
    `unjudged[rule]` are the rows with nothing against them so far that a rule of the set lacks the evidence for, and
    `found` those in which the structure has a voxel.
    """

    reason: Reasons
    against: dict[str, Reasons]
    unassessed: dict[str, Truth]
    found: Truth

    def usable(self, rows: MeasureRows, measure: str) -> Truth:
        """Return which values may enter the statistics: nothing is against them, and they are there."""
        free: Truth = np.isin(self.against[measure], (OK, KEPT))
        return free & ~np.isnan(rows.numbers(measure))


def apply_rules(rows: MeasureRows, rules: RuleSet, facts: ScreeningAttributes) -> Assessment:
    """Return what a rule set says about every row.

    Reasons hold in the order of `REASONS`. Those before the rules need no rule: where nothing was found, there is
    nothing to use. A structure that leaves the image is judged neither by its size nor by its parts, which say nothing
    about the segmentation then.
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
        is_note = name == "laterality" and not rule.drops  # sizes of sides can be compared all the same
        if not is_note and name != "unequal_sides":  # it looks at the pairs of asymmetry, which has the earlier reason
            clear &= ~holds[name]
    takes = {name: rules.rules[name].drops if name in rules.rules else MEASURES for name in holds}
    against = {
        measure: _first({name: held for name, held in holds.items() if measure in takes[name]}, len(rows))
        for measure in MEASURES
    }
    found = ~np.logical_or.reduce([holds[name] for name in NOT_FOUND])
    return Assessment(_first(holds, len(rows)), against, unassessed, found)


def beyond_rules(rows: MeasureRows, facts: ScreeningAttributes) -> dict[str, Truth]:
    """Return which rows have nothing that a rule could judge, by reason."""
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
