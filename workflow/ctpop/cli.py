"""The command line `ctpop COMMAND [OPTIONS]`; `python -m ctpop` is equivalent."""

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from ctpop import __version__
from ctpop.commands import COMMANDS, GROUPS
from ctpop.foundation.errors import ContractError

UNKNOWN = "argument COMMAND: invalid choice"  # beginning of the argparse message about an unknown command
UNRECOGNIZED = "unrecognized arguments: "
REPLACED = " was replaced by "
CLOSE_OPTIONS = 0.7  # minimum similarity of a misspelled option and an option
RENAMED = {"doctor": "check", "people": "patients", "qc": "review", "share": "export"}
RENAMED_OPTIONS = {
    **dict.fromkeys(("--settings", "--criteria", "--reading", "--aging", "--banner"), "--config FILE"),
    **dict.fromkeys(("--snakefile", "--rules"), "--workflow NAME=FILE"),
}


class Parser(argparse.ArgumentParser):
    """A parser that suggests a command or an option if the command or option is unknown."""

    known: Sequence[str] = ()  # options of the chosen command

    def error(self, message: str) -> NoReturn:
        """Print the usage, the error, and a similar command or option or the help command; exit with status 2."""
        word = next((part for part in message.split("'")[1:2] if message.startswith(UNKNOWN)), "")
        similar = difflib.get_close_matches(word, COMMANDS, n=2)
        if word in RENAMED:
            super().error(f"the command {word!r} was renamed {RENAMED[word]!r}; run: ctpop {RENAMED[word]} --help")
        if similar:
            super().error(f"unknown command {word!r}; did you mean {' or '.join(similar)}?")
        if word:
            super().error(f"unknown command {word!r}; to list all commands, run: ctpop --help")
        super().error(message if REPLACED in message else f"{message}; {self._remedy(message)}")

    def _remedy(self, message: str) -> str:
        """Return a similar option if an option is unknown, or else the command that lists the options."""
        unknown = message.removeprefix(UNRECOGNIZED) if message.startswith(UNRECOGNIZED) else ""
        word = next((word for word in unknown.split() if word.startswith("-")), "").partition("=")[0]
        similar = difflib.get_close_matches(word, self.known, n=1, cutoff=CLOSE_OPTIONS)
        listed = "options" if " " in self.prog else "commands"
        return f"did you mean {similar[0]}?" if similar else f"to list the {listed}, run: {self.prog} --help"


def refuse_renamed_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Exit with an error if the words include an option of an earlier version; the message states the new option."""
    for name in (word.partition("=")[0] for word in words):
        if name in RENAMED_OPTIONS:
            parser.error(f"the option {name}{REPLACED}{RENAMED_OPTIONS[name]}")


def make_parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the options of one command."""
    usage = "ctpop [-h] [--version] COMMAND ..."
    parser = Parser(
        prog="ctpop", usage=usage, description=described(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"ctpop {__version__}")
    commands = parser.add_subparsers(
        prog="ctpop", dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for name, entry in COMMANDS.items():
        options = commands.add_parser(name, description=f"{entry.purpose[0].upper()}{entry.purpose[1:]}.")
        if name == command:
            entry.load().add_arguments(options)
            options.add_argument("--quiet", action="store_true", help="log only warnings and errors")
            parser.known = [word for action in options._actions for word in action.option_strings]
    return parser


def described() -> str:
    """Return the description of the program: all commands by group, each with a summary."""
    width = max(map(len, COMMANDS)) + 2
    groups = [
        "\n".join([f"{group}:", *(f"  {name:{width}}{entry.purpose}" for name, entry in commands.items())])
        for group, commands in GROUPS.items()
    ]
    options = "To list the options of a command, run: ctpop COMMAND --help"
    return "\n\n".join(["Run a CT population study, stage by stage.", *groups, options])


def chosen_command(words: Sequence[str]) -> str | None:
    """Return the first word that is the name of a command, or None."""
    return next((word for word in words if word in COMMANDS), None)


def complete() -> None:
    """Print completions and exit if a shell requests them (argcomplete); otherwise return."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(make_parser(chosen_command(os.environ.get("COMP_LINE", "").split())))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 after an error in the input, which is reported without a traceback."""
    complete()
    given = sys.argv[1:] if arguments is None else arguments
    parser = make_parser(chosen_command(given))
    refuse_renamed_options(parser, given)
    values = vars(parser.parse_args(given))
    name = values.pop("command")
    level = logging.WARNING if values.pop("quiet") else logging.INFO
    logging.basicConfig(format=f"%(asctime)s {name}: %(message)s", level=level, stream=sys.stderr)
    try:
        run = COMMANDS[name].load().run
        run(get_type_hints(run)["options"](**values))
    except (ContractError, FileNotFoundError) as error:
        option = option_of(error, values)
        if isinstance(error, FileNotFoundError) and option is None:
            raise
        from ctpop.study.error_places import located  # imported only after an error

        sys.stderr.write(f"error in {name}: {located(option or str(error), values)}\n")
        return 1
    return 0


def option_of(error: Exception, values: dict[str, Any]) -> str | None:
    """Return the message about a missing file that is the value of an option, or None for other errors."""
    name = str(getattr(error, "filename", None))
    given = (option for option, value in values.items() if isinstance(value, Path) and str(value) == name)
    option = next(given, None)
    if option is None:
        return None
    from ctpop.foundation.alternatives import closest  # imported only after an error

    close = closest(name)
    remedy = f"did you mean {close}?" if close else "correct the path"
    return f"--{option.replace('_', '-')}: file {name!r} does not exist; {remedy}"
