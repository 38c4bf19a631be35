"""Models and scans of realistic size, without the public weights and without patient data.

Speed and memory depend on the architecture of a model and not on its weights. The weights are therefore random. The
networks are 3D U-Nets with the published architecture of TotalSegmentator, and the files have the names in the shipped
model sets. The scans are phantoms of the demo (`demo/phantom.py`) with CT noise on a grid of realistic size.
"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from isal import igzip
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "demo"), str(ROOT / "tests")]

from ctpop.models import set_file  # noqa: E402
from phantom import SPACING_MM as PHANTOM_MM  # noqa: E402
from phantom import make_phantom, random_person  # noqa: E402
from support.tiny_model import CONFIGURATION, architecture, dataset, network_of, plans_before_2_4, save_json  # noqa: E402

SIZES = {  # SOURCE: Wasserthal et al. 2023, table of run times; tiny was added for tests
    "tiny": (160, 160, 96),
    "small": (512, 512, 280),
    "medium": (512, 512, 458),
    "large": (512, 512, 824),
}
SPACING_MM = (0.78, 0.78, 1.0)  # not reported in the paper; corresponds to a field of view of 40 cm and 1-mm slices
NOISE_HU = 20.0
LOWEST_HU = -1024
AIR_HU = -1000
TISSUE_HU = 20
SETS = {"1.5": "total_117_1.5mm", "3": "total_117_3mm"}
PATCHES = {"1.5": (128, 128, 128), "3": (112, 112, 128)}  # SOURCE: plans of TotalSegmentator
STAGES = 6
SMALLEST_EDGE = 4  # smallest edge of a feature map, at which the nnU-Net planner stops pooling
BACKGROUND_BIAS = 3.0  # the five parts together label about one-tenth of the voxels, as real models do
PEERS_TRAINER = "nnUNetTrainer"


@dataclass(frozen=True)
class Architecture:
    """A PlainConvUNet: channels of the first stage (doubled in each stage), their limit, and convolutions per stage."""

    first: int
    most: int
    convolutions: int


ARCHITECTURES = {
    "real": Architecture(32, 320, 2),
    # "thin" has the patches and classes of the real model, with a computing cost that is feasible on a CPU.
    "thin": Architecture(4, 8, 1),
}


def write_models(weights: Path, spacing: str, kind: Architecture, trainer: str | None = None) -> Path:
    """Write model folders with random weights for the shipped set of a spacing ("1.5" or "3"), and return `weights`.

    If `trainer` is given, the checkpoints contain this trainer name instead of that of the public weights.
    """
    described = plans_of(spacing, kind)
    for number, part in enumerate(set_file.read(set_file.locate({"model": SETS[spacing]}))["parts"]):
        folder = weights / part["folder"]
        labels = {name: label for label, name in enumerate(part["structures"], start=1)}
        save_json(folder, "plans.json", described)
        save_json(folder, "dataset.json", dataset(labels={"background": 0, **labels}))
        (folder / "fold_0").mkdir(exist_ok=True)
        content = checkpoint_of(described, len(labels), number) | {"trainer_name": trainer or part["trainer"]}
        torch.save(content, folder / "fold_0" / part["checkpoint"])
    return weights


def plans_of(spacing: str, kind: Architecture) -> dict[str, Any]:
    """Return plans in the format of nnU-Net before 2.4, which the public weights use."""
    return plans_before_2_4(
        (kind.first,) * STAGES,
        unet_max_num_features=kind.most,
        n_conv_per_stage_encoder=[kind.convolutions] * STAGES,
        n_conv_per_stage_decoder=[kind.convolutions] * (STAGES - 1),
        pool_op_kernel_sizes=strides_of(PATCHES[spacing]),
        patch_size=list(PATCHES[spacing]),
        spacing=[float(spacing)] * 3,
    )


def strides_of(patch: tuple[int, ...]) -> list[list[int]]:
    """Return the strides of each stage: an axis is halved as long as it is even and long enough."""
    edges, strides = list(patch), [[1, 1, 1]]
    for _ in range(STAGES - 1):
        strides.append([2 if edge % 2 == 0 and edge // 2 >= SMALLEST_EDGE else 1 for edge in edges])
        edges = [edge // step for edge, step in zip(edges, strides[-1], strict=True)]
    return strides


def checkpoint_of(described: dict[str, Any], classes: int, seed: int) -> dict[str, Any]:
    """Return the contents of an nnU-Net checkpoint with random weights and a momentum for each weight."""
    network = network_of({**architecture(), "arch_kwargs": network_arguments(described)}, classes, seed)
    with torch.no_grad():
        for head in network.decoder.seg_layers:  # centered rows of equal length, so that every class occurs
            head.weight -= head.weight.mean(dim=1, keepdim=True)
            head.weight /= head.weight.norm(dim=1, keepdim=True)
            head.bias[0] += BACKGROUND_BIAS
    momentum = {n: {"momentum_buffer": torch.zeros_like(p)} for n, p in enumerate(network.parameters())}
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": {"state": momentum, "param_groups": []},
        "init_args": {"configuration": CONFIGURATION, "fold": 0},
        "inference_allowed_mirroring_axes": None,
    }


def network_arguments(described: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the network class that nnU-Net derives from plans in the old format."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected old nnU-Net plans")
        return PlansManager(described).get_configuration(CONFIGURATION).network_arch_init_kwargs


def draw_ct(shape: tuple[int, int, int], seed: int = 1) -> NDArray[np.int16]:
    """Return a CT (x, y, z; RAS+) with spacing `SPACING_MM`: the center of a phantom, stretched if it is too short.

    Voxels outside the reconstruction circle have the lowest value, as in the images of most manufacturers.
    """
    random = np.random.default_rng(seed)
    body = make_phantom(random_person(seed)).hu.astype(np.float32)
    across, along, up = _places(shape, body.shape)
    from_x, from_y = _linear(across, body.shape[0]), _linear(along, body.shape[1]).T
    x, y = (np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in shape[:2])
    outside = np.hypot(x[:, None] / shape[0], y[None] / shape[1]) > 0.5
    ct = np.empty(shape, np.int16, order="F")
    for z, place in enumerate(up):
        low = min(int(place), body.shape[2] - 2)
        share = np.float32(place - low)
        slab = (body[:, :, low] * (1 - share) + body[:, :, low + 1] * share) - AIR_HU
        drawn = from_x @ slab @ from_y + AIR_HU + NOISE_HU * random.standard_normal(shape[:2], np.float32)
        drawn[outside] = LOWEST_HU
        ct[:, :, z] = np.clip(np.rint(drawn), LOWEST_HU, None)
    return ct


def draw_labels(shape: tuple[int, int, int], number: int, seed: int = 1) -> NDArray[np.uint8]:
    """Return labels from 1 to `number` for the CT of the same seed: structures of the phantom, divided along z.

    Tissue without a label is an additional structure, so about 15% of a large scan is labeled, similar to real models.
    """
    body = make_phantom(random_person(seed))
    held = np.where((body.labels == 0) & (body.hu > TISSUE_HU), body.labels.max() + 1, body.labels)
    present = np.unique(held[held > 0])
    slices = {label: np.flatnonzero((held == label).any(axis=(0, 1))) for label in present}
    pieces = [
        (label, piece) for label in present for piece in np.array_split(slices[label], -(-number // len(present)))
    ]
    cut = np.zeros(held.shape, np.uint8)
    for name, (label, piece) in enumerate(pieces[:number], start=1):
        cut[:, :, piece] = np.where(held[:, :, piece] == label, name, cut[:, :, piece])
    cut = np.pad(cut, 1)
    across, along, up = (
        np.clip(np.rint(places), -1, n).astype(int) + 1
        for places, n in zip(_places(shape, held.shape), held.shape, strict=True)
    )
    labels = np.empty(shape, np.uint8, order="F")
    for z, place in enumerate(up):
        labels[:, :, z] = cut[np.ix_(across, along, [place])][:, :, 0]
    return labels


def save_ct(path: Path, size: str, seed: int = 1) -> Path:
    """Generate and write a CT of a size; keep an existing file."""
    return path if path.exists() else save(path, draw_ct(SIZES[size], seed))


def save(path: Path, image: NDArray[Any]) -> Path:
    """Write an image (x, y, z; RAS+) in LAS orientation, as most DICOM converters do."""
    x_mm, y_mm, z_mm = SPACING_MM
    stored = nib.Nifti1Image(np.asfortranarray(image[::-1]), np.diag([-x_mm, y_mm, z_mm, 1]))
    with igzip.open(path, "wb", compresslevel=1) as file:
        stored.to_stream(file)
    return path


def _places(shape: tuple[int, ...], held: tuple[int, ...]) -> list[NDArray[np.float64]]:
    """Return the positions of voxels along each axis of the phantom, with equal centers and z scaled to fit."""
    places = [
        (np.arange(n) - (n - 1) / 2) * (mm / PHANTOM_MM) + (edge - 1) / 2
        for n, mm, edge in zip(shape, SPACING_MM, held, strict=True)
    ]
    return [*places[:2], np.linspace(0, held[2] - 1, shape[2]) if places[2][0] < 0 else places[2]]


def _linear(places: NDArray[np.float64], held: int) -> NDArray[np.float32]:
    """Return the matrix of linear interpolation at positions along an axis, with 0 outside the axis."""
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(held)[None])).astype(np.float32)
