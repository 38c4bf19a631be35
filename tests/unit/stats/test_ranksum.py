import numpy as np
import pytest
from scipy import stats

from ctpop.stats.ranksum import rank_sum


def tied_groups(seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 5, 30).astype(float), rng.integers(0, 5, 30) + rng.integers(0, 2, 30).astype(float)


def test_result_equals_a_textbook_example():
    # Hollander and Wolfe (1973), from the help page of wilcox.test in R: W = 35 for the first sample
    x = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    y = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    found = rank_sum(x, y)
    assert found.u == 50 - 35
    assert found.auc == pytest.approx(15 / 50)
    assert found.cliffs_delta == pytest.approx(-0.4)
    assert found.z == pytest.approx((15 - 25 + 0.5) / np.sqrt(50 / 12 * 16))


def test_z_follows_the_formula_with_tie_and_continuity_correction():
    found = rank_sum(np.array([1.0, 2, 2]), np.array([2.0, 3, 3, 4]))
    # U: 10 of 12 pairs, and 2 ties of 2 and 2 values count half each; ties of 3 and 2 values for n = 7
    u = 11.0
    variance = 12 / 12 * (8 - ((27 - 3) + (8 - 2)) / (7 * 6))
    assert found.u == u
    assert found.z == pytest.approx((u - 6 - 0.5) / np.sqrt(variance))


@pytest.mark.parametrize("seed", range(5))
def test_tied_groups_agree_with_mannwhitneyu(seed):
    younger, older = tied_groups(seed)
    peer = stats.mannwhitneyu(older, younger, method="asymptotic", use_continuity=True)
    found = rank_sum(younger, older)
    assert found.u == peer.statistic
    assert 10**found.log10_p == pytest.approx(peer.pvalue, rel=1e-12)


def test_tied_groups_differ_from_the_uncorrected_ranksums():
    younger, older = np.repeat([0.0, 1], [20, 10]), np.repeat([0.0, 1], [13, 17])
    ours, plain = 10 ** rank_sum(younger, older).log10_p, stats.ranksums(younger, older).pvalue
    assert ours < 0.08 < 0.12 < plain


def test_effect_sizes_are_proportions_of_pairs():
    younger, older = tied_groups()
    differences = np.subtract.outer(older, younger)
    found = rank_sum(younger, older)
    assert found.auc == pytest.approx((differences > 0).mean() + (differences == 0).mean() / 2)
    assert found.cliffs_delta == pytest.approx((differences > 0).mean() - (differences < 0).mean())
    assert found.shift == np.median(differences)


def test_signs_indicate_the_direction_of_change_with_age():
    found = rank_sum(np.arange(20.0), np.arange(20.0) + 5)
    assert found.u > 200  # U of the older group
    assert found.z > 0
    assert found.cliffs_delta > 0
    assert found.shift == 5


def test_p_of_separate_groups_does_not_underflow():
    found = rank_sum(np.arange(3000.0), np.arange(3000.0) + 5000)
    assert found.auc == 1
    assert stats.mannwhitneyu(np.arange(3000.0), np.arange(3000.0) + 5000).pvalue == 0
    assert found.log10_p == pytest.approx((np.log(2) + stats.norm.logsf(found.z)) / np.log(10))


def test_groups_without_a_difference_have_z_of_zero_and_p_of_one():
    found = rank_sum(np.array([1.0, 4]), np.array([2.0, 3]))
    assert (found.z, found.log10_p, found.auc) == (0, 0, 0.5)


def test_a_difference_within_the_continuity_correction_is_zero_without_a_sign():
    found = rank_sum(np.array([1.0]), np.array([2.0]))
    assert (found.u, found.z, found.log10_p) == (1, 0, 0)
    assert not np.signbit(found.z)


@pytest.mark.parametrize(("younger", "older"), [([], []), ([], [1.0, 2]), ([1.0, 2], []), ([3.0, 3], [3.0])], ids=str)
def test_groups_without_a_defined_result_have_missing_values(younger, older):
    found = rank_sum(np.array(younger), np.array(older))
    assert np.isnan(list(vars(found).values())).all()


def test_without_continuity_z_is_that_of_scipy_without_it():
    rng = np.random.default_rng(9)
    younger, older = rng.integers(0, 8, 40).astype(float), rng.integers(1, 9, 55).astype(float)
    peer = stats.mannwhitneyu(younger, older, method="asymptotic", use_continuity=False)
    assert 10 ** rank_sum(younger, older, continuity=False).log10_p == pytest.approx(peer.pvalue, rel=1e-12)
    assert rank_sum(younger, older).log10_p > rank_sum(younger, older, continuity=False).log10_p
