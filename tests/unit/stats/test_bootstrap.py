import math

import numpy as np
import pytest

from ctpop.stats.bootstrap import generator_for, interval_of_mean


def interval(values, confidence=0.95, iterations=10000, seed=1):
    return interval_of_mean(np.array(values, float), confidence, iterations, np.random.default_rng(seed))


@pytest.mark.parametrize("values", [[], [0.5]])
def test_fewer_than_two_values_have_no_interval(values):
    assert all(map(math.isnan, interval(values)))


def test_equal_values_have_an_interval_without_width():
    assert interval([0.1] * 7) == (0.1, 0.1)


def test_two_values_have_the_interval_of_their_four_draws():
    # means 0, 1/2, 1/2, 1: the limits at 95% are the two values; at 40% (quantiles .3 and .7), they are the middle
    assert interval([0, 1]) == (0, 1)
    assert interval([0, 1], confidence=0.4) == (0.5, 0.5)


def test_zeros_and_ones_have_the_quantiles_of_the_binomial_distribution():
    # 20 draws with probability 0.3: quantiles .025 and .975 are 2 and 10 successes (tables); sampling changes them by 1
    low, high = interval([1] * 6 + [0] * 14)

    assert (low, high) == (pytest.approx(2 / 20, abs=0.0501), pytest.approx(10 / 20, abs=0.0501))


@pytest.mark.parametrize("n", [20, 80])
def test_intervals_have_approximately_the_nominal_coverage(n):
    # skewed values, similar to Dice scores; percentile intervals of small samples are slightly too short
    random = np.random.default_rng(n)
    samples = random.beta(8, 1.5, (600, n))
    truth = 8 / 9.5

    held = [low <= truth <= high for low, high in (interval(sample, iterations=1000) for sample in samples)]

    assert 0.90 < np.mean(held) < 0.97


def test_the_batch_size_does_not_affect_the_interval(monkeypatch):
    values = np.random.default_rng(2).random(40)
    whole = interval(values)

    monkeypatch.setattr("ctpop.stats.bootstrap.BATCH_NUMBERS", 400)

    assert interval(values) == whole


def test_random_numbers_depend_on_the_seed_and_the_names():
    drawn = generator_for(1, "model", "liver").random()

    assert generator_for(1, "model", "liver").random() == drawn
    others = [generator_for(2, "model", "liver"), generator_for(1, "model", "spleen"), generator_for(1, "modelliver")]
    assert drawn not in [other.random() for other in others]
