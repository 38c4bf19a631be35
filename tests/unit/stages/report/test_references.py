"""References: numbers in the order of citation, AMA format, and complete entries of the bibliography."""

import re

import pytest

from ctpop.stages.report.command import bibliography
from ctpop.stages.report.references import References, author_of, printed


def test_references_are_numbered_in_the_order_of_citation_and_only_once():
    references = References(bibliography())

    assert references.cite("Quade1967") == "(1)"
    assert references.cite("Lakens2017", "Schuirmann1987") == "(2,3)"
    assert references.cite("Schuirmann1987", "Quade1967") == "(1,3)"
    assert references.numbered()[0] == (
        "1. Quade D. Rank analysis of covariance. J Am Stat Assoc. 1967;62(320):1187-1200."
        " doi:10.1080/01621459.1967.10500925"
    )
    assert len(references.numbered()) == 3


def test_a_reference_that_the_bibliography_lacks_is_an_error():
    with pytest.raises(KeyError, match="Nobody2000"):
        References(bibliography()).cite("Nobody2000")


def test_more_than_six_authors_are_abbreviated():
    references = References(bibliography())

    assert printed(references.known["Wasserthal2023"]).startswith("Wasserthal J, Breit HC, Meyer MT, et al. Total")
    assert "Petersen J, Maier-Hein KH. nnU-Net:" in printed(references.known["Isensee2021"])


@pytest.mark.parametrize(
    ("name", "text"),
    [("Bonett, Douglas G.", "Bonett DG"), ("Breit, Hanns-Christian", "Breit HC"), ("Muggeo", "Muggeo")],
)
def test_given_names_are_printed_as_initials(name, text):
    assert author_of(name) == text


def test_every_entry_of_the_bibliography_has_the_fields_of_a_printed_reference():
    text = bibliography()
    known = References(text).known

    assert len(known) == text.count("@article")
    for entry in known.values():
        assert re.fullmatch(r".+\. .+\. .+\. \d{4};\d+\(\d+\):[e\d]+(-\d+)?\. doi:10\.\S+", printed(entry)), entry
