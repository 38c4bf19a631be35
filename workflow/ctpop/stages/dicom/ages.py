"""Age at the examination, from PatientAge or from two dates, or not known for a stated reason.

No date leaves this module: only whole years, or months below the age of two, as PatientAge has them.
"""

import re
from dataclasses import dataclass
from datetime import date

from ctpop.contracts.columns import OLDEST_YEARS
from ctpop.study.codings import UNITS_PER_YEAR

# SOURCE: DICOM PS3.5, 6.2, value representation AS: three digits and D, W, M or Y. Scanners and anonymisers also write
# fewer digits, small letters, blanks, and no unit at all.
FORM = re.compile(r"(\d{1,3})\s*([DWMY]?)")
DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
MONTHS_OF_INFANTS = 24
FIRST_BIRTH_YEAR = 1900  # nobody born before had a CT of the body; 1899-12-30 is day 0 of spreadsheets
MOST_APART_YEARS = 1.5  # PatientAge counts completed years, and is entered at another day than that of the study


@dataclass(frozen=True)
class Age:
    """Years at the examination, where they come from, and what to know of them (a code of `AGE_REASONS`)."""

    years: float | None
    source: str | None
    reason: str


def age_of(age: str | None, birth: str | None, examination: str | None) -> Age:
    """Return the age by PatientAge, or by the dates of birth and examination where that has none.

    PatientAge comes first, because anonymisers often replace the date of birth by another one. Where both are there and
    do not agree, the reason says so.
    """
    stated, failure = parse_age(age)
    counted = completed_years(parse_date(birth), parse_date(examination))
    if stated is None:
        return Age(counted, None if counted is None else "dates", failure)
    apart = counted is not None and abs(stated - counted) > MOST_APART_YEARS
    return Age(stated, "patient_age", "disagrees_with_dates" if apart else failure)


def parse_age(text: str | None) -> tuple[float | None, str]:
    """Return the years of an AS field and `ok` or `no_unit`, or nothing and why (another code of `AGE_REASONS`).

    A number without a unit is taken as years (ASSUME): nobody writes 47 for months. Zero is taken as a placeholder
    (ASSUME): PS3.5 has days for the newborn, and 000D to 000Y come from anonymisers far more often.
    """
    words = (text or "").strip(" \0").upper()
    if not words:
        return None, "empty"
    form = FORM.fullmatch(words)
    if form is None:
        return None, "unreadable"
    years = round(int(form[1]) / UNITS_PER_YEAR[(form[2] or "Y").lower()], 4)
    if years == 0:
        return None, "placeholder"
    if years > OLDEST_YEARS:
        return None, "out_of_range"
    return years, "ok" if form[2] else "no_unit"


def parse_date(text: str | None) -> date | None:
    """Return the day of a DA field, also with points or dashes, or nothing if it is none."""
    form = DATE.fullmatch((text or "").strip(" \0"))
    try:
        return date(int(form[1]), int(form[2]), int(form[3])) if form else None
    except ValueError:  # as the 31st of February
        return None


def is_placeholder(day: date) -> bool:
    """Return whether a date of birth is one that programs write in place of an unknown one."""
    return day.year < FIRST_BIRTH_YEAR or (day.year, day.month, day.day) in {(1900, 1, 1), (1901, 1, 1)}


def completed_years(birth: date | None, examination: date | None) -> float | None:
    """Return completed years, or completed months below two years; nothing outside 0 to 120 years.

    Equal dates are no age (ASSUME): an anonymiser has put one day everywhere, far more often than a newborn has a CT.
    """
    if birth is None or examination is None or birth == examination or is_placeholder(birth):
        return None
    months = (examination.year - birth.year) * 12 + examination.month - birth.month - (examination.day < birth.day)
    if not 0 <= months <= OLDEST_YEARS * 12:
        return None
    return round(months / 12, 4) if months < MONTHS_OF_INFANTS else float(months // 12)
