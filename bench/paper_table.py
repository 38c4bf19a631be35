"""Reproduce the table of run times in the paper for ctpop and for the standard pipeline on one machine.

    python bench/paper_table.py                                        # on a machine with a GPU
    python bench/paper_table.py --device cpu --sizes tiny              # short test on other machines

For each spacing and size, the script runs the `segment` command with one scan and with a shard of several scans, and
`standard_route.py`, which runs the commands of nnU-Net with CPU resampling, as TotalSegmentator does. Models and scans
are those of `real_size.py`. The time of one scan is that of the complete command, including loading. The time of an
additional scan of a shard is the difference between the times of the two commands, divided by the number of additional
scans. `runs.py` describes the measurement of memory and GPU load. The labels of both pipelines are compared.

The standard pipeline uses the same weights with the trainer name `nnUNetTrainer`. With the trainer name of the public
weights, the commands of nnU-Net fail if torchvision and torch are incompatible, and require more time otherwise.
"""

import argparse
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from machine import gpu_name, heading, load, table
from real_size import ARCHITECTURES, PEERS_TRAINER, SETS, SIZES, SPACING_MM, save_ct, write_models
from runs import Cost, measured, segmented

PAPER = {  # SOURCE: Wasserthal et al. 2023, RTX 3090: seconds, GB of the host, GB of the GPU
    ("1.5", "small"): (77, 7.6, 6.1),
    ("1.5", "medium"): (169, 10.6, 8.5),
    ("1.5", "large"): (212, 11.8, 11.4),
    ("3", "small"): (34, None, None),
    ("3", "medium"): (53, None, None),
    ("3", "large"): (83, None, None),
}
STUDY = 4004  # number of scans in the aging study of the paper
TARGETS = "Targets on a GPU: 3 times the speed of the standard pipeline, GPU load of 90%, 4004 scans at 1.5 mm in 12 h."


@dataclass(frozen=True)
class Case:
    """Results of one spacing and size: costs of one scan, a shard, and the standard pipeline, and differing voxels."""

    spacing: str
    size: str
    alone: Cost
    shard: Cost | None
    scans: int
    standard: Cost | None
    agreement: tuple[float, int] | None

    @property
    def further(self) -> float | None:
        """Time per additional scan of a shard (s)."""
        return (self.shard.seconds - self.alone.seconds) / (self.scans - 1) if self.shard else None


def ours(ct: Path, scans: int, work: Path, settings: dict[str, object]) -> Cost:
    """Return the cost of the command `segment` for a number of copies of a CT."""
    copies = {f"scan-{number:02d}": ct for number in range(1, scans + 1)}
    return segmented(copies, work, "total_117", settings)


def standard(ct: Path, out: Path, weights: Path, spacing: str, device: str) -> Cost:
    """Return the cost of the standard pipeline for a CT."""
    script = str(Path(__file__).with_name("standard_route.py"))
    model = ["--weights", str(weights), "--spacing", spacing, "--device", device]
    folders = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), str(out.parent))
    return measured([sys.executable, script, str(ct), str(out), *model], **folders)


def agreement(ours: Path, theirs: Path) -> tuple[float, int]:
    """Return the Dice score of all structures combined and the number of differing voxels."""
    a, b = (np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj) for path in (ours, theirs))
    found = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero((a == b) & (a != 0)) / found if found else 1.0, np.count_nonzero(a != b)


def case(spacing: str, size: str, work: Path, options: argparse.Namespace) -> Case:
    """Return the results for a spacing and a size."""
    sys.stderr.write(f"{spacing} mm, {size}\n")
    ct = save_ct(work / f"{size}.nii.gz", size)
    threads = min(64, os.cpu_count() or 1)
    weights = {"model": SETS[spacing], "weights": str(work / "public")}
    settings = {**weights, "device": options.device, "batch_size": options.batch_size, "cpu_threads": threads}
    with tempfile.TemporaryDirectory(dir=work) as folder:
        here = Path(folder)
        alone = ours(ct, 1, here / "alone", settings)
        shard = ours(ct, options.scans, here / "shard", settings) if options.scans > 1 else None
        if options.skip_standard:
            return Case(spacing, size, alone, shard, options.scans, None, None)
        peer = standard(ct, here / "standard.nii.gz", work / "peer", spacing, options.device)
        same = agreement(here / "alone" / "masks" / "scan-01.nii.gz", here / "standard.nii.gz")
        return Case(spacing, size, alone, shard, options.scans, peer, same)


def rows_of(found: Case) -> list[list[str]]:
    """Return the table rows for a case: the paper, the standard pipeline, and ctpop."""
    seconds, host, gpu = PAPER.get((found.spacing, found.size), (None, None, None))
    name = f"{found.spacing} mm, {found.size}"
    rows = (
        [[name, "paper, RTX 3090", formatted(seconds, 0), "–", formatted(host, 1), formatted(gpu, 1), "–"]]
        if seconds
        else []
    )
    if found.standard:
        rows.append([name, "standard pipeline", formatted(found.standard.seconds, 1), "–", *memory(found.standard)])
    both = [formatted(found.alone.seconds, 1), formatted(found.further, 2)]
    return [*rows, [name, "ctpop segment", *both, *memory(found.shard or found.alone)]]


def memory(cost: Cost) -> list[str]:
    """Return the cells for memory (GB) and GPU load."""
    gpu = cost.gpu_mb / 1024 if cost.gpu_mb is not None else None
    busy = f"{cost.gpu_busy:.0%}" if cost.gpu_busy is not None else "–"
    return [formatted(cost.host_mb / 1024, 1), formatted(gpu, 1), busy]


def comparison(found: Case) -> list[str]:
    """Return time ratios of a case to the standard pipeline, and the agreement of the labels."""
    assert found.standard is not None
    assert found.agreement is not None
    dice, differing = found.agreement
    shard = f"{found.standard.seconds / found.further:.1f}" if found.further else "–"
    alone = f"{found.standard.seconds / found.alone.seconds:.1f}"
    voxels = f"{differing:,} of {np.prod(SIZES[found.size]):,}"
    return [f"{found.spacing} mm, {found.size}", alone, shard, f"{dice:.6f}", voxels]


def study_hours(cases: list[Case], spacing: str) -> list[str]:
    """Return the duration of the study in the paper (h), estimated from the mean time of the measured sizes."""
    here = [found for found in cases if found.spacing == spacing]
    rates = [found.further or found.alone.seconds for found in here]
    peers = [found.standard.seconds for found in here if found.standard]
    hours = [statistics.mean(times) * STUDY / 3600 if times else None for times in (rates, peers)]
    return [f"{spacing} mm", ", ".join(found.size for found in here), *(formatted(number, 1) for number in hours)]


def formatted(number: float | None, digits: int) -> str:
    """Return a formatted number, or a dash if it is missing."""
    return "–" if number is None else f"{number:.{digits}f}"


def report(cases: list[Case], options: argparse.Namespace, load_before: str) -> str:
    """Return the page."""
    place = "a GPU" if options.device == "cuda" else "the CPU"
    x_mm, y_mm, z_mm = SPACING_MM
    head = ["spacing, size", "", "one scan (s)", "additional scan (s)", "host (GB)", "GPU (GB)", "GPU load"]
    spacings = list(dict.fromkeys(found.spacing for found in cases))
    parts = [
        heading(load_before),
        f"On {place}. Scans of {x_mm} × {y_mm} × {z_mm} mm; shards of {options.scans}; windows per forward pass:"
        f" {options.batch_size}. {TARGETS}",
        table(head, [row for found in cases for row in rows_of(found)]),
    ]
    compared = [comparison(found) for found in cases if found.standard]
    if compared:
        ratios = ["standard pipeline / ctpop", "one scan", "additional scan", "Dice score", "differing voxels"]
        parts.append(table(ratios, compared))
    if options.device == "cuda":
        hours = [f"{STUDY} scans", "mean of", "ctpop (GPU hours)", "standard pipeline (GPU hours)"]
        parts.append(table(hours, [study_hours(cases, spacing) for spacing in spacings]))
    done = {(found.spacing, found.size) for found in cases}
    absent = [f"{spacing} mm {size}" for spacing, size in PAPER if (spacing, size) not in done]
    if options.device == "cpu":
        parts.append("Not run: no GPU. Command for a machine with a GPU: `python bench/paper_table.py`.")
    if absent:
        parts.append(f"Not run here: {', '.join(absent)}.")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = "cuda" if gpu_name() else "cpu"
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default=default, help="device of the networks (default: %(default)s)"
    )
    parser.add_argument(
        "--sizes", nargs="+", choices=SIZES, default=["small", "medium", "large"], help="sizes of the scans"
    )
    parser.add_argument("--spacing", nargs="+", choices=SETS, default=list(SETS), help="spacings of the models (mm)")
    parser.add_argument(
        "--scans", type=int, default=5, help="scans of a shard; 1 omits the shard (default: %(default)s)"
    )
    parser.add_argument("--batch-size", type=int, default=1, help="windows per forward pass (default: %(default)s)")
    parser.add_argument("--skip-standard", action="store_true", help="measure ctpop only")
    parser.add_argument("--work", type=Path, help="folder for models and scans, which later runs reuse")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        for spacing in options.spacing:
            write_models(work / "public", spacing, ARCHITECTURES["real"])
            write_models(work / "peer", spacing, ARCHITECTURES["real"], PEERS_TRAINER)
        cases = [case(spacing, size, work, options) for spacing in options.spacing for size in options.sizes]
    print(report(cases, options, before))


if __name__ == "__main__":
    main()
