"""Generated pages are up to date, the example study is valid, and links between pages are not broken."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ctpop import dictionary as dictionary_page
from ctpop.cli import main
from ctpop.contracts import all_tables, codes, dicom, dicom_codes, efficiency, evaluation
from ctpop.study import configuration, label_sets, registry

ROOT = Path(__file__).parents[2]
EVERY_TABLE = [
    *(*all_tables.INPUTS, evaluation.REFERENCE, label_sets.STRUCTURES, *dicom.TABLES),
    *(*all_tables.TABLES, *evaluation.TABLES, *efficiency.TABLES),
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def markdown_files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines()]


def headings(path):
    """Return the anchors that GitHub generates for the headings of a page."""
    lines = FENCE.sub("", path.read_text(encoding="utf-8")).splitlines()
    titles = [line.lstrip("#").strip().lower() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def links_to_files(page):
    targets = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return [target for target in targets if "://" not in target and not target.startswith("mailto:")]


def is_valid_link(page, target):
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    return file.exists() and (not anchor or anchor in headings(file))


def dictionary(*options):
    return main(
        [
            "dictionary",
            *("--data", str(ROOT / "docs/data.md"), "--config", str(ROOT / "docs/config.md")),
            *("--captions", str(ROOT / "workflow/captions"), *options),
        ]
    )


def test_the_pages_are_up_to_date():
    assert dictionary("--check") == 0


def test_a_page_that_differs_is_reported(tmp_path, capsys):
    main(["dictionary", "--data", str(tmp_path / "data.md"), "--config", str(tmp_path / "config.md")])
    (tmp_path / "data.md").write_text((tmp_path / "data.md").read_text() + "one line more\n")

    code = main(["dictionary", "--data", str(tmp_path / "data.md"), "--config", str(tmp_path / "config.md"), "--check"])

    message = capsys.readouterr().err
    assert code == 1
    assert f"error in dictionary: {tmp_path / 'data.md'}: not up to date with the declarations" in message
    assert f"{tmp_path / 'config.md'}: not up to date" not in message


def test_captions_without_a_figure_are_reported_and_removed(tmp_path, capsys):
    pages = [f"--{name}={tmp_path / name}" for name in ("data", "config", "captions")]
    main(["dictionary", *pages])
    stale = tmp_path / "captions" / "figure_of_old.rst"
    stale.touch()

    assert main(["dictionary", *pages, "--check"]) == 1
    assert f"error in dictionary: {stale}: not up to date" in capsys.readouterr().err
    assert main(["dictionary", *pages]) == 0
    assert main(["dictionary", *pages, "--check"]) == 0
    assert not stale.exists()


def test_a_missing_page_is_reported(tmp_path, capsys):
    code = main(
        ["dictionary", "--data", str(tmp_path / "data.md"), "--config", str(ROOT / "docs/config.md"), "--check"]
    )

    assert code == 1
    assert str(tmp_path / "data.md") in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table", EVERY_TABLE, ids=lambda table: table.name)
def test_the_data_page_has_every_column_of_a_table(table):
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    section = page.split(f"\n### {table.name}\n")[1].split("\n### ")[0]

    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]

    assert [row[0] for row in rows] == [f"| `{name}`" for name in table.columns]
    assert all(len(row) == 6 for row in rows)


def test_the_contents_of_the_data_page_list_every_heading_in_order():
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    before, _, after = page.partition("\n## Contents\n")
    contents = after.split("\n## ")[0]
    titles = re.findall(r"^###? (.*)$", page, re.MULTILINE)

    assert before.count("\n## ") == 0
    assert [title for title, _ in re.findall(r"\[`?(.+?)`?\]\(#(.+?)\)", contents)] == titles[1:]
    assert len({title.lower() for title in titles}) == len(titles)


def test_the_data_page_has_every_code():
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    lists = [values for module in (codes, dicom_codes) for name, values in vars(module).items() if name.isupper()]

    assert len(lists) >= 14 + 8
    for code, meaning in {code: meaning for values in lists for code, meaning in values.items()}.items():
        assert f"| `{code}` | {dictionary_page.sentence(meaning)} |" in page


def test_the_data_page_lists_the_words_for_true_and_false():
    page = " ".join((ROOT / "docs" / "data.md").read_text(encoding="utf-8").split())

    assert "True is written as {}, {}, or {} ".format(*registry.TRUE_WORDS) in page
    assert "false is written as {}, {}, or {} ".format(*registry.FALSE_WORDS) in page


def test_the_configuration_page_has_every_key():
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    parts = configuration.load_schema()["properties"]
    keys = [f"{name}.{key}" for name, part in parts.items() for key in part.get("properties", {})]

    assert len(keys) > 20
    assert [key for key in [*keys, "structures"] if f"| `{key}` | " not in page] == []


def test_the_example_study_is_valid_and_contains_correct_names_of_structures():
    study = yaml.safe_load((ROOT / "docs" / "study.yaml").read_text(encoding="utf-8"))

    filled = configuration.validated(study)

    names = set(label_sets.read(filled["structures"]).names)
    assert set(filled["screen"]["lower_bound_ml"]) <= names
    assert {structure for structure, _ in filled["report"]["figure6"]} <= names
    assert (filled["study"]["start_from"], filled["segment"]["model"]) == ("images", "total_117_1.5mm")
    assert "banner" not in filled["study"]
    assert "truth" not in filled["study"]


def test_the_shipped_study_contains_correct_names_of_structures():
    study = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    names = set(label_sets.read(study["structures"]).names)

    assert {structure for structure, _ in study["report"]["figure6"]} <= names


def test_each_link_between_pages_leads_to_a_file_and_a_heading():
    links = [(page, target) for page in markdown_files() for target in links_to_files(page)]

    broken = [f"{page.relative_to(ROOT)}: {target}" for page, target in links if not is_valid_link(page, target)]

    assert len(links) >= 10
    assert broken == []


def test_a_broken_link_is_found():
    page = ROOT / "CONTRIBUTING.md"

    assert is_valid_link(page, "docs/data.md#measures")
    assert not is_valid_link(page, "docs/data.md#chairs")
    assert not is_valid_link(page, "docs/chairs.md")


def test_decisions_are_numbered_without_gaps_and_listed():
    folder = ROOT / "docs" / "decisions"
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    listed = (folder / "README.md").read_text(encoding="utf-8")

    assert [path.name[:3] for path in records] == [f"{number:03}" for number in range(1, len(records) + 1)]
    for path in records:
        assert path.read_text(encoding="utf-8").startswith(f"# {path.name[:3]} ")
        assert f"]({path.name})" in listed


def blocks(page, language):
    """Return the fenced blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_studies_of_the_page_on_reproduction_are_valid():
    whole, part = (yaml.safe_load(text) for text in blocks(ROOT / "docs" / "reproduce.md", "yaml"))

    for study, model in ((whole, "paper_104_1.5mm"), ({**whole, **part}, "total_117_1.5mm")):
        filled = configuration.validated(study)
        assert (filled["structures"], filled["segment"]["model"]) == ("paper_104", model)
    names = set(label_sets.read("paper_104").names)
    assert {structure for structure, _ in whole["report"]["figure6"]} <= names
