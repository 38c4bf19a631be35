"""From a registry of CT scans to a checked aging study with figures.

registry -> cohort -> segment -> measure -> screen -> aging -> report, and qc

snakemake --profile profiles/local                                      the embedded demo (after `make images`)
snakemake --profile profiles/slurm --configfile my_study.yaml           your study, on a cluster
snakemake cohort --profile profiles/local --configfile my_study.yaml    up to one stage
"""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")
sys.path.insert(0, str(Path(workflow.basedir, "workflow")))


# A configuration that names its own study replaces config.yaml as a whole: nothing of the demo leaks into a study.
if "study" not in config:

    configfile: str(Path(workflow.basedir, "config.yaml"))


report: "workflow/captions/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/cohort.smk"
include: "workflow/rules/convert.smk"
include: "workflow/rules/segment.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/screen.smk"
include: "workflow/rules/aging.smk"
include: "workflow/rules/adjust.smk"
include: "workflow/rules/centiles.smk"
include: "workflow/rules/published.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/qc.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/runtime.smk"
include: "workflow/rules/crate.smk"


# On a full disk the log of the job that failed had no room for the reason.
onerror:
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
