"""Transfer of all tensors of a v1 checkpoint to the network that nnU-Net v2 builds from the converted plans."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch import Tensor

from ctpop.foundation.errors import ContractError
from ctpop.stages.segment.nnunet.checkpoint import load_safely
from ctpop.stages.segment.v1.description import V1Description
from ctpop.stages.segment.v1.keys import MADE_UP, v1_kernel, v2_key
from ctpop.stages.segment.v1.translation import TRAINER

PARALLEL = "module."  # prefix of all names from DistributedDataParallel


@dataclass(frozen=True)
class TensorRow:
    """The conversion of a tensor; `v1` is None for a tensor that is absent in v1."""

    v1: str | None
    v2: str
    shape: tuple[int, ...]
    change: str


def read_weights(path: Path) -> dict[str, Tensor]:
    """Load the tensors of a v1 checkpoint without executing code in the file.

    Raises
    ------
    ContractError
        If the file is rejected or does not contain weights in float32.

    """
    found = load_safely(path)
    held = found.get("state_dict") if isinstance(found, dict) else None
    if not isinstance(held, dict) or not held:
        raise ContractError(f"{path} is not a checkpoint of nnU-Net v1: state_dict missing")
    weights = {str(key).removeprefix(PARALLEL): tensor for key, tensor in held.items()}
    odd = [key for key, tensor in weights.items() if not isinstance(tensor, Tensor) or tensor.dtype != torch.float32]
    if odd or len(weights) < len(held):
        raise ContractError(
            f"{path}: state_dict must contain float32 tensors with unique names, found {', '.join(odd[:3])}"
        )
    return weights


def converted(
    weights: dict[str, Tensor], v1_model: V1Description, architecture: dict[str, Any], path: Path
) -> tuple[dict[str, Tensor], list[TensorRow]]:
    """Return the weights of the v2 network, and a row for each tensor of v1 and v2.

    A tensor is copied unchanged or, if v2 requires the same size for two kernels of v1, padded with zeros.

    Raises
    ------
    ContractError
        If a tensor is not used, a tensor is missing, or shapes do not agree.

    """
    network = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        v1_model.plans["num_modalities"],
        v1_model.plans["num_classes"] + 1,
        deep_supervision=True,
    )
    wanted = dict(network.named_parameters())  # state_dict lists most tensors three times
    convolutions = architecture["arch_kwargs"]["n_conv_per_stage"][-1]
    named = {key: v2_key(key, convolutions) for key in weights}
    _refuse_left_over(
        [key for key, target in named.items() if target not in wanted], "tensors absent in nnU-Net v2:", path
    )
    missing = set(wanted) - set(named.values())
    _refuse_left_over(
        sorted(key for key in missing if not MADE_UP.fullmatch(key)), "tensors absent in nnU-Net v1:", path
    )
    _check_kernels(weights, v1_model.stage["conv_kernel_sizes"], path)
    rows = [_placed(key, weights[key], str(target), wanted[str(target)], path) for key, target in named.items()]
    rows += list(_zeros(sorted(missing), wanted))
    return network.state_dict(), rows


def checkpoint_bytes(weights: dict[str, Tensor], configuration: str, fold: int | str, mirrors: bool) -> bytes:
    """Return the bytes of checkpoint_final.pth without an optimizer, which `weights_only` of torch can load."""
    content = {
        "network_weights": weights,
        "optimizer_state": None,
        "grad_scaler_state": None,
        "logging": {},
        "_best_ema": None,
        "current_epoch": 0,
        "init_args": {"configuration": configuration, "fold": fold},
        "trainer_name": TRAINER,
        "inference_allowed_mirroring_axes": (0, 1, 2) if mirrors else None,
    }
    buffer = BytesIO()  # the archive of a file contains its temporary name, which differs between runs
    torch.save(content, buffer)
    return buffer.getvalue()


def _check_kernels(weights: dict[str, Tensor], kernels: list[list[int]], path: Path) -> None:
    for key, tensor in weights.items():
        wanted = v1_kernel(key, kernels)
        if wanted and list(tensor.shape[2:]) != wanted:
            raise ContractError(
                f"{path}: {key} has kernel {_by(tensor.shape[2:])}, but the plans specify {_by(wanted)}"
            )


@torch.no_grad()
def _placed(key: str, tensor: Tensor, target: str, place: Tensor, path: Path) -> TensorRow:
    sizes = tuple(tensor.shape)
    if sizes == tuple(place.shape):
        place.copy_(tensor)
        return TensorRow(key, target, sizes, "copied")
    enlarged = len(sizes) == place.ndim and sizes[:2] == tuple(place.shape[:2]) and ".convs." in target
    if not enlarged:
        raise ContractError(f"{path}: {key} has shape {_by(sizes)}, but {target} in the plans has {_by(place.shape)}")
    place.zero_()
    margins = [(wanted - size) // 2 for size, wanted in zip(sizes[2:], place.shape[2:], strict=True)]
    inner = tuple(slice(margin, margin + size) for margin, size in zip(margins, sizes[2:], strict=True))
    place[(slice(None), slice(None), *inner)] = tensor
    return TensorRow(key, target, sizes, f"kernel {_by(sizes[2:])} padded with zeros to {_by(place.shape[2:])}")


@torch.no_grad()
def _zeros(keys: list[str], wanted: dict[str, Any]) -> Iterator[TensorRow]:
    for key in keys:
        wanted[key].zero_()
        yield TensorRow(None, key, tuple(wanted[key].shape), "zeros (bias absent in v1)")


def _refuse_left_over(keys: list[str], words: str, path: Path) -> None:
    if keys:
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        raise ContractError(f"{path}: {words} {', '.join(keys[:3])}{more}; the plans do not match the checkpoint")


def _by(sizes: Any) -> str:
    return "x".join(str(int(size)) for size in sizes)
