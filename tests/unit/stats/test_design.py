"""Design matrix of covariates."""

import numpy as np
import pytest

from ctpop.stats.design import (
    Covariate,
    complete,
    design,
    designed,
    indicators,
    merged,
    share_explained,
    strata_of,
)

N = 60
RANDOM = np.random.default_rng(0)
HEIGHT = Covariate("height_cm", RANDOM.normal(170, 10, N), of_kinds=False)
SEX = Covariate("sex", RANDOM.integers(0, 2, N).astype(float), of_kinds=True)
SITE = Covariate("site", RANDOM.integers(0, 3, N).astype(float), of_kinds=True)


def like(covariate, values):
    return Covariate(covariate.name, values, covariate.of_kinds)


def test_patients_are_complete_if_every_covariate_is_known():
    gaps = like(HEIGHT, np.where(np.arange(N) < 5, np.nan, HEIGHT.values))
    other = like(SEX, np.where(np.arange(N) > 57, np.nan, SEX.values))

    assert complete([gaps, other], N).tolist() == [False] * 5 + [True] * 53 + [False] * 2
    assert complete([], N).all()


def test_levels_are_indicators_except_the_first():
    found = indicators(Covariate("site", np.array([0.0, 1, 2, 1]), of_kinds=True))

    assert found.tolist() == [[0, 0], [1, 0], [0, 1], [1, 0]]


def test_numbers_have_two_columns_and_levels_one_column_less_than_their_count():
    assert design([HEIGHT], N).shape == (N, 2)
    assert design([HEIGHT, SEX, SITE], N).shape == (N, 2 + 1 + 2)


def test_columns_have_mean_0_and_sd_1():
    columns = design([HEIGHT, SITE], N)
    assert columns.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert columns.std(axis=0) == pytest.approx(1)


@pytest.mark.parametrize(
    "redundant",
    [
        [HEIGHT, like(HEIGHT, 2.54 * HEIGHT.values + 3)],
        [HEIGHT, Covariate("constant", np.full(N, 8.0), of_kinds=False)],
        [HEIGHT, Covariate("one_kind", np.zeros(N), of_kinds=True)],
    ],
    ids=["twice", "a constant", "one kind"],
)
def test_redundant_columns_are_omitted(redundant):
    np.testing.assert_array_equal(design(redundant, N), design([HEIGHT], N))


def test_a_level_implied_by_others_is_omitted():
    both = Covariate("sex_and_site", 3 * SEX.values + SITE.values, of_kinds=True)

    assert design([both], N).shape == (N, 5)
    assert design([both, SEX, SITE], N).shape == (N, 5)


def test_columns_contained_in_the_given_columns_are_omitted():
    given = np.column_stack([SEX.values, HEIGHT.values])

    assert design([SEX], N, given).shape == (N, 0)
    assert design([HEIGHT], N, given).shape == (N, 1)  # only its curve


def test_numbers_with_few_distinct_values_are_linear():
    few = Covariate("dose", np.repeat([1.0, 2.0], N // 2), of_kinds=False)
    assert design([few], N).shape == (N, 1)


def test_without_covariates_there_are_no_columns_and_one_stratum():
    assert design([], N).shape == (N, 0)
    assert set(strata_of([], N)) == {0}


def test_patients_of_a_stratum_share_all_levels():
    strata = strata_of([SEX, SITE], N)
    groups = {(sex, site) for sex, site in zip(SEX.values, SITE.values, strict=True)}

    assert len(set(strata)) == len(groups) == 6
    assert len(set(zip(strata, SEX.values, SITE.values, strict=True))) == 6


def test_a_covariate_varies_if_two_known_values_differ():
    assert HEIGHT.varies
    assert not like(HEIGHT, np.full(N, np.nan)).varies
    assert not like(HEIGHT, np.r_[np.full(N - 1, np.nan), 5.0]).varies


SCANNER = Covariate("scanner", np.repeat([0.0, 1, 2, 3, 4], [30, 20, 5, 3, 2]), of_kinds=True)


def test_small_categories_are_merged_into_one():
    found = merged([SCANNER, HEIGHT, SEX], np.arange(N), 10)

    scanner, height, sex = found.covariates
    assert np.unique(scanner.values, return_counts=True)[1].tolist() == [30, 20, 10]
    assert (found.levels, found.rows.sum()) == (3, 10)
    assert height.values is HEIGHT.values
    np.testing.assert_array_equal(sex.values, SEX.values)


def test_categories_are_small_if_they_contain_few_patients_with_several_scans():
    found = merged([SCANNER], np.repeat(np.arange(N // 5), 5), 5)  # 6, 4, 1, 1, and 1 patients

    assert np.unique(found.covariates[0].values, return_counts=True)[1].tolist() == [30, 30]
    assert found.levels == 4


def test_a_single_small_category_remains():
    two = like(SCANNER, np.repeat([0.0, 1], [55, 5]))

    found = merged([two], np.arange(N), 10)

    np.testing.assert_array_equal(found.covariates[0].values, two.values)
    assert (found.levels, found.rows.sum()) == (0, 0)


def test_merging_all_categories_leaves_a_constant_covariate():
    found = merged([SCANNER], np.arange(N), 1000)

    assert not found.covariates[0].varies
    assert (found.levels, found.rows.all()) == (5, True)


def test_merging_an_empty_sample_changes_nothing():
    found = merged([SCANNER.among(np.empty(0, dtype=int))], np.empty(0, dtype=int), 10)

    assert (found.levels, len(found.covariates[0].values)) == (0, 0)


@pytest.mark.parametrize(
    ("covariates", "omitted"),
    [
        ([HEIGHT, SEX, SITE], ()),
        ([HEIGHT, like(HEIGHT, 2.54 * HEIGHT.values + 3)], ("height_cm",)),
        ([Covariate("constant", np.full(N, 8.0), of_kinds=False), SEX], ("constant",)),
        ([Covariate("one_kind", np.zeros(N), of_kinds=True), SEX], ("one_kind",)),
        ([Covariate("both", 3 * SEX.values + SITE.values, of_kinds=True), SEX, SITE], ("sex", "site")),
        ([SEX, Covariate("both", 3 * SEX.values + SITE.values, of_kinds=True)], ("both (1 of 5 columns)",)),
    ],
    ids=["none", "twice", "a constant", "one kind", "implied", "one column"],
)
def test_covariates_with_omitted_columns_are_named(covariates, omitted):
    assert designed(covariates, N).omitted == omitted


def test_a_column_explains_a_monotone_function_of_itself():
    age = RANDOM.uniform(20, 90, N)

    assert share_explained(age, np.exp(-age / 20)[:, np.newaxis]) == pytest.approx(1)
    assert share_explained(age, design([SEX, HEIGHT], N)) < 0.5
    assert share_explained(np.ones(N), age[:, np.newaxis]) == 0
    assert share_explained(np.empty(0), np.empty((0, 2))) == 0
