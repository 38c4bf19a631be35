"""Tests of the command line: help lists all stages, errors are messages, and only bugs have a traceback."""

import argparse
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_type_hints

import pytest

from ctpop import __version__, cli
from ctpop.study import configuration
from support.config_files import config_option

WORKFLOW = Path(cli.__file__).parents[1]


def ctpop(*arguments, folder="."):
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}
    command = [sys.executable, "-m", "ctpop", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_help_lists_every_stage_in_order(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])

    text = capsys.readouterr().out
    found = [line.split()[0] for line in text.splitlines() if re.match(" {2}[a-z]", line)]
    assert stopped.value.code == 0
    assert found == list(cli.COMMANDS)
    assert {*configuration.STAGES} - {"review"} <= set(found)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_of_a_command_explains_each_of_its_options(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"])

    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert text.startswith(f"usage: ctpop {command} ")
    for action in cli.make_parser(command)._subparsers._group_actions[0].choices[command]._actions:
        assert action.help, action.dest
        named = action.option_strings or action.metavar.endswith(("FOLDER", "STUDY", "SCAN_ID", "MODELS", "VALUES"))
        assert named, f"{action.dest} has no name"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_options_of_a_command_are_those_of_its_dataclass(command):
    parser = argparse.ArgumentParser(add_help=False)
    module = cli.COMMANDS[command].load()
    module.add_arguments(parser)
    kind = get_type_hints(module.run)["options"]

    assert {action.dest for action in parser._actions} == {field.name for field in dataclasses.fields(kind)}
    assert kind.__dataclass_params__.frozen
    assert kind.__name__ == f"{command.title().replace('-', '')}Options"


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])

    assert capsys.readouterr().out.strip() == f"ctpop {__version__}"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("aggregate", "unknown command 'aggregate'; to list all commands, run: ctpop --help"),
        ("mesure", "unknown command 'mesure'; did you mean measure?"),
        ("doctor", "the command 'doctor' was renamed 'check'; run: ctpop check --help"),
        ("share", "the command 'share' was renamed 'export'; run: ctpop export --help"),
    ],
)
def test_an_unknown_command_is_rejected_with_a_suggestion(word, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([word])

    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_an_invalid_value_of_an_option_is_no_unknown_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["gather", "--table", "chort", "--shards", "a.parquet", "--out", "b.parquet"])

    assert stopped.value.code == 2
    assert "argument --table: invalid choice: 'chort' (choose from " in capsys.readouterr().err


@pytest.mark.parametrize(("line", "expected"), [("ctpop mea", {"measure"}), ("ctpop gather --ta", {"--table"})])
def test_a_shell_completes_commands_and_their_options(line, expected, tmp_path):
    answer = tmp_path / "answer"
    shell = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "_ARGCOMPLETE_SHELL": "bash"}
    environment = {**os.environ, **shell, "PYTHONPATH": str(WORKFLOW), "COMP_LINE": line, "COMP_POINT": str(len(line))}

    subprocess.run([sys.executable, "-m", "ctpop"], env=environment, check=True)

    assert {word.strip() for word in answer.read_text().split("\x0b")} == expected


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([])

    assert stopped.value.code == 2
    assert "the following arguments are required: COMMAND" in capsys.readouterr().err


def test_an_invalid_table_ends_with_code_1_and_a_message_without_traceback(tmp_path):
    (tmp_path / "registry.csv").write_text("scan_id,age_years,complete\na,50,yes\na,60,yes\n")

    done = ctpop(
        *("cohort", "--registry", "registry.csv", "--start-from", "measures", *config_option(cohort={"criteria": []})),
        *("--cohort", "cohort.parquet", "--exclusions", "exclusions.parquet", "--flow", "flow.parquet"),
        *("--overlap", "overlap.parquet"),
        folder=tmp_path,
    )

    assert done.returncode == 1
    assert "error in cohort: registry.csv: scan_id must be unique" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["registry.csv"]


@pytest.mark.parametrize(
    ("words", "now"),
    [
        (["cohort", "--registry", "a.csv", "--settings", "{}"], "the option --settings was replaced by --config FILE"),
        (["measure", "--reading={}"], "the option --reading was replaced by --config FILE"),
        (["crate", "--snakefile", "Snakefile"], "the option --snakefile was replaced by --workflow NAME=FILE"),
    ],
)
def test_an_option_of_an_earlier_version_is_rejected_with_its_new_form(words, now, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)

    assert now in capsys.readouterr().err


def test_a_command_that_works_ends_with_0_and_logs_its_name(tmp_path):
    done = ctpop("dictionary", "--data", "data.md", "--config", "config.md", folder=tmp_path)

    assert done.returncode == 0
    assert " dictionary: data.md: " in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.md", "data.md"]


def test_a_quiet_command_logs_only_warnings_and_errors(tmp_path):
    (tmp_path / "registry.csv").write_text("scan_id,patient_id,age_years\na,p,50\nb,p,60\n")
    command = [
        "cohort",
        "--registry",
        "registry.csv",
        "--start-from",
        "measures",
        *config_option(cohort={"criteria": []}),
    ]
    outputs = [word for name in ("cohort", "exclusions", "flow") for word in (f"--{name}", f"{name}.parquet")]

    loud = ctpop(*command, *outputs, folder=tmp_path)
    quiet = ctpop(*command, *outputs, "--quiet", folder=tmp_path)

    assert loud.returncode == quiet.returncode == 0
    assert "2 scans in registry.csv" in loud.stderr
    assert "2 scans of 1 patients" in quiet.stderr
    assert len(quiet.stderr.splitlines()) == 1


def test_a_bug_is_no_message_of_the_command_line(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class NoOptions:
        pass

    def run(options: NoOptions) -> None:
        raise ZeroDivisionError

    run.__annotations__["options"] = NoOptions
    command = SimpleNamespace(add_arguments=lambda parser: None, run=run)
    entry = dataclasses.replace(cli.COMMANDS["gather"], load=lambda: command)
    monkeypatch.setitem(cli.COMMANDS, "gather", entry)

    with pytest.raises(ZeroDivisionError):
        cli.main(["gather"])
