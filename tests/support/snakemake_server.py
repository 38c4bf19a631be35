"""A process that imports Snakemake once and forks for each run, because the import dominates the time of a dry run.

Each run executes the Snakemake command line in a separate process with its own arguments, folder, and environment.
"""

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run `snakemake` with arguments in a folder, and return its exit code and output."""
    server = _server()
    request = {"arguments": arguments, "folder": str(folder), "environment": environment}
    server.stdin.write(json.dumps(request) + "\n")
    server.stdin.flush()
    code, printed = json.loads(server.stdout.readline())
    return code, printed


@cache
def _server() -> subprocess.Popen[str]:
    """Start the server of this process, which ends when this process closes its input."""
    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)
    return server


def serve() -> None:
    """Process requests, one per line, until the input is closed."""
    import snakemake.cli

    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            _become(json.loads(line), writing)
            snakemake.cli.main()
        os.close(writing)
        with os.fdopen(reading, errors="replace") as output:
            printed = output.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, printed]), flush=True)


def _become(request: dict[str, Any], output: int) -> None:
    """Set the arguments, the folder, the environment, and the output of this process according to a request."""
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]


if __name__ == "__main__":
    serve()
