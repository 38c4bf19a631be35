"""Conversion of numbers, ages, sexes, and Boolean values in the notations of users."""

import re

import pandas as pd
import pytest

from ctpop.foundation.errors import ContractError
from ctpop.study import codings
from ctpop.study.registry_options import Reading
from ctpop.study.sentinels import refuse_sentinels


def numbers(*words, decimal=None):
    column = pd.Series(list(words), dtype="str").replace("", pd.NA)
    found, notes = codings.numbers_as_text(column, "x", "a.csv", decimal)
    return [None if pd.isna(word) else word for word in found], notes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["1.5", "2", "-3e5", ""], ["1.5", "2", "-3e5", None]),
        (["112,4", "98,6", "100"], ["112.4", "98.6", "100"]),
        (["0,123", "1,234"], ["0.123", "1.234"]),
        (["1.146,5", "98,25"], ["1146.5", "98.25"]),
        (["1,146.5", "98.25"], ["1146.5", "98.25"]),
        (["1,234,567", "1,234"], ["1234567", "1234"]),
        (["1.234.567", "1.234"], ["1234567", "1234"]),
        (["1 234", "12 345,5"], ["1234", "12345.5"]),
        (["1'234.5", "1’000.5"], ["1234.5", "1000.5"]),
        (["1\u00a0234,5", "2"], ["1234.5", "2"]),
        (["5", "NA", "-", "n/a", "#N/A", "nan"], ["5", None, None, None, None, None]),
    ],
)
def test_numbers_are_converted_to_a_decimal_point(words, expected):
    assert numbers(*words)[0] == expected


@pytest.mark.parametrize(
    "words", [["female", "1,5"], ["2024-05-31", "2"], ["A,1", "B,2"], ["1,2,3"], ["NA", "none"], ["1..5", "2"]]
)
def test_a_column_with_other_text_is_unchanged(words):
    assert numbers(*words) == (words, [])


def test_conversions_are_reported_once_per_column():
    assert numbers("112,4", "98,6", "NA")[1] == [
        "column x: words read as missing values: 'NA' (cells: 1)",
        "column x contains decimal commas: 112,4 is read as 112.4",
    ]


@pytest.mark.parametrize("words", [["1,234"], ["1,234", "987"], ["1,234", "2,345"]])
def test_an_ambiguous_comma_is_rejected_unless_a_setting_defines_it(words):
    with pytest.raises(ContractError, match=r"'1,234' is ambiguous \(1\.234 or 1234\); set the decimal mark"):
        numbers(*words)

    assert numbers(*words, decimal=",")[0][0] == "1.234"
    assert numbers(*words, decimal=".")[0][0] == "1234"


def test_two_decimal_marks_in_a_column_are_rejected():
    with pytest.raises(ContractError, match=r"column x contains two decimal marks, for example, '1,5' and '2\.25'"):
        numbers("1,5", "2.25")


@pytest.mark.parametrize(("words", "decimal"), [(["112,4"], "."), (["112.4", "98,6"], ",")])
def test_numbers_that_contradict_the_decimal_setting_are_rejected(words, decimal):
    with pytest.raises(ContractError, match="does not agree with the decimal mark"):
        numbers(*words, decimal=decimal)


@pytest.mark.parametrize(
    ("word", "years"),
    [
        ("45", 45),
        ("45Y", 45),
        ("045Y", 45),
        ("45.5 years", 45.5),
        ("540M", 45),
        ("052W", 52 * 7 / 365.25),
        ("730D", 730 / 365.25),
    ],
)
def test_ages_with_units_are_converted_to_years(word, years):
    assert codings.years_of(pd.Series([word]), "a.csv: age_years")[0].tolist() == [pytest.approx(years, rel=1e-12)]


@pytest.mark.parametrize("word", ["sixty", "45X", "Y45", "45Y3M", ""])
def test_other_texts_are_not_ages(word):
    assert codings.years_of(pd.Series([word]), "a.csv: age_years")[0].isna().all()


@pytest.mark.parametrize("codes", [["1", "2"], ["0", "1"], ["2"]])
def test_numeric_sex_codes_are_rejected_with_the_setting_that_defines_them(codes):
    with pytest.raises(ContractError, match=r"define each code, for example, cohort: \{values: \{sex: \{"):
        codings.sexes_of(pd.Series(codes), "a.csv: sex")


def test_words_for_sex_are_converted():
    words = pd.Series(["F", "m", "Female", "MALE", "weiblich", "x", None])

    assert codings.sexes_of(words, "a.csv: sex")[0].fillna("").tolist() == [
        *("female", "male", "female", "male", "female", "x", "")
    ]


@pytest.mark.parametrize(
    ("other", "words", "expected", "noted"),
    [
        (["1.516.400", "980.000"], ["210.200", "198.300"], ["210200", "198300"], "thousands separators"),
        (["1,516,400", "980,000"], ["210,200", "198,300"], ["210200", "198300"], "thousands separators"),
        (["96,5", "101,2"], ["1.516", "980"], ["1516", "980"], "thousands separators"),
        (["96.5", "101.2"], ["1,516", "980"], ["1516", "980"], "thousands separators"),
        (["96,5", "101,2"], ["1,516", "1,403"], ["1.516", "1.403"], "decimal commas"),
    ],
)
def test_an_ambiguous_number_is_read_according_to_the_other_columns(other, words, expected, noted):
    frame = pd.DataFrame({"other": other, "volume": words})

    found, notes = codings.with_numbers(frame, ["other", "volume"], "a.csv", Reading())

    assert found["volume"].tolist() == expected
    assert f"column volume contains {noted}: {words[0]} is read as {expected[0]}" in notes


@pytest.mark.parametrize("other", [["96.5", "101.2"], ["a", "b"]])
def test_three_decimals_after_a_point_are_decimals(other):
    frame = pd.DataFrame({"other": other, "hu": ["56.123", "110.400"]})

    assert codings.with_numbers(frame, ["other", "hu"], "a.csv", Reading())[0]["hu"].tolist() == ["56.123", "110.400"]


def test_three_decimals_in_a_column_with_integers_are_ambiguous():
    words = pd.Series(["1.516", "1.403", "1.612", "1.377", "1.498", "980"])

    with pytest.raises(ContractError, match=r"'1.516' is ambiguous \(1.516 or 1516\); set the decimal mark"):
        codings.numbers_as_text(words, "volume", "a.csv", None)


def test_points_are_thousands_separators_if_the_decimal_setting_is_a_comma():
    assert codings.numbers_as_text(pd.Series(["1.516", "980"]), "volume", "a.csv", ",")[0].tolist() == ["1516", "980"]


@pytest.mark.parametrize(
    ("words", "stands"),
    [
        (["1500.5", "1480.2", "9999", "9999"], "9999"),
        (["1500.5", "1480.2", "1310.7", "-999.0", "-999.0"], "-999.0"),
        (["150", "148", "999", "999"], "999"),
    ],
)
def test_repeated_nines_far_from_other_numbers_are_rejected(words, stands):
    with pytest.raises(ContractError, match=f"{re.escape(stands)} in 2 rows is probably a code for a missing value"):
        refuse_sentinels(pd.Series(words), "x", "a.csv")


@pytest.mark.parametrize(
    "words",
    [
        ["1500.5", "1480.2", "1310.7", "1222.2", "1333.3", "9999"],
        ["61.5", "55.2", "70.1", "66.6", "58.9", "-999"],
        ["1500", "1480", "1310", "1222", "1333", "9999"],
        ["61", "55", "70", "66", "58", "999"],
    ],
)
def test_a_single_number_of_nines_far_from_other_numbers_is_rejected(words):
    with pytest.raises(ContractError, match=f"{words[-1]} in 1 row is probably a code for a missing value"):
        refuse_sentinels(pd.Series(words), "x", "a.csv")


@pytest.mark.parametrize(
    ("words", "stands"),
    [
        (["61.5", "55.2", "-1", "-1"], "-1"),
        (["61.5", "-20.3", "-99.0", "-99.0"], "-99.0"),
        (["26", "31", "-9", "-9"], "-9"),
        (["26.1", "31.5", "888", "888"], "888"),
    ],
)
def test_other_common_codes_for_missing_values_are_rejected(words, stands):
    with pytest.raises(ContractError, match=f"{re.escape(stands)} in 2 rows is probably a code for a missing value"):
        refuse_sentinels(pd.Series(words), "x", "a.csv")


def test_notations_of_one_number_are_reported_together():
    with pytest.raises(ContractError, match=re.escape("-9 or -9.0 in 2 rows is probably a code")) as refused:
        refuse_sentinels(pd.Series(["26.5", "31.5", "-9", "-9.0"]), "Fat (%)", "a.csv", "cohort")
    assert 'cohort: {values: {"Fat (%)": {"-9": null, "-9.0": null}}}' in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        ["980", "999", "999", "1020"],
        ["900", "999", "999"],
        ["1.5", "999"],
        ["-850.5", "-790.2", "-99", "-888", "-888"],
        ["0.4", "-0.7", "-1", "-1"],
        ["0", "1", "2", "-1", "-1"],
        ["-900.1", "-850.2", "-800.5", "-870.5", "-820.9", "-999"],
        ["61.5", "-98.2", "-99.0", "-99.0", "140.1"],
        [*map(str, range(5, 60)), "-8", "-8"],
        [*map(str, range(31)), "-9", "-9", "-9"],
        ["0.5", "12.5", "3.4", "8.1", "-8", "-8"],
        ["120.5", "100.2", "300.7", "-1", "-1"],
        ["100", "150", "200", "250", "280", "300", "999"],
    ],
)
def test_plausible_nines_are_accepted(words):
    refuse_sentinels(pd.Series(words), "x", "a.csv")


def test_words_for_missing_values_are_missing_and_reported():
    notes: list[str] = []

    found = codings.without_missing(pd.Series(["F", "unbekannt", "?"]), "a.csv: sex", notes)

    assert found.isna().tolist() == [False, True, True]
    assert notes == ["a.csv: sex: words read as missing values: '?', 'unbekannt' (cells: 2)"]
