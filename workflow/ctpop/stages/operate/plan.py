"""Estimate of the jobs, hours, disk space, and memory of a study from the rates of a pilot or the default rates."""

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from ctpop.figures.formatting import count
from ctpop.foundation.errors import ContractError
from ctpop.stages.operate import configured_study
from ctpop.stages.operate import rates as known
from ctpop.stages.operate.rates import Rates
from ctpop.study.rules import single_jobs

HOUR = 3600
NO_GPU = "; without a GPU, as in the pilot"
DAYS_FROM_HOURS = 72


def lines_of(scans: int, scans_per_shard: int, at_once: int, rates: Rates) -> list[str]:
    """Return the lines of the plan and the rates on which it is based."""
    shards = math.ceil(scans / scans_per_shard)
    seconds = {"segment": rates.segment_s, "measure": rates.measure_s, "review": rates.review_s}
    memory = {"segment": rates.segment_mb, "measure": rates.measure_mb, "review": rates.review_mb}
    hours = {stage: (scans * each + shards * rates.start_s) / HOUR for stage, each in seconds.items()}
    waited = math.ceil(shards / at_once) * hours["segment"] / shards
    return [
        f"{count(scans, 'scan')} in {count(shards, 'shard')} (average: {count(scans_per_shard, 'scan')} per shard)",
        "",
        f"{'stage':10}{'jobs':>8}{'hours per job':>16}{'total hours':>14}{'memory (GB)':>14}",
        *[
            f"{stage:10}{shards:>8,}{hours[stage] / shards:>16.2f}{hours[stage]:>14,.1f}{memory[stage] / 1000:>14.1f}"
            for stage in hours
        ],
        f"{'other':10}{len(single_jobs('images')):>8}{'':>16}{'':>14}{'12.0':>14}",
        "",
        f"{'GPU hours ' if rates.on_gpu else 'job hours '} {hours['segment']:,.1f}"
        f" ({hours['segment'] / scans * 1000:.1f} per 1000 scans{'' if rates.on_gpu else NO_GPU})",
        f"time       {in_words(waited)} with {count(at_once, 'GPU' if rates.on_gpu else 'job')} in parallel;"
        " measurement runs concurrently",
        f"disk       {scans * rates.mask_mb / 1000:,.1f} GB for label maps,"
        f" {scans * rates.tables_mb / 1000:,.1f} GB for tables and histograms",
        f"reading    {3 * scans * rates.ct_mb / 1e6:,.2f} TB (each CT for segmentation, measurement, and review)",
        *advice(hours["segment"] / shards, scans_per_shard),
        "",
        "rates",
        *[f"  {name} = {getattr(rates, name):g}: {source}" for name, source in rates.sources.items()],
    ]


def in_words(hours: float) -> str:
    """Return a duration in hours, or in days if it is long."""
    return f"{hours:.1f} hours" if hours < DAYS_FROM_HOURS else f"{hours / 24:.1f} days"


def advice(hours_of_a_job: float, scans_per_shard: int) -> list[str]:
    """Return the number of scans per shard for jobs of about 1 hour, if jobs would be much shorter or longer."""
    right = max(1, round(scans_per_shard / hours_of_a_job))
    if 1 / 2 <= hours_of_a_job <= 2:
        return []
    return [f"advice     set segment.scans_per_shard: {right} for jobs of about 1 hour"]


@dataclass(frozen=True)
class PlanOptions:
    """Options of the command `plan`; `ctpop plan --help` describes them."""

    scans: int
    scans_per_shard: int
    gpus: int
    pilot: Path | None


def run(options: PlanOptions) -> None:
    """Print the plan."""
    if options.scans < 1 or options.gpus < 1 or options.scans_per_shard < 1:
        raise ContractError(
            f"--scans, --gpus, and --scans-per-shard must be at least 1, but are {options.scans}, {options.gpus}, and"
            f" {options.scans_per_shard}; use positive numbers, for example --scans 4000"
        )
    rates = known.measured(configured_study.read(options.pilot)) if options.pilot else known.shipped()
    sys.stdout.write("\n".join(lines_of(options.scans, options.scans_per_shard, options.gpus, rates)) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--scans", type=int, required=True, help="number of scans in the cohort")
    parser.add_argument(
        "--scans-per-shard", type=int, default=128, help="value of segment.scans_per_shard (default: %(default)s)"
    )
    parser.add_argument("--gpus", type=int, default=8, help="number of parallel GPU jobs (default: %(default)s)")
    parser.add_argument(
        "--pilot",
        type=Path,
        metavar="STUDY",
        help="study file of a completed study with the same models and nodes, whose rates are used (default: built-in"
        " rates)",
    )
