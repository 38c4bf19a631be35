"""Write the conda environments of the rules and of the launch environment, pinned to the versions in constraints.txt.

    python envs/generate.py            write the files that differ
    python envs/generate.py --check    write nothing, and fail if a file differs

Packages are installed from conda-forge where available; pip installs the others.
"""

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
PYTHON = "3.11"
CONDA_NAMES = {"isal": "python-isal", "matplotlib": "matplotlib-base", "torch": "pytorch"}
HEAD = "# Written by envs/generate.py from constraints.txt."


@dataclass(frozen=True)
class Environment:
    """A conda environment: the comment of its file, the packages from conda-forge, and the packages from pip."""

    comment: str
    conda: tuple[str, ...]
    pip: tuple[str, ...]


def dependencies() -> list[str]:
    """Return the names of the packages that the stages after segmentation require."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [re.split(r"[<>=]", requirement)[0] for requirement in project["dependencies"]]


def environments() -> dict[str, Environment]:
    """Return the environments by file name."""
    from_pip = ("dcm2niix", "deflate", "rocrate")
    needed = dependencies()
    return {
        "stats": Environment(
            "All stages except segment.",
            tuple(name for name in needed if name not in from_pip),
            from_pip,
        ),
        "gpu": Environment(
            """The stage segment: nnU-Net v2 and torch. The latter includes CUDA if the machine that creates
the environment has a GPU. On a login node without a GPU, state the CUDA version of the GPU nodes:

  CONDA_OVERRIDE_CUDA=12.8 snakemake --sdm conda --profile profiles/slurm --configfile my_study.yaml

pip installs nnU-Net with the pinned packages of its authors that affect the labels.""",
            (
                *("jsonschema", "nibabel", "numpy", "pandas", "pandera", "pyarrow", "python-calamine", "isal"),
                *("torch", "pyyaml", "scipy", "torchvision"),
            ),
            (
                *("acvl_utils", "batchgenerators", "batchgeneratorsv2", "deflate", "dynamic_network_architectures"),
                "nnunetv2",
            ),
        ),
        "launch": Environment(
            """Requirements of the machine that starts snakemake, in addition to conda:

  conda env create --name ctpop --file envs/launch.yaml

The Snakefile checks the configuration with the package, which requires pyarrow for Parquet registries. Snakemake is
installed with pip, because conda provides it only in the channel bioconda, which no other package requires.""",
            ("jsonschema", "pyarrow", "python-calamine", "pyyaml"),
            ("snakemake", "snakemake-executor-plugin-slurm"),
        ),
    }


def pins() -> dict[str, str]:
    """Return the version of each package in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def text_of(environment: Environment) -> str:
    """Return the text of the file of an environment."""
    versions = pins()
    conda = [f"{CONDA_NAMES.get(name, name)}=={versions[canonicalize_name(name)]}" for name in environment.conda]
    pip = [f"{name}=={versions[canonicalize_name(name)]}" for name in environment.pip]
    comment = [f"# {line}".rstrip() for line in environment.comment.splitlines()]
    lines = [
        *(HEAD, *comment, "channels:", "  - conda-forge", "  - nodefaults", "dependencies:", f"  - python={PYTHON}"),
        *(f"  - {spec}" for spec in sorted([*conda, "pip"])),
        "  - pip:",
        *(f"      - {spec}" for spec in pip),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write or compare the files; with `--check`, return 1 if a file differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file differs")
    options = parser.parse_args()
    texts = {FOLDER / f"{name}.yaml": text_of(environment) for name, environment in environments().items()}
    differing = [path for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
    if options.check:
        for path in differing:
            name = path.relative_to(ROOT)
            sys.stderr.write(f"{name} is not up to date with constraints.txt; run: python envs/generate.py\n")
        return int(bool(differing))
    for path in differing:
        path.write_text(texts[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
