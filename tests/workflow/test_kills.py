"""Whatever process of a run is killed, and whenever: the run that follows ends with the bytes of an undisturbed one."""

import os
import random
import signal
import subprocess
import time

import pytest

from drawn_people import draw_people, study_of
from slurm.throwaway_cluster import processes
from studies import Study, quiet_environment

EVERYTHING = ("tables", "shards", "masks", "histograms", "figures", "report")
LONGEST_S = 300


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    config = study_of(draw_people(folder, 6), shards=2)
    study = Study(tmp_path_factory.mktemp("undisturbed"), config)
    began = time.monotonic()
    study.run()
    return study, time.monotonic() - began


def wait_until_quiet(folder):
    """Wait for the processes that outlived the head of their run."""
    deadline = time.monotonic() + LONGEST_S
    while processes(folder):
        assert time.monotonic() < deadline, "a process of the study hangs"
        time.sleep(0.1)


def run_and_kill(study, dice, seconds):
    """Start a run, kill one of its processes at a random moment, and return whether there was one to kill."""
    subprocess.run(study.command("--unlock"), check=True, capture_output=True, env=quiet_environment())
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": quiet_environment()}
    head = subprocess.Popen(study.command(), start_new_session=True, **quiet)
    time.sleep(dice.uniform(1, seconds))
    at_work = processes(study.folder)
    if not at_work:
        head.wait(LONGEST_S)
        return False
    victim = dice.choice(at_work)
    os.kill(victim, signal.SIGKILL)
    if victim != head.pid:  # the head tells of the failure and ends; its other jobs end first
        head.wait(LONGEST_S)
    else:
        head.wait()  # its jobs go on, beside those of the next run
    return True


def assert_kills_do_not_matter(undisturbed, folder, kills, seed):
    study, seconds = undisturbed
    killed = Study(folder.resolve(), study.config)
    dice = random.Random(seed)
    hits = [run_and_kill(killed, dice, seconds / 3) for _ in range(kills)]
    wait_until_quiet(killed.folder)
    killed.run("--unlock")
    killed.run()

    assert sum(hits) >= kills // 2
    assert killed.files(*EVERYTHING) == study.files(*EVERYTHING)
    assert not list(killed.results.rglob("*.part"))
    assert killed.planned() == {}


def test_a_study_of_which_processes_are_killed_at_random_ends_with_the_same_bytes(undisturbed, tmp_path):
    assert_kills_do_not_matter(undisturbed, tmp_path, kills=4, seed=1)


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(10))
def test_twenty_kills_do_not_change_a_byte(undisturbed, tmp_path, seed):
    assert_kills_do_not_matter(undisturbed, tmp_path, kills=20, seed=seed)
