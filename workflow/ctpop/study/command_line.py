"""The configuration files of a command line of Snakemake, checked before Snakemake reads them.

Snakemake reads a configuration file before the Snakefile, and its messages about a file that it cannot read have no
line. The profiles run this module in a process of its own, so that the message is that of
`ctpop.study.configuration_file`, and the Snakefile still chooses the package that it imports.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study import configuration_file

REFUSED = 3  # exit code


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


def problem_of(arguments: Sequence[str]) -> str | None:
    """Return what is wrong with a configuration file of a command line of Snakemake, so that it cannot be read.

    Parameters
    ----------
    arguments : sequence of str
        Words of the command line after the name of the program.

    Returns
    -------
    str or None
        Sentence with file, line and remedy; None if all files can be read.

    Examples
    --------
    >>> problem_of(["--configfile", "absent.yaml"]).partition(";")[0]
    'absent.yaml: cannot read the configuration of a study (No such file or directory)'
    >>> problem_of(["cohort", "--cores", "2"]) is None
    True

    """
    try:
        for path in configuration_files(arguments):
            configuration_file.read(path)
    except ContractError as error:
        return str(error)
    return None


def _main() -> int:
    """Print the problem of the command line, if it has one; return `REFUSED` then, else 0."""
    problem = problem_of(sys.argv[1:])
    if problem:
        sys.stderr.write(f"error: {problem}\n")
    return REFUSED if problem else 0


if __name__ == "__main__":
    sys.exit(_main())
