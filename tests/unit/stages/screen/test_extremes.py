"""Tests of the table `extremes`: the smallest and largest values that the rules do not exclude, with age and sex."""

import numpy as np
import pandas as pd
import pytest

from ctpop.contracts.all_tables import COHORT, EXTREMES
from ctpop.stages.screen import command as screen
from ctpop.stages.screen.extremes import extreme_table, outermost
from ctpop.stages.screen.rows import numbered
from ctpop.study import rule_sets
from support.evidence import decisions, facts, measures

LIVERS_ML = [1500.0, 900.0, 1700.0, 5.0, 1200.0, 2100.0]  # the fourth value is below its bound
PATIENTS = pd.DataFrame(
    {
        "scan_id": [f"s{number}" for number in range(6)],
        "age_years": [30.0, 40.0, 50.0, 60.0, 70.0, np.nan],
        "sex": pd.Series(["female", "male", "female", "male", None, "female"], dtype="str"),
    }
)


def extremes(frame, number, patients=PATIENTS, review=None):
    """Return the checked table `extremes` under the rule set `paper`."""
    rows = numbered(frame)
    found = screen.screened(rows, rule_sets.read("paper"), facts(), review)
    return EXTREMES.check(extreme_table(rows, found.by_rules, patients, number))


def livers(table, measure, end):
    part = table[table["measure"].eq(measure) & table["end"].eq(end)].sort_values("rank")
    return list(zip(part["rank"], part["scan_id"], part["value"], strict=True))


def test_the_smallest_and_largest_values_are_ranked():
    table = extremes(measures(*({"volume_ml": volume} for volume in LIVERS_ML)), 2)

    assert livers(table, "volume_ml", "smallest") == [(1, "s1", 900.0), (2, "s4", 1200.0)]
    assert livers(table, "volume_ml", "largest") == [(1, "s5", 2100.0), (2, "s2", 1700.0)]


def test_age_and_sex_are_those_of_the_patient():
    table = extremes(measures(*({"volume_ml": volume} for volume in LIVERS_ML)), 2).set_index("scan_id")

    volumes = table[table["measure"].eq("volume_ml")]
    assert volumes.loc["s1", ["age_years", "sex"]].tolist() == [40.0, "male"]
    assert pd.isna(volumes.loc["s5", "age_years"])
    assert pd.isna(volumes.loc["s4", "sex"])


def test_without_a_cohort_age_and_sex_are_missing():
    table = extremes(measures({"volume_ml": 900.0}), 1, patients=None)

    assert table["age_years"].isna().all()
    assert table["sex"].isna().all()


def test_of_equal_values_the_first_scan_has_the_lower_rank():
    table = extremes(measures(*({"volume_ml": 1500.0} for _ in range(6))), 2)

    for end in ("smallest", "largest"):
        assert livers(table, "volume_ml", end) == [(1, "s0", 1500.0), (2, "s1", 1500.0)]


def test_few_values_are_listed_at_both_ends():
    table = extremes(measures({"volume_ml": 900.0}, {"volume_ml": 1000.0}), 3)

    assert livers(table, "volume_ml", "smallest") == [(1, "s0", 900.0), (2, "s1", 1000.0)]
    assert livers(table, "volume_ml", "largest") == [(1, "s1", 1000.0), (2, "s0", 900.0)]


def test_a_missing_attenuation_is_not_an_extreme_value():
    table = extremes(measures({"hu_mean": None}, {"hu_mean": 55.0}), 2)

    assert livers(table, "hu_mean", "smallest") == [(1, "s1", 55.0)]


def test_a_review_does_not_change_the_extreme_values():
    frame = measures(*({"volume_ml": volume} for volume in LIVERS_ML))
    review = decisions(("s1", "liver", "exclude"), ("s3", "liver", "keep"))

    assert extremes(frame, 2, review=review).equals(extremes(frame, 2))


@pytest.mark.parametrize(("frame", "number"), [(measures({"volume_ml": 5.0, "hu_mean": None}), 3), (measures({}), 0)])
def test_without_values_or_with_number_0_the_table_is_empty(frame, number):
    assert extremes(frame, number).empty


def test_an_empty_cohort_has_no_extreme_values():
    assert extremes(measures({}).iloc[:0], 3, patients=COHORT.empty()).empty


@pytest.mark.parametrize("seed", range(5))
def test_outermost_values_are_the_first_of_a_stable_sort(seed):
    values = np.random.default_rng(seed).integers(0, 12, 60).astype(float)  # many values are equal

    for number in (1, 3, 59, 60, 70):
        assert outermost(values, number).tolist() == np.argsort(values, kind="stable")[:number].tolist()
