"""Suggestions of similar names for files and shipped resources that do not exist."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from ctpop.foundation.corrections import in_yaml

CLOSE_NAMES = 0.75  # minimum similarity of a misspelled name and the name of a file


def alternative(setting: str, given: str, known: Iterable[str] = ()) -> str:
    """Return the end of a message about a name that does not exist: the corrected line with a similar name.

    Parameters
    ----------
    setting : str
        Setting that contains the name, such as `study.registry`.
    given : str
        Name or path in the setting.
    known : iterable of str
        Names of the shipped resources that are valid in the setting.

    Returns
    -------
    str
        End of an error message; empty if no known name and no file in the same folder is similar.

    Examples
    --------
    >>> alternative("screen.rules", "strikt", ["none", "paper", "standard", "strict"])
    '; did you mean strict? Set rules: strict'
    >>> alternative("screen.rules", "my_rules", ["none", "paper", "standard", "strict"])
    ''

    """
    close = closest(given, known)
    return f"; did you mean {close}? Set {in_yaml({setting.rpartition('.')[2]: close})}" if close else ""


def closest(given: str, known: Iterable[str] = ()) -> str | None:
    """Return a known name that begins with a name, or a similar known name or path of a file in the same folder.

    Parameters
    ----------
    given : str
        Name or path.
    known : iterable of str
        Known names.

    Returns
    -------
    str or None
        Name or path.

    Examples
    --------
    >>> closest("total_107", ["demo", "paper_104", "total_117"])
    'total_117'

    """
    known, path = list(known), Path(given)
    begun = [found for found in known if found.startswith(given)]
    similar = begun or _similar(given, known)
    if similar:
        return similar[0]
    files = sorted(file.name for file in path.parent.iterdir()) if path.parent.is_dir() else []
    return next((str(path.parent / name) for name in _similar(path.name, files)), None)


def _similar(name: str, names: list[str]) -> list[str]:
    return difflib.get_close_matches(name, names, n=1, cutoff=CLOSE_NAMES)
