"""From a registry of CT scans to a checked aging study with figures.

registry -> cohort -> segment -> measure -> screen -> aging -> report, and review

snakemake --profile profiles/local                                      the embedded demo (after `make images`)
snakemake --profile profiles/slurm --configfile my_study.yaml           your study, on a cluster
snakemake cohort --profile profiles/local --configfile my_study.yaml    up to one stage
"""

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")

VERSION = "0.1.0"  # of the package whose commands the rules call
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
        f"this workflow needs the Python package ctpop {VERSION}; {installed or 'none'} is installed.\n"
        f"Install it into the environment of Snakemake:  pip install ctpop=={VERSION}"
    )


# A configuration that names its own study replaces config.yaml as a whole. The demo is not loaded where this file is a
# module of another workflow.
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


# The errors of jobs are the last words on the screen. On a full disk the log of a job had no room for its error.
onerror:
    FAILED.print_at_exit()
    tell_if_nothing_can_be_written(Path(STUDY))


localrules:
    all,


rule all:
    default_target: True
    input:
        rules.report.output,
        rules.adjust.output,
        CENTILES,
        GALLERY,
        EVALUATION,
        CONVERSIONS,
        rules.crate.output,
    message:
        f"results are in {STUDY}, and the report is {STUDY}/report/index.html"
