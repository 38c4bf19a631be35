"""Models of age curves: the scans of a series with known sex and covariates, and the models that are fitted to them.

Models depend only on the ages, sexes, and covariates of the scans. Structures and measures with the same scans share
their models.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ctpop.stages.aging.age_series import Series, sizes
from ctpop.stages.aging.effect_units import LOGARITHMIC
from ctpop.stats.age_effects import BOTH, AgeModel, age_model, knots_in_use, line_knots, with_childhood
from ctpop.stats.design import Covariate, complete, design, merged
from ctpop.study.patients import distinct

FORMS = ("spline", "line")
LINE_COLUMNS = 2
STORED = 8  # number of samples whose models are kept in memory
_STORE: OrderedDict[bytes, "AgeModels"] = OrderedDict()


class KnotSettings(Protocol):
    """Knots of age curves in years; those in childhood are used only if the cohort includes children."""

    @property
    def knots(self) -> list[float]:
        """Knots of all curves."""

    @property
    def childhood_knots(self) -> list[float]:
        """Additional knots below the first of `knots`."""


def knots_of(ages: np.ndarray, settings: KnotSettings) -> np.ndarray:
    """Return the configured knots for patients of these ages (years)."""
    return with_childhood(ages, np.array(settings.knots, dtype=float), np.array(settings.childhood_knots, dtype=float))


@dataclass(frozen=True)
class AgeSample:
    """The scans of a series with known sex and covariates, and the sexes with a curve.

    `sexes` is (`female`, `male`), one of the two, or (`all`,) for models without sex; `sex` is the position of the sex
    of each scan in this tuple. `kept` contains the positions of the scans in the series, and `everyone` the patient
    number of each scan of the series.
    """

    values: np.ndarray
    ages: np.ndarray
    patients: np.ndarray
    sexes: tuple[str, ...]
    sex: np.ndarray
    covariates: list[Covariate]
    kept: np.ndarray
    everyone: np.ndarray
    name: dict[str, Any] = field(default_factory=dict)

    def of_sex(self, sex: str) -> np.ndarray:
        """Return which scans are of a sex of the model; for other values, all scans."""
        return self.sex == self.sexes.index(sex) if sex in self.sexes else np.ones(len(self.sex), dtype=bool)

    def counts(self, model: AgeModel | None) -> dict[str, int]:
        """Return the numbers of scans and patients in the model (or in the sample) and of those that are left out."""
        used = self.kept if model is None else self.kept[model.model.order]
        left_out = np.ones(len(self.everyone), dtype=bool)
        left_out[used] = False
        out = sizes(self.everyone[left_out])
        return {**sizes(self.everyone[used]), **{f"{name}_left_out": n for name, n in out.items()}}


@dataclass(frozen=True)
class AgeModels:
    """The models of a sample by form, and `ok` or the reason for a missing model.

    `omitted` contains the covariates that are constant or that preceding covariates determine. `facts` stores numbers
    that depend on the ages, sexes, and patients of the sample only.
    """

    models: dict[str, AgeModel | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    omitted: list[str] = field(default_factory=list)
    facts: dict[tuple[str, str, float, float], tuple[dict[str, Any], str]] = field(default_factory=dict)


def sex_codes(cohort: pd.DataFrame, share: float) -> np.ndarray | None:
    """Return the sex of each scan (0: female, 1: male, -1: unknown), or None if models do not contain the sex."""
    # ASSUME: models contain sex if it is recorded for the proportion of scans that joint covariates require
    codes = cohort["sex"].map({"female": 0, "male": 1}).fillna(-1).to_numpy(dtype=int)
    known = codes >= 0
    return codes if known.any() and known.mean() >= share else None


def without_sex(covariates: Sequence[Covariate]) -> list[Covariate]:
    """Return the covariates other than sex, which has a separate role in models of age curves."""
    return [covariate for covariate in covariates if covariate.name != "sex"]


def age_sample(
    each: Series, covariates: Sequence[Covariate], sexes: np.ndarray | None, n_min: int, category_n_min: int
) -> AgeSample:
    """Return the scans of a series with known covariates and sex, without a sex that has too few patients for a line.

    `sexes` contains the sex of each scan of the cohort, as from `sex_codes`. The result has no sexes if both have too
    few patients. Categories with fewer than `category_n_min` patients are combined.
    """
    positions, everyone = each.rows["position"].to_numpy(), each.rows["patient"].to_numpy()
    among = [covariate.among(positions) for covariate in covariates]
    known = complete(among, len(positions))
    codes = np.zeros(len(positions), dtype=int) if sexes is None else sexes[positions]
    names: tuple[str, ...] = ("all",)
    if sexes is not None:
        known &= codes >= 0
        curves = [code for code in range(len(BOTH)) if _enough(known & (codes == code), each.ages, everyone, n_min)]
        names = tuple(BOTH[code] for code in curves)
        if curves:
            known &= np.isin(codes, curves)
            codes = np.searchsorted(curves, codes)
    kept = np.flatnonzero(known)
    parts = merged([covariate.among(kept) for covariate in among], everyone[kept], category_n_min).covariates
    return AgeSample(
        each.values[kept], each.ages[kept], everyone[kept], names, codes[kept], parts, kept, everyone, each.name
    )


def _enough(selected: np.ndarray, ages: np.ndarray, patients: np.ndarray, n_min: int) -> bool:
    return distinct(patients[selected]) - LINE_COLUMNS >= n_min and bool(np.ptp(ages[selected]) > 0)


def reason_without_fit(sample: AgeSample, measure: str, n_min: int) -> str:
    """Return `ok`, or the reason why no age curve can be fitted to the values."""
    if len(sample.values) < n_min:
        return "too_few"
    if np.ptp(sample.values) == 0 or np.ptp(sample.ages) == 0:
        return "all_equal"
    if not sample.sexes:
        return "too_few"
    return "not_positive" if measure == LOGARITHMIC and sample.values.min() <= 0 else "ok"


def modeled(values: np.ndarray, measure: str) -> np.ndarray:
    """Return the dependent variable of a model: the natural logarithm of volumes (mL), or attenuations (HU)."""
    return np.log(values) if measure == LOGARITHMIC else values


def models_of(sample: AgeSample, knots: np.ndarray, n_min: int) -> AgeModels:
    """Return the models of a sample; models of recent samples with the same scans are reused."""
    parts = [sample.ages, sample.sex, sample.patients, knots, np.array([n_min, len(sample.sexes)])]
    parts += [covariate.values for covariate in sample.covariates]
    names = repr([(sample.sexes, [(part.name, part.of_kinds) for part in sample.covariates])]).encode()
    key = hashlib.blake2b(b"".join([names, *(np.ascontiguousarray(part).tobytes() for part in parts)])).digest()
    if key not in _STORE:
        _STORE[key] = _computed(sample, knots, n_min)
        while len(_STORE) > STORED:
            _STORE.popitem(last=False)
    _STORE.move_to_end(key)
    return _STORE[key]


def _computed(sample: AgeSample, knots: np.ndarray, n_min: int) -> AgeModels:
    columns, omitted = _covariate_columns(sample)
    line = age_model(sample.ages, sample.sexes, sample.sex, sample.patients, line_knots(knots), columns)
    used = knots_in_use(sample.ages, knots)
    curve = line
    if len(used) > LINE_COLUMNS:
        curve = age_model(sample.ages, sample.sexes, sample.sex, sample.patients, used, columns)
    if _reason(curve, n_min) in {"too_few", "few_ages"} or not _enough_for_curves(sample, len(used), n_min):
        curve = line
    made = dict(zip(FORMS, (curve, line), strict=True))
    reasons = {form: _reason(model, n_min) for form, model in made.items()}
    return AgeModels({form: made[form] if reasons[form] == "ok" else None for form in FORMS}, reasons, omitted)


def _reason(model: AgeModel, n_min: int) -> str:
    if model.explained:
        return "explained"
    if model.model.simple_df < n_min:
        return "too_few"
    return "ok" if model.defined else "few_ages"


def _enough_for_curves(sample: AgeSample, heights: int, n_min: int) -> bool:
    """Return whether each sex has enough patients for its own curve."""
    return all(distinct(sample.patients[sample.of_sex(sex)]) - heights >= n_min for sex in sample.sexes)


def _covariate_columns(sample: AgeSample) -> tuple[np.ndarray, list[str]]:
    """Return the columns of the covariates with mean 0, and the covariates without a column."""
    n = len(sample.ages)
    given = np.column_stack([np.empty((n, 0)), *(sample.of_sex(sex).astype(float) for sex in sample.sexes[1:])])
    first, omitted = given.shape[1], []
    for covariate in sample.covariates:
        columns = design([covariate], n, given)
        if not columns.shape[1]:
            omitted.append(covariate.name)
        given = np.column_stack([given, columns])
    return given[:, first:], omitted
