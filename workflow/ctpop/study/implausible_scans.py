"""Scans with implausible values in many structures, a sign that the label map does not match the CT or the names."""

import pandas as pd

FEWEST = 5  # ASSUME: fewer implausible values of one measure can result from disease or single failed structures


def implausible_scans(values: pd.DataFrame, share: float) -> list[str]:
    """Return the scans with a high proportion of implausible values in a measure.

    Parameters
    ----------
    values : pandas.DataFrame
        Table `implausible_values`, with the columns `scan_id`, `measure`, and `scan_share`.
    share : float
        Minimum proportion (0 to 1) of implausible values among the values of a scan in a measure. A scan is returned
        only if at least five values of the measure are implausible.

    Returns
    -------
    list of str
        Sorted scan IDs.

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
