"""Phrases of the manuscript: counts, lists, singular and plural, and complete texts of different studies."""

import re

import pytest

from ctpop.stages.report import command, manuscript, pages, phrases
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.provenance import provenance
from ctpop.study import configuration
from support import study_tables

LABELS = study_tables.label_set()
STARTS = {
    "images": {"segment": {"model": "demo"}},
    "segmentations": {},
    "measures": {},
}


def study(patients, labels=LABELS, start_from="images", failed=None, aging=None, without_segments=False):
    """Return a finished study of these patients that begins at a starting point."""
    tables = study_tables.study(patients, labels, failed=failed)
    if without_segments:
        del tables["segments"]
    table = {"measures": "measures.csv"} if start_from == "measures" else {}
    config = configuration.validated(
        {
            "study": {"name": "made_up", "registry": "registry.csv", "start_from": start_from, **table},
            "structures": "demo",
            **STARTS[start_from],
            **({"aging": aging} if aging else {}),
        }
    )
    return FinishedStudy(config, labels, tables)


def methods(found):
    return command.methods_text(found, provenance(found))


def results(found):
    return manuscript.results_text(found, pages.templates().get_template("results.md"))


@pytest.mark.parametrize(
    ("n", "whole", "text"),
    [
        (0, 40, "0%"),
        (16, 40, "40%"),
        (40, 40, "100%"),
        (1, 300, "<1%"),
        (299, 300, ">99%"),
        (1, 200, "1%"),
        (199, 200, ">99%"),
        (1, 8, "13%"),
        (407438, 416416, "97.8%"),
        (3999, 4000, ">99.9%"),
        (1, 4000, "<0.1%"),
    ],
)
def test_percentages_have_one_decimal_only_of_large_denominators(n, whole, text):
    assert phrases.share(n, whole) == text


@pytest.mark.parametrize(
    ("n", "whole", "text"),
    [
        (0, 40, "none of 40 scans"),
        (0, 1, "0 of 1 scan"),
        (1, 1, "the only scan"),
        (2, 2, "both scans"),
        (40, 40, "all 40 scans"),
        (34, 35, "34 of 35 scans (97%)"),
    ],
)
def test_parts_have_denominators_and_percentages(n, whole, text):
    assert phrases.part(n, whole, "scan") == text


@pytest.mark.parametrize(
    ("n", "text"), [(0, "none was"), (1, "1 (3%) was"), (16, "16 (40%) were"), (40, "40 (100%) were")]
)
def test_the_verb_agrees_with_the_number(n, text):
    assert phrases.some(n, 40) == text


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b, and c"),
        (["a (x; y)", "b (n = 1,248)", "c"], "a (x; y), b (n = 1,248), and c"),
        (["a, b", "c"], "a, b; and c"),
        (["a, b", "c", "d"], "a, b; c; and d"),
    ],
)
def test_series_have_serial_commas_or_semicolons(items, text):
    assert phrases.series(items) == text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Age not known", "age not known"),
        ("CT without contrast", "CT without contrast"),
        ("L3 vertebra", "L3 vertebra"),
        ("A second scan", "a second scan"),
        ("", ""),
    ],
)
def test_words_within_a_sentence_begin_with_a_small_letter_unless_they_are_acronyms(words, text):
    assert phrases.in_a_sentence(words) == text


def test_four_digits_have_no_comma_and_lines_of_a_paragraph_are_joined():
    text = "## A\n\nOf 4,102 scans,\n  12,128 and 1,234,567 were used (1,248; 4,004).\n\n\n\n1. One.\n2. Two.\n"

    assert phrases.tidy(text) == (
        "## A\n\nOf 4102 scans, 12,128 and 1,234,567 were used (1248; 4004).\n\n1. One.\n2. Two.\n"
    )


def test_age_groups_are_complete_and_do_not_overlap():
    assert phrases.age_groups([36.84, 55, 78.2], "right_closed") == (
        "36.8 years or younger, older than 36.8 to 55 years, older than 55 to 78.2 years, and older than 78.2 years"
    )
    assert phrases.age_groups([40, 60, 80], "left_closed") == (
        "younger than 40 years, 40 to younger than 60 years, 60 to younger than 80 years, and 80 years or older"
    )
    assert phrases.age_groups([], "left_closed") == ""


def test_decisions_of_reviewers_agree_with_their_numbers():
    assert phrases.reviewed({"reviewer_excluded": 8, "reviewer_kept": 1}) == ["8 were excluded", "1 was retained"]
    assert phrases.reviewed({"reviewer_excluded": 0, "reviewer_kept": 2})[0] == "none was excluded"


def one_sex():
    return study(study_tables.registry(60, sexes=("male",)))


def of_unknown_sex_and_patient():
    patients = study_tables.registry(60, sexes=("female", "male", None))
    patients.loc[0, "patient_id"] = None
    return study(patients)


def of_repeated_patients():
    return study(study_tables.of_repeated_patients(study_tables.registry(80), 4), failed={"s0010": "unreadable"})


def of_fixed_age_groups():
    return study(
        study_tables.registry(60), aging={"cut_years": [40, 60, 80], "quartiles": "left_closed", "alpha": 0.05}
    )


VARIANTS = {
    "images": lambda: study(study_tables.registry(60), failed={"s0010": "unreadable"}),
    "segmentations": lambda: study(study_tables.registry(60), start_from="segmentations"),
    "measures": lambda: study(study_tables.registry(60), start_from="measures", without_segments=True),
    "one structure": lambda: study(study_tables.registry(60), study_tables.label_set(0, 1)),
    "one scan": lambda: study(study_tables.registry(1)),
    "one sex": one_sex,
    "unknown sex and patient": of_unknown_sex_and_patient,
    "repeated patients": of_repeated_patients,
    "fixed age groups": of_fixed_age_groups,
    "centiles": lambda: study(study_tables.registry(250)),
}


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda name: name.replace(" ", "_"))
def variant(request):
    found = VARIANTS[request.param]()
    return request.param, methods(found), results(found)


def sentences(text):
    """Return the sentences of the paragraphs of a section, without headings and references."""
    prose = text.split("### Reference")[0]
    paragraphs = [line for line in prose.splitlines() if line and not line.startswith("#")]
    whole = " ".join(re.sub(r"\bet al \(", "et al. (", line).replace("et al. (", "et al (") for line in paragraphs)
    return re.split(r"(?<=[.]) (?=[A-Z0-9])", whole)


def test_every_sentence_is_complete(variant):
    _, methods_text, results_text = variant
    verbs = (
        r"\b(was|were|included|contained|followed|could|had|changed|differed|remained|accounted|provided|did|compare)\b"
        r"|\breplaced\b"
    )

    for sentence in [*sentences(methods_text), *sentences(results_text)]:
        assert re.match(r"[A-Z].*\.$", sentence), sentence
        assert re.search(verbs, sentence) or sentence.startswith("Confidence intervals and P values"), sentence


def test_numbers_agree_with_their_nouns_and_verbs(variant):
    _, methods_text, results_text = variant

    for text in (methods_text, results_text):
        assert not re.search(
            r"(?<![\d.,])1 (scans|patients|structures|volumes|values|correlations|tests|women|men)\b", text
        )
        assert not re.search(r"(?<![\d.])(?!1 )\d+ (scan|patient|structure|volume|correlation|woman|man)\b", text)
        assert not re.search(r"\b(1|none) (\(\d+%\) )?were\b|\b[2-9]\d* (\(\d+%\) )?was\b", text)
        assert not re.search(r"\d,\d{3}(?!,?\d)", re.sub(r"\d{2,},\d{3}", "", text))
        assert not re.search(r"\d %|\bml\b|\(\)|\[\]|  |\bnan\b|None|, ,|;;|\( ", text)


def test_the_methods_contain_no_results_and_the_results_have_denominators(variant):
    _, methods_text, results_text = variant

    assert not re.search(r"\(n = \d|median age|\d+ of \d+|were significant", methods_text)
    for part in re.findall(r"(\d+) of (\d+) (?!patients)[a-zA-Z -]+?s? \((.+?)\)", results_text):
        n, whole, percentage = part
        assert percentage.startswith(phrases.share(int(n), int(whole))), part


def test_the_methods_describe_the_p_value_of_the_bootstrap_and_its_limit():
    text = methods(study(study_tables.registry(60), aging={"interval": "bootstrap", "bootstrap_iterations": 499}))

    assert "a limit of the bootstrap interval is 0; P values below .004 were calculated from the SD of" in text
    assert "sensitivity analyses and by sex were calculated with the Fisher z transformation" in text
    assert "normal distribution of the Fisher z transform" not in text


@pytest.mark.parametrize("start_from", ["measures", "images"])
def test_screening_rules_without_evidence_are_not_described(start_from):
    found = study(study_tables.registry(60), start_from=start_from, without_segments=start_from == "measures")
    columns = ["border_voxels", "faces", "padding_share", "side_mm"]
    measures = found.tables["measures"].assign(**dict.fromkeys(columns))
    text = methods(FinishedStudy(found.config, LABELS, {**found.tables, "measures": measures}))

    assert ("truncated by the field of view" in text) == (start_from == "images")
    assert ("in image padding" in text) == (start_from == "images")
    assert ("the table did not contain the required information" in text) == (start_from == "measures")
    assert "its volume was below a lower bound" in text


def test_references_are_cited_in_numerical_order(variant):
    _, methods_text, _ = variant
    prose, references = re.split(r"### References?\n\n", methods_text)
    together = re.findall(r" \((\d+(?:,\d+)*)\)", prose)
    cited = list(dict.fromkeys(number for numbers in together for number in numbers.split(",")))

    assert cited == re.findall(r"(?m)^(\d+)\. ", references) == [str(n + 1) for n in range(len(cited))]
    assert ("### References" in methods_text) == (len(cited) > 1)


def test_sections_and_sentences_appear_only_if_the_step_took_place(variant):
    name, methods_text, results_text = variant

    assert ("### Segmentation\n" in methods_text) == (name != "measures")
    assert ("nnU-Net" in methods_text) == (name not in ("measures", "segmentations"))
    assert ("imported from an existing table" in methods_text) == (name == "measures")
    assert ("separately for women and men" in methods_text) == (name not in ("one sex", "one scan"))
    assert ("centile curves were fitted" in methods_text) == (name == "centiles")
    assert ("than one scan." in methods_text) == (name == "repeated patients")
    assert ("between scans of the same patient" in results_text) == (name == "repeated patients")
    assert ("inference was by patient" in methods_text) == (name == "repeated patients")
    assert ("among age groups (younger than " in methods_text) == (name == "fixed age groups")
    assert ("without patient identification was assumed" in methods_text) == (name == "unknown sex and patient")
    assert (" of unrecorded sex [" in results_text) == (name == "unknown sex and patient")
    assert ("Label maps were available" in results_text) == (name != "measures")
