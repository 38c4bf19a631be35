"""Properties of the cohort: every scan is counted, and the order of criteria affects counts but not inclusion."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ctpop.contracts.all_tables import REGISTRY, REGISTRY_COLUMNS
from ctpop.stages.cohort.command import count_flow, failed_criteria
from ctpop.study import criteria as data
from ctpop.study.registry import included
from support.laws import law

AGES = st.one_of(st.none(), st.integers(0, 120).map(float))
TRUTHS = st.sampled_from([True, False, None])
PEOPLE = st.lists(st.tuples(AGES, TRUTHS, TRUTHS), min_size=1, max_size=30)
CRITERIA = data.read(data.SHORT_FORMS)
ORDERS = st.permutations(CRITERIA)
SOME_CRITERIA = st.lists(st.sampled_from(CRITERIA), unique=True)


def registry_of(patients):
    frame = pd.DataFrame(patients, columns=["age_years", "complete", "contrast"])
    frame = frame.astype({"age_years": "float64", "complete": "boolean", "contrast": "boolean"})
    frame["scan_id"] = [f"s{number}" for number in range(len(patients))]
    return REGISTRY.check(frame.reindex(columns=list(REGISTRY_COLUMNS)))


def fulfills(person, criterion):
    age, complete, contrast = person
    met = {"age_known": age is not None, "complete": complete is True, "contrast_enhanced": contrast is True}
    return met[criterion.name]


@law(10)
@given(PEOPLE, SOME_CRITERIA)
def test_every_scan_meets_all_criteria_or_is_excluded_by_those_that_it_fails(patients, criteria):
    failed = failed_criteria(registry_of(patients), criteria)

    expected = {
        (f"s{number}", criterion.name)
        for number, person in enumerate(patients)
        for criterion in criteria
        if not fulfills(person, criterion)
    }
    assert set(zip(failed["scan_id"], failed["criterion"], strict=True)) == expected
    assert len(failed) == len(expected)
    kept = included(registry_of(patients), criteria)
    assert sorted([*kept["scan_id"], *failed["scan_id"].unique()]) == sorted(registry_of(patients)["scan_id"])


@law(10)
@given(PEOPLE, SOME_CRITERIA)
def test_included_and_excluded_scans_add_up_at_each_step(patients, criteria):
    failed = failed_criteria(registry_of(patients), criteria)
    flow = count_flow(registry_of(patients), failed, criteria)

    before, removed, after = flow["n_before"].to_list(), flow["n_removed"].to_list(), flow["n_after"].to_list()
    assert [out + gone for out, gone in zip(after, removed, strict=True)] == before
    assert before == [len(patients), *after[:-1]][: len(criteria)]
    assert sum(removed) == failed["scan_id"].nunique()


@law(10)
@given(PEOPLE, ORDERS, ORDERS)
def test_the_order_of_criteria_does_not_change_the_cohort(patients, one, other):
    registry = registry_of(patients)

    by_one, by_other = failed_criteria(registry, one), failed_criteria(registry, other)

    assert set(by_one["scan_id"]) == set(by_other["scan_id"])
    flows = [count_flow(registry, by_one, one), count_flow(registry, by_other, other)]
    assert flows[0]["n_after"].iloc[-1] == flows[1]["n_after"].iloc[-1]


@law(10)
@given(PEOPLE, ORDERS)
def test_the_first_criterion_excludes_all_scans_that_fail_it(patients, order):
    registry = registry_of(patients)
    failed = failed_criteria(registry, order)

    removed = count_flow(registry, failed, order)["n_removed"].iloc[0]

    assert removed == sum(not fulfills(person, order[0]) for person in patients)


@law(10)
@given(PEOPLE, ORDERS, st.integers(0, 3))
def test_an_additional_criterion_includes_no_additional_scan(patients, order, number):
    registry = registry_of(patients)

    fewer, more = failed_criteria(registry, order[:number]), failed_criteria(registry, order)

    assert set(fewer["scan_id"]) <= set(more["scan_id"])


SEVERAL = st.lists(st.tuples(st.sampled_from(["p1", "p2", "p3", None]), AGES, TRUTHS, TRUTHS), min_size=1, max_size=20)
ONE = data.read([{"name": "one", "sentence": "Another scan", "one_per_patient": "first"}])
WITH_ONE = st.permutations([*CRITERIA, *ONE])


@law(10)
@given(SEVERAL, WITH_ONE, WITH_ONE)
def test_one_scan_per_patient_includes_each_patient_with_an_eligible_scan(scans, one, other):
    registry = registry_of([scan[1:] for scan in scans])
    registry["patient_id"] = pd.Series([scan[0] for scan in scans], dtype="str")

    kept, fitting = included(registry, one), included(registry, CRITERIA)

    assert kept["scan_id"].to_list() == included(registry, other)["scan_id"].to_list()
    assert kept["patient_id"].is_unique
    assert set(kept["patient_id"]) == set(fitting["patient_id"].dropna())
    failed = failed_criteria(registry, one)
    assert count_flow(registry, failed, one)["n_after"].iloc[-1] == len(kept)
