"""P value of a correlation that determines its significance: that of the test in the column `test`."""

import pandas as pd


def deciding(table: pd.DataFrame, prefix: str = "p") -> pd.Series:
    """Return the P value, or another column of the same test, that the column `test` names.

    Parameters
    ----------
    table : pandas.DataFrame
        Correlations with the columns `test` (`independence` or `rho0`), `<prefix>_independence`, and `<prefix>_rho0`.
    prefix : str
        `p` for P values, `log10_p` for their logarithms.

    Returns
    -------
    pandas.Series of float
        P values with the index of the table; missing where the test has no result.

    Examples
    --------
    >>> table = pd.DataFrame({"test": ["independence", "rho0"], "p_independence": [0.1, None], "p_rho0": [0.2, 0.3]})
    >>> deciding(table).tolist()
    [0.1, 0.3]

    """
    independence = table["test"].eq("independence")
    return table[f"{prefix}_independence"].where(independence, table[f"{prefix}_rho0"])
