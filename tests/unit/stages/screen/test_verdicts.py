"""Tests of the table `verdicts`: the first applicable reason, and the measures that each reason excludes."""

import pandas as pd
import pytest

from ctpop.contracts.all_tables import MEASURE_STATUS, REASONS, RULES, VERDICTS
from ctpop.stages.screen.evidence import EVIDENCE
from ctpop.study.rule_sets import RuleSet, ScreeningRule, read
from support.evidence import GOOD, NOTHING, facts, intact_cohort, measures, verdicts

BOTH = ("volume_ml", "hu_mean")
FAILED = [status for status in MEASURE_STATUS if status not in ("measured", "not_in_model")]
ALTERED = {  # changes for which each rule, except asymmetric, applies to a left kidney
    "padding": {"padding_share": 0.02},
    "truncated": {"faces": "left"},
    "below_bound": {"volume_ml": 1.0},
    "fragmented": {"largest_share": 0.3},
    "laterality": {"side_mm": -50.0},
}


def verdict(rules="strict", **changed):
    """Return (reason, usable volume, usable attenuation) of a left kidney with changed values."""
    row = verdicts(measures(changed, structure="kidney_left"), rules).iloc[0]
    return row["reason"], bool(row["usable_volume"]), bool(row["usable_hu"])


def with_drops(**drops):
    """Return the strict rules with different excluded measures."""
    strict = read("strict").rules
    rules = {
        name: ScreeningRule(tuple(drops.get(name, rule.drops)), rule.not_for, rule.limits)
        for name, rule in strict.items()
    }
    return RuleSet("mine", rules)


# Reasons that need no rule


def test_a_value_without_a_reason_is_usable():
    assert verdict() == ("ok", True, True)


@pytest.mark.parametrize("rules", ["none", "paper", "standard", "strict"])
def test_a_structure_without_a_voxel_is_never_usable(rules):
    assert verdict(rules, n_voxels=0, volume_ml=0, hu_mean=None) == ("absent", False, False)


def test_a_volume_of_zero_without_a_count_is_absent():
    assert verdict(n_voxels=None, volume_ml=0, hu_mean=None) == ("absent", False, False)


def test_a_structure_that_is_not_in_the_model_is_not_absent():
    assert verdict("none", status="not_in_model", **NOTHING) == ("not_in_model", False, False)


@pytest.mark.parametrize("status", FAILED)
def test_a_scan_without_measurement_has_no_usable_value(status):
    in_table = ("not_in_table", "zero_in_statistics", "impossible_hu", "bad_entry")
    own = {name: name for name in ("not_requested", "mask_in_others", "duplicate_images")}
    reasons = {**dict.fromkeys(in_table, "not_in_table"), **own}

    assert verdict("none", status=status, **NOTHING) == (reasons.get(status, "not_segmented"), False, False)


def test_without_rules_all_measured_values_are_used():
    altered = {name: value for changed in ALTERED.values() for name, value in changed.items()}

    assert verdict("none", **altered) == ("ok", True, True)


# Order of reasons


@pytest.mark.parametrize("rule", ALTERED)
def test_each_rule_has_its_reason(rule):
    assert verdict(**ALTERED[rule]) == (rule, False, False)


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        (["padding", "truncated", "below_bound", "fragmented", "laterality"], "padding"),
        (["truncated", "below_bound", "fragmented", "laterality"], "truncated"),
        (["below_bound", "fragmented", "laterality"], "below_bound"),
        (["fragmented", "laterality"], "fragmented"),
    ],
)
def test_the_first_applicable_reason_is_reported(altered, reason):
    changed = {name: value for rule in altered for name, value in ALTERED[rule].items()}

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
def test_reasons_without_a_rule_have_priority(changed, reason):
    assert verdict(**changed)[0] == reason


@pytest.mark.parametrize(("rules", "reason"), [("paper", "below_bound"), ("standard", "truncated")])
def test_a_truncated_remainder_is_below_its_bound_only_without_the_truncated_rule(rules, reason):
    assert verdict(rules, volume_ml=1.0, faces="left")[0] == reason


def test_reasons_are_listed_in_order_of_priority():
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


# Excluded measures


@pytest.mark.parametrize("rule", ALTERED)
@pytest.mark.parametrize("drops", [(), ("volume_ml",), ("hu_mean",), BOTH])
def test_a_reason_excludes_the_measures_of_its_rule(rule, drops):
    found = verdict(with_drops(**{rule: drops}), **ALTERED[rule])

    assert found == (rule, "volume_ml" not in drops, "hu_mean" not in drops)


def test_every_applicable_reason_excludes_its_measures():
    rules = with_drops(truncated=["volume_ml"], laterality=["hu_mean"])

    assert verdict(rules, faces="left") == ("truncated", False, True)
    assert verdict(rules, faces="left", side_mm=-50.0) == ("truncated", False, False)


def test_size_and_components_of_a_truncated_structure_are_not_assessed():
    rules = with_drops(truncated=["volume_ml"])

    assert verdict(rules, faces="left", volume_ml=1.0, largest_share=0.3) == ("truncated", False, True)


def test_a_volume_is_usable_without_attenuation():
    assert verdict(hu_mean=None) == ("ok", True, False)


def test_attenuation_is_usable_without_a_volume():
    assert verdict(n_voxels=None, volume_ml=None) == ("ok", False, True)


@pytest.mark.parametrize("changed", [ALTERED["below_bound"], {"n_voxels": 0, "volume_ml": 0, "faces": "left"}])
def test_use_of_truncated_attenuation_does_not_include_other_values(changed):
    rules = read("standard").with_truncated_hu(use=True)

    assert verdict(rules, faces="left") == ("truncated", False, True)
    assert verdict(rules, **changed)[1:] == (False, False)


# Known absences


def absences(*pairs):
    return pd.DataFrame(pairs, columns=["scan_id", "known_absent"]).astype("str")


@pytest.mark.parametrize("volume_ml", [0.0, 3.0, 150.0])
@pytest.mark.parametrize("rules", ["none", "strict"])
def test_values_of_a_known_absence_are_not_used(rules, volume_ml):
    frame = measures({"volume_ml": volume_ml, "n_voxels": int(volume_ml * 100)}, structure="kidney_left")

    row = verdicts(frame, rules, facts(absences(("s0", "kidney_left")))).iloc[0]

    assert tuple(row[["reason", "usable_volume", "usable_hu"]]) == ("absent_known", False, False)


def test_a_known_absence_does_not_apply_to_a_scan_without_measurement():
    frame = measures({"status": "unreadable", **NOTHING}, structure="kidney_left")

    assert verdicts(frame, "none", facts(absences(("s0", "kidney_left")))).iloc[0]["reason"] == "not_segmented"


def test_a_known_absence_does_not_change_other_rows():
    cohort = intact_cohort()

    found = verdicts(cohort, "strict", facts(absences(("s003", "kidney_left liver"), ("s004", "hip_right"))))

    reasons = found[found["reason"] != "ok"]
    assert list(reasons["scan_id"] + " " + reasons["structure"]) == ["s003 kidney_left", "s003 liver", "s004 hip_right"]
    assert set(reasons["reason"]) == {"absent_known"}


# Rows


def test_verdicts_contain_one_row_per_row_of_measures():
    rows = measures({}, {"volume_ml": 1}, {"faces": "left"}).iloc[::-1]

    found = verdicts(rows, "standard")

    assert found["scan_id"].to_list() == ["s0", "s1", "s2"]
    assert found["reason"].to_list() == ["ok", "below_bound", "truncated"]


def test_without_a_review_the_reason_is_that_of_the_rules():
    found = verdicts(measures({}, {"faces": "left"}), "standard")

    assert list(found["rule_reason"]) == list(found["reason"]) == ["ok", "truncated"]
    assert found[["reviewer", "review_reason"]].isna().all(axis=None)


@pytest.mark.parametrize("rules", ["none", "strict"])
def test_without_measures_there_are_no_verdicts(rules):
    found = verdicts(measures(GOOD).head(0), rules)

    assert list(found.columns) == list(VERDICTS.columns)
    assert len(found) == 0


# Details of scans and structures without measurement


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
def test_verdicts_contain_the_status_and_detail_without_measurement(row, detail):
    found = verdicts(measures({**NOTHING, **row}), "strict")["detail"].iloc[0]

    assert (found if detail else pd.isna(found)) == (detail or True)


def test_verdicts_on_measured_values_have_no_detail():
    assert verdicts(measures({}, {"n_voxels": 0, "volume_ml": 0, "hu_mean": None}), "strict")["detail"].isna().all()
