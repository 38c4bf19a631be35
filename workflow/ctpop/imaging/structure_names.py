"""Matching of structure names in files with different spelling, such as uppercase, spaces, or a leading side."""

import re
from collections.abc import Iterable

from ctpop.foundation.errors import ScanError
from ctpop.study.label_sets import LabelSet


def names_in_set(names: Iterable[str], label_set: LabelSet) -> dict[str, str]:
    """Return the matching name in the label set for each name in a file or folder.

    Names match if they contain the same words in any case and order, such as `Left Kidney` and `kidney_left`. Names of
    parts of structures (`LabelSet.parts`) are also matched. Names without a match are returned unchanged.

    Parameters
    ----------
    names : iterable of str
        Names in a file or folder.
    label_set : LabelSet
        Structures of the study.

    Returns
    -------
    dict of str to str
        Name in the label set, by name in the file or folder.

    Raises
    ------
    ScanError
        `unknown_labels` if two names match the same structure.

    Examples
    --------
    >>> import pandas as pd
    >>> label_set = LabelSet("demo", pd.DataFrame({"structure": ["liver", "kidney_left"], "label": [1, 2]}))
    >>> names_in_set(["LIVER", "Left Kidney", "tumor"], label_set)
    {'LIVER': 'liver', 'Left Kidney': 'kidney_left', 'tumor': 'tumor'}

    """
    given = list(names)
    every = [*label_set.names, *(part for parts in label_set.parts.values() for part in parts)]
    known: dict[tuple[str, ...], set[str]] = {}
    for name in every:
        known.setdefault(_words(name), set()).add(name)
    found = {name: _one_of(known.get(_words(name), set()), name) for name in given}
    first: dict[str, str] = {}
    for name, ours in found.items():
        if ours in first:
            raise ScanError("unknown_labels", f"{first[ours]!r} and {name!r} are two spellings of {ours}; keep one")
        first[ours] = name
    return found


def remark_on(names: dict[str, str]) -> str | None:
    """Return a remark about names whose spelling differs from the label set.

    Parameters
    ----------
    names : dict of str to str
        Name in the label set, by name in a file, as returned by `names_in_set`.

    Returns
    -------
    str or None
        The remark; None if all names are spelled as in the label set.

    Examples
    --------
    >>> remark_on({"LIVER": "liver", "spleen": "spleen"})
    'names changed to the spelling of the label set: 1, such as LIVER to liver'

    """
    other = [(name, ours) for name, ours in names.items() if name != ours]
    if not other:
        return None
    name, ours = other[0]
    return f"names changed to the spelling of the label set: {len(other)}, such as {name} to {ours}"


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"[^\W_]+", name.lower())))


def _one_of(candidates: set[str], name: str) -> str:
    """Return the matching candidate: the same name, the name in a different case, or the only candidate."""
    if name in candidates or not candidates:
        return name
    in_case = [candidate for candidate in sorted(candidates) if candidate.lower() == name.lower()] or sorted(candidates)
    return in_case[0] if len(in_case) == 1 else name
