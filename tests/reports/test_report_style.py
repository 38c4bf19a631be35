"""One setting determines the style of numbers in figures, on pages, and in the manuscript."""

import re

import pytest

from ctpop.cli import main
from support import study_tables
from support.reported import written

BARE = r"(?<![\d.])[−]?\.\d\d(?!\d)"  # .61 or −.61
LEADING = r"[−]?0\.\d\d(?!\d)"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of 60 patients, reported in AMA style."""
    folder = tmp_path_factory.mktemp("ama")
    patients, labels = study_tables.registry(60), study_tables.label_set(1, 1)
    chosen = {"report": {"figure6": [["organ_1", "volume_ml"]], "formats": ["svg"], "style": "ama"}}
    assert main(written(folder, patients, labels, changes=chosen)) == 0
    return folder


def test_the_manuscript_is_printed_in_ama_style(finished):
    results = (finished / "report" / "results.md").read_text()

    assert re.search(rf"ρ = {LEADING}; 95% CI: {LEADING}, {LEADING}; P < \.001;", results)
    assert not re.search(rf"ρ = {BARE}", results)


def test_the_table_of_the_manuscript_has_no_p_value_below_one_thousandth(finished):
    cells = (finished / "report" / "table2_associations.csv").read_text()

    assert "<.001" in cells
    assert "<.0001" not in cells


def test_the_figures_are_printed_in_ama_style(finished):
    picture = (finished / "figures" / "structure_organ_1.svg").read_text()
    formulas = re.findall("<!--(.*?)-->", picture)  # comments contain whole formulas; the image has single letters

    assert any(re.search(rf"= {LEADING}; \$P\$ &lt; \.001", words) for words in formulas)
    assert not any(re.search(rf"= {BARE};|&lt; \.0001", words) for words in formulas)


def test_the_page_is_printed_in_ama_style(finished):
    page = (finished / "report" / "index.html").read_text()

    assert "&lt;.001" in page
    assert "&lt;.0001" not in page


def test_pages_show_and_link_figures_only_in_the_chosen_formats(finished):
    for page in [finished / "report" / "index.html", finished / "report" / "structures" / "organ_1.html"]:
        shown = re.findall(r'<img src="([^"]+)"', page.read_text())
        linked = re.findall(r'href="([^"]*/figures/[^"]+)"', page.read_text())
        assert {name.rpartition(".")[2] for name in shown} == {"svg"}
        assert {name.rpartition(".")[2] for name in linked} == {"svg", "csv"}
        assert [name for name in (*shown, *linked) if not (page.parent / name).is_file()] == []
