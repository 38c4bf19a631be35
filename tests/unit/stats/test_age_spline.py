"""Splines of age with fixed knots: curve, derivative, and robust limits."""

import numpy as np
import pytest
import statsmodels.api as sm

from ctpop.stats.age_spline import fit_spline
from ctpop.stats.splines import natural_basis

KNOTS = np.array([25.0, 45.0, 65.0, 85.0])


def test_the_fit_equals_that_of_statsmodels_with_hc3():
    random = np.random.default_rng(0)
    ages, others = random.uniform(18, 95, 200), random.standard_normal((200, 2))
    values = 0.02 * (ages - 50) ** 2 + others @ [1.0, 2.0] + (1 + ages / 50) * random.standard_normal(200)

    found = fit_spline(values, ages, others, np.arange(200), KNOTS)

    peer = sm.OLS(values, np.column_stack([natural_basis(ages, KNOTS), others])).fit(cov_type="HC3", use_t=True)
    assert found.heights == pytest.approx(peer.params[:4], rel=1e-9)
    assert found.fit.covariance[:4, :4] == pytest.approx(peer.cov_params()[:4, :4], rel=1e-8, abs=1e-12)
    assert found.rss == pytest.approx(peer.ssr, rel=1e-10)
    assert found.fit.model.simple_df == peer.df_resid


def test_the_derivative_of_a_line_is_its_slope_at_all_ages():
    ages = np.arange(18.0, 96.0)
    noise = 1e-7 * np.random.default_rng(1).standard_normal(len(ages))
    spline = fit_spline(3 - 0.7 * ages + noise, ages, np.empty((len(ages), 0)), np.arange(len(ages)), KNOTS)

    slope, low, high = spline.derivative(np.array([10.0, 25.0, 51.3, 85.0, 110.0]), 0.95)

    assert slope == pytest.approx([-0.7] * 5, abs=1e-7)
    assert low == pytest.approx(high, abs=1e-7)


def test_limits_widen_if_a_patient_has_several_scans():
    random = np.random.default_rng(2)
    patients = np.repeat(np.arange(60), 4)
    ages = random.uniform(18, 95, 60)[patients]
    values = random.standard_normal(60)[patients] + 0.1 * random.standard_normal(240)

    by_patient, as_independent = (
        fit_spline(values, ages, np.empty((240, 0)), each, KNOTS) for each in (patients, np.arange(240))
    )

    assert (np.diag(by_patient.fit.covariance) > 2 * np.diag(as_independent.fit.covariance)).all()
    assert by_patient.fit.model.simple_df == 56


def test_dependent_columns_have_no_fit():
    ages = np.repeat([30.0, 50.0, 70.0], 30)

    assert fit_spline(ages, ages, np.empty((90, 0)), np.arange(90), KNOTS) is None
