"""Names of structures in files, in other spellings than the label set has: upper case, spaces, the side in front."""

import re
from collections.abc import Iterable

from ctpop.foundation.errors import ScanError
from ctpop.study.label_sets import LabelSet


def names_in_set(names: Iterable[str], label_set: LabelSet) -> dict[str, str]:
    """Return the name in the label set, or of a part of a structure of it, by each name in a file or folder.

    Names are the same if they have the same words in any case and order, as `Left Kidney` and `kidney_left`. A name
    that no structure has stays as it is.

    Parameters
    ----------
    names : iterable of str
        Names as a file or folder has them.
    label_set : LabelSet
        Structures of the study.

    Returns
    -------
    dict of str to str
        Name in the label set by each name.

    Raises
    ------
    ScanError
        `unknown_labels` if two names are spellings of one structure.

    Examples
    --------
    >>> import pandas as pd
    >>> label_set = LabelSet("demo", pd.DataFrame({"structure": ["liver", "kidney_left"], "label": [1, 2]}))
    >>> names_in_set(["LIVER", "Left Kidney", "tumour"], label_set)
    {'LIVER': 'liver', 'Left Kidney': 'kidney_left', 'tumour': 'tumour'}

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
            raise ScanError("unknown_labels", f"{first[ours]!r} and {name!r} are two spellings of {ours}: keep one")
        first[ours] = name
    return found


def remark_on(names: dict[str, str]) -> str | None:
    """Return a remark on names that were read in another spelling, or None if there are none.

    Parameters
    ----------
    names : dict of str to str
        Name in the label set by each name in a file, as `names_in_set` returns it.

    Returns
    -------
    str or None
        The remark.

    Examples
    --------
    >>> remark_on({"LIVER": "liver", "spleen": "spleen"})
    '1 names are read in the spelling of the label set, such as LIVER as liver'

    """
    other = [(name, ours) for name, ours in names.items() if name != ours]
    if not other:
        return None
    name, ours = other[0]
    return f"{len(other)} names are read in the spelling of the label set, such as {name} as {ours}"


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"[^\W_]+", name.lower())))


def _one_of(candidates: set[str], name: str) -> str:
    """Return the candidate that is a spelling of a name: the name itself, the one in other case, or the only one."""
    if name in candidates or not candidates:
        return name
    in_case = [candidate for candidate in sorted(candidates) if candidate.lower() == name.lower()] or sorted(candidates)
    return in_case[0] if len(in_case) == 1 else name
