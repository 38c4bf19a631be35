"""Phrases of the manuscript: counts with percentages, lists, age groups, exclusions, and screening rules.

SOURCE: AMA Manual of Style, 11th ed. 2020, 18.1.1 (no comma in numbers of four digits) and 8.2.1 (serial comma).
"""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ctpop.figures.formatting import MEASURES, SEX_WORDS, count, listed, percent, scans_of_patients
from ctpop.stages.report import summaries
from ctpop.stages.report.finished_study import EVIDENCE, FinishedStudy
from ctpop.stages.report.provenance import ABSENT
from ctpop.study import rule_sets
from ctpop.study.patients import distinct, patient_numbers

ROUNDING = 1e-9  # halves are rounded up: Python rounds them to even digits, and 1 of 200 would be 0%
WHOLE_PERCENT_BELOW = 1000  # percentages of larger denominators have one decimal
SENTENCES = {  # the measures that a rule excludes, and the start of a sentence on its condition
    frozenset(MEASURES): "The volume and attenuation of a structure were excluded",
    frozenset({"volume_ml"}): "Only the volume of a structure was excluded",
    frozenset({"hu_mean"}): "Only the attenuation of a structure was excluded",
    frozenset(): "A structure was flagged, and its values were retained,",
}
CONDITIONS = {  # in the order of the sentence; words in braces are limits of the rule
    "padding": "more than {share_above} of its voxels were in image padding",
    "truncated": "it was truncated by the field of view",
    "below_bound": "its volume was below a lower bound",
    "fragmented": "less than {largest_share_below} of its voxels belonged to its largest connected component",
    "laterality": "its center of mass was more than {wrong_side_mm_above} mm across the midline on the opposite side",
    "asymmetric": (
        "the asymmetry index of the pair, (left − right)/(left + right), differed from the median of the cohort by more"
        " than {robust_z_above} times the scaled median absolute deviation (if at least {pairs_at_least} pairs were"
        " available)"
    ),
    "above_bound": "its volume was above an upper plausibility limit",
    "unequal_sides": "its volume and the contralateral volume differed by a factor of more than {ratio_above}",
}
PACKAGES = {
    "numpy": "NumPy",
    "scipy": "SciPy",
    "statsmodels": "statsmodels",
    "pandas": "pandas",
    "nibabel": "NiBabel",
    "matplotlib": "Matplotlib",
}
PERCENTAGES = ("share_above", "largest_share_below")


def share(n: int, whole: int) -> str:
    """Return n as a percentage: `96%`, `97.8%` of 1000 or more; `<1%` and `>99%` where 0% and 100% would be wrong."""
    decimals = 0 if whole < WHOLE_PERCENT_BELOW else 1
    step = 10.0**-decimals
    exact = 100 * n / whole
    if n in (0, whole):
        return f"{exact:.0f}%"
    if exact < step / 2:
        return f"<{step:.{decimals}f}%"
    if exact >= 100 - step / 2:
        return f">{100 - step:.{decimals}f}%"
    return f"{exact + ROUNDING:.{decimals}f}%"


def part(n: int, whole: int, one: str) -> str:
    """Return `671 of 700 volumes (96%)`, `all 700 volumes`, `both volumes`, `none of 700 volumes`, `0 of 1 volume`."""
    words = count(whole, one)
    if n == 0:
        return f"{'0' if whole == 1 else 'none'} of {words}"
    if n == whole:
        return {1: f"the only {one}", 2: f"both {one}s"}.get(n, f"all {words}")
    return f"{n:,} of {words} ({share(n, whole)})"


def of_cohort(study: FinishedStudy, n: int, n_patients: int) -> str:
    """Return `34 of 35 scans (97%)`, `198 of 200 scans (99%; 50 of 50 patients)`, or `all 35 scans`."""
    whole, patients = len(study.tables["cohort"]), study.n_patients
    if n == whole:
        return part(n, whole, "scan")
    of = f"{n:,} of {count(whole, 'scan')} ({share(n, whole)}"
    return f"{of})" if patients == whole else f"{of}; {n_patients:,} of {count(patients, 'patient')})"


def some(n: int, whole: int) -> str:
    """Return a number with its percentage and verb, for sentences that state the total: `16 (40%) were`, `none was`."""
    if not n:
        return "none was"
    return f"{n:,} ({share(n, whole)}) {'was' if n == 1 else 'were'}"


def series(items: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a, b, and c`; with semicolons where an item has a comma outside its parentheses."""
    nested = any(mark in re.sub(r"\([^()]*\)", "", item) for item in items for mark in (", ", "; "))
    if len(items) < 2 or not nested:
        return listed([*items])
    return f"{'; '.join(items[:-1])}; and {items[-1]}"


def in_a_sentence(text: str) -> str:
    """Return text with its first letter in lowercase: `left hip`; acronyms such as `CT` and `L3` are not changed."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def age_groups(cuts: Sequence[float], closed: str) -> str:
    """Return the ages of the four groups defined by three cut points; an empty text without cut points."""
    if not len(cuts):
        return ""
    first, second, third = (f"{cut:.3g}" for cut in cuts)
    if closed == "right_closed":
        return (
            f"{first} years or younger, older than {first} to {second} years, older than {second} to {third} years,"
            f" and older than {third} years"
        )
    return (
        f"younger than {first} years, {first} to younger than {second} years, {second} to younger than {third} years,"
        f" and {third} years or older"
    )


def criteria(flow: pd.DataFrame) -> list[str]:
    """Return the reasons for which scans were excluded, in their order."""
    return [in_a_sentence(sentence) for sentence in flow["sentence"]]


def exclusions(flow: pd.DataFrame) -> list[str]:
    """Return each reason that excluded a scan, with the number of scans: `age not known (n = 2)`."""
    return [
        f"{in_a_sentence(row['sentence'])} (n = {scans_of_patients(row['n_removed'], row['n_patients_removed'])})"
        for row in flow.to_dict("records")
        if row["n_removed"]
    ]


def age(study: FinishedStudy) -> str:
    """Return the median age with its interquartile range, or the age of the only scan; an empty text without ages."""
    known = study.tables["cohort"]["age_years"].dropna()
    when = "" if study.n_patients == len(study.tables["cohort"]) else " at the time of the scan"
    if known.empty:
        return ""
    if len(known) == 1:
        return f"age{when}, {known.iloc[0]:.1f} years"
    low, median, high = summaries.age_quartiles(known)
    return f"median age{when}, {median} years [interquartile range, {low}–{high} years]"


def sexes(study: FinishedStudy) -> list[str]:
    """Return the patients of each sex that occurs: `17 women [49%]`, `18 men [51%]`."""
    cohort, whole = study.tables["cohort"], study.n_patients
    numbers, sex = patient_numbers(cohort), cohort["sex"].fillna("")
    found = {code: distinct(numbers[sex.eq(code)]) for code in SEX_WORDS}
    return [
        f"{count(n, *SEX_WORDS[code])} [{share(n, whole)}]" if whole > 1 else count(n, *SEX_WORDS[code])
        for code, n in found.items()
        if n
    ]


def sample(study: FinishedStudy) -> str:
    """Return age and sex in parentheses: `(median age, 55.5 years […]; 17 women [49%] and 18 men [51%])`."""
    return f" ({'; '.join(filter(None, [age(study), series(sexes(study))]))})"


def reviewed(n: dict[str, int]) -> list[str]:
    """Return the decisions of reviewers: `8 were excluded`, `none was retained`."""
    decisions = {"reviewer_excluded": "excluded", "reviewer_kept": "retained"}
    numbers = {words: n[reason] for reason, words in decisions.items()}
    return [f"{found or 'none'} {'were' if found > 1 else 'was'} {words}" for words, found in numbers.items()]


def models(sources: dict[str, Any]) -> list[str]:
    """Return the models of a study: the name, and the checksum and the step of the sliding window where known.

    A name that ends with the beginning of the checksum is printed without this part.
    """
    return [
        f"{model['name'].removesuffix(' ' + model['sha256'][:12])} (SHA-256 checksum, {model['sha256']}; sliding-window"
        f" step, {model['step_size']} of the patch size)"
        if model["sha256"]
        else str(model["name"])
        for model in sources["models"]
    ]


def packages(sources: dict[str, Any]) -> list[str]:
    """Return the packages that the analysis depends on, with their versions: `NumPy 2.4.6`."""
    found = {words: sources["packages"].get(name, ABSENT) for name, words in PACKAGES.items()}
    return [f"{words} {version}" for words, version in found.items() if version != ABSENT]


def tidy(text: str) -> str:
    """Return a text with one line per paragraph, one empty line between paragraphs, and numbers as journals print them.

    Numbers of four digits have no comma: `4004`, but `12,128`. Each line of a numbered list stays a line.
    """
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    lines = [[line.strip() for line in block.splitlines() if line.strip()] for block in blocks]
    joined = [("\n" if re.match(r"\d+\. ", block[0]) else " ").join(block) for block in lines]
    return re.sub(r"(?<![\d,.])(\d),(\d{3})(?!\d|,\d)", r"\1\2", "\n\n".join(joined)) + "\n"


def screening(study: FinishedStudy) -> list[str]:
    """Return a sentence for each set of measures that the rules of the study exclude."""
    chosen = study.config["screen"]
    rules = rule_sets.read(chosen["rules"]).with_truncated_hu(chosen.get("use_truncated_hu")).rules
    conditions: dict[frozenset[str], list[str]] = {dropped: [] for dropped in SENTENCES}
    for name, words in CONDITIONS.items():
        if name in rules and _assessed(study, name):
            conditions[frozenset(rules[name].drops)].append(words.format(**_printed(rules[name].limits)))
    return [_sentence(SENTENCES[dropped], found) for dropped, found in conditions.items() if found]


def has_unassessed_rules(study: FinishedStudy) -> bool:
    """Return whether the values of a study lack the evidence of a rule of its rule set."""
    return any(not _assessed(study, name) for name in rule_sets.read(study.config["screen"]["rules"]).rules)


def _assessed(study: FinishedStudy, rule: str) -> bool:
    """Return whether the values of a study contain the evidence of a rule; a table of measures can lack it."""
    measures = study.tables["measures"]
    columns = [name for name in EVIDENCE.get(rule, ()) if name in measures]
    if study.config["study"]["start_from"] != "measures" or not columns:
        return True
    return bool(measures[columns].notna().any(axis=None))


def _printed(limits: dict[str, Any]) -> dict[str, str]:
    return {name: percent(value) if name in PERCENTAGES else f"{value:g}" for name, value in limits.items()}


def _sentence(start: str, conditions: list[str]) -> str:
    if len(conditions) == 1:
        return f"{start} if {conditions[0]}."
    letters = [f"({letter}) {words}" for letter, words in zip("abcdefgh", conditions, strict=False)]
    joint = " or ".join(letters) if len(letters) == 2 else f"{', '.join(letters[:-1])}, or {letters[-1]}"
    return f"{start} if {joint}."
