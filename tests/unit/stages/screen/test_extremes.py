"""What is smallest and largest among the values that the rules let through, and whose it is."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import COHORT, EXTREMES
from ctpop.stages.screen import command as screen
from ctpop.stages.screen.extremes import extreme_table, outermost
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from support.evidence import decisions, facts, measures

LIVERS_ML = [1500.0, 900.0, 1700.0, 5.0, 1200.0, 2100.0]  # the fourth is below its bound
PEOPLE = pd.DataFrame(
    {
        "scan_id": [f"s{number}" for number in range(6)],
        "age_years": [30.0, 40.0, 50.0, 60.0, 70.0, np.nan],
        "sex": pd.Series(["female", "male", "female", "male", None, "female"], dtype="str"),
    }
)


def extremes(frame, number, patients=PEOPLE, review=None):
    """Return the table of a study by the rules of the paper, checked."""
    rows = numbered(frame)
    found = screen.screened(rows, rule_sets.read("paper"), facts(), review)
    return EXTREMES.check(extreme_table(rows, found.by_rules, patients, number))


def livers(table, measure, end):
    part = table[table["measure"].eq(measure) & table["end"].eq(end)].sort_values("rank")
    return list(zip(part["rank"], part["scan_id"], part["value"], strict=True))


def test_the_smallest_and_the_largest_values_that_the_rules_let_through_are_listed_from_outside():
    table = extremes(measures(*({"volume_ml": volume} for volume in LIVERS_ML)), 2)

    assert livers(table, "volume_ml", "smallest") == [(1, "s1", 900.0), (2, "s4", 1200.0)]
    assert livers(table, "volume_ml", "largest") == [(1, "s5", 2100.0), (2, "s2", 1700.0)]


def test_age_and_sex_are_those_of_the_person_and_missing_where_they_are_not_known():
    table = extremes(measures(*({"volume_ml": volume} for volume in LIVERS_ML)), 2).set_index("scan_id")

    volumes = table[table["measure"].eq("volume_ml")]
    assert volumes.loc["s1", ["age_years", "sex"]].tolist() == [40.0, "male"]
    assert pd.isna(volumes.loc["s5", "age_years"])
    assert pd.isna(volumes.loc["s4", "sex"])


def test_without_a_cohort_age_and_sex_are_missing():
    table = extremes(measures({"volume_ml": 900.0}), 1, patients=None)

    assert table["age_years"].isna().all()
    assert table["sex"].isna().all()


def test_of_equal_values_the_scan_that_comes_first_stands_further_out_at_both_ends():
    table = extremes(measures(*({"volume_ml": 1500.0} for _ in range(6))), 2)

    for end in ("smallest", "largest"):
        assert livers(table, "volume_ml", end) == [(1, "s0", 1500.0), (2, "s1", 1500.0)]


def test_fewer_values_than_were_asked_for_stand_at_both_ends():
    table = extremes(measures({"volume_ml": 900.0}, {"volume_ml": 1000.0}), 3)

    assert livers(table, "volume_ml", "smallest") == [(1, "s0", 900.0), (2, "s1", 1000.0)]
    assert livers(table, "volume_ml", "largest") == [(1, "s1", 1000.0), (2, "s0", 900.0)]


def test_a_missing_attenuation_is_no_extreme_one():
    table = extremes(measures({"hu_mean": None}, {"hu_mean": 55.0}), 2)

    assert livers(table, "hu_mean", "smallest") == [(1, "s1", 55.0)]


def test_a_review_moves_no_value_in_or_out():
    frame = measures(*({"volume_ml": volume} for volume in LIVERS_ML))
    review = decisions(("s1", "liver", "exclude"), ("s3", "liver", "keep"))

    assert extremes(frame, 2, review=review).equals(extremes(frame, 2))


@pytest.mark.parametrize(("frame", "number"), [(measures({"volume_ml": 5.0, "hu_mean": None}), 3), (measures({}), 0)])
def test_without_values_or_wishes_there_are_no_rows(frame, number):
    assert extremes(frame, number).empty


def test_nobody_has_no_extremes():
    assert extremes(measures({}).iloc[:0], 3, patients=COHORT.empty()).empty


@pytest.mark.parametrize("seed", range(5))
def test_the_outermost_are_the_first_of_a_stable_sort(seed):
    values = np.random.default_rng(seed).integers(0, 12, 60).astype(float)  # many are equal

    for number in (1, 3, 59, 60, 70):
        assert outermost(values, number).tolist() == np.argsort(values, kind="stable")[:number].tolist()
