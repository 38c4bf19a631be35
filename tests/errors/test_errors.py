"""Provoked errors: each message names the file, the line, what was found and the remedy, and the remedy works.

The table of errors is in `cases/*.yaml`, one file for each kind of input. A case has these entries:

- `study`: the valid study that it starts from (a folder of `studies/`), by default `measures`;
- `edit`, `files`, `encode`, `volumes`, `dicom`: what makes the study wrong (inputs.py);
- `before`: a command whose files the command of the case reads;
- `command`: by default `ctpop check study.yaml`; commands of ctpop run in this process, `snakemake` in a copy of one
  that has imported Snakemake;
- `says`: file, line, found value and remedy that the message must contain (`line` is left out where a command line or a
  binary file is wrong; `shown` is the form in which the message prints the found value);
- `correct`: the correction of the named line, where only the author of the file can know it (remedies.py);
- `then`: the command in the form that the message asks for;
- `delete`: a file that is to be removed;
- `saved`: files that another program saves again, where the message asks for it;
- `after`: what is to be changed after a command that the message states;
- `next`: a text of the next error, where the study needs more than this remedy.
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
ENDS = re.compile(r"[\w)\]}'\"`.?:]$")  # a colon after a key that is to be written


def run(command: str, folder: Path, capsys) -> tuple[int, str]:
    """Run a command in the current folder; return its exit code and its errors, one in a line."""
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
    """Run a command, unless it was run on the same files: many remedies restore the valid study."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    content = [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files]
    key = command, digests.of_bytes(pickle.dumps(content))
    if key not in PASSED:
        PASSED[key] = run(command, folder, capsys)
    return PASSED[key]


def of_snakemake(words: list[str], folder: Path) -> tuple[int, str]:
    """Run Snakemake on the study file of a folder; return its exit code and its last errors."""
    profile = ["--workflow-profile", "none", "--profile", str(REPO / "profiles" / "local"), "--cores", "2"]
    place = ["-s", str(REPO / "Snakefile"), "--directory", str(folder), "--configfile", str(folder / "study.yaml")]
    code, printed = snakemake_server.run([*words, *place, *profile], folder, quiet_environment())
    assert "Traceback" not in printed
    message = printed[printed.rfind("\nerror:") :].strip().removeprefix("error: ")
    return code, re.sub(r"\n  rule .*", "", message) if code else ""


def assert_sane(message: str) -> None:
    """Assert that a message names no generated file and is written in sentences."""
    for line in message.splitlines():
        text = line.strip()
        assert not GENERATED.search(text), text
        assert not PLURAL_OF_ONE.search(text), text
        assert "  " not in text, text
        assert text.count("(") == text.count(")"), text
        assert ENDS.search(text), text


def test_the_table_has_enough_cases_with_names_of_their_own():
    names = [case["name"] for case in CASES]

    assert len(names) >= FEWEST_CASES
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("study", sorted(path.name for path in inputs.STUDIES.iterdir()))
def test_the_studies_are_valid_before_a_case_changes_them(study, tmp_path, monkeypatch, capsys):
    inputs.write_inputs({"study": study}, tmp_path)
    monkeypatch.chdir(tmp_path)

    assert run(CHECK, tmp_path, capsys)[0] == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_error_is_explained_and_its_remedy_works(case, tmp_path, monkeypatch, capsys):
    inputs.write_inputs(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    command, says = case.get("command", CHECK), case["says"]
    if "before" in case:
        assert run(case["before"], tmp_path, capsys)[0] == 0

    code, message = run(command, tmp_path, capsys)

    assert code != 0
    [about, *_] = [line for line in message.splitlines() if says.get("shown", says["found"]) in line] or [message]
    for part in (says["file"], says.get("shown", says["found"]), says["remedy"]):
        assert str(part) in about
    assert "line" not in says or re.search(rf"\blines? {says['line']}\b", about), about
    assert_sane(message)

    *first, last = remedies.apply(case, command, tmp_path)
    assert [run(stated, tmp_path, capsys)[0] for stated in first] == [0] * len(first)
    inputs.edit(tmp_path, case.get("after", {}))
    code, message = run_once(last, tmp_path, capsys)
    assert code == 0 or case["next"] in message, message
