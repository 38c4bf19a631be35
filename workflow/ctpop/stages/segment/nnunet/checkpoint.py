"""Checkpoints of nnU-Net v2, loaded without running code that they may carry, as nnU-Net's own loading would."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray

from ctpop.foundation.errors import ContractError, in_one_line

KEYS = ("network_weights", "init_args", "trainer_name")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the contents of a checkpoint of nnU-Net v2 on the CPU.

    Raises
    ------
    ContractError
        If the file is refused, or lacks what nnU-Net stores.

    """
    checkpoint = load_safely(path)
    held = set(checkpoint) if isinstance(checkpoint, dict) else set()
    absent = [key for key in KEYS if key not in held]
    if absent:
        raise ContractError(f"{path}: is no nnU-Net v2 checkpoint, it lacks {', '.join(absent)}")
    contents: dict[str, Any] = checkpoint
    return contents


def load_safely(path: Path) -> Any:
    """Return what torch stored in a file, on the CPU.

    Besides tensors, official checkpoints pickle NumPy scalars (their log) and the name of a device; exactly the types
    needed for these are admitted, under the module names of NumPy 1 and 2.

    Raises
    ------
    ContractError
        If the file holds anything else.

    """
    try:
        with torch.serialization.safe_globals(_numpy_types()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  torch raises many kinds, and each means that the file is not trusted
        raise ContractError(f"{path}: refused as a checkpoint: {in_one_line(error)}") from None


def _numpy_types() -> list[Any]:
    types: list[Any] = [np.dtype, np.ndarray]
    for module in ("numpy._core.multiarray", "numpy.core.multiarray"):
        types += [(multiarray.scalar, f"{module}.scalar"), (multiarray._reconstruct, f"{module}._reconstruct")]
    return types + [kind for name, kind in vars(np.dtypes).items() if name.endswith("DType") and isinstance(kind, type)]
