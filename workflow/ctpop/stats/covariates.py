"""The covariates of a study: columns of the registry that correlations with age are adjusted for."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.stats.design import Covariate
from ctpop.study.codings import NO_TEXT
from ctpop.study.column_names import USUAL_COVARIATES, normalised
from ctpop.study.sentinels import refuse_sentinels

LOG = logging.getLogger(__name__)
NUMBER_WITH_UNIT = r"[<>≤≥~±]?\s*[+-]?[0-9]+(?:[.,][0-9]+)?\s*[^\s0-9].{0,12}"
MOST_LEVELS = 5  # of numbers with units that can be categories, such as doses
Meanings = Mapping[str, Mapping[str, str | None]]
NOT_COVARIATES = ("scan_id", "age_years")


def covariates_of(
    cohort: pd.DataFrame,
    names: Sequence[str] | None,
    categorical: Sequence[str],
    meanings: Meanings = MappingProxyType({}),
) -> list[Covariate]:
    """Return the covariates with a value for each scan of the cohort, in the order of their names.

    A column is of numbers if all its values are, unless it is named in `categorical`; a column of words is of kinds.
    Without names, those of `column_names.USUAL_COVARIATES` that the cohort has are taken.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan, with the columns of the registry.
    names : sequence of str or None
        Columns; None takes the usual ones.
    categorical : sequence of str
        Columns whose numbers stand for categories.
    meanings : mapping of str to (mapping of str to (str or None))
        Meaning of words of each column, as `cohort.values` states them. A number that is a meaning is a value, although
        it looks like one for a missing value.

    Returns
    -------
    list of Covariate
        Covariates.

    Raises
    ------
    ContractError
        If a column is not in the registry, is the age, mixes numbers and words without being named categorical, or has
        numbers with units or one that stands for a missing value.

    Examples
    --------
    >>> cohort = pd.DataFrame({"scan_id": ["s1", "s2"], "height_cm": ["170", "181"]})
    >>> [covariate.values.tolist() for covariate in covariates_of(cohort, None, [])]
    [[170.0, 181.0]]

    """
    if names is None:
        names = [name for name in USUAL_COVARIATES if name in cohort.columns]
    known = [name for name in cohort.columns if name not in NOT_COVARIATES]
    for name in names:
        if name not in known:
            same = [column for column in known if normalised(column) == normalised(name)]
            close = same or difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ContractError(
                f"aging.covariates: {name!r} is no column of the registry that can be a covariate;"
                f" found {', '.join(known)}{hint}"
            )
    real = {name: [word for word in words.values() if word] for name, words in meanings.items()}
    return [_covariate(cohort[name], name in categorical, real.get(name, [])) for name in names]


def joint(covariates: Sequence[Covariate], share: float) -> list[Covariate]:
    """Return the covariates that are adjusted for together: those that vary and are known of this share.

    Parameters
    ----------
    covariates : sequence of Covariate
        Covariates.
    share : float
        Smallest share of scans with a value, 0 to 1.

    Returns
    -------
    list of Covariate
        Some of the covariates, in their order.

    Examples
    --------
    >>> known = Covariate("height_cm", np.array([170.0, 181.0]), of_kinds=False)
    >>> rare = Covariate("kvp", np.array([120.0, np.nan]), of_kinds=True)
    >>> named(joint([known, rare], 0.6))
    'height_cm'

    """
    return [covariate for covariate in covariates if covariate.varies and np.isfinite(covariate.values).mean() >= share]


def named(covariates: Sequence[Covariate]) -> str:
    """Return the name of a set of covariates in tables.

    Parameters
    ----------
    covariates : sequence of Covariate
        Covariates.

    Returns
    -------
    str
        Their names.

    Examples
    --------
    >>> named([])
    'none'

    """
    return " + ".join(covariate.name for covariate in covariates) or "none"


def _covariate(column: pd.Series, categorical: bool, real: Sequence[str]) -> Covariate:
    name, known = str(column.name), column.dropna()
    numbers = pd.to_numeric(known, errors="coerce").astype("float64")
    readable = np.isfinite(numbers.to_numpy())
    if categorical or known.dtype.kind == "b" or not readable.any():
        if not categorical:
            _refuse_numbers_with_units(known, name)
        return Covariate(name, _codes(column, name), of_kinds=True)
    if not readable.all():
        odd = known[~readable]
        raise ContractError(
            f"registry: covariate {name!r} must be a number in every row or in none, found"
            f" {', '.join(repr(word) for word in odd.unique()[:3])} in {len(odd)} rows; leave a cell empty where the"
            " value is not known, or name the column under aging.categorical"
        )
    refuse_sentinels(known.astype("str"), name, "registry", "cohort", real)
    return Covariate(name, numbers.reindex(column.index).to_numpy(dtype=float), of_kinds=False)


def _refuse_numbers_with_units(known: pd.Series, name: str) -> None:
    """Refuse a column of numbers with units, such as `24.5 kg`: each number would be a level of its own."""
    words = known.astype("string")
    numbers = words[words.str.fullmatch(NUMBER_WITH_UNIT)]
    if len(numbers) > len(words) / 2 and numbers.nunique() > MOST_LEVELS:
        raise ContractError(
            f"registry: covariate {name!r} must be numbers or categories, found {numbers.nunique()} numbers with units,"
            f" such as {numbers.iloc[0]!r}; write the numbers alone, or name the column under aging.categorical"
        )


def _codes(column: pd.Series, name: str) -> np.ndarray:
    """Return the kinds as 0, 1, 2 … in the order of their names; NaN where nothing is known.

    The same number in two forms (1 and 1.0), and words that differ in upper and lower case or blanks alone, are one
    kind. Words for nothing, such as `unknown`, are missing.
    """
    words = column.astype("string").str.strip().str.replace(r"(?<=[0-9])\.0+$", "", regex=True)
    keys = words.str.lower().str.split().str.join(" ")
    missing = keys.isin(NO_TEXT)
    if missing.any():
        LOG.info("covariate %s: %d cells with %r are read as missing", name, missing.sum(), words[missing].iloc[0])
    keys = keys.mask(missing)
    merged = words[keys.notna()].groupby(keys).nunique()
    if merged.gt(1).any():
        first = words[keys.eq(merged.index[merged.gt(1)][0])].unique()
        LOG.info("covariate %s: %s are read as one level", name, " and ".join(map(repr, first)))
    firsts = words.groupby(keys).transform("min")
    codes, _ = pd.factorize(firsts, sort=True)
    return np.where(codes < 0, np.nan, codes)
