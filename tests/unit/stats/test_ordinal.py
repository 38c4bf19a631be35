"""The cumulative probability model and its residuals."""

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel

from ctpop.stats.ordinal import Ordinal


def sample(n, levels, seed=0):
    random = np.random.default_rng(seed)
    z = random.standard_normal((n, 2))
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    y = np.digitize(z @ [0.8, -0.5] + random.logistic(size=n), np.linspace(-2, 2, levels - 1)).astype(float)
    return y, z


def test_residuals_equal_those_of_the_proportional_odds_model_of_statsmodels():
    y, z = sample(400, levels=6)
    # numerical derivatives are accurate to 1e-7 on all processors and to 1e-9 on some
    peer = OrderedModel(y.astype(int), z, distr="logit").fit(method="bfgs", disp=False, maxiter=500, gtol=1e-7)
    shares = np.column_stack([np.zeros(400), np.cumsum(peer.predict(), axis=1)])
    level = np.searchsorted(np.unique(y), y)
    rows = np.arange(400)

    found = Ordinal(y, z)

    assert found.settled
    np.testing.assert_allclose(found.values, shares[rows, level] + shares[rows, level + 1] - 1, atol=1e-6)


def test_residuals_are_uncorrelated_with_the_covariates():
    # score equations: the sum of the residuals and the sum of each column times the residuals are 0
    y, z = sample(500, levels=3)
    y = y + np.random.default_rng(1).random(500)

    found = Ordinal(y, z)

    assert abs(found.values.sum()) < 1e-7
    np.testing.assert_allclose(
        z.T @ found.values, 0, atol=1e-4
    )  # the ridge penalty changes it by 1e-6 times the coefficient


def test_two_distinct_values_yield_a_logistic_regression():
    y, z = sample(300, levels=2)
    peer = sm.Logit((y == y.max()).astype(float), sm.add_constant(z)).fit(disp=False, tol=1e-12)
    larger = peer.predict()

    found = Ordinal(y, z)

    np.testing.assert_allclose(found.values, np.where(y == y.max(), 1 - larger, -larger), atol=1e-7)


def test_only_the_order_of_the_values_matters():
    y, z = sample(200, levels=5)
    y = y + np.random.default_rng(2).random(200)

    np.testing.assert_array_equal(Ordinal(y, z).values, Ordinal(np.exp(5 * y), z).values)


@pytest.mark.parametrize("n", [20, 200])
def test_a_level_that_separates_the_values_has_finite_residuals(n):
    y = np.arange(float(n))
    kind = (y >= n / 2).astype(float)
    kind = ((kind - kind.mean()) / kind.std())[:, np.newaxis]

    found = Ordinal(y, kind)

    half = n // 2
    expected = (2 * np.arange(1, half + 1) - half - 1) / half  # the ranks within each level
    assert found.settled
    np.testing.assert_allclose(found.values, np.tile(expected, 2), atol=1e-3)
