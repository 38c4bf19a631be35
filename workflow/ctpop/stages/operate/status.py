"""Status of a study during a run: finished, failed, and remaining scans, shards, elapsed hours, and remaining hours."""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ctpop.figures.formatting import count
from ctpop.stages.operate import configured_study as studies
from ctpop.stages.operate import failed_scans
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.segmentation_progress import SILENCE_S, STATES, Shard, progress

PROBLEM_STATES = {
    "failed": "failed; repeated if attempts remain",
    "silent": f"no output for more than {SILENCE_S // 60} minutes",
}
TABLES = ("cohort", "segments", "measures", "verdicts", "associations")


def summary(study: ConfiguredStudy, shards: list[Shard]) -> list[str]:
    """Return the lines of the status report."""
    return [
        f"study {study.name}: {count(len(study.cohort), 'scan')} in the cohort, {count(len(shards), 'shard')}",
        scans_line(shards),
        *failed_scans.lines_of(study),
        shards_line(shards),
        *[
            f"  {PROBLEM_STATES[shard.state]}: {log_of(study, shard)}"
            for shard in shards
            if shard.state in PROBLEM_STATES
        ],
        cost_line(shards),
        rest_line(study, len(shards)),
    ]


def scans_line(shards: list[Shard]) -> str:
    """Return the number of scans by outcome."""
    failed = sum((shard.failed for shard in shards), Counter[str]())
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(failed.items()))
    running = sum(shard.left for shard in shards if shard.state == "running")
    waiting = sum(shard.left for shard in shards if shard.state != "running")
    done = sum(shard.done for shard in shards)
    text = f"{failed.total()} failed{f' ({reasons})' if reasons else ''}"
    return f"scans   {done} finished, {text}, {running} remaining in running jobs, {waiting} in waiting jobs"


def shards_line(shards: list[Shard]) -> str:
    """Return the number of shards by state."""
    states = Counter(shard.state for shard in shards)
    return "shards  " + ", ".join(f"{states[state]} {state}" for state in STATES if states[state])


def cost_line(shards: list[Shard]) -> str:
    """Return the elapsed hours and the remaining hours at the same rate."""
    seconds, fresh = sum(shard.seconds for shard in shards), sum(shard.fresh for shard in shards)
    kind = "GPU hours" if any(shard.on_gpu for shard in shards) else "job hours (no GPU)"
    text = f"time    {seconds / 3600:.2f} {kind} elapsed"
    left, jobs = sum(shard.left for shard in shards), sum(shard.state == "running" for shard in shards)
    if not left:
        return text
    if not fresh:
        return f"{text}; the remaining time can be estimated after the first scan is finished"
    each = seconds / fresh
    hours = each * left / 3600 / max(jobs, 1)
    return f"{text}; {each:.1f} s per scan; {hours:.2f} h remaining with {count(max(jobs, 1), 'parallel job')}"


def rest_line(study: ConfiguredStudy, shards: int) -> str:
    """Return the results of later stages that exist."""
    measured = len(list((study.results / "shards" / "measures").glob("[!.]*.parquet")))
    there = [name for name in TABLES if (study.results / "tables" / f"{name}.parquet").is_file()]
    report = study.results / "report" / "index.html"
    tables = ", ".join(there) or "none"
    text = str(report) if report.is_file() else "none"
    return f"results {count(min(measured, shards), 'shard')} measured; tables: {tables}; report: {text}"


def log_of(study: ConfiguredStudy, shard: Shard) -> Path:
    """Return the path of the log of a shard."""
    return study.results / "logs" / "segment" / f"{shard.name}.log"


@dataclass(frozen=True)
class StatusOptions:
    """Options of the command `status`; `ctpop status --help` describes them."""

    study: Path


def run(options: StatusOptions) -> None:
    """Print the status of the study."""
    study = studies.read(options.study)
    if study.start_from == "measures":
        first = f"study {study.name}: the starting point is a table of measures; no segmentation is required"
        lines = [first, *failed_scans.lines_of(study), rest_line(study, 0)]
    else:
        lines = summary(study, progress(study))
    sys.stdout.write("\n".join(lines) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    studies.add_study_argument(parser)
