"""Measures whose values the user has confirmed although the values resemble another unit or missing values."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ctpop.foundation.errors import ContractError
from ctpop.study import column_names, measure_names
from ctpop.study.measure_names import MEASURED

VOLUMES = tuple(name for name in MEASURED if name.startswith("volume_"))


def is_confirmed(structure: str, measure: str, confirmed: Collection[str]) -> bool:
    """Return whether the settings confirm a measure of a structure.

    Parameters
    ----------
    structure : str
        Structure; empty for a column that contains all structures.
    measure : str
        Column of `measures`, or a volume in another unit.
    confirmed : collection of str
        Setting `measure.confirmed`. An entry for a volume in any unit confirms the volumes in all units.

    Returns
    -------
    bool
        Whether the setting contains the measure or the measure of the structure.

    Examples
    --------
    >>> is_confirmed("liver", "volume_ml", ["liver_volume_mm3"]), is_confirmed("liver", "hu_mean", ["hu_mean"])
    (True, True)
    >>> is_confirmed("liver", "hu_mean", ["liver_volume_ml"])
    False

    """
    names = VOLUMES if measure in VOLUMES else (measure,)
    return any(name in confirmed or f"{structure}_{name}" in confirmed for name in names)


def refuse_unknown(confirmed: Collection[str], names: Sequence[str], place: Path) -> None:
    """Reject names in `measure.confirmed` that are not measures.

    Parameters
    ----------
    confirmed : collection of str
        Setting `measure.confirmed`.
    names : sequence of str
        Structures of the label set.
    place : Path
        File or folder of the measures, for messages.

    Raises
    ------
    ContractError
        If the setting contains such a name. The message suggests the closest measure.

    Examples
    --------
    >>> refuse_unknown(["liver_volume_ml", "hu_mean"], ["liver"], Path("a.csv"))
    >>> refuse_unknown(["livr_volume_ml"], ["liver"], Path("a.csv"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ctpop.foundation.errors.ContractError: a.csv: measure.confirmed contains livr_volume_ml, which ...

    """
    known = {*MEASURED, *(f"{name}_{measure}" for name in names for measure in MEASURED)} if confirmed else set()
    for word in sorted(set(confirmed) - known):
        close = measure_names.closest(word, names) or "liver_volume_ml"
        raise ContractError(
            f"{place}: measure.confirmed contains {word}, which is neither a measure nor a structure of the label set"
            " followed by a measure; correct the name, for example, measure: {confirmed:"
            f" [{column_names.quoted(close)}]}}"
        )
