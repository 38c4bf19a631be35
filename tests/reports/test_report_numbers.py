"""Tables of a study contain every number on the pages of its report, and free text of a study has no effect there."""

import re

import pandas as pd
import pytest

from ctpop.figures.formatting import printed_in
from ctpop.stages.report import cells
from support import study_tables, volumes
from support.printed_numbers import Allowed, Lines, unknown_numbers
from support.reported import pages_of

LABELS = volumes.label_set("liver", "kidney_left", "kidney_right", bound_ml=5.0)
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The pages of a study of 250 patients with centile curves of both sexes, a failed scan, and an excluded scan."""
    folder = tmp_path_factory.mktemp("numbers")
    patients = study_tables.registry(250)
    patients.loc[0, "age_years"] = float("nan")
    patients = patients.assign(**{HOSTILE: [150.0 + number % 40 for number in range(250)]})
    pages_of(folder, patients, LABELS, failed={"s0010": "unreadable"}, truth=str(folder / "truth.csv"), banner=HOSTILE)
    return folder


@pytest.fixture(scope="module")
def allowed(study):
    bounds = LABELS.table.set_index("structure")["lower_bound_ml"].dropna().to_dict()
    return Allowed(study / "tables", bounds)


def names(study):
    return sorted(path.stem for path in (study / "report" / "structures").glob("*.html"))


def test_every_number_of_the_index_is_in_a_table(study, allowed):
    unknown, seen = unknown_numbers(study / "report" / "index.html", allowed)

    assert unknown == []
    assert seen > 300


@pytest.mark.parametrize("name", ["liver", "kidney_left", "kidney_right", "kidneys"])
def test_every_number_of_the_page_of_a_structure_is_in_the_rows_of_that_structure(study, allowed, name):
    unknown, seen = unknown_numbers(study / "report" / "structures" / f"{name}.html", allowed, name)

    assert unknown == []
    assert seen > 300


@pytest.mark.parametrize(
    ("page", "structure", "pattern"),
    [
        ("index.html", "", r"(<dd>)\d+"),
        ("index.html", "", r"(liver\.html\">Liver</a></th>.*?<td data-order=\"\d+\">)\d+"),
        ("index.html", "", r"(liver\.html\">Liver</a></th>.*?<td data-order=\")[-.\d]+"),
        ("structures/liver.html", "liver", r"(with age</th><td data-order=\"[-.\d]+\">)−?\.\d+"),
        ("structures/liver.html", "liver", r"(with age</th><td data-order=\")[-.\d]+"),
    ],
)
def test_one_changed_number_is_found(study, allowed, tmp_path, page, structure, pattern):
    text = (study / "report" / page).read_text(encoding="utf-8")
    changed, n = re.subn(pattern, r"\g<1>.98765", text, count=1)
    (tmp_path / "page.html").write_text(changed, encoding="utf-8")

    unknown, _ = unknown_numbers(tmp_path / "page.html", allowed, structure)

    assert n == 1
    assert unknown == [".98765"]


def test_a_number_of_another_structure_is_found(study, allowed):
    unknown, _ = unknown_numbers(study / "report" / "structures" / "liver.html", allowed, "kidney_left")

    assert len(unknown) > 50


def test_the_table_of_all_structures_has_a_row_for_each_with_its_sorting_numbers(study):
    lines = Lines(study / "report" / "index.html").found
    rows = [line for line in lines if line.structure in LABELS.names and line.cells[0][1] == "Group"]
    table = pd.read_parquet(study / "tables" / "associations.parquet").query("family == 'structures'")
    rho = table.set_index(["structure", "measure"])["rho"]
    log10_p = table.set_index(["structure", "measure"])["log10_p_independence"]

    assert len(rows) == len(table) == 6
    assert {line.structure: line.cells[0][1] for line in rows}.keys() == set(LABELS.names)
    for line in rows:
        of = (line.structure, line.measure)
        assert float(line.cells[3][0]["data-order"]) == pytest.approx(rho[of], rel=1e-11)
        assert float(line.cells[7][0]["data-order"]) == pytest.approx(log10_p[of], rel=1e-11)


def test_every_structure_and_group_has_a_page_with_links_to_adjacent_pages_and_the_index(study):
    order = [*LABELS.names, "kidneys"]
    assert names(study) == sorted(order)
    for place, name in enumerate(order):
        text = (study / "report" / "structures" / f"{name}.html").read_text(encoding="utf-8")
        steps = re.findall(r'<a href="([^"]+)" rel="(prev|next|up)"', text)
        expected = [("../index.html#associations", "up")]
        expected += [(f"{order[place - 1]}.html", "prev")] if place else []
        expected += [(f"{order[place + 1]}.html", "next")] if place + 1 < len(order) else []
        assert steps == expected
        assert ("review/index.html#structure=" in text) == (name != "kidneys")


def test_the_page_of_a_structure_has_all_its_tables(study):
    text = (study / "report" / "structures" / "liver.html").read_text(encoding="utf-8")

    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == [
        *("Association with age", "Difference per decade of age", "Difference between men and women at 50 years"),
        *("Pairwise comparisons of age quartiles", "Results by sex"),
        *("Correlations adjusted for covariates", "Adjusted tests of age quartiles and age curve"),
        *("Smallest detectable effects", "Models of centile curves", "Centiles", "Calibration of centile curves"),
        *("Excluded values by reason", "Characteristics of patients with usable and excluded values"),
        *("Missing values by age and sex", "Influence of missing values"),
        *("Extreme values", "Sensitivity analyses", "Comparison with the ground truth"),
    ]
    assert not re.search("&lt;/?(i|sub|sup|br)&gt;", text)


def test_text_from_users_is_escaped_on_every_page(study):
    for path in [*(study / "report" / "structures").glob("*.html"), study / "report" / "index.html"]:
        text = path.read_text(encoding="utf-8")
        assert "&lt;img src=x onerror=alert(1)&gt;" in text
        assert "<img src=x" not in text


def test_pages_of_structures_of_another_label_set_are_removed_and_other_files_are_kept(study, tmp_path):
    patients = study_tables.registry(12)
    pages_of(tmp_path, patients, LABELS)
    (tmp_path / "report" / "structures" / "notes.txt").write_text("mine")

    pages_of(tmp_path, patients, volumes.label_set("liver"))

    assert {path.name for path in (tmp_path / "report" / "structures").iterdir()} == {"liver.html", "notes.txt"}


def test_cells_in_ama_style_keep_the_leading_zero():
    with printed_in("ama"):
        assert cells.coefficient(-0.614).text == "−0.61"
        assert cells.p_value(0.00001, -5).text == "<.001"
    assert cells.coefficient(-0.614).text == "−.61"


def test_cells_mark_missing_values_and_sort_small_p_values_by_their_logarithm():
    assert cells.p_value(0.0, -412.5) == cells.Cell("<.0001", "-412.5")
    assert cells.p_value(float("nan"), float("nan")) == cells.Cell("–", "")
    assert cells.count(4004) == cells.Cell("4,004", "4004")
    assert cells.count(pd.NA) == cells.Cell("–", "")
    assert cells.limits(-0.68, -0.53) == cells.Cell("−.68, −.53", "-0.68")
    assert cells.limits(float("nan"), 0.1) == cells.Cell("–", "")
    assert cells.yes(pd.NA).text == "–"
    assert cells.words(None).text == "–"
