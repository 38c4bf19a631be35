"""Covariates of a study: columns of the registry used to adjust correlations with age."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pandas as pd

from ctpop.foundation.errors import ContractError, count
from ctpop.stats.design import Covariate, complete, design, share_explained
from ctpop.study.codings import NO_TEXT
from ctpop.study.column_names import USUAL_COVARIATES, normalized, quoted
from ctpop.study.patient_consistency import days_of
from ctpop.study.patients import distinct, patient_numbers
from ctpop.study.sentinels import refuse_sentinels

LOG = logging.getLogger(__name__)
NUMBER_WITH_UNIT = r"[<>≤≥~±]?\s*[+-]?[0-9]+(?:[.,][0-9]+)?\s*[^\s0-9].{0,12}"
MOST_LEVELS = 5  # largest number of levels at which numbers with units (such as doses) are treated as categories
# ASSUME: a text column with a different value for most patients is an identifier; in small cohorts, such a column can
# contain categories
FEWEST_IDENTIFIERS = 20
# ASSUME: a covariate with this share of the variance of age leaves too little variation for an adjusted result
MOST_SHARED = 0.9
COLLINEAR = (
    f"the column explains at least {MOST_SHARED:.0%} of the variance of age, as a year of birth does, and results"
    " cannot be adjusted for it"
)
PLAIN_YEAR = r"[12][0-9]{3}(?:\.0+)?"
YEARS = (1900, 2100)
Meanings = Mapping[str, Mapping[str, str | None]]
NOT_COVARIATES = ("scan_id", "age_years")


def covariates_of(
    cohort: pd.DataFrame,
    names: Sequence[str] | None,
    categorical: Sequence[str],
    meanings: Meanings = MappingProxyType({}),
) -> list[Covariate]:
    """Return the covariates with a value for each scan of the cohort, in the order of `names`.

    A column is a continuous covariate if all its values are numbers and the column is not in `categorical`. All other
    columns are categorical covariates. Without `names`, the available columns of `column_names.USUAL_COVARIATES` are
    used; those that contain dates or identifiers are marked as not suitable, and a warning is logged.

    Parameters
    ----------
    cohort : pandas.DataFrame
        One row per scan, with the columns of the registry.
    names : sequence of str or None
        Columns; None selects the usual covariates.
    categorical : sequence of str
        Columns whose numbers are codes of categories.
    meanings : mapping of str to (mapping of str to (str or None))
        Meanings of the words of each column, as in `cohort.values`. A number that occurs as a meaning is a value, even
        if it resembles a code for missing values.

    Returns
    -------
    list of Covariate
        Covariates.

    Raises
    ------
    ContractError
        If a column is not in the registry, is the age, contains both numbers and words without being listed in
        `categorical`, or contains numbers with units or a number that codes a missing value; or if one of the `names`
        contains dates or identifiers.

    Examples
    --------
    >>> cohort = pd.DataFrame({"scan_id": ["s1", "s2"], "height_cm": ["170", "181"]})
    >>> [covariate.values.tolist() for covariate in covariates_of(cohort, None, [])]
    [[170.0, 181.0]]

    """
    chosen = [name for name in USUAL_COVARIATES if name in cohort.columns] if names is None else names
    _refuse_unknown(chosen, [name for name in cohort.columns if name not in NOT_COVARIATES])
    real = {name: [word for word in words.values() if word] for name, words in meanings.items()}
    patients, found, problems = patient_numbers(cohort), list[Covariate](), dict[str, str]()
    for name in chosen:
        covariate, problem = _checked(cohort[name], patients, categorical, real.get(name, []))
        found.append(covariate)
        problems.update({name: problem} if problem else {})
    if names is not None and problems:
        name, problem = next(iter(problems.items()))
        others = ", ".join(quoted(each) for each in names if each not in problems)
        raise ContractError(f"registry: covariate {name!r} {problem}set aging: {{covariates: [{others}]}}")
    for name, problem in problems.items():
        LOG.warning("covariate %s is left out of all adjustments: the column %sdelete or rename it", name, problem)
    return found


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            same = [column for column in known if normalized(column) == normalized(name)]
            close = same or difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}? Replace {name} with {close[0]}" if close else ""
            raise ContractError(
                f"aging.covariates: {name!r} is not a column of the registry that can be a covariate;"
                f" found {', '.join(known)}{hint}"
            )


def _checked(
    column: pd.Series, patients: np.ndarray, categorical: Sequence[str], real: Sequence[str]
) -> tuple[Covariate, str]:
    """Return the covariate, and the problem of a column with dates or identifiers; an empty text without a problem."""
    dates = dates_in(column)
    n, n_dates = int(column.notna().sum()), len(dates)
    if n_dates > n / 2:
        codes = np.where(column.isna(), np.nan, 0.0)
        problem = (
            f"is a date in {n_dates} of {count(n, 'value')}, such as {dates.iloc[0]!r}; use the year (a number), or "
        )
        return Covariate(str(column.name), codes, of_kinds=True, suitable=False), problem
    covariate = _covariate(column, categorical, real)
    known = np.isfinite(covariate.values)
    levels, n_patients = len(np.unique(covariate.values[known])), distinct(patients[known])
    if not covariate.of_kinds or levels <= max(n_patients / 2, FEWEST_IDENTIFIERS):
        return covariate, ""
    # the message contains no value, because identifiers are personal data
    problem = f"has {levels} different values in {count(n_patients, 'patient')}, as identifiers have; "
    return replace(covariate, suitable=False), problem


def dates_in(column: pd.Series) -> pd.Series:
    """Return the cells of a column that are dates, such as 2019-03-07, 20190307, or 07.03.2019, with or without a time.

    Parameters
    ----------
    column : pandas.Series, shape (scans,)
        Column of the registry. A year alone is not a date.

    Returns
    -------
    pandas.Series of str
        Dates, with the index of their rows.

    Examples
    --------
    >>> dates_in(pd.Series(["2019-03-07T10:15:00", "20190307", "7.3.2019", "2019", "170", None])).tolist()
    ['2019-03-07T10:15:00', '20190307', '7.3.2019']

    """
    words = column.dropna().astype("string").str.strip().str.replace(r"(?<=[0-9]{8})\.0+$", "", regex=True)
    words = words[~words.str.fullmatch(PLAIN_YEAR)]
    years, _ = days_of(words)
    return words[years.between(*YEARS)].astype("str")


def joint(covariates: Sequence[Covariate], share: float) -> list[Covariate]:
    """Return the covariates of the joint adjustment: covariates that vary and are known for a minimum share of scans.

    Covariates that are not suitable are excluded.

    Parameters
    ----------
    covariates : sequence of Covariate
        Covariates.
    share : float
        Minimum share of scans with a value, from 0 to 1.

    Returns
    -------
    list of Covariate
        The selected covariates, in the given order.

    Examples
    --------
    >>> known = Covariate("height_cm", np.array([170.0, 181.0]), of_kinds=False)
    >>> rare = Covariate("kvp", np.array([120.0, np.nan]), of_kinds=True)
    >>> named(joint([known, rare], 0.6))
    'height_cm'

    """
    return [
        covariate
        for covariate in covariates
        if covariate.suitable and covariate.varies and np.isfinite(covariate.values).mean() >= share
    ]


def collinear_with_age(covariates: Sequence[Covariate], ages: np.ndarray) -> list[str]:
    """Return the names of covariates that explain at least 90% of the variance of age.

    If no single covariate explains the variance, but all covariates together do, such as the year of birth and the year
    of the scan, the names are those of the covariates without which the others do not explain it.

    Parameters
    ----------
    covariates : sequence of Covariate
        Covariates of n scans.
    ages : np.ndarray of float, shape (n,)
        Ages (years), NaN if unknown.

    Returns
    -------
    list of str
        Names, in the given order.

    Examples
    --------
    >>> ages = np.array([21.0, 44.0, 35.0, 68.0, 52.0, 80.0, 33.0])
    >>> collinear_with_age([Covariate("birth_year", 2025 - ages, of_kinds=False)], ages)
    ['birth_year']

    """
    varying = [covariate for covariate in covariates if covariate.suitable and covariate.varies]
    alone = [covariate.name for covariate in varying if _shared([covariate], ages) >= MOST_SHARED]
    if alone or len(varying) < 2 or _shared(varying, ages) < MOST_SHARED:
        return alone
    return [
        covariate.name
        for covariate in varying
        if _shared([other for other in varying if other is not covariate], ages) < MOST_SHARED
    ]


def _shared(covariates: Sequence[Covariate], ages: np.ndarray) -> float:
    """Return the share of the variance of age that covariates explain, in scans of which all are known."""
    known = np.isfinite(ages) & complete(covariates, len(ages))
    columns = design([covariate.among(known) for covariate in covariates], int(known.sum()))
    enough = known.sum() > 2 * (columns.shape[1] + 1)  # with fewer scans, the share is large by chance
    return share_explained(ages[known], columns) if enough else 0.0


def named(covariates: Sequence[Covariate]) -> str:
    """Return the name of a set of covariates, as used in tables.

    Parameters
    ----------
    covariates : sequence of Covariate
        Covariates.

    Returns
    -------
    str
        The names, joined by ` + `, or `none`.

    Examples
    --------
    >>> named([])
    'none'

    """
    return " + ".join(covariate.name for covariate in covariates) or "none"


def _covariate(column: pd.Series, categories: Sequence[str], real: Sequence[str]) -> Covariate:
    name, known = str(column.name), column.dropna()
    categorical, setting = name in categories, f"aging: {{categorical: [{', '.join([*categories, name])}]}}"
    numbers = pd.to_numeric(known, errors="coerce").astype("float64")
    readable = np.isfinite(numbers.to_numpy())
    if categorical or known.dtype.kind == "b" or not readable.any():
        if not categorical:
            _refuse_numbers_with_units(known, name, setting)
        return Covariate(name, _codes(column, name), of_kinds=True)
    if not readable.all():
        odd = known[~readable]
        raise ContractError(
            f"registry: covariate {name!r} must contain a number in every row or in no row, found"
            f" {', '.join(repr(word) for word in odd.unique()[:3])} in {count(len(odd), 'row')}; leave the cells of"
            f" unknown values empty, or set {setting}"
        )
    refuse_sentinels(known.astype("str"), name, "registry", "cohort", real)
    return Covariate(name, numbers.reindex(column.index).to_numpy(dtype=float), of_kinds=False)


def _refuse_numbers_with_units(known: pd.Series, name: str, setting: str) -> None:
    """Raise an error for a column of numbers with units, such as `24.5 kg`, whose numbers would be separate levels."""
    words = known.astype("string")
    numbers = words[words.str.fullmatch(NUMBER_WITH_UNIT)]
    if len(numbers) > len(words) / 2 and numbers.nunique() > MOST_LEVELS:
        raise ContractError(
            f"registry: covariate {name!r} must contain numbers or categories, found {numbers.nunique()} numbers with"
            f" units, such as {numbers.iloc[0]!r}; write the numbers without units, or set {setting}"
        )


def _codes(column: pd.Series, name: str) -> np.ndarray:
    """Return the levels as codes 0, 1, 2, … in alphabetical order, with NaN for missing values.

    The same number in two forms (1 and 1.0), and words that differ only in case or spaces, are one level. Words for
    missing values, such as `unknown`, are missing.
    """
    words = column.astype("string").str.strip().str.replace(r"(?<=[0-9])\.0+$", "", regex=True)
    keys = words.str.lower().str.split().str.join(" ")
    missing = keys.isin(NO_TEXT)
    if missing.any():
        LOG.info(
            "covariate %s: words read as missing values: %r (cells: %d)", name, words[missing].iloc[0], missing.sum()
        )
    keys = keys.mask(missing)
    merged = words[keys.notna()].groupby(keys).nunique()
    if merged.gt(1).any():
        first = words[keys.eq(merged.index[merged.gt(1)][0])].unique()
        LOG.info("covariate %s: %s are read as one level", name, " and ".join(map(repr, first)))
    firsts = words.groupby(keys).transform("min")
    codes, _ = pd.factorize(firsts, sort=True)
    return np.where(codes < 0, np.nan, codes)
