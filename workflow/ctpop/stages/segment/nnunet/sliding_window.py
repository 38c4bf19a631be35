"""The sliding window of nnU-Net with streaming, which releases rows of logits when no later window overlaps them.

nnU-Net stores the logits of all classes for the whole volume (3 GB for 25 classes at 1.5 mm, 15 GB for 118), copies
them to the CPU, and computes the argmax there. Windows are in ascending order along the first axis, so at most one
patch of rows is incomplete at a time. Complete rows are divided by their weights, passed on, and removed from memory.
The order of additions per voxel, the float16 sums, and the float16 division are those of nnU-Net, so the results are
bitwise identical.

nnU-Net v1 averaged probabilities in float32 instead, as the model sets of the original study do.
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
    """Settings of windows: their positions, the device that computes them, and the device that sums their logits.

    `step_size` is a proportion of the patch. Sums are stored on the device or, if its memory is insufficient, on the
    CPU. With `probabilities`, windows are averaged after the softmax and in float32, as in nnU-Net v1.
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
    """Yield the mean logits (class, row, y, x; float16) of a normalized image (z, y, x) slab by slab, in order.

    Probabilities (float32) replace logits if `windows.probabilities` is set. The image is on the device on which logits
    are summed. If the network is on a different device, each window is copied. The caller can change a slab, which is
    valid until the next slab is requested.

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
    """Return the class with the largest logit on the grid of the logits or, with taps, after interpolation.

    For equal logits, the first class is selected, as in nnU-Net. Interpolated logits are first rounded to float16, as
    in nnU-Net. The last row of a slab is kept for the rows between this slab and the next.
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
    """Yield the logits at the taps class by class; `rows` are counted from the row kept from the previous slab."""
    for number, logits in enumerate(slab):
        known = logits if last is None else torch.cat([last[number], logits])
        yield interpolate(known[rows].to(taps[0].weight.dtype), taps).half()


def _argmax(logits: Iterable[Tensor], classes: int) -> Tensor:
    """Return the number of the largest logit, or the first of equal logits.

    Classes are processed one at a time, because the argmax of torch requires all classes, uses 8 bytes per voxel, and
    is slow in float16 on a CPU.
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
    """Add weighted logits to sums of the same data type, in place.

    A CPU has no float16 arithmetic. Processing class by class fits into its caches and requires one third of the time.
    """
    if sums.device.type != "cpu":
        sums += logits.mul_(weights)
        return
    for total, values in zip(sums, logits, strict=True):
        total.copy_(total.float().add_(values * weights))


def _padded(image: Tensor, patch: Triple) -> tuple[Tensor, list[slice]]:
    """Return an image (1, z, y, x), padded with zeros if it is smaller than a patch, and its position in the result."""
    missing = [max(wanted - size, 0) for wanted, size in zip(patch, image.shape, strict=True)]
    inner = [slice(n // 2, n // 2 + size) for n, size in zip(missing, image.shape, strict=True)]
    both_sides = [side for n in reversed(missing) for side in (n // 2, n - n // 2)]
    return torch.nn.functional.pad(image[None], both_sides), inner


def _inner_rows(slab: Tensor, start: int, inner: list[slice]) -> Iterator[Tensor]:
    """Yield the part of a slab that is in the image instead of its padding."""
    inside_z, inside_y, inside_x = inner
    low, high = max(inside_z.start - start, 0), min(inside_z.stop - start, slab.shape[1])
    if low < high:
        kept = slab[:, low:high, inside_y, inside_x]
        if not torch.isfinite(kept.sum(dtype=torch.float32)):  # sums of float16 values do not overflow in float32
            raise ScanError("prediction_failed", "the output of the network is not finite")
        yield kept


def _forget(sums: Tensor, weights: Tensor, done: int) -> None:
    """Move incomplete rows to the front, and set the other rows to zero."""
    kept = weights.shape[0] - done
    if kept:
        sums[:, :kept] = sums[:, done:].clone()
        weights[:kept] = weights[done:].clone()
    sums[:, kept:] = 0
    weights[kept:] = 0
