"""The errors of failed jobs of a workflow, from their log files, once each and last on the screen.

Snakemake prints an error where it happens, among the messages of other jobs, with all files of the job. The filter here
collects the log files of failed jobs and shortens these messages; `print_at_exit` prints what the jobs reported after
everything else. The complete output of a job stays in its log file.
"""

import atexit
import logging
import sys
from pathlib import Path

JOB_ERROR, JOB_FINISHED = "job_error", "job_finished"
LISTS = ("input", "output")  # of a job, which may have a thousand files
BEGIN = "error in "  # of a message of the command line
MOST_SHOWN = 5


class FailedJobs(logging.Filter):
    """A filter of Snakemake's log that collects the log files of failed jobs; it lets every message pass.

    Attributes
    ----------
    logs : dict of (rule and number) to list of str
        Log files of each job that failed and was not repeated with success.

    """

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[int, list[str]] = {}
        self.rules: dict[int, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the log files of a failed job, and remove the lists of files from the message about it."""
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
        """Return the errors of the failed jobs, each once with the log file of the first job that reported it."""
        jobs: dict[str, list[int]] = {}
        for job, logs in self.logs.items():
            jobs.setdefault(self._error_of(job, logs), []).append(job)
        parts = [f"{error}\n{self._where(numbers)}" for error, numbers in list(jobs.items())[:MOST_SHOWN]]
        more = len(jobs) - len(parts)
        return "".join(["\n", *parts, f"{more} more errors are in the log files of other jobs\n" if more else ""])

    def print_at_exit(self) -> None:
        """Print the errors when the program ends, after Snakemake's own last message.

        The logs are read now, since Snakemake leaves the folder of the study before it ends.
        """
        if self.logs:
            atexit.register(sys.stderr.write, self.text())

    def _error_of(self, job: int, logs: list[str]) -> str:
        messages = [message for path in logs if (message := last_error(Path(path)))]
        return messages[0] if messages else f"error: a job of rule {self.rules[job]} ended without a message"

    def _where(self, jobs: list[int]) -> str:
        also = f", and {len(jobs) - 1} more jobs with the same error" if len(jobs) > 1 else ""
        logs = self.logs[jobs[0]]
        return f"  rule {self.rules[jobs[0]]}{also}; {'log: ' + ', '.join(logs) if logs else 'the rule has no log'}\n"


def last_error(log: Path) -> str:
    """Return the message with which a command ended, else the last line of its log; empty if the log is empty.

    Parameters
    ----------
    log : Path
        Log file of a job, which need not exist.

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
    """Return the exception of a program that failed, or the last line of one that was ended from outside."""
    if not lines:
        return ""
    if any(line.startswith("Traceback") for line in lines):
        return f"error: {lines[-1]}"
    return f"error: the job ended without a message (a limit of memory or time?); last line of its log: {lines[-1]}"
