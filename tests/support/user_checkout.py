"""The checkout of a user with all files that the documentation requires, and a shell in it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from support import dicom_files, tiny_model
from support.other_patients import rename_patients
from support.printed_commands import Command, Page
from support.real_data import write_meta
from support.solids import box
from support.studies import REPO, quiet_environment
from support.v1_model import save_v1
from support.volumes import hu, label_set, save

COPIED = (
    *("Snakefile", "Makefile", "pyproject.toml", "constraints.txt", "config.yaml", "README.md"),
    *("profiles", "docs", "demo", "envs", "bench", "workflow"),
)
DRAWN = shutil.ignore_patterns("__pycache__", "*.egg-info", "images", "simulated_study")
STRUCTURES = ("autochthon_left", "aorta")
SHAPE = (14, 12, 10)
SCANS = [f"demo-{number:03d}" for number in range(1, 13)]
MINUTES = 10
ADDRESS_S = 60
STUDY: dict[str, Any] = {
    "study": {
        "name": "my_study",
        "start_from": "segmentations",
        "registry": "my_cohort/registry.csv",
        "banner": "synthetic",
    },
    "structures": "structures.csv",
    "segment": {"shards": 1},
    "aging": {"n_min": 5},
    "report": {"figure6": [["aorta", "volume_ml"]], "dpi": 72, "formats": ["svg"]},
}
DICOM_STUDY = {
    **STUDY,
    "study": {"name": "my_cohort", "start_from": "images", "registry": "my_cohort/registry.csv", "dicom": "my_dicom"},
    "cohort": {"criteria": ["age_known"]},
    "segment": {"shards": 1, "model": f"tiny_model/{tiny_model.FOLDER_NAME}"},
    "structures": "tiny_structures.csv",
    "report": {**STUDY["report"], "figure6": [["spleen", "volume_ml"]]},
}


def label_map(number: int) -> np.ndarray:
    """Return a box per structure inside the image; both grow with the scan number, one with more variation."""
    found = np.zeros(SHAPE, np.uint8)
    found[box(SHAPE, (1, 2, 2), (5, 5 + number // 2, 7))] = 1
    found[box(SHAPE, (8, 2, 2), (12, 5 + (5 * number) % 7, 7))] = 2
    return found


@dataclass(frozen=True)
class Outcome:
    """The exit code and the output of a command."""

    code: int
    printed: str


@dataclass
class Checkout:
    """A checkout in a separate folder that contains HOME, so that files of the actual user are not affected."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        """Return the environment variables of a user who has activated the environment of the checkout."""
        kept = {key: value for key, value in quiet_environment().items() if key != "XDG_CONFIG_HOME"}
        found = {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "workflow"),
        }
        return {**kept, **found, **self.variables}

    def prepare(self) -> None:
        """Create the checkout and run the study that most commands use."""
        self.home.mkdir(parents=True)
        for name in COPIED:
            source, target = REPO / name, self.folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=DRAWN)
            else:
                shutil.copy2(source, target)
        (self.folder / "tests").symlink_to(REPO / "tests")
        self._environment_of_python()
        self._files_of_the_demo()
        self._files_of_the_study()
        self._files_of_dicom()
        self._files_of_the_examples()
        ended = Shell(self).run("snakemake --profile profiles/local --configfile my_study.yaml")
        assert ended.code == 0, ended.printed
        for name in ("first", "second", "third", "demo", "pilot"):
            self._copy_study(name)
        rename_patients(self.folder / "results" / "second")
        rename_patients(self.folder / "results" / "third", "third-")
        shutil.copytree(self.folder / "my_cohort", self.folder / ".kept" / "my_cohort")

    def _copy_study(self, name: str) -> None:
        """Copy the finished study to another name, as if it had been run under that name."""
        copy = self.folder / "results" / name
        shutil.copytree(self.folder / "results" / "my_study", copy)
        provenance = json.loads((copy / "provenance.json").read_text(encoding="utf-8"))
        provenance["config"]["study"]["name"] = name
        (copy / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")

    def _environment_of_python(self) -> None:
        """Place the current environment where `make setup` creates one."""
        if (Path(sys.prefix) / "bin" / "activate").is_file():
            (self.folder / ".venv").symlink_to(sys.prefix)
        else:
            command = [sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", self.folder / ".venv"]
            subprocess.run(command, check=True)

    def _files_of_the_demo(self) -> None:
        (self.folder / "demo" / "images").mkdir()
        (self.folder / "demo" / "images" / "truth.csv").touch()  # generated by `make images`; required by a dry run

    def _files_of_the_study(self) -> None:
        cohort = self.folder / "my_cohort"
        rows = []
        for number, name in enumerate(SCANS):
            save(cohort / f"{name}_ct.nii.gz", hu(SHAPE, seed=number))
            save(cohort / f"{name}_labels.nii.gz", label_map(number))
            sex = ("female", "male")[number % 2]
            rows.append(
                [name, name, 40 + 3 * number, sex, f"{name}_ct.nii.gz", f"{name}_labels.nii.gz", "true", "true"]
            )
        columns = ["scan_id", "patient_id", "age_years", "sex", "ct_path", "segmentation_path", "complete", "contrast"]
        pd.DataFrame(rows, columns=columns).to_csv(cohort / "registry.csv", index=False)
        label_set(*STRUCTURES).table.to_csv(self.folder / "structures.csv", index=False)
        self.write_study()

    def _files_of_dicom(self) -> None:
        for seed, patient in enumerate(("one", "two", "three")):
            values = dicom_files.hounsfield(12, seed)
            dicom_files.write_series(self.folder / "my_dicom" / patient, patient=patient, study=patient, hu=values)
        tiny_model.describe(self.folder / "tiny_model")
        label_set(*tiny_model.STRUCTURES).table.to_csv(self.folder / "tiny_structures.csv", index=False)

    def _files_of_the_examples(self) -> None:
        """Write the tables of the examples and files with the names of the public weights."""
        bids = self.folder / "my_bids"
        bids.mkdir()
        (bids / "participants.tsv").write_text("participant_id\tage\tsex\nsub-01\t61\tf\nsub-02\tn/a\tm\n")
        example = yaml.safe_load((self.folder / "docs/examples/totalsegmentator_dataset.yaml").read_text())
        write_meta((self.folder / example["study"]["registry"]).parent)
        tiny_model.describe_set(self.home / ".totalsegmentator" / "nnunet" / "results")

    def write_study(self, file: str = "my_study.yaml", **study: Any) -> None:
        """Write the configuration of the small study, adapted from the example."""
        config = {**STUDY, "study": {**STUDY["study"], **study}}
        (self.folder / file).write_text(yaml.safe_dump(config))

    def restore(self) -> None:
        """Restore the configuration and registry of the study after the commands of a section; keep the results."""
        self.write_study()
        shutil.rmtree(self.folder / "my_cohort")
        shutil.copytree(self.folder / ".kept" / "my_cohort", self.folder / "my_cohort")

    # --- Manual steps of a user according to the pages, and files that would be downloaded. ---------------------------

    def before(self, command: Command) -> None:
        """Perform the steps that a command requires."""
        if command.text.startswith("ctpop index "):
            (self.folder / "my_cohort" / "registry.csv").unlink()  # created by the command

    def after(self, command: Command, place: Path) -> None:
        """Perform the steps that the page describes after a command, such as adapting the example."""
        if command.text == "cp docs/study.yaml my_study.yaml":
            self._adapt(command.page)
        elif command.text == "cp my_study.yaml pilot.yaml":
            self.write_study("pilot.yaml", name="pilot", registry="my_cohort/pilot.csv")
        elif command.text.startswith("curl -LO "):
            self._fetch(place / command.text.rpartition("/")[2])

    def _adapt(self, page: str) -> None:
        if page == "docs/dicom.md":
            (self.folder / "my_study.yaml").write_text(yaml.safe_dump(DICOM_STUDY))
        else:
            self.write_study()

    def _fetch(self, archive: Path) -> None:
        """Write the archive of a part model or of the complete model, with a tiny nnU-Net v1 model."""
        case = {"Task251": "part1", "Task256": "whole"}.get(archive.name.partition("_")[0])
        if case:
            made = self.folder / ".fetched"
            save_v1(made, case, task=archive.stem)
            shutil.make_archive(str(archive.with_suffix("")), "zip", made, archive.stem)

    def save_configuration(self, page: str) -> None:
        """Save the first configuration of a page under the name in the page, adapted as described there."""
        text = (REPO / page).read_text(encoding="utf-8")
        for name in re.findall(r"Save the following text as\s+`(\w+\.yaml)`", text):
            block = next(block for block in Page(text).blocks if block.language == "yaml")
            config = yaml.safe_load("\n".join(line for _, line in block.lines))
            config["segment"]["model"] = "paper_104_3mm"  # the alternative of the page, which requires one model
            (self.folder / name).write_text(yaml.safe_dump(config))


class Shell:
    """A shell in a checkout that keeps its folder and variables between commands."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.place = checkout.folder
        self._environment = checkout.environment()

    def run(self, text: str) -> Outcome:
        """Run a printed command to completion."""
        leave = self.checkout.folder / ".left"
        script = f"trap 'env -0 > {shlex.quote(str(leave))}' EXIT\nset -euo pipefail\n{text}\n"
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60 * MINUTES,
        )
        left = dict(entry.split("=", 1) for entry in leave.read_text().split("\0") if "=" in entry)
        self.place = Path(left.pop("PWD"))
        self._environment = {key: value for key, value in left.items() if key not in {"OLDPWD", "SHLVL", "_"}}
        return Outcome(ended.returncode, ended.stdout + ended.stderr)

    def serve(self, text: str) -> Outcome:
        """Start a server, read the address that it prints, and stop it with an interrupt."""
        running = subprocess.Popen(
            ["bash", "-c", f"exec {text}"],
            cwd=self.place,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=partial(
                signal.signal, signal.SIGINT, signal.SIG_DFL
            ),  # child processes of a background shell ignore the interrupt
        )
        try:
            address = running.stdout.readline().strip()
            status = urllib.request.urlopen(address, timeout=ADDRESS_S).status if address else 0
        finally:
            running.send_signal(signal.SIGINT)
            printed, told = running.communicate(timeout=ADDRESS_S)
        return Outcome(running.returncode if status == 200 else 1, f"{address}\n{printed}{told}")
