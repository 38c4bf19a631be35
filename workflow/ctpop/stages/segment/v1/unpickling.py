"""Pickles of nnU-Net v1, read by an unpickler that knows numbers, text, containers and NumPy arrays, and nothing else.

A pickle is a program: it may name any function of any module and have it called. What nnU-Net v1 writes needs the few
names below; any other is refused before it is imported.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from ctpop.foundation.errors import ContractError, in_one_line


def _bytes_of(text: str, encoding: str) -> bytes:
    """Return bytes that protocol 2 stores as text; `codecs.encode` knows many more encodings, and imports them."""
    if encoding not in {"latin1", "latin-1"}:
        raise pickle.UnpicklingError(f"encoding {encoding!r} is not needed")
    return text.encode("latin-1")


ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _bytes_of,
    **{
        (f"numpy.{folder}.multiarray", name): getattr(multiarray, name)
        for folder in ("core", "_core")  # as NumPy 1 and NumPy 2 call it
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
    """Builds plain containers, numbers, text and NumPy arrays."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an admitted name; any other is refused by its name, and its module not imported."""
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which a model of nnU-Net v1 does not need")
        return ADMITTED[module, name]


def read_pickle(path: Path) -> Any:
    """Return what a pickle of nnU-Net v1 holds.

    Raises
    ------
    ContractError
        If it is no pickle, or names anything but what such a file needs; the message says what.

    """
    try:
        with path.open("rb") as file:
            return RestrictedUnpickler(file).load()
    except Exception as error:  # noqa: BLE001  a broken or crafted pickle raises many kinds, and is not trusted
        raise ContractError(f"{path}: refused as a pickle: {in_one_line(error)}") from None
