"""Checks of the requirements of a study before a long run."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.figures.formatting import count
from ctpop.foundation.errors import in_one_line
from ctpop.foundation.files import write_text
from ctpop.models import model_set
from ctpop.stages.operate import rates
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check, check_or_error
from ctpop.study import missing_inputs

TESTED = {"snakemake": "9.27.1", "snakemake-executor-plugin-slurm": "2.8.0"}
FAULTS = "profiles/slurm disables its features with known faults (array jobs, sacct after scancel, requeue with retry)"
LEAST_GPU_MB = 8000  # ASSUME: SOURCE: TotalSegmentator uses 6 to 11 GB at 1.5 mm; ctpop streams logits and uses less
FULLEST = 0.9  # ASSUME: file systems slow down, and quotas apply, before they are full


def of_study(study: ConfiguredStudy, sample: int) -> list[Check]:
    """Return the checks of the requirements of a study; `sample` is the number of files to check (0: all)."""
    checks = [
        *_of_scans(study, sample),
        check_or_error("folder", lambda: writable(study)),
        check_or_error("lock", lambda: lock(Path(".snakemake/locks"))),
    ]
    if study.start_from != "images":
        return checks
    return [check_or_error("model", lambda: model(study)), check_or_error("gpu", lambda: gpu(study)), *checks]


def _of_scans(study: ConfiguredStudy, sample: int) -> list[Check]:
    """Return the checks that require the scans of the registry, or a single check if they cannot be read."""
    try:
        scans = registry(study)
    except (OSError, ValueError):  # the checks of tables report the error
        return [
            Check("not checked", WARNING, "shards, files, and disk; these checks require a registry without errors")
        ]
    return [
        scans,
        *settings_files(study),
        check_or_error("files", lambda: files(study, sample)),
        check_or_error("disk", lambda: disk(study)),
    ]


def software() -> list[Check]:
    """Return the checks of the versions of Snakemake and its Slurm plugin."""
    return [package(name) for name in TESTED]


def package(name: str) -> Check:
    """Return whether the tested version of a package is installed."""
    note = f"; {FAULTS}" if "slurm" in name else ""
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, ERROR, f"not installed; run `pip install {name}=={TESTED[name]}`")
    if found != TESTED[name]:
        return Check(name, WARNING, f"{found}; tested with {TESTED[name]}")
    return Check(name, OK, f"{found}{note}")


def model(study: ConfiguredStudy) -> Check:
    """Return whether the model set is complete and its checksum, computed from all files, is the pinned one."""
    found = model_set.read(study.config["segment"])
    model_set.check(found)
    digest = model_set.digest_of(found)
    pinned = "as pinned (segment.sha256)" if study.config["segment"].get("sha256") else "not pinned (segment.sha256)"
    return Check("model", OK, f"{found.name}: {count(len(found.parts), 'model')}, SHA-256 {digest[:12]}…, {pinned}")


def gpu(study: ConfiguredStudy) -> Check:
    """Return whether PyTorch detects a GPU with sufficient memory."""
    device = study.config["segment"]["device"]
    try:
        from ctpop.models.gpus import cards, torch_version  # not all environments include torch
    except ImportError as error:
        return Check("gpu", ERROR, f"torch cannot be imported: {in_one_line(error)}")
    if device == "cpu":
        return Check("gpu", OK, f"not required (segment.device: cpu); {torch_version()}")
    try:
        found = cards()
    except RuntimeError as error:  # failed GPU or outdated driver
        return Check("gpu", ERROR, f"{torch_version()} cannot use the GPU: {in_one_line(error)}")
    if not found:
        return unseen(device, torch_version())
    name, megabytes = found[0]
    short = megabytes < LEAST_GPU_MB
    text = f"{len(found)} x {name}, {megabytes / 1000:.0f} GB, {torch_version()}"
    return Check("gpu", WARNING if short else OK, text + ("; 1.5-mm models require about 8 GB" if short else ""))


def unseen(device: str, torch_version: str) -> Check:
    """Return the finding if PyTorch detects no GPU: an error if a GPU is assigned or required, else a warning."""
    card = os.environ.get("CUDA_VISIBLE_DEVICES")
    if card:
        found = f"{torch_version} detects no GPU, but CUDA_VISIBLE_DEVICES is {card}"
        return Check("gpu", ERROR, f"{found}; check that the driver supports this version of PyTorch")
    level = ERROR if device == "cuda" else WARNING
    advice = "this is expected on a login node; repeat the check on a GPU node (docs/cluster.md)"
    return Check("gpu", level, f"{torch_version} detects no GPU on this machine; {advice}")


def registry(study: ConfiguredStudy) -> Check:
    """Return the number of scans in the cohort and the size of the shards."""
    if study.one_file and not study.registry.is_file():
        return Check("registry", OK, f"{study.registry} will be created from {study.config['study']['measures']}")
    sizes = study.cohort["shard"].value_counts()
    if not len(sizes):
        return Check(
            "registry", ERROR, f"{study.registry}: the criteria (cohort.criteria) exclude all scans; change them"
        )
    shards = f"{count(len(study.shards), 'shard')} (largest: {count(sizes.max(), 'scan')})"
    return Check("registry", OK, f"{study.registry}: {count(len(study.cohort), 'scan')} in the cohort, {shards}")


def settings_files(study: ConfiguredStudy) -> list[Check]:
    """Return whether the files in settings other than the tables of scans exist, if the study has such settings."""
    settings = {
        "study.truth": study.config["study"].get("truth"),
        "screen.review": study.config["screen"].get("review"),
        "evaluate.reference": study.config.get("evaluate", {}).get("reference"),
        **{f"evaluate.compare_with.{name}": path for name, path in _compared(study).items()},
    }
    paths = {name: path for name, path in settings.items() if path}
    absent = {name: path for name, path in paths.items() if not Path(path).exists()}
    if absent:
        return [
            Check("settings", ERROR, f"{missing_inputs.problem_of(name, path, study.config)}, or remove the setting")
            for name, path in absent.items()
        ]
    return [Check("settings", OK, f"found: {', '.join(paths)}")] if paths else []


def _compared(study: ConfiguredStudy) -> dict[str, str]:
    compared: dict[str, str] = study.config.get("evaluate", {}).get("compare_with", {})
    return compared


def files(study: ConfiguredStudy, sample: int) -> Check:
    """Return whether the files of the scans exist; `image_checks` reads some of them."""
    wanted = named(study)
    sampled = 0 < sample < len(wanted)
    if sampled:
        places = np.random.default_rng(len(wanted)).choice(len(wanted), sample, replace=False)
        wanted = [wanted[place] for place in sorted(places)]
    absent = [whose for whose, path in wanted if not path.exists()]
    how = f"{count(len(wanted), 'path')} checked" + (" (sample; --all checks all)" if sampled else "")
    if absent and study.images:
        found = f"{study.registry}: {how}, {len(absent)} missing (first: {', '.join(absent[:3])})"
        remedy = "correct the paths, which are absolute or relative to the folder of the registry"
        return Check("files", ERROR, f"{found}; {remedy}")
    if absent:
        [(setting, path)] = wanted
        return Check("files", ERROR, missing_inputs.problem_of(setting, str(path), study.config))
    return Check("files", OK, f"{how}, none missing")


def named(study: ConfiguredStudy) -> list[tuple[str, Path]]:
    """Return the description and path of each file that the study will read; for DICOM, only the folder.

    The volumes of a DICOM study are converted during the run.
    """
    if study.dicom:
        return [("study.dicom", study.dicom)]
    if study.measures:
        return [("study.measures", study.measures)]
    columns = ["ct_path"] if study.start_from == "images" else ["ct_path", "segmentation_path"]
    return [
        (f"{column} of {str(scan_id)!r}", study.registry.parent / str(path))
        for column in columns
        for scan_id, path in zip(study.cohort["scan_id"], study.cohort[column], strict=True)
        if pd.notna(path)
    ]


def disk(study: ConfiguredStudy) -> Check:
    """Return whether the results of scans without a label map fit on the disk; quotas are not considered."""
    if study.one_file and not study.registry.is_file():
        return Check("disk", OK, "no images are read or written")
    place = nearest(study.results)
    free = shutil.disk_usage(place).free
    finished = sum(study.store.note_path(scan).is_file() for scan in study.cohort["scan_id"])
    needed = rates.megabytes_on_disk(study, len(study.cohort) - finished) * 1e6
    found = f"{free / 1e9:.1f} GB free at {place.resolve()}, about {needed / 1e9:.1f} GB needed"
    return Check("disk", ERROR if needed > free * FULLEST else OK, found)


def writable(study: ConfiguredStudy) -> Check:
    """Return whether files can be written, moved, and read in the folder of the results."""
    folder = nearest(study.results)
    probe = folder / f".doctor-{study.name}"
    write_text("seen\n", probe)
    seen = probe.read_text(encoding="utf-8")
    probe.unlink()
    kind = kind_of(folder)
    if seen != "seen\n":
        return Check("folder", ERROR, f"{folder.resolve()}: the data read differ from the data written")
    if kind in {"tmpfs", "overlay"}:
        return Check("folder", WARNING, f"{folder.resolve()} is on {kind}, which cluster nodes may not share")
    return Check("folder", OK, f"{folder.resolve()} is writable ({kind})")


def nearest(folder: Path) -> Path:
    """Return the folder or its nearest existing parent."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def kind_of(folder: Path) -> str:
    """Return the type of the file system of a folder, if the system provides it."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return "unknown file system"
    lines = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    above = {str(place) for place in (folder.resolve(), *folder.resolve().parents)}
    kinds = {point: kind for _, point, kind, *_ in lines if point in above}
    return kinds[max(kinds, key=len)]


def lock(folder: Path) -> Check:
    """Return whether this folder is locked by a run in progress or an interrupted run."""
    if folder.is_dir() and any(folder.iterdir()):
        locked = "this folder is locked: wait for the run in progress"
        return Check("lock", WARNING, f"{locked}, or, if a run was interrupted, run `snakemake --unlock`")
    return Check("lock", OK, "no other run is in progress in this folder")
