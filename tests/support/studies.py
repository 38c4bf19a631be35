"""Runs of the Snakefile on studies in temporary folders."""

import csv
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support import snakemake_server

REPO = Path(__file__).parents[2]
QUICK_FIGURES = {"dpi": 72, "formats": ["png"]}  # for tests that only check whether figures exist
FEW_STRUCTURES = ("spleen", "kidney_right", "kidney_left", "liver", "aorta", "hip_left", "iliopsoas_left")
BUT_THE_REPORT = ("--omit-from", "report")  # leaves the targets with all tables and the gallery
JOB = re.compile(r"^([a-z_]+)\s+(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Study:
    """A folder with a configuration in which the workflow runs."""

    folder: Path
    config: dict[str, Any]

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["study"]["name"]

    def changed(self, section: str, **settings: Any) -> "Study":
        """Return the same study with changed settings in one section."""
        return Study(self.folder, {**self.config, section: {**self.config.get(section, {}), **settings}})

    def command(self, *options: str) -> list[str]:
        """Return the command that runs the study in a separate process."""
        return [sys.executable, "-m", "snakemake", *self.arguments(*options)]

    def arguments(self, *options: str) -> list[str]:
        """Write the study file and return the arguments of `snakemake`."""
        path = self.folder / "study.yaml"
        path.write_text(yaml.safe_dump(self.config))
        snakefile = ["-s", str(REPO / "Snakefile"), "--directory", str(self.folder)]
        profile = ["--workflow-profile", "none", "--profile", str(REPO / "profiles" / "local")]
        return [*snakefile, *profile, "--configfile", str(path), "--cores", "2", *options]

    def run(self, *options: str, python: str | None = None, succeeds: bool = True) -> str:
        """Run the workflow and return its output. If `python` is set, use this Python in a separate process."""
        if python:
            command = [python, "-m", "snakemake", *self.arguments(*options)]
            ended = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet_environment())
            code, printed = ended.returncode, ended.stdout + ended.stderr
        else:
            code, printed = snakemake_server.run(self.arguments(*options), Path.cwd(), quiet_environment())
        assert (code == 0) == succeeds, printed[-6000:]
        return printed

    def planned(self, *targets: str) -> dict[str, int]:
        """Return the number of planned jobs per rule, for the whole study or for the given targets."""
        printed = self.run("--dry-run", *targets)
        return {rule: int(number) for rule, number in JOB.findall(printed) if rule not in ("all", "total")}

    def files(self, *folders: str) -> dict[str, bytes]:
        """Return the content of each file in the given folders of the results, including subfolders."""
        paths = [path for folder in folders for path in (self.results / folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(self.results)): path.read_bytes() for path in paths}


def quiet_environment() -> dict[str, str]:
    """Return the environment without the variables of the test run, and with passive waiting of idle threads."""
    left_out = ("SNAKEMAKE", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    return {**kept, "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


def draw_cohort(folder: Path, patients: int) -> Path:
    """Generate the first patients of the demo cohort and return the path of the registry."""
    subprocess.run(
        [sys.executable, str(REPO / "demo" / "make_cohort.py"), "--folder", str(folder), "--first", str(patients)],
        check=True,
        capture_output=True,
    )
    return folder / "registry.csv"


def demo_config(cohort: Path) -> dict[str, Any]:
    """Return the shipped configuration for a cohort generated in another folder."""
    config: dict[str, Any] = yaml.safe_load((REPO / "config.yaml").read_text())
    config["study"]["registry"] = str(cohort / "registry.csv")
    config["study"]["truth"] = str(cohort / "images" / "truth.csv")
    return config


def few_structures(folder: Path) -> str:
    """Write the shipped demo label set with a third of its structures and return its path."""
    shipped = REPO / "workflow" / "ctpop" / "resources" / "structures" / "demo.csv"
    with shipped.open(newline="", encoding="utf-8") as file:
        columns, *rows = csv.reader(file)
    path = folder / "few_structures.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *(row for row in rows if row[1] in FEW_STRUCTURES)])
    return str(path)
