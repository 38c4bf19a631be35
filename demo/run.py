"""Run the demo or the simulated study: draw the patients, run the workflow, and print the path of the report.

    python demo/run.py                       (make demo)
    python demo/run.py simulated-study       (make simulated-study)

An interrupted run can be started again and continues with the unfinished jobs. A lock permits only one run at a time in
a checkout. The lock ends with the process and does not have to be removed manually after a kill.
"""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDIES = {  # the program that draws the patients, and the options that select the configuration
    "demo": ("demo/make_cohort.py", []),
    "simulated-study": ("demo/make_simulated_study.py", ["--configfile", "demo/simulated_study.yaml"]),
}


def main() -> int:
    began = time.monotonic()
    name, options = (sys.argv[1], sys.argv[2:]) if sys.argv[1:2] == ["simulated-study"] else ("demo", sys.argv[1:])
    draw, configured = STUDIES[name]
    lock = (ROOT / "results" / ".demo.lock").open("w")  # remains open, and locked, until the process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write(
            "another run of the demo or of the simulated study is active in this checkout; wait or stop it\n"
        )
        return 1
    steps = (
        [sys.executable, draw],
        [
            "snakemake",
            "--unlock",
            "--quiet",
            "all",
            *configured,
        ],  # removes the lock of a killed run; the lock above excludes other active runs
        ["snakemake", "--profile", "profiles/local", "--quiet", "host", "reason", *configured, *options],
    )
    for step in steps:
        ended = subprocess.run(step, cwd=ROOT, pass_fds=(lock.fileno(),), check=False)
        if ended.returncode:
            return ended.returncode
    page = f"results/{name.replace('-', '_')}/report/index.html"
    sys.stderr.write(f"\nfinished in {time.monotonic() - began:.0f} s; open {page} in a browser\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
