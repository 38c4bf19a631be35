"""Tests of the files of the Snakemake catalog and snakedeploy: workflow/Snakefile, config/, .test/, and usage file."""

import shutil
from pathlib import Path

import pandas as pd
import yaml

from ctpop.study import configuration
from support import snakemake_server
from support.studies import JOB, REPO, quiet_environment


def run(folder, *options):
    arguments = ["--snakefile", str(REPO / "workflow" / "Snakefile"), "--directory", str(folder), "--cores", "2"]
    config = ["--configfile", str(folder / "config" / "config.yaml"), "--workflow-profile", "none"]
    return snakemake_server.run([*arguments, *config, *options], Path.cwd(), quiet_environment())


def test_the_study_in_the_test_folder_runs_from_the_standard_place_of_the_workflow(tmp_path):
    folder = shutil.copytree(REPO / ".test", tmp_path / "test", ignore=shutil.ignore_patterns("results", ".snakemake"))

    code, printed = run(folder, "aging")
    assert code == 0, printed
    associations = pd.read_parquet(folder / "results" / "test" / "tables" / "associations.parquet")
    assert associations["n"].eq(40).all()

    code, printed = run(folder, "--dry-run")
    planned = dict(JOB.findall(printed))
    assert code == 0, printed
    assert (planned["all"], planned["report"], planned["crate"]) == ("1", "1", "1")
    assert "aging" not in planned


def test_the_deployed_configuration_is_a_valid_template():
    template = yaml.safe_load((REPO / "config" / "config.yaml").read_text(encoding="utf-8"))

    assert configuration.validated(template)["study"]["name"] == "my_cohort"
    assert (REPO / "docs" / "study.yaml").resolve() == REPO / "config" / "config.yaml"


def test_the_page_of_the_configuration_lists_every_section():
    page = (REPO / "config" / "README.md").read_text(encoding="utf-8")

    assert [name for name in configuration.load_schema()["properties"] if f"| `{name}` |" not in page] == []


def test_the_usage_file_of_the_catalog_is_complete():
    usage = yaml.safe_load((REPO / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]

    assert {"mandatory-flags", "software-stack-deployment", "report"} == set(usage)
    assert usage["software-stack-deployment"]["conda"] is True
