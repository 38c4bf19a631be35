"""Remedies for volumes in another unit, with the column names of the user's table or folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ctpop.foundation.errors import count
from ctpop.study import column_names, measures_table
from ctpop.study.confirmed_measures import VOLUMES
from ctpop.study.measure_columns import STAR, pattern_of
from ctpop.study.registry_options import Reading

SHOWN = 3
ML = ("volume_ml", "volume_cm3", "volume_cc")
# The actual unit of volumes that are 1000 times too large or too small for the unit in the column name
LARGER = {**dict.fromkeys(ML, "volume_mm3"), "volume_l": "volume_ml"}
SMALLER = {**dict.fromkeys(ML, "volume_l"), "volume_mm3": "volume_ml"}
CONVERT = {True: "divide the volumes by 1000", False: "multiply the volumes by 1000, or by 100 if they are in dL"}


@dataclass(frozen=True)
class TheirVolumes:
    """The volumes of a table of measures or a folder of statistics files.

    Attributes
    ----------
    place : Path
        Table or folder.
    reading : Reading
        Settings for reading the table.
    names : tuple of str
        Structures of the label set.

    """

    place: Path
    reading: Reading
    names: tuple[str, ...]

    def remedy_of_all(self, *, large: bool) -> str:
        """Return the remedy if all volumes are in another unit.

        Parameters
        ----------
        large : bool
            True if the volumes are too large for their unit; False if they are too small.

        Returns
        -------
        str
            Imperative sentences without a period.

        Examples
        --------
        >>> TheirVolumes(Path("absent.csv"), Reading(), ("liver",)).remedy_of_all(large=True)
        'in the table, divide the volumes by 1000'

        """
        if self.place.is_dir():
            return (
                "convert the volumes in the statistics files to mm³, which is the unit of TotalSegmentator, or write a"
                " table with the unit in the column names, such as STRUCTURE_volume_ml"
            )
        units = LARGER if large else SMALLER
        meant = {
            column: (ours, ours.removesuffix(unit) + units[unit])
            for ours, column in self._columns().items()
            for unit in units
            if ours == unit or ours.endswith(f"_{unit}")
        }
        if not meant:
            return f"in the table, {CONVERT[large]}"
        lines = self._patterns(meant, units) or {column: new for column, (_, new) in meant.items()}
        first = dict(list(lines.items())[:SHOWN])
        more = f", and add {count(len(lines) - SHOWN, 'more column')} in the same way" if len(lines) > SHOWN else ""
        return f"set {column_names.mapping_line(first, 'measure')}{more}"

    def remedy_of_one(self, name: str, *, large: bool) -> str:
        """Return the remedy if the volumes of a structure are in a different unit from those of other structures.

        Parameters
        ----------
        name : str
            Structure.
        large : bool
            True if the volumes are too large for their unit; False if they are too small.

        Returns
        -------
        str
            Imperative sentences without a period.

        Examples
        --------
        >>> TheirVolumes(Path("absent.csv"), Reading(), ("liver",)).remedy_of_one("liver", large=True)
        'in the rows of liver, divide the volumes by 1000, or empty the cells'

        """
        if self.place.is_dir():
            return f"in the files, {CONVERT[large]}, or remove the entries of {name}"
        units, columns = LARGER if large else SMALLER, self._columns()
        unit = next((unit for unit in VOLUMES if f"{name}_{unit}" in columns), "")
        if not unit:
            return f"in the rows of {name}, {CONVERT[large]}, or empty the cells"
        theirs = columns[f"{name}_{unit}"]
        line = column_names.mapping_line({theirs: f"{name}_{units[unit]}"}, "measure") if unit in units else ""
        stating = f"set {line}" if line else CONVERT[large]
        return f"{stating}, or exclude the column with {column_names.mapping_line({theirs: ()}, 'measure')}"

    def _columns(self) -> dict[str, str]:
        if not self.place.is_file():
            return {}
        return measures_table.columns_of(self.place, self.reading, self.names)

    def _patterns(self, meant: Mapping[str, tuple[str, str]], units: Mapping[str, str]) -> dict[str, str]:
        """Return a pattern for all columns of a wide table; empty if no single pattern applies."""
        given = {column: pattern_of(column, self.reading.columns, self.names) for column in meant}
        theirs = {
            given[column] or (f"{STAR}_{unit}" if column == ours else "")
            for column, (ours, _) in meant.items()
            for unit in units
            if ours.endswith(f"_{unit}")
        }
        ends = {next(unit for unit in VOLUMES if new.endswith(unit)) for _, new in meant.values()}
        if len(theirs) != 1 or len(ends) != 1 or not all(theirs):
            return {}
        return {theirs.pop(): f"{STAR}_{ends.pop()}"}
