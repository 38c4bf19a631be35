"""Measure the effects of the differences between nnU-Net v1 and v2 with the same trained network.

    python bench/v1_differences.py > bench/v1_differences.md

The model is that of the demo, and the scans are synthetic. Each difference is tested separately: averaging windows as
probabilities in float32 (v1) or as logits in float16 (v2), and normalizing a CT after (v1) or before (v2) resampling.
See docs/decisions/007.
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from machine import heading, load, table
from real_size import make_phantom  # adds the folder of the demo to the path
from scipy import ndimage

from ctpop.imaging.images import Grid, Volume
from ctpop.models import model_set
from ctpop.stages.segment.nnunet.engine import Engine
from ctpop.stages.segment.nnunet.sliding_window import Windows, argmax_between, logits_by_rows
from make_cohort import members
from phantom import LABEL

PEOPLE = (1, 2, 4, 5, 6, 7, 9, 10)  # phantoms that were not used for training
OTHER_MM = (3.1, 3.1, 5.0)  # a grid that requires resampling to the 4-mm grid of the model
OPTIONS = {"device": "auto", "cpu_threads": torch.get_num_threads(), "batch_size": 1, "compile": False}


def labels_of(engine: Engine, normalized: np.ndarray, probabilities: bool) -> np.ndarray:
    """Return labels (z, y, x) on the grid of the model."""
    network = engine.route.networks[0]
    windows = Windows(0.5, 1, engine.device, engine.device, probabilities)
    image = torch.from_numpy(np.ascontiguousarray(normalized, np.float32)).to(engine.device)
    slabs = logits_by_rows(network.module, network.heads, network.patch, image, windows)
    return argmax_between(slabs, None).cpu().numpy()


def averaging(engine: Engine, ct: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return labels from averaged probabilities and from averaged logits, on the grid of the phantom and the model."""
    [image] = engine.prepare(ct)
    return labels_of(engine, image.normalized.numpy(), True), labels_of(engine, image.normalized.numpy(), False)


def normalization(engine: Engine, ct: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of a CT that is normalized after resampling and before resampling, on the grid of the model."""
    network = engine.route.networks[0]
    zoom = [old / new for old, new in zip(ct.grid.spacing_mm, OTHER_MM, strict=True)]
    hu = np.rint(ndimage.zoom(ct.data.astype(np.float64), zoom, order=1, mode="nearest")).astype(np.int16)
    other = Volume(hu, Grid(hu.shape, np.diag([*OTHER_MM, 1.0])), np.diag([*OTHER_MM, 1.0]))
    [before] = engine.prepare(other)
    raw = hu.transpose(2, 1, 0).astype(np.float32)[None]
    resampled = network.resample_image(raw, before.normalized.shape, OTHER_MM[::-1], network.spacing_mm)[0]
    after = network.intensity.normalize(torch.from_numpy(resampled)).numpy()
    return labels_of(engine, after, True), labels_of(engine, before.normalized.numpy(), True)


def compared(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Return percentages of differing voxels, Dice scores, and volume changes (mean and extreme values) as cells."""
    shares = [100 * (one != two)[(one > 0) | (two > 0)].mean() for one, two in pairs]
    masks = [(one == label, two == label) for one, two in pairs for label in LABEL.values()]
    seen = [(one, two) for one, two in masks if one.any()]
    dice = [2 * (one & two).sum() / (one.sum() + two.sum()) for one, two in seen]
    change = [100 * abs(two.sum() / one.sum() - 1) for one, two in seen]
    cells = [f"{np.mean(shares):.3f}%", f"{max(shares):.3f}%", f"{np.mean(dice):.5f}", f"{min(dice):.4f}"]
    return [*cells, f"{np.mean(change):.3f}%", f"{max(change):.2f}%"]


def volumes() -> list[Volume]:
    """Return the CT of each phantom."""
    drawn = [make_phantom(member.person) for member in members() if member.number in PEOPLE]
    return [Volume(person.hu, Grid(person.hu.shape, person.affine), person.affine) for person in drawn]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    before = load()
    engine = Engine(replace(model_set.read({"model": "demo"}), step_size=0.5), OPTIONS)
    cts = volumes()
    found: dict[str, Any] = {
        "averaging of probabilities (v1) or logits (v2)": [averaging(engine, ct) for ct in cts],
        "normalization after (v1) or before (v2) resampling": [normalization(engine, ct) for ct in cts],
    }
    head = [
        "difference",
        "differing structure voxels, mean",
        "differing structure voxels, maximum",
        "Dice score, mean",
        "Dice score, minimum",
        "volume change, mean",
        "volume change, maximum",
    ]
    print(heading(before))
    print(f"\nData: {len(cts)} synthetic scans; demo model; {len(LABEL)} structures.\n")
    print(table(head, [[name, *compared(pairs)] for name, pairs in found.items()]))


if __name__ == "__main__":
    main()
