"""Checks of a study before a long run: each says what it found, and how bad that is."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.foundation.errors import in_one_line
from ctpop.foundation.files import write_text
from ctpop.models import model_set
from ctpop.stages.operate import rates
from ctpop.stages.operate.configured_study import ConfiguredStudy
from ctpop.stages.operate.findings import ERROR, OK, WARNING, Check, check_or_error

TESTED = {"snakemake": "9.27.1", "snakemake-executor-plugin-slurm": "2.8.0"}
FAULTS = "its known faults (array jobs, sacct after scancel, requeue and retry) are switched off in profiles/slurm"
LEAST_GPU_MB = 8000  # ASSUME: SOURCE: the paper's route takes 6 to 11 GB at 1.5 mm; ours streams logits and takes less
FULLEST = 0.9  # ASSUME: file systems get slow, and quotas bite, before they are full


def of_study(study: ConfiguredStudy, sample: int) -> list[Check]:
    """Return the checks of what a study needs; `sample` files of each kind are looked for, all of them with 0."""
    checks = [
        *_of_scans(study, sample),
        check_or_error("folder", lambda: writable(study)),
        check_or_error("lock", lambda: lock(Path(".snakemake/locks"))),
    ]
    if study.start_from != "images":
        return checks
    return [check_or_error("model", lambda: model(study)), check_or_error("gpu", lambda: gpu(study)), *checks]


def _of_scans(study: ConfiguredStudy, sample: int) -> list[Check]:
    """Return the checks that need the scans of the registry; a single one if they cannot be read."""
    try:
        scans = registry(study)
    except (OSError, ValueError):  # the checks of tables state the error
        return [Check("not checked", WARNING, "shards, files and disk: they need a registry without errors")]
    return [
        scans,
        *settings_files(study),
        check_or_error("files", lambda: files(study, sample)),
        check_or_error("disk", lambda: disk(study)),
    ]


def software() -> list[Check]:
    """Return the versions of what sends jobs."""
    return [package(name) for name in TESTED]


def package(name: str) -> Check:
    """Return whether a package is there, in the version that was tested."""
    note = f"; {FAULTS}" if "slurm" in name else ""
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, ERROR, f"is not installed: `pip install {name}=={TESTED[name]}`")
    if found != TESTED[name]:
        return Check(name, WARNING, f"{found}; tested with {TESTED[name]}")
    return Check(name, OK, f"{found}{note}")


def model(study: ConfiguredStudy) -> Check:
    """Return whether the model set is complete and as it was pinned; its digest is computed from every byte."""
    found = model_set.read(study.config["segment"])
    model_set.check(found)
    digest = model_set.digest_of(found)
    pinned = "as pinned" if study.config["segment"].get("sha256") else "not pinned (segment.sha256)"
    return Check("model", OK, f"{found.name}: {len(found.parts)} models, SHA-256 {digest[:12]}…, {pinned}")


def gpu(study: ConfiguredStudy) -> Check:
    """Return whether torch sees a GPU with enough memory."""
    device = study.config["segment"]["device"]
    try:
        from ctpop.models.gpus import cards, torch_version  # torch is not in every environment
    except ImportError as error:
        return Check("gpu", ERROR, f"torch cannot be imported: {in_one_line(error)}")
    if device == "cpu":
        return Check("gpu", OK, f"none is asked for (segment.device: cpu); {torch_version()}")
    try:
        found = cards()
    except RuntimeError as error:  # a card that has failed, or a driver that is too old
        return Check("gpu", ERROR, f"{torch_version()} cannot use it: {in_one_line(error)}")
    if not found:
        return unseen(device, torch_version())
    name, megabytes = found[0]
    short = megabytes < LEAST_GPU_MB
    text = f"{len(found)} x {name}, {megabytes / 1000:.0f} GB, {torch_version()}"
    return Check("gpu", WARNING if short else OK, text + ("; 8 GB are right for models of 1.5 mm" if short else ""))


def unseen(device: str, torch_version: str) -> Check:
    """Return how bad it is that torch sees no GPU: as expected on a login node, and an error where a job has one."""
    card = os.environ.get("CUDA_VISIBLE_DEVICES")
    if card:
        return Check("gpu", ERROR, f"{torch_version} sees no GPU, but card {card} is given: does the driver fit it?")
    level = ERROR if device == "cuda" else WARNING
    advice = "on a login node that is right: ask a GPU node (docs/cluster.md)"
    return Check("gpu", level, f"{torch_version} sees no GPU here; {advice}")


def registry(study: ConfiguredStudy) -> Check:
    """Return how many scans enter, and how the shards are filled."""
    if study.one_file and not study.registry.is_file():
        return Check("registry", OK, f"{study.registry} will be made of {study.config['study']['measures']}")
    sizes = study.cohort["shard"].value_counts()
    if not len(sizes):
        return Check("registry", ERROR, f"{study.registry}: no scan meets the criteria of the cohort")
    largest = f"{len(study.shards)} shards, the largest of {sizes.max()} scans"
    return Check("registry", OK, f"{study.registry}: {len(study.cohort)} scans enter, {largest}")


def settings_files(study: ConfiguredStudy) -> list[Check]:
    """Return whether the files of settings other than the tables of scans exist, if there are such settings."""
    settings = {
        "study.truth": study.config["study"].get("truth"),
        "screen.review": study.config["screen"].get("review"),
        "evaluate.reference": study.config.get("evaluate", {}).get("reference"),
        **{f"evaluate.compare_with.{name}": path for name, path in _compared(study).items()},
    }
    paths = {name: Path(path) for name, path in settings.items() if path}
    absent = [f"{name}: {path}" for name, path in paths.items() if not path.exists()]
    if absent:
        remedy = "correct the path or remove the setting"
        return [Check("settings", ERROR, f"{', '.join(absent)}: the file does not exist; {remedy}")]
    return [Check("settings", OK, f"{', '.join(paths)}: the file is there")] if paths else []


def _compared(study: ConfiguredStudy) -> dict[str, str]:
    compared: dict[str, str] = study.config.get("evaluate", {}).get("compare_with", {})
    return compared


def files(study: ConfiguredStudy, sample: int) -> Check:
    """Return whether the files of the scans are there; `image_checks` reads some of them."""
    wanted = named(study)
    sampled = 0 < sample < len(wanted)
    if sampled:
        places = np.random.default_rng(len(wanted)).choice(len(wanted), sample, replace=False)
        wanted = [wanted[place] for place in sorted(places)]
    absent = [whose for whose, path in wanted if not path.exists()]
    how = f"{len(wanted)} looked for" + (" (a sample; --all looks for all)" if sampled else "")
    if absent:
        of_registry = (
            "" if study.dicom or study.measures else ", which are absolute or relative to the registry's folder"
        )
        first = ", ".join(absent[:3])
        return Check(
            "files", ERROR, f"{how}, {len(absent)} are not there, first {first}; correct the paths{of_registry}"
        )
    return Check("files", OK, f"{how}, all there")


def named(study: ConfiguredStudy) -> list[tuple[str, Path]]:
    """Return whose each file is that the study will read, and its path; of DICOM the folder alone.

    The volumes of DICOM are made during the run.
    """
    if study.dicom:
        return [("study.dicom", study.dicom)]
    if study.measures:
        return [("study.measures", study.measures)]
    columns = ["ct_path"] if study.start_from == "images" else ["ct_path", "segmentation_path"]
    return [
        (f"{column} of {scan_id}", study.registry.parent / str(path))
        for column in columns
        for scan_id, path in zip(study.cohort["scan_id"], study.cohort[column], strict=True)
        if pd.notna(path)
    ]


def disk(study: ConfiguredStudy) -> Check:
    """Return whether the results of the scans that have no label map yet fit on the disk; quotas are not known here."""
    if study.one_file and not study.registry.is_file():
        return Check("disk", OK, "no images are read or written")
    place = nearest(study.results)
    free = shutil.disk_usage(place).free
    finished = sum(study.store.note_path(scan).is_file() for scan in study.cohort["scan_id"])
    needed = rates.megabytes_on_disk(study, len(study.cohort) - finished) * 1e6
    found = f"{free / 1e9:.1f} GB free at {place.resolve()}, about {needed / 1e9:.1f} GB needed"
    return Check("disk", ERROR if needed > free * FULLEST else OK, found)


def writable(study: ConfiguredStudy) -> Check:
    """Return whether files can be written, moved and seen again where the results are to lie."""
    folder = nearest(study.results)
    probe = folder / f".doctor-{study.name}"
    write_text("seen\n", probe)
    seen = probe.read_text(encoding="utf-8")
    probe.unlink()
    kind = kind_of(folder)
    if seen != "seen\n":
        return Check("folder", ERROR, f"{folder.resolve()}: what was written is not what is read")
    if kind in {"tmpfs", "overlay"}:
        return Check("folder", WARNING, f"{folder.resolve()} is on {kind}: nodes of a cluster may not share it")
    return Check("folder", OK, f"{folder.resolve()} can be written to ({kind})")


def nearest(folder: Path) -> Path:
    """Return a folder, or the one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def kind_of(folder: Path) -> str:
    """Return the kind of the file system below a folder, as far as Linux tells it."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return "unknown file system"
    lines = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    above = {str(place) for place in (folder.resolve(), *folder.resolve().parents)}
    kinds = {point: kind for _, point, kind, *_ in lines if point in above}
    return kinds[max(kinds, key=len)]


def lock(folder: Path) -> Check:
    """Return whether a run has, or a killed one has left, the lock of this folder."""
    if folder.is_dir() and any(folder.iterdir()):
        return Check("lock", WARNING, "a run is under way here, or was killed: then `snakemake --unlock` once")
    return Check("lock", OK, "no other run is under way in this folder")
