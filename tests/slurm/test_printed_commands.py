"""Tests that run the Slurm commands of the documentation unchanged on a temporary cluster."""

import re

import pytest

from support import printed_commands
from support.page_runner import Policy, Reader, by_page, dry_run, syntax
from support.studies import REPO
from support.user_checkout import Checkout

FOR_SLURM = re.compile(r"--profile (?:profiles/)?slurm\b|^(?:srun|squeue|scancel|sinfo)\b|^ctpop (?:check|status) ")
RUN = re.compile(r" snakemake --profile (?:profiles/)?slurm --configfile my_study.yaml$")
MADE_LAST = "ro-crate-metadata.json"  # if this file is missing, Snakemake submits one job for a finished study
POLICIES = [
    Policy(r"--sdm conda", dry_run, "requires conda"),
    Policy(r"--forcerun", dry_run, "submits all jobs of the study again, as test_study_on_the_cluster.py does"),
    Policy(r"--configfile pilot.yaml", dry_run, "full run; the same command with my_study.yaml submits one job"),
    Policy(r"^tmux ", syntax, "waits for input at a terminal"),
]
PRINTED = printed_commands.commands(REPO)


def needed_on(page):
    """Return the Slurm commands of a page and the preceding commands that they require (links, copies, pilots)."""
    needed = re.compile(rf"{FOR_SLURM.pattern}|^(?:cp|mkdir|head) ")
    return [command for command in by_page(PRINTED)[page] if needed.search(command.text)]


PAGES = [page for page in by_page(PRINTED) if any(FOR_SLURM.search(command.text) for command in needed_on(page))]


class ReaderOnSlurm(Reader):
    """A reader on the login node of a cluster, whose finished studies each have one remaining job."""

    def command(self, command):
        for last in (self.checkout.folder / "results").glob(f"*/{MADE_LAST}"):
            last.unlink()
        self._known.clear()
        return super().command(command)


@pytest.fixture
def checkout(cluster, tmp_path):
    """Prepare a checkout with a profile that checks the queue without delay."""
    found = Checkout((tmp_path / "checkout").resolve())
    found.prepare()
    profile = found.folder / "profiles" / "slurm" / "config.yaml"
    profile.write_text(profile.read_text() + "slurm-init-seconds-before-status-checks: 2\n")
    found.variables = {name: cluster.environment()[name] for name in ("SLURM_CONF", "PATH")}
    return found


def test_pages_with_slurm_commands_include_the_profiles_and_the_cluster_page():
    assert {"README.md", "docs/guide.md", "docs/cluster.md", "profiles/slurm/config.yaml", "Snakefile"} <= set(PAGES)


@pytest.mark.timeout(1200, func_only=True)
def test_slurm_commands_of_the_pages_succeed(checkout, cluster):
    reader = ReaderOnSlurm(checkout, POLICIES, {})

    ended = {str(command): found for page in PAGES for command, found in reader.page(needed_on(page)).items()}

    failed = {command: found.printed[-2000:] for command, found in ended.items() if found.code}
    assert failed == {}
    assert set(cluster.ends()) == {"COMPLETED"}
    runs = [command for command in ended if RUN.search(command)]
    assert len(cluster.ends()) >= len(runs) >= 3
