"""Single elements of a header, as texts or numbers; one that is damaged counts as one that is not there."""

import math

import pydicom
from pydicom.dataset import Dataset

NUMBERS = {  # element: lowest and highest value that is taken for one
    "KVP": (40.0, 200.0),
    "SliceThickness": (0.05, 50.0),
    "PatientSize": (0.2, 2.6),
    "PatientWeight": (0.5, 500.0),
}


def text_of(dataset: Dataset, name: str) -> str:
    """Return an element as one text without blanks around it; empty where it is not there."""
    return "\\".join(texts_of(dataset, name))


def texts_of(dataset: Dataset, name: str) -> list[str]:
    """Return the values of an element as texts."""
    try:
        value = dataset.get(name)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):  # text that is no number, and so on
        return []
    if value is None or isinstance(value, pydicom.Sequence):
        return []
    values = value if isinstance(value, pydicom.multival.MultiValue) else [value]
    return [str(part).strip(" \0") for part in values]


def numbers_of(dataset: Dataset, name: str, length: int) -> list[float]:
    """Return the values of an element if there are as many, and all are finite numbers; else none."""
    try:
        values = [float(text) for text in texts_of(dataset, name)]
    except ValueError:
        return []
    return values if len(values) == length and all(map(math.isfinite, values)) else []


def number_of(dataset: Dataset, name: str) -> float | None:
    """Return an element as a number within its range, or nothing."""
    found = numbers_of(dataset, name, 1)
    low, high = NUMBERS.get(name, (-math.inf, math.inf))
    return found[0] if found and low <= found[0] <= high else None
