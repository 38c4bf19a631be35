"""Definitions that the rules share: the checked configuration, calls of commands, and the code that they depend on."""

import gc
import os
import re
import shlex
import sys
import tempfile

from ctpop.contracts import study_tables
from ctpop.figures import catalog
from ctpop.foundation import digests, import_graph
from ctpop.foundation.errors import ContractError
from ctpop.foundation.job_errors import FailedJobs
from ctpop.foundation.resources import resource
from ctpop.models import model_set
from ctpop.study import configuration, configuration_file, criteria, display_names
from ctpop.study import missing_inputs
from ctpop.study import registry_options, shards
from ctpop.study import rules as rules_of_study
from snakemake.logging import logger

# The objects of a plan are permanent, and frequent garbage collection would take a tenth of the planning time.
gc.set_threshold(300_000, 50, 100)


def checked(function, *arguments):
    """Call a function of the package; a ContractError ends the program and prints only its message, at the end."""
    try:
        return function(*arguments)
    except ContractError as error:
        problem = configuration_file.with_place(str(error), PLACES)
        raise SystemExit(f"error: {problem}") from None


def checked_configuration():
    """Return the configuration with its defaults after a strict check of the configuration files."""
    files = [Path(file) for file in workflow.overwrite_configfiles]
    given = [configuration_file.read(file) for file in files]
    if (
        files
        and workflow.modifier.is_main_snakefile()
        and not any("study" in part for part in given)
    ):
        raise ContractError(
            f"{files[-1]}: line 1: no configuration file contains a section study; add it as in docs/study.yaml:"
            f" {configuration_file.FIRST_LINE}"
        )
    PLACES.update(configuration_file.places_of(files))
    return configuration.validated(config, PLACES)


def report_unwritable_folder(folder):
    """Print the reason if no file can be written to a folder, such as a full disk or a read-only folder."""
    try:
        with tempfile.TemporaryFile(dir=folder if folder.is_dir() else ".") as probe:
            probe.write(os.urandom(ROOM))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        sys.stderr.write(
            f"no file can be written to {folder}: {error.strerror}. Free disk space and start again: "
            "finished results are kept, and segmented scans are not segmented again.\n"
        )


ROOM = 1_000_000  # bytes, as much as a log or the table of a shard

PLACES = {}  # file and line of each setting, for error messages
config.update(checked(checked_configuration))

FAILED = FailedJobs()
logger.addFilter(FAILED)
logger.addFilter(missing_inputs.MissingInputs(config, PLACES))

# Commands read their settings from this file. Its name depends on its content, so the commands in logs can be repeated.
CONFIG = str(configuration.write(config, Path(".snakemake", "ctpop")))
CODE = import_graph.ImportGraph(Path(".snakemake", "ctpop"))
START_FROM = config["study"]["start_from"]
STUDY = f"results/{config['study']['name']}"
ONE_FILE = configuration.patients_in_measures(config["study"])
REGISTRY = f"{STUDY}/registry.csv" if ONE_FILE else config["study"]["registry"]
TRUTH = config["study"].get("truth", [])
DICOM = config["study"].get("dicom")
IN_VENV = sys.prefix != sys.base_prefix
STRUCTURES = str(configuration.label_set_file(config["structures"]))
GROUPS = str(configuration.GROUPS_FILE)
GROUP_NAMES = str(display_names.GROUP_NAMES_FILE)
REPORTED_FORMAT = "svg" if "svg" in config["report"]["formats"] else "png"
LABELS = configuration.labels_digest(config["structures"])
checked(criteria.read, config["cohort"]["criteria"])
DIGESTS = shards.kept_digests(
    Path(".snakemake", "ctpop"),
    REGISTRY,
    config["segment"].get("shards"),
    config["segment"]["scans_per_shard"],
    registry_options.reading_of(config["cohort"]),
)
SHARDS = list(DIGESTS)
MODEL = checked(model_set.files, config["segment"]) if START_FROM == "images" else []
# The beginning of the command line of each job. It selects the interpreter of the environment that runs Snakemake,
# unless the rule has another environment, and the code of the checkout, if any.
PROGRAM = " ".join(
    [
        *([f"PATH={shlex.quote(sys.prefix)}/bin:$PATH"] if IN_VENV else []),
        *([f"PYTHONPATH={shlex.quote(str(CHECKOUT))}"] if CHECKOUT else []),
        "python -m ctpop",
    ]
)
WORKFLOW = ["Snakefile", *(f"workflow/rules/{name}.smk" for name in sorted(RULE_FILES))]
# For a workflow from a server, Snakemake stores copies of the files, whose paths differ between runs.
SOURCES = {
    name: (
        str(ROOT / name)
        if CHECKOUT_OF_RULES
        else str(workflow.source_path(f"../../{name}"))
    )
    for name in WORKFLOW
}


wildcard_constraints:
    shard=r"\d+-of-\d+",


def settings_digest(*names):
    """Return a digest of configuration sections or of individual settings such as `aging.quartiles`."""
    return digests.short(digests.of_json([setting(name) for name in names]))


def setting(name):
    """Return a configuration section or a setting of a section; None if it is not set."""
    section, _, key = name.partition(".")
    values = config.get(section)
    return (values or {}).get(key) if key else values


def reading_digest():
    """Return a digest of the settings that define how the registry is read."""
    return settings_digest(*(f"cohort.{key}" for key in registry_options.SETTINGS))


def code(command):
    """Return the modules of a command, because Snakemake does not detect changes of imported modules."""
    return CODE.files_of(command)


def code_digest(command):
    """Return a digest of these modules for rules with many jobs, whose plans would consist mostly of these files."""
    return CODE.digest_of(command)


# Snakemake reruns a job if its parameters have changed, except parameters that are functions of the files of the job.
# The location of the checkout and the name of the settings file must not cause a rerun; a change of `settings_digest`
# must.
def program(wildcards, output):
    """Return the beginning of the command line with which a rule calls a command of the package."""
    return PROGRAM


def settings_file(wildcards, output):
    """Return the file with the complete configuration, of which commands read sections."""
    return CONFIG


def label_set(wildcards):
    """Return the label set for commands that read only names and labels; a change of `LABELS` reruns them."""
    return config["structures"]


def rows_of(wildcards):
    """Return the digest of the registry rows of a shard; new rows therefore rerun only the shards that they change."""
    return DIGESTS[wildcards.shard]


def tables_of_shards(table):
    """Return a function that returns the files of all shards as bash words; in a string, braces would be wildcards."""
    words = shards.in_braces(f"{STUDY}/shards/{table}", SHARDS, ".parquet")
    return lambda wildcards: words


def named_sources(wildcards, output):
    """Return the files of the workflow as arguments NAME=FILE."""
    return [f"{name}={path}" for name, path in SOURCES.items()]


def digest_of_files(paths):
    """Return a digest of the content of files whose paths can change."""
    return digests.short(
        digests.of_bytes(b"".join(Path(path).read_bytes() for path in paths))
    )


def state_of(path):
    """Return size and modification time of a file, or of the link itself if its target does not exist."""
    try:
        found = path.stat()
    except OSError:
        found = path.lstat()
    return found.st_size, found.st_mtime_ns


def files_digest(place):
    """Return a digest of the files in a folder of statistics, because Snakemake checks only the folder itself."""
    folder = Path(place)
    paths = [*folder.glob("*.json"), *folder.glob("*/statistics.json")]
    facts = [(path.relative_to(folder).as_posix(), *state_of(path)) for path in paths]
    return digests.short(digests.of_json(sorted(facts)))


def study_folder(wildcards):
    """Return the results folder of the study for commands that read several of its files."""
    return STUDY


def figure_files(*names):
    """Return the files of figures in all formats; Snakemake's report shows the SVG, or the PNG if there is no SVG."""
    others = [
        f"{STUDY}/figures/{name}.{suffix}"
        for name in names
        for suffix in config["report"]["formats"]
        if suffix != REPORTED_FORMAT
    ]
    return [*(reported_figure(name) for name in names), *others]


def reported_figure(name):
    """Return the figure file for Snakemake's report; its type is the longest type name that begins the name."""
    kind = catalog.kind_of(name)
    which = re.sub(r"_p0?(\d+)$", r" page \1", name[len(kind.name) :]).replace("_", " ")
    return report(
        f"{STUDY}/figures/{name}.{REPORTED_FORMAT}",
        caption=f"../captions/figure_{kind.name}.rst",
        category="Figures",
        subcategory=kind.section,
        labels={"figure": f"{kind.title}{which and ':'}{which}"},
    )


def tables_of(rule, *present):
    """Return the Parquet files of the tables of a rule by name, and their CSV files under `csv`.

    Snakemake's report shows the tables without rows of individual scans.
    """
    tables = study_tables.of_rule(rule, *present)
    files = {table.name: f"{STUDY}/tables/{table.name}.parquet" for table in tables}
    return {**files, "csv": [csv_file(table) for table in tables if table.csv]}


def csv_file(table):
    """Return the CSV file of a table."""
    path = f"{STUDY}/tables/{table.name}.csv"
    if table.per_scan:
        return path
    section = study_tables.SECTIONS[table.rule]
    return report(
        path,
        caption=f"../captions/table_{section.name}.rst",
        category="Tables",
        subcategory=section.title,
        labels={"table": table.name},
    )


def manuscript_files(name, title):
    """Return the CSV, HTML, and DOCX files of a manuscript table; Snakemake's report shows the HTML file."""
    shown = report(
        f"{STUDY}/report/{name}.html",
        caption="../captions/manuscript.rst",
        category="Manuscript",
        labels={"table": title},
    )
    return [
        shown,
        *(f"{STUDY}/report/{name}.{suffix}" for suffix in ("csv", "docx")),
    ]
