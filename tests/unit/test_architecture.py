"""Who may import whom: the foundation itself only, stages never each other, heavy libraries in one place each."""

import ast
import fnmatch
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import ctpop
from ctpop import __main__, settings

PACKAGE = Path(ctpop.__file__).parent
MODULES = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
FOUNDATION = {
    *(
        "errors",
        "columns",
        "files",
        "column_checks",
        "tables",
        "codes",
        "schema",
        "structures",
        "settings",
        "shards",
        "registry",
    ),
    *("headers", "images"),
    *(module for module in MODULES if module.startswith(("contracts.", "registries."))),
}
BY_HAND = {
    "index",
    "compare",
    "requantify",
    "export_statistics",
    "convert_v1",
    "doctor",
    "status",
    "plan",
    "view",
    "dictionary",
}  # commands that no rule runs
OF_THE_COHORT = {"convert", "people", "describe", "contrast", "share"}
OF_AGING = {"adjust", "centiles", "published"}
AT_THE_END = {"runtime", "crate"}
STAGES = {*settings.STAGES, *OF_THE_COHORT, *OF_AGING, *AT_THE_END, "gallery", "evaluate", "gather", *BY_HAND}
RULES = PACKAGE.parent / "rules"
MARKERS = {module for module in MODULES if module.endswith("__init__")}
BANNED_NAMES = {"utils", "helpers", "common", "misc", "core", "base"}
LONGEST_FILE = 300
WINGS = {  # figures may ask stats for a trend line
    "stats": ("evaluation", "figures", "reporting", "segmentation"),
    "figures": ("evaluation", "reporting", "segmentation"),
    "segmentation": ("evaluation", "figures", "measuring", "reporting", "stats"),
    "measuring": ("evaluation", "figures", "reporting", "segmentation", "stats"),
    "screening": ("evaluation", "figures", "measuring", "reporting", "segmentation", "stats"),
    "describing": ("evaluation", "figures", "measuring", "reporting", "screening", "segmentation"),
    "dicom": ("describing", "evaluation", "figures", "measuring", "reporting", "screening", "segmentation", "stats"),
    "operations": ("evaluation", "figures", "measuring", "reporting", "stats"),
    "crating": ("evaluation", "figures", "measuring", "reporting", "screening", "segmentation", "stats"),
    "quality": ("evaluation", "measuring", "reporting", "segmentation", "stats", "viewing"),
    "viewing": ("evaluation", "figures", "measuring", "quality", "reporting", "stats"),
    "evaluation": ("figures", "reporting", "stats"),  # of segmentation it needs the store and existing label maps
}
HOMES = {
    "torch": {"segmentation.nnunet", "segmentation.v1.tensors"},
    "nnunetv2": {"segmentation.nnunet", "segmentation.v1.tensors"},
    "matplotlib": {"figures"},
    "statsmodels": {"stats"},
    "skimage": {"evaluation", "quality"},
    "pydicom": {"dicom"},
    "dcm2niix": {"dicom"},
    "PIL": {"quality"},
    "rocrate": {"crating"},
    "docx": {"documents"},
    "http": {"viewing"},
}
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
    "share": {"docx"},
    "gallery": {"jinja2"},
    "evaluate": {"scipy.special", "scipy.sparse", "scipy.ndimage", "skimage"},  # skimage imports its parts when asked
    "compare": {*DRAWING, "scipy.special"},
    "runtime": {"jinja2"},
}
WITHOUT_TABLES = {"crate", "convert-v1"}
MEASURED = """
import importlib, json, os, sys
from ctpop.__main__ import make_parser

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
import ctpop.schema, ctpop.settings
found.update({command: loaded(make_parser, command) for command in others})
print(json.dumps(found))
"""


@cache
def imports_of(path):
    """Return the full names that a file imports, at any depth and under TYPE_CHECKING, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def ours(path):
    """Return the modules of this package that a file imports, as keys of `MODULES`."""
    found = set()
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "ctpop":
            continue
        candidates = [".".join(parts[1:length]) for length in range(len(parts), 1, -1)]
        found.add(next((module for module in candidates if module in MODULES), "__init__"))
    return found


def needed_by(module):
    """Return a module with all modules of this package that it imports, directly or through others."""
    waiting, found = [module], set()
    while waiting:
        name = waiting.pop()
        waiting += ours(MODULES[name]) - found - {name}
        found.add(name)
    return found - {"__init__"}


def code_of_rules():
    """Return the modules that each rule names as its code, by the stage that it runs."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    [shared] = re.findall(r"FOUNDATION = \(([^)]+)\)", text)
    found = {}
    for rule in re.split(r"\n\s*rule ", text)[1:]:
        named = re.findall(r"code=code(?:_digest)?\(([^)]+)\)", rule)
        stages = re.findall(r"python -m ctpop (\w+)", rule)
        assert len(stages) == 1, rule
        if named:
            found.setdefault(stages[0], []).append(re.findall(r'"([^"]+)"', shared + named[0]))
    return found


def is_inside(module, homes):
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def test_the_walk_sees_the_imports_it_is_meant_to_see():
    assert {"tables", "columns", "contracts.keys"} <= ours(MODULES["contracts.measures"])
    assert "torch" in {name.split(".")[0] for name in imports_of(MODULES["segmentation.nnunet.engine"])}
    assert set(MODULES) >= FOUNDATION
    assert set(MODULES) >= STAGES


@pytest.mark.parametrize("module", sorted(FOUNDATION))
def test_the_foundation_imports_the_foundation_only(module):
    assert ours(MODULES[module]) <= FOUNDATION


@pytest.mark.parametrize("module", sorted(STAGES))
def test_a_stage_imports_no_stage(module):
    assert ours(MODULES[module]) & STAGES == set()


def test_nothing_below_a_stage_imports_a_stage():
    below = set(MODULES) - STAGES - {"__main__"}

    assert len(below) > len(FOUNDATION)
    assert {module: ours(MODULES[module]) & STAGES for module in below if ours(MODULES[module]) & STAGES} == {}


@pytest.mark.parametrize(("wing", "others"), WINGS.items())
def test_a_wing_does_not_know_the_others(wing, others):
    inside = {module: ours(path) for module, path in MODULES.items() if is_inside(module, [wing])}

    assert len(inside) > 2
    assert {module for module, names in inside.items() if any(is_inside(name, others) for name in names)} == set()


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_stays_at_home(library):
    users = {module for module, path in MODULES.items() if library in {name.split(".")[0] for name in imports_of(path)}}

    assert users
    assert {module for module in users if not is_inside(module, HOMES[library])} == set()


def test_modules_do_not_import_in_circles():
    left = {module: ours(path) - {module, "__init__"} for module, path in MODULES.items()}
    while free := [module for module, needs in left.items() if not needs & set(left)]:
        for module in free:
            del left[module]

    assert left == {}


@pytest.mark.parametrize("stage", sorted(STAGES - {"segment", "convert"} - BY_HAND))
def test_a_rule_names_all_code_that_its_stage_imports(stage):
    # segment and convert are keyed by checksums and a version instead; Snakemake does not see what a program imports
    rules = code_of_rules()[stage]

    for patterns in rules:
        unnamed = {
            module
            for module in needed_by(stage)
            if not any(fnmatch.fnmatchcase(module.replace(".", "/"), pattern) for pattern in patterns)
        }
        assert {module for module in unnamed if module not in MARKERS} == set()


def test_no_module_has_a_name_that_says_nothing():
    words = {part for module in MODULES for part in module.split(".")}

    assert words & BANNED_NAMES == set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_file_is_short_enough_to_be_read_in_one_go(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_file_says_what_it_is_for(module):
    assert ast.get_docstring(ast.parse(MODULES[module].read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def loaded():
    """The heavy libraries that each command, and each module of the Snakefile, imports before it does anything.

    All but a few commands import the tables of a study: those are imported once, and the commands start in copies of
    that process.
    """
    subjects = [HEAVY, modules_of_the_snakefile(), WITHOUT_TABLES, set(__main__.COMMANDS) - WITHOUT_TABLES]
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
    return {path if path.removeprefix("ctpop.") in MODULES else path.rpartition(".")[0] for path in paths}


def test_the_snakefile_imports_no_heavy_library(loaded):
    modules = modules_of_the_snakefile()

    assert {"ctpop.settings", "ctpop.shards", "ctpop.errors", "ctpop.segmentation.model_set"} <= modules
    assert {module: loaded[module] for module in modules if loaded[module]} == {}


@pytest.mark.parametrize("command", __main__.COMMANDS)
def test_a_command_starts_without_the_heavy_libraries_that_it_may_not_need(command, loaded):
    allowed = AT_START.get(command, set()) | (set() if command in WITHOUT_TABLES else TABLES)

    assert loaded[command] <= allowed


def test_the_heavy_libraries_that_commands_may_import_are_imported(loaded):
    unused = {command: libraries - loaded[command] for command, libraries in AT_START.items()}

    assert {command: libraries for command, libraries in unused.items() if libraries} == {}
