"""Files of settings that are not there are named by their settings; others are left to Snakemake's message."""

import logging

import pytest

from ctpop.study.missing_inputs import MissingInputs

CONFIG = {"study": {"registry": "people.csv", "truth": "./truth.csv"}, "structures": "mine.csv", "evaluate": {}}
MESSAGE = "Missing input files for rule cohort:\n    output: t.parquet\n    affected files:\n"


def filtered(paths, exception="MissingInputException"):
    text = MESSAGE + "".join(f"        {path}\n" for path in paths)
    record = logging.LogRecord("snakemake", logging.ERROR, "", 0, text, (), None)
    record.exception = exception
    assert MissingInputs(CONFIG, {"study.truth": "s.yaml, line 2"}).filter(record)
    return record.getMessage()


def test_each_missing_file_of_a_setting_is_a_sentence_with_its_line():
    registry, truth = filtered(["truth.csv", "people.csv"]).splitlines()

    assert registry.startswith("error: study.registry: there is no file 'people.csv'; correct the path")
    assert truth.startswith("error: s.yaml, line 2: study.truth: there is no file './truth.csv'; correct the path")


def test_a_setting_without_a_section_is_named():
    assert filtered(["mine.csv"]).startswith("error: structures: there is no file 'mine.csv'")


@pytest.mark.parametrize(
    ("paths", "exception"), [(["results/x.parquet"], "MissingInputException"), (["people.csv"], "WorkflowError")]
)
def test_other_messages_are_kept(paths, exception):
    assert filtered(paths, exception).startswith(MESSAGE)
