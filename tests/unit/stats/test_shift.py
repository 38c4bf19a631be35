import tracemalloc

import numpy as np
import pytest

from ctpop.stats.shift import difference_of_rank, hodges_lehmann_shift


def test_result_equals_a_textbook_example():
    # Hollander and Wolfe (1973): permeability of the human chorioamnion, estimate of the difference 0.305
    at_term = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    early = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    assert hodges_lehmann_shift(early, at_term) == pytest.approx(0.305, abs=1e-12)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 2), (2, 2), (7, 40), (151, 151), (300, 251)], ids=str)
@pytest.mark.parametrize("decimals", [None, 1], ids=["untied", "tied"])
def test_shift_is_the_median_of_all_differences(sizes, decimals):
    rng = np.random.default_rng(sum(sizes))
    younger, older = rng.normal(60, 12, sizes[0]), rng.normal(52, 9, sizes[1])
    if decimals is not None:
        younger, older = np.round(younger, decimals), np.round(older, decimals)
    expected = np.median(np.subtract.outer(older, younger))
    assert hodges_lehmann_shift(younger, older) == pytest.approx(expected, abs=1e-13)


def test_the_difference_of_every_rank_is_found():
    rng = np.random.default_rng(1)
    younger, older = rng.integers(0, 60, 40).astype(float), rng.integers(0, 60, 90).astype(float)
    expected = np.sort(np.subtract.outer(older, younger), axis=None)
    counted = np.unique(younger, return_counts=True), np.unique(older, return_counts=True)
    assert [difference_of_rank(*counted, rank) for rank in range(0, 3600, 37)] == expected[::37].tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_cauchy(n),
        lambda rng, n: np.exp(3 * rng.normal(size=n)),
        lambda rng, n: np.r_[1e9, rng.normal(size=n - 1)],
        lambda rng, n: np.round(rng.normal(size=n), 1) + np.where(rng.random(n) < 0.5, 0, 100),
    ],
    ids=["no mean", "skewed", "an outlier", "two clusters with ties"],
)
@pytest.mark.parametrize("n", [1500, 1501])
def test_shift_is_exact_if_the_range_of_differences_is_narrowed(draw, n):
    rng = np.random.default_rng(3)
    younger, older = draw(rng, n), draw(rng, n)
    assert hodges_lehmann_shift(younger, older) == np.median(np.subtract.outer(older, younger))


def test_memory_does_not_contain_all_differences():
    rng = np.random.default_rng(2)
    younger, older = rng.normal(size=25_000), rng.normal(size=25_000) + 0.5
    tracemalloc.start()
    shift = hodges_lehmann_shift(younger, older)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shift == pytest.approx(0.5, abs=0.05)  # its standard error is about sqrt(2/25000 * pi/3) = 0.009
    assert peak < 50e6  # a table of all differences would require 5e9 bytes
