"""Settings for reading a registry: names of its columns, meanings of its words, and codes for missing values.

This module imports only the standard library because it runs each time Snakemake parses the Snakefile.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FORM = ("separator", "decimal", "encoding", "sheet")
SETTINGS = ("columns", "values", "missing", "paths", *FORM, "complete_from", "contrast_from")


@dataclass(frozen=True)
class Reading:
    """Settings of section `cohort` for reading the registry; the defaults apply to a registry in the standard form.

    Attributes
    ----------
    columns : dict of str to tuple of str
        Column names of the registry by the column name in the file.
    values : dict of str to dict of str to str
        Values of this package by the word in the file (in lower case), for each column of the registry; an empty string
        represents a missing value. Words with the same spelling but different case and different meanings are also
        listed in their original case.
    missing : frozenset of str
        Words (in lower case) that represent a missing value.
    paths : dict of str to str
        Pattern for each column of paths.
    separator : str or None
        Separator of the cells of a text file; None to infer it.
    decimal : str or None
        Decimal mark, `.` or `,`; None to infer it in each column.
    encoding : str or None
        Encoding of a text file; None to infer it.
    sheet : str or None
        Sheet of a spreadsheet; None for the only sheet with content.
    confirmed : frozenset of str
        Measures that are correct although they appear to be in another unit or to be codes for missing values.
    section : str
        Section of the configuration that contains these settings, for messages; empty for a table without settings.
    decides : dict of str to str
        Rule for the source of `complete` and of `contrast` (one of `header_fallback.RULES`).

    Examples
    --------
    >>> Reading().decides
    {'complete': 'registry_first', 'contrast': 'registry_first'}

    """

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    paths: dict[str, str] = field(default_factory=dict)
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    confirmed: frozenset[str] = frozenset()
    section: str = "cohort"
    decides: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("complete", "contrast"), "registry_first"))

    def names(self, column: str) -> tuple[str, ...]:
        """Return the registry names of a column of the file; a column that is not mapped keeps its name.

        Parameters
        ----------
        column : str
            Column of the file.

        Returns
        -------
        tuple of str
            Column names in the registry.

        Examples
        --------
        >>> reading = Reading(columns={"age": ("age_years",)})
        >>> reading.names("age"), reading.names("sex")
        (('age_years',), ('sex',))

        """
        return self.columns.get(column, (column,))

    def remedy(self, setting: str, value: str, stating: str, otherwise: str) -> str:
        """Return the remedy for a table that cannot be read without a setting, for an error message.

        Parameters
        ----------
        setting : str
            Name of the setting.
        value : str
            Example of a value of the setting.
        stating : str
            Imperative phrase for the setting.
        otherwise : str
            Imperative phrase for an alternative change to the file, which is the only remedy for a table without
            settings.

        Returns
        -------
        str
            Imperative sentence without a period.

        Examples
        --------
        >>> Reading(section="measure").remedy("sheet", "CT", "set the sheet of the table", "save the sheet as CSV")
        'set the sheet of the table, for example, measure: {sheet: "CT"}, or save the sheet as CSV'
        >>> WITHOUT_SETTINGS.remedy("sheet", "CT", "set the sheet of the table", "save the sheet as CSV")
        'save the sheet as CSV'

        """
        example = f'{self.section}: {{{setting}: "{value}"}}'
        return f"{stating}, for example, {example}, or {otherwise}" if self.section else otherwise

    def word(self, name: str, text: str) -> str:
        """Return the value of this package for a cell of a registry column; empty if the value is missing.

        Parameters
        ----------
        name : str
            Column of the registry.
        text : str
            Cell of the file, in any case.

        Returns
        -------
        str
            Value of this package, or the cell itself if the settings do not contain it.

        Examples
        --------
        >>> reading = Reading(values={"sex": {"w": "female"}}, missing=frozenset({"unknown"}))
        >>> reading.word("sex", "W"), reading.word("sex", "Unknown"), reading.word("sex", "male")
        ('female', '', 'male')

        """
        lower = text.lower()
        if lower in self.missing:
            return ""
        words = self.values.get(name, {})
        return words.get(text, words.get(lower, text))


AS_OURS = Reading()
WITHOUT_SETTINGS = Reading(section="")  # for QC decisions, label sets, and tables of reference masks


def reading_of(settings: Mapping[str, Any]) -> Reading:
    """Return the settings for reading the registry from the section `cohort` of a configuration.

    Parameters
    ----------
    settings : mapping of str to Any
        Section `cohort` of a checked configuration.

    Returns
    -------
    Reading
        Settings for reading the registry.

    Examples
    --------
    >>> reading = reading_of({"columns": {"age": "age_years"}, "missing": ["NA"], "contrast_from": "headers"})
    >>> reading.columns, reading.missing, reading.decides["contrast"]
    ({'age': ('age_years',)}, frozenset({'na'}), 'headers')

    """
    columns = settings.get("columns", {})
    values = settings.get("values", {})
    return Reading(
        columns={column: (names,) if isinstance(names, str) else tuple(names) for column, names in columns.items()},
        values={name: _by_word(words) for name, words in values.items()},
        missing=frozenset(word.lower() for word in settings.get("missing", [])),
        paths=dict(settings.get("paths", {})),
        separator=settings.get("separator"),
        decimal=settings.get("decimal"),
        encoding=settings.get("encoding"),
        sheet=settings.get("sheet"),
        decides={name: settings.get(f"{name}_from", "registry_first") for name in ("complete", "contrast")},
    )


def measures_reading_of(measure: Mapping[str, Any], cohort: Mapping[str, Any]) -> Reading:
    """Return the settings for reading a table of measures from two sections of a configuration.

    Parameters
    ----------
    measure : mapping of str to Any
        Section `measure` of a checked configuration, with the column names and the format of the table.
    cohort : mapping of str to Any
        Section `cohort`, whose codes for missing values also apply to the table.

    Returns
    -------
    Reading
        Settings for reading the table.

    Examples
    --------
    >>> reading = measures_reading_of({"columns": {"vol_*": "*_volume_ml"}, "decimal": ","}, {"missing": ["-99"]})
    >>> reading.columns, reading.decimal, reading.missing
    ({'vol_*': ('*_volume_ml',)}, ',', frozenset({'-99'}))

    """
    own = {name: measure[name] for name in ("columns", *FORM) if name in measure}
    reading = reading_of({**own, "missing": cohort.get("missing", [])})
    return replace(reading, section="measure", confirmed=frozenset(measure.get("confirmed", [])))


def _by_word(words: Mapping[str, str | None]) -> dict[str, str]:
    """Return meanings by the word in lower case, and by the original word if its lower-case form is ambiguous."""
    lower = {word.lower(): ours or "" for word, ours in words.items()}
    return lower | {word: ours or "" for word, ours in words.items() if lower[word.lower()] != (ours or "")}
