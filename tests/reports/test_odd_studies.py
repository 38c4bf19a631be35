"""Complete reports of unusual studies: one patient, one structure, no women, only failed scans, no included scan."""

import re

import docx
import pytest

from ctpop.cli import main
from ctpop.documents.table1_text import printed
from ctpop.figures.formats import FORMATS
from ctpop.stages.cohort.table1_files import write_table1
from support import study_tables
from support.config_files import config_option

REGISTRY = study_tables.registry(24)
BOTH = study_tables.label_set(1, 1)
ODD = {  # registry, structures, failed scans, and a fragment of the results
    "one patient": (study_tables.registry(1), BOTH, {}, "The study sample included 1 scan of 1 patient (age, "),
    "one structure": (REGISTRY, study_tables.label_set(0, 1), {}, "all 24 attenuation values of 1 structure were"),
    "no women": (study_tables.registry(24, sexes=("male",)), BOTH, {}, " years]; 24 men [100%])."),
    "all failed": (REGISTRY, BOTH, dict.fromkeys(REGISTRY["scan_id"], "unreadable"), "No scan could be measured."),
    "no scan included": (
        REGISTRY.assign(age_years=float("nan")),
        BOTH,
        {},
        "Of 24 scans in the registry, 24 were excluded: age not known (n = 24). No scan remained",
    ),
}
IN_ALL_FORMATS = ("one patient", "all failed")  # studies with the emptiest figures; the others have only PNG files
NUMBERLESS = re.compile(r"\b(?:None|nan|NaN|NaT|inf|NA)\b")


@pytest.fixture(scope="module", params=ODD, ids=lambda name: name.replace(" ", "_"))
def odd(request):
    return request.param


@pytest.fixture(scope="module")
def formats(odd):
    return list(FORMATS) if odd in IN_ALL_FORMATS else ["png"]


@pytest.fixture(scope="module")
def made(odd, formats, tmp_path_factory):
    """The folder of a reported study, and the expected fragment of its results."""
    folder = tmp_path_factory.mktemp("odd")
    patients, labels, failed, fragment = ODD[odd]
    tables = study_tables.study(patients, labels, failed=failed)
    study_tables.write(tables, folder / "tables")
    write_table1(printed(tables["table1"]), folder / "report", "made up")
    labels.table.to_csv(folder / "labels.csv", index=False)
    config = {
        "study": {"name": "odd", "registry": "registry.csv", "banner": "made up", "truth": str(folder / "truth.csv")},
        "structures": str(folder / "labels.csv"),
        "segment": {"model": "no_such_model"},
        "report": {
            "figure6": [[labels.names[0], measure] for measure in ("volume_ml", "hu_mean")],
            "dpi": 72,
            "formats": formats,
        },
    }
    places = {"tables": "tables", "figures": "figures", "report": "report", "structures": "labels.csv"}
    options = [part for name, place in places.items() for part in (f"--{name}", str(folder / place))]
    assert main(["report", *options, "--jobs", "1", *config_option(**config)]) == 0
    return folder, fragment


def words_of(page):
    """Return the visible text of a page without the configuration and preformatted text."""
    text = re.sub(r"<(script|style|pre)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_the_results_describe_the_study_sample(made):
    folder, fragment = made

    assert fragment in (folder / "report" / "results.md").read_text(encoding="utf-8")


def test_the_text_has_no_missing_value_codes_and_no_gaps(made):
    folder, _ = made
    for name in ("methods", "results"):
        text = (folder / "report" / f"{name}.md").read_text(encoding="utf-8")
        assert len(text) > 150
        assert NUMBERLESS.findall(text) == []
        assert "  " not in text
        assert not re.search(r" [.,;]|\(\)|\.\.|,\.|; \.|of \.", text.replace(" .0", "").replace(" .", " 0.")), text
        assert text.endswith("\n")
        assert text.count("#") == len(re.findall(r"(?m)^#+ [A-Z]", text)) * 3 - 1


def test_no_page_shows_missing_value_codes(made):
    folder, _ = made
    pages = sorted((folder / "report").rglob("*.html"))

    assert {"index.html", "table1.html", "table2_associations.html"} <= {page.name for page in pages}
    for page in pages:
        words = words_of(page)
        assert len(words) > 100, page.name
        assert NUMBERLESS.findall(words) == [], page.name


def test_no_table_of_a_page_has_headers_without_rows(made):
    folder, _ = made

    for page in sorted((folder / "report").rglob("*.html")):
        assert re.search(r"<tbody[^>]*>\s*</tbody>", page.read_text(encoding="utf-8")) is None, page.name


def test_every_figure_is_drawn(made, formats):
    folder, _ = made
    figures = {path.stem for path in (folder / "figures").glob("*.png")}

    assert {"flow", "age_by_sex", "figure6", "spearman_overview", "sensitivity", "figure_s3_p01", "truth"} <= figures
    for name in figures:
        for suffix in (*formats, "csv"):
            assert (folder / "figures" / f"{name}.{suffix}").stat().st_size > 0


def test_word_files_open_and_contain_the_same_text(made):
    folder, _ = made
    for name in ("methods", "results"):
        word = docx.Document(str(folder / "report" / f"{name}.docx"))
        recorded = [paragraph.text for paragraph in word.paragraphs]
        lines = (folder / "report" / f"{name}.md").read_text(encoding="utf-8").splitlines()
        assert recorded == [line.strip().lstrip("# ") for line in lines if line.strip()]
    for name in ("table1", "table2_associations"):
        assert len(docx.Document(str(folder / "report" / f"{name}.docx")).tables) == 1
