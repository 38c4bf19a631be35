"""Tests of the coverage measurement: it includes tests of single modules, and all tests on request."""

import os
import subprocess
import sys

import pytest
from coverage import CoverageData

from support.studies import REPO

CONFTEST = """
import sys
sys.path.insert(0, {tests!r})
from fixtures import counting
from pathlib import Path
counting.TESTS = Path(__file__).parent
pytest_plugins = ["fixtures.counting"]
"""
TEST = """
import subprocess
import sys
from pathlib import Path
import code_of_{name}

def test_it():
    code_of_{name}.run()
    subprocess.run([sys.executable, str(Path(__file__).with_name("child_of_{name}.py"))], check=True)
"""
SETTINGS = "[run]\nparallel = true\npatch = subprocess\nsource = {folder}\n"


@pytest.fixture
def folder(tmp_path):
    """A unit test and a browser test, each of which runs its own function and its own program."""
    (tmp_path / "conftest.py").write_text(CONFTEST.format(tests=str(REPO / "tests")))
    (tmp_path / "settings.ini").write_text(SETTINGS.format(folder=tmp_path))
    for name in ("unit", "browser"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"test_{name}.py").write_text(TEST.format(name=name))
        (tmp_path / name / f"code_of_{name}.py").write_text("def run():\n    return 1\n")
        (tmp_path / name / f"child_of_{name}.py").write_text("one = 1\n")
    return tmp_path


def counted(folder, *options):
    """Run the tests and return the functions and programs with measured lines."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    run = [sys.executable, "-m", "coverage", "run", "--rcfile=settings.ini", "-m", "pytest", "-p", "no:cacheprovider"]
    for command in ([*run, *options], [sys.executable, "-m", "coverage", "combine", "--rcfile=settings.ini"]):
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    data = CoverageData(str(folder / ".coverage"))
    data.read()
    lines = {path.name: set(data.lines(str(path)) or ()) for path in folder.rglob("*_of_*.py")}
    return {name for name, found in lines.items() if (2 if name.startswith("code") else 1) in found}


def test_tests_of_modules_and_their_processes_are_counted_and_others_are_not(folder):
    assert counted(folder) == {"code_of_unit.py", "child_of_unit.py"}


def test_all_tests_are_counted_on_request(folder):
    everything = {f"{kind}_of_{name}.py" for kind in ("code", "child") for name in ("unit", "browser")}

    assert counted(folder, "--count-all") == everything
