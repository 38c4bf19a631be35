"""Missing files named in settings are reported with the setting; Snakemake reports other missing files."""

import logging

import pytest

from ctpop.study.missing_inputs import MissingInputs

CONFIG = {"study": {"registry": "scans.csv", "truth": "./truth.csv"}, "structures": "mine.csv", "evaluate": {}}
MESSAGE = "Missing input files for rule cohort:\n    output: t.parquet\n    affected files:\n"


def filtered(paths, exception="MissingInputException"):
    text = MESSAGE + "".join(f"        {path}\n" for path in paths)
    record = logging.LogRecord("snakemake", logging.ERROR, "", 0, text, (), None)
    record.exception = exception
    assert MissingInputs(CONFIG, {"study.truth": "s.yaml, line 2"}).filter(record)
    return record.getMessage()


def test_each_missing_file_of_a_setting_is_reported_with_the_line():
    registry, known = filtered(["truth.csv", "scans.csv"]).splitlines()

    assert registry.startswith("error: study.registry: file 'scans.csv' does not exist; correct the path")
    assert known.startswith("error: s.yaml, line 2: study.truth: file './truth.csv' does not exist; correct the path")


def test_a_setting_without_a_section_is_reported():
    assert filtered(["mine.csv"]).startswith("error: structures: file 'mine.csv' does not exist")


@pytest.mark.parametrize(
    ("paths", "exception"), [(["results/x.parquet"], "MissingInputException"), (["scans.csv"], "WorkflowError")]
)
def test_other_messages_are_unchanged(paths, exception):
    assert filtered(paths, exception).startswith(MESSAGE)
