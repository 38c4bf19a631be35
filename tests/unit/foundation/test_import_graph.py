"""The modules of a command are determined from the source, cached by content, and change with its imports."""

import json

import pytest

from ctpop.foundation.import_graph import CACHE, ImportGraph, imported_names

SOURCES = {
    "__init__": "",
    "errors": "",
    "table": "from ctpop import errors\nimport numpy\n",
    "stages/__init__": "",
    "stages/measure/__init__": "",
    "stages/measure/command": "from ctpop.table import read\ndef f():\n    from ctpop.stages.measure import erosion\n",
    "stages/measure/erosion": "if TYPE_CHECKING:\n    from ctpop.volumes import Grid\n",
    "stages/measure/gather": "import ctpop.errors\n",
    "volumes": "",
    "unused": "",
}


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "ctpop"
    for name, source in SOURCES.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


def graph(package, cache=None):
    return ImportGraph(cache, package)


def test_the_modules_of_a_command_include_indirect_imports(package):
    needed = graph(package).needed_by("stages.measure.command")

    assert needed == ["errors", "stages.measure.command", "stages.measure.erosion", "table", "volumes"]
    assert graph(package).files_of("gather") == [str(package / "errors.py"), str(package / "stages/measure/gather.py")]


def test_the_digest_of_a_command_depends_only_on_its_imports(package):
    before = {name: graph(package).digest_of(name) for name in ("measure", "gather")}

    (package / "volumes.py").write_text("GRID = 1\n")
    (package / "unused.py").write_text("NEW = 1\n")

    assert graph(package).digest_of("measure") != before["measure"]
    assert graph(package).digest_of("gather") == before["gather"]


def test_a_command_with_no_module_or_two_modules_is_an_error(package):
    with pytest.raises(KeyError, match="0 modules found for the command report, but exactly 1 is required"):
        graph(package).module_of("report")
    (package / "stages" / "screen").mkdir()
    (package / "stages" / "screen" / "gather.py").touch()
    with pytest.raises(KeyError, match="2 modules found for the command gather"):
        graph(package).module_of("gather")


def test_imports_are_cached_by_content(package, tmp_path, monkeypatch):
    first = graph(package, tmp_path / "cache").imports
    parsed = []
    monkeypatch.setattr(
        "ctpop.foundation.import_graph.imported_names", lambda source: parsed.append(source) or imported_names(source)
    )

    assert graph(package, tmp_path / "cache").imports == first
    assert [source for source in parsed if source] == []

    (package / "unused.py").write_text("from ctpop import errors\n")
    assert graph(package, tmp_path / "cache").imports["unused"] == ["errors"]
    assert [source for source in parsed if source] == ["from ctpop import errors\n"]


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_a_damaged_cache_is_written_again(package, tmp_path, content):
    (tmp_path / CACHE).write_text(content)

    assert graph(package, tmp_path).imports == graph(package).imports
    assert len(json.loads((tmp_path / CACHE).read_text())) > 3
