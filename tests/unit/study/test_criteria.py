"""Criteria as data: each rule keeps and leaves out whom it should; what says nothing clear is refused."""

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


def asks(**rule):
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
def test_each_rule_keeps_who_is_known_to_meet_it(five, rule, expected):
    assert kept(five, asks(**rule)) == expected


def test_a_criterion_says_what_it_asks_and_what_it_found(five):
    asked = criteria.read(
        [
            asks(column="age_years", between=[18, 89]),
            {**asks(column="kernel", **{"in": ["B30f", "Br40"]}), "name": "soft"},
        ]
    )

    rows = failed_criteria(five, asked).astype(object).fillna("nothing")

    assert list(rows[["scan_id", "criterion", "found", "limit"]].itertuples(index=False, name=None)) == [
        ("b", "it", "90.0", "18 to 89"),
        ("b", "soft", "B70f", "one of B30f, Br40"),
        ("c", "it", "17.9", "18 to 89"),
        ("c", "soft", "b30f", "one of B30f, Br40"),
        ("d", "it", "nothing", "18 to 89"),
        ("d", "soft", "nothing", "one of B30f, Br40"),
    ]


def test_the_short_forms_of_the_paper_are_criteria_like_any_other(five):
    short = criteria.read(["age_known", "complete", "contrast_enhanced"])
    spelt = criteria.read([{"name": name, **criteria.SHORT_FORMS[name]} for name in criteria.SHORT_FORMS])

    assert short == spelt
    assert [criterion.words for criterion in short] == ["known", "true", "true"]
    assert kept(five, "age_known", "complete", "contrast_enhanced") == "ae"


# One scan per patient


@pytest.mark.parametrize(
    ("which", "by", "expected"),
    [("first", "day", "bc"), ("last", "day", "ac"), ("first", "age_years", "ac"), ("last", "age_years", "bc")],
)
def test_one_scan_per_patient_is_the_first_or_last_by_a_column(five, which, by, expected):
    assert kept(five, asks(one_per_patient=which, by=by)) == expected


def test_the_one_scan_is_chosen_among_those_that_meet_every_other_criterion_in_whatever_order(five):
    one, adult = asks(one_per_patient="first", by="day"), {**asks(column="complete", equals=True), "name": "whole"}

    assert kept(five, one, adult) == kept(five, adult, one) == "ad"
    rows = failed_criteria(five, criteria.read([one, adult]))
    assert dict(zip(rows["scan_id"], rows["criterion"], strict=True)) == {"b": "whole", "c": "whole", "e": "it"}


@pytest.mark.parametrize(("which", "expected"), [("first", "x1"), ("last", "x2")])
def test_scans_with_the_same_or_no_value_are_ordered_by_their_id(tmp_path, which, expected):
    same = scans(tmp_path, *[f"{scan},p,60,,,,,,," for scan in ("x2", "x1")])
    silent = scans(tmp_path, *[f"{scan},p,,,,,,,," for scan in ("x2", "x1")])

    assert kept(same, asks(one_per_patient=which)) == kept(silent, asks(one_per_patient=which)) == expected


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_scan_without_a_value_is_kept_only_if_no_other_has_one(tmp_path, which):
    registry = scans(tmp_path, "a,p,,,,,,,,", "b,p,60,,,,,,,", "c,q,,,,,,,,")

    assert kept(registry, asks(one_per_patient=which)) == "bc"


def test_a_scan_of_an_unrecorded_patient_is_not_known_to_be_the_only_one(tmp_path):
    registry = scans(tmp_path, "a,,60,,,,,,,", "b,q,60,,,,,,,")

    rows = failed_criteria(registry, criteria.read([asks(one_per_patient="first")]))

    assert rows["scan_id"].to_list() == ["a"]
    assert rows["found"].isna().all()
    assert rows["limit"].to_list() == ["first scan of the patient by age_years"]


# The flow and the overlap


def test_the_overlap_counts_each_pair_and_its_diagonal_all_who_fail(five):
    asked = criteria.read(["age_known", "complete", {**asks(column="kernel", equals="B30f"), "name": "soft"}])
    exclusions = failed_criteria(five, asked)

    overlap = count_overlap(exclusions, asked)

    matrix = overlap.pivot_table(index="order", columns="other_order", values="n_both").to_numpy().tolist()
    assert matrix == [[1, 0, 1], [0, 2, 2], [1, 2, 3]]
    assert overlap_text(overlap).splitlines()[0].split() == ["age_known", "complete", "soft"]
    assert overlap_text(overlap).splitlines()[2].split() == ["complete", "0", "2", "2"]
    flow = count_flow(five, exclusions, asked)
    assert flow["n_removed"].to_list() == [1, 2, 0]
    assert flow["sentence"].to_list() == ["Age not known", "Images incomplete", "Not so"]


def test_without_criteria_there_is_no_overlap(five):
    assert count_overlap(failed_criteria(five, []), []).empty


# Refusing


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        (["adult"], "'adult' is none of age_known, complete, contrast_enhanced; any other criterion has name"),
        (["completed"], "did you mean complete?"),
        (
            [asks(column="sex")],
            "it needs one rule out of known, equals, in, between, at_least, one_per_patient, found 0",
        ),
        ([asks(column="sex", known=True, equals="male")], "it needs one rule out of"),
        ([asks(known=True)], "it needs a column, and no `by`"),
        ([asks(column="age_years", known=True, by="day")], "it needs a column, and no `by`"),
        ([asks(column="age_years", between=[90, 18])], "it has the range [90, 18]: turn it round"),
        (["complete", "complete"], "each has a name of its own, found several complete"),
        ([asks(one_per_patient="first"), {**asks(one_per_patient="last"), "name": "two"}], "only one of them"),
    ],
)
def test_a_criterion_that_says_nothing_clear_is_refused(entries, told):
    with pytest.raises(ContractError) as refused:
        criteria.read(entries)

    assert str(refused.value).startswith("cohort.criteria: ")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "told"),
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
def test_a_misspelt_criterion_is_told_by_its_place(entry, told):
    with pytest.raises(ContractError) as refused:
        configuration.section("cohort", config_file(cohort={"criteria": [entry]}))

    assert told in str(refused.value)


def test_a_column_that_is_not_there_is_named(five):
    with pytest.raises(ContractError, match="criterion it needs column z_extent_mm, found scan_id, "):
        included(five, criteria.read([asks(column="z_extent_mm", at_least=300)]))


def test_a_word_where_a_number_is_needed_is_refused_with_its_scan(tmp_path):
    registry = scans(tmp_path, "a,,,,,,,thin,,", "b,,,,,,,3,,")

    with pytest.raises(
        ContractError, match=r"needs numbers in column thickness_mm, found 1 rows .* first 'a' \('thin'\)"
    ):
        included(registry, criteria.read([asks(column="thickness_mm", at_least=1)]))
    missing = scans(tmp_path, "a,,,,,,,thin,,", "b,,,,,,,3,,", missing=["thin"])
    assert kept(missing, asks(column="thickness_mm", at_least=1)) == "b"


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
def test_a_stated_rule_decides_between_registry_and_headers(tmp_path, rule, taken):
    registry = scans(
        tmp_path,
        *("a,1,true,true", "b,1,true,false", "c,1,,false", "d,1,no,"),
        header="scan_id,age_years,contrast,contrast_header",
        contrast_from=rule,
    )

    found = dict(zip(registry["scan_id"], registry["contrast"].astype(object), strict=True))

    assert {scan: None if value is pd.NA else value for scan, value in found.items()} == taken


def test_a_row_says_where_registry_and_headers_differ_and_what_was_taken(tmp_path):
    registry = scans(
        tmp_path,
        *("a,1,true,false,no,yes", "b,1,true,true,true,true", "c,1,true,,false,true"),
        header="scan_id,age_years,contrast,contrast_header,complete,complete_header",
        contrast_from="headers_first",
    )

    notes = registry["source_conflict"].fillna("none").to_list()

    assert notes == [
        "complete: registry false, headers true, taken as false;"
        " contrast: registry true, headers false, taken as false",
        "none",
        "complete: registry false, headers true, taken as false",
    ]
    rows = failed_criteria(registry, criteria.read(["complete", "contrast_enhanced"]))
    assert rows["found"].to_list() == [
        "false (registry false, headers true, taken as false)",
        "false (registry true, headers false, taken as false)",
        "false (registry false, headers true, taken as false)",
    ]


def test_where_both_differ_and_must_agree_the_row_says_that_nothing_is_known(tmp_path):
    registry = scans(
        tmp_path, "a,1,true,false", header="scan_id,age_years,contrast,contrast_header", contrast_from="agreed"
    )

    [row] = failed_criteria(registry, criteria.read(["contrast_enhanced"])).to_dict("records")

    assert row["found"] == "unknown (registry true, headers false, taken as unknown)"
