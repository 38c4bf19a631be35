"""Whatever process of a run is killed, and whenever: the run that follows ends with the bytes of an undisturbed one."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.drawn_people import draw_people, study_of
from support.slurm_cluster import kill, processes, wait_for
from support.studies import BUT_THE_REPORT, REPO, Study, demo_config, draw_cohort, quiet_environment

EVERYTHING = ("tables", "shards", "masks", "histograms", "figures", "report")
LONGEST_S = 1200  # until the other jobs of a run have ended; minutes where nothing else runs


def timed(folder, config, *targets):
    """Run a study without any fault; return it and the seconds that it took."""
    study = Study(folder, config)
    began = time.monotonic()
    study.run(*targets)
    return study, time.monotonic() - began


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return study_of(draw_people(tmp_path_factory.mktemp("people"), 6), shards=2)


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
    """Wait for the processes that outlived the head of their run."""
    deadline = time.monotonic() + LONGEST_S
    while processes(folder):
        assert time.monotonic() < deadline, "a process of the study hangs"
        time.sleep(0.1)


def role_of(process, head):
    """Return what a process of a run is: its head, a stage, or a shell around one; nothing if it has ended."""
    if process == head:
        return "head"
    try:
        words = Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return None
    return words[words.index("ctpop") + 1] if "ctpop" in words else words[0]


def run_and_kill(study, dice, seconds, *targets):
    """Start a run, kill one of its processes at a random moment, and return what that one was, if any was left."""
    subprocess.run(study.command("--unlock"), check=True, capture_output=True, env=quiet_environment())
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": quiet_environment()}
    head = subprocess.Popen(study.command(*targets), start_new_session=True, **quiet)
    wait_for(lambda: processes(study.folder) or head.poll() is not None, LONGEST_S)  # it has gone to the study's folder
    time.sleep(dice.uniform(0, seconds))
    at_work = processes(study.folder)
    if not at_work:
        head.wait(LONGEST_S)
        return None
    victim = dice.choice(at_work)
    role = role_of(victim, head.pid)
    kill(victim)
    if victim != head.pid:  # the head tells of the failure and ends; its other jobs end first
        head.wait(LONGEST_S)
    else:
        head.wait()  # its jobs go on, beside those of the next run
    return role


def assert_same(killed, study):
    assert killed.files(*EVERYTHING) == study.files(*EVERYTHING)
    assert not list(killed.results.rglob("*.part"))


def assert_kills_do_not_matter(undisturbed, folder, kills, seed, *targets):
    study, seconds = undisturbed
    killed = Study(folder.resolve(), study.config)
    dice = random.Random(seed)
    roles = []
    while len(roles) < kills:
        role = run_and_kill(killed, dice, seconds / 3, *targets)
        if role:
            roles.append(role)
            continue
        wait_until_quiet(killed.folder)  # the run was not hit, or without effect: once more from nothing
        assert_same(killed, study)
        shutil.rmtree(killed.results)
    wait_until_quiet(killed.folder)
    killed.run("--unlock")
    killed.run(*targets)

    print(f"killed: {roles}")
    assert_same(killed, study)
    assert killed.planned(*targets) == {}


def test_a_study_of_which_processes_are_killed_at_random_ends_with_the_same_bytes(undisturbed_tables, tmp_path):
    assert_kills_do_not_matter(undisturbed_tables, tmp_path, 2, 1, *BUT_THE_REPORT)


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(10))
def test_twenty_kills_do_not_change_a_byte(undisturbed, tmp_path, seed):
    assert_kills_do_not_matter(undisturbed, tmp_path, kills=20, seed=seed)


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)
def test_twenty_kills_do_not_change_a_byte_of_the_demo(undisturbed_demo, tmp_path):
    assert_kills_do_not_matter(undisturbed_demo, tmp_path, kills=20, seed=1)


# Two copies of one job


def copies_of_a_job(study, number):
    """Start a job on the first shard several times at once, and return the processes."""
    files = {"registry": study.config["study"]["registry"], "masks": study.results / "masks"}
    files |= {"structures": study.config["structures"]}
    files |= {"out": study.results / "shards" / "segments" / "1-of-1.parquet"}
    files |= {"times": study.results / "benchmarks" / "segment" / "1-of-1_scans.csv"}
    options = [str(word) for name, path in files.items() for word in (f"--{name}", path)]
    command = [sys.executable, "-m", "ctpop", "segment", "--engine", "existing", *options]
    places = {**quiet_environment(), "PYTHONPATH": str(REPO / "workflow")}
    return [subprocess.Popen(command, cwd=study.folder, env=places, stderr=subprocess.DEVNULL) for _ in range(number)]


@pytest.mark.parametrize("killed", [False, True])
def test_copies_of_one_job_at_once_write_what_one_writes(config, tmp_path, killed):
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
    for copy in copies_of_a_job(together, 1):  # what a killed one left half-written goes with the next job
        assert copy.wait(LONGEST_S) == 0
    assert together.files("masks", "shards") == alone.files("masks", "shards")
    assert not list(together.results.rglob("*.part"))
