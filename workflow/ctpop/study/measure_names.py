"""Recognition of structures and measures in users' tables, including spelling variants and similar names."""

import difflib
import functools
import re
from collections.abc import Iterable, Sequence

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.study import column_names
from ctpop.study.configuration import LABEL_SETS, label_rows

KEY = ("scan_id", "structure")
OUTCOME = ("status", "detail")  # columns that only tables written by ctpop contain
ML_PER_UNIT = {"volume_mm3": 0.001, "volume_cm3": 1.0, "volume_cc": 1.0, "volume_l": 1000.0}
MEASURED = (*(name for name in MEASURES_TABLE.columns if name not in (*KEY, *OUTCOME)), *ML_PER_UNIT)
CLOSE = 0.8  # minimum similarity of two names; the names differ in a few letters
# Words that occur in the column names of measures but not of covariates.
UNITS = ("ml", "mm3", "cm3", "cc", "hu", "hounsfield")
QUANTITIES = ("volume", "vol", "volumen", "attenuation", "density", "intensity")
SQUEEZED = re.compile(f"(?:mean|median)?(?:{'|'.join((*QUANTITIES, 'hu'))})(?:mean|sd|median|{'|'.join(UNITS)})?")
UNIT_OF_VOLUME = {"ml": "volume_ml", "mm3": "volume_mm3", "cm3": "volume_cm3", "cc": "volume_cc", "l": "volume_l"}
SIDES = {"l": "left", "lt": "left", "r": "right", "rt": "right"}
VOLUMES = ("volume", "vol", "volumen")
ATTENUATIONS = ("hu", "attenuation", "density", "intensity", "hounsfield")
STATISTICS = {
    **dict.fromkeys(("mean", "avg", "average"), "hu_mean"),
    **dict.fromkeys(("median", "p50"), "hu_p50"),
    **dict.fromkeys(("sd", "std", "stdev"), "hu_sd"),
    **{"min": "hu_min", "minimum": "hu_min", "max": "hu_max", "maximum": "hu_max"},
    **{f"p{number}": f"hu_p{number}" for number in ("05", "25", "75", "95")},
}


def spelled(words: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Map words to the structures from whose names they differ only in spelling or in the order of parts.

    Parameters
    ----------
    words : iterable of str
        Words in a table that name structures.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    dict of str to str
        Structure by word. Exact names of structures and words that match several structures are omitted.

    Examples
    --------
    >>> spelled(["Left kidney", "liver", "skin", "Vertebra L1"], ["kidney_left", "liver", "vertebrae_L1"])
    {'Left kidney': 'kidney_left'}
    >>> spelled(["l_kidney", "Kidney R", "liver_r"], ["kidney_left", "kidney_right", "liver"])
    {'l_kidney': 'kidney_left', 'Kidney R': 'kidney_right'}

    """
    meant: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        meant.setdefault(_parts(name), []).append(name)
    known = set(names)
    found = {word: meant.get(_parts(word), []) for word in words if word not in known}
    return {word: names[0] for word, names in found.items() if len(names) == 1}


def spelled_alone(words: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Map words that consist only of a structure name, in any spelling, to the structure.

    Parameters
    ----------
    words : iterable of str
        Names of columns.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    dict of str to str
        Structure by word.

    Examples
    --------
    >>> spelled_alone(["liver", "Left kidney", "liver_x"], ["kidney_left", "liver"])
    {'liver': 'liver', 'Left kidney': 'kidney_left'}

    """
    words = list(words)
    known = {word: word for word in words if word in names}
    return known | spelled(words, names)


@functools.cache
def shipped_structures() -> frozenset[str]:
    """Return the structures of all label sets that this package contains.

    Returns
    -------
    frozenset of str
        Names of the structures.

    Examples
    --------
    >>> "kidney_cyst_left" in shipped_structures(), "skin" in shipped_structures()
    (True, False)

    """
    return frozenset(row["structure"] for path in LABEL_SETS.glob("*.csv") for row in label_rows(str(path)))


def misspelled(words: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """Return the most similar structure for each word that is not in any label set.

    Parameters
    ----------
    words : iterable of str
        Words in a table that name structures.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    dict of str to str
        Structure by word.

    Examples
    --------
    >>> misspelled(["livr", "vertebrae_S1", "skin"], ["liver", "vertebrae_T1"])
    {'livr': 'liver'}

    """
    others = {*shipped_structures(), *names}
    found = {word: difflib.get_close_matches(word, names, n=1, cutoff=CLOSE) for word in words if word not in others}
    return {word: close[0] for word, close in found.items() if close}


def looks_like_measure(column: str, names: Sequence[str]) -> bool:
    """Return whether a column name contains a unit or word of a measure or begins with the name of a structure.

    Parameters
    ----------
    column : str
        Column of a table.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    bool
        Whether the column probably does not contain patient data.

    Examples
    --------
    >>> [looks_like_measure(name, ["liver"]) for name in ("mean_liver", "LiverHU", "hu_leber", "clinic")]
    [True, True, True, False]

    """
    words = column_names.normalized(column).split("_")
    if words[-1] in UNITS or any(word in (*QUANTITIES, "hu") for word in words):
        return True
    if words[0] in (*UNITS, *STATISTICS) and _structure_at_end(column, names):
        return True
    return _structure_at_begin(column, names) is not None or _squeezed(column, names) is not None


def likeliest(column: str, names: Sequence[str]) -> str | None:
    """Return the standard column of a wide table that is most similar to a column.

    Parameters
    ----------
    column : str
        Column of a table.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    str or None
        Standard column of a wide table; None if no column is similar.

    Examples
    --------
    >>> [likeliest(name, ["liver"]) for name in ("Vol liver (ml)", "hu_liver", "LiverVolume", "livr_volume_ml", "x_hu")]
    ['liver_volume_ml', 'liver_hu_mean', 'liver_volume_ml', 'liver_volume_ml', None]

    """
    normal = column_names.normalized(column)
    within = [name for name in names if f"_{name.lower()}_" in f"_{normal}_"]
    structure = max(within, key=len, default=None)
    if structure and normal == structure.lower():
        return None
    if structure:
        measure = _measure_of(f"_{normal}_".replace(f"_{structure.lower()}_", "_", 1).strip("_"))
        return f"{structure}_{measure}" if measure else None
    found = _squeezed(column, names)
    if found:
        return f"{found[0]}_{_measure_of(found[1])}"
    every = [f"{name}_{measure}" for name in names for measure in ("volume_ml", "volume_mm3", "volume_cm3", "hu_mean")]
    return next(iter(difflib.get_close_matches(normal, every, n=1, cutoff=CLOSE)), None)


def of_long_table(column: str) -> str | None:
    """Return the measure that is similar to a column of a long table.

    Parameters
    ----------
    column : str
        Column of the table.

    Returns
    -------
    str or None
        Measure; None if no measure is similar.

    Examples
    --------
    >>> of_long_table("Volume [ml]"), of_long_table("HU"), of_long_table("clinic")
    ('volume_ml', 'hu_mean', None)

    """
    return _measure_of(column_names.normalized(column))


def closest(name: str, names: Sequence[str]) -> str | None:
    """Return the standard column of a wide table whose name differs from a given name in a few letters.

    Parameters
    ----------
    name : str
        Nonstandard column name.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    str or None
        Standard column of a wide table; None if no column is similar.

    Examples
    --------
    >>> closest("livr_volume_ml", ["liver", "spleen"]), closest("STRUCTURE_volume_ml", ["liver"])
    ('liver_volume_ml', None)

    """
    every = [f"{structure}_{measure}" for structure in names for measure in MEASURED]
    return next(iter(difflib.get_close_matches(name, every, n=1, cutoff=CLOSE)), None)


def as_measure(column: str, names: Sequence[str]) -> str:
    """Return the standard column of a wide table for a spelling variant of its name, or any other name unchanged.

    Parameters
    ----------
    column : str
        Column of a table.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    str
        Standard column, or the unchanged name.

    Examples
    --------
    >>> as_measure("Left Kidney Volume (cm³)", ["kidney_left"]), as_measure("clinic", ["kidney_left"])
    ('kidney_left_volume_cm3', 'clinic')

    """
    normal = column_names.normalized(column)
    for measure in (measure for measure in MEASURED if normal.endswith(f"_{measure}")):
        part = normal.removesuffix(f"_{measure}")
        structure = part if part in names else spelled([part], names).get(part)
        if structure:
            return f"{structure}_{measure}"
    return column


def _parts(name: str) -> tuple[str, ...]:
    """Return the words of a name in alphabetical order, with `l` and `r` at either end replaced by the side."""
    words = column_names.normalized(name).split("_")
    ends = {0, len(words) - 1} if len(words) > 1 else set()
    return tuple(sorted(SIDES.get(word, word) if place in ends else word for place, word in enumerate(words)))


def _measure_of(rest: str) -> str | None:
    """Return the measure in a name from which the structure was removed; None for any other unit or statistic."""
    if rest in MEASURED:
        return rest
    words = set(rest.split("_"))
    if words & set(VOLUMES) or words <= set(UNIT_OF_VOLUME):
        units = words - set(VOLUMES)
        return UNIT_OF_VOLUME.get(units.pop()) if len(units) == 1 else None if units else "volume_ml"
    statistics = words - set(ATTENUATIONS)
    if not statistics:
        return "hu_mean"
    return STATISTICS.get(statistics.pop()) if len(statistics) == 1 else None


def _structure_at_begin(column: str, names: Sequence[str]) -> str | None:
    """Return the longest structure name, in whole words, at the beginning of a column name."""
    normal = column_names.normalized(column)
    found = [name for name in names if normal == name.lower() or normal.startswith(f"{name.lower()}_")]
    return max(found, key=len, default=None)


def _structure_at_end(column: str, names: Sequence[str]) -> str | None:
    normal = column_names.normalized(column)
    return max((name for name in names if normal.endswith(f"_{name.lower()}")), key=len, default=None)


def _squeezed(column: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Return the structure and quantity in a name without a separator between them, such as `LiverVolume`."""
    letters = column_names.normalized(column).replace("_", "")
    for name in sorted(names, key=len, reverse=True):
        short = name.lower().replace("_", "")
        rests = [letters.removeprefix(short), letters.removesuffix(short)]
        rest = next((rest for rest in rests if rest != letters and SQUEEZED.fullmatch(rest)), None)
        if rest:
            return name, "volume" if rest.removeprefix("mean").startswith("vol") else "hu"
    return None
