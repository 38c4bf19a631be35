"""Tests of QC decisions: they override the rules, both reasons are kept, and invalid decisions are errors."""

import pandas as pd
import pytest

from ctpop.contracts.all_tables import REVIEW
from ctpop.foundation.errors import ContractError
from ctpop.study.decisions import read_review
from support.evidence import NAMES, NOTHING, altered, changed_rows, decisions, facts, intact_cohort, measures, verdicts

HEADER = "scan_id,structure,decision,reason,reviewer,date\n"


def verdict(decision, rules="strict", **changed):
    """Return (reason, reason by rules, usable volume, usable attenuation) of a left kidney with changed values."""
    frame = measures(changed, structure="kidney_left")
    row = verdicts(frame, rules, facts(), decisions(("s0", "kidney_left", decision))).iloc[0]
    return row["reason"], row["rule_reason"], bool(row["usable_volume"]), bool(row["usable_hu"])


# Decisions


@pytest.mark.parametrize(
    ("changed", "by_rules"),
    [
        ({}, "ok"),
        ({"faces": "left"}, "truncated"),
        ({"volume_ml": 1.0}, "below_bound"),
        ({"largest_share": 0.3}, "fragmented"),
        ({"side_mm": -50.0}, "laterality"),
    ],
)
def test_kept_values_are_used_and_excluded_values_are_not(changed, by_rules):
    assert verdict("keep", **changed) == ("reviewer_kept", by_rules, True, True)
    assert verdict("exclude", **changed) == ("reviewer_excluded", by_rules, False, False)


def test_keep_does_not_create_values():
    assert verdict("keep", n_voxels=0, volume_ml=0, hu_mean=None) == ("absent", "absent", False, False)
    assert verdict("keep", hu_mean=None) == ("reviewer_kept", "ok", True, False)
    assert verdict("keep", status="unreadable", **NOTHING) == ("not_segmented", "not_segmented", False, False)
    assert verdict("keep", status="duplicate_images") == ("duplicate_images", "duplicate_images", False, False)
    assert verdict("keep", status="not_in_model", **NOTHING) == ("not_in_model", "not_in_model", False, False)


@pytest.mark.parametrize("status", ["unreadable", "not_in_model"])
def test_decisions_do_not_change_the_reason_without_measurement(status):
    assert verdict("exclude", status=status, **NOTHING)[0] == verdict("keep", status=status, **NOTHING)[0]
    assert verdict("absent", status=status, **NOTHING)[0] == verdict("keep", status=status, **NOTHING)[0]


@pytest.mark.parametrize("changed", [{"n_voxels": 0, "volume_ml": 0, "hu_mean": None}, {"volume_ml": 3.0}, {}])
def test_an_absence_reported_by_a_reviewer_is_not_a_failure(changed):
    assert verdict("absent", **changed)[0] == "absent_known"
    assert verdict("absent", **changed)[2:] == (False, False)


def test_keep_overrides_the_registry_if_a_value_was_measured():
    registry = pd.DataFrame({"scan_id": ["s0", "s1"], "known_absent": ["liver", "liver"]}).astype("str")
    frame = measures({}, {"n_voxels": 0, "volume_ml": 0, "hu_mean": None})
    review = decisions(("s0", "liver", "keep"), ("s1", "liver", "keep"))

    found = verdicts(frame, "none", facts(registry), review)

    assert list(found["rule_reason"]) == ["absent_known", "absent_known"]
    assert list(found["reason"]) == ["reviewer_kept", "absent_known"]
    assert list(found["usable_volume"]) == list(found["usable_hu"]) == [True, False]


def test_a_decision_changes_only_its_row():
    cohort = altered(intact_cohort(), "s007", "kidney_left", volume_ml=70.0, faces="left")
    before = verdicts(cohort, "strict")

    found = verdicts(cohort, "strict", review=decisions(("s007", "kidney_left", "keep"), ("s001", "liver", "exclude")))

    changed = changed_rows(before, found)
    assert changed == {("s007", "kidney_left"): "reviewer_kept", ("s001", "liver"): "reviewer_excluded"}
    assert list(found["rule_reason"]) == list(before["rule_reason"])


def test_verdicts_contain_the_reviewer_and_the_explanation():
    review = decisions(("s0", "liver", "exclude")).assign(reason="metal", reviewer="CD")

    found = verdicts(measures({}, {}), "strict", review=review)

    assert found.loc[0, ["reviewer", "review_reason"]].to_list() == ["CD", "metal"]
    assert found.loc[1, ["reviewer", "review_reason"]].isna().all()


def test_an_asterisk_applies_to_all_structures_without_a_separate_row():
    cohort = intact_cohort()
    review = decisions(("s003", "liver", "keep"), ("s003", "*", "exclude"), ("s004", "*", "keep"))

    found = verdicts(cohort, "strict", review=review)

    changed = changed_rows(verdicts(cohort, "strict"), found)
    expected = {("s003", name): "reviewer_excluded" for name in NAMES} | {("s003", "liver"): "reviewer_kept"}
    assert changed == expected | {("s004", name): "reviewer_kept" for name in NAMES}


def test_the_order_of_decisions_has_no_effect():
    rows = [("s003", "*", "exclude"), ("s003", "liver", "keep"), ("s001", "hip_left", "absent")]
    cohort = intact_cohort()

    one, other = (verdicts(cohort, "strict", review=decisions(*order)) for order in (rows, rows[::-1]))

    pd.testing.assert_frame_equal(one, other)


# The file


def read(folder, text, scan_ids=("s1", "s2"), elsewhere=()):
    path = folder / "review.csv"
    path.write_text(text, encoding="utf-8")
    return read_review(path, scan_ids, elsewhere, NAMES)


def test_columns_are_read_in_any_order(tmp_path):
    text = 'date,reviewer,reason,decision,structure,scan_id,note\n2024-05-31, AB ,"metal, arm",exclude,liver,s1,x\n'

    found = read(tmp_path, text)

    [row] = found[list(REVIEW.columns)].itertuples(index=False, name=None)
    assert row == ("s1", "liver", "exclude", "metal, arm", "AB", "2024-05-31")


def test_a_file_without_decisions_has_no_effect(tmp_path):
    review = read(tmp_path, HEADER)

    found = verdicts(intact_cohort(), "strict", review=review)

    assert len(review) == 0
    pd.testing.assert_frame_equal(found, verdicts(intact_cohort(), "strict"))


def test_decisions_about_excluded_scans_are_ignored(tmp_path):
    text = HEADER + "s1,liver,keep,a,AB,2024-05-31\ns9,*,exclude,a,AB,2024-05-31\n"

    assert list(read(tmp_path, text, elsewhere=["s9"])["scan_id"]) == ["s1"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            ["s9,liver,keep,a,AB,2024-05-31"],
            "scan_id must be a scan of the registry; affected rows: 1, first in line 2: 's9 liver'",
        ),
        (
            ["s1,livr,keep,a,AB,2024-05-31", "s2,kidney,keep,a,AB,2024-05-31"],
            "structure must be a structure of the label set or *; affected rows: 2, first in lines 2, 3: 's1 livr',"
            " 's2 kidney'",
        ),
        (
            ["s1,*,absent,a,AB,2024-05-31"],
            "a row with the decision absent must name a structure, not *; affected rows: 1",
        ),
        (
            ["s1,liver,keep,a,AB,2024-05-31", "s1,liver,exclude,b,CD,2024-06-01", "s2,*,keep,a,AB,2024-05-31"],
            "lines 2, 3: decisions contradict each other: s1 liver: keep, exclude (affected structures: 1)",
        ),
        (
            ["s1,*,keep,a,AB,2024-05-31", "s1,*,exclude,b,CD,2024-06-01"],
            "lines 2, 3: decisions contradict each other: s1 *: keep, exclude (affected structures: 1)",
        ),
        (
            ["s1,liver,keep,a,AB,2024-05-31", "s1,liver,keep,b,CD,2024-06-01"],
            "scan_id and structure must identify one row; found repeated values in 2 rows, first 's1 liver'",
        ),
        (
            ["s1,liver,drop,a,AB,2024-05-31"],
            "(delete rows without a final decision); affected rows: 1, first in line 2: 's1 liver' ('drop'); correct",
        ),
        (["s1,liver,,a,AB,2024-05-31"], "column 'decision' must be complete"),
        (["s1,liver,keep,,AB,2024-05-31"], "column 'reason' must be complete"),
        (["s1,liver,keep,a,,2024-05-31"], "column 'reviewer' must be complete"),
        (["s1,liver,keep,a,AB,31/5/2024"], "column 'date' must be text that matches the pattern"),
        (["s2,liver,keep,a,AB,2024-05-31", "s1,livr,keep,a,AB,2024-05-31"], "line 3: 's1 livr'; correct or delete"),
        ([",liver,keep,a,AB,2024-05-31"], "column 'scan_id' must be complete"),
    ],
)
def test_an_invalid_decision_is_rejected_with_its_row(tmp_path, rows, expected):
    with pytest.raises(ContractError) as refused:
        read(tmp_path, HEADER + "\n".join(rows) + "\n")

    assert "review.csv: " in str(refused.value)
    assert expected in str(refused.value)


def test_a_missing_column_is_rejected(tmp_path):
    with pytest.raises(ContractError, match="columns reviewer, date are missing"):
        read(tmp_path, "scan_id,structure,decision,reason\ns1,liver,keep,a\n")


def test_a_missing_file_is_rejected(tmp_path):
    with pytest.raises(ContractError, match=r"review\.csv: the file of QC decisions does not exist"):
        read_review(tmp_path / "review.csv", [], [], [])
