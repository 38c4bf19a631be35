"""Curves of a value by age and sex, and average differences per decade of age in an age range.

Each sex has its own curve with the same fixed knots; the coefficients are the heights of the curves at the knots. The
average difference per decade in an age range, (f(high) - f(low)) / ((high - low) / 10), is a linear combination of the
heights. It is the mean slope for ages that are uniformly distributed in the range, and does not depend on the age
distribution of the patients.
"""

from dataclasses import dataclass

import numpy as np

from ctpop.stats.linear_model import LinearEstimate, LinearModel, ModelFit, Wald, linear_model
from ctpop.stats.splines import FEWEST_KNOTS, bends, natural_basis, steps

CENTRAL = (0.025, 0.975)  # percentiles of age between which effects are reported
FEWEST_YOUNGER = 10  # scans below a knot in childhood
SHORTEST_YEARS = 25.0  # a curve is not fitted if the ages between these percentiles have a smaller range
BOTH = ("female", "male")
DECADE = 10.0


def central_ages(ages: np.ndarray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentiles of age.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        At least one age in years.

    Returns
    -------
    low, high : float
        Percentiles in years (linear quantiles).

    Examples
    --------
    >>> central_ages(np.arange(20.0, 61.0))
    (21.0, 59.0)

    """
    low, high = np.quantile(ages, CENTRAL)
    return float(low), float(high)


def knots_in_use(ages: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the knots for patients of these ages: the knots of a curve, or two knots for a straight line.

    The knots of a curve are those between the 2.5th and 97.5th percentiles of age, and the nearest knot on each side.
    With fewer than three knots, or fewer than 25 years between the percentiles, the result is the first and last knot.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        At least one age in years.
    knots : np.ndarray of float, shape (k,)
        At least two knots in years, in ascending order.

    Returns
    -------
    np.ndarray of float, shape (2,) or (3 to k,)
        Knots in years, in ascending order.

    Examples
    --------
    >>> knots = np.array([25.0, 45.0, 65.0, 85.0])
    >>> knots_in_use(np.linspace(28, 58, 100), knots).tolist()
    [25.0, 45.0, 65.0]
    >>> knots_in_use(np.linspace(55, 74, 100), knots).tolist()
    [25.0, 85.0]

    """
    # ASSUME: fixed knots instead of quantiles, so that coefficients of two cohorts have the same meaning
    low, high = central_ages(ages)
    first, last = np.searchsorted(knots, low, side="right") - 1, np.searchsorted(knots, high)
    used = knots[max(first, 0) : last + 1]
    if len(used) < FEWEST_KNOTS or high - low < SHORTEST_YEARS:
        return line_knots(knots)
    return used


def with_childhood(ages: np.ndarray, knots: np.ndarray, childhood: np.ndarray) -> np.ndarray:
    """Return the knots preceded by the knots in childhood that the ages require.

    Below its first knot, a curve is a straight line, whose slope the growth of children would determine together with
    the slope of young adults. A knot in childhood is therefore added if it is below the first knot and at least 10
    scans are from younger patients.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years.
    knots : np.ndarray of float, shape (k,)
        Knots in years, in ascending order.
    childhood : np.ndarray of float, shape (c,)
        Knots in childhood in years, in ascending order; may be empty.

    Returns
    -------
    np.ndarray of float, shape (k to k + c,)
        Knots in years, in ascending order.

    Examples
    --------
    >>> knots, childhood = np.array([25.0, 45.0, 65.0, 85.0]), np.array([5.0, 15.0])
    >>> with_childhood(np.arange(6.0, 90.0), knots, childhood).tolist()
    [25.0, 45.0, 65.0, 85.0]
    >>> with_childhood(np.arange(1.0, 90.0), knots, childhood).tolist()
    [15.0, 25.0, 45.0, 65.0, 85.0]

    """
    # ASSUME: 10 younger scans, because fewer scans have little influence on the curves of adults
    added = [knot for knot in childhood if knot < knots[0] and np.count_nonzero(ages < knot) >= FEWEST_YOUNGER]
    return np.concatenate([added, knots])


def line_knots(knots: np.ndarray) -> np.ndarray:
    """Return the two knots of a straight line: the first and the last knot.

    Parameters
    ----------
    knots : np.ndarray of float, shape (k,)
        At least two knots in ascending order.

    Returns
    -------
    np.ndarray of float, shape (2,)
        The two knots.

    Examples
    --------
    >>> line_knots(np.array([25.0, 45.0, 65.0, 85.0])).tolist()
    [25.0, 85.0]

    """
    return knots[[0, -1]]


@dataclass(frozen=True, eq=False)
class AgeModel:
    """A linear model with one curve of age per sex, prepared for any number of dependent variables.

    Attributes
    ----------
    sexes : tuple of str
        Sexes with a curve: `female` and `male`, one of them, or `all` for one curve of all patients.
    knots : np.ndarray of float, shape (k,)
        Knots of each curve in years, in ascending order; two knots for straight lines.
    model : LinearModel
        The model. The first columns are the curve of the first sex and of the second sex; covariates follow.

    Examples
    --------
    >>> ages = np.arange(20.0, 80.0)
    >>> model = age_model(ages, ("all",), np.zeros(60, dtype=int), np.arange(60), np.array([25.0, 45.0, 65.0]))
    >>> model.heights, model.straight
    (3, False)

    """

    sexes: tuple[str, ...]
    knots: np.ndarray
    model: LinearModel

    @property
    def heights(self) -> int:
        """Number of coefficients that are heights of the curves."""
        return len(self.sexes) * len(self.knots)

    @property
    def straight(self) -> bool:
        """Whether the curves are straight lines."""
        return len(self.knots) < FEWEST_KNOTS

    @property
    def defined(self) -> bool:
        """Whether all heights of the curves can be estimated."""
        return bool(self.model.kept[: self.heights].all())

    @property
    def explained(self) -> bool:
        """Whether age and sex determine a covariate, so that the effects of the covariate and of age are the same."""
        return bool(self.model.redundant[self.heights :].any())

    def window(self, low: float, high: float) -> dict[str, np.ndarray]:
        """Return the average difference per decade in an age range as linear combinations of the coefficients.

        Parameters
        ----------
        low, high : float
            Age range in years.

        Returns
        -------
        dict of str to np.ndarray of float, shape (p,)
            Combinations by sex: each sex of the model and, with both sexes, `standardized` (mean of women and men,
            each with weight 1/2) and `difference` (men minus women).

        Examples
        --------
        >>> ages = np.arange(20.0, 80.0)
        >>> model = age_model(ages, ("all",), np.zeros(60, dtype=int), np.arange(60), np.array([20.0, 70.0]))
        >>> model.window(30.0, 60.0)["all"].round(6).tolist()
        [-0.2, 0.2]

        """
        ends = natural_basis(np.array([low, high]), self.knots)
        return self._by_sex((ends[1] - ends[0]) / ((high - low) / DECADE))

    def difference_at(self, age: float) -> np.ndarray:
        """Return the difference between men and women at an age as a linear combination of the coefficients.

        Parameters
        ----------
        age : float
            Age in years.

        Returns
        -------
        np.ndarray of float, shape (p,)
            Factors of the coefficients.

        Raises
        ------
        KeyError
            If the model does not contain both sexes.

        Examples
        --------
        >>> ages, sexes = np.arange(20.0, 80.0), np.arange(60) % 2
        >>> model = age_model(ages, BOTH, sexes, np.arange(60), np.array([20.0, 70.0]))
        >>> model.difference_at(45.0).round(6).tolist()
        [-0.5, -0.5, 0.5, 0.5]

        """
        return self._by_sex(natural_basis(np.array([age]), self.knots)[0])["difference"]

    def hypotheses(self) -> dict[str, np.ndarray]:
        """Return the hypotheses about the curves as linear combinations of the coefficients that are 0.

        Returns
        -------
        dict of str to np.ndarray of float, shape (q, p)
            Combinations by hypothesis. `age`: all curves are flat; `nonlinear`: all curves are straight;
            `nonlinear_female` and `nonlinear_male`: the curve of a sex is straight; `interaction`: the difference
            between the sexes is the same at all ages. Hypotheses that do not apply to the model are absent.

        Examples
        --------
        >>> ages, sexes = np.arange(20.0, 80.0), np.arange(60) % 2
        >>> model = age_model(ages, BOTH, sexes, np.arange(60), np.array([20.0, 45.0, 70.0]))
        >>> [(term, len(combinations)) for term, combinations in model.hypotheses().items()]
        [('age', 4), ('nonlinear', 2), ('nonlinear_female', 1), ('nonlinear_male', 1), ('interaction', 2)]

        """
        flat, straight, curves = steps(self.knots), bends(self.knots), np.eye(len(self.sexes))
        found = {"age": np.kron(curves, flat)}
        if not self.straight:
            found["nonlinear"] = np.kron(curves, straight)
            of_sex = zip(self.sexes, curves, strict=True)
            found |= {f"nonlinear_{sex}": np.kron(curve, straight) for sex, curve in of_sex if sex in BOTH}
        if self.sexes == BOTH:
            found["interaction"] = np.kron([-1.0, 1.0], flat)
        return {term: self._with_covariates(combinations) for term, combinations in found.items()}

    def tests(self, fit: ModelFit) -> dict[str, Wald]:
        """Return the tests of all hypotheses about the curves.

        Parameters
        ----------
        fit : ModelFit
            ModelFit of the model to a dependent variable.

        Returns
        -------
        dict of str to Wald
            Tests by hypothesis, as in `hypotheses`.

        Examples
        --------
        >>> ages = np.arange(20.0, 80.0)
        >>> model = age_model(ages, ("all",), np.zeros(60, dtype=int), np.arange(60), np.array([20.0, 45.0, 70.0]))
        >>> tests = model.tests(model.model.fit(ages + np.where(np.arange(60) % 2, 1.0, -1.0)))
        >>> {term: (test.df_1, test.df_2, round(test.partial_r_squared, 2)) for term, test in tests.items()}
        {'age': (2, 57.0, 1.0), 'nonlinear': (1, 57.0, 0.0)}

        """
        return {term: fit.test(combinations) for term, combinations in self.hypotheses().items()}

    def _by_sex(self, factors: np.ndarray) -> dict[str, np.ndarray]:
        curves = np.eye(len(self.sexes))
        weights = dict(zip(self.sexes, curves, strict=True))
        if self.sexes == BOTH:
            weights["standardized"], weights["difference"] = np.array([0.5, 0.5]), np.array([-1.0, 1.0])
        return {sex: self._with_covariates(np.kron(weight, factors)) for sex, weight in weights.items()}

    def _with_covariates(self, combinations: np.ndarray) -> np.ndarray:
        others = len(self.model.kept) - self.heights
        return np.concatenate([combinations, np.zeros((*combinations.shape[:-1], others))], axis=-1)


def age_model(
    ages: np.ndarray,
    sexes: tuple[str, ...],
    sex: np.ndarray,
    patients: np.ndarray,
    knots: np.ndarray,
    covariates: np.ndarray | None = None,
) -> AgeModel:
    """Return a model with one curve of age per sex and the columns of covariates.

    Parameters
    ----------
    ages : np.ndarray of float, shape (n,)
        Ages in years.
    sexes : tuple of str
        Sexes with a curve, as in `AgeModel.sexes`.
    sex : np.ndarray of int, shape (n,)
        Position in `sexes` of the sex of each row.
    patients : np.ndarray of int, shape (n,)
        Number that identifies the patient of each row.
    knots : np.ndarray of float, shape (k,)
        Knots of each curve in years, in ascending order; two knots for straight lines.
    covariates : np.ndarray of float, shape (n, q), optional
        Columns of the covariates with mean 0, so that the curves apply to patients with mean covariates.

    Returns
    -------
    AgeModel
        The model.

    Examples
    --------
    >>> ages, sexes = np.arange(20.0, 80.0), np.arange(60) % 2
    >>> model = age_model(ages, BOTH, sexes, np.arange(60), np.array([20.0, 70.0]))
    >>> model.model.fit(ages / 10 + sexes).coefficients.round(6).tolist()  # women and men at 20 and 70 years
    [2.0, 7.0, 3.0, 8.0]

    """
    basis = natural_basis(ages, knots)
    curves = [basis * (sex == place)[:, np.newaxis] for place in range(len(sexes))]
    others = np.empty((len(ages), 0)) if covariates is None else covariates
    return AgeModel(sexes, knots, linear_model(np.column_stack([*curves, others]), patients))


def in_percent(found: LinearEstimate) -> tuple[float, float, float]:
    """Return a difference of natural logarithms and its limits in percent: 100 (exp(x) - 1).

    Parameters
    ----------
    found : LinearEstimate
        Difference of logarithms.

    Returns
    -------
    estimate, ci_low, ci_high : float
        Difference and limits in percent.

    Examples
    --------
    >>> tuple(round(limit, 2) for limit in in_percent(LinearEstimate(-0.05, 0.01, 100, -0.07, -0.03, -5.0)))
    (-4.88, -6.76, -2.96)

    """
    estimate, low, high = (100 * np.expm1([found.estimate, found.ci_low, found.ci_high])).tolist()
    return estimate, low, high
