"""Names of structures and groups of structures in figures and pages.

The columns `name`, `plural`, and `abbreviation` of a label set contain these names. A structure without names in its
label set has the names of the built-in label sets or, if there are none, the words of its identifier with the side
first.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ctpop.study.configuration import GROUPS_FILE, LABEL_SETS, label_rows
from ctpop.study.label_set_check import SIDES

GROUP_NAMES_FILE = GROUPS_FILE.with_name("group_names.csv")


@dataclass(frozen=True)
class DisplayName:
    """The names of one structure.

    Attributes
    ----------
    name : str
        Singular, such as `left kidney`.
    plural : str
        Plural, such as `left kidneys`.
    abbreviation : str
        Short form for figures, such as `L kidney`.

    """

    name: str
    plural: str
    abbreviation: str


def words_of(structure: str) -> str:
    """Return the words of an identifier, with the side first.

    Parameters
    ----------
    structure : str
        Identifier of a structure.

    Returns
    -------
    str
        Words separated by spaces.

    Examples
    --------
    >>> words_of("rib_left_1"), words_of("spleen")
    ('left rib 1', 'spleen')

    """
    parts = structure.split("_")
    side = next(([part] for part in parts if part in SIDES), [])
    return " ".join([*side, *(part for part in parts if part not in SIDES)])


def without_side(words: str) -> str:
    """Return a name without the side at its beginning.

    Parameters
    ----------
    words : str
        Name or plural of a structure.

    Returns
    -------
    str
        The other words.

    Examples
    --------
    >>> without_side("left kidneys"), without_side("aorta")
    ('kidneys', 'aorta')

    """
    first, _, rest = words.partition(" ")
    return rest if rest and first.lower() in SIDES else words


def names_of(rows: Iterable[Mapping[Any, Any]]) -> dict[str, DisplayName]:
    """Return the names in rows of a label set.

    Parameters
    ----------
    rows : iterable of mapping of str to Any
        Cells by column; `name`, `plural`, and `abbreviation` can be missing or empty.

    Returns
    -------
    dict of str to DisplayName
        Names by structure; structures without `name` are omitted. The name replaces an empty plural or abbreviation.

    Examples
    --------
    >>> names_of([{"structure": "nodule_left", "name": "left lung nodule"}])["nodule_left"].abbreviation
    'left lung nodule'

    """
    found = {}
    for row in rows:
        name, plural, abbreviation = (_cell(row, column) for column in ("name", "plural", "abbreviation"))
        if name:
            found[str(row["structure"])] = DisplayName(name, plural or name, abbreviation or name)
    return found


@cache
def shipped_names() -> dict[str, DisplayName]:
    """Return the names of all structures of the built-in label sets and of the groups of structures.

    Returns
    -------
    dict of str to DisplayName
        Names by structure or group.

    Examples
    --------
    >>> shipped_names()["hip_left"].name, shipped_names()["hips"].name
    ('left hip bone', 'hip bones')

    """
    with GROUP_NAMES_FILE.open(newline="", encoding="utf-8") as file:
        groups = [{**row, "structure": row["group"]} for row in csv.DictReader(file)]
    structures = (row for path in sorted(LABEL_SETS.glob("*.csv")) for row in label_rows(str(path)))
    return names_of([*groups, *structures])


def shipped_or_words(structure: str) -> DisplayName:
    """Return the names of a structure or group that has no names in the label set of the study.

    Parameters
    ----------
    structure : str
        Identifier of a structure or group.

    Returns
    -------
    DisplayName
        Names in the built-in label sets, or else the words of the identifier.

    Examples
    --------
    >>> shipped_or_words("clavicula_left").name, shipped_or_words("tumor_left").name
    ('left clavicle', 'left tumor')

    """
    words = words_of(structure)
    return shipped_names().get(structure) or DisplayName(words, words, words)


def _cell(row: Mapping[Any, Any], column: str) -> str:
    cell = row.get(column)
    return cell.strip() if isinstance(cell, str) else ""
