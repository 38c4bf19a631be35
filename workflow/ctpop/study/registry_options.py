"""The settings for reading a registry: the names of its columns, the meaning of its words, and what is missing.

This module imports only the standard library, because the Snakefile calls it whenever it is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FORM = ("separator", "decimal", "encoding", "sheet")
SETTINGS = ("columns", "values", "missing", "paths", *FORM, "complete_from", "contrast_from")


@dataclass(frozen=True)
class Reading:
    """The settings of section `cohort` for reading the registry; the defaults fit a registry in the package's own form.

    Attributes
    ----------
    columns : dict of str to tuple of str
        Names of the registry by the column of the file.
    values : dict of str to dict of str to str
        Words of this package by the word of the file (in lower case), for each column of the registry; an empty word
        stands for a missing value. Words that differ in upper and lower case alone and have several meanings stand as
        they are written beside that.
    missing : frozenset of str
        Words (in lower case) that stand for a missing value.
    paths : dict of str to str
        Pattern for each column of paths.
    separator : str or None
        Separator of the cells of a text file; None infers it.
    decimal : str or None
        Decimal mark, `.` or `,`; None infers it for each column.
    encoding : str or None
        Encoding of a text file; None infers it.
    sheet : str or None
        Sheet of a spreadsheet; None stands for its only sheet with content.
    confirmed : frozenset of str
        Measures whose values are right, although they look like another unit or like missing ones.
    section : str
        Section of the configuration with these settings, for messages; empty for a table without settings.
    decides : dict of str to str
        Source that counts for `complete` and for `contrast` (out of `header_fallback.RULES`).

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
        """Return the names of the registry for a column of the file; a column that is not mapped keeps its name.

        Parameters
        ----------
        column : str
            Column of the file.

        Returns
        -------
        tuple of str
            Columns of the registry.

        Examples
        --------
        >>> reading = Reading(columns={"age": ("age_years",)})
        >>> reading.names("age"), reading.names("sex")
        (('age_years',), ('sex',))

        """
        return self.columns.get(column, (column,))

    def remedy(self, setting: str, value: str, stating: str, otherwise: str) -> str:
        """Return what to do about a table that cannot be read without a setting, for the text of an error.

        Parameters
        ----------
        setting : str
            Name of the setting.
        value : str
            A value of it.
        stating : str
            What the setting states, as an imperative.
        otherwise : str
            What to do to the file instead, which is all that is left where the table has no settings.

        Returns
        -------
        str
            Imperative sentence without a full stop.

        Examples
        --------
        >>> Reading(section="measure").remedy("sheet", "CT", "state the one with the table", "save it as CSV")
        'state the one with the table, as in measure: {sheet: "CT"}, or save it as CSV'
        >>> WITHOUT_SETTINGS.remedy("sheet", "CT", "state the one with the table", "save it as CSV")
        'save it as CSV'

        """
        return (
            f'{stating}, as in {self.section}: {{{setting}: "{value}"}}, or {otherwise}' if self.section else otherwise
        )

    def word(self, name: str, text: str) -> str:
        """Return a cell of a column of the registry as a word of this package; empty where the value is missing.

        Parameters
        ----------
        name : str
            Column of the registry.
        text : str
            Cell of the file, in upper or lower case.

        Returns
        -------
        str
            Word of this package; the cell itself where no word is set for it.

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
WITHOUT_SETTINGS = Reading(section="")  # decisions of reviewers, label sets, references


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
        Section `measure` of a checked configuration, with the names and the form of the table.
    cohort : mapping of str to Any
        Section `cohort`, whose words for missing values count for the table, too.

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
    """Return meanings by word in lower case, and by the word itself where another word in lower case means else."""
    lower = {word.lower(): ours or "" for word, ours in words.items()}
    return lower | {word: ours or "" for word, ours in words.items() if lower[word.lower()] != (ours or "")}
