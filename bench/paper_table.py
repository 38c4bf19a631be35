"""The paper's table of run times, for our engine and for the standard route, on one machine with one set of models.

    python bench/paper_table.py                                        # on a machine with a GPU
    python bench/paper_table.py --device cpu --sizes tiny              # elsewhere, to see that it works

For each spacing and size: our `segment` command with one scan and with a shard of several, and `standard_route.py`,
which is nnU-Net's own commands with CPU resampling, as TotalSegmentator works. Models and scans are those of
`real_size.py`. The time of one scan is that of the whole command, loading included; a further scan of a shard costs the
difference of the two commands, shared out. `runs.py` says how memory and GPU are measured. The labels of both are
compared.

The standard route gets the same weights under the trainer `nnUNetTrainer`: nnU-Net's commands do not find the trainer
of the public weights where torchvision does not fit torch, and where they find it, finding takes longer.
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
STUDY = 4004  # scans of the paper's aging study
TARGETS = "Targets on a GPU: at least 3 times the standard route, GPU busy at least 90 %, 4004 scans at 1.5 mm in 12 h."


@dataclass(frozen=True)
class Case:
    """One spacing and size: what one scan, a shard and the standard route took, and how many voxels differ."""

    spacing: str
    size: str
    alone: Cost
    shard: Cost | None
    scans: int
    standard: Cost | None
    agreement: tuple[float, int] | None

    @property
    def further(self) -> float | None:
        """Seconds per further scan of a shard."""
        return (self.shard.seconds - self.alone.seconds) / (self.scans - 1) if self.shard else None


def ours(ct: Path, scans: int, work: Path, settings: dict[str, object]) -> Cost:
    """Return what our command takes for a number of copies of a CT."""
    copies = {f"scan-{number:02d}": ct for number in range(1, scans + 1)}
    return segmented(copies, work, "total_117", settings)


def standard(ct: Path, out: Path, weights: Path, spacing: str, device: str) -> Cost:
    """Return what the standard route takes for a CT."""
    script = str(Path(__file__).with_name("standard_route.py"))
    model = ["--weights", str(weights), "--spacing", spacing, "--device", device]
    folders = dict.fromkeys(("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"), str(out.parent))
    return measured([sys.executable, script, str(ct), str(out), *model], **folders)


def agreement(ours: Path, theirs: Path) -> tuple[float, int]:
    """Return the Dice over all structures (a voxel agrees if its label does) and the number of differing voxels."""
    a, b = (np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj) for path in (ours, theirs))
    found = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero((a == b) & (a != 0)) / found if found else 1.0, np.count_nonzero(a != b)


def case(spacing: str, size: str, work: Path, options: argparse.Namespace) -> Case:
    """Return all that is measured for a spacing and a size."""
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
    """Return the rows of a case: the paper, the standard route, ours."""
    seconds, host, gpu = PAPER.get((found.spacing, found.size), (None, None, None))
    name = f"{found.spacing} mm, {found.size}"
    rows = [[name, "paper, RTX 3090", told(seconds, 0), "–", told(host, 1), told(gpu, 1), "–"]] if seconds else []
    if found.standard:
        rows.append([name, "standard route", told(found.standard.seconds, 1), "–", *memory(found.standard)])
    both = [told(found.alone.seconds, 1), told(found.further, 2)]
    return [*rows, [name, "ctpop segment", *both, *memory(found.shard or found.alone)]]


def memory(cost: Cost) -> list[str]:
    """Return the cells for memory (GB) and work of the GPU."""
    gpu = cost.gpu_mb / 1024 if cost.gpu_mb is not None else None
    busy = f"{cost.gpu_busy:.0%}" if cost.gpu_busy is not None else "–"
    return [told(cost.host_mb / 1024, 1), told(gpu, 1), busy]


def comparison(found: Case) -> list[str]:
    """Return ratios and agreement of a case whose standard route was run."""
    assert found.standard is not None
    assert found.agreement is not None
    dice, differing = found.agreement
    shard = f"{found.standard.seconds / found.further:.1f}" if found.further else "–"
    alone = f"{found.standard.seconds / found.alone.seconds:.1f}"
    voxels = f"{differing:,} of {np.prod(SIZES[found.size]):,}"
    return [f"{found.spacing} mm, {found.size}", alone, shard, f"{dice:.6f}", voxels]


def study_hours(cases: list[Case], spacing: str) -> list[str]:
    """Return the hours of the paper's study, at the mean of the sizes that were measured."""
    here = [found for found in cases if found.spacing == spacing]
    rates = [found.further or found.alone.seconds for found in here]
    peers = [found.standard.seconds for found in here if found.standard]
    hours = [statistics.mean(times) * STUDY / 3600 if times else None for times in (rates, peers)]
    return [f"{spacing} mm", ", ".join(found.size for found in here), *(told(number, 1) for number in hours)]


def told(number: float | None, digits: int) -> str:
    """Return a number for people; what is not known is a dash."""
    return "–" if number is None else f"{number:.{digits}f}"


def report(cases: list[Case], options: argparse.Namespace, load_before: str) -> str:
    """Return the page."""
    place = "a GPU" if options.device == "cuda" else "the CPU"
    x_mm, y_mm, z_mm = SPACING_MM
    head = ["spacing, size", "", "s, one scan", "s per further scan", "host GB", "GPU GB", "GPU busy"]
    spacings = list(dict.fromkeys(found.spacing for found in cases))
    parts = [
        heading(load_before),
        f"On {place}. Scans of {x_mm} x {y_mm} x {z_mm} mm; shards of {options.scans}; windows per forward pass:"
        f" {options.batch_size}. {TARGETS}",
        table(head, [row for found in cases for row in rows_of(found)]),
    ]
    compared = [comparison(found) for found in cases if found.standard]
    if compared:
        ratios = ["standard route / ours", "one scan", "per further scan", "Dice", "differing voxels"]
        parts.append(table(ratios, compared))
    if options.device == "cuda":
        hours = [f"{STUDY} scans", "mean over", "ctpop, GPU hours", "standard route, GPU hours"]
        parts.append(table(hours, [study_hours(cases, spacing) for spacing in spacings]))
    done = {(found.spacing, found.size) for found in cases}
    absent = [f"{spacing} mm {size}" for spacing, size in PAPER if (spacing, size) not in done]
    if options.device == "cpu":
        parts.append(
            "Not run: no GPU. The command that runs it all on a machine with one: `python bench/paper_table.py`."
        )
    if absent:
        parts.append(f"Not run here: {', '.join(absent)}.")
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = "cuda" if gpu_name() else "cpu"
    parser.add_argument("--device", choices=["cpu", "cuda"], default=default, help="default here: %(default)s")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["small", "medium", "large"], help="of the scans")
    parser.add_argument("--spacing", nargs="+", choices=SETS, default=list(SETS), help="of the models (mm)")
    parser.add_argument("--scans", type=int, default=5, help="of a shard; 1 leaves it out (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=1, help="windows per forward pass (default %(default)s)")
    parser.add_argument("--skip-standard", action="store_true", help="measure our engine only")
    parser.add_argument("--work", type=Path, help="folder for models and scans, kept for the next call")
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
