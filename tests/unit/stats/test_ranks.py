import numpy as np

from ctpop.stats.ranks import ranks_of, ranks_of_levels


def test_tallies_count_values_of_each_group_at_each_level():
    ranks = ranks_of(np.array([7.0, 5, 5, 9, 7]))
    assert ranks.distinct.tolist() == [5, 7, 9]
    assert ranks.tallies(np.array([1, 1, 3, 3, 3]), 3).tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]


def test_ranks_of_a_part_equal_those_of_a_sorted_part():
    rng = np.random.default_rng(0)
    ages = rng.integers(18, 60, 200).astype(float)
    part = rng.random(200) < 0.1  # without some of the ages
    distinct, level = np.unique(ages, return_inverse=True)
    found, expected = ranks_of_levels(level[part], distinct), ranks_of(ages[part])
    assert len(expected.distinct) < len(distinct)
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(vars(found)[name], value)


def test_empty_and_constant_samples_do_not_vary():
    assert not ranks_of(np.array([])).varies
    assert not ranks_of(np.array([3.0, 3.0])).varies
    assert ranks_of(np.array([3.0, 4.0])).varies
