"""Tests of versions: pyproject.toml, constraints.txt, the conda environments, and the installed packages agree."""

import ast
import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ctpop
from ctpop.foundation.import_graph import ImportGraph

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "ctpop"
ENVIRONMENTS = ("gpu", "stats", "launch")
CONDA_TO_PYPI = {"pytorch": "torch", "python-isal": "isal", "matplotlib-base": "matplotlib"}
IMPORT_TO_PYPI = {"yaml": "pyyaml", "skimage": "scikit-image", "PIL": "pillow"}
EXACT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9]+(?:\.[0-9]+)*)")
PINNED_BY_TORCH = ("nvidia-", "cuda-", "triton")  # pinned by the CUDA build and not required by the CPU build
GRAPH = ImportGraph()
RULES = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
COMMANDS_OF_RULES = sorted(set(re.findall(r"\{params\.program\} ([\w-]+)", RULES)))
MODULES = {
    "gpu": ["stages.segment.command", "stages.segment.nnunet.engine"],
    "stats": [GRAPH.module_of(name) for name in COMMANDS_OF_RULES if name != "segment"],
    "launch": ["study.configuration", "study.shards", "models.model_set"],  # imported by rules/common.smk
}


def exact(spec):
    match = EXACT.fullmatch(spec)
    assert match, f"{spec!r} is not of the form name==version"
    return canonicalize_name(match["name"]), match["version"]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def ranges_of_project():
    """Return the version range of each package in pyproject.toml."""
    optional = project()["optional-dependencies"].values()
    named = map(Requirement, [*project()["dependencies"], *itertools.chain.from_iterable(optional)])
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in named}


def pins_of_project():
    """Return the pinned version of each of these packages."""
    everything = dict(constraints())
    return {name: everything[name] for name in ranges_of_project()}


def constraints():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [exact(line) for line in lines if not line.startswith("#")]


def environment(name):
    return yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text(encoding="utf-8"))


def conda_specs(name):
    return [spec for spec in environment(name)["dependencies"] if isinstance(spec, str)]


def pip_specs(name):
    return [line for part in environment(name)["dependencies"] if isinstance(part, dict) for line in part["pip"]]


def pins_of_environment(name):
    specs = [spec for spec in conda_specs(name) if spec not in {"pip", "python=3.11"}]
    pins = dict(map(exact, [*specs, *pip_specs(name)]))
    assert len(pins) == len(specs) + len(pip_specs(name)), "a package is named twice"
    return {canonicalize_name(CONDA_TO_PYPI.get(package, package)): version for package, version in pins.items()}


def installed(package):
    """Return the installed version without the suffix of a CPU build, or None."""
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def third_party_imports(module, seen):
    """Return the third-party imports of a module, including those of the modules that it imports."""
    path = PACKAGE / f"{module.replace('.', '/')}.py"
    if module in seen or not path.is_file():
        return set()
    seen.add(module)
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    inner = {name.removeprefix("ctpop.") for name in names if name.startswith("ctpop.")}
    outer = {name.split(".")[0] for name in names if not name.startswith(("ctpop", "_"))}
    return outer.union(*(third_party_imports(name, seen) for name in inner))


def requirements_of(name, extras):
    """Return the requirements of an installed package in this environment."""
    lines = map(Requirement, metadata.requires(name) or []) if installed(name) else []
    return [
        line
        for line in lines
        if line.marker is None or any(line.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
    ]


def needed_by(packages):
    """Return the packages and all installed packages that they require directly or indirectly."""
    waiting, found = [Requirement(package) for package in packages], set()
    while waiting:
        requirement = waiting.pop()
        package = (canonicalize_name(requirement.name), *sorted(requirement.extras))
        if package not in found:
            found.add(package)
            waiting += requirements_of(package[0], requirement.extras)
    return {name for name, *_ in found}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_uses_only_conda_forge(name):
    assert environment(name)["channels"] == ["conda-forge", "nodefaults"]
    assert set(environment(name)) == {"channels", "dependencies"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_has_the_python_of_the_project(name):
    assert "python=3.11" in conda_specs(name)
    assert project()["requires-python"].startswith(">=3.11")
    assert bool(pip_specs(name)) == ("pip" in conda_specs(name))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_pins_what_the_lock_pins(name):
    assert pins_of_environment(name).items() <= dict(constraints()).items()


def test_environments_that_differ_from_the_lock_are_reported_and_written_again(tmp_path):
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    lock = (tmp_path / "constraints.txt").read_text().replace("pydicom==", "pydicom==9.")
    (tmp_path / "constraints.txt").write_text(lock)
    command = [sys.executable, str(tmp_path / "envs" / "generate.py")]

    differs = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    subprocess.run(command, check=True)

    assert differs.returncode == 1
    assert differs.stderr == "envs/stats.yaml is not up to date with constraints.txt; run: python envs/generate.py\n"
    assert "  - pydicom==9." in (tmp_path / "envs" / "stats.yaml").read_text()
    assert subprocess.run([*command, "--check"], check=False).returncode == 0
    assert subprocess.run([sys.executable, str(ROOT / "envs" / "generate.py"), "--check"], check=False).returncode == 0


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_pins_the_versions_of_the_tests(name):
    pins = pins_of_environment(name)
    present = {package: installed(package) for package in pins if installed(package)}

    assert {"pyyaml", "jsonschema"} <= set(present)
    assert present == {package: pins[package] for package in present}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_contains_the_imports_of_its_modules(name):
    seen = set()
    imported = set().union(*(third_party_imports(module, seen) for module in MODULES[name]))
    packages = {canonicalize_name(IMPORT_TO_PYPI.get(word, word)) for word in imported}

    assert seen >= set(MODULES[name])
    assert packages & set(pins_of_project()) <= set(pins_of_environment(name))
    assert {"pyyaml", "jsonschema"} <= packages
    assert ("pandas" in packages) == (name != "launch")  # both processes of each Slurm job would import it


def test_the_environment_of_statistics_is_the_core_of_the_project():
    needed = {canonicalize_name(Requirement(line).name) for line in project()["dependencies"]}

    assert set(pins_of_environment("stats")) == needed


def test_constraints_pin_each_package_once_and_agree_with_the_project():
    pins = constraints()

    assert len(pins) == len({name for name, _ in pins}) > len(pins_of_project())
    assert all(pins_of_project()[name] in versions for name, versions in ranges_of_project().items())
    assert all(len(versions) for versions in ranges_of_project().values())
    assert "ctpop" not in dict(pins)


def test_the_tests_run_with_the_pinned_versions():
    pins = dict(constraints())
    present = {name: installed(name) for name in pins if installed(name)}

    assert {"numpy", "pandas", "pytest"} <= set(present)
    assert present == {name: pins[name] for name in present}


def test_constraints_pin_all_packages_of_an_installation():
    needed = needed_by(f"{name}=={version}" for name, version in pins_of_project().items())
    free = {name for name in needed - set(dict(constraints())) if not name.startswith(PINNED_BY_TORCH)}

    assert len(needed) > len(pins_of_project())
    assert free == set()


def test_every_environment_of_a_rule_exists_and_every_one_is_used():
    rules = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
    named = re.findall(r'conda:\s+"([^"]+)"', "".join(path.read_text(encoding="utf-8") for path in rules))

    assert set(named) == {"../../envs/gpu.yaml", "../../envs/stats.yaml"}
    assert {path.stem for path in (ROOT / "envs").glob("*.yaml")} == set(ENVIRONMENTS)


def test_the_version_of_the_software_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

    snakefile = (ROOT / "Snakefile").read_text(encoding="utf-8")
    assert project()["dynamic"] == ["version"]
    assert ctpop.__version__ == citation["version"]
    assert re.findall(r'^VERSION = "(.+)"', snakefile, re.MULTILINE) == [ctpop.__version__]
    assert f"pip install ctpop=={ctpop.__version__}" in (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert project()["license"] == citation["license"] == "Apache-2.0"
