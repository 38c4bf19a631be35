"""Selection of the values of `complete` and `contrast` if both the registry and the image headers contain them."""

import pandas as pd

from ctpop.study.registry_options import Reading

PAIRS = {"complete": "complete_header", "contrast": "contrast_header"}
RULES = {  # values of the settings cohort.complete_from and cohort.contrast_from
    "registry": "only the registry",
    "headers": "only the headers",
    "registry_first": "the registry, or the headers if the value is missing from the registry",
    "headers_first": "the headers, or the registry if the value is missing from the headers",
    "agreed": "both sources; a contradiction results in a missing value",
}


def decided(registry: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Return a registry with the selected values of `complete` and `contrast`.

    The column `source_conflict` describes differences between the registry and the headers. A header column that
    contains only missing values has no effect.

    Parameters
    ----------
    registry : pandas.DataFrame
        One row per scan, with the columns `complete`, `contrast`, `complete_header`, and `contrast_header` (true,
        false, or missing).
    reading : Reading
        Settings for reading the registry; `decides` specifies the source of each column.

    Returns
    -------
    pandas.DataFrame
        Copy of the registry with the column `source_conflict` (text, missing if the sources do not differ).

    Examples
    --------
    >>> values = {"complete": [True], "complete_header": [True], "contrast": [True], "contrast_header": [False]}
    >>> found = decided(pd.DataFrame(values, dtype="boolean"), Reading())
    >>> found["contrast"].tolist(), found["source_conflict"].tolist()
    ([True], ['contrast: registry true, headers false, selected true'])

    """
    frame = registry.copy()
    notes = []
    for name, header in PAIRS.items():
        mine, theirs = frame[name], frame[header]
        frame[name] = _decided(mine, theirs, reading.decides[name])
        differ = (mine != theirs).fillna(False).astype(bool)
        text = name + ": registry " + _words(mine) + ", headers " + _words(theirs) + ", selected " + _words(frame[name])
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
