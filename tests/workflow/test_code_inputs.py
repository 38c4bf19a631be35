"""Test that a changed module repeats the rules whose commands import it, except segmentation."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from support.studies import JOB, REPO, Study, quiet_environment

PACKAGE = REPO / "workflow" / "ctpop"
MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
RULE = re.compile(r"rule (\w+):.*?\{params\.program\} ([\w-]+)", re.DOTALL)
EDGE = re.compile(r"^\s*(\d+) -> (\d+)$", re.MULTILINE)
NODE = re.compile(r'^\s*(\d+)\[label = "(\w+)', re.MULTILINE)
# A module of a single rule, a module of a stage with several commands, one library module per level, a module of all
# commands, and a module that only segmentation uses.
SAMPLE = (
    "stages/screen/extremes.py",
    "stages/segment/nnunet/engine.py",
    "stats/ranks.py",
    "figures/scatter.py",
    "foundation/files.py",
)


@dataclass(frozen=True)
class Copy:
    """A copy of the checkout with a finished study."""

    checkout: Path
    study: Study

    @cached_property
    def graph(self) -> str:
        """Return the rule graph that Snakemake prints."""
        return self.snakemake("--rulegraph")

    def snakemake(self, *options: str) -> str:
        arguments = self.study.arguments(*options)
        arguments[arguments.index("-s") + 1] = str(self.checkout / "Snakefile")
        command = [sys.executable, "-m", "snakemake", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet_environment())
        assert ended.returncode == 0, ended.stderr[-4000:]
        return ended.stdout + ended.stderr

    def planned(self) -> set[str]:
        return {rule for rule, _ in JOB.findall(self.snakemake("--dry-run"))} - {"all", "total"}


@pytest.fixture(scope="module")
def copy(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("code_inputs")
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(REPO / name, folder / "checkout" / name, ignore=left_out)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(REPO / name, folder / "checkout" / name)
    shutil.copytree(small.folder, folder / "study")
    found = Copy(folder / "checkout", Study(folder / "study", small.config))
    found.snakemake("--touch")
    assert found.planned() == set()
    return found


@cache
def modules_of(command):
    """Return the modules that a command imports, determined from its byte code by the standard library."""
    name = command.replace("-", "_")
    own = PACKAGE / "stages" / name / "command.py"
    script = own if own.is_file() else next(PACKAGE.glob(f"stages/*/{name}.py"))
    finder = ModuleFinder(path=[str(PACKAGE.parent)])
    finder.run_script(str(script))
    found = {Path(module.__file__) for module in finder.modules.values() if module.__file__}
    return {str(path.relative_to(PACKAGE)) for path in found}


def commands_of_rules():
    text = "\n".join(path.read_text() for path in sorted((REPO / "workflow" / "rules").glob("*.smk")))
    return dict(RULE.findall(text))


def followers(graph, rules):
    """Return rules and the rules that use their output files, directly or indirectly."""
    names = dict(NODE.findall(graph))
    edges = [(names[giver], names[taker]) for giver, taker in EDGE.findall(graph)]
    reached = set(rules)
    while added := {taker for giver, taker in edges if giver in reached} - reached:
        reached |= added
    return reached - {"all"}


@pytest.mark.parametrize(
    "module", [*SAMPLE, *(pytest.param(name, marks=pytest.mark.exhaustive) for name in MODULES if name not in SAMPLE)]
)
def test_a_changed_module_repeats_the_rules_that_import_it_except_segmentation(copy, module):
    rules = {name for _, name in NODE.findall(copy.graph)}
    importing = {rule for rule, command in commands_of_rules().items() if module in modules_of(command)}
    path = copy.checkout / "workflow" / "ctpop" / module
    kept = path.with_name(f"{path.name}.kept")
    shutil.copy2(path, kept)
    with path.open("a") as file:
        file.write("\n# changed\n")

    planned = copy.planned()

    kept.replace(path)
    assert planned == followers(copy.graph, (importing & rules) - {"segment"})
    assert "segment" not in planned
