"""Command line: `python -m ctpop STAGE --named options`, as the rules of the workflow call it."""

import argparse
import importlib
import logging
import sys
from types import ModuleType

from ctpop import __version__
from ctpop.errors import ContractError

COMMANDS = {
    "index": "make a registry from a folder of DICOM",
    "cohort": "decide who is in the study, and why the others are not",
    "people": "write the registry of a study whose table of measures tells of the people, too",
    "describe": "print Table 1 and draw the flow diagram of the cohort",
    "convert": "make NIfTI of the scans of a shard from DICOM, and compare it with the headers",
    "segment": "make or take over the label map of every scan of a shard",
    "measure": "record volume and attenuation of every structure of a shard, or take over a table of measures",
    "screen": "decide which measures can be trusted",
    "contrast": "compare what is said of contrast agent with the attenuation of vessels and kidneys",
    "aging": "compute the statistics against age",
    "adjust": "compute the statistics against age by sex and adjusted for covariates",
    "centiles": "fit centile curves of each sex, and score each patient",
    "published": "set every number that the paper prints beside that of a study",
    "report": "draw the figures and write the pages",
    "crate": "record the run as a Workflow Run RO-Crate",
    "share": "write the tables that may be given to others, without small counts",
    "qc": "draw the masks that a reviewer should look at",
    "gallery": "write the page on which a reviewer judges masks",
    "view": "show CT and masks of one scan in a browser, on this machine alone",
    "evaluate": "compare label maps with references, and two models with each other",
    "compare": "set the correlations of two studies beside each other",
    "gather": "join the tables of all shards into one",
    "requantify": "compute further percentiles and windows of attenuation from the histograms of a study",
    "export-statistics": "write the measures of each scan as TotalSegmentator's statistics.json",
    "convert-v1": "write a model of nnU-Net v1 as a model folder of nnU-Net v2",
    "doctor": "check machine, models, registry, disk and Slurm before a long run",
    "status": "say how far a study is: scans done, failed and left, hours so far and to go",
    "plan": "foretell jobs, hours, disk and memory of a study from measured rates",
    "runtime": "tell what jobs and scans of a finished study took",
    "dictionary": "write docs/data.md and docs/config.md from the table contracts and the configuration schema",
}


def module_of(command: str) -> ModuleType:
    """Import the module behind a command, and no other: a stage without images starts without torch."""
    return importlib.import_module(f"ctpop.{command.replace('-', '_')}")


def make_parser(command: str | None) -> argparse.ArgumentParser:
    """Return the parser; only the chosen command's options are loaded."""
    parser = argparse.ArgumentParser(prog="python -m ctpop", description="CT population studies, stage by stage.")
    parser.add_argument("--version", action="version", version=f"ctpop {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, meaning in COMMANDS.items():
        options = commands.add_parser(name, help=meaning, description=meaning[0].upper() + meaning[1:] + ".")
        if name == command:
            module_of(name).add_arguments(options)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 after a broken contract, which is told in a few lines without a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in given if word in COMMANDS), None)
    options = make_parser(chosen).parse_args(given)
    logging.basicConfig(format=f"%(asctime)s {options.command}: %(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        module_of(options.command).run(options)
    except ContractError as error:
        sys.stderr.write(f"error in {options.command}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
