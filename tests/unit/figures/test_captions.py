"""Captions are those of the catalogue, with the levels of the study, as HTML and for Snakemake's report."""

import re

import pytest

from ctpop.figures import captions
from ctpop.figures.captions import CaptionValues
from ctpop.figures.catalogue import BY_NAME, KINDS

VALUES = CaptionValues(confidence=0.99, alpha=0.01, scans=4004)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_caption_begins_with_the_title_and_has_no_mark_left(kind):
    text = captions.html(kind, VALUES)

    assert text.startswith(f"<b>{kind.title}.</b> ")
    assert not re.search(r"[{}*~]", text)
    assert text.endswith(".")
    assert text.count("<i>") == text.count("</i>")


def test_a_caption_has_the_levels_and_the_number_of_scans_of_the_study():
    assert "with 99% confidence interval" in captions.html(BY_NAME["spearman_overview"], VALUES)
    assert "<i>P</i> &lt; .01" in captions.html(BY_NAME["spearman_overview"], VALUES)
    assert "Ages of the 4,004 scans in the study" in captions.html(BY_NAME["age_by_sex"], VALUES)
    assert "(<i>r</i><sub>s</sub>)" in captions.html(BY_NAME["figure6"], VALUES)


def test_the_caption_of_a_further_page_is_short():
    assert (
        captions.html(BY_NAME["by_sex"], VALUES, continued=True) == "<b>Volume and attenuation by sex,</b> continued."
    )
    assert captions.html(BY_NAME["scatter"], VALUES, continued=True) == "<b>Values over age.</b>"


def test_the_caption_for_snakemake_has_subscripts_and_takes_levels_from_the_configuration():
    text = captions.restructured_text(BY_NAME["figure6"])

    assert text.startswith("**Age and selected structures.** ")
    assert r"(*r*\ :sub:`s`)" in text
    assert "snakemake.config" in text
