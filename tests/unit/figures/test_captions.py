"""Captions of the catalog with the levels of the study, as HTML and for Snakemake's report."""

import re
from html import unescape

import pytest

from ctpop.figures import captions
from ctpop.figures.captions import CaptionValues
from ctpop.figures.catalog import BY_NAME, KINDS, FigureKind

VALUES = CaptionValues(confidence=0.99, alpha=0.01, scans=4004)
MARKED = FigureKind("marked", "Marked", "Age", "*r*~s~ with {ci} CI.")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_caption_begins_with_the_title_and_has_no_mark_left(kind):
    text = captions.html(kind, VALUES)

    assert text.startswith(f"<b>{kind.title}.</b> ")
    assert not re.search(r"[{}*~]", text)
    assert text.endswith(".")
    assert text.count("<i>") == text.count("</i>")


def test_a_caption_has_the_levels_and_the_number_of_scans_of_the_study():
    assert "its 99% confidence interval (CI)" in captions.html(BY_NAME["spearman_overview"], VALUES)
    assert "<i>P</i> &lt; .01" in captions.html(BY_NAME["spearman_overview"], VALUES)
    assert "the age distribution of the 4,004 scans in the study" in captions.html(BY_NAME["age_by_sex"], VALUES)
    assert captions.html(MARKED, VALUES) == "<b>Marked.</b> <i>r</i><sub>s</sub> with 99% CI."


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_caption_consists_of_complete_sentences_and_defines_its_abbreviations(kind):
    text = unescape(re.sub("<[^>]+>", "", captions.html(kind, VALUES))).removeprefix(f"{kind.title}. ")

    for sentence in re.split(r"(?<=[.;]) ", text):
        assert re.search(r"\b(shows?|are|is|was|indicate|have|contains?|ends?|differ|share)\b| = ", sentence), sentence
    assert re.search(r"\(CIs?\)|CI = ", text) or not re.search(r"\bCIs?\b", text)
    assert re.search(r"\(ρ\)", text) or "ρ" not in text
    assert re.search(r"\bn is |\bn = |\(n\)", text) or not re.search(r"\bn\b", text)


def test_the_caption_of_a_further_page_is_short():
    assert (
        captions.html(BY_NAME["by_sex"], VALUES, continued=True) == "<b>Volume and attenuation by sex,</b> continued."
    )
    assert captions.html(BY_NAME["scatter"], VALUES, continued=True) == "<b>Values by age.</b>"


def test_the_caption_for_snakemake_has_subscripts_and_takes_levels_from_the_configuration():
    text = captions.restructured_text(BY_NAME["figure6"])

    assert text.startswith("**Selected structures and age.** ")
    assert "snakemake.config" in text
    assert captions.restructured_text(MARKED).startswith(r"**Marked.** *r*\ :sub:`s` with {{")


def test_captions_name_the_tests_and_age_groups_of_the_study():
    one, several = (
        captions.html(BY_NAME["boxes"], CaptionValues(0.95, 1e-4, 200, patients, band))
        for patients, band in ((200, "age quartile"), (50, "age group"))
    )

    assert "by age quartile with the Kruskal-Wallis test (<i>H</i>)" in one
    assert "(Wilcoxon rank-sum test, <i>P</i>" in one
    assert "by age group with the score test by patient (<i>Q</i>)" in several
    assert "(score test by patient, <i>P</i>" in several
    assert "quartile" not in several.replace("median and quartiles", "").replace("interquartile", "")
    assert "or, if patients have several scans, score test by patient" in captions.restructured_text(BY_NAME["boxes"])


def test_captions_name_the_covariance_of_the_bands():
    one, several = (
        captions.html(BY_NAME["scatter"], CaptionValues(0.95, 1e-4, 200, patients)) for patients in (200, 50)
    )

    assert "(HC3 covariance)" in one
    assert "(cluster-robust CR2 covariance)" in several
