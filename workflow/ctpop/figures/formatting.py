"""Printed forms of numbers and codes, with true minus signs: in the style of the original study or in AMA style.

SOURCE: AMA Manual of Style, 11th ed. 2020, 18.7.1 (a zero before the decimal point except in P, alpha, and beta) and
19.5 (two digits for P; three below .01 and where two digits would round a smaller value to .05; `P < .001` and
`P > .99` as limits).
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from ctpop.contracts.reasons import EXCLUSION_REASONS, FAILED, VERDICT_REASONS, MeasureStatus, Reason
from ctpop.study.display_names import DisplayName, shipped_or_words, without_side, words_of

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
MISSING = "\N{EN DASH}"
P_FLOORS = {  # smaller P values are printed as `P < floor`
    "paper": 0.0001,  # SOURCE: Radiol Artif Intell 2023;5(5):e230024
    "ama": 0.001,
}
STYLES = tuple(P_FLOORS)
CLOSE_TO_5_PERCENT = (0.045, 0.05)  # rounds to .05 with two digits (AMA)

NOT_MEASURED = {status.name: status.label for status in (*FAILED, *MeasureStatus) if not status.usable}
REASONS = {reason.name: reason.label for reason in VERDICT_REASONS}
EXCLUSIONS = {reason.name: reason.label for reason in EXCLUSION_REASONS}
LEFT_OUT_BY_REVIEWER = "Excluded by a reviewer"
REVIEWED = {  # QC decisions on individual structures, in the order of the flow diagram
    reason.name: reason.reviewed or ""
    for reason in (Reason.reviewer_excluded, Reason.reviewer_kept, Reason.absent_known)
}
LOOKS = {
    "enhanced": "enhanced",
    "unenhanced": "unenhanced",
    "unclear": "unclear",
    "not_measured": "not measured",
}
SEXES = {"female": "Women", "male": "Men", "": "Sex not recorded"}
SEX_WORDS = {
    "female": ("woman", "women"),
    "male": ("man", "men"),
    "": ("of unrecorded sex", "of unrecorded sex"),
}
RULE_SETS = {"none": "No rules", "paper": "Lower bounds only", "strict": "All rules", "study": "This study"}
ANALYSES = {
    **RULE_SETS,
    "eroded": "Eroded attenuation",
    "one_scan_per_patient": "One scan per patient",
    "patients_equally_weighted": "Equal weight of patients",
    "uniform_age": "Uniform age distribution",
}
AGREEMENTS = {
    "equivalent": "equivalent",
    "different": "different",
    "inconclusive": "inconclusive",
    "not_comparable": "not comparable",
    "not_reported": "not reported",
    "not_measured_here": "not measured in this study",
    "not_counted": "not assessed",
}
NO_CURVES = {  # reasons for missing centile curves
    "too_few": "too few values",
    "all_equal": "all values equal",
    "few_ages": "too few different ages",
    "not_positive": "volume of 0",
    "not_converged": "fit did not converge",
    "too_few_values": "too few different values",
    "deterministic": "no variation between patients",
    "at_limit": "no model fits",
}
MEASURES = {"volume_ml": "Volume", "hu_mean": "Attenuation"}
AXES = {"volume_ml": "Volume (mL)", "hu_mean": "Mean attenuation (HU)"}
COVARIATES = {
    "height_cm": "height",
    "kvp": "tube voltage",
    "phase": "contrast phase",
    "year": "year of the scan",
    "none": "no covariate",
}

_STYLE: ContextVar[str] = ContextVar("style", default="paper")
_NAMES: ContextVar[Mapping[str, DisplayName]] = ContextVar("names")


@contextmanager
def named_by(names: Mapping[str, DisplayName]) -> Iterator[None]:
    """Show structures within this context by the names of a label set."""
    before = _NAMES.set(names)
    try:
        yield
    finally:
        _NAMES.reset(before)


def names_in_use() -> dict[str, DisplayName]:
    """Return the names of the label set in use."""
    return dict(_NAMES.get({}))


def structure_name(structure: str) -> str:
    """Return the name of a structure within a sentence: `hip_left` is `left hip bone`."""
    return _names_of(structure).name


def structure_text(structure: str) -> str:
    """Return the name of a structure with a capital letter: `hip_left` is `Left hip bone`."""
    return _capitalized(structure_name(structure))


def structure_abbreviation(structure: str) -> str:
    """Return the abbreviation of a structure with a capital letter: `hip_left` is `L hip bone`."""
    return _capitalized(_names_of(structure).abbreviation)


def pair_text(structure: str) -> str:
    """Return the name of both sides of a structure: `hip_left` and `hip_right` are `Hip bones`."""
    plural = _names_of(structure).plural
    both = without_side(plural)
    return _capitalized(both if both != plural else without_side(words_of(structure)))


def group_text(group: str) -> str:
    """Return a name or label with a capital first letter."""
    return _capitalized(group)


def _names_of(structure: str) -> DisplayName:
    return _NAMES.get({}).get(structure) or shipped_or_words(structure)


def _capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]


def number(value: float, decimals: int = 0) -> str:
    """Return a number with a true minus sign and thousands separators; a missing number is a dash."""
    if math.isnan(value):
        return MISSING
    return _signed(f"{value:,.{decimals}f}")


@contextmanager
def printed_in(style: str) -> Iterator[None]:
    """Print numbers in the style `paper` or `ama` within this context; the default style is `paper`."""
    before = _STYLE.set(style)
    try:
        yield
    finally:
        _STYLE.reset(before)


def style_in_use() -> str:
    """Return the style in which numbers are printed."""
    return _STYLE.get()


def coefficient(value: float, decimals: int = 2) -> str:
    """Return a correlation or proportion: −.61 in the style of the original study, −0.61 in AMA style."""
    text = number(value, decimals)
    return text if _STYLE.get() == "ama" else _bare(text)


def tick(value: float) -> str:
    """Return the label of an axis tick without trailing zeros: −1, −.5, 0."""
    text = _signed(f"{value:g}")
    return text if _STYLE.get() == "ama" else _bare(text)


def p_text(p: float, name: str = "P") -> str:
    """Return `P < .0001`, `P = .023`, or `P > .99`: two significant digits and at most four decimals.

    AMA style prints `P < .001` and `P = .02`, with three decimals below .01 and from .045 to .05.
    """
    style = _STYLE.get()
    if math.isnan(p):
        return f"{name} not computed"
    if p < P_FLOORS[style]:
        return f"{name} < {level(P_FLOORS[style])}"
    if p > 0.99:
        return f"{name} > .99"
    decimals = _decimals_ama(p) if style == "ama" else min(4, 1 - math.floor(math.log10(p)))
    return f"{name} = {_bare(number(p, decimals))}"


def p_cell(p: float) -> str:
    """Return a P value for a table cell: `<.0001` or `.023`; a missing value is a dash."""
    return MISSING if math.isnan(p) else p_text(p, "").replace(" ", "").lstrip("=")


def interval(low: float, high: float, decimals: int = 2) -> str:
    """Return the limits of a confidence interval: `−.68, −.53`; missing limits are a dash."""
    if math.isnan(low) or math.isnan(high):
        return MISSING
    return f"{coefficient(low, decimals)}, {coefficient(high, decimals)}"


def level(alpha: float) -> str:
    """Return a significance level without trailing zeros: `.05`, `.0001`."""
    return f"{alpha:.12f}".rstrip("0").lstrip("0")


def percent(share: float) -> str:
    """Return a proportion as a percentage: `95%` for 0.95, `99.9%` for 0.999."""
    return f"{100 * share:.4g}%"


def count(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 scan`, `4,004 scans`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def scans_of_patients(n: float, n_patients: float, *, both: bool = False) -> str:
    """Return `320 scans of 80 patients`, or only the number of scans if each scan is of a different patient.

    With `both`, the number of patients is always included, as in a study in which some patients have several scans.
    """
    if n == n_patients and not both:
        return f"{int(n):,}"
    return f"{count(int(n), 'scan')} of {count(int(n_patients), 'patient')}"


def scans_in_words(n: int, n_patients: int) -> str:
    """Return `320 scans of 80 patients`, or `320 scans` if each scan is of a different patient."""
    return count(n, "scan") if n == n_patients else scans_of_patients(n, n_patients)


def scans_and_patients(n: float, n_patients: float, *, both: bool) -> str:
    """Return the number of scans, followed by the number of patients in parentheses if `both`: `320 (80)`.

    `both` is the same for all numbers of a figure.
    """
    return f"{int(n):,} ({int(n_patients):,})" if both else f"{int(n):,}"


def listed(items: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b, and c`."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


def covariates_in_words(names: str) -> str:
    """Return the covariates of a set in words: `sex and height` for `sex + height_cm`."""
    return listed([COVARIATES.get(name, name.replace("_", " ")) for name in names.split(" + ")])


def _decimals_ama(p: float) -> int:
    low, high = CLOSE_TO_5_PERCENT
    return 3 if p < 0.01 or low <= p < high else 2


def _bare(text: str) -> str:
    return re.sub(r"(?<!\d)0\.", ".", text)


def _signed(text: str) -> str:
    unsigned = text.lstrip("-")
    negative = text.startswith("-") and unsigned.strip("0.,") != ""
    return f"{MINUS}{unsigned}" if negative else unsigned
