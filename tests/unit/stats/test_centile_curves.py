"""Centile curves: the three distributions, their gradients, and parameter recovery of a fit."""

import numpy as np
import pytest
from scipy import integrate, stats

from ctpop.stats.centile_curves import fit_curves
from ctpop.stats.distributions import MODELS, Points

BCCG, BCT, SHASH = MODELS["bccg"], MODELS["bct"], MODELS["shash"]
CENTILES = stats.norm.ppf([0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97])
SKEWS = [-2.0, -0.4, 0.0, 0.00005, 0.3, 1.0, 1.8]


def points(location, spread, skew, tail=1.0, n=1):
    return Points(np.full(n, location), np.full(n, np.log(spread)), skew, np.log(tail))


def volumes(n, seed, skew=0.3):
    """Return ages and volumes with decreasing median and increasing variation over age, without the outermost tails."""
    random = np.random.default_rng(seed)
    ages = random.uniform(18, 100, n)
    z = np.clip(random.standard_normal(n), -3, 3)
    median, spread = 150 - 0.6 * ages, 0.12 + 0.001 * ages
    return ages, median * (1 + skew * spread * z) ** (1 / skew) if skew else median * np.exp(spread * z)


def attenuations(n, seed):
    random = np.random.default_rng(seed)
    ages = random.uniform(18, 100, n)
    z = random.standard_normal(n)
    return ages, -30 - 0.5 * ages + (6 + 0.1 * ages) * np.sinh((np.arcsinh(z) - 0.5) / 0.9)


@pytest.mark.parametrize("skew", SKEWS)
def test_bccg_is_a_distribution(skew):
    at = points(np.log(100), 0.35, skew)

    total, _ = integrate.quad(lambda y: np.exp(BCCG.log_density(np.array([y]), at)[0][0]), 1e-9, 50_000, limit=900)

    assert total == pytest.approx(1, abs=2e-4)


@pytest.mark.parametrize("skew", SKEWS)
def test_bct_is_a_distribution(skew):
    at = points(np.log(100), 0.2, skew, tail=6.0)

    total, _ = integrate.quad(lambda y: np.exp(BCT.log_density(np.array([y]), at)[0][0]), 1e-9, 50_000, limit=900)

    assert total == pytest.approx(1, abs=2e-3)


def test_bct_with_many_degrees_of_freedom_is_bccg():
    y = np.array([50.0, 100.0, 180.0])

    for skew in (-0.4, 0.0, 1.0):
        found = BCT.log_density(y, points(np.log(100), 0.3, skew, tail=1e7, n=3))[0]
        assert found == pytest.approx(BCCG.log_density(y, points(np.log(100), 0.3, skew, n=3))[0], abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_skew_by_value_equals_one_skew_for_each_value(name):
    y, skews = np.array([60.0, 90.0, 130.0]), np.array([-0.7, 0.0, 0.9])
    at = Points(np.full(3, 95.0), np.full(3, np.log(0.2 if name != "shash" else 20)), skews, np.log(2.0))
    fitted = Points(MODELS[name].to_fit(at.location), at.log_spread, skews, at.log_tail)

    for number, skew in enumerate(skews):
        one, one_fitted = (Points(p.location[:1], p.log_spread[:1], float(skew), p.log_tail) for p in (at, fitted))
        here = slice(number, number + 1)
        assert MODELS[name].z_of(y, at)[number] == pytest.approx(MODELS[name].z_of(y[here], one)[0], abs=1e-14)
        assert MODELS[name].value_of(1.3, at)[number] == pytest.approx(MODELS[name].value_of(1.3, one)[0], rel=1e-14)
        of_all, of_one = (MODELS[name].log_density(*each)[0] for each in ((y, fitted), (y[here], one_fitted)))
        assert of_all[number] == pytest.approx(of_one[0], rel=1e-12)


@pytest.mark.parametrize(("skew", "tail"), [(0.0, 1.0), (0.6, 0.8), (-0.4, 1.3)])
def test_shash_is_a_distribution(skew, tail):
    at = points(-40.0, 12.0, skew, tail)

    total, _ = integrate.quad(lambda y: np.exp(SHASH.log_density(np.array([y]), at)[0][0]), -900, 900, limit=900)

    assert total == pytest.approx(1, abs=1e-6)


def test_bccg_includes_the_log_normal_and_the_truncated_normal_distribution():
    y = np.array([50.0, 100.0, 180.0])
    log_normal = stats.lognorm.logpdf(y, 0.3, scale=100)
    cut_off = stats.truncnorm.logpdf(y, -1 / 0.3, np.inf, 100, 30)

    assert BCCG.log_density(y, points(np.log(100), 0.3, 0.0, n=3))[0] == pytest.approx(log_normal)
    assert BCCG.log_density(y, points(np.log(100), 0.3, 1.0, n=3))[0] == pytest.approx(cut_off)
    assert BCCG.z_of(y, points(100.0, 0.3, 1.0, n=3)) == pytest.approx(
        stats.norm.ppf(stats.truncnorm.cdf(y, -1 / 0.3, np.inf, 100, 30))
    )


def test_shash_without_skew_and_tail_is_normal():
    y = np.array([-70.0, -40.0, 5.0])
    at = points(-40.0, 12.0, 0.0, n=3)

    assert SHASH.log_density(y, at)[0] == pytest.approx(stats.norm.logpdf(y, -40, 12))
    assert SHASH.z_of(y, at) == pytest.approx((y + 40) / 12)


def test_z_equals_the_lms_formula_far_from_the_truncation():
    y = np.array([60.0, 100.0, 150.0])
    assert BCCG.z_of(y, points(100.0, 0.2, 0.3, n=3)) == pytest.approx(((y / 100) ** 0.3 - 1) / (0.3 * 0.2), abs=1e-9)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("spread", [0.1, 0.6])
@pytest.mark.parametrize("z", CENTILES)
def test_the_value_at_a_centile_has_the_z_of_that_centile(skew, spread, z):
    volume, hu = points(100.0, spread, skew), points(-80.0, 100 * spread, skew, 0.8)
    heavy = points(100.0, spread, skew, 7.0)

    assert BCT.z_of(BCT.value_of(z, heavy), heavy) == pytest.approx(z, abs=1e-6)
    assert BCCG.z_of(BCCG.value_of(z, volume), volume) == pytest.approx(z, abs=1e-6)
    assert SHASH.z_of(SHASH.value_of(z, hu), hu) == pytest.approx(z, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "values"),
    [("bccg", [30.0, 90, 100, 260]), ("bct", [30.0, 90, 100, 260]), ("shash", [-95.0, -60, 0, 44])],
)
@pytest.mark.parametrize("skew", SKEWS)
def test_gradients_of_the_density_equal_finite_differences(name, values, skew):
    model, y, step = MODELS[name], np.array(values), 1e-5
    location, tail = np.full(4, -20.0 if name == "shash" else np.log(100)), 1.6 if name == "bct" else 0.2

    def density(move, by):
        shift = [by if place == move else 0.0 for place in range(4)]
        at = Points(location + shift[0], np.full(4, np.log(30 if name == "shash" else 0.4)) + shift[1], skew, tail)
        return model.log_density(y, Points(at.location, at.log_spread, skew + shift[2], tail + shift[3]))

    for place, slope in enumerate(density(0, 0.0)[1]):
        expected = (density(place, step)[0] - density(place, -step)[0]) / (2 * step)
        np.testing.assert_allclose(slope, expected, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("skew", [-0.5, 0.0, 0.3])
def test_a_fit_recovers_the_curves_of_volumes(skew):
    ages, values = volumes(6000, seed=1, skew=skew)
    at = np.array([25.0, 50.0, 75.0, 95.0])

    found = fit_curves(values, ages, BCCG)

    assert found.at(at).location == pytest.approx(150 - 0.6 * at, rel=0.015)
    assert np.exp(found.at(at).log_spread) == pytest.approx(0.12 + 0.001 * at, rel=0.06)
    assert found.at(at).skew == pytest.approx(skew, abs=0.2)


def test_a_fit_recovers_the_curves_of_attenuations():
    ages, values = attenuations(6000, seed=1)
    at = np.array([25.0, 50.0, 75.0, 95.0])

    found = fit_curves(values, ages, SHASH)

    for z in (-1.88, 0.0, 1.88):
        expected = -30 - 0.5 * at + (6 + 0.1 * at) * np.sinh((np.arcsinh(z) - 0.5) / 0.9)
        np.testing.assert_allclose(found.value_of(z, at), expected, atol=2.0)


@pytest.mark.parametrize(("name", "sample"), [("bccg", volumes), ("shash", attenuations)])
def test_curves_are_calibrated_at_every_age_in_new_patients(name, sample):
    fitted, others = sample(4004, seed=2), sample(4000, seed=3)

    z = fit_curves(fitted[1], fitted[0], MODELS[name]).z_of(others[1], others[0])

    for low in (18, 40, 60, 80):
        inside = z[(others[0] >= low) & (others[0] < low + 20)]
        assert inside.mean() == pytest.approx(0, abs=0.12)
        assert inside.std() == pytest.approx(1, abs=0.07)
        assert np.mean(inside < CENTILES[0]) == pytest.approx(0.03, abs=0.02)
        assert np.mean(inside > CENTILES[-1]) == pytest.approx(0.03, abs=0.02)


@pytest.mark.parametrize(("name", "sample"), [("bccg", volumes), ("shash", attenuations)])
def test_the_fit_does_not_depend_on_the_unit(name, sample):
    ages, values = sample(500, seed=4)
    model = MODELS[name]

    ml, liters = fit_curves(values, ages, model), fit_curves(values / 1000, ages, model)

    np.testing.assert_allclose(ml.z_of(values, ages), liters.z_of(values / 1000, ages), atol=1e-6)
    np.testing.assert_allclose(ml.value_of(1.0, ages), 1000 * liters.value_of(1.0, ages), rtol=1e-6)


def test_curves_do_not_cross():
    ages, values = attenuations(300, seed=5)
    found = fit_curves(values, ages, SHASH)

    curves = np.array([found.value_of(z, np.arange(18.0, 101.0)) for z in CENTILES])

    assert (np.diff(curves, axis=0) > 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_heavy_tails_and_ties_and_outliers_are_fitted(name):
    random = np.random.default_rng(6)
    ages = random.integers(18, 100, 400).astype(float)
    for values in (
        100 + 10 * random.standard_t(2, 400).clip(-9, 40),
        np.round(100 + 3 * random.standard_normal(400)),
        np.r_[1e5, 100 + 10 * random.standard_normal(399)],
    ):
        found = fit_curves(values, ages, MODELS[name])
        assert np.isfinite(found.z_of(values, ages)).all()
        assert np.isfinite(found.value_of(1.88, ages)).all()
