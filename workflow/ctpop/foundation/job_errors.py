"""A summary of the errors of failed workflow jobs, printed once each at the end of the output.

Snakemake prints the error of a job among the messages of other jobs, together with all files of the job. The filter in
this module collects the log files of failed jobs and shortens these messages; `print_at_exit` prints the errors after
all other output. The log file of a job contains its complete output.
"""

import atexit
import logging
import sys
from pathlib import Path

from ctpop.foundation.errors import count

JOB_ERROR, JOB_FINISHED = "job_error", "job_finished"
LISTS = ("input", "output")  # omitted from messages because a job can have a thousand files
BEGIN = "error in "  # first words of an error message from the command line
MOST_SHOWN = 5


class FailedJobs(logging.Filter):
    """A filter for Snakemake's log that collects the log files of failed jobs and suppresses no message.

    Attributes
    ----------
    logs : dict of int to list of str
        Log files by the number of the job, for each job that failed and did not succeed in a later attempt.
    rules : dict of int to str
        Rule of each failed job by the number of the job.

    """

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[int, list[str]] = {}
        self.rules: dict[int, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Store the log files of a failed job, and remove the lists of files from its message."""
        event = getattr(record, "event", None)
        name = str(getattr(event, "value", event))
        if name == JOB_FINISHED:
            self.logs.pop(getattr(record, "job_id", -1), None)
        if name != JOB_ERROR:
            return True
        job = getattr(record, "jobid", -1)
        self.logs[job] = [str(path) for path in getattr(record, "log", [])]
        self.rules[job] = str(getattr(record, "rule_name", "a rule"))
        for part in LISTS:
            setattr(record, part, [])
        return True

    def text(self) -> str:
        """Return the errors of the failed jobs; each error is listed once, with the log file of the first such job."""
        jobs: dict[str, list[int]] = {}
        for job, logs in self.logs.items():
            jobs.setdefault(self._error_of(job, logs), []).append(job)
        parts = [f"{error}\n{self._where(numbers)}" for error, numbers in list(jobs.items())[:MOST_SHOWN]]
        more = len(jobs) - len(parts)
        also = f"the log files of other jobs contain {count(more, 'more error')}\n" if more else ""
        return "".join(["\n", *parts, also])

    def print_at_exit(self) -> None:
        """Print the errors when the program ends, after the last message of Snakemake.

        The log files are read immediately, because Snakemake changes the working folder before it ends.
        """
        if self.logs:
            atexit.register(sys.stderr.write, self.text())

    def _error_of(self, job: int, logs: list[str]) -> str:
        messages = [message for path in logs if (message := last_error(Path(path)))]
        return messages[0] if messages else f"error: a job of rule {self.rules[job]} ended without an error message"

    def _where(self, jobs: list[int]) -> str:
        also = f" and {count(len(jobs) - 1, 'more job')} with the same error" if len(jobs) > 1 else ""
        logs = self.logs[jobs[0]]
        return f"  rule {self.rules[jobs[0]]}{also}; {'log: ' + ', '.join(logs) if logs else 'the rule has no log'}\n"


def last_error(log: Path) -> str:
    """Return the last error message in a log, or else its last line; empty if the log is empty or missing.

    Parameters
    ----------
    log : Path
        Log file of a job; the file can be missing.

    """
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    except OSError:
        return ""
    begins = [number for number, line in enumerate(lines) if line.startswith(BEGIN)]
    if not begins:
        return _without_message(lines)
    command, _, message = "\n".join(lines[begins[-1] :]).removeprefix(BEGIN).partition(": ")
    return f"error: {message}" if command.replace("-", "").isalnum() else "\n".join(lines[begins[-1] :])


def _without_message(lines: list[str]) -> str:
    """Return the exception of a failed program, or the last line of a program that was terminated externally."""
    if not lines:
        return ""
    if any(line.startswith("Traceback") for line in lines):
        return f"error: {lines[-1]}"
    return (
        "error: the job ended without an error message (possible cause: a memory or time limit); last line of its log:"
        f" {lines[-1]}"
    )
