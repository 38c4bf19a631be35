"""Detectable effects agree with published equations, and tests have the stated power in simulated studies."""

import numpy as np
import pytest
from scipy import stats

from ctpop.stats.correlation import spearman
from ctpop.stats.power import detectable_rho, detectable_slope


@pytest.mark.parametrize(
    ("n", "alpha", "power", "expected"),
    [
        (4004, 1e-4, 0.5, 0.061431),
        (4004, 1e-4, 0.8, 0.074693),
        (4004, 1e-4, 0.9, 0.081620),
        (34, 1e-4, 0.5, 0.603587),
        (34, 1e-4, 0.8, 0.700070),
        (34, 1e-4, 0.9, 0.743757),
        (300, 0.05, 0.8, 0.161456),
    ],
)
def test_detectable_correlations(n, alpha, power, expected):
    assert detectable_rho(n, alpha, power) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("power", "expected"), [(0.8, 0.742629653), (0.9, 0.859244099)])
def test_detectable_slopes(power, expected):
    assert detectable_slope(0.265074804, 0.05, power) == pytest.approx(expected, abs=5e-10)


@pytest.mark.parametrize(("n", "alpha"), [(4, 0.05), (34, 1e-4), (300, 0.05), (100_000, 1e-6)])
def test_the_correlation_solves_the_equation(n, alpha):
    rho = detectable_rho(n, alpha, 0.9)

    right = stats.norm.isf(alpha / 2) + stats.norm.ppf(0.9) * np.sqrt(1 + rho**2 / 2)
    assert np.arctanh(rho) * np.sqrt(n - 3) == pytest.approx(right, rel=1e-9)


def test_the_power_is_as_stated_in_simulated_studies():
    random, n, alpha = np.random.default_rng(8), 150, 0.01
    rho = detectable_rho(n, alpha, 0.8)
    pearson = 2 * np.sin(np.pi * rho / 6)  # of a bivariate normal distribution with this rank correlation
    found = []
    for _ in range(600):
        ages, noise = random.standard_normal((2, n))
        result = spearman(pearson * ages + np.sqrt(1 - pearson**2) * noise, ages, 0.95)
        found.append(result.log10_p_independence < np.log10(alpha))

    assert np.mean(found) == pytest.approx(0.8, abs=0.05)
