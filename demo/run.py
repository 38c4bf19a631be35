"""Run the demo or the simulated study: draw the patients, run the workflow on them, and print where the report is.

    python demo/run.py            (make demo)
    python demo/run.py simulated-study       (make simulated-study)

It may be killed at any moment and started again: what is finished is not done again. Only one demo runs at a time in
a checkout; the lock goes with the process, so that nothing has to be unlocked by hand after a kill.
"""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STUDIES = {  # what draws the people, and the configuration of the study
    "demo": ("demo/make_cohort.py", []),
    "simulated-study": ("demo/make_simulated_study.py", ["--configfile", "demo/simulated_study.yaml"]),
}


def main() -> int:
    began = time.monotonic()
    name, options = (sys.argv[1], sys.argv[2:]) if sys.argv[1:2] == ["simulated-study"] else ("demo", sys.argv[1:])
    draw, configured = STUDIES[name]
    lock = (ROOT / "results" / ".demo.lock").open("w")  # open to the end of the process, and so is the lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write(
            "another run of the demo or of the simulated study is active in this checkout; wait for it, or stop it\n"
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
        ],  # a killed run leaves its lock behind; ours is held above
        ["snakemake", "--profile", "profiles/local", "--quiet", "host", "reason", *configured, *options],
    )
    for step in steps:
        ended = subprocess.run(step, cwd=ROOT, pass_fds=(lock.fileno(),), check=False)
        if ended.returncode:
            return ended.returncode
    page = f"results/{name.replace('-', '_')}/report/index.html"
    sys.stderr.write(f"\ndone in {time.monotonic() - began:.0f} s; open {page} in a browser\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
