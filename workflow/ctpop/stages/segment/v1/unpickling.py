"""Reading of nnU-Net v1 pickle files with an unpickler restricted to numbers, text, containers, and NumPy arrays.

A pickle file is a program that can call any function of any module. The files of nnU-Net v1 require only the names
listed below. Any other name is rejected before its module is imported.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from ctpop.foundation.errors import ContractError, in_one_line


def _bytes_of(text: str, encoding: str) -> bytes:
    """Return bytes that protocol 2 stores as text, without the other encodings that `codecs.encode` would import."""
    if encoding not in {"latin1", "latin-1"}:
        raise pickle.UnpicklingError(f"encoding {encoding!r} is not permitted")
    return text.encode("latin-1")


ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _bytes_of,
    **{
        (f"numpy.{folder}.multiarray", name): getattr(multiarray, name)
        for folder in ("core", "_core")  # names in NumPy 1 and NumPy 2
        for name in ("_reconstruct", "scalar")
    },
    **{
        (f"numpy.{folder}.numeric", "_frombuffer"): vars(numeric)["_frombuffer"]  # in protocol 5
        for folder in ("core", "_core")
    },
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (set, frozenset, slice, complex, bytearray)
    },
}


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler for plain containers, numbers, text, and NumPy arrays."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the object of a permitted name, or raise an error without importing the module."""
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it contains {module}.{name}, which nnU-Net v1 models do not require")
        return ADMITTED[module, name]


def read_pickle(path: Path) -> Any:
    """Read a pickle file of nnU-Net v1.

    Raises
    ------
    ContractError
        If the file is not a pickle file or contains a name that is not permitted.

    """
    try:
        with path.open("rb") as file:
            return RestrictedUnpickler(file).load()
    except Exception as error:  # noqa: BLE001  an invalid or crafted pickle file can raise any error
        raise ContractError(f"{path} is not a safe pickle file: {in_one_line(error)}") from None
