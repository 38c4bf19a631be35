"""Workflow of an aging study, from a registry of CT scans to the report.

registry -> cohort -> segment -> measure -> screen -> aging -> report, review

snakemake --profile profiles/local                                      the demo (after `make images`)
snakemake --profile profiles/slurm --configfile my_study.yaml           your study on a cluster
snakemake cohort --profile profiles/local --configfile my_study.yaml    your study up to the stage cohort
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")

VERSION = "0.1.0"  # required version of the package with the commands of the rules
ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))
CHECKOUT = ROOT / "workflow" if (ROOT / "workflow" / "ctpop").is_dir() else None
CHECKOUT_OF_RULES = (ROOT / "workflow" / "rules").is_dir()
if CHECKOUT:
    sys.path.insert(0, str(CHECKOUT))
try:
    from ctpop import __version__ as installed
except ModuleNotFoundError:
    installed = None
if installed != VERSION:
    raise WorkflowError(
        f"this workflow requires the Python package ctpop {VERSION}; installed version: {installed or 'none'}.\n"
        f"Install it into the environment of Snakemake:  pip install ctpop=={VERSION}"
    )


# A configuration with a section `study` replaces config.yaml completely. If another workflow uses this file as a
# module, the demo is not loaded.
if "study" not in config and workflow.modifier.is_main_snakefile():

    configfile: str(ROOT / "config.yaml")


report: "workflow/captions/workflow.rst"


RULE_FILES = [
    "common",
    *("cohort", "dicom", "segment", "measure", "screen", "aging", "report"),
    *("review", "evaluate", "operate"),
]

for rule_file in RULE_FILES:

    include: f"workflow/rules/{rule_file}.smk"


# Errors of jobs are printed at the end of the output. If the disk is full, the log of a job cannot contain its error.
onerror:
    FAILED.print_at_exit()
    report_unwritable_folder(Path(STUDY))


localrules:
    all,


rule all:
    default_target: True
    input:
        rules.report.output,
        rules.adjust.output,
        rules.effects.output,
        CENTILES,
        CHANGE_POINTS,
        GALLERY,
        EVALUATION,
        CONVERSIONS,
        rules.crate.output,
    message:
        f"finished: results in {STUDY}, report {STUDY}/report/index.html"
