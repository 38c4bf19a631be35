"""Time and memory of measuring one scan of 512 x 512 x 824 voxels with 104 structures: ours beside TotalSegmentator's.

    python bench/measure.py > bench/measure.md

Reading both files is part of our times. "Inflate" is what no program can do without: the bytes of both files, unpacked
into memory by ISA-L. "Basic" is volume, attenuation and evidence of the border; "full" adds connected parts and eroded
attenuation, and is what the measure stage does. Every number is the smallest of several runs in a process of its own;
memory is the largest that the process ever held, libraries included.

The peer is `get_basic_statistics` of TotalSegmentator 2.18.0, called as its own commands call it, in its own virtual
environment: `--peer-python` names one, or else one is made in a temporary folder. Nothing of it is installed here. Its
time is that of the call, which reads the CT; the label map is read before. Its values are compared with ours, by its
own rules: 0.0 for what is absent or touches the outermost three layers of voxels, five decimals of attenuation.
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
    """Return what a program says about itself in its last line."""
    package = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=package)
    return json.loads(done.stdout.splitlines()[-1])


def peer_python(given: Path | None, work: Path) -> Path:
    """Return a Python with the peer: the one that was given, or that of a new virtual environment."""
    if given:
        return given
    subprocess.run([sys.executable, "-m", "venv", str(work / "peer")], check=True)
    python = work / "peer" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "numpy", "nibabel", "tqdm"], check=True, stdout=sys.stderr)  # what its statistics import
    subprocess.run([*install, "--no-deps", PEER], check=True, stdout=sys.stderr)
    return python


def shard_seconds(ct: Path, labels: Path, work: Path, scans: int = 3) -> tuple[float, float]:
    """Return seconds per further scan and memory (GB) of the measure command itself."""
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
    names = {"inflate": "inflate both files", "basic": "basic", "full": "full"}
    rows = [
        [names[part], f"{told['seconds']:.2f}", f"{told['peak_gb']:.2f}", f"{told['seconds'] / inflate:.2f}", target]
        for part, target in zip(PARTS, ("", f"at most {TARGETS['basic']}", f"at most {TARGETS['full']}"), strict=True)
        for told in [ours[part]]
    ]
    rows.append(["a further scan in a shard", f"{shard[0]:.2f}", f"{shard[1]:.2f}", f"{shard[0] / inflate:.2f}", ""])
    rows.append([PEER, f"{theirs:.1f}", f"{peer['peak_gb']:.2f}", f"{theirs / inflate:.0f}", ""])
    faster = theirs / ours["basic"]["seconds"]
    same = [name for name in peer["found"] if agree(ours["basic"]["found"][name], peer["found"][name])]
    zeros = sum(each["volume"] == 0 for each in peer["found"].values())
    return "\n\n".join(
        [
            table(["", "seconds", "peak GB", "times inflating", "target"], rows),
            f"Memory: target under {MOST_GB} GB. Basic is {faster:.0f} times as fast as the peer"
            f" (target: {TARGETS['peer']:.0f}).",
            f"Values: {len(same)} of {len(peer['found'])} structures have the volume and the attenuation of the peer;"
            f" in {zeros} both are 0.0, since the structure touches the border.",
        ]
    )


def agree(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """Return whether a structure has the same values: volumes but for the last digits of the header's float32."""
    same_volume = np.isclose(ours["volume"], theirs["volume"], rtol=1e-6, atol=0)
    return bool(same_volume and ours["intensity"] == theirs["intensity"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="large", help="of the scan (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each of our parts (default %(default)s)")
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
        sizes = ", ".join(f"{path.stem.split('.')[0]} {path.stat().st_size / 2**20:.0f} MB" for path in files)
    print(f"{heading(before)}\n")
    shape = " x ".join(map(str, SIZES[options.size]))
    print(f"One scan of {shape} voxels ({sizes}); {len(peer['found'])} structures, {share:.0%} of the voxels.\n")
    print(page(ours, shard, peer))


if __name__ == "__main__":
    main()
