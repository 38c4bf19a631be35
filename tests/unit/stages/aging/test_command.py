import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ctpop.cli import main
from ctpop.contracts import all_tables as schema
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import command as aging
from ctpop.stages.aging import intervals
from ctpop.stages.aging.sensitivity import correlations as sensitivity_of
from ctpop.stages.aging.truth_comparison import truth_table
from ctpop.study.configuration import chosen
from support.config_files import config_file, config_option

NAMES = ["aorta", "spleen"]
SETTINGS = chosen(aging.AgingSettings, "aging", None)
RESULTS = {
    "normality": ["d", "p", "skewness"],
    "associations": [
        "rho",
        "ci_low",
        "ci_high",
        "log10_p_independence",
        "p_independence",
        "p_bonferroni",
        "p_holm",
        "q_bh",
        "significant",
    ],
    "groups": [
        *("h", "df", "log10_p", "p", "p_bonferroni", "p_holm", "q_bh", "significant", "epsilon_squared"),
        *("epsilon_squared_of_rho", "discordant"),
    ],
    "posthoc": [
        *("u", "z", "log10_p", "p", "p_bonferroni", "p_holm", "q_bh", "significant", "auc", "cliffs_delta", "shift"),
    ],
}
N = 60


def scan_ids(n=N):
    return [f"scan_{number:03d}" for number in range(n)]


def a_cohort(n=N, ages=None):
    table = pd.DataFrame(dict.fromkeys(schema.COHORT.columns), index=range(n))
    table["scan_id"] = scan_ids(n)
    table["age_years"] = np.linspace(20, 90, n).round() if ages is None else ages
    return schema.COHORT.check(table)


def values_of(structure, measure, values):
    ids = scan_ids(len(values))
    return pd.DataFrame({"scan_id": ids, "structure": structure, "measure": measure, "value": values}).dropna()


def an_analysis(n=N, seed=0):
    """Return aortic volumes that increase and splenic attenuation that decreases with age; two series are empty."""
    rng, ages = np.random.default_rng(seed), a_cohort(n)["age_years"].to_numpy()
    aorta = values_of("aorta", "volume_ml", 150 + 2 * ages + rng.normal(size=n) * 20)
    spleen = values_of("spleen", "hu_mean", 120 - 0.5 * ages + rng.normal(size=n) * 10)
    return schema.ANALYSIS.check(pd.concat([aorta, spleen]))


def all_tables(analysis, cohort, settings=SETTINGS):
    """Return the four tables after the checks of their contracts."""
    series = aging.split(aging.with_ages(analysis, cohort), NAMES)
    cuts = aging.cut_points(cohort["age_years"].dropna().to_numpy(dtype=float), settings.cut_years)
    return {
        "normality": schema.NORMALITY.check(aging.normality_table(series, settings)),
        "associations": schema.ASSOCIATIONS.check(aging.association_table(series, settings)),
        "groups": schema.GROUPS.check(aging.group_table(series, cuts, settings)),
        "posthoc": schema.POSTHOC.check(aging.posthoc_table(series, cuts, settings)),
    }


def row_of(table, structure, measure):
    return table[(table["structure"] == structure) & (table["measure"] == measure)].iloc[0]


def test_every_structure_and_measure_has_a_row_even_without_a_value():
    tables = all_tables(schema.ANALYSIS.empty(), a_cohort())
    for name, results in RESULTS.items():
        assert len(tables[name]) == 4 * (6 if name == "posthoc" else 1)
        assert tables[name][results].isna().all().all()
    assert tables["associations"]["n"].tolist() == [0, 0, 0, 0]
    assert tables["groups"]["cut_2"].tolist() == [55, 55, 55, 55]


def test_results_agree_with_scipy():
    cohort, analysis = a_cohort(), an_analysis()
    tables = all_tables(analysis, cohort)
    ages = cohort["age_years"].to_numpy()
    values = analysis.loc[analysis["structure"] == "aorta", "value"].to_numpy()
    quartiles = pd.qcut(ages, 4, labels=[1, 2, 3, 4])
    samples = [values[quartiles == number] for number in (1, 2, 3, 4)]
    association = row_of(tables["associations"], "aorta", "volume_ml")
    group = row_of(tables["groups"], "aorta", "volume_ml")
    pairs = tables["posthoc"][tables["posthoc"]["structure"].eq("aorta") & tables["posthoc"]["p"].notna()]
    assert association["rho"] == pytest.approx(stats.spearmanr(ages, values).statistic)
    assert association["p_independence"] == pytest.approx(stats.spearmanr(ages, values).pvalue)
    assert group["p"] == pytest.approx(stats.kruskal(*samples).pvalue)
    assert group[["n_1", "n_2", "n_3", "n_4"]].tolist() == [len(sample) for sample in samples]
    assert pairs["p"].tolist() == pytest.approx(
        [
            stats.mannwhitneyu(samples[a - 1], samples[b - 1], method="asymptotic").pvalue
            for a, b in zip(pairs["group_a"], pairs["group_b"], strict=True)
        ]
    )


def test_the_six_pairs_are_ordered_from_younger_to_older():
    posthoc = all_tables(an_analysis(), a_cohort())["posthoc"].head(6)
    pairs = list(zip(posthoc["group_a"], posthoc["group_b"], strict=True))
    assert pairs == [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]


def test_adjustment_includes_only_tests_with_a_result():
    tables = all_tables(an_analysis(), a_cohort())  # 2 of 4 series have values
    associations, posthoc = tables["associations"].dropna(subset="p_independence"), tables["posthoc"].dropna(subset="p")
    assert len(associations) == 2
    assert associations["p_bonferroni"].tolist() == pytest.approx(
        (associations["p_independence"] * 2).clip(upper=1).tolist()
    )
    assert len(posthoc) == 12
    assert posthoc["p_bonferroni"].tolist() == pytest.approx((posthoc["p"] * 12).clip(upper=1).tolist())


def test_significance_is_decided_by_the_unadjusted_p_and_alpha():
    analysis, cohort = an_analysis(), a_cohort()
    p = all_tables(analysis, cohort)["associations"]["p_independence"].dropna()
    between = chosen(aging.AgingSettings, "aging", config_file(aging={"alpha": float(np.sqrt(p.min() * p.max()))}))
    associations = all_tables(analysis, cohort, between)["associations"].dropna(subset="p_independence")
    assert sorted(associations["significant"]) == [False, True]
    assert associations.loc[associations["significant"].astype(bool), "p_independence"].item() == p.min()


def test_a_p_value_below_underflow_keeps_its_logarithm_and_is_significant():
    ages = np.random.default_rng(0).integers(18, 101, 4004).astype(float)
    values = ages + np.random.default_rng(1).normal(size=4004) * 10
    analysis = schema.ANALYSIS.check(values_of("aorta", "volume_ml", values + 100))
    row = row_of(all_tables(analysis, a_cohort(4004, ages))["associations"], "aorta", "volume_ml")
    assert row[["p_independence", "p_bonferroni", "p_holm", "q_bh"]].tolist() == [0, 0, 0, 0]
    assert row["log10_p_independence"] < -1000
    assert row["significant"]


@pytest.mark.parametrize(
    ("values", "ages"),
    [
        (np.r_[np.arange(9.0), [np.nan] * 51], None),
        (np.full(N, 3.0), None),
        (np.arange(float(N)), np.full(N, 50.0)),
        (np.r_[np.arange(9.0), [np.nan] * 51], np.full(N, 50.0)),
    ],
    ids=["nine of ten", "equal values", "equal ages", "nine of one age"],
)
def test_too_few_or_equal_values_have_n_and_no_results(values, ages):
    analysis = schema.ANALYSIS.check(values_of("aorta", "volume_ml", values))
    tables = all_tables(analysis, a_cohort(ages=ages))
    for name in ("associations", "groups"):
        row = row_of(tables[name], "aorta", "volume_ml")
        assert row["n"] == np.isfinite(values).sum()
        assert row[RESULTS[name]].isna().all()
    assert tables["posthoc"][RESULTS["posthoc"]].isna().all().all()


def test_n_min_is_the_smallest_tested_sample_size():
    ten = schema.ANALYSIS.check(values_of("aorta", "volume_ml", np.r_[np.sin(np.arange(10.0)), [np.nan] * 50]))
    more = chosen(aging.AgingSettings, "aging", config_file(aging={"n_min": 11}))
    assert row_of(all_tables(ten, a_cohort())["associations"], "aorta", "volume_ml").notna().all()  # with a note
    assert row_of(all_tables(ten, a_cohort())["normality"], "aorta", "volume_ml").notna().all()
    assert np.isnan(row_of(all_tables(ten, a_cohort(), more)["associations"], "aorta", "volume_ml")["rho"])


def test_pairs_are_tested_only_with_n_min_values():
    ages, values = np.repeat([20.0, 40, 60, 80], [3, 6, 4, 7]), np.sin(np.arange(20.0)) + 2
    analysis = schema.ANALYSIS.check(values_of("aorta", "volume_ml", values))
    settings = chosen(aging.AgingSettings, "aging", config_file(aging={"n_min": 10}))
    series = [each for each in aging.split(aging.with_ages(analysis, a_cohort(20, ages)), NAMES) if len(each.rows)]
    posthoc = aging.posthoc_table(series, np.array([30.0, 50, 70]), settings)
    tested = posthoc.loc[posthoc["u"].notna(), ["group_a", "group_b"]].to_numpy().tolist()
    assert tested == [[1, 4], [2, 3], [2, 4], [3, 4]]  # 3 + 6 and 3 + 4 are fewer than ten


def test_a_cohort_of_one_patient_gives_rows():
    analysis = schema.ANALYSIS.check(values_of("aorta", "volume_ml", [100.0]))
    tables = all_tables(analysis, a_cohort(1))
    row = row_of(tables["groups"], "aorta", "volume_ml")
    assert row[["n", "n_1", "n_4", "cut_1", "cut_3"]].tolist() == [1, 1, 0, 20, 20]
    assert tables["associations"]["rho"].isna().all()


def test_a_cohort_without_ages_has_no_cut_points():
    cohort = a_cohort(ages=np.full(N, np.nan))
    groups = all_tables(an_analysis(), cohort)["groups"]
    assert groups["n"].tolist() == [0, 0, 0, 0]
    assert groups[["cut_1", "cut_2", "cut_3"]].isna().all().all()


def test_quartiles_are_those_of_the_cohort_and_not_of_the_usable_values():
    values = np.where(np.arange(N) < 40, np.sin(np.arange(N)), np.nan)  # values of the oldest third are not usable
    analysis = schema.ANALYSIS.check(values_of("aorta", "volume_ml", values + 5))
    row = row_of(all_tables(analysis, a_cohort())["groups"], "aorta", "volume_ml")
    assert row[["n_1", "n_2", "n_3", "n_4"]].tolist() == [15, 15, 10, 0]
    assert row["df"] == 2


def test_the_closed_side_of_the_quartiles_is_a_setting():
    cohort = a_cohort(ages=np.repeat(np.arange(20.0, 35), 4))  # cut points 23, 27, and 31, four scans each
    left = chosen(aging.AgingSettings, "aging", config_file(aging={"quartiles": "left_closed"}))
    analysis = schema.ANALYSIS.check(values_of("aorta", "volume_ml", np.arange(1.0, N + 1)))
    found = [row_of(all_tables(analysis, cohort, each)["groups"], "aorta", "volume_ml") for each in (SETTINGS, left)]
    sizes = [row[["n_1", "n_2", "n_3", "n_4"]].tolist() for row in found]
    assert found[0][["cut_1", "cut_2", "cut_3"]].tolist() == [23, 27, 31]
    assert sizes == [[16, 16, 16, 12], [12, 16, 16, 16]]


def settings_with(**values):
    return chosen(aging.AgingSettings, "aging", config_file(aging=values))


def test_fixed_cut_points_replace_the_quartiles():
    found = all_tables(an_analysis(), a_cohort(), settings_with(cut_years=[39, 59, 80]))["groups"]
    row, ages = row_of(found, "aorta", "volume_ml"), a_cohort()["age_years"].to_numpy()
    inside = [ages[(ages > low) & (ages <= high)] for low, high in [(0, 39), (39, 59), (59, 80), (80, 120)]]
    assert row[["cut_1", "cut_2", "cut_3"]].tolist() == [39, 59, 80]
    assert row[[f"n_{number}" for number in (1, 2, 3, 4)]].tolist() == [len(group) for group in inside]
    assert row[[f"youngest_{number}" for number in (1, 2, 3, 4)]].tolist() == [group.min() for group in inside]
    assert row[[f"oldest_{number}" for number in (1, 2, 3, 4)]].tolist() == [group.max() for group in inside]


def test_a_group_without_values_has_no_ages():
    found = all_tables(an_analysis(), a_cohort(), settings_with(cut_years=[10, 50, 80]))["groups"]
    row = row_of(found, "aorta", "volume_ml")
    assert (row["n_1"], row["df"]) == (0, 2)
    assert row[["youngest_1", "oldest_1"]].isna().all()


def test_cut_points_that_do_not_increase_are_rejected():
    with pytest.raises(
        ContractError, match=r"aging.cut_years: the ages must increase, found \[39, 39, 80\]; write, for example"
    ):
        all_tables(an_analysis(), a_cohort(), settings_with(cut_years=[39, 39, 80]))


@pytest.mark.parametrize("table", ["associations", "groups", "posthoc"])
def test_each_family_is_adjusted_in_three_ways(table):
    p = "p_independence" if table == "associations" else "p"
    found = all_tables(an_analysis(), a_cohort())[table].dropna(subset=p)
    for name, method in {"p_bonferroni": "bonferroni", "p_holm": "holm", "q_bh": "fdr_bh"}.items():
        assert found[name].tolist() == pytest.approx(multipletests(found[p], method=method)[1].tolist(), abs=1e-300)
    assert (found["significant"] == (found[p] < 1e-4)).all()


def test_only_nonmonotone_relations_are_discordant():
    cohort = a_cohort(200)
    ages, noise = cohort["age_years"].to_numpy(), np.random.default_rng(3).normal(size=200)
    turning = values_of("aorta", "volume_ml", 200 - ((ages - 55) / 8) ** 2 + noise)
    falling = values_of("spleen", "volume_ml", 300 - ages + 10 * noise)
    tables = all_tables(schema.ANALYSIS.check(pd.concat([turning, falling])), cohort)
    groups, rho = tables["groups"], row_of(tables["associations"], "spleen", "volume_ml")["rho"]
    assert bool(row_of(groups, "aorta", "volume_ml")["discordant"])
    assert not bool(row_of(groups, "spleen", "volume_ml")["discordant"])
    assert row_of(groups, "spleen", "volume_ml")["epsilon_squared_of_rho"] == pytest.approx(15 / 16 * rho**2)


def test_the_continuity_correction_of_rank_sum_tests_is_optional():
    found = all_tables(an_analysis(), a_cohort(), settings_with(continuity=False))["posthoc"].dropna(subset="z")
    with_it = all_tables(an_analysis(), a_cohort())["posthoc"].dropna(subset="z")
    assert (found["z"].abs() > with_it["z"].abs()).all()
    assert found["u"].tolist() == with_it["u"].tolist()


def test_the_bonett_wright_interval_depends_only_on_rho_and_n():
    row = row_of(
        all_tables(an_analysis(), a_cohort(), settings_with(interval="bonett_wright"))["associations"],
        "aorta",
        "volume_ml",
    )
    error = np.sqrt((1 + row["rho"] ** 2 / 2) / (row["n"] - 3))
    expected = np.tanh(np.arctanh(row["rho"]) + np.array([-1, 1]) * 1.959963984540054 * error)
    assert row[["ci_low", "ci_high"]].tolist() == pytest.approx(expected.tolist())
    assert row["interval"] == "bonett_wright"


def test_bootstrap_intervals_are_close_to_the_default_intervals():
    series = aging.split(aging.with_ages(an_analysis(), a_cohort()), NAMES)
    plain = schema.ASSOCIATIONS.check(aging.association_table(series, SETTINGS))
    settings = settings_with(interval="bootstrap", bootstrap_iterations=2000)
    found = schema.ASSOCIATIONS.check(aging.association_table(series, settings, N, threads=2))
    unchanged = ["rho", "p_independence", "p_bonferroni"]
    assert found[unchanged].equals(plain[unchanged])
    assert set(found["interval"]) == {"bootstrap"}
    assert found["ci_low"].isna().tolist() == plain["ci_low"].isna().tolist()
    known = found["ci_low"].notna()
    assert known.sum() == 2
    assert not found.loc[known, "ci_low"].equals(plain.loc[known, "ci_low"])
    gap = found.loc[known, ["ci_low", "ci_high"]] - plain.loc[known, ["ci_low", "ci_high"]]
    assert gap.abs().to_numpy(dtype=float).max() < 0.08  # the intervals are .1 to .3 wide


def test_the_bootstrap_accepts_tables_without_correlations():
    series = aging.split(aging.with_ages(schema.ANALYSIS.empty(), a_cohort()), NAMES)
    plain = aging.association_table(series, SETTINGS)
    assert intervals.bootstrap(plain, series, N, intervals.Draws(100, 1, 1), 0.95).equals(plain)


def test_values_of_unknown_age_are_not_counted():
    ages = np.linspace(20, 90, N).round()
    ages[:25] = np.nan
    tables = all_tables(an_analysis(), a_cohort(ages=ages))
    assert {
        name: row_of(tables[name], "aorta", "volume_ml")["n"] for name in ("normality", "associations", "groups")
    } == {
        "normality": 35,
        "associations": 35,
        "groups": 35,
    }


def test_row_order_does_not_change_the_results():
    analysis, cohort = an_analysis(), a_cohort()
    expected = all_tables(analysis, cohort)
    found = all_tables(schema.ANALYSIS.check(analysis.sample(frac=1, random_state=1)), cohort)
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table, check_exact=True)


def test_a_scan_outside_the_cohort_is_rejected():
    with pytest.raises(
        ContractError, match=r"'scan_id' must contain scans of the cohort table, found other values in 20 rows"
    ):
        aging.with_ages(an_analysis(), a_cohort(50))


def test_a_structure_outside_the_label_set_is_rejected():
    with pytest.raises(
        ContractError,
        match=r"must contain structures of the label set or groups of structures, found .* in 60 rows \('spleen'\)",
    ):
        aging.split(aging.with_ages(an_analysis(), a_cohort()), ["aorta"])


def a_truth(analysis, cohort, volume_factor=1.0, hu_offset=0.0):
    """Return true values: measured volumes times a factor and measured attenuation plus an offset."""
    wide = analysis.pivot_table("value", ["scan_id", "structure"], "measure").reset_index()
    truth = pd.DataFrame({"scan_id": wide["scan_id"], "structure": wide["structure"]})
    truth["volume_ml"] = wide["volume_ml"].fillna(1.0) * volume_factor
    truth["hu_mean"] = wide["hu_mean"] + hu_offset
    return schema.TRUTH.check(truth)


def compared(analysis, cohort, truth):
    return schema.COMPARE_TRUTH.check(
        truth_table(aging.with_ages(analysis, cohort), truth, NAMES, SETTINGS.confidence, SETTINGS.n_min)
    )


def test_comparison_with_the_ground_truth_has_known_results():
    analysis, cohort = an_analysis(), a_cohort()
    table = compared(analysis, cohort, a_truth(analysis, cohort, volume_factor=0.8, hu_offset=3.0))
    aorta, spleen = row_of(table, "aorta", "volume_ml"), row_of(table, "spleen", "hu_mean")
    assert (aorta["n"], spleen["n"]) == (60, 60)
    assert (aorta["pearson_r"], spleen["pearson_r"]) == (pytest.approx(1), pytest.approx(1))
    assert aorta["bias_percent"] == pytest.approx(25)
    assert spleen["bias"] == pytest.approx(-3)
    assert np.isnan(spleen["bias_percent"])
    assert aorta["rho_true"] == aorta["rho_measured"]
    assert aorta["ci_low"] < aorta["rho_true"] < aorta["ci_high"]
    assert aorta["truth_inside"]


def test_the_interval_of_a_measurement_without_age_effect_excludes_true_rho():
    analysis, cohort = an_analysis(), a_cohort()
    truth = a_truth(analysis, cohort)
    excluded = analysis.assign(
        value=np.where(analysis["measure"] == "volume_ml", 200 + np.sin(np.arange(120)), analysis["value"])
    )
    row = row_of(compared(schema.ANALYSIS.check(excluded), cohort, truth), "aorta", "volume_ml")
    assert row["rho_true"] > 0.8
    assert row["ci_high"] < 0.6
    assert not row["truth_inside"]


def test_comparison_uses_only_scans_with_both_values():
    analysis, cohort = an_analysis(), a_cohort()
    truth = a_truth(analysis, cohort)
    truth = truth[~truth["scan_id"].isin(scan_ids(7)) | truth["structure"].ne("aorta")]
    table = compared(analysis, cohort, truth)
    measured = analysis[analysis["structure"].eq("aorta") & ~analysis["scan_id"].isin(scan_ids(7))]
    ages = cohort.set_index("scan_id").loc[measured["scan_id"], "age_years"]
    assert row_of(table, "aorta", "volume_ml")["n"] == 53
    assert row_of(table, "aorta", "volume_ml")["rho_true"] == pytest.approx(
        stats.spearmanr(ages, measured["value"]).statistic
    )


def test_comparison_with_too_few_scans_has_n_and_no_results():
    analysis, cohort = an_analysis(), a_cohort()
    truth = a_truth(analysis, cohort)
    table = compared(analysis, cohort, truth[truth["scan_id"].isin(scan_ids(9))])
    assert table["n"].tolist() == [0, 9, 9, 0]
    assert table.drop(columns=["structure", "measure", "n", "n_patients"]).isna().all().all()


def test_comparison_with_a_constant_ground_truth_has_a_bias_and_no_correlation():
    analysis, cohort = an_analysis(), a_cohort()
    row = row_of(compared(analysis, cohort, a_truth(analysis, cohort).assign(volume_ml=250.0)), "aorta", "volume_ml")
    assert row[["pearson_r", "rho_true", "truth_inside"]].isna().all()
    assert np.isfinite(row[["bias", "bias_percent", "rho_measured"]].astype(float)).all()


def analysis_of_the_young():
    """Return the analysis table without the oldest third, so that its ages differ from those of the cohort."""
    analysis = an_analysis()
    return analysis[analysis["scan_id"].isin(scan_ids(40))]


@pytest.fixture
def study(tmp_path):
    """Write the input files of a small study and return the command line."""
    schema.ANALYSIS.write(analysis_of_the_young(), tmp_path / "analysis.parquet")
    schema.COHORT.write(a_cohort(), tmp_path / "cohort.parquet")
    a_truth(an_analysis(), a_cohort()).to_csv(tmp_path / "truth.csv", index=False)
    labels = "label,structure,side,group,lower_bound_ml\n1,aorta,,vessel,\n2,spleen,,organ,\n"
    (tmp_path / "labels.csv").write_text(labels, encoding="utf-8")
    command = ["aging", "--structures", str(tmp_path / "labels.csv")]
    for name in ("analysis", "cohort"):
        command += [f"--{name}", str(tmp_path / f"{name}.parquet")]
    for name in RESULTS:
        command += [f"--{name}", str(tmp_path / "tables" / f"{name}.parquet")]
    return tmp_path, command


def test_command_writes_the_tables_and_logs_the_counts(study, caplog):
    folder, command = study
    truth = ["--truth", str(folder / "truth.csv"), "--compare-truth", str(folder / "tables/compare_truth.parquet")]
    with caplog.at_level("INFO"):
        assert main([*command, *truth]) == 0
    expected = all_tables(analysis_of_the_young(), a_cohort())
    for table in (schema.NORMALITY, schema.ASSOCIATIONS, schema.GROUPS, schema.POSTHOC):
        pd.testing.assert_frame_equal(table.read(folder / f"tables/{table.name}.parquet"), expected[table.name])
        assert (folder / f"tables/{table.name}.csv").is_file()
    assert len(schema.COMPARE_TRUTH.read(folder / "tables/compare_truth.parquet")) == 4
    assert caplog.messages == [
        "80 values of 2 structures and 0 groups of structures from a cohort of 60 scans",
        "80 values read = 80 used + 0 of unknown age; 4 structures and measures = 2 with a result + 2 without",
    ]


# Groups of structures


GROUPS = ["organs"]


def with_a_group(analysis, strong=True):
    """Return the analysis table with a group whose volume correlates with age if `strong`."""
    ages = a_cohort()["age_years"].to_numpy()
    values = ages if strong else np.random.default_rng(9).normal(size=N) + 9
    return schema.ANALYSIS.check(pd.concat([analysis, values_of("organs", "volume_ml", values)]))


def tables_with_groups(analysis):
    series = aging.split(aging.with_ages(analysis, a_cohort()), NAMES, GROUPS)
    cuts = aging.cut_points(a_cohort()["age_years"].to_numpy(dtype=float), [])
    return {
        "associations": schema.ASSOCIATIONS.check(aging.association_table(series, SETTINGS)),
        "groups": schema.GROUPS.check(aging.group_table(series, cuts, SETTINGS)),
        "posthoc": schema.POSTHOC.check(aging.posthoc_table(series, cuts, SETTINGS)),
        "normality": schema.NORMALITY.check(aging.normality_table(series, SETTINGS)),
    }


@pytest.mark.parametrize("strong", [True, False])
def test_groups_have_rows_and_do_not_change_the_rows_of_single_structures(strong):
    alone, together = all_tables(an_analysis(), a_cohort()), tables_with_groups(with_a_group(an_analysis(), strong))
    for name, table in together.items():
        of_groups = table["structure"].isin(GROUPS)
        assert of_groups.sum() == 2 * (6 if name == "posthoc" else 1)
        pd.testing.assert_frame_equal(table[~of_groups].reset_index(drop=True), alone[name])


def test_p_values_of_groups_are_adjusted_only_over_groups():
    table = tables_with_groups(with_a_group(an_analysis()))["associations"]
    group = row_of(table, "organs", "volume_ml")
    assert group["family"] == "groups"
    assert group["p_independence"] == group["p_bonferroni"] == group["p_holm"] == group["q_bh"]
    structures = table[table["family"] == "structures"]
    assert structures["p_bonferroni"].dropna().tolist() == pytest.approx(
        (2 * structures["p_independence"].dropna()).tolist()
    )


def test_a_group_outside_the_label_set_is_rejected():
    observations = aging.with_ages(with_a_group(an_analysis()), a_cohort())
    with pytest.raises(
        ContractError, match="structures of the label set or groups of structures, found other values in 60 rows"
    ):
        aging.split(observations, NAMES)


# Sensitivity to the rule set


def some_sets():
    """Return the values under each rule set; rule sets other than that of the study add wrong values at old ages."""
    own = with_a_group(an_analysis())
    oldest = own["scan_id"].isin(scan_ids()[-6:])
    strict = own[~oldest]
    wrong = own.assign(value=own["value"].mask(oldest & own["measure"].eq("volume_ml"), 1.0))
    return {"none": wrong, "paper": own, "strict": strict, "study": own}


def correlations(sets):
    return [row for rules, series in sets.items() for row in sensitivity_of(rules, series, SETTINGS)]


def sensitivity():
    cohort, sets = a_cohort(), some_sets()
    series = {rules: aging.split(aging.with_ages(values, cohort), NAMES, GROUPS) for rules, values in sets.items()}
    associations = aging.association_table(series["study"], SETTINGS)
    table = schema.SENSITIVITY.check(aging.sensitivity_table(correlations(series), associations))
    return table, associations


def test_each_rule_set_has_the_correlation_of_its_usable_values():
    table, _ = sensitivity()
    ages = a_cohort().set_index("scan_id")["age_years"]
    assert len(table) == 4 * 6
    for rules, values in some_sets().items():
        aorta = values[values["structure"].eq("aorta")]
        found = row_of(table[table["analysis"] == rules], "aorta", "volume_ml")
        expected = stats.spearmanr(aorta["value"], ages[aorta["scan_id"]])
        assert found["n"] == len(aorta)
        assert found["rho"] == pytest.approx(expected.statistic)
        assert found["p_independence"] == pytest.approx(expected.pvalue)
        assert found["ci_low"] < found["rho"] < found["ci_high"]


def test_the_difference_is_relative_to_the_rule_set_of_the_study():
    table, associations = sensitivity()
    own = row_of(associations, "aorta", "volume_ml")["rho"]
    by_rules = table[table["structure"].eq("aorta") & table["measure"].eq("volume_ml")].set_index("analysis")
    assert by_rules.loc[["paper", "study"], "difference"].tolist() == [0, 0]
    assert by_rules.loc["none", "difference"] == pytest.approx(by_rules.loc["none", "rho"] - own)
    assert by_rules.loc["none", "difference"] < -0.1
    assert table.loc[table["rho"].isna(), "difference"].isna().all()


def test_too_few_values_under_a_rule_set_have_n_and_no_result():
    associations = aging.association_table(aging.split(aging.with_ages(an_analysis(), a_cohort()), NAMES), SETTINGS)
    few = aging.split(aging.with_ages(an_analysis().groupby("structure").head(9), a_cohort()), NAMES)
    table = schema.SENSITIVITY.check(aging.sensitivity_table(correlations({"strict": few}), associations))
    assert sorted(table["n"]) == [0, 0, 9, 9]
    assert table[["rho", "ci_low", "log10_p_independence", "p_independence", "difference"]].isna().all(axis=None)


def test_command_compares_the_rule_sets_of_the_screening(study):
    folder, command = study
    own = analysis_of_the_young()
    sets = [values.assign(rules=rules) for rules, values in {"none": an_analysis(), "study": own}.items()]
    schema.ANALYSIS_SETS.check(pd.concat(sets)).to_parquet(folder / "sets.parquet")
    out = folder / "tables" / "sensitivity.parquet"
    assert main([*command, "--analysis-sets", str(folder / "sets.parquet"), "--sensitivity", str(out)]) == 0
    table = schema.SENSITIVITY.read(out)
    associations = schema.ASSOCIATIONS.read(folder / "tables" / "associations.parquet")
    shared = ["structure", "measure", "n", "rho", "ci_low", "ci_high", "log10_p_independence", "p_independence"]
    found = table[table["analysis"] == "study"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[shared], associations[shared])
    assert row_of(table[table["analysis"] == "none"], "aorta", "volume_ml")["n"] == 60
    assert row_of(table[table["analysis"] == "paper"], "aorta", "volume_ml")["n"] == 0
    assert out.with_suffix(".csv").is_file()


def test_analysis_sets_without_a_sensitivity_path_are_rejected(study, capsys):
    folder, command = study
    assert main([*command, "--analysis-sets", str(folder / "sets.parquet")]) == 1
    assert "--analysis-sets and --sensitivity: set both options or neither" in capsys.readouterr().err


def test_command_without_a_ground_truth_writes_no_comparison(study):
    folder, command = study
    assert main(command) == 0
    assert not (folder / "tables/compare_truth.parquet").exists()


def test_repeated_command_writes_the_same_bytes(study):
    folder, command = study
    contents = []
    for _ in range(2):
        assert main(command) == 0
        contents.append({path.name: path.read_bytes() for path in sorted((folder / "tables").iterdir())})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alhpa": 0.05}, "aging.alhpa: unknown key; did you mean 'alpha'?"),
        ({"alpha": 1.5}, "aging.alpha: 1.5 is greater than or equal to the maximum of 1"),
        ({"quartiles": "closed"}, "aging.quartiles: 'closed' is not one of"),
        ({"n_min": 3}, "aging.n_min: 3 is less than the minimum of 4"),
        ("alpha=1", "aging: 'alpha=1' is not of type 'object'"),
    ],
)
def test_invalid_settings_stop_the_command_with_a_message(study, capsys, settings, message):
    folder, command = study
    assert main([*command, *config_option(aging=settings)]) == 1
    assert message in capsys.readouterr().err
    assert not (folder / "tables").exists()


def test_a_ground_truth_without_a_comparison_path_is_rejected(study, capsys):
    folder, command = study
    assert main([*command, "--truth", str(folder / "truth.csv")]) == 1
    assert "--truth and --compare-truth: set both options or neither" in capsys.readouterr().err
