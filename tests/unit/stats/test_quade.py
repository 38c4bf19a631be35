"""Quade's rank analysis of covariance."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

from ctpop.stats.groups import kruskal_wallis
from ctpop.stats.quade import quade

NONE = np.empty((80, 0))


def sample(n=80, seed=0):
    random = np.random.default_rng(seed)
    groups = random.integers(1, 5, n)
    height = random.normal(170, 8, n).round()
    site = random.integers(0, 3, n)
    return groups, height, site, (0.1 * height + 0.5 * groups + site + random.standard_normal(n)).round(1)


def test_quade_is_the_analysis_of_variance_of_residual_ranks():
    groups, height, site, values = sample()
    kinds = np.column_stack([site == 1, site == 2]).astype(float)
    frame = pd.DataFrame({"r": stats.rankdata(values), "h": stats.rankdata(height), "site": site, "group": groups})
    frame["left"] = smf.ols("r ~ h + C(site)", frame).fit().resid
    peer = anova_lm(smf.ols("left ~ C(group)", frame).fit()).loc["C(group)"]

    found = quade(values, groups, height[:, np.newaxis], kinds)

    assert (found.f, found.df_between, found.df_within) == (pytest.approx(peer["F"]), 3, 76)
    assert 10**found.log10_p == pytest.approx(peer["PR(>F)"], rel=1e-9)
    assert found.eta_squared == pytest.approx(peer["sum_sq"] / ((frame["left"] ** 2).sum()))


def test_without_covariates_quade_follows_from_kruskal_wallis():
    groups, _, _, values = sample()
    h = kruskal_wallis(values, groups).h

    found = quade(values, groups, NONE, NONE)

    assert found.f == pytest.approx((h / 3) / ((79 - h) / 76))
    assert found.eta_squared == pytest.approx(h / 79)


def test_groups_that_differ_only_in_the_covariate_do_not_differ():
    random = np.random.default_rng(4)
    groups = random.integers(1, 5, 2000)
    height = 180 - 4 * groups + random.normal(0, 5, 2000)
    values = height + random.normal(0, 5, 2000)

    assert kruskal_wallis(values, groups).log10_p < -30
    assert quade(values, groups, height[:, np.newaxis], np.empty((2000, 0))).log10_p > -2


@pytest.mark.parametrize(
    ("values", "groups", "covariate"),
    [
        (np.arange(80.0), np.ones(80, dtype=int), np.empty((80, 0))),
        (np.full(80, 3.0), np.arange(80) % 4, np.empty((80, 0))),
        (np.arange(80.0), np.arange(80) % 4, np.arange(80.0)[:, np.newaxis] ** 3),
        (np.arange(80) % 4 * 1.0, np.arange(80) % 4, np.empty((80, 0))),
        (np.arange(4.0), np.arange(4), np.empty((4, 0))),
        (np.empty(0), np.empty(0, dtype=int), np.empty((0, 1))),
    ],
    ids=[
        "one group",
        "equal values",
        "explained by the covariate",
        "no variation within groups",
        "one patient per group",
        "no patient",
    ],
)
def test_samples_without_a_defined_result_have_missing_values(values, groups, covariate):
    found = quade(values, groups, covariate, np.empty((len(values), 0)))
    assert np.isnan([found.f, found.log10_p, found.eta_squared]).all()


def repeated(seed, n_patients=120, scans=3):
    """Return ages, heights, values, and patients; values depend on height and the patient, but not on age."""
    random = np.random.default_rng(seed)
    patients = np.repeat(np.arange(n_patients), scans)
    age = random.uniform(20, 90, n_patients)
    height = 180 - 0.15 * age + 6 * random.standard_normal(n_patients)
    level = 0.1 * height + random.standard_normal(n_patients)
    ages = age[patients] + random.uniform(0, 4, len(patients))
    return ages, height[patients], level[patients] + 0.3 * random.standard_normal(len(patients)), patients


def test_several_scans_of_a_patient_do_not_inflate_the_type_1_error():
    below = independent = 0
    for seed in range(150):
        ages, height, values, patients = repeated(seed)
        groups = np.digitize(ages, [38, 55, 72])
        terms = height[:, np.newaxis], np.empty((len(ages), 0))
        below += quade(values, groups, *terms, patients).log10_p < np.log10(0.05)
        independent += quade(values, groups, *terms).log10_p < np.log10(0.05)

    assert below / 150 < 0.1  # standard error of .05: .018
    assert independent / 150 > 0.25


def test_a_difference_between_groups_is_found_with_several_scans_per_patient():
    ages, height, values, patients = repeated(3)
    groups = np.digitize(ages, [38, 55, 72])

    found = quade(values - 0.05 * ages, groups, height[:, np.newaxis], np.empty((len(ages), 0)), patients)

    assert found.log10_p < -6
    assert found.df_between == 3
    assert np.isnan(found.df_within)
    assert found.eta_squared > 0.2


def test_a_group_of_one_patient_has_no_test_by_patient():
    ages, height, values, patients = repeated(4, n_patients=30)
    groups = np.where(patients == 0, 1, 2)

    found = quade(values, groups, height[:, np.newaxis], np.empty((len(ages), 0)), patients)

    assert np.isnan([found.f, found.log10_p, found.eta_squared]).all()


def test_covariates_that_determine_the_groups_have_no_test_by_patient():
    _, _, values, patients = repeated(5, n_patients=40)
    groups = 1 + patients % 2

    found = quade(values, groups, np.empty((len(values), 0)), (groups == 2).astype(float)[:, np.newaxis], patients)

    assert np.isnan(found.f)
