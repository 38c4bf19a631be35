"""Tests of the rules: their limits, their exceptions, and missing evidence."""

from dataclasses import replace

import numpy as np
import pytest

from ctpop.stages.screen.evidence import robust_z
from ctpop.study import label_sets, rule_sets
from ctpop.study.label_sets import upper_bounds
from ctpop.study.rule_sets import RuleSet, ScreeningRule
from support.evidence import PAIRED, altered, facts, intact_cohort, measures, verdicts

BOTH = ("volume_ml", "hu_mean")


def alone(name, drops=BOTH, not_for=(), **limits):
    """Return a rule set with one rule."""
    return RuleSet("alone", {name: ScreeningRule(tuple(drops), tuple(not_for), limits)})


def reason_of(rules, structure="liver", **changed):
    return verdicts(measures(changed, structure=structure), rules).iloc[0]["reason"]


FRAGMENTED = alone("fragmented", largest_share_below=0.8)
LATERALITY = alone("laterality", wrong_side_mm_above=10)
ASYMMETRIC = alone("asymmetric", robust_z_above=5, pairs_at_least=20)


# Limits


@pytest.mark.parametrize(("share", "reason"), [(0.79, "fragmented"), (0.8, "ok"), (1.0, "ok"), (None, "ok")])
def test_a_structure_with_a_small_largest_component_is_fragmented(share, reason):
    assert reason_of(FRAGMENTED, largest_share=share) == reason


@pytest.mark.parametrize(("side_mm", "reason"), [(-10.1, "laterality"), (-10.0, "ok"), (40.0, "ok"), (None, "ok")])
def test_a_structure_far_on_the_wrong_side_has_reason_laterality(side_mm, reason):
    assert reason_of(LATERALITY, "kidney_left", side_mm=side_mm) == reason


@pytest.mark.parametrize(("volume_ml", "reason"), [(19.9, "below_bound"), (20.0, "ok"), (None, "ok")])
def test_a_volume_below_its_bound_has_reason_below_bound(volume_ml, reason):
    assert reason_of(alone("below_bound"), volume_ml=volume_ml) == reason


@pytest.mark.parametrize(("faces", "reason"), [("left", "truncated"), ("inferior superior", "truncated"), (None, "ok")])
def test_a_structure_at_a_face_of_the_image_is_truncated(faces, reason):
    assert reason_of(alone("truncated"), faces=faces) == reason


@pytest.mark.parametrize(("voxels", "reason"), [(0, "ok"), (1, "truncated"), (577, "truncated"), (None, "ok")])
def test_a_structure_at_padding_in_the_image_is_truncated(voxels, reason):
    assert reason_of(alone("truncated"), faces=None, border_voxels=voxels) == reason


@pytest.mark.parametrize(
    ("share", "reason"), [(0.0, "ok"), (0.01, "ok"), (0.011, "padding"), (1.0, "padding"), (None, "ok")]
)
def test_a_structure_in_padding_has_reason_padding(share, reason):
    assert reason_of(alone("padding", share_above=0.01), padding_share=share) == reason


@pytest.mark.parametrize(
    ("rules", "changed"),
    [
        (alone("truncated", not_for=["liver"]), {"faces": "left"}),
        (alone("below_bound", not_for=["liver"]), {"volume_ml": 1.0}),
        (alone("fragmented", not_for=["liver"], largest_share_below=0.8), {"largest_share": 0.1}),
        (alone("laterality", not_for=["liver"], wrong_side_mm_above=10), {"side_mm": -50.0}),
    ],
)
def test_a_rule_does_not_apply_to_its_exceptions(rules, changed):
    [(name, rule)] = rules.rules.items()

    assert reason_of(rules, **changed) == "ok"
    assert reason_of(alone(name, not_for=["spleen"], **rule.limits), **changed) == name


# Asymmetry


def test_robust_z_of_a_normal_sample_agrees_with_the_standard_deviation():
    values = np.random.default_rng(1).normal(0.02, 0.05, 20_001)

    z = robust_z(values, 20)

    assert np.allclose(z, (values - 0.02) / 0.05, atol=0.1)


def test_robust_z_of_a_small_sample():
    # median, 3; deviations, 2, 1, 0, 1, and 97; median deviation, 1, multiplied by 1.4826
    z = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), 5)

    assert z == pytest.approx([-1.349, -0.6745, 0, 0.6745, 65.425], abs=1e-3)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 3.0, 4.0], [0.0] * 6 + [9.0, 5.0]])
def test_robust_z_requires_enough_values_and_spread(values):
    z = robust_z(np.array(values), 5)

    assert len(z) == len(values)
    assert np.isnan(z).all()


def test_an_unusual_pair_is_asymmetric_on_both_sides():
    cohort = intact_cohort()
    shrunk = altered(cohort, "s007", "kidney_left", volume_ml=70.0)

    found = verdicts(shrunk, ASYMMETRIC)

    asymmetric = found[found["reason"] != "ok"]
    assert verdicts(cohort, ASYMMETRIC)["reason"].eq("ok").all()
    assert list(asymmetric["scan_id"] + asymmetric["structure"]) == ["s007kidney_left", "s007kidney_right"]
    assert set(asymmetric["reason"]) == {"asymmetric"}


def test_a_naturally_asymmetric_structure_is_compared_with_its_own_median():
    lopsided = intact_cohort()
    left = lopsided["structure"] == "kidney_left"
    lopsided.loc[left, "asymmetry"] += 0.5  # in all scans
    lopsided.loc[lopsided["structure"] == "kidney_right", "asymmetry"] += 0.5

    assert verdicts(lopsided, ASYMMETRIC)["reason"].eq("ok").all()


@pytest.mark.parametrize(("n", "reasons"), [(19, {"ok"}), (20, {"ok", "asymmetric"})])
def test_asymmetry_is_not_assessed_with_too_few_pairs(n, reasons):
    shrunk = altered(intact_cohort(n), "s007", "kidney_left", volume_ml=70.0)

    assert set(verdicts(shrunk, ASYMMETRIC)["reason"]) == reasons


def test_a_single_kidney_is_not_asymmetric():
    lone = altered(intact_cohort(), "s007", "kidney_left", volume_ml=0.0, hu_mean=None)

    found = verdicts(lone, ASYMMETRIC).set_index(["scan_id", "structure"])["reason"]

    assert found["s007", "kidney_left"] == "absent"
    assert found["s007", "kidney_right"] == "ok"


# Missing evidence


@pytest.mark.parametrize("missing", ["faces", "border_voxels", "largest_share", "side_mm", "asymmetry", "volume_ml"])
def test_missing_evidence_does_not_exclude_a_value(missing):
    blind = intact_cohort()
    blind[missing] = None
    hidden = altered(intact_cohort(), "s007", "kidney_left", faces="left", largest_share=0.1, side_mm=-60.0)
    hidden = hidden.assign(**dict.fromkeys(("faces", "largest_share", "side_mm", "asymmetry"), None))

    assert verdicts(blind, "strict")["reason"].eq("ok").all()
    assert verdicts(hidden, "strict")["reason"].eq("ok").all()


def test_an_external_table_with_only_volumes_is_assessed_by_bounds():
    bare = intact_cohort()
    kept = ["scan_id", "structure", "status", "volume_ml", "hu_mean"]
    bare = bare.assign(**dict.fromkeys(bare.columns.difference(kept), None))
    bare.loc[bare["scan_id"] == "s003", "volume_ml"] = 10.0

    found = verdicts(bare, "strict")

    assert found.groupby("reason").size().to_dict() == {"ok": 39 * 5, "below_bound": 5}


def test_only_structures_with_a_side_can_be_on_the_wrong_side():
    known = facts()

    assert set(known.sides) == set(PAIRED)
    assert known.contralateral == dict(zip(PAIRED, [PAIRED[1], PAIRED[0], PAIRED[3], PAIRED[2]], strict=True))


# Upper limits and unequal sides


def known_with(**upper_bounds):
    return replace(facts(), upper_bounds=upper_bounds)


def reason_with(rules, known, **changed):
    return verdicts(measures(changed, structure="liver"), rules, known).iloc[0]["reason"]


@pytest.mark.parametrize(("volume_ml", "reason"), [(2000.1, "above_bound"), (2000.0, "ok"), (None, "ok")])
def test_a_volume_above_its_upper_limit_has_reason_above_bound(volume_ml, reason):
    assert reason_with(alone("above_bound"), known_with(liver=2000.0), volume_ml=volume_ml) == reason


def test_a_structure_without_an_upper_limit_is_never_above_it():
    assert reason_with(alone("above_bound"), known_with(), volume_ml=1e6) == "ok"


@pytest.mark.parametrize(
    ("n", "left", "reason"), [(2, 3.1, "unequal_sides"), (2, 2.9, "ok"), (40, 0.3, "unequal_sides")]
)
def test_unequal_kidneys_are_flagged_in_a_cohort_of_any_size(n, left, reason):
    cohort = intact_cohort(n)
    right = cohort.loc[cohort["scan_id"].eq("s001") & cohort["structure"].eq("kidney_right"), "volume_ml"].iloc[0]
    bare = altered(cohort, "s001", "kidney_left", volume_ml=left * right).assign(asymmetry=None)

    found = verdicts(bare, alone("unequal_sides", ratio_above=3)).set_index(["scan_id", "structure"])["reason"]

    assert found["s001"][["kidney_left", "kidney_right"]].tolist() == [reason] * 2
    assert found["s000"].eq("ok").all()


@pytest.mark.parametrize(("drops", "reason"), [((), "unequal_sides"), (("volume_ml", "hu_mean"), "ok")])
def test_sides_are_compared_unless_laterality_excludes_a_side(drops, reason):
    cohort = intact_cohort(2)
    right = cohort.loc[cohort["scan_id"].eq("s001") & cohort["structure"].eq("kidney_right"), "volume_ml"].iloc[0]
    bare = altered(cohort, "s001", "kidney_left", volume_ml=4 * right, side_mm=-50.0).assign(asymmetry=None)
    strict = rule_sets.read("strict").rules
    rules = {name: strict[name] for name in ("laterality", "unequal_sides")}
    rules["laterality"] = replace(rules["laterality"], drops=drops)

    found = verdicts(bare, RuleSet("mine", rules)).set_index(["scan_id", "structure"])["reason"]["s001"]

    assert found[["kidney_left", "kidney_right"]].tolist() == ["laterality", reason]


def test_a_single_or_truncated_side_is_not_compared():
    lone = altered(intact_cohort(), "s007", "kidney_left", volume_ml=0.0, hu_mean=None)
    rest = altered(intact_cohort(), "s007", "kidney_left", volume_ml=10.0, faces="left")
    rules = rule_sets.read("strict")

    assert verdicts(lone, rules).set_index(["scan_id", "structure"])["reason"]["s007", "kidney_right"] == "ok"
    assert verdicts(rest, rules).set_index(["scan_id", "structure"])["reason"]["s007", "kidney_right"] == "ok"


@pytest.mark.parametrize(("rules", "used"), [("none", True), ("paper", True), ("standard", True), ("strict", False)])
def test_only_the_strict_rule_set_excludes_flagged_volumes(rules, used):
    known = known_with(liver=2000.0)
    large = altered(intact_cohort(), "s001", "liver", volume_ml=2500.0)
    large = altered(large, "s002", "kidney_left", volume_ml=800.0)

    found = verdicts(large, rules, known).set_index(["scan_id", "structure"])

    rows = found.loc[[("s001", "liver"), ("s002", "kidney_left"), ("s002", "kidney_right")]]
    assert rows["usable_volume"].eq(used).all()
    assert rows["usable_hu"].eq(used).all()
    noted = ["ok"] * 3 if rules == "none" else ["above_bound", "unequal_sides", "unequal_sides"]
    if rules != "strict":  # in strict, asymmetric is an earlier reason
        assert rows["reason"].tolist() == noted


def test_an_aorta_of_470_ml_is_above_its_limit():
    bounds = upper_bounds(label_sets.read("total_117"))

    assert bounds["aorta"] < 470
    assert {"kidney_left", "liver", "spleen", "vertebrae_L1"} <= set(bounds)
