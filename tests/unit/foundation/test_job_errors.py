"""Errors of failed jobs are collected from their logs, and each error is printed once."""

import logging

import pytest

from ctpop.foundation.job_errors import FailedJobs, last_error

MESSAGE = "error in cohort: registry.csv: age_years must be a number, but 1 row violates this rule\n"


def record(event, **facts):
    found = logging.LogRecord("snakemake", logging.ERROR, "", 0, "", (), None)
    vars(found).update(event=event, **facts)
    return found


def failed(job, log, rule="cohort"):
    files = {"input": ["a.csv", "b.csv"], "output": ["c.csv"]}
    return record("job_error", jobid=job, rule_name=rule, log=[str(log)], **files)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "cohort.log"
    path.write_text(f"2026-01-01 cohort: 12 scans\n{MESSAGE}")
    return path


def test_the_error_of_a_job_is_printed_with_rule_and_log(log):
    jobs = FailedJobs()

    assert jobs.filter(failed(1, log))
    assert jobs.text() == (
        f"\nerror: registry.csv: age_years must be a number, but 1 row violates this rule\n  rule cohort; log: {log}\n"
    )


def test_lists_of_files_are_removed_from_the_message_of_a_job(log):
    message = failed(1, log)

    FailedJobs().filter(message)

    assert (message.input, message.output, message.log) == ([], [], [str(log)])


def test_an_error_of_several_jobs_is_printed_once(log):
    jobs = FailedJobs()
    for job in (1, 2, 3):
        jobs.filter(failed(job, log))

    assert jobs.text().count("age_years") == 1
    assert "rule cohort and 2 more jobs with the same error" in jobs.text()


def test_different_errors_are_printed_one_after_the_other_and_many_are_counted(tmp_path):
    jobs = FailedJobs()
    for job in range(7):
        path = tmp_path / f"{job}.log"
        path.write_text(f"error in measure: fault {job}\n")
        jobs.filter(failed(job, path))

    assert [line for line in jobs.text().splitlines() if line.startswith("error")] == [
        f"error: fault {job}" for job in range(5)
    ]
    assert "the log files of other jobs contain 2 more errors" in jobs.text()


def test_a_job_that_succeeded_after_a_retry_is_not_an_error(log):
    jobs = FailedJobs()
    jobs.filter(failed(1, log))
    jobs.filter(record("job_finished", job_id=1))

    assert jobs.logs == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nerror in measure: b\n  c\n  d\n", "error: b\n  c\n  d"),
        ("error in measure: earlier\nerror in measure: later\n", "error: later"),
        (
            "report: 81 of 180 figures\n",
            "error: the job ended without an error message (possible cause: a memory or time limit); last line of its"
            " log: report: 81 of 180 figures",
        ),
        ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\n", "error: KeyError: 'a'"),
        ("", ""),
    ],
)
def test_the_last_message_of_a_log_is_used(tmp_path, text, expected):
    (tmp_path / "a.log").write_text(text)

    assert last_error(tmp_path / "a.log") == expected


def test_a_job_without_a_message_or_a_log_is_reported(tmp_path):
    jobs = FailedJobs()
    jobs.filter(failed(1, tmp_path / "absent.log"))

    assert "error: a job of rule cohort ended without an error message" in jobs.text()
