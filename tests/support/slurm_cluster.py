"""A Slurm cluster that exists for one test: a controller and four nodes with fake GPUs, all on this machine.

It is the real Slurm of Debian, with memory limits where this machine has the memory controller of cgroup v1. Every file
lies in one folder, and ports and names of nodes are its own, so that several clusters can run side by side.
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
FOLDERS = Path("/tmp")  # the name of a socket has 108 characters
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
    """Return why no cluster can be started on this machine, or nothing; Slurm is installed if it is not here yet."""
    if os.geteuid() != 0:
        return "starting a Slurm cluster needs root"
    if SYSTEM.is_file():
        return f"this machine belongs to a Slurm cluster already ({SYSTEM})"
    with alone():
        return _cannot_install()


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other test run of this machine is in here."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cannot_install() -> str:
    if all(shutil.which(name) for name in ("slurmctld", "slurmd", "sbatch", "munged")):
        return ""
    if not shutil.which("apt-get"):
        return "Slurm is not installed, and there is no apt-get to install it with"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *command], capture_output=True, text=True, check=False, env=quiet)
        if done.returncode:
            return f"apt-get {command[0]} failed, so that Slurm could not be installed: {done.stderr.strip()[-300:]}"
    return ""


def limits_memory() -> bool:
    """Return whether jobs can be held to the memory that they asked for."""
    return MEMORY_CONTROLLER.is_dir() and os.access(MEMORY_CONTROLLER, os.W_OK)


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def processes(folder: Path, *words: str) -> list[int]:
    """Return the processes at work in a folder whose command line has all words."""
    numbers = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return sorted(number for number in numbers if _is_at_work(Path("/proc", str(number)), folder, words))


def _is_at_work(entry: Path, folder: Path, words: tuple[str, ...]) -> bool:
    try:
        line = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        return set(words) <= set(line) and (entry / "cwd").readlink() == folder
    except OSError:  # it has ended
        return False


def parent_of(process: int) -> int | None:
    """Return the parent of a process, nothing if it has ended."""
    try:
        return int(re.search(r"PPid:\s*(\d+)", Path("/proc", str(process), "status").read_text())[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def kill(process: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(process, number)


def is_running(process: int) -> bool:
    """Return whether a process is there, and more than an entry that nobody has collected."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(condition, seconds: float, pause: float = 0.1):
    """Wait until something holds and return it; raise TimeoutError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting after {seconds} s")
        time.sleep(pause)
    return found


@dataclass
class Cluster:
    """The daemons of a cluster whose files lie in `root`."""

    root: Path

    @property
    def name(self) -> str:
        """A name that no other cluster of this machine has: memory limits are kept by the names of nodes."""
        return "t" + re.sub(r"[^a-z0-9]", "", self.root.name.removeprefix(PREFIX)) + "n"

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes."""
        return [f"{self.name}{kind}" for kind in KINDS]

    def start(self) -> None:
        """Start the daemons and wait until every node is idle."""
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
        """Cancel all jobs and stop the daemons, by their own pid files."""
        self.say("scancel", "-u", "root")
        with suppress(TimeoutError):
            wait_for(lambda: not self.say("squeue", "-h"), 20)
        _end(_daemons(self.root))

    @property
    def conf(self) -> Path:
        """The configuration that the commands of Slurm read."""
        return self.root / "etc" / "slurm.conf"

    def start_node(self, node: str) -> None:
        """Start the daemon of a node."""
        self._run("slurmd", "-N", node)

    def lose_node(self, node: str) -> None:
        """Kill the daemon of a node and everything that it runs, as a loss of power does."""
        daemon = int((self.root / f"slurmd.{node}.pid").read_text())
        steps = [job for job in self.say("squeue", "-h", "-w", node, "-o", "%i").split() if job]
        kill(daemon)
        for step in [process for job in steps for process in _step_daemons(self.root, job)]:
            for process in [*_descendants(step), step]:
                kill(process)

    def environment(self) -> dict[str, str]:
        """Return the environment in which the commands of Slurm find this cluster."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SNAKEMAKE", "SLURM"))}
        found = {"SLURM_CONF": str(self.conf), "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        return {**kept, **found, "OMP_WAIT_POLICY": "PASSIVE"}

    def say(self, *command: str) -> str:
        """Return what a command prints, nothing if it fails."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment(), timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def jobs(self, *states: str) -> list[str]:
        """Return the numbers of the jobs in some states (`RUNNING`, …)."""
        return self.say("squeue", "-h", "-t", ",".join(states), "-o", "%i").split()

    def ends(self) -> list[str]:
        """Return the state in which each job that is over ended, in the order in which they were sent."""
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
        srun = self.root / "bin" / "srun"  # inside a job, Snakemake's plugin drops SLURM_CONF before it calls srun
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def _cards(self) -> str:
        """Return two fake cards: devices as /dev/null, since Slurm numbers cards only if they are devices."""
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
    """Stop the clusters of test runs that were killed, and remove their files."""
    with alone():
        owners = {path.parent: int(path.read_text()) for path in FOLDERS.glob(f"{PREFIX}*/owner")}
        for left in [root for root, owner in owners.items() if not is_running(owner)]:
            _end(_daemons(left))
            shutil.rmtree(left)


def _daemons(root: Path) -> list[int]:
    """Return the daemons of a cluster, from their own pid files."""
    files = [*root.glob("slurmd.*.pid"), root / "slurmctld.pid", root / "munge" / "munged.pid"]
    return [int(text) for file in files if file.is_file() and (text := file.read_text().strip())]


def _end(daemons: list[int]) -> None:
    """Ask daemons to end, and kill those that do not."""
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
    """Return the processes of a cluster that look after a job; jobs of other clusters have the same numbers."""
    listed = subprocess.run(["pgrep", "-f", rf"^slurmstepd: \[{job}\."], capture_output=True, text=True, check=False)
    return [step for step in map(int, listed.stdout.split()) if _works_below(root, step)]


def _works_below(root: Path, process: int) -> bool:
    try:
        return Path("/proc", str(process), "cwd").readlink().is_relative_to(root)
    except OSError:  # it has ended
        return False


def _descendants(process: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False)
    children = [int(line) for line in listed.stdout.split()]
    return [found for child in children for found in (*_descendants(child), child)]
