"""Tests of a file stay in one process of several: else each process would make the studies that they share."""

import re
import subprocess
import sys

from support.studies import REPO

TWO = "import pytest\n\n@pytest.mark.parametrize('n', range(8))\ndef test_it(n):\n    pass\n"


def test_tests_of_a_file_stay_in_one_process(tmp_path):
    (tmp_path / "conftest.py").write_text((REPO / "tests" / "fixtures" / "scheduling.py").read_text())
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(TWO)

    command = ("-m", "pytest", "-v", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup")
    ended = subprocess.run(
        [sys.executable, *command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert ended.returncode == 0, ended.stdout
    ran = set(re.findall(r"\[(gw\d)\].*PASSED (test_\w+)\.py", ended.stdout))
    assert sorted(name for _, name in ran) == ["test_one", "test_two"]
