"""The values of `complete` and `contrast` that count when both the registry and the headers of the images have one."""

import pandas as pd

from ctpop.study.registry_options import Reading

PAIRS = {"complete": "complete_header", "contrast": "contrast_header"}
RULES = {  # as cohort.complete_from and cohort.contrast_from say
    "registry": "the registry alone",
    "headers": "the headers alone",
    "registry_first": "the registry, and the headers where it says nothing",
    "headers_first": "the headers, and the registry where they say nothing",
    "agreed": "both; where they differ, nothing is known",
}


def decided(registry: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Return a registry whose `complete` and `contrast` have the values that count.

    `source_conflict` describes where registry and headers differ. A header column that holds only missing values has no
    influence.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with the columns `complete`, `contrast`, `complete_header` and `contrast_header` (true, false
        or missing).
    reading : Reading
        Settings for reading the registry; `decides` states which source counts.

    Returns
    -------
    pandas.DataFrame
        Copy of the registry with the column `source_conflict` (text, missing where the sources do not differ).

    Examples
    --------
    >>> values = {"complete": [True], "complete_header": [True], "contrast": [True], "contrast_header": [False]}
    >>> found = decided(pd.DataFrame(values, dtype="boolean"), Reading())
    >>> found["contrast"].tolist(), found["source_conflict"].tolist()
    ([True], ['contrast: registry true, headers false, taken as true'])

    """
    frame = registry.copy()
    notes = []
    for name, header in PAIRS.items():
        mine, theirs = frame[name], frame[header]
        frame[name] = _decided(mine, theirs, reading.decides[name])
        differ = (mine != theirs).fillna(False).astype(bool)
        text = name + ": registry " + _words(mine) + ", headers " + _words(theirs) + ", taken as " + _words(frame[name])
        notes.append(text.where(differ))
    both = notes[0].str.cat(notes[1], sep="; ")
    return frame.assign(source_conflict=both.fillna(notes[0]).fillna(notes[1]).astype("str"))


def _decided(mine: pd.Series, theirs: pd.Series, rule: str) -> pd.Series:
    if rule in {"registry", "headers"}:
        return mine if rule == "registry" else theirs
    if rule == "agreed":
        differ = (mine != theirs).fillna(False).astype(bool)
        return mine.fillna(theirs).mask(differ)
    return mine.fillna(theirs) if rule == "registry_first" else theirs.fillna(mine)


def _words(values: pd.Series) -> pd.Series:
    return values.map({True: "true", False: "false"}).astype("string").fillna("unknown")
