"""Running the commands printed on pages, each page from start to end in one shell."""

import itertools
import re
import runpy
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ctpop.cli import COMMANDS, main
from support.printed_commands import Command, is_whole
from support.user_checkout import Checkout, Outcome, Shell

Check = Callable[["Reader", Command], Outcome]
MENTION = re.compile(r"ctpop ([a-z0-9-]+)")
FILLED_IN = {  # values of the placeholders in messages
    "${item.scan}": "demo-001",
    "${item.structure}": "aorta",
    "${data.study}": "my_study",
    "{study['dicom']}": "my_dicom",
    "{folder} --registry {study.registry}": "my_dicom --registry registry.csv",
    "{study['registry']}": "registry.csv",
}


@dataclass(frozen=True)
class Policy:
    """Commands that are not executed completely, the check that replaces them, and the reason."""

    pattern: str
    check: Check
    reason: str
    page: str = ""  # the policy applies to this page only; empty: to all pages

    def covers(self, command: Command) -> bool:
        here = self.page in {"", command.page}
        return here and re.search(self.pattern, command.text) is not None


class Reader:
    """Runs the commands printed on pages in a checkout."""

    def __init__(self, checkout: Checkout, policies: list[Policy], expected_files: dict[str, str]) -> None:
        self.checkout = checkout
        self.policies = policies
        self.expected_files = expected_files  # prefix of a command: file that the command writes
        self.shell = Shell(checkout)
        self._known: dict[tuple[str, ...], Outcome] = {}
        self._section: tuple[str, int] | None = None

    def page(self, commands: list[Command]) -> dict[Command, Outcome]:
        """Run the commands of a page in order."""
        self.shell = Shell(self.checkout)
        self.checkout.save_configuration(commands[0].page)
        return {command: self.command(command) for command in commands}

    def command(self, command: Command) -> Outcome:
        """Run a command, or the check of its policy; identical commands in identical states run once."""
        if self._section != (command.page, command.section):
            self.checkout.restore()
            self._section = (command.page, command.section)
        state = (command.text, str(self.shell.place), (self.checkout.folder / "my_study.yaml").read_text())
        changes_the_shell = command.text.split()[0] not in {"snakemake", "python", "ctpop", "make"}
        if changes_the_shell or state not in self._known:
            self._known[state] = self._perform(command)
        return self._known[state]

    def _perform(self, command: Command) -> Outcome:
        self.checkout.before(command)
        policy = next((policy for policy in self.policies if policy.covers(command)), None)
        outcome = policy.check(self, command) if policy else self._with_expected_file(command)
        if outcome.code == 0:
            self.checkout.after(command, self.shell.place)
        return outcome

    def _with_expected_file(self, command: Command) -> Outcome:
        """Run a command and check that it wrote the file that the page announces."""
        outcome = as_printed(self, command)
        absent = [
            name
            for beginning, name in self.expected_files.items()
            if command.text.startswith(beginning) and not (self.checkout.folder / name).exists()
        ]
        return Outcome(1, f"{absent} is missing\n{outcome.printed}") if absent else outcome


def by_page(commands: list[Command]) -> dict[str, list[Command]]:
    """Return the commands of each page."""
    return {page: list(group) for page, group in itertools.groupby(commands, key=lambda command: command.page)}


def as_printed(reader: Reader, command: Command) -> Outcome:
    """Run the command."""
    text = command.text
    for expression, value in FILLED_IN.items():
        text = text.replace(expression, value)
    named = MENTION.fullmatch(text)
    if named and not command.in_block:
        return help_of(named[1])
    return reader.shell.serve(text) if text.startswith("ctpop view ") else reader.shell.run(text)


def help_of(name: str) -> Outcome:
    """Print the help of a ctpop command that a page names without options."""
    if name not in COMMANDS:
        return Outcome(1, f"{name} is not a command of ctpop")
    with suppress(SystemExit):
        main([name, "--help"])
    return Outcome(0, "")


def syntax(_reader: Reader, command: Command) -> Outcome:
    """Check that bash can parse the command."""
    return Outcome(0 if is_whole(command.text) else 1, command.text)


def dry_run(reader: Reader, command: Command) -> Outcome:
    """Let Snakemake plan the run without conda environments, because conda is not installed."""
    planned = command.text.replace("--sdm conda ", "")
    return reader.shell.run(planned if "--dry-run" in planned else f"{planned} --dry-run")


def recipe(reader: Reader, command: Command) -> Outcome:
    """Run make with --dry-run."""
    return reader.shell.run(command.text.replace("make ", "make --dry-run ", 1))


def files_named(reader: Reader, command: Command) -> Outcome:
    """Check that the test files and folders named in a command exist."""
    named = re.findall(r"\btests/[\w./-]+", command.text)
    absent = [name for name in named if not (reader.checkout.folder / name).exists()]
    whole = is_whole(command.text) and named and not absent
    return Outcome(0 if whole else 1, f"{command.text}: {absent}")


class _Parsed(Exception):  # noqa: N818 - ends a script after its options were accepted
    pass


def options_of_script(reader: Reader, command: Command) -> Outcome:
    """Run a script of the project until its options are accepted."""
    words = shlex.split(command.text.partition(" > ")[0])[1:]
    script = reader.checkout.folder / words[0]
    parse = ArgumentParser.parse_args

    def parse_and_stop(parser, *given, **named):
        parse(parser, *given, **named)
        raise _Parsed

    folders = [str(script.parent), *sys.path]
    with (
        mock.patch.object(sys, "argv", [str(script), *words[1:]]),
        mock.patch.object(sys, "path", folders),
        mock.patch.object(ArgumentParser, "parse_args", parse_and_stop),
    ):
        return _outcome_of(script)


def _outcome_of(script: Path) -> Outcome:
    try:
        runpy.run_path(str(script), run_name="__main__")
    except _Parsed:
        return Outcome(0, "")
    except SystemExit as ended:
        return Outcome(int(ended.code or 0), f"{script.name}: {ended}")
    except OSError as error:
        return Outcome(1, f"{script}: {error}")
    return Outcome(1, f"{script.name}: the script did not parse its options")
