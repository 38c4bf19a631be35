"""Tests of the startup: commands and the Snakefile import large libraries only if they need them."""

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
HEAVY = {  # libraries with import times of 0.05 to 2 seconds
    *("numpy", "pandas", "pyarrow", "pandera", "patsy", "statsmodels", "matplotlib", "fontTools"),
    *("scipy.special", "scipy.sparse", "scipy.ndimage", "scipy.optimize", "scipy.stats"),
    *("nibabel", "pydicom", "requests", "PIL", "skimage", "torch", "nnunetv2", "docx", "rocrate", "jinja2"),
}
# Libraries that commands need only for some inputs; the functions that use them import them.
IMPORTED_WHEN_USED = {"torch", "nnunetv2", "pandera", "patsy", "statsmodels", "scipy.optimize", "scipy.stats"}
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
    with os.fdopen(source) as stream:
        return json.load(stream)

heavy, modules, commands = map(set, json.load(sys.stdin))
found = {module: loaded(importlib.import_module, module) for module in modules}
found.update({command: loaded(make_parser, command) for command in commands})
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded():
    """The large libraries that each command and each module of the Snakefile imports at startup."""
    subjects = [HEAVY, modules_of_the_snakefile(), set(cli.COMMANDS)]
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
    """Return the modules of this package that the workflow imports when it is parsed."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    found = re.findall(r"^from (ctpop[.\w]*) import ([\w, ]+)$", text, re.MULTILINE)
    paths = [f"{package}.{name}" for package, names in found for name in names.split(", ")]
    return {path if path.removeprefix("ctpop.") in GRAPH.files else path.rpartition(".")[0] for path in paths}


def test_the_snakefile_imports_no_heavy_library(loaded):
    modules = modules_of_the_snakefile()

    assert {"ctpop.study.configuration", "ctpop.foundation.errors", "ctpop.models.model_set"} <= modules
    assert {module: loaded[module] for module in modules if loaded[module]} == {}


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_a_command_starts_without_the_libraries_that_it_may_not_need(command, loaded):
    assert loaded[command] & IMPORTED_WHEN_USED == set()


def test_commands_without_tables_start_without_the_libraries_of_tables(loaded):
    without = {command for command in cli.COMMANDS if not loaded[command] & {"pandas", "pyarrow"}}

    assert {"convert-v1", "crate"} <= without
