"""Provoked errors: each message contains the file, the line, the value found, and a remedy that works.

The files `cases/*.yaml` contain the table of errors, one file per type of input. The entries of a case are:

- `study`: the valid study to which the case applies its error (a folder of `studies/`; default: `measures`);
- `edit`, `files`, `remove`, `encode`, `finished`: the changes that cause the error (inputs.py);
- `before`: a command that writes input files of the command of the case;
- `command`: the command that reports the error (default: `ctpop check study.yaml`). Commands of ctpop run in this
  process, and `snakemake` runs in a copy of a process that has imported Snakemake;
- `message`: file, line, value found, and remedy, which the error message must contain. `line` is absent for errors of
  command lines and binary files; `shown` is the form in which the message prints the value;
- `correct`: the correction of the reported line, if the message cannot contain it (remedies.py);
- `then`: the corrected command;
- `delete`: a file to be removed;
- `saved`: files that another program saves again as the message requires;
- `after`: changes after a command that the message contains;
- `next`: a part of the next error, if the study requires further corrections.
"""

import pickle
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from ctpop import cli
from ctpop.foundation import digests
from errors import inputs, remedies
from support import snakemake_server
from support.studies import REPO, quiet_environment

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
]
FEWEST_CASES = 66
PASSED: dict[tuple[str, str], tuple[int, str]] = {}
CHECK = "ctpop check study.yaml"
GENERATED = re.compile(r"\.snakemake|results/[^ ]*/(tables|shards)|config-[0-9a-f]{8}|/tmp/")
PLURAL_OF_ONE = re.compile(r"(?<![\w.,'-])1 (?!is\b|as\b|was\b|has\b|does\b)[a-z]+s\b")
ENDS = re.compile(r"[\w)\]}'\"`.?:]$")  # the colon follows a key to be added


def run(command: str, folder: Path, capsys) -> tuple[int, str]:
    """Run a command in the current folder, and return its exit code and its errors, one per line."""
    program, *words = shlex.split(command)
    if program == "snakemake":
        return of_snakemake(words, folder)
    if program != "ctpop":
        return subprocess.run([program, *words], check=False).returncode, ""
    capsys.readouterr()
    try:
        code = cli.main(words)
    except SystemExit as stopped:
        code = stopped.code
    printed = capsys.readouterr()
    findings = [line[8:].partition(" ")[2].strip() for line in printed.out.splitlines() if line.startswith("error ")]
    message = re.sub(r"(?s)^.*?(?:error in [\w-]+|ctpop[ \w-]*: error): ", "", printed.err) if code else ""
    assert "Traceback" not in printed.err
    return code, "\n".join([*findings, message.strip()])


def run_once(command: str, folder: Path, capsys) -> tuple[int, str]:
    """Run a command unless it was already run on the same files, because many remedies restore the valid study."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    content = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files]
    key = command, digests.of_bytes(pickle.dumps(content))
    if key not in PASSED:
        PASSED[key] = run(command, folder, capsys)
    return PASSED[key]


def of_snakemake(words: list[str], folder: Path) -> tuple[int, str]:
    """Run Snakemake on the study file of a folder, and return its exit code and its last errors."""
    profile = ["--workflow-profile", "none", "--profile", str(REPO / "profiles" / "local"), "--cores", "2"]
    place = ["-s", str(REPO / "Snakefile"), "--directory", str(folder), "--configfile", str(folder / "study.yaml")]
    code, printed = snakemake_server.run([*words, *place, *profile], folder, quiet_environment())
    assert "Traceback" not in printed
    message = printed[printed.rfind("\nerror:") :].strip().removeprefix("error: ")
    return code, re.sub(r"\n  rule .*", "", message) if code else ""


def assert_sane(message: str) -> None:
    """Assert that a message contains no generated file, no wrong plural, and no incomplete sentence."""
    for line in message.splitlines():
        text = line.strip()
        assert not GENERATED.search(text), text
        assert not PLURAL_OF_ONE.search(text), text
        assert "  " not in text, text
        assert text.count("(") == text.count(")"), text
        assert ENDS.search(text), text


def test_the_table_has_enough_cases_with_unique_names():
    names = [case["name"] for case in CASES]

    assert len(names) >= FEWEST_CASES
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("study", sorted(path.name for path in inputs.STUDIES.iterdir()))
def test_the_studies_are_valid_before_a_case_changes_them(study, tmp_path, monkeypatch, capsys):
    inputs.write_inputs({"study": study}, tmp_path)
    monkeypatch.chdir(tmp_path)

    assert run(CHECK, tmp_path, capsys)[0] == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_message_contains_place_and_remedy_and_the_remedy_works(case, tmp_path, monkeypatch, capsys):
    inputs.write_inputs(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    command, expected = case.get("command", CHECK), case["message"]
    if "before" in case:
        assert run(case["before"], tmp_path, capsys)[0] == 0

    code, message = run(command, tmp_path, capsys)

    assert code != 0
    [about, *_] = [line for line in message.splitlines() if expected.get("shown", expected["found"]) in line] or [
        message
    ]
    for part in (expected["file"], expected.get("shown", expected["found"]), expected["remedy"]):
        assert str(part) in about
    assert "line" not in expected or re.search(rf"\blines? {expected['line']}\b", about), about
    assert_sane(message)

    *first, last = remedies.apply(case, command, tmp_path)
    assert [run(stated, tmp_path, capsys)[0] for stated in first] == [0] * len(first)
    inputs.edit(tmp_path, case.get("after", {}))
    code, message = run_once(last, tmp_path, capsys)
    assert code == 0 or case["next"] in message, message
