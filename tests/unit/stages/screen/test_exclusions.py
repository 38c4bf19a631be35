"""Tests of the tables of exclusions: used and excluded values add up to all scans, and each exclusion has a reason."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import FAILURES, FLOW_REASONS, REASONS, RULES, STRUCTURE_FLOW
from ctpop.stages.screen import command as screen
from ctpop.stages.screen import exclusions
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from support.evidence import NAMES, NOTHING, altered, decisions, facts, intact_cohort

BOTH = {"volume_ml": "volume", "hu_mean": "hu"}


def patients(n=40):
    """Return a cohort of alternating women aged 30 years and men aged 60 years."""
    women = np.arange(n) % 2 == 0
    return pd.DataFrame(
        {
            "scan_id": [f"s{k:03d}" for k in range(n)],
            "age_years": np.where(women, 30.0, 60.0),
            "sex": pd.Series(np.where(women, "female", "male"), dtype="str"),
            "known_absent": pd.Series([None] * n, dtype="str"),
        }
    )


def altered_cohort():
    """Return measures with one exclusion for each reason, in scans of women (even) and men (odd)."""
    frame = intact_cohort()
    frame = altered(frame, "s001", "liver", faces="left")
    frame = altered(frame, "s002", "liver", volume_ml=5.0)
    frame = altered(frame, "s003", "liver", largest_share=0.2)
    frame = altered(frame, "s005", "liver", volume_ml=0.0, hu_mean=None)
    frame = altered(frame, "s007", "liver", hu_mean=None)
    for name in NAMES:
        frame = altered(frame, "s009", name, status="unreadable", **NOTHING)
    return frame


def tables(frame=None, rules="strict", review=None, cohort=None):
    rows = numbered(altered_cohort() if frame is None else frame)
    chosen = rule_sets.read(rules) if isinstance(rules, str) else rules
    found = screen.screened(rows, chosen, facts(), review)
    scans = patients() if cohort is None else cohort
    failures = exclusions.failure_table(rows, found.final, scans)
    flow = exclusions.structure_flow(rows, found.final, chosen, scans, with_review=review is not None)
    return FAILURES.check(failures).set_index("structure"), STRUCTURE_FLOW.check(flow)


# Failures


def test_every_scan_has_one_reason_for_each_structure():
    failures, _ = tables()

    assert failures["n_scans"].eq(40).all()
    assert failures["n_measured"].eq(39).all()
    assert failures[[f"n_{reason}" for reason in REASONS]].sum(axis=1).eq(40).all()
    liver = failures.loc["liver"]
    expected = {"truncated": 1, "below_bound": 1, "fragmented": 1, "absent": 1, "not_segmented": 1, "ok": 35}
    assert {reason: liver[f"n_{reason}"] for reason in REASONS if liver[f"n_{reason}"]} == expected
    assert (liver["n_usable_volume"], liver["n_usable_hu"]) == (35, 34)


def test_age_and_sex_of_used_and_excluded_values_are_reported_for_each_measure():
    liver = tables()[0].loc["liver"]

    # excluded volumes: one woman (s002), four men (s001, s003, s005, s009); excluded attenuation: one more man (s007)
    assert liver["age_removed_volume_years"] == pytest.approx((30 + 4 * 60) / 5)
    assert liver["women_removed_volume"] == pytest.approx(1 / 5)
    assert liver["age_removed_hu_years"] == pytest.approx((30 + 5 * 60) / 6)
    assert liver["women_removed_hu"] == pytest.approx(1 / 6)
    assert liver["age_usable_volume_years"] == pytest.approx((19 * 30 + 16 * 60) / 35)
    assert liver["women_usable_hu"] == pytest.approx(19 / 34)


def test_without_exclusions_the_age_of_excluded_patients_is_missing():
    failures, _ = tables(intact_cohort())

    assert failures[["age_removed_volume_years", "women_removed_volume"]].isna().all(axis=None)
    assert failures["age_usable_volume_years"].eq(45).all()


def test_unknown_ages_and_sexes_are_not_in_the_means():
    cohort = patients()
    cohort.loc[2, "age_years"] = np.nan
    cohort.loc[3, "sex"] = None

    liver = tables(cohort=cohort)[0].loc["liver"]

    assert liver["age_removed_volume_years"] == pytest.approx(60)
    assert liver["women_removed_volume"] == pytest.approx(1 / 4)


def test_without_a_cohort_age_and_sex_are_missing_but_counts_are_reported():
    rows = numbered(altered_cohort())
    found = screen.screened(rows, rule_sets.read("strict"), facts())

    failures = FAILURES.check(exclusions.failure_table(rows, found.final, None))

    assert failures["n_ok"].sum() == 35 + 4 * 39
    assert failures.filter(regex="^(age|women)_").isna().all(axis=None)


def test_values_that_could_not_be_assessed_are_counted_by_rule():
    frame = altered_cohort()
    frame.loc[frame["scan_id"].isin(["s010", "s011"]), "largest_share"] = np.nan
    frame.loc[frame["scan_id"] == "s012", "side_mm"] = np.nan
    frame.loc[frame["scan_id"].isin(["s001", "s013"]), "border_voxels"] = pd.NA  # s001 has faces and is assessed

    failures, _ = tables(frame)

    unassessed = failures[[f"n_unjudged_{rule}" for rule in RULES]]
    assert list(unassessed.loc["liver"]) == [0, 1, 0, 2, 0, 0, 0, 0]
    assert list(unassessed.loc["hip_left"]) == [0, 2, 0, 2, 1, 0, 0, 0]


def test_asymmetry_is_not_assessed_if_the_contralateral_structure_is_truncated():
    failures, _ = tables(altered(intact_cohort(), "s001", "hip_left", faces="left"))

    assert failures["n_unjudged_asymmetric"].to_dict() == {**dict.fromkeys(NAMES, 0), "hip_right": 1}


@pytest.mark.parametrize(("rules", "n_rules"), [("none", 0), ("paper", 4), ("standard", 6), ("strict", 8)])
def test_rules_that_are_not_applied_have_no_count_of_unassessed_values(rules, n_rules):
    failures, _ = tables(rules=rules)

    assert failures.filter(like="n_unjudged_").notna().sum(axis=1).eq(n_rules).all()


# Flow


@pytest.mark.parametrize("rules", ["none", "paper", "standard", "strict"])
def test_the_flow_of_each_structure_leads_from_all_scans_to_used_values(rules):
    failures, flow = tables(rules=rules)

    assert (flow["n_before"] - flow["n_removed"]).equals(flow["n_after"])
    for (structure, measure), steps in flow.groupby(["structure", "measure"]):
        assert steps["order"].to_list() == list(range(1, len(steps) + 1))
        assert steps["n_before"].iloc[0] == 40
        assert steps["n_before"].iloc[1:].to_list() == steps["n_after"].iloc[:-1].to_list()
        assert steps["n_after"].iloc[-1] == failures.loc[structure, f"n_usable_{BOTH[measure]}"]


def test_the_flow_contains_the_reason_of_each_exclusion():
    _, flow = tables()

    removed = flow[flow["n_removed"] > 0].set_index(["structure", "measure", "reason"])["n_removed"]

    expected = dict.fromkeys(["not_segmented", "absent", "truncated", "below_bound", "fragmented"], 1)
    assert removed["liver", "volume_ml"].to_dict() == expected
    assert removed["liver", "hu_mean"].to_dict() == {**expected, "no_value": 1}
    assert removed["hip_left", "volume_ml"].to_dict() == {"not_segmented": 1}


@pytest.mark.parametrize(
    ("rules", "review", "steps"),
    [
        ("none", None, ["no_value"]),
        ("paper", None, ["below_bound", "no_value"]),
        ("strict", decisions(("s000", "liver", "exclude")), [*RULES, "reviewer_excluded", "no_value"]),
    ],
)
def test_the_flow_contains_the_rules_of_the_study(rules, review, steps):
    _, flow = tables(rules=rules, review=review)

    always = ["not_in_model", "not_requested", "mask_in_others", "not_in_table", "not_segmented", "duplicate_images"]
    always += ["absent_known", "absent"]
    liver = flow[flow["structure"].eq("liver") & flow["measure"].eq("hu_mean")]
    assert liver["reason"].to_list() == [*always, *steps]
    assert set(flow["reason"]) <= set(FLOW_REASONS)


def test_a_measure_is_excluded_by_the_first_reason_that_excludes_it():
    only_volume = rule_sets.ScreeningRule(("volume_ml",), (), {})
    strict = rule_sets.read("strict").rules
    rules = rule_sets.RuleSet("mine", {**strict, "truncated": only_volume})
    frame = altered(intact_cohort(), "s001", "hip_left", faces="left", side_mm=-50.0)

    _, flow = tables(frame, rules)

    hip = flow[flow["structure"].eq("hip_left") & flow["n_removed"].gt(0)]
    assert list(zip(hip["measure"], hip["reason"], strict=True)) == [
        ("hu_mean", "laterality"),
        ("volume_ml", "truncated"),
    ]


def test_a_review_is_a_separate_step_and_kept_values_are_used():
    review = decisions(("s002", "liver", "keep"), ("s020", "*", "exclude"), ("s005", "liver", "absent"))

    failures, flow = tables(review=review)

    removed = flow[flow["structure"].eq("liver") & flow["measure"].eq("volume_ml")].set_index("reason")["n_removed"]
    assert removed[removed > 0].to_dict() == {
        **{"not_segmented": 1, "absent_known": 1, "truncated": 1, "fragmented": 1, "reviewer_excluded": 1},
    }
    assert failures.loc["liver", ["n_reviewer_kept", "n_reviewer_excluded", "n_absent_known"]].to_list() == [1, 1, 1]


def test_patients_and_scans_are_counted():
    scans = patients().assign(patient_id=[f"p{k // 4}" for k in range(40)])

    failures, flow = tables(cohort=scans)

    liver = failures.loc["liver"]
    assert (liver["n_scans"], liver["n_patients"]) == (40, 10)
    assert liver["n_patients_usable_volume"] == 10  # each patient has a scan with a usable volume
    assert flow["n_patients_before"].max() == 10
    steps = flow[flow["structure"].eq("liver") & flow["measure"].eq("volume_ml")]
    assert steps["n_patients_before"].iloc[1:].to_list() == steps["n_patients_after"].iloc[:-1].to_list()
    assert steps["n_patients_after"].iloc[-1] == liver["n_patients_usable_volume"]


def test_a_patient_without_usable_scans_is_not_counted():
    frame = intact_cohort()
    for scan in ("s000", "s001"):
        frame = altered(frame, scan, "liver", faces="left")
    scans = patients().assign(patient_id=[f"p{k // 2}" for k in range(40)])

    failures, flow = tables(frame, cohort=scans)

    assert failures.loc["liver", ["n_patients", "n_patients_usable_volume"]].to_list() == [20, 19]
    removed = flow[flow["structure"].eq("liver") & flow["n_removed"].gt(0)]
    assert removed[["n_removed", "n_patients_removed"]].to_numpy().tolist() == [[2, 1]] * len(removed)


def test_patients_of_excluded_values_are_counted_even_with_other_usable_scans():
    frame = intact_cohort()
    for scan in ("s000", "s001", "s004"):
        frame = altered(frame, scan, "liver", faces="left")
    scans = patients().assign(patient_id=[f"p{k // 4}" for k in range(40)])

    _, flow = tables(frame, cohort=scans)

    removed = flow[flow["structure"].eq("liver") & flow["measure"].eq("volume_ml") & flow["n_removed"].gt(0)]
    assert removed[["n_removed", "n_patients_removed", "n_patients_after"]].to_numpy().tolist() == [[3, 2, 10]]
