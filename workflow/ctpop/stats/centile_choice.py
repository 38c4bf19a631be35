"""Choice of a centile model: gross outliers are set aside, candidates are fitted, and the lowest BIC decides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctpop.stats.centile_curves import Fit, fitted, form_of
from ctpop.stats.centile_likelihood import CentileSample
from ctpop.stats.distributions import MODELS, Model
from ctpop.stats.splines import natural_basis

SKEW_BY_AGE_FROM = 500  # ASSUME: smallest number of patients of a sex for a skew that depends on age
OUTLIER_Z = 5.0  # ASSUME: |z| above which a value is set aside before the final fit
MOST_OUTLIERS = 0.01  # ASSUME: proportion of set-aside values above which no value is set aside
FAR = 6.0  # robust SDs from the median curve; values beyond are not used in the first fit, which outliers would distort
MEDIAN_STEPS = 25
MOST_ROUNDS = 5
NORMAL_QUARTILE = 0.6744897501960817


@dataclass(frozen=True)
class Candidate:
    """A candidate model.

    Attributes
    ----------
    name : str
        Code of the candidate.
    model : str
        Distribution, one of `MODELS`.
    skew_by_age : bool
        Whether the skew is linear in age.
    symmetric : bool
        Whether the skew is 0.

    Examples
    --------
    >>> [candidate.name for candidate in CANDIDATES["volume_ml"]]
    ['bccg', 'bccg_skew', 'bct']

    """

    name: str
    model: str
    skew_by_age: bool = False
    symmetric: bool = False

    @property
    def distribution(self) -> Model:
        """Distribution of the values at one age.

        Returns
        -------
        Model
            Distribution.

        """
        return MODELS[self.model]


@dataclass(frozen=True)
class CandidateFit:
    """The fit of a candidate, or the reason for a missing fit.

    Attributes
    ----------
    candidate : Candidate
        Candidate.
    status : str
        `ok`, `at_limit`, `not_converged`, `few_patients` (skew by age), or `no_tail` (values that are not set aside).
    fit : Fit or None
        Fit, if it converged.

    Examples
    --------
    >>> CandidateFit(CANDIDATES["hu_mean"][2], "few_patients", None).candidate.name
    'shash_skew'

    """

    candidate: Candidate
    status: str
    fit: Fit | None


@dataclass(frozen=True)
class Choice:
    """Candidates of a sample and the chosen one.

    Attributes
    ----------
    attempts : tuple of CandidateFit
        All candidates in their order.
    chosen : CandidateFit or None
        Candidate with the lowest BIC among those with status `ok`.
    outliers : np.ndarray of bool
        Which values were set aside, shape `(n,)`.

    Examples
    --------
    >>> Choice((), None, np.zeros(2, dtype=bool)).reason
    'not_converged'

    """

    attempts: tuple[CandidateFit, ...]
    chosen: CandidateFit | None
    outliers: np.ndarray

    @property
    def reason(self) -> str:
        """Reason for a missing choice.

        Returns
        -------
        str
            `ok`, `at_limit` if a parameter of every converged fit is at a limit of its range, or `not_converged`.

        """
        if self.chosen:
            return "ok"
        return "at_limit" if any(attempt.status == "at_limit" for attempt in self.attempts) else "not_converged"


CANDIDATES = {
    "volume_ml": (Candidate("bccg", "bccg"), Candidate("bccg_skew", "bccg", skew_by_age=True), Candidate("bct", "bct")),
    "hu_mean": (
        Candidate("normal", "normal", symmetric=True),
        Candidate("shash", "shash"),
        Candidate("shash_skew", "shash", skew_by_age=True),
    ),
}


def chosen_model(sample: CentileSample, candidates: Sequence[Candidate]) -> Choice:
    """Return the candidate with the lowest BIC after setting gross outliers aside.

    A value is set aside if |z| is above 5 in the candidate with a tail parameter, so heavy tails are modeled and not
    removed. If more than 1% of the values (and more than one value) would be set aside, none is, and only candidates
    with a tail parameter are fitted.

    Parameters
    ----------
    sample : CentileSample
        Values of one sex.
    candidates : sequence of Candidate
        Candidates; at least one with a constant skew has a tail parameter.

    Returns
    -------
    Choice
        Candidates, the chosen one, and the values that were set aside.

    Examples
    --------
    >>> ages = np.linspace(20, 80, 120)
    >>> values = 60 - 0.5 * ages + 5 * np.random.default_rng(1).standard_normal(120)
    >>> values[7] = 9999.0
    >>> sample = CentileSample(values, ages, np.arange(120), np.empty((120, 0)))
    >>> choice = chosen_model(sample, CANDIDATES["hu_mean"])
    >>> choice.chosen.candidate.name, np.flatnonzero(choice.outliers).tolist()
    ('normal', [7])

    """
    tolerant = next(each for each in candidates if each.distribution.has_tail and not each.skew_by_age)
    outliers, known = _outliers(sample, tolerant)
    allowed = max(1.0, MOST_OUTLIERS * len(sample.values))
    tailed = outliers.sum() > allowed
    if tailed:
        outliers, known = np.zeros(len(sample.values), dtype=bool), None
    kept = sample.part(~outliers) if outliers.any() else sample
    attempts: list[CandidateFit] = []
    for each in candidates:
        if tailed and not each.distribution.has_tail:
            attempts.append(CandidateFit(each, "no_tail", None))
        elif each.skew_by_age and kept.n_patients < SKEW_BY_AGE_FROM:
            attempts.append(CandidateFit(each, "few_patients", None))
        else:
            attempts.append(_attempt(kept, each, known if each is tolerant else _start_of(each, attempts)))
    usable = [attempt for attempt in attempts if attempt.status == "ok" and attempt.fit]
    best = min(usable, key=lambda attempt: attempt.fit.bic if attempt.fit else np.inf) if usable else None
    return Choice(tuple(attempts), best, outliers)


def _attempt(sample: CentileSample, candidate: Candidate, start: np.ndarray | None) -> CandidateFit:
    form = form_of(sample.ages, skew_by_age=candidate.skew_by_age, symmetric=candidate.symmetric)
    fit = fitted(sample, form, candidate.distribution, start)
    if fit is None and start is not None:
        fit = fitted(sample, form, candidate.distribution)
    if fit is None:
        return CandidateFit(candidate, "not_converged", None)
    return CandidateFit(candidate, "at_limit" if fit.at_limit else "ok", fit)


def _start_of(candidate: Candidate, attempts: Sequence[CandidateFit]) -> np.ndarray | None:
    """Return the parameters of the same distribution with a constant skew, with the skew at both ages."""
    if not candidate.skew_by_age:
        return None
    fits = [each.fit for each in attempts if each.candidate.model == candidate.model and each.fit]
    if not fits:
        return None
    parameters, place = fits[0].parameters, int(fits[0].likelihood.ends[1])
    return np.insert(parameters, place, parameters[place])


def _outliers(sample: CentileSample, tolerant: Candidate) -> tuple[np.ndarray, np.ndarray | None]:
    """Return which values have |z| above 5, and the parameters of the fit without them."""
    outliers = _far(sample, tolerant.distribution)
    start: np.ndarray | None = None
    for _ in range(MOST_ROUNDS):
        kept = sample.part(~outliers) if outliers.any() else sample
        attempt = _attempt(kept, tolerant, start)
        if attempt.fit is None:
            return np.zeros(len(outliers), dtype=bool), None
        start = attempt.fit.parameters
        z = attempt.fit.curves.z_of(sample.values, sample.ages, sample.effects)
        found = np.abs(z) > OUTLIER_Z
        if np.array_equal(found, outliers):
            return found, start
        outliers = found
    return outliers, None


def _far(sample: CentileSample, model: Model) -> np.ndarray:
    """Return which values are far from the median curve, in robust SDs of the values above and below it."""
    target = model.to_fit(sample.values)
    knots = form_of(sample.ages).location
    columns = np.hstack([natural_basis(sample.ages, knots), sample.effects])
    root = np.sqrt(sample.weights)
    residuals = target - columns @ np.linalg.lstsq(columns * root[:, np.newaxis], target * root)[0]
    for _ in range(MEDIAN_STEPS):  # iteratively reweighted least squares for the sum of absolute residuals
        scale = max(float(np.median(np.abs(residuals))), 1e-300)
        weights = root / np.sqrt(np.maximum(np.abs(residuals) / scale, 1e-3))
        residuals = target - columns @ np.linalg.lstsq(columns * weights[:, np.newaxis], target * weights)[0]
    far = np.zeros(len(target), dtype=bool)
    for side in (residuals > 0, residuals < 0):
        if side.any():
            far |= side & (np.abs(residuals) * NORMAL_QUARTILE > FAR * np.median(np.abs(residuals[side])))
    return far
