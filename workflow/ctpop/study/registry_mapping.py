"""From the columns and words of somebody's table to those of our registry."""

import string
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study.registry_options import Reading


def mapped(cells: pd.DataFrame, reading: Reading, path: Path) -> pd.DataFrame:
    """Return cells of text (missing where empty) with our columns and words; further columns stay as they are.

    Raises
    ------
    ContractError
        If a column that is to be mapped does not exist, two columns would have one name, or a pattern of paths names
        no column.

    """
    frame = renamed(cells, reading, path)
    for name in frame.columns:
        if reading.missing or name in reading.values:
            frame[name] = translated(frame[name], name, reading)
    for name, pattern in reading.paths.items():
        frame[name] = with_paths(frame, name, pattern, path)
    return frame


def renamed(cells: pd.DataFrame, reading: Reading, path: Path) -> pd.DataFrame:
    """Return cells under our names; one column can give several of ours."""
    absent = [column for column in reading.columns if column not in cells.columns]
    if absent:
        found = ", ".join(cells.columns)
        raise ContractError(f"{path}: cohort.columns names {', '.join(absent)}, which the file lacks; found {found}")
    pairs = [(name, column) for column in cells.columns for name in reading.names(column)]
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        columns = ", ".join(column for name, column in pairs if name in repeated)
        raise ContractError(
            f"{path}: each column has one name of its own, found {', '.join(repeated)} for {columns};"
            " change cohort.columns"
        )
    return cells[[column for _, column in pairs]].set_axis(names, axis="columns")


def translated(cells: pd.Series, name: str, reading: Reading) -> pd.Series:
    """Return a column of ours in our words."""
    words = {word: reading.word(name, word) or pd.NA for word in cells.dropna().unique()}
    return cells.map(words).astype("str")  # else a column that says nothing became numbers


def with_paths(frame: pd.DataFrame, name: str, pattern: str, path: Path) -> pd.Series:
    """Return a column of paths: what stands there, else the pattern filled in; missing where part of it is missing."""
    parts = [(text, column) for text, column, _, _ in string.Formatter().parse(pattern)]
    absent = [column for _, column in parts if column is not None and column not in frame.columns]
    if absent:
        found = ", ".join(frame.columns)
        raise ContractError(f"{path}: cohort.paths.{name} names column {', '.join(absent)}, found {found}")
    filled = pd.Series("", index=frame.index, dtype="string")
    for text, column in parts:
        filled += text
        filled += frame[column].astype("string") if column is not None else ""
    own = frame[name].astype("string") if name in frame.columns else pd.Series(pd.NA, frame.index, dtype="string")
    return own.fillna(filled)
