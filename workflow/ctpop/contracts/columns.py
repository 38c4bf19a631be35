"""Columns of tables: data type, unit, meaning, range or allowed values, and meaning of a missing value."""

from collections.abc import Iterable
from dataclasses import dataclass

OLDEST_YEARS = 120  # largest accepted age


@dataclass(frozen=True)
class Column:
    """The requirements for the values of a column.

    Attributes
    ----------
    dtype : str
        Data type in pandas: `str`, `bool`, `boolean`, `int16`, `int64`, `Int64` or `float64`.
    meaning : str
        Meaning of a value.
    unit : str
        Unit of the values, such as `mL` or `HU`; empty for values without a unit.
    missing : str
        Meaning of a missing value; if empty, missing values are not allowed.
    allowed : tuple of str
        Allowed values; if empty, all values are allowed.
    pattern : str
        Regular expression that each text must match in full; if empty, all texts are allowed.
    low, high : float or None
        Inclusive limits of the values, in the unit of the column.

    Examples
    --------
    >>> Column("float64", "volume of the structure", "mL", low=0).nullable
    False

    """

    dtype: str
    meaning: str
    unit: str = ""
    missing: str = ""
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def nullable(self) -> bool:
        """Return whether missing values are allowed.

        Returns
        -------
        bool
            True if the column defines the meaning of a missing value.

        Examples
        --------
        >>> Column("float64", "volume of the structure", "mL", missing="not measured").nullable
        True

        """
        return bool(self.missing)


def text(meaning: str, *, among: Iterable[str] = (), pattern: str = "", missing: str = "") -> Column:
    """Return a text column.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    among : iterable of str
        Allowed values; if empty, all values are allowed.
    pattern : str
        Regular expression that each value must match in full.
    missing : str
        Meaning of a missing value; if empty, missing values are not allowed.

    Returns
    -------
    Column
        The column.

    Examples
    --------
    >>> text("side of the patient", among=["left", "right"], missing="not paired").allowed
    ('left', 'right')

    """
    return Column("str", meaning, missing=missing, allowed=tuple(among), pattern=pattern)


def number(
    meaning: str,
    unit: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    missing: str = "",
    dtype: str = "float64",
) -> Column:
    """Return a numeric column with an inclusive range.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    unit : str
        Unit of the values, such as `mL` or `HU`.
    low, high : float or None
        Limits of the range, in this unit; None sets no limit.
    missing : str
        Meaning of a missing value; if empty, missing values are not allowed.
    dtype : str
        Data type in pandas.

    Returns
    -------
    Column
        The column.

    Examples
    --------
    >>> age = number("age at the scan", "years", low=0, high=120)
    >>> age.dtype, age.unit, age.nullable
    ('float64', 'years', False)

    """
    return Column(dtype, meaning, unit, missing, low=low, high=high)


def count(meaning: str, unit: str = "", *, low: int = 0, missing: str = "") -> Column:
    """Return a column of whole numbers.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    unit : str
        Unit of the values.
    low : int
        Smallest allowed value.
    missing : str
        Meaning of a missing value; if empty, missing values are not allowed.

    Returns
    -------
    Column
        The column, of type `int64`, or `Int64` if missing values are allowed.

    Examples
    --------
    >>> count("number of voxels").dtype, count("number of voxels", missing="not measured").dtype
    ('int64', 'Int64')

    """
    return number(meaning, unit, low=low, missing=missing, dtype="Int64" if missing else "int64")


def truth(meaning: str, *, missing: str = "") -> Column:
    """Return a column of Boolean values.

    Parameters
    ----------
    meaning : str
        Condition for the value true, beginning with "whether".
    missing : str
        Meaning of a missing value; if empty, missing values are not allowed.

    Returns
    -------
    Column
        The column, of type `bool`, or `boolean` if missing values are allowed.

    Examples
    --------
    >>> truth("whether a contrast agent was administered", missing="not recorded").dtype
    'boolean'

    """
    return Column("boolean" if missing else "bool", meaning, missing=missing)


def p_value(meaning: str, missing: str) -> Column:
    """Return a column of P values from 0 to 1.

    A P value below 1e-308 is stored as 0; the column `log10_p` contains its logarithm.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    missing : str
        Meaning of a missing value; if empty, missing values are not allowed.

    Returns
    -------
    Column
        The column, of type `float64`.

    Examples
    --------
    >>> column = p_value("P value of the correlation with age", missing="not computed")
    >>> column.low, column.high
    (0, 1)

    """
    return number(meaning, low=0, high=1, missing=missing)
