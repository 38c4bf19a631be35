"""Tests of failures on a cluster: killed jobs resume, and no scan is missing, segmented twice, or different."""

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
from support.slurm_head import N_PATIENTS, Head
from support.studies import Study

OF_IMAGES = ("tables", "shards", "masks", "histograms")
SEGMENT_ONLY = ("--until", "gather_segments")
SLICE_S = 0.02  # run time between two checks for the point of interruption
LONGEST_S = 600  # longest run time; two minutes are sufficient on an idle computer
TOO_LITTLE_MB = 600  # two Snakemake processes and the program require 450 MB, and the giant scan requires 480 MB more


pytestmark = pytest.mark.timeout(1200, func_only=True)


@pytest.fixture
def study(tmp_path, config):
    return Study((tmp_path / "study").resolve(), config)


@pytest.fixture
def head(cluster, study):
    """Start a run of the segmentation on the cluster, and stop its remaining processes."""
    study.folder.mkdir()
    with Head(cluster, study) as found:
        yield found


def stop_between_scans(process, study):
    """Stop the segmentation process between the first and the last scan, and return the finished label maps."""
    kill(process, signal.SIGSTOP)
    while len(stamps(study)) < 3:
        kill(process, signal.SIGCONT)
        time.sleep(SLICE_S)
        kill(process, signal.SIGSTOP)
        assert is_running(process), "the shard ended before it could be interrupted"
    finished = stamps(study)
    assert 3 <= len(finished) < N_PATIENTS
    return finished


def stamps(study):
    """Return the time at which each finished label map was written."""
    masks = study.results / "masks"
    return {note.stem: (masks / f"{note.stem}.nii.gz").stat().st_mtime_ns for note in masks.glob("[!.]*.json")}


def assert_results_are_complete(study, undisturbed, finished):
    """Measure on this computer, and check that finished label maps are unchanged and all bytes are equal."""
    study.run("--until", "gather_segments", "gather_measures")
    assert {name: stamp for name, stamp in stamps(study).items() if name in finished} == finished
    assert study.files(*OF_IMAGES) == undisturbed.files(*OF_IMAGES)
    assert not list(study.results.rglob("*.part"))


def reused(study):
    """Return the number of scans that were already finished in the last job of the shard."""
    [log] = (study.results / "logs" / "segment").glob("*-of-*.log")
    return int(re.search(r"already finished: (\d+)", log.read_text())[1])


def segmented_twice(study):
    """Return the scans that more than one job of the shard segmented, according to the ledger."""
    [ledger] = (study.results / "benchmarks" / "segment").glob("*_jobs.csv")
    made = [line.scan_id for line in read(ledger) if line.scan_id and not line.reused]
    return {scan for scan in made if made.count(scan) > 1}


def assert_the_next_job_resumed(study, finished):
    """Check that the next job resumed; a job that was continued for its termination can finish one more scan."""
    assert len(finished) <= reused(study) < N_PATIENTS
    assert segmented_twice(study) == set()


def test_a_canceled_job_resumes(head, cluster, study, undisturbed):
    finished = stop_between_scans(head.start(*SEGMENT_ONLY).segmenting(), study)

    cluster.say("scancel", *cluster.jobs("RUNNING"))

    head.succeed(LONGEST_S)
    assert cluster.ends() == ["CANCELLED", "COMPLETED", "COMPLETED"]
    assert_the_next_job_resumed(study, finished)
    assert_results_are_complete(study, undisturbed, finished)


def test_jobs_of_a_failed_node_resume_on_another_node(head, cluster, study, undisturbed):
    finished = stop_between_scans(head.start(*SEGMENT_ONLY).segmenting(), study)
    [job] = cluster.jobs("RUNNING")
    excluded = cluster.say("squeue", "-h", "-j", job, "-o", "%N")

    cluster.lose_node(excluded)

    head.succeed(LONGEST_S)
    assert cluster.ends() == ["NODE_FAIL", "COMPLETED", "COMPLETED"]
    assert excluded not in cluster.say("squeue", "-h", "-t", "COMPLETED", "-o", "%N").split()
    assert_the_next_job_resumed(study, finished)
    assert_results_are_complete(study, undisturbed, finished)


def test_a_job_that_exceeded_its_time_limit_resumes_with_more_time(head, cluster, study, undisturbed):
    two_minutes_at_first = ("--set-resources", "segment:runtime=2 if attempt == 1 else 10")
    finished = stop_between_scans(head.start(*SEGMENT_ONLY, *two_minutes_at_first).segmenting(), study)

    head.succeed(LONGEST_S)  # the process remains stopped until Slurm ends it

    assert cluster.ends() == ["TIMEOUT", "COMPLETED", "COMPLETED"]
    assert_the_next_job_resumed(study, finished)
    assert_results_are_complete(study, undisturbed, finished)


@pytest.fixture
def with_a_giant(patients, config, tmp_path):
    """Return a study with an additional last scan that requires several times the memory of the others."""
    labels = np.zeros((400, 400, 3000), np.uint8)
    labels[100:300, 100:300, 10:20] = 1
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / "giant.nii.gz")
    registry = pd.read_csv(patients / "registry.csv")
    path = tmp_path / "giant.nii.gz"
    giant = {"scan_id": "z_giant", "patient_id": "z_giant", "age_years": 90, "segmentation_path": path}
    pd.concat([registry, pd.DataFrame([giant])]).to_csv(tmp_path / "registry.csv", index=False)
    return {**config, "study": {**config["study"], "registry": str(tmp_path / "registry.csv")}}


@pytest.mark.skipif(not limits_memory(), reason="NO TEST OF MEMORY LIMITS: requires cgroup v1")
def test_a_job_that_exceeded_its_memory_resumes_with_more_memory(cluster, tmp_path, with_a_giant):
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
    assert reused(there) >= N_PATIENTS - 1  # the last small scan can have been in progress
    assert segmented_twice(there) == set()
    assert there.files("tables", "shards", "masks") == here.files("tables", "shards", "masks")
    assert not list(there.results.rglob("*.part"))


def test_a_run_resumes_after_its_head_was_killed_while_a_job_continues(head, cluster, study, undisturbed):
    left_behind = head.start(*SEGMENT_ONLY).segmenting()
    finished = stop_between_scans(left_behind, study)
    [log] = (study.results / "logs" / "segment").glob("*-of-*.log")
    text = log.read_text()
    os.killpg(head.process.pid, signal.SIGKILL)
    head.process.wait()
    head.unlock()

    head.start(*SEGMENT_ONLY)
    # Snakemake has removed the log of the first copy, and the second copy has started a new log
    wait_for(lambda: log.exists() and log.read_text() != text, LONGEST_S, pause=0.01)
    kill(left_behind, signal.SIGCONT)  # two copies of the same job run at the same time

    head.succeed(LONGEST_S)
    wait_for(lambda: not cluster.jobs("RUNNING", "PENDING"), 60)
    assert cluster.ends() == ["COMPLETED"] * 3
    assert_results_are_complete(study, undisturbed, finished)
