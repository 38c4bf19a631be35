import numpy as np
import pytest

from ctpop.stats.auc_interval import auc_error, auc_interval, group_of, placements_of


def pairs(first, second):
    return (second[:, None] > first) + 0.5 * (second[:, None] == first)


def error_of(younger, older, patients=None):
    first, second = patients if patients is not None else (None, None)
    return auc_error(group_of(younger, first), group_of(older, second))


@pytest.mark.parametrize("rounded", [False, True])
def test_the_variance_is_that_of_delong(rounded):
    rng = np.random.default_rng(1)
    younger, older = rng.normal(size=30), rng.normal(0.7, 2, 45)
    if rounded:
        younger, older = younger.round(), older.round()
    table = pairs(younger, older)
    expected = table.mean(axis=1).var(ddof=1) / 45 + table.mean(axis=0).var(ddof=1) / 30
    assert error_of(younger, older) == pytest.approx(np.sqrt(expected))
    placed = placements_of(group_of(older), group_of(younger))
    assert placed[group_of(older).level] == pytest.approx(table.mean(axis=1))


def test_one_scan_per_patient_has_the_same_error_with_patient_numbers():
    rng = np.random.default_rng(2)
    younger, older = rng.normal(size=20), rng.normal(size=25)
    assert error_of(younger, older, (np.arange(20), np.arange(20, 45))) == pytest.approx(error_of(younger, older))


def test_the_error_by_patient_follows_obuchowski():
    rng = np.random.default_rng(3)
    younger, older = rng.normal(size=24), rng.normal(0.5, 1, 30)
    patients = rng.integers(0, 15, 24), rng.integers(5, 25, 30)
    table = pairs(younger, older)
    auc = table.mean()
    of_younger = [(table.mean(axis=0) - auc)[patients[0] == number].sum() / 24 for number in range(25)]
    of_older = [(table.mean(axis=1) - auc)[patients[1] == number].sum() / 30 for number in range(25)]
    a, b, both = (len(np.unique(part)) for part in (*patients, np.concatenate(patients)))
    expected = a / (a - 1) * np.square(of_younger).sum() + b / (b - 1) * np.square(of_older).sum()
    expected += 2 * both / (both - 1) * np.dot(of_younger, of_older)
    assert error_of(younger, older, patients) == pytest.approx(np.sqrt(expected))


def test_duplicated_scans_do_not_reduce_the_error_by_patient():
    rng = np.random.default_rng(4)
    younger, older = rng.normal(size=20), rng.normal(size=20)
    twice = np.tile(np.arange(20), 2), np.tile(np.arange(20, 40), 2)
    repeated = error_of(np.tile(younger, 2), np.tile(older, 2), twice)
    assert repeated == pytest.approx(error_of(younger, older))
    assert error_of(np.tile(younger, 2), np.tile(older, 2)) < 0.75 * repeated


def test_separate_groups_have_a_one_sided_interval_that_narrows_with_the_number_of_patients():
    limits = [auc_interval(1.0, 0.0, (n, n), 0.95) for n in (5, 15, 250)]
    assert [high for _, high in limits] == [1, 1, 1]
    assert sorted(low for low, _ in limits) == [low for low, _ in limits]
    assert limits[1][0] == pytest.approx(0.8648, abs=1e-4)
    assert auc_interval(0.0, 0.0, (15, 15), 0.95) == (0, pytest.approx(1 - limits[1][0]))


def test_limits_are_missing_without_an_error():
    assert np.isnan(auc_interval(0.5, 0.0, (4, 4), 0.95)).all()  # for example, two pairs of equal values
    assert np.isnan(auc_interval(0.7, np.nan, (1, 4), 0.95)).all()
    assert np.isnan(auc_interval(1.0, np.nan, (1, 4), 0.95)).all()


def test_coverage_with_unequal_spread_is_nominal():
    rng, inside, seen = np.random.default_rng(5), 0, 600
    for _ in range(seen):
        younger, older = rng.normal(size=50), rng.normal(0, 3, 50)
        table = pairs(younger, older)
        low, high = auc_interval(table.mean(), error_of(younger, older), (50, 50), 0.95)
        inside += low <= 0.5 <= high
    assert 0.925 < inside / seen < 0.975
