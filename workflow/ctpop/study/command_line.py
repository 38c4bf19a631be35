"""The configuration files of a command line of Snakemake, checked before Snakemake reads them.

Snakemake reads a configuration file before the Snakefile, and its messages about a file that it cannot read have no
line. The profiles call `require_configuration_files`, so that the message is that of `ctpop.study.configuration_file`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study import configuration_file


def configuration_files(arguments: Sequence[str]) -> list[Path]:
    """Return the configuration files that a command line of Snakemake names.

    Parameters
    ----------
    arguments : sequence of str
        Words of the command line after the name of the program.

    Returns
    -------
    list of Path
        Files in the order of the command line; empty if it names none.

    Examples
    --------
    >>> [path.name for path in configuration_files(["cohort", "--configfile", "study.yaml", "--cores", "2"])]
    ['study.yaml']

    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="*", action="extend", type=Path, default=[])
    return list(parser.parse_known_args(arguments)[0].configfile)


def require_configuration_files(arguments: Sequence[str]) -> None:
    """End the program with one message if a configuration file of a command line of Snakemake cannot be read.

    Parameters
    ----------
    arguments : sequence of str
        Words of the command line after the name of the program.

    Raises
    ------
    SystemExit
        If a file is absent, is not YAML in UTF-8, is empty or not a mapping, or contains a key twice.

    Examples
    --------
    >>> require_configuration_files(["cohort", "--cores", "2"])

    """
    try:
        for path in configuration_files(arguments):
            configuration_file.read(path)
    except ContractError as error:
        raise SystemExit(f"error: {error}") from None
