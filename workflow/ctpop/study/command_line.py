"""Check of the study files named on a Snakemake command line, run before Snakemake reads them.

Snakemake reads a configuration file before the Snakefile, and its messages about an unreadable file contain no line
number. The profiles therefore run this module in a separate process, which prints the message of
`ctpop.study.configuration_file`. The separate process leaves the Snakefile free to choose the package that it imports.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study import configuration_file

REFUSED = 3  # exit code


def configuration_files(arguments: Sequence[str]) -> list[Path]:
    """Return the configuration files named on a Snakemake command line.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of the command line after the program name.

    Returns
    -------
    list of Path
        Files in the order of the command line; empty if no file is named.

    Examples
    --------
    >>> [path.name for path in configuration_files(["cohort", "--configfile", "study.yaml", "--cores", "2"])]
    ['study.yaml']

    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="*", action="extend", type=Path, default=[])
    return list(parser.parse_known_args(arguments)[0].configfile)


def problem_of(arguments: Sequence[str]) -> str | None:
    """Return the error of the first unreadable configuration file named on a Snakemake command line.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of the command line after the program name.

    Returns
    -------
    str or None
        Message with file, line, and remedy; None if all files can be read.

    Examples
    --------
    >>> problem_of(["--configfile", "absent.yaml"]).partition(":")[0]
    'absent.yaml'
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
    """Print the error of an unreadable configuration file and return `REFUSED`; return 0 if there is no error."""
    problem = problem_of(sys.argv[1:])
    if problem:
        sys.stderr.write(f"error: {problem}\n")
    return REFUSED if problem else 0


if __name__ == "__main__":
    sys.exit(_main())
