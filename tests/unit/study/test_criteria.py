"""Inclusion criteria include the correct scans, and ambiguous criteria are rejected."""

import pandas as pd
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.stages.cohort.command import count_flow, count_overlap, failed_criteria, overlap_text
from ctpop.study import configuration, criteria
from ctpop.study.registry import included, read_registry
from ctpop.study.registry_options import reading_of
from support.config_files import config_file

HEADER = "scan_id,patient_id,age_years,sex,complete,contrast,kernel,thickness_mm,gaps,day"


def scans(folder, *rows, header=HEADER, **chosen):
    path = folder / "registry.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return read_registry(path, reading_of(chosen))


def criterion(**rule):
    return {"name": "it", "sentence": "Not so", **rule}


def kept(registry, *entries):
    return "".join(included(registry, criteria.read(entries))["scan_id"])


@pytest.fixture
def five(tmp_path):
    return scans(
        tmp_path,
        "a,p1,18,female,true,true,B30f,1.5,0,2020-03-01",
        "b,p1,90,female,false,true,B70f,5,2,2019-03-01",
        "c,p2,17.9,,,false,b30f,0.75,0,2018-01-01",
        "d,p2,,male,true,,,,,",
        "e,,60,female,yes,1,B30f,3.0,00,2021-01-01",
    )


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"column": "sex", "known": True}, "abde"),
        ({"column": "kernel", "equals": "B30f"}, "ae"),
        ({"column": "kernel", "in": ["B30f", "b30f"]}, "ace"),
        ({"column": "complete", "equals": True}, "ade"),
        ({"column": "complete", "equals": False}, "b"),
        ({"column": "gaps", "equals": 0}, "ace"),
        ({"column": "gaps", "equals": "0"}, "ac"),
        ({"column": "gaps", "in": [1, 2]}, "b"),
        ({"column": "age_years", "at_least": 18}, "abe"),
        ({"column": "age_years", "between": [18, 90]}, "abe"),
        ({"column": "age_years", "between": [18.1, 89]}, "e"),
        ({"column": "thickness_mm", "between": [0, 3]}, "ace"),
        ({"column": "thickness_mm", "at_least": -5}, "abce"),
    ],
)
def test_each_rule_includes_only_scans_that_meet_it(five, rule, expected):
    assert kept(five, criterion(**rule)) == expected


def test_an_exclusion_contains_the_requirement_and_the_value(five):
    both = criteria.read(
        [
            criterion(column="age_years", between=[18, 89]),
            {**criterion(column="kernel", **{"in": ["B30f", "Br40"]}), "name": "soft"},
        ]
    )

    rows = failed_criteria(five, both).astype(object).fillna("nothing")

    assert list(rows[["scan_id", "criterion", "found", "limit"]].itertuples(index=False, name=None)) == [
        ("b", "it", "90.0", "18 to 89"),
        ("b", "soft", "B70f", "one of B30f, Br40"),
        ("c", "it", "17.9", "18 to 89"),
        ("c", "soft", "b30f", "one of B30f, Br40"),
        ("d", "it", "nothing", "18 to 89"),
        ("d", "soft", "nothing", "one of B30f, Br40"),
    ]


def test_short_forms_are_equivalent_to_full_criteria(five):
    short = criteria.read(["age_known", "complete", "contrast_enhanced"])
    full = criteria.read([{"name": name, **criteria.SHORT_FORMS[name]} for name in criteria.SHORT_FORMS])

    assert short == full
    assert [part.words for part in short] == ["known", "true", "true"]
    assert kept(five, "age_known", "complete", "contrast_enhanced") == "ae"


# One scan per patient


@pytest.mark.parametrize(
    ("which", "by", "expected"),
    [("first", "day", "bc"), ("last", "day", "ac"), ("first", "age_years", "ac"), ("last", "age_years", "bc")],
)
def test_the_first_or_last_scan_of_each_patient_is_selected(five, which, by, expected):
    assert kept(five, criterion(one_per_patient=which, by=by)) == expected


def test_the_scan_of_a_patient_is_selected_among_scans_that_meet_all_other_criteria(five):
    one, adult = (
        criterion(one_per_patient="first", by="day"),
        {**criterion(column="complete", equals=True), "name": "whole"},
    )

    assert kept(five, one, adult) == kept(five, adult, one) == "ad"
    rows = failed_criteria(five, criteria.read([one, adult]))
    assert dict(zip(rows["scan_id"], rows["criterion"], strict=True)) == {"b": "whole", "c": "whole", "e": "it"}


@pytest.mark.parametrize(("which", "expected"), [("first", "x1"), ("last", "x2")])
def test_scans_with_equal_or_missing_values_are_ordered_by_id(tmp_path, which, expected):
    same = scans(tmp_path, *[f"{scan},p,60,,,,,,," for scan in ("x2", "x1")])
    empty = scans(tmp_path, *[f"{scan},p,,,,,,,," for scan in ("x2", "x1")])

    assert kept(same, criterion(one_per_patient=which)) == kept(empty, criterion(one_per_patient=which)) == expected


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_scan_without_a_value_is_selected_only_if_no_scan_has_a_value(tmp_path, which):
    registry = scans(tmp_path, "a,p,,,,,,,,", "b,p,60,,,,,,,", "c,q,,,,,,,,")

    assert kept(registry, criterion(one_per_patient=which)) == "bc"


def test_a_scan_without_a_patient_id_fails_one_scan_per_patient(tmp_path):
    registry = scans(tmp_path, "a,,60,,,,,,,", "b,q,60,,,,,,,")

    rows = failed_criteria(registry, criteria.read([criterion(one_per_patient="first")]))

    assert rows["scan_id"].to_list() == ["a"]
    assert rows["found"].isna().all()
    assert rows["limit"].to_list() == ["first scan of the patient by age_years"]


# The flow and the overlap


def test_the_overlap_counts_pairs_and_its_diagonal_all_failures(five):
    three = criteria.read(["age_known", "complete", {**criterion(column="kernel", equals="B30f"), "name": "soft"}])
    exclusions = failed_criteria(five, three)

    overlap = count_overlap(exclusions, three)

    matrix = overlap.pivot_table(index="order", columns="other_order", values="n_both").to_numpy().tolist()
    assert matrix == [[1, 0, 1], [0, 2, 2], [1, 2, 3]]
    assert overlap_text(overlap).splitlines()[0].split() == ["age_known", "complete", "soft"]
    assert overlap_text(overlap).splitlines()[2].split() == ["complete", "0", "2", "2"]
    flow = count_flow(five, exclusions, three)
    assert flow["n_removed"].to_list() == [1, 2, 0]
    assert flow["sentence"].to_list() == ["Age not known", "Images incomplete", "Not so"]


def test_the_overlap_is_empty_without_criteria(five):
    assert count_overlap(failed_criteria(five, []), []).empty


# Rejected criteria


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["adult"], "'adult' is not one of age_known, complete, contrast_enhanced; define other criteria with name"),
        (["completed"], "did you mean complete?"),
        (
            [criterion(column="sex")],
            "criterion it requires exactly one of the rules known, equals, in, between, at_least, one_per_patient;"
            " rules found: none; use one rule, for example",
        ),
        ([criterion(column="sex", known=True, equals="male")], "rules found: known, equals"),
        ([criterion(known=True)], "criterion it requires the key `column`"),
        ([criterion(column="age_years", known=True, by="day")], "must not contain the key `by`"),
        (
            [criterion(column="age_years", between=[90, 18])],
            "criterion it: lower limit 90 exceeds upper limit 18; swap the limits: between: [18, 90]",
        ),
        (["complete", "complete"], "each criterion requires a unique name, found more than once: complete"),
        (
            [criterion(one_per_patient="first"), {**criterion(one_per_patient="last"), "name": "two"}],
            "only one criterion can use the rule one_per_patient",
        ),
    ],
)
def test_an_ambiguous_criterion_is_rejected(entries, expected):
    with pytest.raises(ContractError) as refused:
        criteria.read(entries)

    assert str(refused.value).startswith("cohort.criteria.")
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"name": "x"}, "cohort.criteria.0.sentence: missing key"),
        (
            {"name": "a b", "sentence": "s", "column": "c", "known": True},
            "cohort.criteria.0.name: 'a b' does not match",
        ),
        ({"name": "x", "sentence": "s", "column": "c", "atleast": 3}, "atleast: unknown key; did you mean 'at_least'?"),
        ({"name": "x", "sentence": "s", "column": "c", "known": False}, "cohort.criteria.0.known: True was expected"),
        ({"name": "x", "sentence": "s", "column": "c", "between": [1]}, "cohort.criteria.0.between: [1] is too short"),
        ({"name": "x", "sentence": "s", "one_per_patient": "best"}, "'best' is not one of ['first', 'last']"),
        ("adult", "cohort.criteria.0: 'adult' is not one of ['age_known', 'complete', 'contrast_enhanced'] (any other"),
    ],
)
def test_a_misspelled_criterion_is_reported_with_its_place(entry, expected):
    with pytest.raises(ContractError) as refused:
        configuration.section("cohort", config_file(cohort={"criteria": [entry]}))

    assert expected in str(refused.value)


def test_a_missing_column_is_reported(five):
    with pytest.raises(ContractError, match="criterion it requires column z_extent_mm, found scan_id, "):
        included(five, criteria.read([criterion(column="z_extent_mm", at_least=300)]))


def test_a_word_instead_of_a_number_is_rejected_with_the_scan(tmp_path):
    registry = scans(tmp_path, "a,,,,,,,thin,,", "b,,,,,,,3,,")

    with pytest.raises(
        ContractError,
        match=r"requires numbers in column thickness_mm; rows with other values: 1, first: 'a' \('thin'\)",
    ):
        included(registry, criteria.read([criterion(column="thickness_mm", at_least=1)]))
    missing = scans(tmp_path, "a,,,,,,,thin,,", "b,,,,,,,3,,", missing=["thin"])
    assert kept(missing, criterion(column="thickness_mm", at_least=1)) == "b"


# Registry and headers


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ("registry", {"a": True, "b": True, "c": None, "d": False}),
        ("headers", {"a": True, "b": False, "c": False, "d": None}),
        ("registry_first", {"a": True, "b": True, "c": False, "d": False}),
        ("headers_first", {"a": True, "b": False, "c": False, "d": False}),
        ("agreed", {"a": True, "b": None, "c": False, "d": False}),
    ],
)
def test_the_setting_selects_the_registry_or_the_headers(tmp_path, rule, taken):
    registry = scans(
        tmp_path,
        *("a,1,true,true", "b,1,true,false", "c,1,,false", "d,1,no,"),
        header="scan_id,age_years,contrast,contrast_header",
        contrast_from=rule,
    )

    found = dict(zip(registry["scan_id"], registry["contrast"].astype(object), strict=True))

    assert {scan: None if value is pd.NA else value for scan, value in found.items()} == taken


def test_a_row_contains_the_differing_values_and_the_selected_value(tmp_path):
    registry = scans(
        tmp_path,
        *("a,1,true,false,no,yes", "b,1,true,true,true,true", "c,1,true,,false,true"),
        header="scan_id,age_years,contrast,contrast_header,complete,complete_header",
        contrast_from="headers_first",
    )

    notes = registry["source_conflict"].fillna("none").to_list()

    assert notes == [
        "complete: registry false, headers true, selected false;"
        " contrast: registry true, headers false, selected false",
        "none",
        "complete: registry false, headers true, selected false",
    ]
    rows = failed_criteria(registry, criteria.read(["complete", "contrast_enhanced"]))
    assert rows["found"].to_list() == [
        "false (registry false, headers true, selected false)",
        "false (registry true, headers false, selected false)",
        "false (registry false, headers true, selected false)",
    ]


def test_a_contradiction_is_a_missing_value_if_both_sources_must_agree(tmp_path):
    registry = scans(
        tmp_path, "a,1,true,false", header="scan_id,age_years,contrast,contrast_header", contrast_from="agreed"
    )

    [row] = failed_criteria(registry, criteria.read(["contrast_enhanced"])).to_dict("records")

    assert row["found"] == "unknown (registry true, headers false, selected unknown)"
