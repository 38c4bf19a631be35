"""Selection of scans without any measured structure, each with one status and its detail."""

import pandas as pd


def unmeasured_scans(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scans of `measures` without a measured structure.

    If the structures of a scan differ in status, the first row with a detail is used, or else the first row.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns `scan_id`, `status`, and `detail` of `measures`, with all rows of each scan.

    Returns
    -------
    pandas.DataFrame
        One row per scan, with the same columns, sorted by `scan_id`.

    Examples
    --------
    >>> rows = pd.DataFrame(
    ...     {
    ...         "scan_id": ["s1", "s1", "s2", "s2"],
    ...         "status": ["measured", "not_in_model", "not_hu", "not_hu"],
    ...         "detail": [None, None, "the values have an offset from HU", "the values have an offset from HU"],
    ...     }
    ... )
    >>> unmeasured_scans(rows).to_dict("records")
    [{'scan_id': 's2', 'status': 'not_hu', 'detail': 'the values have an offset from HU'}]

    """
    measured = rows.loc[rows["status"].eq("measured"), "scan_id"].unique()
    others = rows.loc[~rows["scan_id"].isin(measured), ["scan_id", "status", "detail"]]
    without = others["detail"].isna().to_numpy(dtype=bool)
    first = pd.concat([others[~without], others[without]]).drop_duplicates("scan_id")
    return first.sort_values("scan_id", ignore_index=True)
