"""A temporary Slurm cluster for one test, with a controller and four nodes with fake GPUs on one computer.

The cluster uses the Slurm packages of Debian, with memory limits if the computer has the memory controller of cgroup
v1. All files of a cluster are in one folder, and its ports and node names are unique, so several clusters can run at
the same time.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
KINDS = ("cpu1", "cpu2", "gpu1", "gpu2")
FOLDERS = Path("/tmp")  # the path of a socket is limited to 108 characters
PREFIX = "ctpop-slurm-"
SYSTEM = Path("/etc/slurm/slurm.conf")
LOCK = Path("/var/lock/ctpop-throwaway-slurm")
MEMORY_CONTROLLER = Path("/sys/fs/cgroup/memory")
CONF = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/munge.sock
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd.%n.log
PlugStackConfig={root}/etc/plugstack.conf
ProctrackType=proctrack/{tracking}
TaskPlugin=task/{task}
MpiDefault=none
ReturnToService=2
SlurmdTimeout=30
KillWait=5
MinJobAge=7200
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
AccountingStorageType=accounting_storage/none
NodeName={name}cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory=64000
NodeName={name}cpu2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 RealMemory=64000
NodeName={name}gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[3]} CPUs=8 RealMemory=64000 Gres=gpu:2
NodeName={name}gpu2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[4]} CPUs=8 RealMemory=64000 Gres=gpu:2
PartitionName=cpu Nodes={name}cpu[1-2] Default=YES MaxTime=7-0 DefMemPerCPU=100 State=UP
PartitionName=gpu Nodes={name}gpu[1-2] MaxTime=7-0 DefMemPerCPU=100 State=UP
"""
CGROUP_CONF = """\
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainCores=no
"""


def why_not() -> str:
    """Return the reason for which no cluster can be started, or an empty string; install Slurm if it is missing."""
    if os.geteuid() != 0:
        return "starting a Slurm cluster requires root"
    if SYSTEM.is_file():
        return f"this computer is already part of a Slurm cluster ({SYSTEM})"
    with alone():
        return _cannot_install()


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other test run on this computer is in this context."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cannot_install() -> str:
    if all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch", "munged")):
        return ""
    if not shutil.which("apt-get"):
        return "Slurm is not installed, and apt-get is not available for its installation"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], capture_output=True, text=True, check=False, env=quiet)
        if done.returncode:
            return f"Slurm could not be installed because apt-get {command[0]} failed: {done.stderr.strip()[-300:]}"
    return ""


def limits_memory() -> bool:
    """Return whether the memory of jobs can be limited to the requested memory."""
    return MEMORY_CONTROLLER.is_dir() and os.access(MEMORY_CONTROLLER, os.W_OK)


def free_ports(number: int) -> list[int]:
    """Return unused ports."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def processes(folder: Path, *words: str) -> list[int]:
    """Return the processes with a given working folder whose command lines contain all words."""
    numbers = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return sorted(number for number in numbers if _is_at_work(Path("/proc", str(number)), folder, words))


def _is_at_work(entry: Path, folder: Path, words: tuple[str, ...]) -> bool:
    try:
        line = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        return set(words) <= set(line) and (entry / "cwd").readlink() == folder
    except OSError:  # the process has ended
        return False


def parent_of(process: int) -> int | None:
    """Return the parent of a process; None if the process has ended."""
    try:
        return int(re.search(r"PPid:\s*(\d+)", Path("/proc", str(process), "status").read_text())[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def kill(process: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process, which can have ended."""
    with suppress(ProcessLookupError):
        os.kill(process, number)


def is_running(process: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(condition, seconds: float, pause: float = 0.1):
    """Wait until a condition is true, and return its value; raise TimeoutError after the given time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the condition was not met within {seconds} s")
        time.sleep(pause)
    return found


@dataclass
class Cluster:
    """The daemons of a cluster with its files in `root`."""

    root: Path

    @property
    def name(self) -> str:
        """Return a unique name, because memory limits depend on the names of nodes."""
        return "t" + re.sub(r"[^a-z0-9]", "", self.root.name.removeprefix(PREFIX)) + "n"

    @property
    def nodes(self) -> list[str]:
        """Return the names of the nodes."""
        return [f"{self.name}{kind}" for kind in KINDS]

    def start(self) -> None:
        """Start the daemons, and wait until all nodes are idle."""
        (self.root / "owner").write_text(str(os.getpid()))
        for name in ("bin", "etc", "log", "state", "munge", *(f"spool/{node}" for node in self.nodes)):
            (self.root / name).mkdir(parents=True)
        self._configure()
        munge = self.root / "munge"
        munge.chmod(0o700)
        key = munge / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        self._run(
            *("munged", "--force", f"--key-file={key}", f"--socket={munge}/munge.sock"),
            *(f"--pid-file={munge}/munged.pid", f"--log-file={self.root}/log/munged.log"),
            *(f"--seed-file={munge}/munge.seed", "--num-threads=2"),
        )
        self._run("slurmctld", "-c")
        for node in self.nodes:
            self.start_node(node)
        wait_for(lambda: self.say("sinfo", "-h", "-N", "-o", "%t").split().count("idle") >= len(KINDS), 30)

    def stop(self) -> None:
        """Cancel all jobs, and stop the daemons that are listed in the PID files."""
        self.say("scancel", "-u", "root")
        with suppress(TimeoutError):
            wait_for(lambda: not self.say("squeue", "-h"), 20)
        _end(_daemons(self.root))

    @property
    def conf(self) -> Path:
        """Return the path of the configuration of the Slurm commands."""
        return self.root / "etc" / "slurm.conf"

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._run("slurmd", "-N", node)

    def lose_node(self, node: str) -> None:
        """Kill the daemon of a node and all its processes, as in a power failure."""
        daemon = int((self.root / f"slurmd.{node}.pid").read_text())
        steps = [job for job in self.say("squeue", "-h", "-w", node, "-o", "%i").split() if job]
        kill(daemon)
        for step in [process for job in steps for process in _step_daemons(self.root, job)]:
            for process in [*_descendants(step), step]:
                kill(process)

    def environment(self) -> dict[str, str]:
        """Return the environment in which Slurm commands use this cluster."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SNAKEMAKE", "SLURM"))}
        found = {"SLURM_CONF": str(self.conf), "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        return {**kept, **found, "OMP_WAIT_POLICY": "PASSIVE"}

    def say(self, *command: str) -> str:
        """Return the output of a command; an empty string if the command fails."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment(), timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def jobs(self, *states: str) -> list[str]:
        """Return the numbers of the jobs in the given states (`RUNNING`, …)."""
        return self.say("squeue", "-h", "-t", ",".join(states), "-o", "%i").split()

    def ends(self) -> list[str]:
        """Return the final states of jobs in the order of their submission."""
        lines = sorted(self.say("squeue", "-h", "-t", "all", "-o", "%i %T").splitlines(), key=_number)
        return [line.split()[1] for line in lines]

    def _configure(self) -> None:
        etc, limited = self.root / "etc", limits_memory()
        facts = {"root": self.root, "name": self.name, "host": socket.gethostname().split(".")[0]}
        kind = {"tracking": "cgroup", "task": "cgroup"} if limited else {"tracking": "linuxproc", "task": "none"}
        self.conf.write_text(CONF.format(ports=free_ports(5), **facts, **kind))
        (etc / "plugstack.conf").touch()
        (etc / "cgroup.conf").write_text(CGROUP_CONF)
        (etc / "gres.conf").write_text(f"NodeName={self.name}gpu[1-2] Name=gpu {self._cards()}\n")
        srun = self.root / "bin" / "srun"  # in a job, the Snakemake plugin removes SLURM_CONF before it calls srun
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def _cards(self) -> str:
        """Return two fake cards, which are devices like /dev/null because Slurm numbers only devices."""
        try:
            for number in (0, 1):
                os.mknod(self.root / f"card{number}", 0o666 | 0o020000, os.makedev(1, 3))
        except PermissionError:
            return "Count=2"
        return f"File={self.root}/card[0-1] Flags=nvidia_gpu_env"

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment(), timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")


def sweep() -> None:
    """Stop the clusters of killed test runs, and remove their files."""
    with alone():
        owners = {path.parent: int(path.read_text()) for path in FOLDERS.glob(f"{PREFIX}*/owner")}
        for left in [root for root, owner in owners.items() if not is_running(owner)]:
            _end(_daemons(left))
            shutil.rmtree(left)


def _daemons(root: Path) -> list[int]:
    """Return the daemons of a cluster from their PID files."""
    files = [*root.glob("slurmd.*.pid"), root / "slurmctld.pid", root / "munge" / "munged.pid"]
    return [int(text) for file in files if file.is_file() and (text := file.read_text().strip())]


def _end(daemons: list[int]) -> None:
    """Terminate daemons, and kill those that do not end in time."""
    for daemon in daemons:
        kill(daemon, signal.SIGTERM)
    try:
        wait_for(lambda: not any(map(is_running, daemons)), 20)
    except TimeoutError:
        for daemon in daemons:
            kill(daemon)


def _number(line: str) -> int:
    return int(re.match(r"\d+", line)[0])


def _step_daemons(root: Path, job: str) -> list[int]:
    """Return the step daemons of a job in this cluster; other clusters can have a job with the same number."""
    listed = subprocess.run(["pgrep", "-f", rf"^slurmstepd: \[{job}\."], capture_output=True, text=True, check=False)
    return [step for step in map(int, listed.stdout.split()) if _works_below(root, step)]


def _works_below(root: Path, process: int) -> bool:
    try:
        return Path("/proc", str(process), "cwd").readlink().is_relative_to(root)
    except OSError:  # the process has ended
        return False


def _descendants(process: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    children = [int(line) for line in listed.stdout.split()]
    return [found for child in children for found in (*_descendants(child), child)]
