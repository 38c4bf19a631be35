"""Tests of agreement with base R, whose results for r_data.csv are in r_values.csv (see r_values.py)."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.stats import families
from ctpop.stats.age_effects import BOTH, age_model
from ctpop.stats.correlation import spearman
from ctpop.stats.groups import kruskal_wallis, quartile_cuts, quartile_of
from ctpop.stats.normality import kolmogorov_smirnov
from ctpop.stats.quade import quade
from ctpop.stats.ranksum import rank_sum

HERE = Path(__file__).parent
PEOPLE = pd.read_csv(HERE / "r_data.csv").astype(float)
R = pd.read_csv(HERE / "r_values.csv", dtype={"name": str})
AGES = PEOPLE["age"].to_numpy()
MALE = PEOPLE["male"].to_numpy()
HEIGHT = PEOPLE[["height"]].to_numpy()
QUARTILES = quartile_of(AGES, quartile_cuts(AGES), "right_closed")
OUTCOMES = ("value", "rounded")


def of_r(outcome, test):
    rows = R[R["outcome"].eq(outcome) & R["test"].eq(test)]
    assert len(rows), f"R has no {test} of {outcome}"
    return dict(zip(rows["name"], rows["value"], strict=True))


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-9), name


def pairs_of(outcome, **options):
    groups = {quartile: rows[outcome].to_numpy() for quartile, rows in PEOPLE.groupby(QUARTILES)}
    return {f"{a}-{b}": rank_sum(groups[a], groups[b], **options) for a, b in combinations((1, 2, 3, 4), 2)}


def test_only_the_rounded_outcome_has_ties():
    assert PEOPLE["value"].is_unique
    assert PEOPLE["rounded"].nunique() < 25


def test_quartiles_agree_with_quantile_and_cut():
    sizes = {
        f"n_{closed}_{group}": (quartile_of(AGES, quartile_cuts(AGES), closed) == group).sum()
        for closed in ("right_closed", "left_closed")
        for group in (1, 2, 3, 4)
    }
    cuts = {f"cut_{number}": cut for number, cut in enumerate(quartile_cuts(AGES), start=1)}
    same({**cuts, **sizes}, of_r("age", "quartiles"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_spearman_agrees_with_cor_test(outcome):
    found = spearman(PEOPLE[outcome].to_numpy(), AGES, 0.95)
    same({"rho": found.rho, "p": 10**found.log10_p_independence}, of_r(outcome, "spearman"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_kruskal_wallis_agrees_with_kruskal_test(outcome):
    found = kruskal_wallis(PEOPLE[outcome].to_numpy(), QUARTILES)
    same({"h": found.h, "df": found.df, "p": 10**found.log10_p}, of_r(outcome, "kruskal"))


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("continuity", [True, False], ids=["with continuity", "without"])
@pytest.mark.parametrize(
    ("adjustment", "adjust"),
    [
        ("none", np.asarray),
        ("bonferroni", families.bonferroni),
        ("holm", families.holm),
        ("BH", families.benjamini_hochberg),
    ],
    ids=["plain", "Bonferroni", "Holm", "Benjamini-Hochberg"],
)
def test_pairs_agree_with_pairwise_wilcox_test(outcome, continuity, adjustment, adjust):
    found = pairs_of(outcome, continuity=continuity)
    p = adjust(np.array([10**each.log10_p for each in found.values()]))
    test = "wilcoxon_continuity" if continuity else "wilcoxon"
    same(dict(zip(found, p, strict=True)), of_r(outcome, f"{test}_{adjustment}"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_u_and_the_shift_agree_with_wilcox_test_and_all_differences(outcome):
    found = pairs_of(outcome)
    of_younger = {
        name: each.u * (1 / each.auc - 1) for name, each in found.items()
    }  # U of R is that of the first group
    same(of_younger, of_r(outcome, "u"))
    same({name: each.shift for name, each in found.items()}, of_r(outcome, "shift"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_quade_is_the_analysis_of_variance_of_rank_residuals(outcome):
    found = quade(PEOPLE[outcome].to_numpy(), QUARTILES, HEIGHT, MALE[:, np.newaxis])
    same({"f": found.f, "p": 10**found.log10_p}, of_r(outcome, "quade"))


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_splines_of_age_agree_with_ns_and_hc3_errors(outcome):
    knots = np.quantile(AGES, [0.05, 0.35, 0.65, 0.95])
    model = age_model(AGES, BOTH, MALE.astype(int), np.arange(len(AGES)), knots, HEIGHT - HEIGHT.mean())
    fit = model.model.fit(PEOPLE[outcome].to_numpy())
    found = model.tests(fit)
    terms = ("age", "nonlinear", "interaction")
    tests = {f"{term}_{name}": number for term in terms for name, number in f_and_p(found[term])}
    same({**tests, "rss": float(fit.residuals @ fit.residuals)}, of_r(outcome, "spline"))


def f_and_p(test):
    return [("f", test.f), ("p", 10**test.log10_p)]


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("method", ["lilliefors", "ks_fitted"])
def test_distance_from_normality_agrees_with_ks_test(outcome, method):
    same({"d": kolmogorov_smirnov(PEOPLE[outcome].to_numpy(), method).d}, of_r(outcome, "kolmogorov_smirnov"))
