"""Reader for a user's table of measures in long or wide format, with or without patient data.

A long table contains one row per scan and structure (`structure`, `volume_ml`, `hu_mean`, …). A wide table contains one
row per scan and one column per structure and measure (`liver_volume_ml`, `liver_hu_mean`). A column map assigns
standard names to the columns of the table. A `*` in both names denotes the name of a structure:
`vol_*: "*_volume_ml"`. An unrecognized column that resembles a measure is an error and is never used as a covariate.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ctpop.contracts.all_tables import MEASURES_TABLE
from ctpop.foundation.alternatives import alternative
from ctpop.foundation.errors import ContractError
from ctpop.study import codings, column_names, identifiers, measure_names
from ctpop.study.confirmed_measures import is_confirmed, refuse_unknown
from ctpop.study.measure_columns import (
    SHOWN,
    STAR,
    Columns,
    first_words,
    measured_columns,
    of_other_structures,
    own_names,
    pattern_of,
    refuse_repeated,
    refuse_structures_elsewhere,
    refuse_targets,
    refuse_unrecognised,
    refuse_without_keys,
)
from ctpop.study.measure_names import KEY, MEASURED, ML_PER_UNIT, OUTCOME
from ctpop.study.registry import read_cells
from ctpop.study.registry_mapping import is_text, without_stated
from ctpop.study.registry_options import Reading
from ctpop.study.sentinels import refuse_sentinels
from ctpop.study.table_cells import line_of

TEXTS = tuple(name for name, column in MEASURES_TABLE.columns.items() if column.dtype == "str")
LARGEST_ML = 500_000.0  # exceeds the volume of a human body


def read(path: Path, reading: Reading, names: Sequence[str], notes: list[str] | None = None) -> pd.DataFrame:
    r"""Read the cells of a table of measures as text and reject numbers that probably denote a missing value.

    Parameters
    ----------
    path : Path
        File of the table (`table_cells.cells_of`).
    reading : Reading
        Settings for reading the table; `columns` can contain patterns.
    names : sequence of str
        Structures of the label set.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame of str
        Cells as returned by `read_words`.

    Raises
    ------
    ContractError
        If the table cannot be read (`read_words`) or contains such numbers (`refuse_numbers_for_none`).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "measures.csv")
    ...     _ = path.write_text("scan_id,liver_hu_mean\ns1,61.5\n")
    ...     read(path, Reading(), ["liver"]).to_dict("records")
    [{'scan_id': 's1', 'liver_hu_mean': '61.5'}]

    """
    table = read_words(path, reading, names, notes)
    refuse_numbers_for_none(table, reading, names, path)
    return table


def refuse_numbers_for_none(table: pd.DataFrame, reading: Reading, names: Sequence[str], place: Path) -> None:
    """Reject numbers that probably denote a missing value in measures that `measure.confirmed` does not list.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Long or wide table with standard column names.
    reading : Reading
        Settings for reading the table.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Raises
    ------
    ContractError
        If the table contains such numbers (`sentinels.refuse_sentinels`).

    Examples
    --------
    >>> table = pd.DataFrame({"scan_id": ["s1", "s2"], "liver_hu_mean": ["61.5", "59.3"]})
    >>> refuse_numbers_for_none(table, Reading(), ["liver"], Path("a.csv"))

    """
    is_long = "structure" in table.columns
    wide = {} if is_long else measured_columns(table.columns, names)
    measures = {name: ("", name) for name in MEASURED if is_long and name in table.columns} | wide
    for column, (structure, measure) in measures.items():
        if measure not in TEXTS and not is_confirmed(structure, measure, reading.confirmed):
            refuse_sentinels(table[column], column, str(place))


def read_words(path: Path, reading: Reading, names: Sequence[str], notes: list[str] | None = None) -> pd.DataFrame:
    r"""Read the cells of a table of measures as text with standard column names.

    In a wide table without `scan_id`, each row is a scan and is named after its position (row00001, row00002, ...).

    Parameters
    ----------
    path : Path
        File of the table (`table_cells.cells_of`).
    reading : Reading
        Settings for reading the table; `columns` can contain patterns.
    names : sequence of str
        Structures of the label set.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame of str
        One row per row of the file; empty cells are missing. Numbers have a decimal point.

    Raises
    ------
    ContractError
        If the file does not exist or cannot be read, the column map does not match the file, an unrecognized column
        resembles a measure, or numbers are ambiguous.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "measures.csv")
    ...     _ = path.write_text("scan_id;liver_hu_mean\ns1;61,5\n")
    ...     read_words(path, Reading(), ["liver"]).to_dict("records")
    [{'scan_id': 's1', 'liver_hu_mean': '61.5'}]

    """
    if not path.is_file():
        raise ContractError(
            f"{path}: the table of measures does not exist; correct the setting study.measures"
            f"{alternative('study.measures', str(path))}"
        )
    refuse_unknown(reading.confirmed, names, path)
    found: list[str] = []
    table = renamed(read_cells(path, reading, found), reading.columns, names, path, found)
    others = of_other_structures(table.columns, reading.columns, names)
    if others:
        found.append(f"columns of structures outside the label set are omitted: {first_words(others)}")
    table = table.drop(columns=others)
    refuse_without_keys(table, path)
    if "scan_id" in table.columns:
        identifiers.refuse_rounded(table["scan_id"], "scan_id", path)
    refuse_unrecognised(table.columns, reading.columns, names, path)
    if "structure" in table.columns:
        table["structure"] = structures_of(table, names, path, found)
    if reading.missing:
        values = [name for name in table.columns if name not in KEY]
        table[values] = table[values].apply(lambda cells: cells.mask(cells.str.lower().isin(reading.missing)))
    numbers = [name for name in table.columns if name not in (*KEY, *TEXTS) and not is_text(name)]
    table, of_numbers = codings.with_numbers(table, numbers, str(path), reading)
    for name in numbers:  # messages contain numbers in this form, so words in the settings can have this form
        table[name] = without_stated(table[name], name, reading)
    found += of_numbers
    table = _with_ids(table, found, path)
    if notes is not None:
        notes += found
    return table


def renamed(
    table: pd.DataFrame, columns: Columns, names: Sequence[str], place: Path, notes: list[str] | None = None
) -> pd.DataFrame:
    """Rename the columns of a table to standard names. Columns without a standard name keep their names.

    Mapped columns and columns that differ from a standard name only in spelling are renamed. An excluded column can be
    specified by its name in the table or by its standard name: `age_years: []` excludes `Age years`, and it excludes
    `Alter` if `Alter: age_years` is also set.

    Parameters
    ----------
    table : pandas.DataFrame
        User's table.
    columns : mapping of str to tuple of str
        Standard names by column of the table, or by a pattern with a `*`.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.
    notes : list of str, optional
        Receives one note per inference.

    Returns
    -------
    pandas.DataFrame
        The same rows.

    Raises
    ------
    ContractError
        If a mapped column does not exist, a pattern matches no column, or two columns would have the same name.

    Examples
    --------
    >>> table = pd.DataFrame({"Case": ["s1"], "vol_liver": [1500.0], "Liver HU mean": [61.0]})
    >>> patterns = {"Case": ("scan_id",), "vol_*": ("*_volume_ml",)}
    >>> list(renamed(table, patterns, ["liver"], Path("a.csv")).columns)
    ['scan_id', 'liver_volume_ml', 'liver_hu_mean']

    """
    ours = {str(column): own_names(str(column), columns, names) for column in table.columns}
    refuse_targets(ours, names, place)
    respelled = _respelled([column for column, found in ours.items() if found == (column,)], ours, names)
    if notes is not None:
        notes += [f"column {theirs} is read as {name}" for theirs, name in respelled.items()]
    pairs = _pairs(ours, respelled)
    exact = {theirs for theirs in columns if STAR not in theirs}
    used = exact.intersection(table.columns) | {pattern_of(str(column), columns, names) for column in table.columns}
    left_out = {theirs for theirs, found in columns.items() if not found and theirs in {name for name, _ in pairs}}
    unused = [theirs for theirs in columns if theirs not in used | left_out]
    if unused:
        raise ContractError(
            f"{place}: no column matches the entries {', '.join(unused)} of measure.columns;"
            f" {_columns_text(table.columns)}; correct or remove the entries"
        )
    pairs = [(name, column) for name, column in pairs if name not in left_out]
    given = [name for name, _ in pairs]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise ContractError(
            f"{place}: column names must be unique, but several columns would be named {', '.join(twice[:3])}; correct"
            " measure.columns"
        )
    return table[[column for _, column in pairs]].set_axis(given, axis="columns")


def columns_of(path: Path, reading: Reading, names: Sequence[str]) -> dict[str, str]:
    r"""Return the columns of a table of measures by their standard names.

    Parameters
    ----------
    path : Path
        File of the table.
    reading : Reading
        Settings for reading the table.
    names : sequence of str
        Structures of the label set.

    Returns
    -------
    dict of str to str
        Column of the file by standard name.

    Raises
    ------
    ContractError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "measures.csv")
    ...     _ = path.write_text("scan_id,Liver Volume (ml)\ns1,1500\n")
    ...     columns_of(path, Reading(), ["liver"])
    {'scan_id': 'scan_id', 'liver_volume_ml': 'Liver Volume (ml)'}

    """
    ours = {column: own_names(column, reading.columns, names) for column in map(str, read_cells(path, reading).columns)}
    unmapped = [column for column, found in ours.items() if found == (column,)]
    return dict(_pairs(ours, _respelled(unmapped, ours, names)))


def structures_of(table: pd.DataFrame, names: Sequence[str], place: Path, notes: list[str]) -> pd.Series:
    """Return the structures of a long table with the names of the label set.

    Words that differ from a name only in spelling or in the order of their parts are replaced by the name. Structures
    of other label sets and words that resemble no structure remain unchanged.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Long table with column `structure`.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.
    notes : list of str
        Receives one note per inference.

    Returns
    -------
    pandas.Series of str, shape (rows,)
        Structure of each row.

    Raises
    ------
    ContractError
        If a column contains a measure of a single structure, or if a word resembles a structure but is not in any label
        set.

    Examples
    --------
    >>> table = pd.DataFrame({"structure": ["Liver", "Left kidney", "skin"]})
    >>> structures_of(table, ["liver", "kidney_left"], Path("a.csv"), []).tolist()
    ['liver', 'kidney_left', 'skin']

    """
    wide = list(measured_columns(table.columns, names))
    if wide:
        raise ContractError(
            f"{place}: the table must be in long format (column structure) or wide format (column {wide[0]}), but"
            " contains both columns; exclude one of the columns, for example,"
            f" {column_names.mapping_line({wide[0]: ()}, 'measure')}"
        )
    words = table["structure"].dropna().unique()
    spelled = measure_names.spelled(words, names)
    notes += [f"structure {word} is read as {name}" for word, name in spelled.items()]
    others = [word for word in words if word not in names and word not in spelled]
    misspelled = measure_names.misspelled(others, names)
    if misspelled:
        pairs = ", ".join(f"{word} (probably {name})" for word, name in list(misspelled.items())[:SHOWN])
        line = line_of(table.index[table["structure"].isin(misspelled)][0])
        raise ContractError(f"{place}: line {line}: column structure: no label set contains {pairs}; correct the cells")
    if others:
        notes.append(f"rows of structures outside the label set are omitted: {first_words(others)}")
    return table["structure"].replace(spelled)


def as_long(table: pd.DataFrame, names: Sequence[str], place: Path) -> pd.DataFrame:
    """Convert a table to long format (one row per scan and structure) with volumes in mL.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Long or wide table with standard column names.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Returns
    -------
    pandas.DataFrame
        Columns `scan_id`, `structure`, and the measures as numbers; volumes in `volume_ml` (mL).

    Raises
    ------
    ContractError
        If the table is neither long nor wide, two rows have the same key, a cell is not a number, or a volume is given
        in two units.

    Examples
    --------
    >>> as_long(pd.DataFrame({"scan_id": ["s1"], "liver_volume_mm3": ["1500000"]}), ["liver"], Path("a.csv"))
      scan_id structure  volume_ml
    0      s1     liver     1500.0

    """
    if "structure" in table.columns:
        if set(MEASURED) & set(table.columns):
            refuse_repeated(table, place)
        return in_ml(as_numbers(table, place), place)
    measured = measured_columns(table.columns, names)
    if not measured:
        refuse_structures_elsewhere(table, names, place)
        raise ContractError(
            f"{place}: the table requires a column structure (long format) or columns STRUCTURE_volume_ml or"
            f" STRUCTURE_hu_mean (wide format); {_columns_text(table.columns)}; map the columns, for example,"
            f" {column_names.mapping_line({'vol_*': '*_volume_ml'}, 'measure')}"
        )
    refuse_repeated(table, place)
    by_structure: dict[str, dict[str, str]] = {}
    for column, (structure, measure) in measured.items():
        by_structure.setdefault(structure, {})[column] = measure
    parts = []
    for structure, ours in by_structure.items():
        part = table[["scan_id", *ours]].rename(columns=ours)
        parts.append(in_ml(as_numbers(part, place, structure), place).assign(structure=structure))
    whole = pd.concat(parts, ignore_index=True)
    return whole[["scan_id", "structure", *(name for name in whole.columns if name not in KEY)]]


def as_numbers(table: pd.DataFrame, place: Path, structure: str = "") -> pd.DataFrame:
    """Convert the columns of measures in a table to numbers.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Columns of measures with standard names, and other columns.
    place : Path
        File of the table, for messages.
    structure : str
        Structure of all rows, for messages; empty if the table contains a column of structures.

    Returns
    -------
    pandas.DataFrame
        The same rows; measures as float.

    Raises
    ------
    ContractError
        If a cell is not a number, or a volume is negative or larger than the volume of a human body.

    Examples
    --------
    >>> as_numbers(pd.DataFrame({"scan_id": ["s1"], "hu_mean": ["61.5"]}), Path("a.csv"))["hu_mean"].tolist()
    [61.5]

    """
    found = table.copy()
    for name in (name for name in table.columns if name in MEASURED and name not in TEXTS):
        numbers = pd.to_numeric(table[name], errors="coerce")
        odd = table[name][numbers.isna() & table[name].notna()]
        if len(odd):
            row = odd.index[0]
            column = f"{structure}_{name}" if structure else name
            missing = f'cohort: {{missing: ["{odd.iloc[0]}"]}}'
            remedy = (
                "write numbers without units, all in the unit of the column, and leave the other cells empty"
                if any(sign.isdigit() for sign in odd.iloc[0])
                else f"correct the cells, or declare the word as missing: {missing}"
            )
            raise ContractError(
                f"{place}: line {line_of(row)}: column {column} must be a number or empty (not measured), but is"
                f" {odd.iloc[0]!r} (affected rows: {len(odd)}); {remedy}"
            )
        structures = table.get("structure", pd.Series(structure, index=table.index))
        _refuse_impossible(table[name], numbers, structures, f"{structure}_{name}" if structure else name, place)
        found[name] = numbers.astype("float64")
    return found


def in_ml(table: pd.DataFrame, place: Path) -> pd.DataFrame:
    """Convert the volumes of a long table to mL.

    Parameters
    ----------
    table : pandas.DataFrame
        Long table with volumes in `volume_ml` or in a column of `ML_PER_UNIT`.
    place : Path
        File of the table, for messages.

    Returns
    -------
    pandas.DataFrame
        The same rows with `volume_ml` (mL) instead of the other unit.

    Raises
    ------
    ContractError
        If volumes are given in two units.

    Examples
    --------
    >>> in_ml(pd.DataFrame({"volume_mm3": [1500.0]}), Path("a.csv"))["volume_ml"].tolist()
    [1.5]

    """
    given = [name for name in ("volume_ml", *ML_PER_UNIT) if name in table.columns]
    if len(given) > 1:
        raise ContractError(
            f"{place}: volumes are given in more than one unit ({' and '.join(given)}); exclude one of the columns in"
            " measure.columns"
        )
    if not given or given == ["volume_ml"]:
        return table
    unit = given[0]
    volumes = table[unit] / 1000 if unit == "volume_mm3" else table[unit] * ML_PER_UNIT[unit]
    return table.assign(volume_ml=volumes).drop(columns=unit)


def patients_in(table: pd.DataFrame, names: Sequence[str], place: Path) -> pd.DataFrame:
    """Return one row per scan with the columns of a table (as text) that are not measures.

    Parameters
    ----------
    table : pandas.DataFrame of str
        Table with standard column names.
    names : sequence of str
        Structures of the label set.
    place : Path
        File of the table, for messages.

    Returns
    -------
    pandas.DataFrame of str
        One row per scan.

    Raises
    ------
    ContractError
        If a long table contains no IDs, or if rows of one scan contain different patient data.

    Examples
    --------
    >>> table = pd.DataFrame({"scan_id": ["s1"], "age_years": ["61"], "liver_hu_mean": ["55"]})
    >>> patients_in(table, ["liver"], Path("a.csv")).to_dict("records")
    [{'scan_id': 's1', 'age_years': '61'}]

    """
    if "scan_id" not in table.columns:
        raise ContractError(
            f"{place}: a table in long format requires column scan_id; {_columns_text(table.columns)}; map a column,"
            f" for example, {column_names.mapping_line({_first_column(table): 'scan_id'}, 'measure')}"
        )
    measures = {*MEASURED, "structure", *OUTCOME} if "structure" in table.columns else set()
    measures |= set(measured_columns(table.columns, names))
    of_patients = table[[column for column in table.columns if column not in measures]].drop_duplicates()
    repeated = of_patients[of_patients["scan_id"].duplicated(keep=False)]
    if repeated.empty:
        return of_patients
    refuse_structures_elsewhere(of_patients, names, place)
    first = repeated[repeated["scan_id"].eq(repeated["scan_id"].iloc[0])]
    differing = [column for column in first.columns if len(first[column].drop_duplicates()) > 1]
    n = repeated["scan_id"].nunique()
    raise ContractError(
        f"{place}: all rows of a scan must contain the same patient data, but the rows of {first['scan_id'].iloc[0]!r}"
        f" differ in {', '.join(differing[:3])} (affected scans: {n}); correct the rows, set a separate registry"
        " (study.registry), or exclude columns without patient data, for example,"
        f" {column_names.mapping_line(dict.fromkeys(differing[:SHOWN], ()), 'measure')}"
    )


def _pairs(ours: Mapping[str, tuple[str, ...]], respelled: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return pairs of a standard name and a column of the table."""
    pairs = [(name, column) for column, found in ours.items() for name in found]
    return [(respelled.get(name, name) if name == column else name, column) for name, column in pairs]


def _respelled(columns: Sequence[str], ours: Mapping[str, tuple[str, ...]], names: Sequence[str]) -> dict[str, str]:
    """Map columns to the standard names from which they differ only in spelling."""
    taken = {name for column, found in ours.items() for name in found}
    found = column_names.respelled(columns, [])
    for column in (column for column in columns if column not in found):
        normal = column_names.normalized(column)
        name = normal if normal in MEASURED or normal in KEY else measure_names.as_measure(column, names)
        if name != column:
            found[column] = name
    free = {column: name for column, name in found.items() if name not in taken}
    return {column: name for column, name in free.items() if list(free.values()).count(name) == 1}


def _refuse_impossible(words: pd.Series, numbers: pd.Series, structures: pd.Series, column: str, place: Path) -> None:
    """Reject volumes that are negative or larger than the volume of a human body."""
    unit = next((unit for unit in ("volume_ml", *ML_PER_UNIT) if column.endswith(unit)), "")
    if unit:
        largest = LARGEST_ML / ML_PER_UNIT.get(unit, 1.0)
        beyond = numbers > largest
        share = beyond.where(numbers.notna()).astype("float64").groupby(structures, dropna=False).transform("mean")
        other_unit = np.isfinite(numbers) & (share > 1 / 2)  # `table_units` reports a different unit
        odd = words[numbers.lt(0) | (beyond & ~other_unit)]
        if len(odd):
            raise ContractError(
                f"{place}: line {line_of(odd.index[0])}: column {column} must be between 0 and {largest:.0f}, but is"
                f" {odd.iloc[0]!r} (affected rows: {len(odd)}); correct the cells, or declare the value as missing:"
                f' cohort: {{missing: ["{odd.iloc[0]}"]}}'
            )


def _with_ids(table: pd.DataFrame, notes: list[str], place: Path) -> pd.DataFrame:
    """Name the scans of a wide table after their rows if the table contains no IDs."""
    if "scan_id" in table.columns or "structure" in table.columns:
        return table
    identifiers.refuse_summaries_without_ids(table, place)
    column = next(iter(column_names.candidates("scan_id", table.columns)), None)
    mapping = column_names.mapping_line({str(column): "scan_id"}, "measure")
    remedy = f"; if column {column} contains the IDs, set {mapping}" if column else ""
    notes.append(f"no column scan_id: scans are named after their rows (row00001, row00002, ...){remedy}")
    return table.assign(scan_id=[f"row{number:05d}" for number in range(1, len(table) + 1)])


def _columns_text(columns: Iterable[str]) -> str:
    return f"found {first_words(list(map(str, columns)))}"


def _first_column(table: pd.DataFrame) -> str:
    return next(iter(column_names.candidates("scan_id", map(str, table.columns))), str(table.columns[0]))
