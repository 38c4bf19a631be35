"""Commands start, and the Snakefile is parsed, without heavy libraries that they may not need."""

import json
import os
import re
import subprocess
import sys

import pytest

from ctpop import cli
from ctpop.foundation.import_graph import PACKAGE, ImportGraph

GRAPH = ImportGraph()
RULES = PACKAGE.parent / "rules"
HEAVY = {  # libraries that take from a twentieth of a second to two seconds to import
    *("numpy", "pandas", "pyarrow", "pandera", "patsy", "statsmodels", "matplotlib", "fontTools"),
    *("scipy.special", "scipy.sparse", "scipy.ndimage", "scipy.optimize", "scipy.stats"),
    *("nibabel", "pydicom", "requests", "PIL", "skimage", "torch", "nnunetv2", "docx", "rocrate", "jinja2"),
}
TABLES = {"numpy", "pandas", "pyarrow"}
DICOM = {"pydicom", "requests", "PIL"}  # pydicom imports the others
DRAWING = {"matplotlib", "fontTools", "PIL"}
AT_START = {  # the heavy libraries that a command may import before it has read its options, beside those of tables
    "index": DICOM,
    "describe": {*DRAWING, "docx"},
    "convert": {*DICOM, "nibabel"},
    "convert-v1": {"numpy"},
    "aging": {"scipy.special", "scipy.sparse"},
    "adjust": {"scipy.special"},
    "centiles": {"scipy.special"},
    "published": {"scipy.special"},
    "report": {*DRAWING, "docx", "jinja2", "scipy.special"},
    "crate": {"rocrate", "requests", "jinja2"},  # rocrate imports the others
    "export": {"docx"},
    "gallery": {"jinja2"},
    "evaluate": {"scipy.special", "scipy.sparse", "scipy.ndimage", "skimage"},  # skimage imports its parts when asked
    "compare": {*DRAWING, "scipy.special"},
    "runtime": {"jinja2"},
}
WITHOUT_TABLES = {"crate", "convert-v1"}
MEASURED = """
import importlib, json, os, sys
from ctpop.cli import make_parser

def loaded(begin, name):
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        begin(name)
        os.write(sink, json.dumps(sorted(heavy & set(sys.modules))).encode())
        os._exit(0)
    os.close(sink)
    os.waitpid(child, 0)
    with os.fdopen(source) as told:
        return json.load(told)

heavy, modules, first, others = map(set, json.load(sys.stdin))
found = {module: loaded(importlib.import_module, module) for module in modules}
found.update({command: loaded(make_parser, command) for command in first})
import ctpop.contracts.all_tables, ctpop.study.configuration
found.update({command: loaded(make_parser, command) for command in others})
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded():
    """The heavy libraries that each command, and each module of the Snakefile, imports before it does anything.

    All but a few commands import the tables of a study: those are imported once, and the commands start in copies of
    that process.
    """
    subjects = [HEAVY, modules_of_the_snakefile(), WITHOUT_TABLES, set(cli.COMMANDS) - WITHOUT_TABLES]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED],
        input=json.dumps([sorted(names) for names in subjects]),
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {subject: set(libraries) for subject, libraries in json.loads(done.stdout).items()}


def modules_of_the_snakefile():
    """Return the modules of this package that the workflow imports whenever it is parsed."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    found = re.findall(r"^from (ctpop[.\w]*) import ([\w, ]+)$", text, re.MULTILINE)
    paths = [f"{package}.{name}" for package, names in found for name in names.split(", ")]
    return {path if path.removeprefix("ctpop.") in GRAPH.files else path.rpartition(".")[0] for path in paths}


def test_the_snakefile_imports_no_heavy_library(loaded):
    modules = modules_of_the_snakefile()

    assert {"ctpop.study.configuration", "ctpop.foundation.errors", "ctpop.models.model_set"} <= modules
    assert {module: loaded[module] for module in modules if loaded[module]} == {}


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_a_command_starts_without_the_heavy_libraries_that_it_may_not_need(command, loaded):
    allowed = AT_START.get(command, set()) | (set() if command in WITHOUT_TABLES else TABLES)

    assert loaded[command] <= allowed


def test_the_heavy_libraries_that_commands_may_import_are_imported(loaded):
    unused = {command: libraries - loaded[command] for command, libraries in AT_START.items()}

    assert {command: libraries for command, libraries in unused.items() if libraries} == {}
