"""Tests of the import rules: levels of packages, independent stages, and one location for each large library."""

import ast
import re

import pytest

from ctpop import cli
from ctpop.foundation.import_graph import PACKAGE, ImportGraph

GRAPH = ImportGraph()
RULES = PACKAGE.parent / "rules"
LEVELS = (  # a package imports only from its own folder and from the levels before it in this list
    ("foundation",),
    ("contracts",),
    ("study",),
    ("imaging", "models", "stats"),
    ("figures", "documents"),
    ("stages",),
    ("dictionary",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
LEVEL = {package: level for level, packages in enumerate(LEVELS) for package in packages}
HOMES = {  # packages that import a library
    "torch": ("stages.segment", "models"),
    "nnunetv2": ("stages.segment",),
    "matplotlib": ("figures",),
    "statsmodels": ("stats",),
    "skimage": ("stages.evaluate", "stages.review"),
    "pydicom": ("stages.dicom",),
    "dcm2niix": ("stages.dicom",),
    "PIL": ("stages.review",),
    "rocrate": ("stages.report",),
    "docx": ("documents",),
    "http": ("stages.review",),
}
BANNED_NAMES = {"utils", "helpers", "common", "misc", "core", "base"}
MOST_LOOSE_MODULES = 5
LONGEST_FILE = 300
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
LEFT_TO_CHECKSUMS = {"segment", "convert"}  # identified by checksums and a version in the program


def folder_of(module):
    """Return the folder in which modules can import each other: a library or a single stage."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "stages" else parts[0]


def libraries_of(module):
    """Return the libraries that a module imports, including imports in functions and under TYPE_CHECKING."""
    nodes = [*ast.walk(ast.parse(GRAPH.files[module].read_text(encoding="utf-8")))]
    direct = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    sources = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in direct | sources}


def test_every_package_has_a_level():
    assert {module.split(".")[0] for module in GRAPH.files} - {"__init__"} == set(LEVEL)


def test_imports_are_absolute():
    text = "".join(path.read_text(encoding="utf-8") for path in GRAPH.files.values())

    assert re.findall(r"^\s*from \.", text, re.MULTILINE) == []


def test_a_module_imports_from_its_own_folder_and_from_lower_levels():
    imports = [(module, name) for module, names in GRAPH.imports.items() for name in names if name != "__init__"]
    wrong = [
        (module, name)
        for module, name in imports
        if folder_of(module) != folder_of(name) and LEVEL[name.split(".")[0]] >= LEVEL[module.split(".")[0]]
    ]

    assert len(imports) > 700
    assert wrong == []


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_in_its_home_only(library):
    users = {module for module in GRAPH.files if library in libraries_of(module)}

    assert users
    assert {module for module in users if not module.startswith(HOMES[library])} == set()


def test_modules_do_not_import_in_circles():
    waiting = {module: set(names) - {module, "__init__"} for module, names in GRAPH.imports.items()}
    while free := [module for module, needs in waiting.items() if not needs & set(waiting)]:
        for module in free:
            del waiting[module]

    assert waiting == {}


def test_few_modules_are_loose():
    loose = {module for module in GRAPH.files if "." not in module} - {"__init__", "__main__"}

    assert len(loose) <= MOST_LOOSE_MODULES


def test_a_package_marker_contains_only_its_description():
    for marker in PACKAGE.rglob("__init__.py"):
        statements = ast.parse(marker.read_text(encoding="utf-8")).body

        assert isinstance(statements[0], ast.Expr), marker
        assert {type(statement) for statement in statements[1:]} <= {ast.Import, ast.For, ast.Assign}, marker


def test_no_module_has_a_name_without_meaning():
    assert {part for module in GRAPH.files for part in module.split(".")} & BANNED_NAMES == set()


def lines_of_code(source):
    """Return the number of lines of a source file, excluding docstrings."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, DOCUMENTED)]
    texts = [node.body[0] for node in nodes if ast.get_docstring(node)]
    return len(source.splitlines()) - sum(text.end_lineno - text.lineno + 1 for text in texts)


def test_a_file_has_at_most_300_lines_of_code():
    lengths = {module: lines_of_code(path.read_text(encoding="utf-8")) for module, path in GRAPH.files.items()}

    assert {module: length for module, length in lengths.items() if length > LONGEST_FILE} == {}


def test_a_file_has_a_description():
    sources = {module: path.read_text(encoding="utf-8") for module, path in GRAPH.files.items()}

    assert [module for module, source in sources.items() if not ast.get_docstring(ast.parse(source))] == []


def test_every_command_of_a_stage_is_found_by_its_name():
    modules = {name: entry.load().__name__.removeprefix("ctpop.") for name, entry in cli.COMMANDS.items()}
    loose = {name: module for name, module in modules.items() if "." not in module}

    assert {name: GRAPH.module_of(name) for name in modules if name not in loose} == {
        name: module for name, module in modules.items() if name not in loose
    }
    assert loose == {"dictionary": "dictionary"}


def test_a_rule_depends_on_the_code_of_its_command():
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    rules = re.split(r"\n\s*rule ", text)[1:]
    for rule in rules:
        [command] = re.findall(r"\{params\.program\} ([\w-]+)", rule)
        named = re.findall(r'code=code(?:_digest)?\("([\w-]+)"\)', rule)

        assert named == ([] if command in LEFT_TO_CHECKSUMS else [command]), rule
    assert len(rules) > 20


def test_class_names_are_unique():
    names = [
        node.name
        for path in GRAPH.files.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]

    assert sorted({name for name in names if names.count(name) > 1}) == []
