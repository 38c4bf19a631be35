"""What a user can do about volumes in another unit, in the words of the table or folder that has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ctpop.study import column_names, measures_table
from ctpop.study.confirmed_measures import VOLUMES
from ctpop.study.measure_columns import STAR, pattern_of
from ctpop.study.registry_options import Reading

SHOWN = 3
ML = ("volume_ml", "volume_cm3", "volume_cc")
# The unit of volumes that are 1000 times as large, or as small, as in the unit that the table names
LARGER = {**dict.fromkeys(ML, "volume_mm3"), "volume_l": "volume_ml"}
SMALLER = {**dict.fromkeys(ML, "volume_l"), "volume_mm3": "volume_ml"}
CONVERT = {True: "divide them by 1000", False: "multiply them by 1000, or by 100 if they are in dl"}


@dataclass(frozen=True)
class TheirVolumes:
    """The volumes of a table of measures, or of a folder of statistics.

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
        """Return what to do if all volumes are in another unit.

        Parameters
        ----------
        large : bool
            Whether the volumes are too large for their unit; else they are too small.

        Returns
        -------
        str
            Imperative sentences without a full stop.

        Examples
        --------
        >>> TheirVolumes(Path("absent.csv"), Reading(), ("liver",)).remedy_of_all(large=True)
        'in the table, divide them by 1000'

        """
        if self.place.is_dir():
            return (
                "the volumes of TotalSegmentator's statistics are mm³; convert those in the files, or make a table of"
                " them and name their unit, as in STRUCTURE_volume_ml"
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
        more = f", and in this way for {len(lines) - SHOWN} further columns" if len(lines) > SHOWN else ""
        return f"state {column_names.mapping_line(first, 'measure')}{more}"

    def remedy_of_one(self, name: str, *, large: bool) -> str:
        """Return what to do if the volumes of one structure are in another unit than those of others.

        Parameters
        ----------
        name : str
            Structure.
        large : bool
            Whether the volumes are too large for their unit; else they are too small.

        Returns
        -------
        str
            Imperative sentences without a full stop.

        Examples
        --------
        >>> TheirVolumes(Path("absent.csv"), Reading(), ("liver",)).remedy_of_one("liver", large=True)
        'in the rows of liver, divide them by 1000, or empty the cells'

        """
        if self.place.is_dir():
            return f"in the files, {CONVERT[large]}, or remove the entries of {name}"
        units, columns = LARGER if large else SMALLER, self._columns()
        unit = next((unit for unit in VOLUMES if f"{name}_{unit}" in columns), "")
        if not unit:
            return f"in the rows of {name}, {CONVERT[large]}, or empty the cells"
        theirs = columns[f"{name}_{unit}"]
        line = column_names.mapping_line({theirs: f"{name}_{units[unit]}"}, "measure") if unit in units else ""
        stating = f"state {line}" if line else CONVERT[large]
        return f"{stating}, or leave them out, as in {column_names.mapping_line({theirs: ()}, 'measure')}"

    def _columns(self) -> dict[str, str]:
        if not self.place.is_file():
            return {}
        return measures_table.columns_of(self.place, self.reading, self.names)

    def _patterns(self, meant: Mapping[str, tuple[str, str]], units: Mapping[str, str]) -> dict[str, str]:
        """Return a pattern for all columns of a wide table, if one pattern fits them; else nothing."""
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
