"""Safe loading of nnU-Net v2 checkpoints. In contrast to nnU-Net, code in a checkpoint is not executed."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray

from ctpop.foundation.errors import ContractError, in_one_line

KEYS = ("network_weights", "init_args", "trainer_name")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load the contents of an nnU-Net v2 checkpoint on the CPU.

    Raises
    ------
    ContractError
        If the file is rejected, or an entry of nnU-Net is missing.

    """
    checkpoint = load_safely(path)
    held = set(checkpoint) if isinstance(checkpoint, dict) else set()
    absent = [key for key in KEYS if key not in held]
    if absent:
        raise ContractError(f"{path} is not an nnU-Net v2 checkpoint: {', '.join(absent)} missing")
    contents: dict[str, Any] = checkpoint
    return contents


def load_safely(path: Path) -> Any:
    """Load a file of torch on the CPU.

    In addition to tensors, official checkpoints contain pickled NumPy scalars (in their log) and the name of a device.
    Only the types required for these are permitted, under the module names of NumPy 1 and 2.

    Raises
    ------
    ContractError
        If the file contains any other type.

    """
    try:
        with torch.serialization.safe_globals(_numpy_types()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  torch raises many types of errors, and the file is rejected for any
        raise ContractError(f"{path} is not a safe checkpoint: {in_one_line(error)}") from None


def _numpy_types() -> list[Any]:
    types: list[Any] = [np.dtype, np.ndarray]
    for module in ("numpy._core.multiarray", "numpy.core.multiarray"):
        types += [(multiarray.scalar, f"{module}.scalar"), (multiarray._reconstruct, f"{module}._reconstruct")]
    return types + [kind for name, kind in vars(np.dtypes).items() if name.endswith("DType") and isinstance(kind, type)]
