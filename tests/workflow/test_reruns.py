"""Tests of repeated runs, whose bytes do not depend on shards, restarts, and killed processes."""

import os
import platform
import re
import shutil
import signal
import subprocess
import time

import pytest

from support.studies import BUT_THE_REPORT, Study, quiet_environment

TABLES_AND_MASKS = ("tables", "masks", "histograms", "shards")
LONGEST_WAIT_S = 300


def test_a_changed_number_of_shards_does_not_repeat_segmentation(small, tmp_path):
    shutil.copytree(small.folder, tmp_path, dirs_exist_ok=True)
    resharded = Study(tmp_path, small.config).changed("segment", shards=5)

    resharded.run(*BUT_THE_REPORT)

    assert resharded.files("tables") == small.files("tables")
    assert resharded.files("masks") == small.files("masks")
    logs = "".join(path.read_text() for path in (resharded.results / "logs" / "segment").glob("*-of-5.log"))
    assert sum(int(number) for number in re.findall(r"already finished: (\d+)", logs)) == 6
    assert "loaded on" not in logs


def wait_for(condition, process):
    began = time.monotonic()
    while not condition():
        assert process.poll() is None, "the workflow ended before it could be killed"
        assert time.monotonic() - began < LONGEST_WAIT_S
        time.sleep(0.05)


def test_a_study_killed_during_segmentation_resumes(small, tmp_path):
    study = Study(tmp_path, small.config)
    process = subprocess.Popen(
        study.command(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=quiet_environment(),
    )
    masks = study.results / "masks"
    wait_for(lambda: len(list(masks.glob("*.json"))) >= 3, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (masks / f".demo-001.nii.gz.{platform.node()}.{process.pid}.part").touch()  # as after a kill during writing
    finished = {
        path: path.stat().st_mtime_ns
        for path in masks.glob("*.nii.gz")
        if path.with_name(f"{path.name[:-7]}.json").exists()
    }

    study.run("--unlock")
    study.run(*BUT_THE_REPORT)

    assert 3 <= len(finished) < 6
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert not list(study.results.rglob("*.part"))
    assert study.files(*TABLES_AND_MASKS) == small.files(*TABLES_AND_MASKS)


@pytest.mark.parametrize(
    ("section", "settings", "expected"),
    [
        ("aging", {"alfa": 0.01}, "aging.alfa: unknown key; did you mean 'alpha'?"),
        ("segment", {"step_size": 3}, "segment.step_size: 3 is greater than the maximum of 1"),
        ("study", {"start_from": "measures"}, "study.measures: this setting is missing"),
        ("segment", {"model": "missing"}, "nor the path of a YAML file or an nnU-Net v2 model folder"),
    ],
)
def test_an_invalid_configuration_is_reported_before_the_run(small, section, settings, expected):
    printed = small.changed(section, **settings).run("--dry-run", succeeds=False)

    assert expected in printed
    assert "Traceback" not in printed
