"""The check of terms finds each term with its line number, accepts names and allowed contexts, and passes here."""

import subprocess
import sys
import tomllib

import pytest

from language import check
from support.studies import REPO

EXAMPLES = tomllib.loads((check.TERMS.with_name("examples.toml")).read_text(encoding="utf-8"))
TERMS = check.read_terms()
EXCEPTIONS = REPO / "tests" / "language" / "spelling_exceptions.txt"


@pytest.fixture(params=EXAMPLES["files"], ids=lambda example: example["name"])
def example(request, tmp_path):
    (tmp_path / request.param["name"]).write_text(request.param["text"], encoding="utf-8")
    return tmp_path / request.param["name"], [tuple(found) for found in request.param["found"]]


def test_terms_in_a_file_are_found_with_their_lines(example):
    path, expected = example

    found = [(finding.line, finding.words) for finding in check.check_file(path, TERMS)]

    assert sorted(found) == sorted(expected)


def test_each_term_has_a_replacement_and_an_example():
    assert all(term.write.strip() for term in TERMS)
    assert len(EXAMPLES["sentences"]["list"]) == len(TERMS)


@pytest.mark.parametrize(("term", "sentence"), [*zip(TERMS, EXAMPLES["sentences"]["list"], strict=False)])
def test_a_term_is_found_in_its_example_and_not_as_a_part_of_a_name(term, sentence):
    [match] = check.matches_of(term, sentence)

    assert check.matches_of(term, sentence.replace(match[0], f"a_{match[0]}")) == []
    assert check.matches_of(term, check.without_code_spans(sentence.replace(match[0], f"`{match[0]}`"))) == []


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.write)
def test_no_allowed_context_allows_every_occurrence_of_its_term(term):
    assert [context.pattern for context in term.allowed if context.search("")] == []


def test_a_finding_is_printed_with_file_line_words_and_replacement(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(EXAMPLES["sentences"]["list"][0])

    ended = subprocess.run(
        [sys.executable, check.__file__, str(page)], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    [finding] = check.check_file(page, TERMS)
    assert ended.returncode == 1
    assert ended.stdout == f"{page}:1: {finding.words!r}; write: {TERMS[0].write}\n"
    assert ended.stderr == "checked 1 files; terms to replace: 1\n"


def test_text_files_of_every_type_are_checked():
    names = {path.relative_to(REPO).as_posix() for path in check.tracked_files()}

    assert {"README.md", "Makefile", "NOTICE", "CITATION.cff", ".ci/run", "Snakefile", "config.yaml"} <= names
    assert {
        "workflow/rules/common.smk",
        "workflow/ctpop/cli.py",
        "workflow/ctpop/resources/gallery/gallery.js",
    } <= names
    assert not any(name.startswith(("tests/language/", "workflow/ctpop/resources/niivue/")) for name in names)


def test_the_repository_contains_no_term_to_replace():
    assert [str(finding) for path in check.tracked_files() for finding in check.check_file(path, TERMS)] == []


def test_the_spelling_check_has_sorted_exceptions_and_a_pinned_version():
    words = EXCEPTIONS.read_text(encoding="utf-8").splitlines()
    settings = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["codespell"]

    assert words == sorted(set(words))
    assert (REPO / settings["ignore-words"]) == EXCEPTIONS
    assert "codespell==" in (REPO / "tests" / "language" / "requirements.txt").read_text(encoding="utf-8")
