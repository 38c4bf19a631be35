"""Columns of tables: data type, unit, meaning, range or allowed values, and the meaning of an absent value."""

from collections.abc import Iterable
from dataclasses import dataclass

OLDEST_YEARS = 120  # largest age that a table accepts


@dataclass(frozen=True)
class Column:
    """The requirements for every value of a column.

    Attributes
    ----------
    dtype : str
        Data type in pandas: `str`, `bool`, `boolean`, `int16`, `int64`, `Int64` or `float64`.
    meaning : str
        Meaning of a value.
    unit : str
        Unit of the values, such as `ml` or `HU`; empty if there is none.
    missing : str
        Meaning of an absent value; if it is empty, no value may be absent.
    allowed : tuple of str
        The only values that are allowed; if it is empty, all are.
    pattern : str
        Regular expression that matches the whole of each text; if it is empty, there is none.
    low, high : float or None
        Ends of the inclusive range of the values, in the unit of the column.

    Examples
    --------
    >>> Column("float64", "volume of the structure", "ml", low=0).nullable
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
        """Return whether a value may be absent.

        Returns
        -------
        bool
            True if the column defines the meaning of an absent value.

        Examples
        --------
        >>> Column("float64", "volume of the structure", "ml", missing="not measured").nullable
        True

        """
        return bool(self.missing)


def text(meaning: str, *, among: Iterable[str] = (), pattern: str = "", missing: str = "") -> Column:
    """Return a column of texts.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    among : iterable of str
        The only values that are allowed; if it is empty, all are.
    pattern : str
        Regular expression that matches the whole of each value.
    missing : str
        Meaning of an absent value; if it is empty, no value may be absent.

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
    """Return a column of numbers inside an inclusive range.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    unit : str
        Unit of the values, such as `ml` or `HU`.
    low, high : float or None
        Ends of the range, in the unit; None sets no limit.
    missing : str
        Meaning of an absent value; if it is empty, no value may be absent.
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
        Smallest value that is allowed.
    missing : str
        Meaning of an absent value; if it is empty, no value may be absent.

    Returns
    -------
    Column
        The column, of type `int64`, or `Int64` if values may be absent.

    Examples
    --------
    >>> count("number of voxels").dtype, count("number of voxels", missing="not measured").dtype
    ('int64', 'Int64')

    """
    return number(meaning, unit, low=low, missing=missing, dtype="Int64" if missing else "int64")


def truth(meaning: str, *, missing: str = "") -> Column:
    """Return a column of true and false.

    Parameters
    ----------
    meaning : str
        Meaning of a value that is true.
    missing : str
        Meaning of an absent value; if it is empty, no value may be absent.

    Returns
    -------
    Column
        The column, of type `bool`, or `boolean` if values may be absent.

    Examples
    --------
    >>> truth("whether the scan has contrast agent", missing="not recorded").dtype
    'boolean'

    """
    return Column("boolean" if missing else "bool", meaning, missing=missing)


def p_value(meaning: str, missing: str) -> Column:
    """Return a column of probabilities, 0 to 1.

    A probability below 1e-308 is printed as 0; column `log10_p` has its value.

    Parameters
    ----------
    meaning : str
        Meaning of a value.
    missing : str
        Meaning of an absent value; if it is empty, no value may be absent.

    Returns
    -------
    Column
        The column, of type `float64`.

    Examples
    --------
    >>> column = p_value("P of the correlation with age", missing="not computed")
    >>> column.low, column.high
    (0, 1)

    """
    return number(meaning, low=0, high=1, missing=missing)
