"""Checks of Slurm and of a Snakemake profile: availability, requested partitions, and settings with known problems."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ctpop.foundation import strict_yaml
from ctpop.foundation.alternatives import closest
from ctpop.foundation.corrections import in_yaml
from ctpop.foundation.errors import ContractError
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check
from ctpop.study import configuration_file

INIT_S = 40  # SOURCE: plugin 2.8, time (s) until its first query of the queue
WANTED: dict[str, Any] = {"slurm-status-command": "squeue", "slurm-no-requeue": True, "scheduler": "greedy"}
WRONG = ("slurm-array-jobs", "slurm-requeue", "keep-incomplete")
RETRIES = 2
PATIENCE_S = 30
FOR_SLURM = Path("profiles/slurm")


def of_slurm(profile: Path | None) -> list[Check]:
    """Return the checks of a profile and of Slurm.

    Without a profile, `profiles/slurm` is checked if Slurm is available.
    """
    if profile is None and not (FOR_SLURM.is_dir() and (shutil.which("sinfo") or "SLURM_JOB_ID" in os.environ)):
        return [Check("profile", OK, f"not checked: Slurm or {FOR_SLURM} not found; specify a profile with --profile")]
    profile = profile or FOR_SLURM
    chosen = read(profile)
    if chosen.get("executor") != "slurm":
        return [Check("profile", OK, f"{profile}: does not submit jobs to Slurm")]
    return [settings_of(chosen, profile), *cluster(chosen)]


def read(profile: Path) -> dict[str, Any]:
    """Return the settings of a profile."""
    path = file_of(profile)
    if not path.is_file():
        close = closest(str(profile))
        hint = f"did you mean {close}?" if close else "correct the path after --profile"
        raise ContractError(f"{path}: the Snakemake profile does not exist; {hint}")
    chosen = strict_yaml.content_of(path, "the Snakemake profile")
    return chosen if isinstance(chosen, dict) else {}


def file_of(profile: Path) -> Path:
    """Return the file of a profile, which can be specified by its folder."""
    return profile / "config.yaml" if profile.is_dir() else profile


def settings_of(chosen: dict[str, Any], profile: Path) -> Check:
    """Return whether a profile prevents jobs from hanging, running twice, or deleting results."""
    wanted = {**WANTED, **({} if chosen.get("retries") else {"retries": RETRIES})}
    wrong = {key: value for key, value in wanted.items() if chosen.get(key) != value}
    lines = [f"{key}: is {_found(chosen, key)}; set {in_yaml({key: value})}" for key, value in wrong.items()]
    lines += [f"{key}: is {_found(chosen, key)}; remove the line" for key in WRONG if key in chosen]
    if lines:
        lines = configuration_file.with_places(lines, file_of(profile))
    lines += ["rename profiles/default, which Snakemake also loads"] if Path("profiles/default").exists() else []
    return Check("profile", ERROR if lines else OK, "; ".join(lines) or f"{profile}: required settings present")


def _found(chosen: dict[str, Any], key: str) -> str:
    return str(in_yaml(chosen[key])) if key in chosen else "missing"


def cluster(chosen: dict[str, Any]) -> list[Check]:
    """Return whether Slurm responds and the partitions of the profile exist."""
    if not shutil.which("sinfo") and "SLURM_JOB_ID" in os.environ:
        return [Check("slurm", OK, "not checked: this process runs in a job on a node without sinfo")]
    if not shutil.which("sinfo"):
        return [Check("slurm", ERROR, "sinfo not found; log in to a node from which jobs are submitted")]
    listed = query("sinfo", "--noheader", "--format=%R|%G|%D")
    if listed is None:
        return [Check("slurm", ERROR, "sinfo does not respond; check the Slurm controller and SLURM_CONF")]
    rows = [line.split("|") for line in listed.splitlines() if line]  # one row per node type in a partition
    known, cards = {row[0] for row in rows}, {row[0] for row in rows if "gpu" in row[1]}
    return [partitions(chosen, known, cards), memory_of_queue()]


def partitions(chosen: dict[str, Any], known: set[str], cards: set[str]) -> Check:
    """Return whether all partitions of a profile exist and at least one of them has GPUs."""
    places = [chosen.get("default-resources"), *(chosen.get("set-resources") or {}).values()]
    requested = {name for place in places if place for name in names_in(str(place.get("slurm_partition", "")))}
    absent = sorted(requested - known)
    if absent:
        missing = f"missing partitions: {', '.join(absent)}"
        return Check("slurm", ERROR, f"{missing}; correct slurm_partition (available: {', '.join(sorted(known))})")
    output = f"partitions of the profile: {', '.join(sorted(requested)) or 'default of the site'}"
    if not requested & cards:
        return Check("slurm", WARNING, f"{output}; none of these partitions lists a GPU")
    return Check("slurm", OK, f"{output}; with GPUs: {', '.join(sorted(requested & cards))}")


def names_in(partition: str) -> list[str]:
    """Return the partitions in an entry of a profile: a name, or an expression that selects among quoted names."""
    if " if " not in partition:
        return [partition] if partition else []
    chosen = re.sub(r"input\.get\('[^']*'\)", "", partition)
    return re.findall(r"'([^']+)'", chosen)


def memory_of_queue() -> Check:
    """Return whether squeue lists finished jobs long enough for Snakemake to query their final state."""
    output = query("scontrol", "show", "config") or ""
    found = re.search(r"MinJobAge\s*=\s*(\d+)", output)
    if not found:
        required = f"squeue must list finished jobs for at least {3 * INIT_S} s"
        return Check("queue", WARNING, f"MinJobAge is unknown; {required}")
    seconds = int(found[1])
    if seconds < 3 * INIT_S:
        required = f"at least {3 * INIT_S} s are required (MinJobAge)"
        return Check("queue", ERROR, f"squeue lists finished jobs for {seconds} s; {required}")
    return Check("queue", OK, f"squeue lists finished jobs for {seconds} s")


def query(*command: str) -> str | None:
    """Return the output of a Slurm command, or None if it fails or does not respond."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
