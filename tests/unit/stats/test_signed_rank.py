import math

import numpy as np
import pytest

from ctpop.stats.signed_rank import MOST_EXACT, signed_rank
from ctpop.stats.tails import log10_p_of_normal


def test_result_equals_a_textbook_example():
    # Darwin's 15 pairs of cross- and self-fertilized plants (eighths of an inch): W+ = 96, exact P = 0.04126 (R)
    differences = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], float)

    found = signed_rank(differences)

    assert found.w == 96
    assert 10**found.log10_p == pytest.approx(0.04126, abs=5e-6)
    assert found.rank_biserial == pytest.approx((96 - 24) / 120, rel=1e-14)
    assert found.n_equal == 0


@pytest.mark.parametrize("differences", [[], [0.0], [0.0, 0.0, 0.0]])
def test_the_test_is_missing_without_a_difference(differences):
    found = signed_rank(np.array(differences))

    assert found.n_equal == len(differences)
    assert all(map(math.isnan, (found.w, found.log10_p, found.rank_biserial)))


@pytest.mark.parametrize("n", [1, 2, 5, 20, MOST_EXACT])
def test_differences_of_one_sign_have_the_binomial_p_value(n):
    found = signed_rank(np.arange(1.0, n + 1))

    assert (found.w, found.rank_biserial) == (n * (n + 1) / 2, 1)
    assert found.log10_p == pytest.approx(min(1 - n, 0) * math.log10(2), abs=1e-12)


def test_differences_of_zero_are_excluded_from_the_ranks():
    assert signed_rank(np.array([0, 0.1, -0.2, 0, 0.3])) == signed_rank(np.array([0, 0, 0.1, -0.2, 0.3]))
    assert signed_rank(np.array([0, 0.1, -0.2, 0, 0.3])).w == 4
    assert signed_rank(np.array([0, 0.1, -0.2, 0, 0.3])).n_equal == 2


def test_differences_that_are_equal_except_for_rounding_are_tied():
    # 0.3 - 0.2 is not 0.2 - 0.1 in binary numbers
    differences = np.array([0.3 - 0.2, 0.1 - 0.2, 0.9 - 0.5])

    assert abs(differences[0]) != abs(differences[1])
    assert signed_rank(differences).w == 1.5 + 3


def test_with_ties_p_is_derived_from_mid_ranks():
    # ranks 2, 2, 2, 4 with signs + + - +: W+ = 8 of 10; 8 or more: 10 once, 8 three times, of 16
    assert 10 ** signed_rank(np.array([1.0, 1, -1, 3])).log10_p == pytest.approx(2 * 4 / 16, rel=1e-12)


def test_many_differences_have_a_p_value_below_the_smallest_double():
    n = 3000

    found = signed_rank(np.arange(1.0, n + 1))

    z = (n * (n + 1) / 4 - 0.5) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert found.log10_p == pytest.approx(log10_p_of_normal(z), rel=1e-12)
    assert found.log10_p < -400


@pytest.mark.parametrize("n", [MOST_EXACT - 10, MOST_EXACT])
def test_the_exact_and_the_normal_test_agree_at_the_limit(n):
    random = np.random.default_rng(n)
    differences = random.normal(0.3, 1, n)

    found = signed_rank(differences)

    z = (abs(found.w - n * (n + 1) / 4) - 0.5) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert 10**found.log10_p == pytest.approx(10 ** log10_p_of_normal(z), rel=0.05)


def test_the_signed_rank_test_has_the_nominal_error_rate():
    random = np.random.default_rng(4)
    samples = [random.normal(0, 1, n) for n in (12, 30, 80) for _ in range(1000)]

    alarms = np.mean([signed_rank(sample).log10_p < math.log10(0.05) for sample in samples])

    assert 0.035 < alarms < 0.06
