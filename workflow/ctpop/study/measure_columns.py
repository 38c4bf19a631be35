"""The columns of a user's table of measures: which are measures, and those that look like one and are none.

A column map gives names of this package by those of the table; a `*` on both sides stands for the name of a structure.
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
    """Return the names of this package for a column: as the map says, by name first and then by pattern.

    Parameters
    ----------
    column : str
        Column of the table.
    columns : mapping of str to tuple of str
        Names of this package by column of the table, or by a pattern with a `*`.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    tuple of str
        Names of this package; the column itself if the map does not have it.

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
    """Return the columns of measures whose structure is not in the label set and resembles none of it.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table, under the names of this package.
    mapped : mapping of str to tuple of str
        Column map of the settings; columns to which it gives their own name are not returned.
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
        if structure and not measure_names.misspelt([structure], names)
    ]


def refuse_unrecognised(columns: Iterable[str], mapped: Columns, names: Sequence[str], place: Path) -> None:
    """Refuse a column that looks like a measure of a structure and is none that this package has.

    A column that the map gives its own name (`liver_score: liver_score`) is a column of the patients.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table, under the names of this package.
    mapped : mapping of str to tuple of str
        Column map of the settings.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If there is such a column, with a line of the configuration that resolves it.

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
    stating = f"if that is meant, state {column_names.mapping_line(once, 'measure')}; " if once else ""
    bare = measure_names.spelled_alone(odd, names)
    if bare and not is_long:
        volumes, means = (
            column_names.mapping_line({column: f"{name}_{end}" for column, name in bare.items()}, "measure")
            for end in ("volume_ml", "hu_mean")
        )
        stating = f"{stating}if volumes (ml) are meant, state {volumes}; if mean attenuations (HU), state {means}; "
    every = {column: column for column in odd[:SHOWN]}
    keeping = f"; to keep {'it' if len(odd) == 1 else 'them'} as data of the patients, state"
    keeping = "" if is_long else f"{keeping} {column_names.mapping_line(every, 'measure')}"
    raise ContractError(
        f"{place}: not recognised, although the name looks like that of a measure: column {', '.join(odd[:SHOWN])};"
        f" {stating}to leave {'it' if len(odd) == 1 else 'them'} out, state"
        f" {column_names.mapping_line(dict.fromkeys(every, ()), 'measure')}{keeping}"
    )


def refuse_without_keys(table: pd.DataFrame, place: Path) -> None:
    """Refuse rows with values and without the scan or structure that they belong to, which would be set aside.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table under the names of this package; the index is the line in the file minus 2.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If there are such rows.

    Examples
    --------
    >>> refuse_without_keys(pd.DataFrame({"scan_id": ["s1"], "liver_hu_mean": ["61.5"]}), Path("a.csv"))

    """
    for name in (name for name in KEY if name in table.columns):
        rows = table.index[table[name].isna()]
        if len(rows):
            raise ContractError(
                f"{place}: line {line_of(rows[0])}: column {name} must be filled in in each row, found nothing in"
                f" {len(rows)} rows; fill in the cells (of cells that were merged, the first one alone has the value),"
                " or delete rows that are none of a scan"
            )


def refuse_repeated(table: pd.DataFrame, place: Path) -> None:
    """Refuse rows of a table of measures that have the same key.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Long or wide table under the names of this package; the index is the line in the file minus 2.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If two rows are of one scan, or of one scan and structure in a long table.

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
            f"{place}: scan_id and structure must identify one row, found repeated in {len(repeated)} rows, first"
            f" {' '.join(map(str, first[keys].iloc[0]))!r} in line {lines}; remove or rename the repeated rows"
        )


def refuse_targets(ours: Mapping[str, tuple[str, ...]], names: Sequence[str], place: Path) -> None:
    """Refuse a column map that gives a column a name that looks like that of a measure and is none.

    Parameters
    ----------
    ours : mapping of str to tuple of str
        Names of this package by column of the table.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If there is such a name, with the likeliest one.

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
        meant = f"{column_names.mapping_line({column: close}, 'measure')} is probably meant" if close else "correct it"
        raise ContractError(
            f"{place}: measure.columns gives column {column} the name {name}, which is not the name of a structure of"
            f" the label set and of a measure, as liver_volume_ml; {meant}"
        )


def refuse_structures_elsewhere(of_patients: pd.DataFrame, names: Sequence[str], place: Path) -> None:
    """Refuse a long table whose column of structures has another name.

    Parameters
    ----------
    of_patients : pandas.DataFrame of str
        Columns of the table that are no measures.
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
                f"{place}: column {column} contains structures, so that the table is long; state"
                f" {column_names.mapping_line({column: 'structure'}, 'measure')}"
            )


def measured_columns(columns: Iterable[str], names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return structure and measure of each column of a wide table that holds one, such as `liver_hu_mean`.

    Parameters
    ----------
    columns : iterable of str
        Columns of the table, under the names of this package.
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
    """Return the first pattern of a column map that a column fits, or nothing.

    Parameters
    ----------
    column : str
        Column of the table.
    columns : mapping of str to tuple of str
        Names of this package by column of the table, or by a pattern with a `*`.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    str
        The pattern; empty if there is none.

    Examples
    --------
    >>> pattern_of("vol_liver", {"vol_*": ("*_volume_ml",)}, ["liver"])
    'vol_*'

    """
    fitting = (theirs for theirs in columns if STAR in theirs and middle(column, theirs) in names)
    return "" if column in columns else next(fitting, "")


def middle(column: str, pattern: str) -> str:
    """Return what stands in a column for the star of a pattern, or nothing if the rest differs.

    Parameters
    ----------
    column : str
        Column of the table.
    pattern : str
        Name with a `*`.

    Returns
    -------
    str
        The part of the name; empty if it does not fit.

    Examples
    --------
    >>> middle("vol_liver", "vol_*"), middle("liver", "vol_*")
    ('liver', '')

    """
    head, _, tail = pattern.partition(STAR)
    fits = column.startswith(head) and column.endswith(tail) and len(column) > len(head) + len(tail)
    return column[len(head) : len(column) - len(tail)] if fits else ""


def first_words(words: Sequence[str]) -> str:
    """Return the first words of many, for messages.

    Parameters
    ----------
    words : sequence of str
        Words.

    Returns
    -------
    str
        At most eight of them, and how many more there are.

    Examples
    --------
    >>> first_words(list("abcdefghij"))
    'a, b, c, d, e, f, g, h and 2 more'

    """
    shown = ", ".join(words[:SHOWN])
    return shown + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")


def _structure_of(column: str, mapped: Columns) -> str:
    """Return what a column of a measure has in place of a structure; nothing if it is not of that form."""
    ends = [column.removesuffix(f"_{measure}") for measure in MEASURED if column.endswith(f"_{measure}")]
    middles = [middle(column, theirs) for theirs in mapped if STAR in theirs and theirs != STAR]
    return next((structure for structure in (*ends, *middles) if structure), "")
