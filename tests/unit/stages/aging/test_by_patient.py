"""Tests of associations, age quartiles, and P values if patients have several scans, and of primary outcomes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import adjust
from ctpop.stages.aging.age_series import cut_points, split, with_ages
from ctpop.stages.aging.aging_settings import AgingSettings
from ctpop.stages.aging.associations import association_table, refuse_unknown_primary
from ctpop.stages.aging.group_tests import group_table, posthoc_table
from ctpop.stages.aging.truth_comparison import agreement
from ctpop.stats import families
from ctpop.stats.covariates import covariates_of, joint
from ctpop.stats.score_test import score_test
from ctpop.study.configuration import chosen, validated
from support.config_files import config_file
from support.laws import law

NAMES = ["aorta", "liver", "spleen"]
SETTINGS = chosen(AgingSettings, "aging", None)


def settings_with(**values):
    return chosen(AgingSettings, "aging", config_file(aging=values))


def a_cohort(patients, ages, sex=None):
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(len(ages)))
    return all_tables.COHORT.check(
        table.assign(
            scan_id=[f"scan{number:04d}" for number in range(len(ages))],
            patient_id=[f"p{number}" for number in patients],
            age_years=ages,
            sex=sex if sex is not None else [None] * len(ages),
        )
    )


def series_of(cohort, values, names=NAMES, groups=()):
    """Return the series of values by structure; NaN is a value that is not usable."""
    parts = [
        pd.DataFrame({"scan_id": cohort["scan_id"], "structure": name, "measure": "hu_mean", "value": each})
        for name, each in values.items()
    ]
    analysis = all_tables.ANALYSIS.check(pd.concat(parts).dropna())
    return split(with_ages(analysis, cohort), names, groups)


def repeated(patients=60, scans=3, seed=1, slope=0.03):
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(patients), scans)
    ages = rng.uniform(20, 85, patients)[number] + np.tile(np.arange(scans), patients)
    noise = 0.92 * rng.normal(size=patients)[number] + 0.39 * rng.normal(size=len(number))
    return a_cohort(number, ages), ages, slope * ages + noise, number


def row_of(table, name):
    return table[table["structure"].eq(name) & table["measure"].eq("hu_mean")].iloc[0]


def the_tables(cohort, series, settings=SETTINGS):
    cuts = cut_points(cohort["age_years"].to_numpy(dtype=float), [])
    return (
        all_tables.ASSOCIATIONS.check(association_table(series, settings, cohort["patient_id"].nunique())),
        all_tables.GROUPS.check(group_table(series, cuts, settings)),
        all_tables.POSTHOC.check(posthoc_table(series, cuts, settings)),
    )


def test_the_test_of_a_rho_of_zero_decides_if_patients_have_several_scans():
    cohort, _, values, number = repeated()
    first = pd.Series(number).duplicated().to_numpy()
    series = series_of(cohort, {"aorta": values, "liver": np.where(first, np.nan, values)})
    associations, _, _ = the_tables(cohort, series, settings_with(alpha=0.01))
    several, single = row_of(associations, "aorta"), row_of(associations, "liver")
    assert (several["test"], several["n"], several["n_patients"]) == ("rho0", 180, 60)
    assert (single["test"], single["n"], single["n_patients"]) == ("independence", 60, 60)
    assert np.isnan(several["p_independence"])
    assert np.isfinite(single["p_independence"])
    deciding = np.array([several["p_rho0"], single["p_independence"]])
    found = associations.loc[associations["rho"].notna()]
    for column, adjust_p in (
        *(("p_bonferroni", families.bonferroni), ("p_holm", families.holm)),
        ("q_bh", families.benjamini_hochberg),
    ):
        assert found[column].tolist() == pytest.approx(adjust_p(deciding).tolist())
    assert found["significant"].tolist() == (deciding < 0.01).tolist()
    both = np.array([several["p_rho0"], single["p_rho0"]])
    assert found["p_rho0_holm"].tolist() == pytest.approx(families.holm(both).tolist())


def test_quartiles_are_tested_by_patient():
    cohort, ages, values, number = repeated()
    _, groups, posthoc = the_tables(cohort, series_of(cohort, {"aorta": values}))
    row = row_of(groups, "aorta")
    cuts = np.quantile(ages, [0.25, 0.5, 0.75])
    quartiles = np.searchsorted(cuts, ages) + 1
    [series] = [each for each in series_of(cohort, {"aorta": values}) if len(each.rows)]
    expected = score_test(series.ranks, quartiles, number)
    assert (row["test"], row["q"], row["df"]) == ("score_by_patient", pytest.approx(expected.q), 3)
    assert row["p"] == pytest.approx(10**expected.log10_p)
    assert row["h"] > row["q"]  # the Kruskal-Wallis statistic ignores the dependence
    assert row["epsilon_squared"] == pytest.approx(row["h"] / 179)
    assert row["epsilon_squared_ci_low"] < row["epsilon_squared"] < row["epsilon_squared_ci_high"]
    tested = posthoc[posthoc["u"].notna()]
    assert set(tested["test"]) == {"score_by_patient"}


def test_all_results_of_a_pair_have_the_same_sign():
    cohort, _, values, number = repeated(slope=0.08)
    first = pd.Series(number).duplicated().to_numpy()
    series = series_of(cohort, {"aorta": values, "liver": np.where(first, np.nan, values), "spleen": -values})
    _, _, posthoc = the_tables(cohort, series)
    outer = posthoc.query("group_a == 1 and group_b == 4 and measure == 'hu_mean'").set_index("structure")
    assert outer["test"].tolist() == ["score_by_patient", "rank_sum", "score_by_patient"]
    for name, sign in {"aorta": 1, "liver": 1, "spleen": -1}.items():
        row = outer.loc[name]
        for column in ("z", "shift", "shift_ci_low", "shift_ci_high", "cliffs_delta", "cliffs_delta_ci_low"):
            assert np.sign(row[column]) == sign
        assert (row["auc_ci_low"] - 0.5) * sign > 0
        assert row["u"] == pytest.approx(row["auc"] * row["n_a"] * row["n_b"])
        assert row["auc_ci_low"] <= row["auc"] <= row["auc_ci_high"]
        assert row["shift_ci_low"] < row["shift"] < row["shift_ci_high"]


def test_notes_state_few_patients_few_values_and_undefined_tests():
    cohort, ages, values, number = repeated(40, 3)
    young = np.where(ages < np.quantile(ages, 0.25), values, np.nan)
    of_two = np.where(number < 2, values, np.nan)
    few = np.where(pd.Series(number).duplicated() | (number > 24), np.nan, values)
    settings = settings_with(n_min=4)
    series = series_of(cohort, {"aorta": values, "liver": few, "spleen": of_two})
    associations, groups, _ = the_tables(cohort, series, settings)
    notes = {name: row_of(associations, name)["note"] for name in NAMES}
    assert notes == {"aorta": "few_patients", "liver": "small_n", "spleen": "few_patients"}
    assert row_of(groups, "aorta")["note"] == "few_patients"
    assert pd.isna(row_of(groups, "liver")["note"])
    assert row_of(groups, "spleen")[["note", "significant"]].tolist()[0] == "too_few_patients"
    assert np.isnan(row_of(groups, "spleen")[["p", "epsilon_squared_ci_low"]].astype(float)).all()
    assert np.isfinite(row_of(groups, "spleen")["h"])
    associations, _, _ = the_tables(cohort, series_of(cohort, {"aorta": young * np.nan}), settings)
    assert associations["note"].isna().all()


def test_the_bonett_wright_interval_is_not_used_for_repeated_patients():
    cohort, _, values, number = repeated()
    first = pd.Series(number).duplicated().to_numpy()
    series = series_of(cohort, {"aorta": values, "liver": np.where(first, np.nan, values)})
    found, _, _ = the_tables(cohort, series, settings_with(interval="bonett_wright"))
    plain, _, _ = the_tables(cohort, series)
    assert row_of(found, "aorta")["interval"] == "influence"
    assert row_of(found, "aorta")["ci_low"] == row_of(plain, "aorta")["ci_low"]
    assert row_of(found, "liver")["interval"] == "bonett_wright"
    assert row_of(found, "liver")["p_rho0"] != row_of(plain, "liver")["p_rho0"]


def test_the_sexes_are_tested_by_patient():
    cohort, _, values, number = repeated()
    cohort["sex"] = pd.Series(np.where(number % 2, "female", "male"), dtype="str")
    settings = chosen(adjust.AdjustmentSettings, "aging", None)
    covariates = covariates_of(cohort, None, [])
    patients = adjust.Patients(cohort, covariates, joint(covariates, 0.5), np.array([40.0, 55.0, 70.0]))
    analysis = pd.DataFrame({"scan_id": cohort["scan_id"], "structure": "aorta", "measure": "hu_mean", "value": values})
    first = np.flatnonzero(~pd.Series(number).duplicated() | (number % 2 == 0))  # women have one scan each
    series = split(adjust.with_positions(analysis.iloc[first], cohort), ["aorta"])
    rows = [row for each in series for row in adjust.by_sex_rows(each, patients, settings)]
    table = all_tables.ASSOCIATIONS_BY_SEX.check(adjust.by_sex_table(rows, {"aorta": "structures"}))
    women, men = (row_of(table[table["sex"] == sex], "aorta") for sex in ("female", "male"))
    assert (women["test"], women["n"], women["n_patients"]) == ("independence", 30, 30)
    assert (men["test"], men["n"], men["n_patients"], men["note"]) == ("rho0", 90, 30, "few_patients")
    assert men["p_bonferroni"] == men["p_rho0"]
    assert women["p_bonferroni"] == women["p_independence"]
    assert men["p_rho0_holm"] == men["p_rho0"]


def test_the_comparison_with_the_ground_truth_has_an_interval_by_patient():
    cohort, _, values, _ = repeated()
    [series] = [each for each in series_of(cohort, {"aorta": values}) if len(each.rows)]
    series.rows["true"] = values + 1
    found = agreement(series, 0.95)
    expected = row_of(the_tables(cohort, [series])[0], "aorta")
    assert (found["ci_low"], found["ci_high"]) == (expected["ci_low"], expected["ci_high"])


def test_scans_of_unknown_age_do_not_number_patients():
    cohort, ages, values, _ = repeated(4, 3)
    cohort["age_years"] = np.where(np.arange(12) < 4, np.nan, ages)
    [series] = [each for each in series_of(cohort, {"aorta": values}) if len(each.rows)]
    assert series.patients.tolist() == [0, 0, 1, 1, 1, 2, 2, 2]


# P values and intervals

SCANS = st.lists(st.tuples(st.integers(18, 90), st.integers(-9, 9), st.integers(0, 9)), min_size=4, max_size=40).map(
    np.array
)


@law(60)
@given(SCANS, st.sampled_from(["influence", "bonett_wright", "bootstrap"]), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_p_value_of_a_rho_of_zero_agrees_with_the_interval(scans, interval, confidence):
    ages, values, number = scans.T
    cohort = a_cohort(number, ages.astype(float))
    settings = settings_with(n_min=4, interval=interval, confidence=confidence, bootstrap_iterations=100)
    series = series_of(cohort, {"aorta": values + 0.0, "liver": values + ages / 4, "spleen": values - ages / 4})
    for row in the_tables(cohort, series, settings)[0].to_dict("records"):
        assert np.isnan(row["p_rho0"]) == np.isnan(row["ci_low"])
        excluded = row["ci_low"] > 0 or row["ci_high"] < 0
        assert (row["p_rho0"] < 1 - confidence) == excluded


@law(60)
@given(SCANS)
def test_epsilon_squared_is_above_zero_if_and_only_if_the_test_is_significant(scans):
    ages, values, number = scans.T
    cohort = a_cohort(number, ages.astype(float))
    series = series_of(cohort, {"aorta": values + 0.0, "liver": values + ages / 4})
    for row in the_tables(cohort, series, settings_with(n_min=4))[1].to_dict("records"):
        if np.isfinite(row["epsilon_squared_ci_low"]):
            assert (row["epsilon_squared_ci_low"] > 0) == (row["p"] < 0.05)
            assert row["epsilon_squared_ci_low"] <= row["epsilon_squared"] <= row["epsilon_squared_ci_high"]


# Primary outcomes


def test_primary_outcomes_form_a_family_of_their_own():
    cohort, _, values, _ = repeated(60, 1)
    rng = np.random.default_rng(5)
    each = {name: values + rng.normal(size=60) for name in (*NAMES, "organs")}
    series = series_of(cohort, each, groups=["organs"])
    associations, groups, posthoc = the_tables(cohort, series, settings_with(primary=["aorta", "organs"]))
    for table, p in ((associations, "p_independence"), (groups, "p"), (posthoc, "p")):
        known = table.dropna(subset=p)
        assert known["primary"].tolist() == known["structure"].isin(["aorta", "organs"]).tolist()
        tests = len(known) // 4
        number = {"aorta": tests, "organs": tests, "liver": 2 * tests, "spleen": 2 * tests}
        expected = (known[p] * known["structure"].map(number)).clip(upper=1)
        assert known["p_bonferroni"].tolist() == pytest.approx(expected.tolist())


def test_unknown_primary_outcomes_are_rejected_with_a_correction():
    refuse_unknown_primary(["liver", "organs"], ["liver", "organs"])
    with pytest.raises(
        ContractError, match=r"'livr' is neither .*; did you mean 'liver'\? Set primary: \[aorta, liver\]"
    ):
        refuse_unknown_primary(["livr", "aorta"], NAMES)
    with pytest.raises(ContractError, match=r"'xyz' is neither .* group of structures\. Set primary: \[\]"):
        refuse_unknown_primary(["xyz"], NAMES)


def test_the_configuration_rejects_unknown_primary_outcomes():
    study = {"study": {"name": "demo", "start_from": "measures", "measures": "measures.csv"}, "structures": "paper_104"}
    assert validated({**study, "aging": {"primary": ["liver", "kidneys"]}})["aging"]["primary"] == ["liver", "kidneys"]
    with pytest.raises(ContractError, match=r"aging\.primary: label set paper_104 does not contain livr; did you mean"):
        validated({**study, "aging": {"primary": ["livr"]}})
