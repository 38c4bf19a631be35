"""Snakemake on the login node of a temporary cluster, with the Slurm profile of this repository."""

import subprocess

import pytest

from support.slurm_cluster import kill, parent_of, processes, wait_for
from support.studies import REPO

LAST_WORDS = 6000
N_PATIENTS = 8  # in a study on a cluster; sufficient for a fault between the first and the last scan


class Head:
    """A run of a study, whose remaining processes are stopped at the end of the `with` block."""

    def __init__(self, cluster, study):
        self.cluster = cluster
        self.study = study
        self.printed = study.folder / "head.txt"
        self.options = ()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
        for left in processes(self.study.folder):
            kill(left)

    def command(self, *options):
        # the default of 40 s before the first status check is suitable for a cluster with other users
        command = self.study.command("--slurm-init-seconds-before-status-checks", "2", *self.options, *options)
        command[command.index(str(REPO / "profiles" / "local"))] = str(REPO / "profiles" / "slurm")
        cores = command.index("--cores")
        return command[:cores] + command[cores + 2 :]

    def start(self, *options):
        self.options = options
        with self.printed.open("a") as out:
            self.process = subprocess.Popen(
                self.command(), stdout=out, stderr=out, env=self.cluster.environment(), start_new_session=True
            )
        return self

    def unlock(self):
        subprocess.run(self.command("--unlock"), check=True, capture_output=True, env=self.cluster.environment())

    def succeed(self, seconds):
        """Wait for the end of the run, and check that the run succeeds in the given time (s)."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"the run did not end in time: {self.printed.read_text()[-LAST_WORDS:]}")
        assert code == 0, self.printed.read_text()[-LAST_WORDS:]

    def segmenting(self):
        """Wait for the segmentation process and return it; a child process can briefly have the same command line."""
        found = wait_for(lambda: processes(self.study.folder, "ctpop", "segment"), 300, pause=0.01)
        [process] = [each for each in found if parent_of(each) not in {None, *found}]
        return process
