"""Values of single header elements as text or numbers; damaged elements are treated as missing."""

import math

import pydicom
from pydicom.dataset import Dataset

NUMBERS = {  # element: lowest and highest accepted value
    "KVP": (40.0, 200.0),
    "SliceThickness": (0.05, 50.0),
    "PatientSize": (0.2, 2.6),
    "PatientWeight": (0.5, 500.0),
}


def text_of(dataset: Dataset, name: str) -> str:
    """Return an element as one text without surrounding blanks; an empty text if the element is missing."""
    return "\\".join(texts_of(dataset, name))


def texts_of(dataset: Dataset, name: str) -> list[str]:
    """Return the values of an element as texts."""
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):  # for example, text in a number
        return []
    if value is None or isinstance(value, pydicom.Sequence):
        return []
    values = value if isinstance(value, pydicom.multival.MultiValue) else [value]
    return [str(part).strip(" \0") for part in values]


def numbers_of(dataset: Dataset, name: str, length: int) -> list[float]:
    """Return the values of an element if it contains `length` finite numbers; otherwise an empty list."""
    try:
        values = [float(text) for text in texts_of(dataset, name)]
    except ValueError:
        return []
    return values if len(values) == length and all(map(math.isfinite, values)) else []


def number_of(dataset: Dataset, name: str) -> float | None:
    """Return an element as a number within its accepted range, or None."""
    found = numbers_of(dataset, name, 1)
    low, high = NUMBERS.get(name, (-math.inf, math.inf))
    return found[0] if found and low <= found[0] <= high else None
