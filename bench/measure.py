"""Compare the measurement of one scan of 512 × 512 × 824 voxels with 104 structures by ctpop and TotalSegmentator.

    python bench/measure.py > bench/measure.md

The times of ctpop include reading of both files. Decompression of both files into memory with ISA-L is the minimum for
any program. "Basic measures" are volume, attenuation, and border contact. "All measures" also include connected
components and eroded attenuation, as in the measure stage. Each time is the smallest of several runs in a separate
process. Memory is the peak of the process, including libraries.

The comparison program is `get_basic_statistics` of TotalSegmentator 2.18.0, called as by its own commands, in a
separate virtual environment. `--peer-python` specifies the Python of this environment; by default, the script creates
an environment in a temporary folder. The time is that of the call, which reads the CT; the label map is read before the
call. The values of both programs are compared by the rules of TotalSegmentator: 0.0 for structures that are absent or
touch the outermost three layers of voxels, and attenuation with five decimals.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from machine import heading, load, table
from measure_part import LABEL_SET, PARTS
from real_size import SIZES, draw_labels, save, save_ct
from runs import ROOT, measured

from ctpop.study import label_sets

RUN_PART = [sys.executable, str(Path(__file__).with_name("measure_part.py"))]
PEER = "TotalSegmentator==2.18.0"
TARGETS = {"basic": 1.5, "full": 4.0, "peer": 50.0}
MOST_GB = 2.0
CALL_PEER = """
import json, re, sys, time
import nibabel as nib
import numpy as np
from totalsegmentator.statistics import get_basic_statistics
labels = np.asarray(nib.load(sys.argv[2]).dataobj)
began = time.monotonic()
found = get_basic_statistics(labels, sys.argv[1], quiet=True, task="total_v1")
seconds = time.monotonic() - began
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 2**20
print(json.dumps({"seconds": seconds, "peak_gb": peak, "found": found}, default=float))
"""


def in_own_process(command: list[str]) -> dict[str, Any]:
    """Return the JSON result in the last line of a program."""
    package = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=package)
    return json.loads(done.stdout.splitlines()[-1])


def peer_python(given: Path | None, work: Path) -> Path:
    """Return the given Python with TotalSegmentator, or the Python of a new virtual environment."""
    if given:
        return given
    subprocess.run([sys.executable, "-m", "venv", str(work / "peer")], check=True)
    python = work / "peer" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*install, "numpy", "nibabel", "tqdm"], check=True, stdout=sys.stderr
    )  # packages that the statistics of TotalSegmentator import
    subprocess.run([*install, "--no-deps", PEER], check=True, stdout=sys.stderr)
    return python


def shard_seconds(ct: Path, labels: Path, work: Path, scans: int = 3) -> tuple[float, float]:
    """Return the time per additional scan (s) and the memory (GB) of the measure command."""
    row = {"age_years": 50, "ct_path": ct.absolute(), "segmentation_path": labels.absolute()}
    seconds = []
    for number in (1, 1 + scans):
        here = work / f"shard_{number}"
        here.mkdir()
        pd.DataFrame([{"scan_id": f"s{k}", **row} for k in range(number)]).to_csv(here / "registry.csv", index=False)
        common = ["--registry", f"{here}/registry.csv", "--structures", LABEL_SET, "--masks", f"{here}/masks"]
        ctpop = [sys.executable, "-m", "ctpop"]
        measured([*ctpop, "segment", "--engine", "existing", *common, "--out", f"{here}/segments.parquet"])
        files = ["--segments", f"{here}/segments.parquet", "--histograms", f"{here}/histograms.parquet"]
        cost = measured([*ctpop, "measure", *common, *files, "--out", f"{here}/measures.parquet"])
        seconds.append(cost.seconds)
    return (seconds[1] - seconds[0]) / scans, cost.host_mb / 1024


def page(ours: dict[str, dict[str, Any]], shard: tuple[float, float], peer: dict[str, Any]) -> str:
    """Return the results as tables."""
    inflate, theirs = ours["inflate"]["seconds"], peer["seconds"]
    names = {"inflate": "decompression of both files", "basic": "basic measures", "full": "all measures"}
    rows = [
        [names[part], f"{cost['seconds']:.2f}", f"{cost['peak_gb']:.2f}", f"{cost['seconds'] / inflate:.2f}", target]
        for part, target in zip(PARTS, ("", f"at most {TARGETS['basic']}", f"at most {TARGETS['full']}"), strict=True)
        for cost in [ours[part]]
    ]
    rows.append(["additional scan in a shard", f"{shard[0]:.2f}", f"{shard[1]:.2f}", f"{shard[0] / inflate:.2f}", ""])
    rows.append([PEER, f"{theirs:.1f}", f"{peer['peak_gb']:.2f}", f"{theirs / inflate:.0f}", ""])
    faster = theirs / ours["basic"]["seconds"]
    same = [name for name in peer["found"] if agree(ours["basic"]["found"][name], peer["found"][name])]
    zeros = sum(each["volume"] == 0 for each in peer["found"].values())
    return "\n\n".join(
        [
            table(["", "time (s)", "peak memory (GB)", "ratio to decompression", "target"], rows),
            f"Memory: the target is less than {MOST_GB} GB. The basic measures are computed {faster:.0f} times as fast"
            f" as by TotalSegmentator (target: {TARGETS['peer']:.0f}).",
            f"Values: volume and attenuation of {len(same)} of {len(peer['found'])} structures are equal to those of"
            f" TotalSegmentator. Number of structures that touch the border, for which both values are 0.0: {zeros}.",
        ]
    )


def agree(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """Return whether the values of a structure agree; volumes differ by the float32 precision of the header."""
    same_volume = np.isclose(ours["volume"], theirs["volume"], rtol=1e-6, atol=0)
    return bool(same_volume and ours["intensity"] == theirs["intensity"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large", help="size of the scan (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each part of ctpop (default: %(default)s)")
    parser.add_argument("--peer-python", type=Path, help=f"Python of an environment with {PEER}")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        labels = draw_labels(SIZES[options.size], len(label_sets.read(LABEL_SET).names))
        share = np.count_nonzero(labels) / labels.size
        files = [save_ct(work / "ct.nii.gz", options.size), save(work / "labels.nii.gz", labels)]
        del labels
        paths = [str(path) for path in files]
        python = peer_python(options.peer_python, work)
        ours = {part: in_own_process([*RUN_PART, part, *paths, str(options.repeats)]) for part in PARTS}
        shard = shard_seconds(*files, work)
        peer = in_own_process([str(python), "-c", CALL_PEER, *paths])
        megabytes = [path.stat().st_size / 2**20 for path in files]
        sizes = "CT, {:.0f} MB; label map, {:.0f} MB".format(*megabytes)
    print(f"{heading(before)}\n")
    shape = " × ".join(map(str, SIZES[options.size]))
    structures = f"{len(peer['found'])} structures, which include {share:.0%} of the voxels"
    print(f"One scan of {shape} voxels ({sizes}); {structures}.\n")
    print(page(ours, shard, peer))


if __name__ == "__main__":
    main()
