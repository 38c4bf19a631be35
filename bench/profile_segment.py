"""Measure the time of each step of the segmentation engine for single scans.

    make images && python bench/profile_segment.py

A timer wraps public functions of the engine. The time of an inner function is not included in that of the outer
function, so the rows add up to the total. With a GPU, the timer synchronizes at each change of step. Times are those of
the second of two scans, because the first scan includes loading of the models. In a shard, reading and writing overlap
with the network, so the time per scan is less than the sum; the last row is the time of the `segment` command per scan
without timers.
"""

import argparse
import json
import os
import pkgutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import isgenerator
from pathlib import Path
from typing import Any

import torch
from machine import gpu_name, heading, load, table
from real_size import ARCHITECTURES, SETS, SIZES, save_ct, write_models
from runs import ROOT, segmented

from ctpop.imaging.label_map_store import LabelMapStore
from ctpop.stages.segment.sources import Predict, ScanToSegment
from ctpop.study import configuration, label_sets

NNUNET = "ctpop.stages.segment.nnunet"
STEPS = {  # in processing order; a step can include several functions
    "SHA-256 of the CT": ["ctpop.stages.segment.sources:sha256_of"],
    "read, decompress, and check the CT": ["ctpop.stages.segment.sources:read_ct"],
    "reorient to (z, y, x); with nnU-Net resampling, also resample": [f"{NNUNET}.engine:Engine.prepare"],
    "resample the CT": [f"{NNUNET}.routes:resample_hu"],
    "bounding box of nonzero voxels": [f"{NNUNET}.routes:nonzero_box"],
    "normalize": [f"{NNUNET}.network:Intensity.normalize"],
    "network": [],
    "weighted mean of window logits": [f"{NNUNET}.routes:logits_by_rows"],
    "argmax": [f"{NNUNET}.routes:argmax_between"],
    "label numbers of the set, merging": [f"{NNUNET}.network:Network.number_in_set", f"{NNUNET}.routes:merge"],
    "remainder of predict: copies to and from the device": [f"{NNUNET}.engine:Engine.predict"],
    "resample labels to the grid of the scan": [f"{NNUNET}.engine:Engine.restore"],
    "compress and write": ["ctpop.imaging.label_map_store:write_labels"],
    "SHA-256 of the label map, record": ["ctpop.imaging.label_map_store:LabelMapStore.keep"],
}
REST = "other"


class Clock:
    """Time in named steps (s); the time of an inner step does not count for the outer step."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.open: list[str] = []
        self.last = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the duration of the block to a step."""
        self._book()
        self.open.append(name)
        try:
            yield
        finally:
            self._book()
            self.open.pop()

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose duration is added to a step; for a generator, the time until each value."""

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.step(name):
                result = function(*arguments, **named)
            return self._each(name, result) if isgenerator(result) else result

        return timed

    def _each(self, name: str, values: Iterator[Any]) -> Iterator[Any]:
        while True:
            with self.step(name):
                value = next(values, None)
            if value is None:
                return
            yield value

    def _book(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if self.open:
            self.seconds[self.open[-1]] += now - self.last
        self.last = now


def wrap_engine(clock: Clock) -> None:
    """Wrap the functions of all steps with the timer."""
    for name, places in STEPS.items():
        for place in places:
            module, _, path = place.partition(":")
            owner, _, attribute = f"{module}:{path}".replace(":", ".").rpartition(".")
            found = pkgutil.resolve_name(owner)
            setattr(found, attribute, clock.wrapped(name, getattr(found, attribute)))


def profiled(ct: Path, structure_set: str, chosen: dict[str, Any], work: Path, clock: Clock) -> Counter[str]:
    """Return the time of each step of the second of two scans (s)."""
    label_set, filled = label_sets.read(structure_set), configuration.section("segment", json.dumps(chosen))
    source = Predict(LabelMapStore(work / "masks"), label_set, filled)
    segment(source, ScanToSegment("first", ct, None), clock)
    for network in source.engine.route.networks:
        network.module.forward = clock.wrapped("network", network.module.forward)
    clock.seconds.clear()
    segment(source, ScanToSegment("second", ct, None), clock)
    return clock.seconds.copy()


def segment(source: Predict, scan: ScanToSegment, clock: Clock) -> None:
    """Read, predict, and write a scan."""
    with clock.step(REST):
        source.write(source.predict(source.read(scan)))


def in_shard(ct: Path, structure_set: str, chosen: dict[str, Any], work: Path, scans: int) -> float:
    """Return the time of an additional scan of a shard (s), from commands with one scan and with several scans."""
    alone, shard = (
        segmented({f"scan-{n}": ct for n in range(number)}, work / str(number), structure_set, chosen).seconds
        for number in (1, 1 + scans)
    )
    return (shard - alone) / scans


def page(title: str, seconds: Counter[str], rate: float) -> str:
    """Return the table of a profile."""
    whole = seconds.total()
    rows = [[name, f"{seconds[name]:.3f}", f"{seconds[name] / whole:.1%}"] for name in (*STEPS, REST) if seconds[name]]
    rows += [["**sum of the steps**", f"{whole:.3f}", "100%"]]
    rows += [["**additional scan of a shard, overlapping steps**", f"{rate:.3f}", f"{rate / whole:.1%}"]]
    return f"## {title}\n\n{table(['step', 'time (s)', 'percentage'], rows)}"


def demo_case() -> tuple[Path, str, dict[str, Any]]:
    """Return the CT, label set, and settings of the demo."""
    ct = min((ROOT / "demo" / "images").glob("demo-*.nii.gz"))
    return ct, "demo", {"model": "demo", "cpu_threads": os.cpu_count()}


def real_case(options: argparse.Namespace, work: Path) -> tuple[Path, str, dict[str, Any]]:
    """Return the CT, label set, and settings of a scan of realistic size."""
    weights = write_models(work / "weights", options.spacing, ARCHITECTURES[options.network])
    chosen = {"model": SETS[options.spacing], "weights": str(weights), "cpu_threads": os.cpu_count()}
    return save_ct(work / "ct.nii.gz", options.size), "total_117", chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small", help="size of the large scan (default: %(default)s)")
    default = "real" if gpu_name() else "thin"
    parser.add_argument(
        "--network", choices=ARCHITECTURES, default=default, help="network of the models (default: %(default)s)"
    )
    parser.add_argument(
        "--spacing", choices=SETS, default="1.5", help="spacing of the models in mm (default: %(default)s)"
    )
    parser.add_argument("--further", type=int, default=4, help="additional scans of the shards (default: %(default)s)")
    options = parser.parse_args()
    before, clock = load(), Clock()
    wrap_engine(clock)
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "Demo scan, demo model": demo_case(),
            f"{options.size} scan, {options.spacing} mm, {options.network} network": real_case(options, Path(folder)),
        }
        pages = []
        for title, (ct, name, chosen) in cases.items():
            seconds = profiled(ct, name, chosen, Path(folder) / name, clock)
            rate = in_shard(ct, name, chosen, Path(folder) / name, options.further)
            pages.append(page(title, seconds, rate))
    print("\n\n".join([heading(before), *pages]))


if __name__ == "__main__":
    main()
