"""Classification of the columns of a user's table of measures, including columns that only resemble a measure.

A column map assigns standard names to the columns of the table. A `*` in both names denotes the name of a structure.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names, measure_names
from ctpop.study.measure_names import KEY, MEASURED, OUTCOME
from ctpop.study.table_cells import line_of

STAR = "*"
SHOWN = 8

Columns = Mapping[str, tuple[str, ...]]


def own_names(column: str, columns: Columns, names: Sequence[str]) -> tuple[str, ...]:
    """Return the standard names of a column according to the column map. Exact names have priority over patterns.

    Parameters
    ----------
    column : str
        Column of the table.
    columns : mapping of str to tuple of str
        Standard names by column of the table, or by a pattern with a `*`.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    tuple of str
        Standard names; the column itself if it is not mapped.

    Examples
    --------
    >>> own_names("vol_liver", {"vol_*": ("*_volume_ml",)}, ["liver"])
    ('liver_volume_ml',)

    """
    if column in columns:
        return columns[column]
    pattern = pattern_of(column, columns, names)
    if not pattern:
        return (column,)
    return tuple(name.replace(STAR, middle(column, pattern)) for name in columns[pattern])


def of_other_structures(columns: Iterable[str], mapped: Columns, names: Sequence[str]) -> list[str]:
    """Return the columns with measures of structures that are not in the label set and resemble none of its names.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table with standard names.
    mapped : mapping of str to tuple of str
        Column map of the settings. Columns that are mapped to themselves are not returned.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    list of str
        Columns such as `skin_volume_ml`.

    Examples
    --------
    >>> of_other_structures(["scan_id", "skin_volume_ml", "livr_volume_ml"], {}, ["liver"])
    ['skin_volume_ml']

    """
    stated = {column for column, found in mapped.items() if found == (column,)}
    known = {*stated, *MEASURED, *KEY, *column_names.KNOWN, *measured_columns(columns, names)}
    structures = {column: _structure_of(column, mapped) for column in columns if column not in known}
    return [
        column
        for column, structure in structures.items()
        if structure and not measure_names.misspelled([structure], names)
    ]


def refuse_unrecognised(columns: Iterable[str], mapped: Columns, names: Sequence[str], place: Path) -> None:
    """Reject columns that resemble a measure of a structure but are not recognized as a measure.

    A column that is mapped to itself (`liver_score: liver_score`) contains patient data and is accepted.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table with standard names.
    mapped : mapping of str to tuple of str
        Column map of the settings.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the table contains such a column. The message contains the line of the study file that resolves the error.

    Examples
    --------
    >>> refuse_unrecognised(["scan_id", "liver_volume_ml", "clinic"], {}, ["liver"], Path("a.csv"))

    """
    stated = {name for found in mapped.values() for name in found}
    known = {*measured_columns(columns, names), *column_names.KNOWN, *MEASURED, *KEY, *OUTCOME, *stated}
    odd = [column for column in columns if column not in known and measure_names.looks_like_measure(column, names)]
    if not odd:
        return
    is_long = "structure" in columns
    meant = {
        name: measure_names.of_long_table(name) if is_long else measure_names.likeliest(name, names) for name in odd
    }
    suggested = {column: name for column, name in meant.items() if name}
    taken = {*measured_columns(columns, names), *(name for name in MEASURED if name in columns)}
    suggested = {column: name for column, name in suggested.items() if name not in taken}
    once = {column: name for column, name in suggested.items() if list(suggested.values()).count(name) == 1}
    stating = f"to use the suggested measure, set {column_names.mapping_line(once, 'measure')}; " if once else ""
    bare = measure_names.spelled_alone(odd, names)
    if bare and not is_long:
        volumes, means = (
            column_names.mapping_line({column: f"{name}_{end}" for column, name in bare.items()}, "measure")
            for end in ("volume_ml", "hu_mean")
        )
        stating = f"{stating}for volumes (mL), set {volumes}; for mean attenuations (HU), set {means}; "
    every = {column: column for column in odd[:SHOWN]}
    one = len(odd) == 1
    resembling = "is not recognized" if one else "are not recognized"
    resembling += (
        " although its name resembles that of a measure" if one else " although their names resemble those of measures"
    )
    noun = "column" if one else "columns"
    keeping = f"; to keep the {noun} as patient data, set {column_names.mapping_line(every, 'measure')}"
    raise ContractError(
        f"{place}: {noun} {', '.join(odd[:SHOWN])} {resembling}; {stating}to exclude the {noun}, set"
        f" {column_names.mapping_line(dict.fromkeys(every, ()), 'measure')}{'' if is_long else keeping}"
    )


def refuse_without_keys(table: pd.DataFrame, place: Path) -> None:
    """Reject rows without a scan or structure, whose values would otherwise be omitted.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table with standard column names. The index is the line number in the file minus 2.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the table contains such rows.

    Examples
    --------
    >>> refuse_without_keys(pd.DataFrame({"scan_id": ["s1"], "liver_hu_mean": ["61.5"]}), Path("a.csv"))

    """
    for name in (name for name in KEY if name in table.columns):
        rows = table.index[table[name].isna()]
        if len(rows):
            raise ContractError(
                f"{place}: line {line_of(rows[0])}: column {name} must not be empty (affected rows: {len(rows)}); fill"
                " in the cells (only the first of several merged cells contains the value), or delete rows that do not"
                " belong to a scan"
            )


def refuse_repeated(table: pd.DataFrame, place: Path) -> None:
    """Reject rows of a table of measures that have the same key.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Long or wide table with standard column names. The index is the line number in the file minus 2.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If two rows of a wide table have the same scan, or two rows of a long table the same scan and structure.

    Examples
    --------
    >>> refuse_repeated(pd.DataFrame({"scan_id": ["s1", "s2"]}), Path("a.csv"))

    """
    keys = [name for name in KEY if name in table.columns]
    repeated = table[table.duplicated(keys, keep=False)] if keys else table[:0]
    if len(repeated):
        first = repeated[repeated[keys].eq(repeated[keys].iloc[0]).all(axis=1)]
        lines = ", ".join(str(line_of(row)) for row in first.index[:SHOWN])
        raise ContractError(
            f"{place}: lines {lines}: {' and '.join(keys)} must identify one row, but these lines contain"
            f" {' '.join(map(str, first[keys].iloc[0]))!r} (affected rows: {len(repeated)}); remove or rename the"
            " repeated rows"
        )


def refuse_targets(ours: Mapping[str, tuple[str, ...]], names: Sequence[str], place: Path) -> None:
    """Reject a column map with a name that resembles a measure but is not a measure.

    Parameters
    ----------
    ours : mapping of str to tuple of str
        Standard names by column of the table.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the map contains such a name. The message suggests the most likely measure.

    Examples
    --------
    >>> refuse_targets({"v": ("liver_volume_ml",), "w": ("bmi",)}, ["liver"], Path("a.csv"))

    """
    known = {*MEASURED, *KEY, *OUTCOME, *column_names.KNOWN}
    for column, name in ((column, name) for column, found in ours.items() for name in found):
        if name in known or name == column or measured_columns([name], names):
            continue
        structure = next((name.removesuffix(f"_{end}") for end in MEASURED if name.endswith(f"_{end}")), "")
        if structure in measure_names.shipped_structures() or not measure_names.looks_like_measure(name, names):
            continue
        close = measure_names.closest(name, names)
        line = column_names.mapping_line({column: close}, "measure") if close else ""
        remedy = f"did you mean {line}?" if close else "correct the name"
        raise ContractError(
            f"{place}: measure.columns maps column {column} to {name}, which does not consist of a structure of the"
            f" label set and a measure (for example, liver_volume_ml); {remedy}"
        )


def refuse_structures_elsewhere(of_patients: pd.DataFrame, names: Sequence[str], place: Path) -> None:
    """Reject a long table whose column of structures has a nonstandard name.

    Parameters
    ----------
    of_patients : pandas.DataFrame of str
        Columns of the table that are not measures.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If all words of a column are structures.

    Examples
    --------
    >>> refuse_structures_elsewhere(pd.DataFrame({"clinic": ["A"]}), ["liver"], Path("a.csv"))

    """
    for column in of_patients.columns:
        words = set(of_patients[column].dropna())
        if words and words <= {*names, *measure_names.shipped_structures(), *measure_names.spelled(words, names)}:
            raise ContractError(
                f"{place}: column {column} contains names of structures, so the table is in long format; set"
                f" {column_names.mapping_line({column: 'structure'}, 'measure')}"
            )


def measured_columns(columns: Iterable[str], names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the structure and measure of each column of measures in a wide table, such as `liver_hu_mean`.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table with standard names.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    dict of str to tuple of (str, str)
        Structure and measure by column.

    Examples
    --------
    >>> measured_columns(["scan_id", "liver_hu_mean"], ["liver"])
    {'liver_hu_mean': ('liver', 'hu_mean')}

    """
    known = set(names)
    return {
        column: (column.removesuffix(f"_{measure}"), measure)
        for column in columns
        for measure in MEASURED
        if column.endswith(f"_{measure}") and column.removesuffix(f"_{measure}") in known
    }


def pattern_of(column: str, columns: Columns, names: Sequence[str]) -> str:
    """Return the first pattern of a column map that matches a column.

    Parameters
    ----------
    column : str
        Column of the table.
    columns : mapping of str to tuple of str
        Standard names by column of the table, or by a pattern with a `*`.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    str
        Pattern; empty if no pattern matches or if the map contains the exact name.

    Examples
    --------
    >>> pattern_of("vol_liver", {"vol_*": ("*_volume_ml",)}, ["liver"])
    'vol_*'

    """
    fitting = (theirs for theirs in columns if STAR in theirs and middle(column, theirs) in names)
    return "" if column in columns else next(fitting, "")


def middle(column: str, pattern: str) -> str:
    """Return the part of a column name that matches the `*` of a pattern.

    Parameters
    ----------
    column : str
        Column of the table.
    pattern : str
        Name with a `*`.

    Returns
    -------
    str
        Part of the name; empty if the name does not match the pattern.

    Examples
    --------
    >>> middle("vol_liver", "vol_*"), middle("liver", "vol_*")
    ('liver', '')

    """
    head, _, tail = pattern.partition(STAR)
    fits = column.startswith(head) and column.endswith(tail) and len(column) > len(head) + len(tail)
    return column[len(head) : len(column) - len(tail)] if fits else ""


def first_words(words: Sequence[str]) -> str:
    """Return the first words of a list as text for messages.

    Parameters
    ----------
    words : sequence of str
        Words.

    Returns
    -------
    str
        At most eight words and the number of remaining words.

    Examples
    --------
    >>> first_words(list("abcdefghij"))
    'a, b, c, d, e, f, g, h and 2 more'

    """
    shown = ", ".join(words[:SHOWN])
    return shown + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")


def _structure_of(column: str, mapped: Columns) -> str:
    """Return the part of a column name in the position of a structure; empty if the name contains no measure."""
    ends = [column.removesuffix(f"_{measure}") for measure in MEASURED if column.endswith(f"_{measure}")]
    middles = [middle(column, theirs) for theirs in mapped if STAR in theirs and theirs != STAR]
    return next((structure for structure in (*ends, *middles) if structure), "")
