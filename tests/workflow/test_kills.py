"""Tests of killed processes: after a kill at any time, the next run produces the bytes of an uninterrupted run."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.slurm_cluster import kill, processes, wait_for
from support.studies import BUT_THE_REPORT, REPO, Study, demo_config, draw_cohort, quiet_environment
from support.synthetic_patients import study_of, write_patients

EVERYTHING = ("tables", "shards", "masks", "histograms", "figures", "report")
LONGEST_S = 1200  # longest time until the other jobs of a run have ended; minutes on an idle computer


def timed(folder, config, *targets):
    """Run a study without interruption, and return the study and its run time (s)."""
    study = Study(folder, config)
    began = time.monotonic()
    study.run(*targets)
    return study, time.monotonic() - began


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return study_of(write_patients(tmp_path_factory.mktemp("patients"), 6), shards=2)


@pytest.fixture(scope="module")
def undisturbed_tables(tmp_path_factory, config):
    return timed(tmp_path_factory.mktemp("tables"), config, *BUT_THE_REPORT)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, config):
    return timed(tmp_path_factory.mktemp("undisturbed"), config)


@pytest.fixture(scope="module")
def undisturbed_demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    draw_cohort(folder / "cohort", patients=40)
    return timed(folder, demo_config(folder / "cohort"))


def wait_until_quiet(folder):
    """Wait for the processes that continue after the main process of their run has ended."""
    deadline = time.monotonic() + LONGEST_S
    while processes(folder):
        assert time.monotonic() < deadline, "a process of the study did not end in time"
        time.sleep(0.1)


def role_of(process, head):
    """Return the role of a process in a run: `head`, a stage, or a shell; None if the process has ended."""
    if process == head:
        return "head"
    try:
        words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):  # the process has just ended
        return None
    return words[words.index("ctpop") + 1] if "ctpop" in words else words[0]


def run_and_kill(study, dice, seconds, *targets):
    """Start a run, kill one of its processes at a random time, and return its role; None if the run had ended."""
    subprocess.run(study.command("--unlock"), check=True, capture_output=True, env=quiet_environment())
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": quiet_environment()}
    head = subprocess.Popen(study.command(*targets), start_new_session=True, **quiet)
    wait_for(lambda: processes(study.folder) or head.poll() is not None, LONGEST_S)  # until a process is in the folder
    time.sleep(dice.uniform(0, seconds))
    at_work = processes(study.folder)
    if not at_work:
        head.wait(LONGEST_S)
        return None
    killed = dice.choice(at_work)
    role = role_of(killed, head.pid)
    kill(killed)
    if killed != head.pid:  # the head reports the failure and ends after its other jobs
        head.wait(LONGEST_S)
    else:
        head.wait()  # its jobs continue during the next run
    return role


def assert_same(killed, study):
    assert killed.files(*EVERYTHING) == study.files(*EVERYTHING)
    assert not list(killed.results.rglob("*.part"))


def assert_kills_have_no_effect(undisturbed, folder, kills, seed, *targets):
    study, seconds = undisturbed
    killed = Study(folder.resolve(), study.config)
    dice = random.Random(seed)
    roles = []
    while len(roles) < kills:
        role = run_and_kill(killed, dice, seconds / 3, *targets)
        if role:
            roles.append(role)
            continue
        wait_until_quiet(killed.folder)  # the run was not interrupted; start again without results
        assert_same(killed, study)
        shutil.rmtree(killed.results)
    wait_until_quiet(killed.folder)
    killed.run("--unlock")
    killed.run(*targets)

    print(f"killed: {roles}")
    assert_same(killed, study)
    assert killed.planned(*targets) == {}


def test_random_kills_do_not_change_the_results(undisturbed_tables, tmp_path):
    assert_kills_have_no_effect(undisturbed_tables, tmp_path, 2, 1, *BUT_THE_REPORT)


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(10))
def test_twenty_kills_do_not_change_the_results(undisturbed, tmp_path, seed):
    assert_kills_have_no_effect(undisturbed, tmp_path, kills=20, seed=seed)


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
def test_twenty_kills_do_not_change_the_results_of_the_demo(undisturbed_demo, tmp_path):
    assert_kills_have_no_effect(undisturbed_demo, tmp_path, kills=20, seed=1)


# Concurrent copies of a job


def copies_of_a_job(study, number):
    """Start several copies of a job on the first shard at the same time, and return the processes."""
    files = {"registry": study.config["study"]["registry"], "masks": study.results / "masks"}
    files |= {"structures": study.config["structures"]}
    files |= {"out": study.results / "shards" / "segments" / "1-of-1.parquet"}
    files |= {"times": study.results / "benchmarks" / "segment" / "1-of-1_scans.csv"}
    options = [str(word) for name, path in files.items() for word in (f"--{name}", path)]
    command = [sys.executable, "-m", "ctpop", "segment", "--engine", "existing", *options]
    places = {**quiet_environment(), "PYTHONPATH": str(REPO / "workflow")}
    return [subprocess.Popen(command, cwd=study.folder, env=places, stderr=subprocess.DEVNULL) for _ in range(number)]


@pytest.mark.parametrize("killed", [False, True])
def test_concurrent_copies_of_a_job_write_the_same_files(config, tmp_path, killed):
    alone, together = Study(tmp_path / "alone", config), Study(tmp_path / "together", config)
    for study in (alone, together):
        study.folder.mkdir()
    [one] = copies_of_a_job(alone, 1)
    assert one.wait(LONGEST_S) == 0

    copies = copies_of_a_job(together, 3)
    if killed:
        wait_for(lambda: list((together.results / "masks").glob("*.json")), 60, pause=0.01)
        kill(copies[0].pid)

    assert [copy.wait(LONGEST_S) for copy in copies] == [-9 if killed else 0, 0, 0]
    for copy in copies_of_a_job(together, 1):  # the next job removes temporary files of a killed job
        assert copy.wait(LONGEST_S) == 0
    assert together.files("masks", "shards") == alone.files("masks", "shards")
    assert not list(together.results.rglob("*.part"))
