"""Scans with implausible values in many structures: label map and CT, or labels and names, do not belong together."""

import pandas as pd

FEWEST = 5  # ASSUME: implausible values of one measure; fewer may be disease, or single failed structures


def implausible_scans(values: pd.DataFrame, share: float) -> list[str]:
    """Return the scans with a large share of implausible values in a measure.

    Parameters
    ----------
    values : pandas.DataFrame
        Table `implausible_values`, with the columns `scan_id`, `measure` and `scan_share`.
    share : float
        Share of the values of a scan in a measure, 0 to 1, from which the scan is returned if at least five values are
        implausible.

    Returns
    -------
    list of str
        Identifiers of the scans, sorted.

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
    >>> values = pd.DataFrame({"scan_id": ["a"] * 6 + ["b"], "measure": "hu_mean", "scan_share": [0.4] * 6 + [1.0]})
    >>> implausible_scans(values, share=0.25)
    ['a']

    """
    found = values.groupby(["scan_id", "measure"], observed=True)["scan_share"].agg(["size", "first"])
    many = found[(found["size"] >= FEWEST) & (found["first"] >= share)]
    return sorted(set(many.index.get_level_values("scan_id")))
