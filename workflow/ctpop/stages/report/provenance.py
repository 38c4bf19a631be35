"""Provenance: inputs, settings, versions, models, and commit, without times or paths of this machine."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ctpop import __version__
from ctpop.foundation.errors import ContractError
from ctpop.models import model_set
from ctpop.stages.report import input_digests
from ctpop.stages.report.finished_study import FinishedStudy
from ctpop.stages.report.summaries import counts

PACKAGES = (
    *("numpy", "scipy", "statsmodels", "pandas", "pandera", "pyarrow", "patsy", "nibabel", "scikit-image"),
    *("matplotlib", "pillow", "jinja2", "jsonschema", "pyyaml", "python-docx", "python-calamine", "rocrate"),
    *("isal", "deflate", "pydicom", "dcm2niix"),
)
SEGMENTERS = ("nnunetv2", "torch")
ABSENT = "not installed"
PACKAGE_FOLDER = Path(__file__).parents[2]
PROGRAM = (".", "../rules", "../../Snakefile")  # relative to PACKAGE_FOLDER


def provenance(study: FinishedStudy, masks: Path | None = None) -> dict[str, Any]:
    """Return the provenance of a study, which is identical for identical studies regardless of time and machine.

    `masks` is the store of label maps, if the study has one.
    """
    start_from = study.config["study"]["start_from"]
    packages = (*PACKAGES, *SEGMENTERS) if start_from == "images" else PACKAGES
    return {
        "ctpop": __version__,
        "git_commit": git_commit(),
        "git_changed": git_changed(),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in packages},
        "models": models_of(study),
        "inputs": inputs_of(study, masks),
        "counts": counts(study),
        "config": without_folders(study.config),
    }


def package_version(name: str) -> str:
    """Return the version of an installed package without importing the package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT


def models_of(study: FinishedStudy) -> list[dict[str, Any]]:
    """Return the model sets that produced label maps of this study, with their checksum and step size.

    Both are None if the files of a model set are missing or have been replaced by those of another set.
    """
    if "segments" not in study.tables:
        return []
    named = sorted(study.tables["segments"]["model"].dropna().unique())
    known = _facts(study.config["segment"])
    nothing = dict.fromkeys(known)
    return [{"name": name, **(known if name.endswith(str(known["sha256"])[:12]) else nothing)} for name in named]


def inputs_of(study: FinishedStudy, masks: Path | None) -> dict[str, dict[str, Any]]:
    """Return the name, number of files, and checksum of each input of this study."""
    files = input_digests.files_of(study.config)
    return files if masks is None else {**files, **input_digests.images_of(study.tables["segments"], masks)}


def git_commit() -> str | None:
    """Return the commit of the repository that contains this package, or None."""
    tracked = _git("ls-files", "__main__.py")
    return (_git("rev-parse", "HEAD") or None) if tracked else None


def git_changed() -> bool | None:
    """Return whether the program differs from its commit, or None without a commit."""
    return None if git_commit() is None else bool(_git("status", "--porcelain", "--", *PROGRAM))


def without_folders(value: Any) -> Any:
    """Return the settings with absolute paths reduced to file names; the provenance thus discloses no folders."""
    if isinstance(value, dict):
        return {key: without_folders(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_folders(part) for part in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _facts(options: dict[str, Any]) -> dict[str, Any]:
    try:
        found = model_set.read(options)
        return {"sha256": model_set.digest_of(found), "step_size": found.step_size}
    except ContractError:
        return {"sha256": None, "step_size": None}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(PACKAGE_FOLDER), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
