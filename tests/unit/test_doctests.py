"""Tests of docstrings: examples run, and docstrings of public library functions are complete."""

import ast
import doctest
import importlib

import pytest

from ctpop.foundation.import_graph import ImportGraph

GRAPH = ImportGraph()
DOCUMENTED = ("stats", "imaging", "contracts", "study")
PUBLIC = [
    (module, node)
    for module, path in GRAPH.files.items()
    if module.split(".")[0] in DOCUMENTED
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]
EXAMPLES = sorted(module for module in GRAPH.files if ">>> " in GRAPH.files[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", EXAMPLES)
def test_the_examples_of_a_module_run(module):
    failed, tried = doctest.testmod(importlib.import_module(f"ctpop.{module}"))

    assert tried
    assert not failed


def sections_needed(function):
    """Return the required sections in the docstring of a function."""
    returns = ["Returns"] if function.returns and ast.unparse(function.returns) != "None" else []
    takes = function.args.args or function.args.kwonlyargs
    return [*(["Parameters"] if takes else []), *returns, "Examples"]


def test_public_functions_of_the_libraries_have_complete_docstrings():
    lacking = [
        (module, function.name, section)
        for module, function in PUBLIC
        for section in sections_needed(function)
        if f"{section}\n---" not in (ast.get_docstring(function) or "").replace("Yields\n---", "Returns\n---")
    ]

    assert len(PUBLIC) > 150
    assert lacking == []
