"""Properties of the statistics that hold for any data."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from ctpop.stats.correlation import spearman
from ctpop.stats.families import benjamini_hochberg, bonferroni, holm
from ctpop.stats.groups import kruskal_wallis, quartile_cuts, quartile_of
from ctpop.stats.normality import kolmogorov_smirnov
from ctpop.stats.rank_bootstrap import Ranked, drawn_correlations
from ctpop.stats.ranks import ranks_of
from ctpop.stats.ranksum import rank_sum
from ctpop.stats.shift import hodges_lehmann_shift
from ctpop.stats.tails import log10_p_of_chi_squared, log10_p_of_rho
from support.laws import law

# attenuations in steps of 1/8 HU, few enough for ties; sums and products with powers of two are exact
VALUES = st.integers(-400, 400).map(lambda number: number / 8)
AGES = st.integers(18, 100).map(float)
SAMPLES = st.lists(VALUES, min_size=4, max_size=60).map(np.array)
PEOPLE = st.lists(st.tuples(AGES, VALUES), min_size=4, max_size=60).map(np.array)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array)


def results_of(found):
    return list(vars(found).values())


def same(first, second):
    """Equal up to the last digits, with missing values in the same places."""
    np.testing.assert_allclose(results_of(first), results_of(second), rtol=1e-10, atol=1e-12)


@law(40)
@given(PEOPLE)
def test_a_monotone_transform_does_not_change_rank_tests(patients):
    ages, values = patients.T
    quartiles = quartile_of(ages, quartile_cuts(ages), "right_closed")
    same(spearman(ages, values, 0.95), spearman(ages, np.exp(values / 10), 0.95))
    same(kruskal_wallis(values, quartiles), kruskal_wallis(values**3, quartiles))


@law(40)
@given(PEOPLE, st.randoms(use_true_random=False))
def test_the_order_of_patients_does_not_affect_results(patients, random):
    order = list(range(len(patients)))
    random.shuffle(order)
    (ages, values), (other_ages, other_values) = patients.T, patients[order].T
    same(spearman(ages, values, 0.95), spearman(other_ages, other_values, 0.95))
    same(
        kruskal_wallis(values, quartile_of(ages, quartile_cuts(ages), "right_closed")),
        kruskal_wallis(other_values, quartile_of(other_ages, quartile_cuts(other_ages), "right_closed")),
    )


@law(40)
@given(PEOPLE)
def test_a_change_of_sign_reverses_the_correlation_and_its_interval(patients):
    ages, values = patients.T
    found, turned = spearman(ages, values, 0.95), spearman(ages, -values, 0.95)
    expected = [-found.rho, -found.ci_high, -found.ci_low, found.log10_p_independence, found.log10_p_rho0]
    np.testing.assert_allclose(results_of(turned), expected, rtol=1e-10, atol=1e-12)


@law(40)
@given(PEOPLE)
def test_age_and_value_are_exchangeable_in_the_correlation(patients):
    ages, values = patients.T
    same(spearman(ages, values, 0.95), spearman(values, ages, 0.95))


@law(40)
@given(PEOPLE)
def test_the_interval_contains_the_estimate_and_is_within_its_range(patients):
    found = spearman(*patients.T, 0.95)
    assume(np.isfinite(found.ci_low))
    assert -1 <= found.ci_low <= found.rho + 1e-12
    assert found.rho - 1e-12 <= found.ci_high <= 1
    assert found.log10_p_independence <= 0


@law(40)
@given(PEOPLE)
def test_results_are_missing_only_if_a_variable_is_constant(patients):
    ages, values = patients.T
    varies = np.ptp(ages) > 0 and np.ptp(values) > 0
    assert np.isfinite(spearman(ages, values, 0.95).rho) == varies


@law(40)
@given(st.floats(0.001, 0.9989), st.integers(4, 100_000))
def test_p_decreases_with_correlation_and_cohort_size(rho, n):
    here = log10_p_of_rho(rho, n)
    assert log10_p_of_rho(rho + 0.001, n) < here
    assert log10_p_of_rho(rho, n + 10) < here


@law(40)
@given(st.floats(0, 5000), st.floats(0.01, 50), st.sampled_from([1, 2, 3]))
def test_p_decreases_with_h_and_increases_with_the_number_of_groups(h, more, df):
    assert log10_p_of_chi_squared(h + more, df) < log10_p_of_chi_squared(h, df)
    assert log10_p_of_chi_squared(h + more, df + 1) > log10_p_of_chi_squared(h + more, df)


@law(40)
@given(st.lists(AGES, min_size=1, max_size=80).map(np.array), st.sampled_from(["right_closed", "left_closed"]))
def test_quartiles_increase_with_age(ages, closed):
    quartiles = quartile_of(ages, quartile_cuts(ages), closed)
    assert set(quartiles) <= {1, 2, 3, 4}
    assert (np.diff(quartiles[np.argsort(ages, kind="stable")]) >= 0).all()
    assert all(len(set(quartiles[ages == age])) == 1 for age in ages)


@law(40)
@given(st.lists(AGES, min_size=1, max_size=80).map(np.array))
def test_the_closed_side_affects_only_ages_at_a_cut_point(ages):
    cuts = quartile_cuts(ages)
    moved = quartile_of(ages, cuts, "right_closed") != quartile_of(ages, cuts, "left_closed")
    assert (moved == np.isin(ages, cuts)).all()


@law(40)
@given(PEOPLE)
def test_the_effect_size_of_the_groups_is_a_proportion(patients):
    ages, values = patients.T
    found = kruskal_wallis(values, quartile_of(ages, quartile_cuts(ages), "right_closed"))
    assume(np.isfinite(found.h))
    assert 0 <= found.epsilon_squared <= 1
    assert found.log10_p <= 0
    assert 1 <= found.df <= 3


@law(40)
@given(SAMPLES, SAMPLES)
def test_exchanging_the_groups_reverses_every_sign(first, second):
    assume(np.ptp(np.concatenate([first, second])) > 0)
    here, there = rank_sum(first, second), rank_sum(second, first)
    assert here.log10_p == there.log10_p
    assert (here.z, here.shift) == (-there.z, -there.shift)
    assert here.u + there.u == len(first) * len(second)
    assert abs(here.auc + there.auc - 1) < 1e-15
    assert abs(here.cliffs_delta + there.cliffs_delta) < 1e-15
    limits = np.array([[each.shift_ci_low, each.shift_ci_high, each.auc_ci_low - 0.5] for each in (here, there)])
    np.testing.assert_array_equal(limits[0, :2], -limits[1, 1::-1])
    np.testing.assert_allclose(here.auc_ci_high, 1 - there.auc_ci_low, atol=1e-12)


@law(40)
@given(SAMPLES, SAMPLES, VALUES)
def test_the_shift_equals_a_displacement_and_the_median_of_differences(first, second, displacement):
    shift = hodges_lehmann_shift(first, second)
    assert shift == np.median(np.subtract.outer(second, first))
    assert hodges_lehmann_shift(first, second + displacement) == shift + displacement


@law(40)
@given(SAMPLES, st.sampled_from([0.5, 2.0, 4.0]), VALUES)
def test_fitted_normality_does_not_depend_on_the_unit(values, factor, offset):
    for method in ("lilliefors", "ks_fitted"):
        here, there = kolmogorov_smirnov(values, method), kolmogorov_smirnov(values * factor + offset, method)
        np.testing.assert_allclose(results_of(here), results_of(there), rtol=1e-6, atol=1e-9)


@law(10)  # statsmodels collects garbage in each call of Holm's procedure
@given(P_VALUES)
def test_adjusted_p_values_are_ordered(p):
    strictest, stepwise, rate = bonferroni(p), holm(p), benjamini_hochberg(p)
    slack = 1 + 1e-12
    assert (p <= rate * slack).all()
    assert (rate <= stepwise * slack).all()
    assert (stepwise <= strictest * slack).all()
    assert strictest.max() <= 1


@law(10)  # statsmodels collects garbage in each call of Holm's procedure
@given(P_VALUES, st.randoms(use_true_random=False))
def test_adjusted_p_values_do_not_depend_on_the_order_of_tests(p, random):
    order = list(range(len(p)))
    random.shuffle(order)
    for adjust in (bonferroni, holm, benjamini_hochberg):
        np.testing.assert_allclose(adjust(p[order]), adjust(p)[order], rtol=1e-12)


@law(40)
@given(PEOPLE, st.lists(st.booleans(), min_size=60, max_size=60))
def test_drawn_correlations_reverse_with_the_sign_and_ignore_monotone_transforms(patients, kept):
    ages, values = patients.T
    some = np.array(kept[: len(patients)])
    found = {
        name: np.concatenate(list(drawn_correlations([ranked(ages, changed, some)], len(patients), 80, 1, 1)), axis=1)
        for name, changed in {"original": values, "negative": -values, "transformed": np.exp(values / 10)}.items()
    }
    np.testing.assert_allclose(found["negative"], -found["original"], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found["transformed"], found["original"])
    defined = found["original"][np.isfinite(found["original"])]
    assert (np.abs(defined) <= 1).all()


def ranked(ages, values, some):
    return Ranked(np.flatnonzero(some), ranks_of(values[some]), ranks_of(ages[some]))


@law(40)
@given(st.sampled_from([0, 1, 2, 3, 7]), VALUES, AGES)
def test_single_patients_empty_samples_and_equal_values_have_no_result(n, value, age):
    values, ages = np.full(n, value), np.full(n, age)
    quartiles = quartile_of(ages, quartile_cuts(ages), "right_closed")
    for found in (
        spearman(ages, values, 0.95),
        kruskal_wallis(values, quartiles),
        rank_sum(values, values[:1]),
        kolmogorov_smirnov(values, "lilliefors"),
    ):
        assert np.isnan(results_of(found)).all()


@law(40)
@given(SAMPLES, SAMPLES)
def test_a_monotone_transform_changes_only_the_shift(first, second):
    here, there = rank_sum(first, second), rank_sum(np.exp(first / 10), np.exp(second / 10))
    for name in ("u", "z", "log10_p", "auc", "auc_ci_low", "auc_ci_high", "cliffs_delta"):
        np.testing.assert_equal(getattr(here, name), getattr(there, name))
