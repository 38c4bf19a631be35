"""Show where the time of a scan goes: seconds in each step of the engine, one scan after the other.

    make images && python bench/profile_segment.py

Public functions of the engine are wrapped in a clock; what an inner function takes is not counted in the outer one, so
that the rows add up to the whole. On a GPU the clock waits for it at each change of step. Times are those of the second
of two scans: the first loads the models and warms caches. In a shard, reading and writing overlap with the network, so
that a scan takes less than the sum; the last row says what the `segment` command takes per scan with nothing wrapped.
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

NNUNET = "ctpop.segmentation.nnunet"
STEPS = {  # in the order of a scan; several functions may make a step
    "SHA-256 of the CT": ["ctpop.stages.segment.sources:sha256_of"],
    "read, unpack and check the CT": ["ctpop.stages.segment.sources:read_ct"],
    "turn to (z, y, x), in nnU-Net's own way resample, too": [f"{NNUNET}.engine:Engine.prepare"],
    "resample the CT": [f"{NNUNET}.routes:resample_hu"],
    "find the box of voxels that are not 0": [f"{NNUNET}.routes:nonzero_box"],
    "normalise": [f"{NNUNET}.network:Intensity.normalise"],
    "network": [],
    "sum and divide the logits of windows": [f"{NNUNET}.routes:logits_by_rows"],
    "argmax": [f"{NNUNET}.routes:argmax_between"],
    "numbers of the set, merge": [f"{NNUNET}.network:Network.number_in_set", f"{NNUNET}.routes:merge"],
    "rest of predict: copies to and from the device": [f"{NNUNET}.engine:Engine.predict"],
    "labels to the grid of the scan": [f"{NNUNET}.engine:Engine.restore"],
    "compress and write": ["ctpop.imaging.label_map_store:write_labels"],
    "SHA-256 of the label map, note": ["ctpop.imaging.label_map_store:Store.keep"],
}
REST = "everything else"


class Clock:
    """Seconds in named steps; while an inner step runs, the outer one's time stands still."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.open: list[str] = []
        self.last = 0.0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the time until the end of the block for a step."""
        self._book()
        self.open.append(name)
        try:
            yield
        finally:
            self._book()
            self.open.pop()

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time counts for a step; of a generator, the time until each of its values."""

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
    """Let the functions of all steps count their time."""
    for name, places in STEPS.items():
        for place in places:
            module, _, path = place.partition(":")
            owner, _, attribute = f"{module}:{path}".replace(":", ".").rpartition(".")
            found = pkgutil.resolve_name(owner)
            setattr(found, attribute, clock.wrapped(name, getattr(found, attribute)))


def profiled(ct: Path, structure_set: str, chosen: dict[str, Any], work: Path, clock: Clock) -> Counter[str]:
    """Return the seconds of each step of the second of two scans."""
    label_set, filled = label_sets.read(structure_set), configuration.section("segment", json.dumps(chosen))
    source = Predict(LabelMapStore(work / "masks"), label_set, filled)
    segment(source, ScanToSegment("first", ct, None), clock)
    for network in source.engine.route.networks:
        network.module.forward = clock.wrapped("network", network.module.forward)
    clock.seconds.clear()
    segment(source, ScanToSegment("second", ct, None), clock)
    return clock.seconds.copy()


def segment(source: Predict, scan: ScanToSegment, clock: Clock) -> None:
    """Read, predict and write a scan."""
    with clock.step(REST):
        source.write(source.predict(source.read(scan)))


def in_shard(ct: Path, structure_set: str, chosen: dict[str, Any], work: Path, scans: int) -> float:
    """Return the seconds of a further scan of a shard, from a command with one scan and one with several."""
    alone, shard = (
        segmented({f"scan-{n}": ct for n in range(number)}, work / str(number), structure_set, chosen).seconds
        for number in (1, 1 + scans)
    )
    return (shard - alone) / scans


def page(title: str, seconds: Counter[str], rate: float) -> str:
    """Return the table of a profile."""
    whole = seconds.total()
    rows = [[name, f"{seconds[name]:.3f}", f"{seconds[name] / whole:.1%}"] for name in (*STEPS, REST) if seconds[name]]
    rows += [["**sum, one step after the other**", f"{whole:.3f}", "100 %"]]
    rows += [["**per further scan of a shard, steps overlapping**", f"{rate:.3f}", f"{rate / whole:.1%}"]]
    return f"## {title}\n\n{table(['step', 's', 'share'], rows)}"


def demo_case() -> tuple[Path, str, dict[str, Any]]:
    """Return CT, label set and settings of the demo."""
    ct = min((ROOT / "demo" / "images").glob("demo-*.nii.gz"))
    return ct, "demo", {"model": "demo", "cpu_threads": os.cpu_count()}


def real_case(options: argparse.Namespace, work: Path) -> tuple[Path, str, dict[str, Any]]:
    """Return CT, label set and settings of a scan of real size."""
    weights = write_models(work / "weights", options.spacing, ARCHITECTURES[options.network])
    chosen = {"model": SETS[options.spacing], "weights": str(weights), "cpu_threads": os.cpu_count()}
    return save_ct(work / "ct.nii.gz", options.size), "total_117", chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="small", help="of the scan of real size (default %(default)s)")
    default = "real" if gpu_name() else "thin"
    parser.add_argument("--network", choices=ARCHITECTURES, default=default, help="of its models: %(default)s")
    parser.add_argument("--spacing", choices=SETS, default="1.5", help="of its models in mm (default %(default)s)")
    parser.add_argument("--further", type=int, default=4, help="scans of the shards (default %(default)s)")
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
