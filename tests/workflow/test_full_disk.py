"""Tests of a full disk, which stops a run with the reason; the run resumes after disk space is available."""

import os
import subprocess
from pathlib import Path

import pytest

from support.studies import Study
from support.synthetic_patients import study_of, write_patients

OF_IMAGES = ("tables", "shards", "masks", "histograms")
UNTIL_SEGMENTED = ("--until", "gather_segments")
UNTIL_MEASURED = ("--until", "gather_segments", "gather_measures")
PAGE = 4096  # bytes; a file on a disk in memory uses whole pages
NO_ROOM = "No space left on device. Free disk space and start again"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    study = Study(folder, study_of(write_patients(folder, 6), shards=1))
    study.run(*UNTIL_MEASURED)
    return study


@pytest.fixture
def small_disk(tmp_path):
    """Mount a folder as a separate file system in memory with adjustable size."""
    folder = tmp_path / "study" / "results"
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("NO TEST OF A FULL DISK: mounting a file system requires root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO TEST OF A FULL DISK: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def set_size(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def size_of(files: dict[str, bytes]) -> int:
    return sum(-(-len(content) // PAGE) * PAGE for content in files.values())


def written(study: Study) -> dict[str, int]:
    """Return the time at which each finished label map was written, from its note, which is written last."""
    return {note.stem: note.stat().st_mtime_ns for note in (study.results / "masks").glob("[!.]*.json")}


@pytest.mark.timeout(300)
def test_a_run_resumes_after_a_full_disk(undisturbed, small_disk):
    study = Study(small_disk.parent, undisturbed.config)
    set_size(small_disk, size_of(undisturbed.files("masks")) * 2 // 3)

    printed = study.run(*UNTIL_MEASURED, succeeds=False)
    finished = written(study)
    set_size(small_disk, 100_000_000)
    study.run(*UNTIL_MEASURED)

    assert "of 6 scans failed" in printed
    assert "not_written), " in printed or "not_written): " in printed
    assert f"no file can be written to results/synthetic: {NO_ROOM}" in printed
    assert "Traceback" not in printed
    assert 1 <= len(finished) < 6
    assert {name: when for name, when in written(study).items() if name in finished} == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
    assert not list(study.results.rglob("*.part"))


@pytest.mark.timeout(300)
def test_a_disk_without_space_for_a_log_is_reported(undisturbed, small_disk):
    study = Study(small_disk.parent, undisturbed.config)
    study.run(*UNTIL_SEGMENTED)
    finished = written(study)
    disk = os.statvfs(small_disk)
    set_size(small_disk, (disk.f_blocks - disk.f_bfree + 2) * disk.f_frsize)

    printed = study.run(*UNTIL_MEASURED, succeeds=False)
    set_size(small_disk, 100_000_000)
    study.run(*UNTIL_MEASURED)

    assert f"no file can be written to results/synthetic: {NO_ROOM}" in printed
    assert written(study) == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
