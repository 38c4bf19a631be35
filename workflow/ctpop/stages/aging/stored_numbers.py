"""Lists of numbers as text in tables of stored models."""

import numpy as np
import pandas as pd

SEPARATOR = ";"


def listed(values: np.ndarray) -> str:
    """Return numbers as text with 17 significant digits, from which the same numbers can be read."""
    return SEPARATOR.join(format(float(value), ".17g") for value in values)


def numbers(text: str | float | None) -> np.ndarray:
    """Return the numbers of a text from `listed`; none if the text is missing.

    In CSV files, an apostrophe precedes a text that begins with a minus sign, so spreadsheets do not read a formula.
    """
    parts = [] if pd.isna(text) else str(text).lstrip("'").split(SEPARATOR)
    return np.array([float(part) for part in parts])
