"""Properties of screening: no setting creates values, and stricter settings only exclude more values."""

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from ctpop.contracts.all_tables import (
    FACES,
    MEASURE_STATUS,
    MEASURES,
    MEASURES_TABLE,
    MISSINGNESS,
    REVIEW,
    RULES,
    VERDICTS,
)
from ctpop.stages.aging import missing
from ctpop.stages.aging.missing_reasons import value_reasons
from ctpop.stages.screen import command as screen
from ctpop.stages.screen import exclusions
from ctpop.stages.screen.attributes import facts_of
from ctpop.stages.screen.groups import Groups
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from ctpop.study.rule_sets import RuleSet, ScreeningRule
from support.laws import law
from support.volumes import label_set

STRUCTURES = ("liver", "kidney_left", "kidney_right")
LABELS = label_set(*STRUCTURES)
USABLE = ["usable_volume", "usable_hu"]
SHARES = st.one_of(st.none(), st.floats(0, 1))
ROWS = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["measured", "measured", "measured", *MEASURE_STATUS]),
        "volume_ml": st.one_of(st.none(), st.just(0.0), st.floats(0.01, 2000)),
        "hu_mean": st.one_of(st.none(), st.floats(-1000, 3000)),
        "faces": st.one_of(st.none(), st.sampled_from(FACES)),
        "padding_share": SHARES,
        "largest_share": SHARES,
        "side_mm": st.one_of(st.none(), st.floats(-100, 100)),
        "asymmetry": st.one_of(st.none(), st.floats(-1, 1)),
    }
)
SCANS = st.lists(st.tuples(ROWS, ROWS, ROWS), min_size=1, max_size=12)
BOUNDS = st.dictionaries(st.sampled_from(STRUCTURES), st.floats(0, 2000))
DROPS = st.lists(st.sampled_from(list(MEASURES)), unique=True).map(tuple)
PAIRS = ("asymmetric", "unequal_sides")  # rules for pairs; a reason for one side exempts the other side
LIMITS = {
    "padding": st.fixed_dictionaries({"share_above": st.floats(0, 1)}),
    "unequal_sides": st.fixed_dictionaries({"ratio_above": st.floats(1.5, 10)}),
    "fragmented": st.fixed_dictionaries({"largest_share_below": st.floats(0.01, 1)}),
    "laterality": st.fixed_dictionaries({"wrong_side_mm_above": st.floats(0, 50)}),
    "asymmetric": st.fixed_dictionaries({"robust_z_above": st.floats(0.5, 6), "pairs_at_least": st.just(3)}),
}
RULE_SETS = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(ScreeningRule, DROPS, st.sampled_from([(), ("liver",)]), LIMITS.get(name, st.just({})))
        for name in RULES
    },
).map(lambda rules: RuleSet("made_up", {name: rules[name] for name in RULES if name in rules}))
DECISIONS = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from([*STRUCTURES, "*"]), st.sampled_from(["keep", "exclude", "absent"])),
    max_size=6,
    unique_by=lambda decision: decision[:2],
)


def measures_of(scans):
    """Return measures that meet the contract: rows that were not measured contain no numbers."""
    rows = [
        {"scan_id": f"s{number:02d}", "structure": structure, **row_of(row)}
        for number, scan in enumerate(scans)
        for structure, row in zip(STRUCTURES, scan, strict=True)
    ]
    return MEASURES_TABLE.check(pd.DataFrame(rows).reindex(columns=list(MEASURES_TABLE.columns)))


def row_of(row):
    if row["status"] != "measured":
        return {"status": row["status"]}
    volume = row["volume_ml"]
    return {**row, "n_voxels": None if volume is None else int(np.ceil(volume * 100))}


def review_of(decisions, scans):
    rows = [
        (f"s{scan:02d}", structure, decision)
        for scan, structure, decision in decisions
        if scan < len(scans) and not (structure == "*" and decision == "absent")
    ]
    frame = pd.DataFrame(rows, columns=["scan_id", "structure", "decision"])
    return REVIEW.check(frame.assign(reason="seen", reviewer="AB", date="2024-05-31"))


def screened(frame, rules, bounds=None, review=None):
    return screen.screened(numbered(frame), rules, facts_of(LABELS, bounds or {}, None), review)


def verdicts_of(*arguments):
    return VERDICTS.check(screen.verdicts_of(screened(*arguments)))


@law(10)
@given(SCANS, RULE_SETS, BOUNDS, BOUNDS)
def test_a_stricter_bound_never_makes_a_value_usable(scans, rules, bounds, increases):
    measures = measures_of(scans)
    assessed = RuleSet("made_up", {name: rule for name, rule in rules.rules.items() if name not in PAIRS})
    stricter = {name: bounds.get(name, 0) + increases.get(name, 0) for name in {*bounds, *increases}}

    loose, strict = verdicts_of(measures, assessed, bounds), verdicts_of(measures, assessed, stricter)

    assert (strict[USABLE] <= loose[USABLE]).all(axis=None)


@law(10)
@given(SCANS, BOUNDS)
def test_rule_sets_exclude_increasing_sets_of_values(scans, bounds):
    measures = measures_of(scans)

    usable = [
        verdicts_of(measures, rule_sets.read(name), bounds)[USABLE] for name in ("none", "paper", "standard", "strict")
    ]

    for loose, strict in pairwise(usable):
        assert (strict <= loose).all(axis=None)


@law(10)
@given(SCANS, RULE_SETS, BOUNDS, DECISIONS)
def test_usable_values_are_present(scans, rules, bounds, decisions):
    measures = measures_of(scans)

    verdicts = verdicts_of(measures, rules, bounds, review_of(decisions, scans))

    assert measures.loc[verdicts["usable_volume"], "volume_ml"].gt(0).all()
    assert measures.loc[verdicts["usable_hu"], "hu_mean"].notna().all()
    assert measures.loc[verdicts[USABLE].any(axis=1), "status"].eq("measured").all()


@law(10)
@given(SCANS, BOUNDS)
def test_usable_volumes_under_standard_rules_meet_bounds_and_borders(scans, bounds):
    measures = measures_of(scans)

    usable = measures[verdicts_of(measures, rule_sets.read("standard"), bounds)["usable_volume"]]

    assert all(row.volume_ml >= bounds.get(row.structure, 0) for row in usable.itertuples())
    assert usable["faces"].isna().all()


@law(10)
@given(SCANS, BOUNDS)
def test_use_of_truncated_attenuation_only_adds_attenuation_values(scans, bounds):
    measures, standard = measures_of(scans), rule_sets.read("standard")

    without = verdicts_of(measures, standard.with_truncated_hu(use=False), bounds)
    with_it = verdicts_of(measures, standard.with_truncated_hu(use=True), bounds)

    pd.testing.assert_frame_equal(with_it.drop(columns="usable_hu"), without.drop(columns="usable_hu"))
    gained = with_it["usable_hu"] & ~without["usable_hu"]
    assert (without["usable_hu"] <= with_it["usable_hu"]).all()
    assert with_it.loc[gained, "reason"].eq("truncated").all()


@law(10)
@given(SCANS, RULE_SETS, BOUNDS)
def test_measures_that_a_rule_excludes_are_not_usable(scans, rules, bounds):
    verdicts = verdicts_of(measures_of(scans), rules, bounds)

    for name, rule in rules.rules.items():
        given_here = verdicts[verdicts["reason"] == name]
        assert not given_here.loc[:, [f"usable_{'hu' if drop == 'hu_mean' else 'volume'}" for drop in rule.drops]].any(
            axis=None
        )
    assert set(verdicts["reason"]) & set(RULES) <= set(rules.rules)


@law(10)
@given(SCANS, RULE_SETS, BOUNDS)
def test_verdicts_on_a_scan_do_not_depend_on_other_scans_except_asymmetry(scans, rules, bounds):
    measures = measures_of(scans)
    alone = RuleSet("made_up", {name: rule for name, rule in rules.rules.items() if name != "asymmetric"})
    together = verdicts_of(measures, alone, bounds)

    half = measures[measures["scan_id"].isin(sorted(set(measures["scan_id"]))[::2])]
    some = verdicts_of(half.sample(frac=1, random_state=0), alone, bounds)

    expected = together[together["scan_id"].isin(half["scan_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, expected)


@law(10)
@given(SCANS, RULE_SETS, BOUNDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_has_no_effect(scans, rules, bounds, random):
    measures = measures_of(scans)
    order = list(range(len(measures)))
    random.shuffle(order)

    shuffled = verdicts_of(measures.iloc[order].reset_index(drop=True), rules, bounds)

    pd.testing.assert_frame_equal(shuffled, verdicts_of(measures, rules, bounds))


@law(10)
@given(SCANS, RULE_SETS, BOUNDS)
def test_exchanged_sides_result_in_exchanged_verdicts(scans, rules, bounds):
    measures = measures_of(scans)
    other = {"kidney_left": "kidney_right", "kidney_right": "kidney_left", "liver": "liver"}
    mirrored = measures.assign(structure=measures["structure"].map(other), asymmetry=-measures["asymmetry"])
    # the index of a pair is equal in both rows
    index = measures.loc[measures["structure"].eq("kidney_left")].set_index("scan_id")["asymmetry"]
    measures = measures.assign(asymmetry=measures["scan_id"].map(index))
    mirrored = mirrored.assign(asymmetry=-mirrored["scan_id"].map(index))
    mirrored_bounds = {other[name]: bound for name, bound in bounds.items()}

    found = verdicts_of(MEASURES_TABLE.check(mirrored), rules, mirrored_bounds)

    back = VERDICTS.check(found.assign(structure=found["structure"].map(other)))
    pd.testing.assert_frame_equal(back, verdicts_of(measures, rules, bounds))


@law(10)
@given(SCANS, RULE_SETS, BOUNDS, DECISIONS)
def test_a_review_changes_only_the_final_reason_of_reviewed_rows(scans, rules, bounds, decisions):
    measures, review = measures_of(scans), review_of(decisions, scans)

    without, with_it = verdicts_of(measures, rules, bounds), verdicts_of(measures, rules, bounds, review)

    pd.testing.assert_series_equal(with_it["rule_reason"], without["reason"], check_names=False)
    untouched = with_it["reviewer"].isna()
    pd.testing.assert_frame_equal(with_it[untouched], without[untouched])
    assert set(with_it.loc[~untouched, "scan_id"]) == set(review["scan_id"])


@law(10)
@given(SCANS, RULE_SETS, BOUNDS, DECISIONS)
def test_every_exclusion_has_a_reason(scans, rules, bounds, decisions):
    found = screened(measures_of(scans), rules, bounds, review_of(decisions, scans))

    failures = exclusions.failure_table(found.rows, found.final, None)
    flow = exclusions.structure_flow(found.rows, found.final, rules, None, with_review=True)

    by_reason = failures.filter(regex="^n_(?!scans|measured|usable|unjudged|patients)").sum(axis=1)
    assert by_reason.eq(len(scans)).all()
    left = len(scans) - flow.groupby(["structure", "measure"])["n_removed"].sum()
    assert (flow["n_removed"] >= 0).all()
    for measure, column in {"volume_ml": "n_usable_volume", "hu_mean": "n_usable_hu"}.items():
        assert left.xs(measure, level="measure").to_dict() == failures.set_index("structure")[column].to_dict()


@law(10)
@given(SCANS, RULE_SETS, BOUNDS)
def test_values_that_could_not_be_assessed_have_no_earlier_reason(scans, rules, bounds):
    found = screened(measures_of(scans), rules, bounds)

    assert set(found.final.unassessed) == set(rules.rules)
    for name, rows in found.final.unassessed.items():
        later = [reason for reason in RULES[RULES.index(name) + 1 :] if reason in rules.rules]
        reasons = set(screen.verdicts_of(found).loc[rows, "reason"])
        assert reasons <= {"ok", *later}


@law(10)
@given(SCANS, RULE_SETS, BOUNDS)
def test_the_statistics_use_exactly_the_usable_values(scans, rules, bounds):
    measures = measures_of(scans)
    found = screened(measures, rules, bounds)
    verdicts = VERDICTS.check(screen.verdicts_of(found))

    values = screen.analysis_of(found.rows, found.final)

    long = measures.melt(["scan_id", "structure"], list(MEASURES), "measure", "value")
    flags = verdicts.melt(["scan_id", "structure"], USABLE, "flag", "usable")
    expected = long[flags["usable"].to_numpy()].sort_values(["scan_id", "structure", "measure"], ignore_index=True)
    words = dict.fromkeys(["scan_id", "structure", "measure"], "str")
    pd.testing.assert_frame_equal(values.astype(words), expected[list(values.columns)], check_dtype=False)


def test_the_strategies_include_all_rules():
    drawn = find(
        RULE_SETS,
        lambda rules: len(rules.rules) == len(RULES),
        settings=settings(
            phases=[Phase.generate], derandomize=True, database=None
        ),  # any of them is sufficient, not only the shortest
    )

    assert list(drawn.rules) == list(RULES)


COHORTS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(0, 105)), st.sampled_from([None, "female", "male"]), st.sampled_from("abc")
    ),
    min_size=12,
    max_size=12,
)


def missingness_of(found, cohort):
    """Return the table of missing values of all structures and groups."""
    values = screen.analysis_of(found.rows, found.final, Groups(LABELS.groups, 0.5))
    reasons = value_reasons(VERDICTS.check(screen.verdicts_of(found)), values, cohort, LABELS, found.rules)
    table = missing.missingness_table(reasons, [*LABELS.names, *LABELS.groups], missing.scans_of(cohort))
    return MISSINGNESS.check(table)


@law(20)
@given(SCANS, RULE_SETS, BOUNDS, DECISIONS, COHORTS)
def test_missing_values_add_up_to_the_cohort_and_agree_with_the_flow(scans, rules, bounds, decisions, patients):
    cohort = pd.DataFrame(patients[: len(scans)], columns=["age_years", "sex", "patient_id"]).astype({"sex": "str"})
    cohort["scan_id"] = [f"s{number:02d}" for number in range(len(scans))]
    found = screened(measures_of(scans), rules, bounds, review_of(decisions, scans))

    table = missingness_of(found, cohort)
    flow = exclusions.structure_flow(found.rows, found.final, rules, None, with_review=True)

    each = ["structure", "measure"]
    assert table.groupby(each)["n_with_reason"].sum().eq(len(scans)).all()
    assert len(table[each].drop_duplicates()) == 2 * (len(STRUCTURES) + len(LABELS.groups))
    strata = table.groupby([*each, "sex", "age_decade"]).agg(counted=("n_with_reason", "sum"), n=("n", "first"))
    assert strata["counted"].eq(strata["n"]).all()
    assert (table["n_patients_with_reason"] <= table["n_with_reason"]).all()
    assert (table["n_patients"] <= table["n"]).all()

    single = table[table["structure"].isin(STRUCTURES)]
    missing_values = single[single["reason"].ne("used")]
    assert missing_values.groupby(each)["n_with_reason"].sum().to_dict() == {
        key: n for key, n in flow.groupby(each)["n_removed"].sum().items() if n
    }
    clear = missing_values.groupby(each)["reason"].transform(lambda reasons: "other_rule" not in set(reasons))
    by_reason = missing_values[clear].groupby([*each, "reason"])["n_with_reason"].sum().to_dict()
    removed = flow[flow["n_removed"] > 0].set_index([*each, "reason"])["n_removed"].to_dict()
    known = {key[:2] for key in by_reason}
    assert by_reason == {key: n for key, n in removed.items() if key[:2] in known}


def test_a_later_rule_is_not_reported_as_the_first_reason():
    rules = RuleSet(
        "made_up",
        {
            "padding": ScreeningRule(("volume_ml",), (), {"share_above": 0.1}),
            "truncated": ScreeningRule(("hu_mean",), (), {}),
        },
    )
    row = {"status": "measured", "volume_ml": 100.0, "hu_mean": 50.0, "faces": "left", "padding_share": 0.5}
    cohort = pd.DataFrame({"scan_id": ["s00"], "age_years": [50.0], "sex": ["female"]})

    table = missingness_of(screened(measures_of([(row,) * 3]), rules), cohort)

    liver = table[table["structure"].eq("liver")].set_index("measure")["reason"]
    assert liver.to_dict() == {"hu_mean": "other_rule", "volume_ml": "padding"}
