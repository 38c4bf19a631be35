"""The command line `ctpop COMMAND [OPTIONS]`; `python -m ctpop` is equivalent."""

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

UNKNOWN = "argument COMMAND: invalid choice"  # beginning of the argparse message about an unknown command
RENAMED = {"doctor": "check", "people": "patients", "qc": "review", "share": "export"}
RENAMED_OPTIONS = {
    **dict.fromkeys(("--settings", "--criteria", "--reading", "--aging", "--banner"), "--config FILE"),
    **dict.fromkeys(("--snakefile", "--rules"), "--workflow NAME=FILE"),
}


class Parser(argparse.ArgumentParser):
    """A parser that suggests a command if the command is unknown."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, suggest commands if the command is unknown, and exit with status 2."""
        word = next((part for part in message.split("'")[1:2] if message.startswith(UNKNOWN)), "")
        similar = difflib.get_close_matches(word, COMMANDS, n=2)
        if word in RENAMED:
            super().error(f"the command {word!r} was renamed {RENAMED[word]!r}; run: ctpop {RENAMED[word]} --help")
        if similar:
            super().error(f"unknown command {word!r}; did you mean {' or '.join(similar)}?")
        super().error(f"unknown command {word!r}; to list all commands, run: ctpop --help" if word else message)


def refuse_renamed_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Exit with an error if the words include an option of an earlier version; the message states the new option."""
    for name in (word.partition("=")[0] for word in words):
        if name in RENAMED_OPTIONS:
            parser.error(f"the option {name} was replaced by {RENAMED_OPTIONS[name]}")


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
    except ContractError as error:
        sys.stderr.write(f"error in {name}: {error}\n")
        return 1
    return 0
