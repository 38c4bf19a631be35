"""A verdict gives the first reason that holds; each measure is used unless a reason that holds takes it away."""

import pandas as pd
import pytest

from ctpop.contracts.all_tables import MEASURE_STATUS, REASONS, RULES, VERDICTS
from ctpop.stages.screen.evidence import EVIDENCE
from ctpop.study.rule_sets import RuleSet, ScreeningRule, read
from support.evidence import GOOD, NOTHING, facts, measures, sound_cohort, verdicts

BOTH = ("volume_ml", "hu_mean")
FAILED = [status for status in MEASURE_STATUS if status not in ("measured", "not_in_model")]
SPOILT = {  # what makes each rule hold for a left kidney, asymmetry aside
    "padding": {"padding_share": 0.02},
    "truncated": {"faces": "left"},
    "below_bound": {"volume_ml": 1.0},
    "fragmented": {"largest_share": 0.3},
    "laterality": {"side_mm": -50.0},
}


def verdict(rules="strict", **changed):
    """Return (reason, volume usable, attenuation usable) of a left kidney that is good but for these values."""
    row = verdicts(measures(changed, structure="kidney_left"), rules).iloc[0]
    return row["reason"], bool(row["usable_volume"]), bool(row["usable_hu"])


def with_drops(**drops):
    """Return the strict rules with other measures taken away."""
    strict = read("strict").rules
    rules = {
        name: ScreeningRule(tuple(drops.get(name, rule.drops)), rule.not_for, rule.limits)
        for name, rule in strict.items()
    }
    return RuleSet("mine", rules)


# Reasons that need no rule


def test_a_good_value_is_usable():
    assert verdict() == ("ok", True, True)


@pytest.mark.parametrize("rules", ["none", "paper", "standard", "strict"])
def test_a_structure_without_a_voxel_is_never_usable(rules):
    assert verdict(rules, n_voxels=0, volume_ml=0, hu_mean=None) == ("absent", False, False)


def test_a_volume_of_zero_without_a_count_is_absent():
    assert verdict(n_voxels=None, volume_ml=0, hu_mean=None) == ("absent", False, False)


def test_a_structure_that_the_segmentation_does_not_know_is_not_absent():
    assert verdict("none", status="not_in_model", **NOTHING) == ("not_in_model", False, False)


@pytest.mark.parametrize("status", FAILED)
def test_whatever_kept_a_scan_from_being_measured_it_has_no_value(status):
    in_table = ("not_in_table", "zero_in_statistics", "impossible_hu", "bad_entry")
    own = {name: name for name in ("not_requested", "mask_in_others", "duplicate_images")}
    reasons = {**dict.fromkeys(in_table, "not_in_table"), **own}

    assert verdict("none", status=status, **NOTHING) == (reasons.get(status, "not_segmented"), False, False)


def test_without_rules_everything_that_was_measured_is_used():
    spoilt = {name: value for changed in SPOILT.values() for name, value in changed.items()}

    assert verdict("none", **spoilt) == ("ok", True, True)


# Which reason comes first


@pytest.mark.parametrize("rule", SPOILT)
def test_each_rule_gives_its_own_reason(rule):
    assert verdict(**SPOILT[rule]) == (rule, False, False)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (["padding", "truncated", "below_bound", "fragmented", "laterality"], "padding"),
        (["truncated", "below_bound", "fragmented", "laterality"], "truncated"),
        (["below_bound", "fragmented", "laterality"], "below_bound"),
        (["fragmented", "laterality"], "fragmented"),
    ],
)
def test_the_first_reason_that_holds_is_given(spoilt, reason):
    changed = {name: value for rule in spoilt for name, value in SPOILT[rule].items()}

    assert verdict(**changed)[0] == reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"n_voxels": 0, "volume_ml": 0, "faces": "left"}, "absent"),
        ({"n_voxels": 0, "volume_ml": 0}, "absent"),  # and below the bound
        ({"status": "not_in_model", "volume_ml": 0, "n_voxels": 0, "faces": "left"}, "not_in_model"),
        ({"status": "unreadable", "volume_ml": 0, "n_voxels": 0, "faces": "left"}, "not_segmented"),
    ],
)
def test_what_needs_no_rule_comes_first(changed, reason):
    assert verdict(**changed)[0] == reason


@pytest.mark.parametrize(("rules", "reason"), [("paper", "below_bound"), ("standard", "truncated")])
def test_a_small_rest_at_the_border_is_below_its_bound_only_where_truncation_is_not_looked_at(rules, reason):
    assert verdict(rules, volume_ml=1.0, faces="left")[0] == reason


def test_reasons_are_listed_in_the_order_in_which_they_are_given():
    order = [
        "not_in_model",
        "not_requested",
        "mask_in_others",
        "not_in_table",
        "not_segmented",
        "duplicate_images",
        "absent_known",
        "absent",
        "padding",
        "truncated",
        "below_bound",
        "fragmented",
    ]

    by_sides = ["laterality", "asymmetric", "above_bound", "unequal_sides"]
    assert list(REASONS) == [*order, *by_sides, "reviewer_excluded", "reviewer_kept", "ok"]
    assert set(EVIDENCE) == set(RULES)


# What a reason takes away


@pytest.mark.parametrize("rule", SPOILT)
@pytest.mark.parametrize("drops", [(), ("volume_ml",), ("hu_mean",), BOTH])
def test_a_reason_takes_away_the_measures_that_its_rule_names(rule, drops):
    found = verdict(with_drops(**{rule: drops}), **SPOILT[rule])

    assert found == (rule, "volume_ml" not in drops, "hu_mean" not in drops)


def test_every_reason_that_holds_takes_its_measures_not_only_the_first():
    rules = with_drops(truncated=["volume_ml"], laterality=["hu_mean"])

    assert verdict(rules, faces="left") == ("truncated", False, True)
    assert verdict(rules, faces="left", side_mm=-50.0) == ("truncated", False, False)


def test_a_structure_that_is_cut_off_is_judged_neither_by_its_size_nor_by_its_parts():
    rules = with_drops(truncated=["volume_ml"])

    assert verdict(rules, faces="left", volume_ml=1.0, largest_share=0.3) == ("truncated", False, True)


def test_a_volume_without_attenuation_is_usable_without_its_attenuation():
    assert verdict(hu_mean=None) == ("ok", True, False)


def test_attenuation_without_a_volume_is_usable_without_a_volume():
    assert verdict(n_voxels=None, volume_ml=None) == ("ok", False, True)


@pytest.mark.parametrize("changed", [SPOILT["below_bound"], {"n_voxels": 0, "volume_ml": 0, "faces": "left"}])
def test_the_use_of_truncated_attenuation_frees_no_other_value(changed):
    rules = read("standard").with_truncated_hu(use=True)

    assert verdict(rules, faces="left") == ("truncated", False, True)
    assert verdict(rules, **changed)[1:] == (False, False)


# Known absences


def absences(*pairs):
    return pd.DataFrame(pairs, columns=["scan_id", "known_absent"]).astype("str")


@pytest.mark.parametrize("volume_ml", [0.0, 3.0, 150.0])
@pytest.mark.parametrize("rules", ["none", "strict"])
def test_a_known_absence_is_no_failure_and_whatever_was_found_there_is_not_used(rules, volume_ml):
    frame = measures({"volume_ml": volume_ml, "n_voxels": int(volume_ml * 100)}, structure="kidney_left")

    row = verdicts(frame, rules, facts(absences(("s0", "kidney_left")))).iloc[0]

    assert tuple(row[["reason", "usable_volume", "usable_hu"]]) == ("absent_known", False, False)


def test_a_known_absence_says_nothing_about_a_scan_that_was_not_measured():
    frame = measures({"status": "unreadable", **NOTHING}, structure="kidney_left")

    assert verdicts(frame, "none", facts(absences(("s0", "kidney_left")))).iloc[0]["reason"] == "not_segmented"


def test_a_known_absence_touches_no_other_row():
    cohort = sound_cohort()

    found = verdicts(cohort, "strict", facts(absences(("s003", "kidney_left liver"), ("s004", "hip_right"))))

    reasons = found[found["reason"] != "ok"]
    assert list(reasons["scan_id"] + " " + reasons["structure"]) == ["s003 kidney_left", "s003 liver", "s004 hip_right"]
    assert set(reasons["reason"]) == {"absent_known"}


# Rows


def test_a_verdict_stands_for_every_row_and_no_other():
    rows = measures({}, {"volume_ml": 1}, {"faces": "left"}).iloc[::-1]

    found = verdicts(rows, "standard")

    assert found["scan_id"].to_list() == ["s0", "s1", "s2"]
    assert found["reason"].to_list() == ["ok", "below_bound", "truncated"]


def test_without_a_review_the_reason_is_that_of_the_rules_and_nobody_reviewed():
    found = verdicts(measures({}, {"faces": "left"}), "standard")

    assert list(found["rule_reason"]) == list(found["reason"]) == ["ok", "truncated"]
    assert found[["reviewer", "review_reason"]].isna().all(axis=None)


@pytest.mark.parametrize("rules", ["none", "strict"])
def test_no_measures_give_no_verdicts(rules):
    found = verdicts(measures(GOOD).head(0), rules)

    assert list(found.columns) == list(VERDICTS.columns)
    assert len(found) == 0


# Why a scan or a structure was not measured


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        ({"status": "not_hu", "detail": "the values have an offset"}, "not_hu: the values have an offset"),
        ({"status": "unreadable"}, "unreadable"),
        ({"status": "bad_entry", "detail": "found nothing"}, "bad_entry: found nothing"),
        ({"status": "zero_in_statistics"}, "zero_in_statistics"),
        ({"status": "not_in_model", "detail": "no structure"}, "not_in_model: no structure"),
        ({"status": "not_in_model"}, None),
        ({"status": "not_in_table"}, None),
    ],
)
def test_a_verdict_has_the_status_of_what_was_not_measured_and_its_detail(row, detail):
    found = verdicts(measures({**NOTHING, **row}), "strict")["detail"].iloc[0]

    assert (found if detail else pd.isna(found)) == (detail or True)


def test_a_verdict_on_what_was_measured_has_no_detail():
    assert verdicts(measures({}, {"n_voxels": 0, "volume_ml": 0, "hu_mean": None}), "strict")["detail"].isna().all()
