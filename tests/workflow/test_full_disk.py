"""A disk that is full ends the run with the reason; with room on it, the run goes on where it was."""

import os
import subprocess

import pytest

from drawn_people import draw_people, study_of
from studies import Study

OF_IMAGES = ("tables", "shards", "masks", "histograms")
UNTIL = ("--until", "gather_segments", "gather_measures")
TOO_SMALL, ROOMY = "size=600k", "size=100m"  # a label map takes 150 kB: three and the tables


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a file system of its own, in memory, with too little room for the results."""
    folder = tmp_path / "study" / "results"
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("NO TEST OF A FULL DISK: mounting a file system needs root")
    mount = ["mount", "-t", "tmpfs", "-o", TOO_SMALL, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO TEST OF A FULL DISK: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.timeout(300)
def test_a_full_disk_is_told_and_with_room_again_only_what_is_missing_is_made(tmp_path, small_disk):
    config = study_of(draw_people(tmp_path, 6), shards=1)
    undisturbed = Study(tmp_path, config)
    undisturbed.run(*UNTIL)
    study = Study(small_disk.parent, config)

    printed = study.run(*UNTIL, succeeds=False)
    finished = {note.stem: note.stat().st_mtime_ns for note in (study.results / "masks").glob("[!.]*.json")}
    subprocess.run(["mount", "-o", f"remount,{ROOMY}", str(small_disk)], check=True)
    study.run(*UNTIL)

    assert "of 6 scans failed" in printed
    assert "not_written), " in printed or "not_written): " in printed
    assert "Traceback" not in printed
    assert 1 <= len(finished) < 6
    assert {name: (study.results / "masks" / f"{name}.json").stat().st_mtime_ns for name in finished} == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
    assert not list(study.results.rglob("*.part"))
