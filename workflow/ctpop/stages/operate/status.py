"""How far a study is: scans done, failed by reason and left, shards, hours so far and to go; asked while it runs."""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ctpop.stages.operate import configured_study as studies
from ctpop.stages.operate import failed_scans
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.segmentation_progress import STATES, Shard, progress

PROBLEM_STATES = {"failed": "failed, and sent again if attempts are left", "silent": "silent for long"}
TABLES = ("cohort", "segments", "measures", "verdicts", "associations")


def summary(study: ConfiguredStudy, shards: list[Shard]) -> list[str]:
    """Return what there is to say, line by line."""
    return [
        f"study {study.name}: {len(study.cohort)} scans enter, {len(shards)} shards",
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
    """Return how many scans came to which end."""
    failed = sum((shard.failed for shard in shards), Counter[str]())
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(failed.items()))
    running = sum(shard.left for shard in shards if shard.state == "running")
    waiting = sum(shard.left for shard in shards if shard.state != "running")
    done = sum(shard.done for shard in shards)
    text = f"{failed.total()} failed{f' ({reasons})' if reasons else ''}"
    return f"scans   {done} done, {text}, {running} left in running jobs, {waiting} in jobs that wait"


def shards_line(shards: list[Shard]) -> str:
    """Return how many jobs are in which state."""
    states = Counter(shard.state for shard in shards)
    return "shards  " + ", ".join(f"{states[state]} {state}" for state in STATES if states[state])


def cost_line(shards: list[Shard]) -> str:
    """Return the hours so far, and those to come at the same pace."""
    seconds, fresh = sum(shard.seconds for shard in shards), sum(shard.fresh for shard in shards)
    kind = "GPU hours" if any(shard.on_gpu for shard in shards) else "hours of jobs (no GPU was used)"
    text = f"time    {seconds / 3600:.2f} {kind} so far"
    left, jobs = sum(shard.left for shard in shards), sum(shard.state == "running" for shard in shards)
    if not left:
        return text
    if not fresh:
        return f"{text}; nothing is finished yet that says how long the rest takes"
    each = seconds / fresh
    hours = each * left / 3600 / max(jobs, 1)
    return f"{text}; {each:.1f} s per scan, so {hours:.2f} h are left with {max(jobs, 1)} jobs at a time"


def rest_line(study: ConfiguredStudy, shards: int) -> str:
    """Return which later results are there."""
    measured = len(list((study.results / "shards" / "measures").glob("[!.]*.parquet")))
    there = [name for name in TABLES if (study.results / "tables" / f"{name}.parquet").is_file()]
    report = study.results / "report" / "index.html"
    tables = ", ".join(there) or "none"
    text = str(report) if report.is_file() else "not yet"
    return f"then    {min(measured, shards)} shards measured; tables: {tables}; report: {text}"


def log_of(study: ConfiguredStudy, shard: Shard) -> Path:
    """Return where the job of a shard says what it does."""
    return study.results / "logs" / "segment" / f"{shard.name}.log"


@dataclass(frozen=True)
class StatusOptions:
    """Options of the command `status`; `ctpop status --help` explains them."""

    study: Path


def run(options: StatusOptions) -> None:
    """Print how far the study is."""
    study = studies.read(options.study)
    if study.start_from == "measures":
        first = f"study {study.name}: starts from measures, so that there is nothing to segment"
        lines = [first, *failed_scans.lines_of(study), rest_line(study, 0)]
    else:
        lines = summary(study, progress(study))
    sys.stdout.write("\n".join(lines) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    studies.add_study_argument(parser)
