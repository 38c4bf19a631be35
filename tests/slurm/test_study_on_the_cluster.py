"""Tests of a complete study on Slurm with the profile of this repository."""

import re
from collections import Counter

import pytest

from support.slurm_head import Head
from support.studies import QUICK_FIGURES, Study, demo_config, draw_cohort, few_structures

EVERYTHING = ("tables", "shards", "masks", "histograms", "figures", "report")
SHARDS = 3  # with two patients, one shard is empty
SECONDS = 1500  # one quarter of this time is sufficient on an idle computer
TO_SCREENED_MEASURES = ("screen",)


def on_cluster_and_locally(tmp_path, cluster, patients, *targets, structures="demo"):
    """Run the demo with some of its patients on the cluster and on this computer, and return both studies."""
    draw_cohort(tmp_path / "cohort", patients=patients)
    config = demo_config(tmp_path / "cohort")
    config["structures"] = structures
    config["segment"]["shards"] = SHARDS
    config["aging"]["n_min"] = 5
    config["report"] |= QUICK_FIGURES
    here, there = (Study(tmp_path / place, config) for place in ("here", "there"))
    there.folder.mkdir()
    with Head(cluster, there) as head:
        head.start(*targets)
        head.succeed(SECONDS)
        printed = head.printed.read_text()
    here.folder.mkdir()
    here.run(*targets)
    return here, there, printed


def assert_same(here, there, cluster, printed, *targets):
    assert there.files(*EVERYTHING) == here.files(*EVERYTHING)
    assert set(cluster.ends()) == {"COMPLETED"}
    assert len(cluster.ends()) == len(set(re.findall(r"SLURM jobid (\d+)", printed)))
    assert there.planned(*targets) == {}


@pytest.mark.timeout(2400, func_only=True)
def test_a_study_of_images_is_identical_to_a_local_run(cluster, tmp_path):
    label_set = few_structures(tmp_path)
    here, there, printed = on_cluster_and_locally(tmp_path, cluster, 2, *TO_SCREENED_MEASURES, structures=label_set)

    assert_same(here, there, cluster, printed, *TO_SCREENED_MEASURES)
    assert sum("loaded on" in log.read_text() for log in (there.results / "logs" / "segment").glob("*-of-*.log")) == 2
    lines = cluster.say("squeue", "-h", "-t", "all", "-O", "Partition:10,tres-per-job:30").splitlines()
    kinds = Counter(" ".join(line.split()) for line in lines)
    assert kinds == {"gpu gres:gpu:1": SHARDS, "cpu N/A": len(cluster.ends()) - SHARDS}


@pytest.mark.exhaustive
@pytest.mark.timeout(3600, func_only=True)
def test_the_complete_demo_is_identical_to_a_local_run(cluster, tmp_path):
    here, there, printed = on_cluster_and_locally(tmp_path, cluster, 40)

    assert_same(here, there, cluster, printed)
