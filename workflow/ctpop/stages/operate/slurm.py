"""Whether Slurm answers, has what the profile asks for, and the profile avoids what is known to go wrong."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from ctpop.foundation.errors import ContractError, in_one_line
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check

INIT_S = 40  # SOURCE: plugin 2.8, seconds to its first look at the queue
WANTED: dict[str, Any] = {"slurm-status-command": "squeue", "slurm-no-requeue": True, "scheduler": "greedy"}
WRONG = ("slurm-array-jobs", "slurm-requeue", "keep-incomplete")
PATIENCE_S = 30
FOR_SLURM = Path("profiles/slurm")


def of_slurm(profile: Path | None) -> list[Check]:
    """Return the checks of a profile and of the Slurm that it is for.

    Without a profile, that of this folder for Slurm is checked where there is Slurm.
    """
    if profile is None and not (FOR_SLURM.is_dir() and (shutil.which("sinfo") or "SLURM_JOB_ID" in os.environ)):
        return [Check("profile", OK, f"not checked: no Slurm or no {FOR_SLURM} is here; name a profile with --profile")]
    profile = profile or FOR_SLURM
    chosen = read(profile)
    if chosen.get("executor") != "slurm":
        return [Check("profile", OK, f"{profile}: sends nothing to Slurm")]
    return [settings_of(chosen, profile), *cluster(chosen)]


def read(profile: Path) -> dict[str, Any]:
    """Return a profile as it is written."""
    path = profile / "config.yaml" if profile.is_dir() else profile
    try:
        chosen = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContractError(f"{path}: a profile of Snakemake is expected: {in_one_line(error)}") from None
    return chosen if isinstance(chosen, dict) else {}


def settings_of(chosen: dict[str, Any], profile: Path) -> Check:
    """Return whether a profile has the settings without which jobs hang, run twice or delete finished work."""
    lines = [f"{key} should be {value}" for key, value in WANTED.items() if chosen.get(key) != value]
    lines += [f"{key} should not be there" for key in WRONG if key in chosen]
    lines += [] if chosen.get("retries") else ["retries should be 2"]
    lines += ["profiles/default is loaded on top of it: rename it"] if Path("profiles/default").exists() else []
    return Check("profile", ERROR if lines else OK, f"{profile}: " + ("; ".join(lines) or "as tested"))


def cluster(chosen: dict[str, Any]) -> list[Check]:
    """Return whether Slurm answers, and has the partitions of the profile."""
    if not shutil.which("sinfo") and "SLURM_JOB_ID" in os.environ:
        return [Check("slurm", OK, "not asked: this is a job, on a node without sinfo")]
    if not shutil.which("sinfo"):
        return [Check("slurm", ERROR, "sinfo is not found: log in to a node from which jobs are sent")]
    listed = ask("sinfo", "--noheader", "--format=%R|%G|%D")
    if listed is None:
        return [Check("slurm", ERROR, "sinfo does not answer: is the controller down, or SLURM_CONF missing?")]
    rows = [line.split("|") for line in listed.splitlines() if line]  # one for each kind of node in a partition
    known, cards = {row[0] for row in rows}, {row[0] for row in rows if "gpu" in row[1]}
    return [partitions(chosen, known, cards), memory_of_queue()]


def partitions(chosen: dict[str, Any], known: set[str], cards: set[str]) -> Check:
    """Return whether every partition that a profile names is there, and one of them has GPUs."""
    places = [chosen.get("default-resources"), *(chosen.get("set-resources") or {}).values()]
    asked = {name for place in places if place for name in names_in(str(place.get("slurm_partition", "")))}
    absent = sorted(asked - known)
    if absent:
        there = ", ".join(sorted(known))
        return Check("slurm", ERROR, f"the profile asks for {', '.join(absent)}, but the partitions are {there}")
    output = f"partitions {', '.join(sorted(asked)) or 'of the site’s choice'} are there"
    if not asked & cards:
        return Check("slurm", WARNING, f"{output}; none of them shows a GPU")
    return Check("slurm", OK, f"{output}; GPUs in {', '.join(sorted(asked & cards))}")


def names_in(partition: str) -> list[str]:
    """Return the partitions in an entry of a profile: a name, or an expression that chooses between quoted names."""
    if " if " not in partition:
        return [partition] if partition else []
    chosen = re.sub(r"input\.get\('[^']*'\)", "", partition)
    return re.findall(r"'([^']+)'", chosen)


def memory_of_queue() -> Check:
    """Return whether squeue remembers jobs for long enough to be asked for their end."""
    output = ask("scontrol", "show", "config") or ""
    found = re.search(r"MinJobAge\s*=\s*(\d+)", output)
    if not found:
        return Check("queue", WARNING, "MinJobAge is not told; squeue must remember finished jobs for two minutes")
    seconds = int(found[1])
    if seconds < 3 * INIT_S:
        return Check("queue", ERROR, f"squeue forgets jobs after {seconds} s; {3 * INIT_S} are needed (MinJobAge)")
    return Check("queue", OK, f"squeue remembers jobs for {seconds} s")


def ask(*command: str) -> str | None:
    """Return what a command of Slurm says, or nothing if it fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
