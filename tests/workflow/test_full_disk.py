"""A disk that is full ends the run with the reason; with room on it, the run goes on where it was."""

import os
import subprocess
from pathlib import Path

import pytest

from support.drawn_people import draw_people, study_of
from support.studies import Study

OF_IMAGES = ("tables", "shards", "masks", "histograms")
UNTIL_SEGMENTED = ("--until", "gather_segments")
UNTIL_MEASURED = ("--until", "gather_segments", "gather_measures")
PAGE = 4096  # bytes; what a file takes of a disk in memory is whole pages
NO_ROOM = "No space left on device. Free disk space and start again"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    study = Study(folder, study_of(draw_people(folder, 6), shards=1))
    study.run(*UNTIL_MEASURED)
    return study


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a file system of its own, in memory, with as much room as is asked for."""
    folder = tmp_path / "study" / "results"
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("NO TEST OF A FULL DISK: mounting a file system needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO TEST OF A FULL DISK: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def give_room(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def room_taken(files: dict[str, bytes]) -> int:
    return sum(-(-len(content) // PAGE) * PAGE for content in files.values())


def written(study: Study) -> dict[str, int]:
    """Return when each finished label map was written; its note is written last."""
    return {note.stem: note.stat().st_mtime_ns for note in (study.results / "masks").glob("[!.]*.json")}


@pytest.mark.timeout(300)
def test_a_full_disk_is_told_and_with_room_again_only_what_is_missing_is_made(undisturbed, small_disk):
    study = Study(small_disk.parent, undisturbed.config)
    give_room(small_disk, room_taken(undisturbed.files("masks")) * 2 // 3)

    printed = study.run(*UNTIL_MEASURED, succeeds=False)
    finished = written(study)
    give_room(small_disk, 100_000_000)
    study.run(*UNTIL_MEASURED)

    assert "of 6 scans failed" in printed
    assert "not_written), " in printed or "not_written): " in printed
    assert f"no file can be written to results/people: {NO_ROOM}" in printed
    assert "Traceback" not in printed
    assert 1 <= len(finished) < 6
    assert {name: when for name, when in written(study).items() if name in finished} == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
    assert not list(study.results.rglob("*.part"))


@pytest.mark.timeout(300)
def test_a_disk_without_room_for_a_log_is_told_by_the_run_itself(undisturbed, small_disk):
    study = Study(small_disk.parent, undisturbed.config)
    study.run(*UNTIL_SEGMENTED)
    finished = written(study)
    disk = os.statvfs(small_disk)
    give_room(small_disk, (disk.f_blocks - disk.f_bfree + 2) * disk.f_frsize)

    printed = study.run(*UNTIL_MEASURED, succeeds=False)
    give_room(small_disk, 100_000_000)
    study.run(*UNTIL_MEASURED)

    assert f"no file can be written to results/people: {NO_ROOM}" in printed
    assert written(study) == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
