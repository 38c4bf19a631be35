"""Run the tests of `make test` in several processes, with the Slurm tests in parallel with the other tests.

The Slurm tests mostly wait for clusters and therefore run in separate processes. Their output follows the output of the
other tests. fixtures/counting.py defines which tests are included in the coverage of lines and branches.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from fixtures import scheduling

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
FAST = ("unit", "properties", "reference")
GROUPED = ("--dist", "loadgroup", "--no-loadscope-reorder")
NOTHING_RAN = 5  # the exit code of pytest if no test was selected


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Run the tests. Other options are passed to pytest.")
    parser.add_argument("--fast", action="store_true", help=f"run only {', '.join(FAST)}, without coverage")
    parser.add_argument("--stage", help="run only the tests of a stage (tests/stages.toml), without coverage")
    parser.add_argument("--processes", type=int, default=2, help="number of test processes (default: %(default)s)")
    parser.add_argument(
        "--slurm-processes", type=int, default=2, help="number of Slurm test processes (default: %(default)s)"
    )
    return parser


def main() -> int:
    chosen, further = make_parser().parse_known_args()
    counted = not (chosen.fast or chosen.stage)
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(Path(scratch), further)
        with slurm_session(run, chosen) as slurm:
            codes = [run.wait(run.start("tests", options_of(chosen), counted=counted))]
        codes += [run.wait(slurm, show=True)] if slurm else []
        if counted:
            codes.append(run.report_coverage())
    return next((code for code in codes if code), 0)


def options_of(chosen: argparse.Namespace) -> list[str]:
    """Return the pytest options of all tests except the Slurm tests."""
    places = [str(TESTS / name) for name in FAST] if chosen.fast else [str(TESTS)]
    stage = ["--stage", chosen.stage] if chosen.stage else []
    return [*places, "--ignore", str(TESTS / "slurm"), "--numprocesses", str(chosen.processes), *GROUPED, *stage]


@contextmanager
def slurm_session(run, chosen: argparse.Namespace):
    """Run the Slurm tests, if they are selected, in parallel with the `with` block."""
    process = None
    if includes_slurm(chosen):
        stage = ["--stage", chosen.stage] if chosen.stage else []
        processes = ["--numprocesses", str(chosen.slurm_processes), "--dist", "worksteal"]
        process = run.start("slurm", [str(TESTS / "slurm"), *processes, *stage], to_file=True)
    try:
        yield process
    except BaseException:
        if process:
            process.terminate()
            process.wait()
        raise


def includes_slurm(chosen: argparse.Namespace) -> bool:
    if chosen.fast or not chosen.slurm_processes:
        return False
    return not chosen.stage or any(name.startswith("slurm") for name in scheduling.stages().get(chosen.stage, []))


class Run:
    """Pytest sessions that share a scratch folder and an environment."""

    def __init__(self, scratch: Path, further: list[str]):
        self.scratch, self.further = scratch, further
        self.environment = {**os.environ, "COVERAGE_FILE": str(scratch / "coverage")}

    def start(self, name: str, options: list[str], *, counted=False, to_file=False) -> subprocess.Popen:
        """Start a session, with coverage of lines and branches if `counted`."""
        counting = ["coverage", "run", "-m"] if counted else []
        command = [sys.executable, "-m", *counting, "pytest", *options, *self.further]
        out = (self.scratch / f"{name}.txt").open("w") if to_file else None
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=out, stderr=out)
        process.printed = out
        return process

    def wait(self, process: subprocess.Popen, *, show: bool = False) -> int:
        """Wait for the end of a session, print the output in its file, and return its exit code."""
        code = process.wait()
        if show:
            process.printed.close()
            with Path(process.printed.name).open() as printed:
                shutil.copyfileobj(printed, sys.stdout)
            sys.stdout.flush()
        return 0 if code == NOTHING_RAN else code

    def report_coverage(self) -> int:
        """Print the coverage of lines and branches, and return a nonzero exit code if it is below the limit."""
        coverage = [sys.executable, "-m", "coverage"]
        subprocess.run([*coverage, "combine", "--quiet"], cwd=ROOT, env=self.environment, check=True)
        return subprocess.run([*coverage, "report"], cwd=ROOT, env=self.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
