"""`snakemake --report`: the report contains all figures and group tables with caption, category, and label."""

import base64
import json
import re
import zipfile
from urllib.parse import unquote_to_bytes

import pytest


@pytest.fixture(scope="module")
def page(demo):
    """The report as a single HTML file."""
    demo.run("--report", "report.html")
    return (demo.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results(page):
    """The entry of each file in the page, by name."""
    return {about["name"]: about for about in told(page, "results").values()}


def told(page, name):
    """Return the value of a variable of the page."""
    start = f"var {name} = "
    [place] = [found.end() for found in re.finditer(re.escape(start) + r'(?=[{"]["<])', page)]
    return json.JSONDecoder().raw_decode(page, place)[0]


def test_every_figure_is_in_it(demo, results):
    figures = {name for name in results if name.endswith(".svg")}

    assert figures == {path.name for path in (demo.results / "figures").glob("*.svg")}
    assert {"asymmetry.svg", "by_sex_p02.svg", "figure_s3_p03.svg"} <= figures


def test_tables_of_groups_are_in_it_and_tables_of_scans_are_not(demo, results):
    tables = {name.removesuffix(".csv") for name in results if name.endswith(".csv")}

    assert {"flow", "table1", "failures", "associations", "groups", "adjusted", "centiles"} <= tables
    rows_of_scans = {
        path.stem for path in (demo.results / "tables").glob("*.csv") if "scan_id" in path.read_text().split("\n")[0]
    }
    assert len(rows_of_scans) > 8
    assert tables & rows_of_scans == set()


def test_each_has_caption_category_and_label(results):
    for name, about in results.items():
        caption = " ".join(re.sub("<[^>]+>", "", about["caption"]).split())
        assert len(caption) > 20, name
        assert about["labels"], name
    labels = [json.dumps(about["labels"], sort_keys=True) for about in results.values()]
    assert len(labels) == len(set(labels))


def test_the_workflow_is_described_and_the_study_named(page):
    text = " ".join(re.sub("<[^>]+>", "", told(page, "workflow_desc")).split())

    assert text.startswith("Study demo (synthetic): from a registry of CT scans to a checked aging study.")
    assert set(told(page, "categories")) == {"Figures", "Manuscript", "Tables"}
    assert set(told(page, "categories")["Figures"]) == {"Participants", "Screening", "Age", "Structures", "Comparison"}


def test_it_opens_without_a_network(page):
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)\s*=\s*[\"'](?:https?:)?//", page)


def test_the_zip_holds_the_files_themselves(demo, results):
    demo.run("--report", "report.zip")

    with zipfile.ZipFile(demo.folder / "report.zip") as packed:
        names = {name.rpartition("/")[2]: name for name in packed.namelist()}
        assert set(results) <= set(names)
        assert packed.read(names["flow.svg"]) == (demo.results / "figures" / "flow.svg").read_bytes()


def test_a_figure_in_the_page_is_the_file(demo, results):
    kind, _, content = results["flow.svg"]["data_uri"].partition(",")
    found = base64.b64decode(content) if "base64" in kind else unquote_to_bytes(content)

    assert found == (demo.results / "figures" / "flow.svg").read_bytes()


def test_captions_have_the_levels_of_the_study(demo, results):
    text = " ".join(re.sub("<[^>]+>", "", results["figure6.svg"]["caption"]).split())

    assert demo.config["aging"].get("confidence", 0.95) == 0.95
    assert "two-sided P value (test of a ρ of 0), and 95% confidence interval" in text
    assert "(Wilcoxon rank-sum test or, if patients have several scans, score test by patient, P &lt; .0001)" in text
    assert "{" not in text
