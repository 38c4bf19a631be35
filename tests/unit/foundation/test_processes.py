"""The processes of a pool end together with their parent process."""

import os
import signal
import subprocess
import sys

import pytest

from support.slurm_cluster import is_running, wait_for
from support.studies import REPO

POOL = """
import multiprocessing, os, sys, time
from concurrent.futures import ProcessPoolExecutor
from ctpop.foundation.processes import end_with_parent

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessPoolExecutor(2, context, initializer=end_with_parent) as pool:
        waiting = [pool.submit(time.sleep, float(sys.argv[2])) for _ in range(2)]
        pool.submit(os.getpid)
        while len(pool._processes) < 2:
            time.sleep(0.01)
        print(*pool._processes, flush=True)
        [each.result() for each in waiting]
"""


@pytest.fixture
def start(tmp_path):
    """Start a program with a pool of two sleeping processes; return the program and the process identifiers."""
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    environment = {**os.environ, "PYTHONPATH": str(REPO / "workflow")}
    started = []

    def begin(way, seconds):
        command = [sys.executable, str(script), way, str(seconds)]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(parent)
        return parent, [int(word) for word in parent.stdout.readline().split()]

    yield begin
    for parent in started:
        parent.kill()
        parent.wait()
        parent.stdout.close()


@pytest.mark.parametrize("way", ["spawn", "fork"])
def test_the_processes_of_a_killed_program_end(start, way):
    parent, workers = start(way, 3600)
    assert len(workers) == 2
    assert all(map(is_running, workers))

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    wait_for(lambda: not any(map(is_running, workers)), 60)


@pytest.mark.parametrize("way", ["spawn", "fork"])
def test_the_program_ends_normally(start, way):
    parent, _ = start(way, 0.5)

    assert parent.wait() == 0
