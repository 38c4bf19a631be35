"""The examples in docstrings run, and public functions of the libraries have complete docstrings."""

import doctest
import importlib

import pytest

from ctpop.foundation.import_graph import ImportGraph

GRAPH = ImportGraph()
DOCUMENTED = ("stats", "imaging", "contracts", "study")
EXAMPLES = sorted(module for module in GRAPH.files if ">>> " in GRAPH.files[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", EXAMPLES)
def test_the_examples_of_a_module_run(module):
    failed, tried = doctest.testmod(importlib.import_module(f"ctpop.{module}"))

    assert tried
    assert not failed
