"""Jobs die in every way that a cluster has, and no scan is lost, made twice or different."""

import os
import re
import signal
import time

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from ctpop.imaging.job_ledger import read
from support.slurm_cluster import is_running, kill, limits_memory, wait_for
from support.slurm_head import PEOPLE, Head
from support.studies import Study

OF_IMAGES = ("tables", "shards", "masks", "histograms")
SEGMENT_ONLY = ("--until", "gather_segments")
SLICE_S = 0.02  # so long runs a process at a time until it is where it is to be interrupted
LONGEST_S = 600  # a run that takes longer hangs; two minutes are enough where nothing else runs
TOO_LITTLE_MB = 600  # two Snakemakes and the program take 450, the giant 480 more


pytestmark = pytest.mark.timeout(1200, func_only=True)


@pytest.fixture
def study(tmp_path, config):
    return Study((tmp_path / "study").resolve(), config)


@pytest.fixture
def head(cluster, study):
    """A run of the segmentation on the cluster; whatever it leaves is stopped."""
    study.folder.mkdir()
    with Head(cluster, study) as found:
        yield found


def halt_in_the_middle(process, study):
    """Stop the process that segments when some scans are finished and some are not; return the finished maps."""
    kill(process, signal.SIGSTOP)
    while len(stamps(study)) < 3:
        kill(process, signal.SIGCONT)
        time.sleep(SLICE_S)
        kill(process, signal.SIGSTOP)
        assert is_running(process), "the shard ended before it could be interrupted"
    finished = stamps(study)
    assert 3 <= len(finished) < PEOPLE
    return finished


def stamps(study):
    """Return when each finished label map was written."""
    masks = study.results / "masks"
    return {note.stem: (masks / f"{note.stem}.nii.gz").stat().st_mtime_ns for note in masks.glob("[!.]*.json")}


def assert_nothing_is_lost(study, undisturbed, finished):
    """Measure on this machine: label maps from before the fault are those from then, and all bytes agree."""
    study.run("--until", "gather_segments", "gather_measures")
    assert {name: stamp for name, stamp in stamps(study).items() if name in finished} == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
    assert not list(study.results.rglob("*.part"))


def reused(study):
    """Return how many scans the last job on the shard found finished."""
    [log] = (study.results / "logs" / "segment").glob("*-of-*.log")
    return int(re.search(r"already finished: (\d+)", log.read_text())[1])


def made_twice(study):
    """Return the scans that more than one job on the shard has made, by the lines that every job left."""
    [ledger] = (study.results / "benchmarks" / "segment").glob("*_jobs.csv")
    made = [line.scan_id for line in read(ledger) if line.scan_id and not line.reused]
    return {scan for scan in made if made.count(scan) > 1}


def assert_the_next_job_went_on(study, finished):
    """A job that is woken to be ended may finish one more scan; none is made again."""
    assert len(finished) <= reused(study) < PEOPLE
    assert made_twice(study) == set()


def test_a_job_that_is_cancelled_goes_on_where_it_was(head, cluster, study, undisturbed):
    finished = halt_in_the_middle(head.start(*SEGMENT_ONLY).segmenting(), study)

    cluster.say("scancel", *cluster.jobs("RUNNING"))

    head.succeed(LONGEST_S)
    assert cluster.ends() == ["CANCELLED", "COMPLETED", "COMPLETED"]
    assert_the_next_job_went_on(study, finished)
    assert_nothing_is_lost(study, undisturbed, finished)


def test_the_jobs_of_a_lost_node_go_on_where_they_were_on_another_one(head, cluster, study, undisturbed):
    finished = halt_in_the_middle(head.start(*SEGMENT_ONLY).segmenting(), study)
    [job] = cluster.jobs("RUNNING")
    excluded = cluster.say("squeue", "-h", "-j", job, "-o", "%N")

    cluster.lose_node(excluded)

    head.succeed(LONGEST_S)
    assert cluster.ends() == ["NODE_FAIL", "COMPLETED", "COMPLETED"]
    assert excluded not in cluster.say("squeue", "-h", "-t", "COMPLETED", "-o", "%N").split()
    assert_the_next_job_went_on(study, finished)
    assert_nothing_is_lost(study, undisturbed, finished)


def test_a_job_that_ran_out_of_time_goes_on_where_it_was_with_more_of_it(head, cluster, study, undisturbed):
    two_minutes_at_first = ("--set-resources", "segment:runtime=2 if attempt == 1 else 10")
    finished = halt_in_the_middle(head.start(*SEGMENT_ONLY, *two_minutes_at_first).segmenting(), study)

    head.succeed(LONGEST_S)  # nobody wakes the process: Slurm ends it

    assert cluster.ends() == ["TIMEOUT", "COMPLETED", "COMPLETED"]
    assert_the_next_job_went_on(study, finished)
    assert_nothing_is_lost(study, undisturbed, finished)


@pytest.fixture
def with_a_giant(patients, config, tmp_path):
    """The same people and, as the last of the shard, a scan that needs several times their memory."""
    labels = np.zeros((400, 400, 3000), np.uint8)
    labels[100:300, 100:300, 10:20] = 1
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / "giant.nii.gz")
    registry = pd.read_csv(patients / "registry.csv")
    path = tmp_path / "giant.nii.gz"
    giant = {"scan_id": "z_giant", "patient_id": "z_giant", "age_years": 90, "segmentation_path": path}
    pd.concat([registry, pd.DataFrame([giant])]).to_csv(tmp_path / "registry.csv", index=False)
    return {**config, "study": {**config["study"], "registry": str(tmp_path / "registry.csv")}}


@pytest.mark.skipif(not limits_memory(), reason="NO TEST OF MEMORY LIMITS: no memory controller of cgroup v1 here")
def test_a_job_that_is_killed_for_its_memory_goes_on_where_it_was_with_more_of_it(cluster, tmp_path, with_a_giant):
    here, there = (Study((tmp_path / place).resolve(), with_a_giant) for place in ("here", "there"))
    here.folder.mkdir()
    there.folder.mkdir()
    here.run(*SEGMENT_ONLY)
    with Head(cluster, there) as head:
        head.start(*SEGMENT_ONLY, "--set-resources", f"segment:mem_mb={TOO_LITTLE_MB} if attempt == 1 else 4000")
        head.succeed(LONGEST_S)

    killed, *others = cluster.ends()
    assert killed in {"OUT_OF_MEMORY", "FAILED"}
    assert others == ["COMPLETED", "COMPLETED"]
    logs = [log.read_text(errors="replace") for log in (there.folder / "results" / "slurm_logs").rglob("*.log")]
    assert any("oom" in text.lower() for text in logs)
    assert reused(there) >= PEOPLE - 1  # the last of the small ones may have been in hand, too
    assert made_twice(there) == set()
    assert there.files("tables", "shards", "masks") == here.files("tables", "shards", "masks")
    assert not list(there.results.rglob("*.part"))


def test_a_run_whose_head_is_killed_goes_on_beside_the_job_that_it_left_behind(head, cluster, study, undisturbed):
    left_behind = head.start(*SEGMENT_ONLY).segmenting()
    finished = halt_in_the_middle(left_behind, study)
    [log] = (study.results / "logs" / "segment").glob("*-of-*.log")
    told = log.read_text()
    os.killpg(head.process.pid, signal.SIGKILL)
    head.process.wait()
    head.unlock()

    head.start(*SEGMENT_ONLY)
    # Snakemake has removed the log of the first copy, and the second has begun its own
    wait_for(lambda: log.exists() and log.read_text() != told, LONGEST_S, pause=0.01)
    kill(left_behind, signal.SIGCONT)  # two copies of one job at once

    head.succeed(LONGEST_S)
    wait_for(lambda: not cluster.jobs("RUNNING", "PENDING"), 60)
    assert cluster.ends() == ["COMPLETED"] * 3
    assert_nothing_is_lost(study, undisturbed, finished)
