"""What counts for `complete` and `contrast` when both the registry and the headers of the images tell."""

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
    """Return a registry whose `complete` and `contrast` are what counts; `source_conflict` tells where both differ.

    The columns hold true, false or missing; a header column that is absent says nothing.
    """
    frame = registry.copy()
    notes = []
    for name, header in PAIRS.items():
        mine, theirs = frame[name], frame[header]
        frame[name] = _decided(mine, theirs, reading.decides[name])
        differ = (mine != theirs).fillna(False).astype(bool)
        told = name + ": registry " + _words(mine) + ", headers " + _words(theirs) + ", taken as " + _words(frame[name])
        notes.append(told.where(differ))
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
