"""A wheel that is installed outside the checkout runs all commands and the workflow as a module of another workflow."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from ctpop.commands import COMMANDS
from support import dicom_files, tiny_model
from support.other_patients import rename_patients
from support.stored_models import write_model
from support.studies import REPO, Study, quiet_environment
from support.synthetic_patients import study_of, write_patients
from support.v1_model import save_v1
from support.volumes import hu, label_set, save

SOURCES = ("pyproject.toml", "README.md", "LICENSE")
DEPLOYED = """
configfile: "config/config.yaml"

module ctpop:
    snakefile: "{snakefile}"
    config: config

use rule * from ctpop as ctpop_*

rule everything:
    default_target: True
    input: rules.ctpop_all.input
"""
RULES = "".join(path.read_text(encoding="utf-8") for path in sorted((REPO / "workflow" / "rules").glob("*.smk")))
BY_RULES = set(re.findall(r"\{params\.program\} ([\w-]+)", RULES))


class Installed:
    """An environment with the wheel of this package, and a working folder for its commands.

    The dependencies of the package are those of the environment of the tests.
    """

    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "environment" / "bin" / "python"
        self.place = folder / "project"
        self.place.mkdir()
        build(folder / "source", folder / "wheels")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "environment"], check=True)
        [wheel] = (folder / "wheels").glob("ctpop-*.whl")
        pip = [sys.executable, "-m", "pip", "--quiet", "--python", self.python]
        subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True)
        [packages] = (folder / "environment" / "lib").glob("python*/site-packages")
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def run(self, *command, succeeds=True):
        """Run the Python of the environment and return its output."""
        hidden = ("PYTHONPATH", "COVERAGE_PROCESS_CONFIG", "VIRTUAL_ENV")
        environment = {key: value for key, value in quiet_environment().items() if key not in hidden}
        done = subprocess.run(
            [self.python, *map(str, command)],
            cwd=self.place,
            env={**environment, "PATH": f"{self.python.parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert succeeds in (None, done.returncode == 0), printed[-4000:]
        return printed

    def ctpop(self, *arguments):
        """Run the console command."""
        return self.run(self.python.with_name("ctpop"), *arguments)


def build(source, wheels):
    """Build the wheel from a copy of the sources, because setuptools writes to the source folder."""
    shutil.copytree(REPO / "workflow" / "ctpop", source / "workflow" / "ctpop", ignore=shutil.ignore_patterns("*.pyc"))
    for name in SOURCES:
        shutil.copy(REPO / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", wheels, source], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def deployed(installed, tmp_path_factory):
    """A study in an empty folder, run by a workflow that imports this one as a module and uses the wheel."""
    workflow = installed.folder / "deployed"
    shutil.copytree(
        REPO / "workflow", workflow / "workflow", ignore=shutil.ignore_patterns("ctpop", "*.egg-info", "schemas")
    )
    shutil.copytree(REPO / "envs", workflow / "envs")
    shutil.copy(REPO / "Snakefile", workflow)
    config = study_of(write_patients(tmp_path_factory.mktemp("patients"), 6), shards=2)
    (installed.place / "config").mkdir()
    (installed.place / "config" / "config.yaml").write_text(yaml.safe_dump(config))
    (installed.place / "Snakefile").write_text(DEPLOYED.format(snakefile=workflow / "workflow" / "Snakefile"))
    installed.run("-m", "snakemake", "--workflow-profile", "none", "--cores", "2")
    return Study(installed.place, config)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_wheel_prints_its_help(installed, command):
    assert installed.ctpop(command, "--help").startswith(f"usage: ctpop {command} ")


def test_the_wheel_is_imported_from_the_environment(installed):
    code = "import ctpop, importlib.metadata as m; print(ctpop.__file__, m.version('ctpop') == ctpop.__version__)"
    place, same = installed.run("-c", code).split()

    assert Path(place).is_relative_to(installed.folder / "environment")
    assert same == "True"


def test_the_study_of_the_module_has_the_tables_of_the_checkout(deployed, tmp_path):
    here = Study(tmp_path, deployed.config)
    here.run("aging", "gather_review")
    tables = sorted(path.name for path in (here.results / "tables").glob("*.parquet"))

    assert {"measures.parquet", "associations.parquet", "verdicts.parquet"} <= set(tables)
    for name in tables:
        pd.testing.assert_frame_equal(
            pd.read_parquet(deployed.results / "tables" / name), pd.read_parquet(here.results / "tables" / name)
        )


def test_the_module_has_finished_and_names_its_rules(deployed, installed):
    printed = installed.run("-m", "snakemake", "--workflow-profile", "none", "--cores", "1", "--dry-run")

    assert "Nothing to be done" in printed
    assert (deployed.results / "report" / "index.html").is_file()
    assert (deployed.results / "code" / "workflow" / "rules" / "measure.smk").is_file()


def test_a_module_without_a_study_does_not_run_the_demo(installed, deployed, tmp_path):
    (tmp_path / "Snakefile").write_text((installed.place / "Snakefile").read_text().replace("configfile: ", "# "))

    printed = installed.run(
        "-m", "snakemake", "--directory", tmp_path, "-s", tmp_path / "Snakefile", "-n", succeeds=False
    )

    assert "study: missing key" in printed


def test_a_deployed_workflow_names_the_package_that_it_needs(deployed, installed, tmp_path):
    nothing = "import sys; sys.modules['ctpop'] = None; from snakemake.cli import main; main()"

    printed = installed.run("-c", nothing, "--workflow-profile", "none", "--cores", "1", "--dry-run", succeeds=False)

    assert re.search(r"requires the Python package ctpop (\S+); installed version: none\.", printed)
    assert re.search(r"pip install ctpop==\d", printed)


def test_the_wheel_segments_with_a_network_as_the_checkout_does(installed, tmp_path):
    save(installed.place / "ct.nii.gz", hu((24, 20, 30)))
    model = tiny_model.save_model(installed.place / "tiny_model")
    label_set(*tiny_model.STRUCTURES).table.to_csv(installed.place / "tiny_structures.csv", index=False)
    (installed.place / "scans.csv").write_text("scan_id,age_years,ct_path\ns1,50,ct.nii.gz\n")
    segment = {"model": str(model), "device": "cpu"}
    (installed.place / "tiny.yaml").write_text(yaml.safe_dump({"segment": segment, "cohort": {"criteria": []}}))
    inputs = ["--registry", "scans.csv", "--structures", "tiny_structures.csv", "--config", "tiny.yaml"]

    def label_map(run, name):
        run("segment", *inputs, "--engine", "nnunet", "--masks", name, "--out", f"{name}.parquet")
        [row] = pd.read_parquet(installed.place / f"{name}.parquet").to_dict("records")
        assert row["status"] == "segmented"
        return (installed.place / name / "s1.nii.gz").read_bytes()

    of_wheel = label_map(installed.ctpop, "of_wheel")

    assert of_wheel == label_map(in_checkout(installed.place), "of_checkout")
    assert len(np.unique(nib.load(installed.place / "of_wheel" / "s1.nii.gz").dataobj)) > 1


def in_checkout(folder):
    """Return a function that runs a command of the checkout in a folder."""

    def run(*arguments):
        command = [sys.executable, "-m", "ctpop", *arguments]
        subprocess.run(command, cwd=folder, env=quiet_environment(), capture_output=True, check=True)

    return run


@pytest.fixture(scope="module")
def further(installed, deployed):
    """The arguments of each command that no rule of the study calls, and a file that it writes."""
    place, results = installed.place, deployed.results
    tables, config = results / "tables", "config/config.yaml"
    label_set = deployed.config["structures"]
    save_v1(installed.folder / "v1")
    shutil.copytree(results, place / "results" / "others")
    rename_patients(place / "results" / "others")
    for site in ("site_a", "site_b"):
        (place / site).mkdir()
        shutil.copy2(tables / "age_models.parquet", place / site)
    dicom_files.write_series(place / "dicom", patient="one", study="one")
    (place / "all_scans.yaml").write_text(yaml.safe_dump({"cohort": {"criteria": []}, "dicom": {"air_below_hu": None}}))
    (place / "references.csv").write_text(f"scan_id,reference_path\np01,{results / 'masks' / 'p01.nii.gz'}\n")
    pd.DataFrame({"scan_id": ["a"], "age_years": [50], "spleen_volume_ml": [200.0]}).to_csv(place / "table.csv")
    write_model(place / "models.parquet")
    value = {"scan_id": ["a"], "structure": ["spleen"], "measure": ["volume_ml"], "value": [200.0]}
    pd.DataFrame(value | {"age_years": [50], "sex": ["female"]}).to_csv(place / "values.csv", index=False)
    evaluated = ["--evaluation", "evaluation.parquet", "--summary", "summary.parquet"]
    return {
        "index": (["dicom", "--registry", "registry.csv"], "registry.csv"),
        "convert": (
            ["--registry", "registry.csv", "--dicom", "dicom", "--config", "all_scans.yaml", "--out", "c.parquet"],
            "c.parquet",
        ),
        "plan": (["--scans", "4000", "--gpus", "8"], None),
        "status": ([config], None),
        "compare": ([results, place / "results" / "others", "--out", "compared", "--formats", "png"], "compared"),
        "pool": (["site_a", "site_b", "--out", "pooled", "--formats", "png"], "pooled/pooled.parquet"),
        "score": (["models.parquet", "values.csv", "--allow-other-model", "--out", "s.parquet"], "s.parquet"),
        "requantify": (
            ["--histograms", *sorted((results / "histograms").iterdir()), "--percentile", "10", "--out", "p.csv"],
            "p.csv",
        ),
        "export": (["--tables", tables, "--config", config, "--out", "exported"], "exported/table1.csv"),
        "export-statistics": (
            ["--measures", tables / "measures.parquet", "--structures", label_set, "--out", "statistics"],
            "statistics",
        ),
        "convert-v1": ([installed.folder / "v1" / "Task998_Tiny", "converted"], "converted"),
        "patients": (["--table", "table.csv", "--structures", "demo", "--out", "patients.csv"], "patients.csv"),
        "evaluate": (
            [
                *("--reference", "references.csv", "--predictions", f"mine={results / 'masks'}"),
                *("--structures", label_set, *evaluated),
            ],
            "evaluation.parquet",
        ),
        "dictionary": (["--data", "data.md", "--config", "config.md"], "data.md"),
    }


SERVES = {"view"}  # runs until it is stopped
FAILS_WITHOUT = {"check": "Slurm"}  # checks this machine and reports findings


def test_every_command_is_run_from_the_wheel(further):
    assert {*further, *BY_RULES, *SERVES, *FAILS_WITHOUT} == set(COMMANDS)


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - BY_RULES - SERVES - {*FAILS_WITHOUT}))
def test_a_command_of_the_wheel_does_its_work(command, further, installed):
    arguments, written = further[command]
    if command == "convert":
        installed.ctpop("index", *further["index"][0])

    assert installed.ctpop(command, *arguments)
    assert written is None or (installed.place / written).exists()


def test_the_check_of_the_wheel_names_what_it_looked_at(installed, deployed):
    printed = installed.run(installed.python.with_name("ctpop"), "check", "config/config.yaml", succeeds=None)

    assert re.search(r"ok +snakemake +\d", printed)


def test_the_viewer_of_the_wheel_shows_its_page(installed, deployed):
    command = [installed.python.with_name("ctpop"), "view", "p01", "--study", deployed.results]
    command += ["--registry", deployed.config["study"]["registry"]]
    with subprocess.Popen(command, cwd=installed.place, stdout=subprocess.PIPE, text=True) as viewer:
        address = viewer.stdout.readline().strip()
        page = urllib.request.urlopen(address).read().decode()
        library = urllib.request.urlopen(f"{address.rpartition('/')[0]}/niivue.js").read()
        viewer.send_signal(signal.SIGINT)

    assert 'src="niivue.js"' in page
    assert len(library) > 100_000
