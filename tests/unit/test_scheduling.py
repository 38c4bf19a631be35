"""Tests of test scheduling: processes, parts, and stages of test files."""

import re
import subprocess
import sys

import pytest

from fixtures import scheduling
from support.studies import REPO

CONFTEST = """
import sys
sys.path.insert(0, {tests!r})
from fixtures import scheduling
from pathlib import Path
scheduling.TESTS = Path(__file__).parent
scheduling.DURATIONS = scheduling.TESTS / "durations.csv"
scheduling.STAGES = scheduling.TESTS / "stages.toml"
pytest_plugins = ["fixtures.scheduling"]
"""
EIGHT = "import pytest\n\n@pytest.mark.parametrize('n', range(8))\ndef test_it(n):\n    pass\n"
DURATIONS = {"test_one.py": 1, "test_two.py": 2, "test_three.py": 3, "test_four.py": 4}


@pytest.fixture
def folder(tmp_path):
    """Four test files with different measured durations."""
    (tmp_path / "conftest.py").write_text(CONFTEST.format(tests=str(REPO / "tests")))
    for name in DURATIONS:
        (tmp_path / name).write_text(EIGHT)
    lines = [f"{name},{seconds}" for name, seconds in DURATIONS.items()]
    (tmp_path / "durations.csv").write_text("\n".join(["group,seconds", *lines]) + "\n")
    (tmp_path / "stages.toml").write_text('numbers = ["test_one.py"]\n')
    return tmp_path


def run(folder, *options, code=0):
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *options, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def files_that_ran(printed):
    return list(dict.fromkeys(re.findall(r"(test_\w+\.py)::test_it\S* PASSED", printed)))


def test_tests_of_a_file_stay_in_one_process(folder):
    printed = run(folder, "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")

    ran = set(re.findall(r"\[(gw\d)\].*PASSED (test_\w+)\.py", printed))
    assert sorted(name for _, name in ran) == sorted(name.removesuffix(".py") for name in DURATIONS)
    assert {process for process, _ in ran} == {"gw0", "gw1"}


def test_the_longest_group_comes_first(folder):
    assert files_that_ran(run(folder)) == ["test_four.py", "test_three.py", "test_two.py", "test_one.py"]


def test_parts_are_of_equal_duration_and_together_everything(folder):
    one, two = (files_that_ran(run(folder, "--part", part)) for part in ("1/2", "2/2"))

    assert {frozenset(one), frozenset(two)} == {
        frozenset({"test_four.py", "test_one.py"}),
        frozenset({"test_three.py", "test_two.py"}),
    }


def test_a_stage_selects_its_files_and_an_unknown_one_is_an_error(folder):
    assert files_that_ran(run(folder, "--stage", "numbers")) == ["test_one.py"]
    assert "unknown stage; the stages are numbers" in run(folder, "--stage", "letters", code=4)


def test_durations_are_written_for_each_group(folder):
    run(folder, "-n", "2", "--dist", "loadgroup", "--write-durations")

    written = (folder / "durations.csv").read_text().splitlines()
    assert written[0] == "group,seconds"
    assert {line.split(",")[0] for line in written[1:]} == set(DURATIONS)
    assert all(float(line.split(",")[1]) < 1 for line in written[1:])


def test_a_test_that_did_not_run_is_listed_by_name_with_its_reason(folder):
    (folder / "test_five.py").write_text(
        "import pytest\n\ndef test_on_a_gpu():\n    pytest.skip('this machine has no GPU')\n"
    )

    printed = run(folder, "-n", "2", "--dist", "loadgroup")

    assert re.search(r"test_five\.py::test_on_a_gpu: .*this machine has no GPU", printed)


def test_every_file_of_tests_belongs_to_a_stage():
    stages = {name: scheduling.files_of(name) for name in scheduling.stages()}
    places = [place for files in stages.values() for place in files]
    files = sorted((REPO / "tests").rglob("test_*.py"))

    assert [str(place) for place in places if not place.exists()] == []
    assert [str(path) for path in files if not scheduling.is_among(path, places)] == []


def test_measured_groups_exist():
    for group in scheduling.durations():
        assert group in scheduling.SHARED_STUDIES or (REPO / "tests" / group).is_file()
