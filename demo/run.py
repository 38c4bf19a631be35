"""Run the demo: draw the synthetic cohort, run the whole workflow on it, and say where the report is.

    python demo/run.py            (make demo)

It may be killed at any moment and started again: what is finished is not done again. Only one demo runs at a time in
a checkout; the lock goes with the process, so that nothing has to be unlocked by hand after a kill.
"""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORT = Path("results/demo/report/index.html")


def main() -> int:
    began = time.monotonic()
    lock = (ROOT / "results" / ".demo.lock").open("w")  # open to the end of the process, and so is the lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("another demo is running in this checkout; wait for it, or stop it\n")
        return 1
    steps = (
        [sys.executable, "demo/make_cohort.py"],
        ["snakemake", "--unlock", "--quiet", "all"],  # a killed run leaves its lock behind; ours is held above
        ["snakemake", "--profile", "profiles/local", "--quiet", "host", "reason", *sys.argv[1:]],
    )
    for step in steps:
        ended = subprocess.run(step, cwd=ROOT, pass_fds=(lock.fileno(),), check=False)
        if ended.returncode:
            return ended.returncode
    sys.stderr.write(f"\ndone in {time.monotonic() - began:.0f} s; open {REPORT} in a browser\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
