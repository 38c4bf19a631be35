"""Tests of ages: all formats of scanners and de-identification software are read, or the age has a reason."""

from datetime import date

import pytest

from ctpop.contracts import dicom_codes
from ctpop.stages.dicom import ages
from ctpop.stages.dicom.ages import Age, age_of, completed_years, parse_age, parse_date


@pytest.mark.parametrize(
    ("text", "years", "reason"),
    [
        ("060Y", 60.0, "ok"),
        ("042y", 42.0, "ok"),
        ("018M", 1.5, "ok"),
        ("006W", pytest.approx(42 / 365.25, abs=1e-4), "ok"),
        ("001D", pytest.approx(1 / 365.25, abs=1e-4), "ok"),
        ("000D", None, "placeholder"),
        ("7 Y", 7.0, "ok"),
        (" 60Y \0", 60.0, "ok"),
        ("47", 47.0, "no_unit"),
        ("120Y", 120.0, "ok"),
        ("", None, "empty"),
        (None, None, "empty"),
        ("   ", None, "empty"),
        ("N-A", None, "unreadable"),
        ("Y", None, "unreadable"),
        ("-05Y", None, "unreadable"),
        ("60.5Y", None, "unreadable"),
        ("0060Y", None, "unreadable"),
        ("155Y", None, "out_of_range"),
        ("121Y", None, "out_of_range"),
        ("999", None, "out_of_range"),
    ],
)
def test_patient_age_is_parsed_with_a_reason(text, years, reason):
    assert parse_age(text) == (years, reason)
    assert reason in dicom_codes.AGE_REASONS


def test_age_from_dates_is_in_completed_years():
    birth = date(1950, 6, 15)

    assert completed_years(birth, date(2010, 6, 14)) == 59
    assert completed_years(birth, date(2010, 6, 15)) == 60
    assert completed_years(date(2008, 2, 29), date(2018, 2, 28)) == 9
    assert completed_years(date(2009, 1, 31), date(2010, 1, 30)) == pytest.approx(11 / 12, abs=1e-4)


def test_implausible_dates_yield_no_age():
    assert completed_years(date(2010, 1, 2), date(2010, 1, 1)) is None
    assert completed_years(date(1850, 1, 1), date(2010, 1, 1)) is None
    assert completed_years(None, date(2010, 1, 1)) is None
    assert completed_years(date(2010, 1, 1), date(2010, 1, 1)) is None
    assert completed_years(date(2010, 1, 1), date(2010, 1, 2)) == 0


@pytest.mark.parametrize("text", ["19500615", "1950.06.15", "1950-06-15", " 19500615 "])
def test_dates_in_older_formats_are_parsed(text):
    assert parse_date(text) == date(1950, 6, 15)


@pytest.mark.parametrize("text", ["", None, "1950", "19500231", "00000000", "unknown", "1950061"])
def test_invalid_dates_are_none(text):
    assert parse_date(text) is None


def test_patient_age_has_priority_over_dates():
    dates = ("19500615", "20100615")

    assert age_of("060Y", *dates) == Age(60.0, "patient_age", "ok")
    assert age_of("N-A", *dates) == Age(60.0, "dates", "unreadable")
    assert age_of("155Y", *dates) == Age(60.0, "dates", "out_of_range")
    assert age_of("", "", "20100615") == Age(None, None, "empty")


def test_disagreement_of_age_and_dates_is_recorded():
    assert age_of("040Y", "19500615", "20100615") == Age(40.0, "patient_age", "disagrees_with_dates")
    assert age_of("059Y", "19500615", "20100615").reason == "ok"
    assert ages.MOST_APART_YEARS == 1.5
