"""Age at the examination from PatientAge or from the dates of birth and examination; unknown ages have a reason.

Ages are in years. A PatientAge in days, weeks, or months is converted; two dates yield completed years or, below the
age of two years, completed months.
"""

import re
from dataclasses import dataclass
from datetime import date

from ctpop.contracts.columns import OLDEST_YEARS
from ctpop.study.codings import UNITS_PER_YEAR

# SOURCE: DICOM PS3.5, 6.2, value representation AS: three digits and D, W, M, or Y. Scanners and de-identification
# software also write fewer digits, lowercase letters, blanks, or no unit.
FORM = re.compile(r"(\d{1,3})\s*([DWMY]?)")
DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
MONTHS_OF_INFANTS = 24
FIRST_BIRTH_YEAR = 1900  # no patient born earlier underwent CT of the body; 1899-12-30 is day 0 of spreadsheets
MOST_APART_YEARS = 1.5  # PatientAge is in completed years and is not always entered on the day of the study


@dataclass(frozen=True)
class Age:
    """Age at the examination in years, its source, and a code of `AGE_REASONS`."""

    years: float | None
    source: str | None
    reason: str


def age_of(age: str | None, birth: str | None, examination: str | None) -> Age:
    """Return the age from PatientAge or, if PatientAge contains no age, from the dates of birth and examination.

    PatientAge has priority because de-identification software often replaces the date of birth. If both ages are
    available and differ by more than 1.5 years, the reason records the difference.
    """
    stated, failure = parse_age(age)
    counted = completed_years(parse_date(birth), parse_date(examination))
    if stated is None:
        return Age(counted, None if counted is None else "dates", failure)
    apart = counted is not None and abs(stated - counted) > MOST_APART_YEARS
    return Age(stated, "patient_age", "disagrees_with_dates" if apart else failure)


def parse_age(text: str | None) -> tuple[float | None, str]:
    """Return the years of an AS value and `ok` or `no_unit`, or None and the reason (another code of `AGE_REASONS`).

    A number without a unit is interpreted as years (ASSUME: ages in months are not written without a unit). Zero is a
    placeholder (ASSUME: PS3.5 provides days for newborns, and de-identification software writes 000D to 000Y far more
    often).
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
    """Return the date of a DA value, with or without periods or hyphens, or None if the text is not a date."""
    form = DATE.fullmatch((text or "").strip(" \0"))
    try:
        return date(int(form[1]), int(form[2]), int(form[3])) if form else None
    except ValueError:  # for example, February 31
        return None


def is_placeholder(day: date) -> bool:
    """Return whether a date of birth is a placeholder that programs write for an unknown date."""
    return day.year < FIRST_BIRTH_YEAR or (day.year, day.month, day.day) in {(1900, 1, 1), (1901, 1, 1)}


def completed_years(birth: date | None, examination: date | None) -> float | None:
    """Return completed years, or completed months below two years; None outside 0 to 120 years.

    Equal dates do not yield an age (ASSUME: software that writes the same date into all elements is far more common
    than CT of a newborn).
    """
    if birth is None or examination is None or birth == examination or is_placeholder(birth):
        return None
    months = (examination.year - birth.year) * 12 + examination.month - birth.month - (examination.day < birth.day)
    if not 0 <= months <= OLDEST_YEARS * 12:
        return None
    return round(months / 12, 4) if months < MONTHS_OF_INFANTS else float(months // 12)
