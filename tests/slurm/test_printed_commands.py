"""The commands that the documentation prints for a Slurm cluster are run as printed, on a throw-away cluster."""

import re

import pytest

from support import printed_commands
from support.page_runner import Policy, Reader, by_page, dry_run, syntax
from support.studies import REPO
from support.user_checkout import Checkout

FOR_SLURM = re.compile(r"--profile (?:profiles/)?slurm\b|^(?:srun|squeue|scancel|sinfo)\b|^ctpop (?:check|status) ")
RUN = re.compile(r" snakemake --profile (?:profiles/)?slurm --configfile my_study.yaml$")
MADE_LAST = "ro-crate-metadata.json"  # without it, a finished study has one job left, which Snakemake sends to Slurm
POLICIES = [
    Policy(r"--sdm conda", dry_run, "needs conda"),
    Policy(r"--forcerun", dry_run, "sends every job of the study again, as test_study_on_the_cluster.py does"),
    Policy(r"--configfile pilot.yaml", dry_run, "a whole run; the same command with my_study.yaml sends one job here"),
    Policy(r"^tmux ", syntax, "waits for somebody at a terminal"),
]
PRINTED = printed_commands.commands(REPO)


def needed_on(page):
    """Return the commands of a page for Slurm, and those before them that they need (links, copies, pilots)."""
    needed = re.compile(rf"{FOR_SLURM.pattern}|^(?:cp|mkdir|head) ")
    return [command for command in by_page(PRINTED)[page] if needed.search(command.text)]


PAGES = [page for page in by_page(PRINTED) if any(FOR_SLURM.search(command.text) for command in needed_on(page))]


class ReaderOnSlurm(Reader):
    """A reader on the login node of a cluster, whose finished studies each have a job left to do."""

    def command(self, command):
        for last in (self.checkout.folder / "results").glob(f"*/{MADE_LAST}"):
            last.unlink()
        self._known.clear()
        return super().command(command)


@pytest.fixture
def checkout(cluster, tmp_path):
    """A checkout whose profile has been adapted to the cluster: its queue can be asked at once."""
    found = Checkout((tmp_path / "checkout").resolve())
    found.prepare()
    profile = found.folder / "profiles" / "slurm" / "config.yaml"
    profile.write_text(profile.read_text() + "slurm-init-seconds-before-status-checks: 2\n")
    found.variables = {name: cluster.environment()[name] for name in ("SLURM_CONF", "PATH")}
    return found


def test_the_profiles_and_the_page_on_clusters_are_among_the_pages_that_are_run():
    assert {"README.md", "docs/guide.md", "docs/cluster.md", "profiles/slurm/config.yaml", "Snakefile"} <= set(PAGES)


@pytest.mark.timeout(1200, func_only=True)
def test_commands_for_slurm_do_what_the_pages_say(checkout, cluster):
    reader = ReaderOnSlurm(checkout, POLICIES, {})

    ended = {str(command): found for page in PAGES for command, found in reader.page(needed_on(page)).items()}

    failed = {command: found.printed[-2000:] for command, found in ended.items() if found.code}
    assert failed == {}
    assert set(cluster.ends()) == {"COMPLETED"}
    runs = [command for command in ended if RUN.search(command)]
    assert len(cluster.ends()) >= len(runs) >= 3
