"""The two methods that compute labels on the grid of a scan from a CT and a model set.

`ThroughImage` is the method of TotalSegmentator: the CT is resampled once, all parts of the set use the same image, and
the merged labels are resampled to the grid of the scan by nearest neighbors. `ThroughLogits` is the method of nnU-Net:
each part normalizes the CT and resamples it to the spacing of its plans, and its logits are interpolated linearly to
the grid of the scan before the argmax. The method of nnU-Net is more accurate at outlines but requires more
computation.

Arrays are (z, y, x), as in nnU-Net, whereas arrays of a `Volume` are (x, y, z). `prepare` runs on the CPU while
`predict` runs on the device.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape, determine_do_sep_z_and_axis
from numpy.typing import NDArray
from torch import Tensor

from ctpop.imaging.images import Volume
from ctpop.models.model_set import Resampling
from ctpop.stages.segment.nnunet.network import Network
from ctpop.stages.segment.nnunet.resampling import (
    Taps,
    by_edges,
    linear_taps,
    nearest_taps,
    resample_hu,
    resample_hu_cubic,
)
from ctpop.stages.segment.nnunet.sliding_window import Windows, argmax_between, logits_by_rows

Box = tuple[slice, slice, slice]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Image:
    """A CT for all parts of a set: attenuation (z, y, x), and its new shape if it must be resampled."""

    hu: Tensor
    new_shape: Shape | None


@dataclass(frozen=True)
class ThroughImage:
    """The method of TotalSegmentator, with cubic splines (up to version 2.15) or linear interpolation."""

    resampling: Resampling
    networks: tuple[Network, ...]

    def prepare(self, ct: Volume) -> Image:
        """Return the image for the device."""
        hu, spacing = _zyx(ct)
        edge = self.resampling.spacing_mm
        if all(mm == edge for mm in spacing):
            return Image(_tensor(hu), None)
        shape = _shape([max(1, round(n * (mm / edge))) for n, mm in zip(hu.shape, spacing, strict=True)])
        if self.resampling.order == 1:
            return Image(_tensor(hu), shape)
        return Image(torch.from_numpy(resample_hu_cubic(hu, shape)), None)

    @torch.inference_mode()
    def predict(self, image: Image, windows: Windows) -> Tensor:
        """Return the merged labels on the grid of the model, on the CPU."""
        hu = image.hu.to(windows.sums_on, non_blocking=True)  # pinned by `prepare`
        hu = hu.to(torch.float32) if image.new_shape is None else resample_hu(hu, image.new_shape)
        box = nonzero_box(hu)
        cropped = hu[box]
        merged: Tensor | None = None
        for network in self.networks:
            turned = network.intensity.normalize(cropped.permute(network.turn))
            rows = logits_by_rows(network.module, network.heads, network.patch, turned, windows)
            labels = argmax_between(rows, None).permute(_back(network.turn))
            merged = merge(merged, network.number_in_set(labels))
        assert merged is not None
        return placed(merged, box, _shape(hu.shape)).cpu()


@dataclass(frozen=True)
class PartImage:
    """A CT for one part, normalized and resampled, and its box in the scan, in the axis order of the network."""

    normalized: Tensor
    box: Box
    shape: Shape
    taps: tuple[Taps, Taps, Taps] | None


@dataclass(frozen=True)
class ThroughLogits:
    """The method of nnU-Net, whose functions resample the image according to any plans."""

    networks: tuple[Network, ...]

    def prepare(self, ct: Volume) -> list[PartImage]:
        """Return the image of each part, on the CPU."""
        hu, spacing = _zyx(ct)
        return [_part_image(network, hu, spacing) for network in self.networks]

    @torch.inference_mode()
    def predict(self, images: list[PartImage], windows: Windows) -> Tensor:
        """Return the merged labels on the grid of the scan, on the CPU."""
        merged: Tensor | None = None
        for network, image in zip(self.networks, images, strict=True):
            normalized = image.normalized.to(windows.sums_on)
            rows = logits_by_rows(network.module, network.heads, network.patch, normalized, windows)
            labels = placed(argmax_between(rows, image.taps), image.box, image.shape)
            merged = merge(merged, network.number_in_set(labels.permute(_back(network.turn))))
        assert merged is not None
        return merged.cpu()


def merge(merged: Tensor | None, labels: Tensor) -> Tensor:
    """Merge labels of parts; labels of a later part overwrite those of earlier parts."""
    return labels if merged is None else torch.where(labels != 0, labels, merged)


def nonzero_box(image: Tensor) -> Box:
    """Return the smallest box around nonzero voxels, to which nnU-Net crops; the whole image if all voxels are 0."""
    found = image != 0
    spans = []
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        hits = found.any(dim=others[1]).any(dim=others[0]).nonzero()
        spans.append(slice(int(hits[0]), int(hits[-1]) + 1) if len(hits) else slice(0, image.shape[axis]))
    return spans[0], spans[1], spans[2]


def placed(labels: Tensor, box: Box, shape: Shape) -> Tensor:
    """Return labels of a box in the volume from which it was cropped."""
    if labels.shape == shape:
        return labels
    whole = torch.zeros(shape, dtype=labels.dtype, device=labels.device)
    whole[box] = labels
    return whole


def logit_taps(sizes: Shape, new_sizes: Shape, spacings: tuple[Any, Any], settings: dict[str, Any]) -> tuple[Taps, ...]:
    """Return the taps that resample logits to the grid of the scan, as `resample_data_or_seg` of nnU-Net does.

    If the spacing is anisotropic (above a threshold of 3 in nnU-Net), the coarse axis uses the nearest neighbor.
    """
    separate, coarse = determine_do_sep_z_and_axis(settings.get("force_separate_z"), *spacings)
    taps = []
    for axis, (size, new_size) in enumerate(zip(sizes, new_sizes, strict=True)):
        make = nearest_taps if separate and axis == coarse else linear_taps
        taps.append(make(by_edges(size, new_size), size))
    return tuple(taps)


def _part_image(network: Network, hu: NDArray[Any], spacing: list[float]) -> PartImage:
    turned = torch.from_numpy(np.ascontiguousarray(hu.transpose(network.turn), np.float32))
    mm = [spacing[axis] for axis in network.turn]
    box = nonzero_box(turned)
    normalized = network.intensity.normalize(turned[box]).numpy()
    shape = normalized.shape
    new_shape = _shape(compute_new_shape(shape, mm, network.spacing_mm))
    resampled = network.resample_image(normalized[None], new_shape, mm, network.spacing_mm)[0]
    taps = None
    if new_shape != shape:
        to_scan = (list(network.spacing_mm), mm)
        first, second, third = logit_taps(new_shape, _shape(shape), to_scan, network.resample_logits)
        taps = (first, second, third)
    return PartImage(torch.from_numpy(resampled), box, _shape(turned.shape), taps)


def _zyx(ct: Volume) -> tuple[NDArray[Any], list[float]]:
    """Return the voxels and the spacing (mm) of a CT, with the precision of a NIfTI header that nnU-Net uses."""
    return ct.data.transpose(2, 1, 0), [float(np.float32(edge)) for edge in ct.grid.spacing_mm[::-1]]


def _tensor(hu: NDArray[Any]) -> Tensor:
    """Return attenuation as a tensor, with int16 and uint8 unchanged and other types as float32."""
    small = hu.dtype in (np.int16, np.uint8)
    tensor = torch.from_numpy(np.ascontiguousarray(hu, hu.dtype if small else np.float32))
    return tensor.pin_memory() if torch.cuda.is_available() else tensor


def _back(turn: Shape) -> Shape:
    return _shape(np.argsort(turn))


def _shape(sizes: Any) -> Shape:
    first, second, third = (int(size) for size in sizes)
    return first, second, third
