"""The tail of the F distribution, far below the smallest double."""

import itertools
import math

import pytest
from scipy import stats

from ctpop.stats.f_tail import log10_p_of_f
from ctpop.stats.tails import log10_p_of_rho


@pytest.mark.parametrize(
    ("rho", "log10_p"),
    [(0.33, -101.616), (0.49, -240.196), (0.55, -314.708), (0.64, -459.642), (0.74, -691.068), (0.79, -852.077)],
)
def test_f_with_one_degree_of_freedom_is_t_squared(rho, log10_p):
    f = rho**2 * 4002 / (1 - rho**2)

    assert log10_p_of_f(f, 1, 4002) == pytest.approx(log10_p, abs=6e-4)  # 60-digit arithmetic, rounded to 3 decimals
    assert log10_p_of_f(f, 1, 4002) == pytest.approx(log10_p_of_rho(rho, 4004), rel=1e-11)


@pytest.mark.parametrize("f", [0.0, 0.5, 30.0, 400.0, 5000.0, 1e6])
@pytest.mark.parametrize("df", [3, 40, 4000, 100_000])
def test_f_with_two_degrees_of_freedom_has_a_closed_form(f, df):
    assert log10_p_of_f(f, 2, df) == pytest.approx(-df / 2 * math.log1p(2 * f / df) / math.log(10), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("df_1", "df_2"), [(3, 76), (6, 3990), (9, 99_000)])
@pytest.mark.parametrize("f", [0.3, 1.0, 4.0, 20.0])
def test_ordinary_p_values_agree_with_scipy(f, df_1, df_2):
    assert log10_p_of_f(f, df_1, df_2) == pytest.approx(math.log10(stats.f.sf(f, df_1, df_2)), rel=1e-9)


@pytest.mark.parametrize("df_1", [3, 4, 6, 9])
def test_the_logarithm_is_continuous_at_the_switch_of_method(df_1):
    found = [log10_p_of_f(f, df_1, 4000) for f in range(100, 400)]
    falls = [before - after for before, after in itertools.pairwise(found)]

    assert min(found) < -205 < -195 < max(found)
    assert all(0 < fall < 3 for fall in falls)
    assert max(abs(a - b) for a, b in itertools.pairwise(falls)) < 0.02


def test_an_infinite_f_has_a_p_value_of_zero():
    assert log10_p_of_f(math.inf, 3, 10) == -math.inf
