"""Tests of continuous integration: it calls the make targets of developers, on each supported Python version."""

import re
import tomllib

import pytest
import yaml

from support.studies import REPO

WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
PREPARES_THE_MACHINE = ("apt-get ",)


def jobs(path):
    return yaml.safe_load(path.read_text())["jobs"]


def made_by(text):
    """Return the make targets that a script calls."""
    lines = re.findall(r"^make (.*)$", re.sub(r"\$\{\{.*?\}\}", "", text), re.MULTILINE)
    return {word for line in lines for word in line.split() if "=" not in word}


def commands(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_job_calls_make_targets_that_exist():
    for name, job in ((name, job) for path in WORKFLOWS for name, job in jobs(path).items()):
        steps = [step for step in commands(job) if not step.startswith(PREPARES_THE_MACHINE)]
        assert steps, name
        for step in steps:
            assert step.startswith("make "), step
            assert made_by(step) <= TARGETS, step


def test_public_ci_covers_the_targets_of_ci_run():
    [tests] = [path for path in WORKFLOWS if path.stem == "tests"]
    public = set().union(*(made_by(step) for job in jobs(tests).values() for step in commands(job)))

    assert made_by((REPO / ".ci" / "run").read_text()) == {"setup", "check", "test"}
    assert public == {"check", "test-fast", "test-workflow", "test-slurm"}


def test_every_supported_python_version_is_tested():
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    low, high = (int(minor) for minor in re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups())
    supported = [f"3.{minor}" for minor in range(low, high)]
    [tests] = [path for path in WORKFLOWS if path.stem == "tests"]

    for name in ("fast", "workflow"):
        assert jobs(tests)[name]["strategy"]["matrix"]["python"] == supported


def test_the_parts_of_the_workflow_tests_are_all_of_them():
    [tests] = [path for path in WORKFLOWS if path.stem == "tests"]
    parts = [part.split("/") for part in jobs(tests)["workflow"]["strategy"]["matrix"]["part"]]

    assert {of for _, of in parts} == {str(len(parts))}
    assert [int(number) for number, _ in parts] == list(range(1, len(parts) + 1))


def test_the_targets_of_tests_run_every_folder_of_tests():
    recipes = (REPO / "Makefile").read_text() + (REPO / "tests" / "run.py").read_text()
    folders = {path.relative_to(REPO / "tests").parts[0] for path in (REPO / "tests").rglob("test_*.py")}

    assert {name for name in folders if not re.search(rf"tests/{name}\b|\"{name}\"", recipes)} == set()


@pytest.mark.parametrize("hook", yaml.safe_load((REPO / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"])
def test_hooks_run_programs_that_make_check_runs(hook):
    check = (REPO / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    program = hook["entry"].removeprefix(".venv/bin/").split(" --")[0]

    assert program in check
