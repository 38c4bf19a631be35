"""What the rules share: the checked configuration, how a stage is called, and which code it depends on."""

import gc
import os
import re
import shlex
import sys
import tempfile

from ctpop.contracts import study_tables
from ctpop.figures import catalogue
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

# A plan is made of objects that stay: looking for garbage among them as often as Python does takes a tenth of its time.
gc.set_threshold(300_000, 50, 100)


def checked(function, *arguments):
    """Call a function of the package; a ContractError ends the program, and its message alone is printed last."""
    try:
        return function(*arguments)
    except ContractError as error:
        problem = configuration_file.with_place(str(error), PLACES)
        raise SystemExit(f"error: {problem}") from None


def checked_configuration():
    """Return the configuration with its defaults, after a strict check of the files that were given for it."""
    files = [Path(file) for file in workflow.overwrite_configfiles]
    given = [configuration_file.read(file) for file in files]
    if (
        files
        and workflow.modifier.is_main_snakefile()
        and not any("study" in part for part in given)
    ):
        raise ContractError(
            f"{files[-1]}: no configuration file has a section study; write, as in docs/study.yaml,"
            " study: {name: NAME, start_from: images, registry: registry.csv}"
        )
    PLACES.update(configuration_file.places_of(files))
    return configuration.validated(config, PLACES)


def tell_if_nothing_can_be_written(folder):
    """Print why no file can be written to a folder, if that is so: the disk or a quota is full, or it is read-only."""
    try:
        with tempfile.TemporaryFile(dir=folder if folder.is_dir() else ".") as probe:
            probe.write(os.urandom(ROOM))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        sys.stderr.write(
            f"nothing can be written to {folder}: {error.strerror}. Make room and start again: "
            "what is finished stays, and a scan that is segmented is not segmented again.\n"
        )


ROOM = 1_000_000  # bytes; a log, or the table of a shard

PLACES = {}  # file and line of each setting, for messages
config.update(checked(checked_configuration))

FAILED = FailedJobs()
logger.addFilter(FAILED)
logger.addFilter(missing_inputs.MissingInputs(config, PLACES))

# A command reads its settings from this file, whose name follows from its content: a command of a log can be repeated.
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
# The words before the name of a command. The interpreter of the environment that runs Snakemake comes first, unless a rule has an
# environment of its own, and the code is that of the checkout, where this is one.
PROGRAM = " ".join(
    [
        *([f"PATH={shlex.quote(sys.prefix)}/bin:$PATH"] if IN_VENV else []),
        *([f"PYTHONPATH={shlex.quote(str(CHECKOUT))}"] if CHECKOUT else []),
        "python -m ctpop",
    ]
)
WORKFLOW = ["Snakefile", *(f"workflow/rules/{name}.smk" for name in sorted(RULE_FILES))]
# Of a workflow that is fetched from a server, Snakemake keeps copies whose paths differ from run to run.
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
    """Return what changes with settings: sections of the configuration, or single ones such as `aging.quartiles`."""
    return digests.short(digests.of_json([setting(name) for name in names]))


def setting(name):
    """Return a section of the configuration or a setting in one; None if it is not set."""
    section, _, key = name.partition(".")
    values = config.get(section)
    return (values or {}).get(key) if key else values


def reading_digest():
    """Return what changes with the settings that say how the registry is read."""
    return settings_digest(*(f"cohort.{key}" for key in registry_options.SETTINGS))


def code(command):
    """Return the modules whose change makes a table stale: Snakemake does not see what a program imports."""
    return CODE.files_of(command)


def code_digest(command):
    """Return what changes with these modules, for rules of many jobs; as input files they would be most of a plan."""
    return CODE.digest_of(command)


# Snakemake reruns a job whose parameters have changed, except those of functions that also take files of the job. Neither
# the place of this checkout nor the name of the file of settings is a reason; `settings_digest` is.
def program(wildcards, output):
    """Return the words by which a rule calls a command of the package."""
    return PROGRAM


def settings_file(wildcards, output):
    """Return the file with the configuration, for programs that read sections of it."""
    return CONFIG


def label_set(wildcards):
    """Return the label set, for programs that read names and labels only; `LABELS` is what reruns them."""
    return config["structures"]


def rows_of(wildcards):
    """Return the digest of a shard's registry rows: a growing registry touches only the shards that it changes."""
    return DIGESTS[wildcards.shard]


def tables_of_shards(table):
    """Return a function that gives the files of all shards as words for bash: as a text, their braces were wildcards."""
    words = shards.in_braces(f"{STUDY}/shards/{table}", SHARDS, ".parquet")
    return lambda wildcards: words


def named_sources(wildcards, output):
    """Return the files of the workflow as words NAME=FILE."""
    return [f"{name}={path}" for name, path in SOURCES.items()]


def digest_of_files(paths):
    """Return what changes with the content of files whose paths may change."""
    return digests.short(
        digests.of_bytes(b"".join(Path(path).read_bytes() for path in paths))
    )


def state_of(path):
    """Return size and time of a file, or those of a link that leads nowhere."""
    try:
        found = path.stat()
    except OSError:
        found = path.lstat()
    return found.st_size, found.st_mtime_ns


def files_digest(place):
    """Return what changes with any file of a folder of statistics: Snakemake looks at the folder alone."""
    folder = Path(place)
    paths = [*folder.glob("*.json"), *folder.glob("*/statistics.json")]
    facts = [(path.relative_to(folder).as_posix(), *state_of(path)) for path in paths]
    return digests.short(digests.of_json(sorted(facts)))


def study_folder(wildcards):
    """Return the folder of the study's results, for programs that find several files in it."""
    return STUDY


def figure_files(*names):
    """Return the files of figures in every format; Snakemake's report shows the SVG, or the PNG if there is no SVG."""
    others = [
        f"{STUDY}/figures/{name}.{suffix}"
        for name in names
        for suffix in config["report"]["formats"]
        if suffix != REPORTED_FORMAT
    ]
    return [*(reported_figure(name) for name in names), *others]


def reported_figure(name):
    """Return the file of a figure that Snakemake's report shows; its kind is the longest that its name begins with."""
    kind = catalogue.kind_of(name)
    which = re.sub(r"_p0?(\d+)$", r" page \1", name[len(kind.name) :]).replace("_", " ")
    return report(
        f"{STUDY}/figures/{name}.{REPORTED_FORMAT}",
        caption=f"../captions/figure_{kind.name}.rst",
        category="Figures",
        subcategory=kind.section,
        labels={"figure": f"{kind.title}{which and ':'}{which}"},
    )


def tables_of(rule, *present):
    """Return the Parquet files of the tables that a rule writes, by name, and under `csv` their CSV files.

    Snakemake's report shows the tables that have no rows of single scans.
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
    """Return a table for the manuscript as CSV, HTML and DOCX, of which Snakemake's report shows the HTML."""
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
