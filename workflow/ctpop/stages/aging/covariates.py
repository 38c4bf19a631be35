"""The covariates of a study: columns of the registry that correlations with age are adjusted for."""

import difflib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError
from ctpop.stats.design import Covariate
from ctpop.study.column_names import USUAL_COVARIATES

NOT_COVARIATES = ("scan_id", "age_years")


def covariates_of(cohort: pd.DataFrame, names: Sequence[str] | None, categorical: Sequence[str]) -> list[Covariate]:
    """Return the covariates with a value for each scan of the cohort, in the order of their names.

    A column is of numbers if all its values are, unless it is named in `categorical`; a column of words is of kinds.
    Without names, those of `column_names.USUAL_COVARIATES` that the cohort has are taken.

    Raises
    ------
    ContractError
        If a column is not in the registry, is the age, or mixes numbers and words without being named categorical.

    """
    if names is None:
        return [_covariate(cohort[name], name in categorical) for name in USUAL_COVARIATES if name in cohort.columns]
    known = [name for name in cohort.columns if name not in NOT_COVARIATES]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ContractError(
                f"aging.covariates: {name!r} is no column of the registry that can be a covariate;"
                f" found {', '.join(known)}{hint}"
            )
    return [_covariate(cohort[name], name in categorical) for name in names]


def joint(covariates: Sequence[Covariate], share: float) -> list[Covariate]:
    """Return the covariates that are adjusted for together: those that vary and are known of this share."""
    return [covariate for covariate in covariates if covariate.varies and np.isfinite(covariate.values).mean() >= share]


def named(covariates: Sequence[Covariate]) -> str:
    """Return what tables call a set of covariates."""
    return " + ".join(covariate.name for covariate in covariates) or "none"


def _covariate(column: pd.Series, categorical: bool) -> Covariate:
    name, known = str(column.name), column.dropna()
    numbers = pd.to_numeric(known, errors="coerce").astype("float64")
    readable = np.isfinite(numbers.to_numpy())
    if categorical or known.dtype.kind == "b" or not readable.any():
        return Covariate(name, _codes(column), of_kinds=True)
    if not readable.all():
        odd = known[~readable]
        raise ContractError(
            f"registry: covariate {name!r} must be a number in every row or in none, found"
            f" {', '.join(repr(word) for word in odd.unique()[:3])} in {len(odd)} rows; leave a cell empty where the"
            " value is not known, or name the column under aging.categorical"
        )
    return Covariate(name, numbers.reindex(column.index).to_numpy(dtype=float), of_kinds=False)


def _codes(column: pd.Series) -> np.ndarray:
    """Return the kinds as 0, 1, 2 … in the order of their names; NaN where nothing is known."""
    codes, _ = pd.factorize(column.astype("string"), sort=True)
    return np.where(codes < 0, np.nan, codes)
