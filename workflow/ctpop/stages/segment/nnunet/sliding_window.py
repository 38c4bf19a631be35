"""nnU-Net's sliding window, streamed: rows of logits leave as soon as no later window touches them.

nnU-Net keeps the logits of all classes for the whole volume (3 GB for 25 classes at 1.5 mm, 15 GB for 118), copies
them to the CPU and takes the argmax there. Windows come in ascending order along the first axis, so at most one patch
of rows is unfinished at a time: finished rows are divided by their weights, handed on, and forgotten. The order of
additions per voxel, the float16 sums and the float16 division are nnU-Net's own, and so are the results, bit by bit.

nnU-Net v1 averaged probabilities instead, in float32; the model of the paper is applied like that.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
from torch import Tensor

from ctpop.foundation.errors import ScanError
from ctpop.stages.segment.nnunet.resampling import CHUNK_VOXELS, Taps, chunks, interpolate

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Windows:
    """How windows are laid over a volume, where they are computed, and where their logits are summed.

    `step_size` is a share of the patch; sums lie on the device or, if its memory is short, on the CPU. With
    `probabilities`, windows are averaged after the softmax and in float32, as nnU-Net v1 does.
    """

    step_size: float
    batch_size: int
    device: torch.device
    sums_on: torch.device
    probabilities: bool = False


@torch.inference_mode()
def logits_by_rows(
    network: Callable[[Tensor], Tensor], heads: int, patch: Triple, image: Tensor, windows: Windows
) -> Iterator[Tensor]:
    """Yield the mean logits (class, row, y, x; float16) of a normalised image (z, y, x) slab by slab, in order.

    Probabilities (float32) take the place of logits if `windows` says so. The image lies where logits are summed; if
    that is not the device, each window is copied. A slab may be changed by its reader and is valid until the next one
    is asked for.

    Raises
    ------
    ScanError
        `prediction_failed` if a logit is not finite.

    """
    padded, inner = _padded(image, patch)
    depth, height, width = padded.shape[1:]
    steps = compute_steps_for_sliding_window((depth, height, width), patch, windows.step_size)
    highest, dtype = (1, torch.float32) if windows.probabilities else (10, torch.half)
    gaussian = compute_gaussian(patch, 1.0 / 8, value_scaling_factor=highest, dtype=dtype, device=windows.sums_on)
    rows = patch[0]
    sums = torch.zeros((heads, rows, height, width), dtype=dtype, device=windows.sums_on)
    weights = torch.zeros((rows, height, width), dtype=dtype, device=windows.sums_on)
    places = [(y, x) for y in steps[1] for x in steps[2]]
    for start, after in zip(steps[0], [*steps[0][1:], depth], strict=True):
        for y, x, logits in _window_logits(network, padded[:, start : start + rows], patch, places, windows):
            place = (slice(None), slice(y, y + patch[1]), slice(x, x + patch[2]))
            _add(logits.to(windows.sums_on), gaussian, sums[:, *place])
            weights[place] += gaussian
        done = after - start
        slab = torch.div(sums[:, :done], weights[:done], out=sums[:, :done])
        yield from _inner_rows(slab, start, inner)
        _forget(sums, weights, done)


@torch.inference_mode()
def argmax_between(slabs: Iterable[Tensor], taps: tuple[Taps, Taps, Taps] | None) -> Tensor:
    """Return the class with the largest logit, on the grid of the logits or, with taps, interpolated to another one.

    Of equal logits the first class wins, as in nnU-Net. Interpolated logits are rounded to float16 first, as nnU-Net
    keeps them; a slab's last row stays for the rows between it and the next slab.
    """
    if taps is None:
        return torch.cat([_argmax(slab, len(slab)) for slab in slabs])
    begin, done, last = 0, 0, None
    found: list[Tensor] = []
    for slab in slabs:
        dtype = torch.float64 if slab.device.type == "cpu" else torch.float32
        placed = tuple(tap.to(slab.device, dtype) for tap in taps)
        offset = begin if last is None else begin - 1
        begin += slab.shape[1]
        ready = int((taps[0].second < begin).sum())
        size = CHUNK_VOXELS // (len(taps[1].first) * len(taps[2].first))
        for rows, low, high in chunks(taps[0], size, done, ready):
            inside = (placed[0].part(rows, low), placed[1], placed[2])
            logits = _interpolated(slab, last, slice(low - offset, high - offset), inside)
            found.append(_argmax(logits, len(slab)))
        done, last = ready, slab[:, -1:].clone()
    return torch.cat(found)


def _interpolated(slab: Tensor, last: Tensor | None, rows: slice, taps: tuple[Taps, Taps, Taps]) -> Iterator[Tensor]:
    """Yield the logits of one class after the other at the taps; `rows` count from the row kept of the slab before."""
    for number, logits in enumerate(slab):
        known = logits if last is None else torch.cat([last[number], logits])
        yield interpolate(known[rows].to(taps[0].weight.dtype), taps).half()


def _argmax(logits: Iterable[Tensor], classes: int) -> Tensor:
    """Return the number of the largest, of equal ones the first.

    One class at a time: torch's own argmax needs all at once, makes 8 bytes per voxel, and is slow in float16 on a CPU.
    """
    best: Tensor | None = None
    for number, values in enumerate(logits):
        if best is None:
            best = values.clone()
            labels = torch.zeros(best.shape, dtype=torch.uint8 if classes <= 256 else torch.int16, device=best.device)
            continue
        labels.masked_fill_(values > best, number)
        torch.maximum(best, values, out=best)
    return labels


def _window_logits(
    network: Callable[[Tensor], Tensor],
    rows: Tensor,
    patch: Triple,
    places: list[tuple[int, int]],
    windows: Windows,
) -> Iterator[tuple[int, int, Tensor]]:
    """Yield the position and the logits of each window in a slab of the image (1, z, y, x)."""
    _, height, width = patch
    for first in range(0, len(places), windows.batch_size):
        group = places[first : first + windows.batch_size]
        patches = torch.stack([rows[:, :, y : y + height, x : x + width] for y, x in group]).to(windows.device)
        with torch.autocast(windows.device.type, enabled=windows.device.type == "cuda"):
            logits = network(patches)
        if windows.probabilities:
            logits = torch.softmax(logits.float(), dim=1)
        yield from ((y, x, values) for (y, x), values in zip(group, logits, strict=True))


def _add(logits: Tensor, weights: Tensor, sums: Tensor) -> None:
    """Add weighted logits to sums in their type, in place.

    A CPU, which has no arithmetic for float16, takes class by class what fits into its caches: a third of the time.
    """
    if sums.device.type != "cpu":
        sums += logits.mul_(weights)
        return
    for total, values in zip(sums, logits, strict=True):
        total.copy_(total.float().add_(values * weights))


def _padded(image: Tensor, patch: Triple) -> tuple[Tensor, list[slice]]:
    """Return an image (1, z, y, x), with zeros around it if it is smaller than a patch, and where it lies therein."""
    missing = [max(wanted - size, 0) for wanted, size in zip(patch, image.shape, strict=True)]
    inner = [slice(n // 2, n // 2 + size) for n, size in zip(missing, image.shape, strict=True)]
    both_sides = [side for n in reversed(missing) for side in (n // 2, n - n // 2)]
    return torch.nn.functional.pad(image[None], both_sides), inner


def _inner_rows(slab: Tensor, start: int, inner: list[slice]) -> Iterator[Tensor]:
    """Yield the part of a slab that lies in the image and not in its padding."""
    inside_z, inside_y, inside_x = inner
    low, high = max(inside_z.start - start, 0), min(inside_z.stop - start, slab.shape[1])
    if low < high:
        kept = slab[:, low:high, inside_y, inside_x]
        if not torch.isfinite(kept.sum(dtype=torch.float32)):  # float16 cannot make it overflow
            raise ScanError("prediction_failed", "the network's output is not finite")
        yield kept


def _forget(sums: Tensor, weights: Tensor, done: int) -> None:
    """Move unfinished rows to the front, and empty the rest."""
    kept = weights.shape[0] - done
    if kept:
        sums[:, :kept] = sums[:, done:].clone()
        weights[:kept] = weights[done:].clone()
    sums[:, kept:] = 0
    weights[kept:] = 0
