"""The rules of the workflow, each declared once with its stage, memory, run time, and number of jobs.

The rule files read resources and log files from this module, and `plan` counts the jobs. This module imports only the
standard library, because it is read whenever the Snakefile is parsed.
"""

from dataclasses import dataclass

STARTING_POINTS = ("images", "segmentations", "measures")
WITH_IMAGES = ("images", "segmentations")


@dataclass(frozen=True)
class WorkflowRule:
    """A rule of the workflow with the resources of the first attempt of a job.

    Attributes
    ----------
    name : str
        Name of the rule.
    stage : str
        Stage of the rule.
    mem_mb : int
        Memory of the first attempt of a job (MB).
    runtime_min : int
        Run time of the first attempt of a job (minutes).
    shards : bool
        Whether the rule has one job per shard.
    starts : tuple of str
        Starting points of studies with this rule (members of `STARTING_POINTS`).
    only_with : str
        Additional condition for the rule; empty if there is no additional condition.

    Examples
    --------
    >>> BY_NAME["segment"].shards, BY_NAME["segment"].starts
    (True, ('images', 'segmentations'))

    """

    name: str
    stage: str
    mem_mb: int
    runtime_min: int
    shards: bool = False
    starts: tuple[str, ...] = STARTING_POINTS
    only_with: str = ""


RULES = (
    WorkflowRule("patients", "measure", 8000, 60, starts=("measures",), only_with="patients in the table of measures"),
    WorkflowRule("cohort", "cohort", 2000, 30),
    WorkflowRule("describe", "cohort", 2000, 30),
    WorkflowRule("export", "cohort", 4000, 30, only_with="the target export"),
    WorkflowRule("convert", "dicom", 8000, 240, shards=True, starts=("images",), only_with="study.dicom"),
    WorkflowRule("gather_conversions", "dicom", 4000, 30, starts=("images",), only_with="study.dicom"),
    WorkflowRule("segment", "segment", 16000, 240, shards=True, starts=WITH_IMAGES),
    WorkflowRule("gather_segments", "segment", 4000, 30, starts=WITH_IMAGES),
    WorkflowRule("measure", "measure", 8000, 120, shards=True),  # a single job for a table of measures
    WorkflowRule("gather_measures", "measure", 8000, 30, starts=WITH_IMAGES),
    WorkflowRule("screen", "screen", 12000, 30),
    WorkflowRule("contrast", "screen", 8000, 30),
    WorkflowRule("aging", "aging", 8000, 60),
    WorkflowRule("adjust", "aging", 8000, 120),
    WorkflowRule("effects", "aging", 8000, 120),
    WorkflowRule("missing", "aging", 12000, 60),
    WorkflowRule("centiles", "aging", 12000, 120),
    WorkflowRule("change_points", "aging", 8000, 60, only_with="aging.change_points"),
    WorkflowRule("repeats", "aging", 8000, 60),
    WorkflowRule("published", "aging", 2000, 10),
    WorkflowRule("review", "review", 8000, 120, shards=True, starts=WITH_IMAGES),
    WorkflowRule("gather_review", "review", 4000, 30, starts=WITH_IMAGES),
    WorkflowRule("gallery", "review", 12000, 30, starts=WITH_IMAGES),
    WorkflowRule("evaluate", "evaluate", 8000, 1440, starts=WITH_IMAGES, only_with="the section evaluate"),
    WorkflowRule("report", "report", 12000, 60),
    WorkflowRule("runtime", "operate", 2000, 60),
    WorkflowRule("crate", "report", 2000, 30),
)
BY_NAME = {rule.name: rule for rule in RULES}


def resources(name: str) -> dict[str, int]:
    """Return the memory (MB) and run time (minutes) of a rule under the names used by Snakemake.

    Parameters
    ----------
    name : str
        Name of the rule.

    Returns
    -------
    dict of str to int
        `mem_mb` (MB) and `runtime` (minutes) of the first attempt of a job.

    Raises
    ------
    KeyError
        If no rule has this name.

    Examples
    --------
    >>> sorted(resources("measure"))
    ['mem_mb', 'runtime']

    """
    return {"mem_mb": BY_NAME[name].mem_mb, "runtime": BY_NAME[name].runtime_min}


def log_file(study: str, name: str, *, shard: bool = False) -> str:
    """Return the path of the log file of a rule, or the path with the wildcard `shard` for its shards.

    Parameters
    ----------
    study : str
        Results folder of the study.
    name : str
        Name of the rule.
    shard : bool
        Whether the path contains the wildcard `{shard}` instead of the name of the rule.

    Returns
    -------
    str
        Path of the log file.

    Raises
    ------
    KeyError
        If no rule has this name.

    Examples
    --------
    >>> log_file("results/demo", "cohort")
    'results/demo/logs/cohort/cohort.log'
    >>> log_file("results/demo", "segment", shard=True)
    'results/demo/logs/segment/{shard}.log'

    """
    return f"{study}/logs/{BY_NAME[name].stage}/{'{shard}' if shard else name}.log"


def single_jobs(start_from: str) -> list[str]:
    """Return the rules with exactly one job in every study with a given starting point.

    Parameters
    ----------
    start_from : str
        Starting point of the study (member of `STARTING_POINTS`).

    Returns
    -------
    list of str
        Names of the rules in the order of `RULES`.

    Examples
    --------
    >>> single_jobs("measures")[:3]
    ['cohort', 'describe', 'screen']

    """
    return [rule.name for rule in RULES if not rule.shards and not rule.only_with and start_from in rule.starts]
