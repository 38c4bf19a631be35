"""The command line `ctpop COMMAND --named options`; `python -m ctpop` is the same."""

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, get_type_hints

from ctpop import __version__
from ctpop.commands import COMMANDS, GROUPS
from ctpop.foundation.errors import ContractError

UNKNOWN = "argument COMMAND: invalid choice"  # how the message of argparse about an unknown command begins
RENAMED = {"doctor": "check", "people": "patients", "qc": "review", "share": "export"}
RENAMED_OPTIONS = {
    **dict.fromkeys(("--settings", "--criteria", "--reading", "--aging", "--banner"), "--config FILE"),
    **dict.fromkeys(("--snakefile", "--rules"), "--workflow NAME=FILE"),
}


class Parser(argparse.ArgumentParser):
    """A parser that names the command that a user may have meant."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, with the new name or similar names of an unknown command, and exit with 2."""
        word = next((part for part in message.split("'")[1:2] if message.startswith(UNKNOWN)), "")
        similar = difflib.get_close_matches(word, COMMANDS, n=2)
        if word in RENAMED:
            super().error(f"the command {word!r} is now called {RENAMED[word]!r}: ctpop {RENAMED[word]} --help")
        if similar:
            super().error(f"unknown command {word!r}; did you mean {' or '.join(similar)}?")
        super().error(f"unknown command {word!r}; ctpop --help lists the commands" if word else message)


def refuse_renamed_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """End the program with the new form of an option that an earlier version had, if one is among the words."""
    for name in (word.partition("=")[0] for word in words):
        if name in RENAMED_OPTIONS:
            parser.error(f"the option {name} is now {RENAMED_OPTIONS[name]}")


def make_parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands; the options are those of one command alone."""
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
    return parser


def described() -> str:
    """Return the description of the program: all commands by group, each with its purpose."""
    width = max(map(len, COMMANDS)) + 2
    groups = [
        "\n".join([f"{group}:", *(f"  {name:{width}}{entry.purpose}" for name, entry in commands.items())])
        for group, commands in GROUPS.items()
    ]
    return "\n\n".join(["CT population studies, stage by stage.", *groups, "ctpop COMMAND --help lists the options."])


def chosen_command(words: Sequence[str]) -> str | None:
    """Return the first word that is a command."""
    return next((word for word in words if word in COMMANDS), None)


def complete() -> None:
    """Answer a shell that asks how a command line goes on (argcomplete), and exit; return if no shell asks."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(make_parser(chosen_command(os.environ.get("COMP_LINE", "").split())))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 after an error that is reported in a few lines without a traceback."""
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
    except ContractError as error:
        sys.stderr.write(f"error in {name}: {error}\n")
        return 1
    return 0
