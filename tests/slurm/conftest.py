"""A throw-away cluster for each test, and the study that is run on it."""

import shutil
import tempfile
from pathlib import Path

import pytest

from drawn_people import draw_people, study_of
from slurm.head import PEOPLE
from slurm.throwaway_cluster import FOLDERS, PREFIX, Cluster, sweep, why_not
from studies import Study


@pytest.fixture(scope="session")
def slurm():
    """Slurm on this machine; where there can be none, its tests are left out with a loud reason."""
    reason = why_not()
    if reason:
        pytest.skip(f"NO SLURM TESTS: {reason}")
    sweep()


@pytest.fixture
def cluster(slurm, tmp_path):
    """A cluster of this test alone; it is stopped whatever happens, and its logs lie with those of the test."""
    found = Cluster(Path(tempfile.mkdtemp(prefix=PREFIX, dir=FOLDERS)))
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.copytree(found.root / "log", tmp_path / "cluster_logs")
        shutil.rmtree(found.root)


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """A cohort with label maps: a shard takes seconds, and no model."""
    folder = tmp_path_factory.mktemp("people")
    draw_people(folder, PEOPLE)
    return folder


@pytest.fixture(scope="session")
def config(people):
    """A study of these people in one shard, so that every fault hits the shard that has all of them."""
    return study_of(people / "registry.csv", shards=1)


@pytest.fixture(scope="session")
def undisturbed(slurm, tmp_path_factory, config):
    """The images' part of the study as it runs on one machine, without any fault."""
    study = Study(tmp_path_factory.mktemp("undisturbed"), config)
    study.run("--until", "gather_segments", "gather_measures")
    return study
