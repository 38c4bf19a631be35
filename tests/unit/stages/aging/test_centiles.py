"""Tests of the stage that fits centile curves: curves, calibration, and z scores, or a reason."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import centiles
from ctpop.stages.aging.age_series import split, with_ages
from support.aging_commands import analysis_of, written_tables

N = 700
TABLES = {
    **{"centiles": "CENTILES", "models": "CENTILE_MODELS_TABLE", "calibration": "CENTILE_CALIBRATION"},
    **{"worms": "CENTILE_WORMS", "z-scores": "Z_SCORES"},
}
KEYS = ["structure", "measure", "sex"]
PERCENTS = (3, 10, 25, 50, 75, 90, 97)
LABELS = "label,structure,side,group,lower_bound_ml\n1,aorta,,vessels,\n2,lung,,chest,\n"


def a_cohort(n=N, women=0.5, seed=0):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    return all_tables.COHORT.check(
        table.assign(
            scan_id=[f"s{number:03d}" for number in range(n)],
            age_years=random.uniform(18, 95, n).round(1),
            sex=np.where(random.random(n) < women, "female", "male"),
        )
    )


def an_analysis(cohort, seed=1, **replaced):
    """Return aortic volumes that increase with age and are larger in men, and skewed, negative lung attenuation."""
    random = np.random.default_rng(seed)
    age, male = cohort["age_years"], cohort["sex"].eq("male")
    z = random.standard_normal(len(cohort)).clip(-3, 3)
    values = {
        ("aorta", "volume_ml"): (100 + age + 40 * male) * (1 + 0.3 * 0.15 * z) ** (1 / 0.3),
        ("lung", "hu_mean"): -830 + 0.5 * age + 30 * np.sinh((np.arcsinh(z) + 0.4) / 0.95),
        **{("aorta", measure): each for measure, each in replaced.items()},
    }
    return analysis_of(cohort, values)


def run(folder, cohort, analysis, **settings):
    """Run the command and return the tables that it writes."""
    return written_tables("centiles", folder, LABELS, TABLES, cohort, analysis, settings)


def reasons(calibration, structure, measure):
    every = calibration[calibration["band"].eq("all")]
    rows = every[every["structure"].eq(structure) & every["measure"].eq(measure)]
    return dict(zip(rows["sex"], rows["reason"], strict=True))


def test_curves_are_ordered_and_agree_with_the_ground_truth(tmp_path):
    cohort = a_cohort()

    curves = run(tmp_path, cohort, an_analysis(cohort))["centiles"]

    shown = curves[[f"centile_{percent:02d}" for percent in (3, 10, 25, 50, 75, 90, 97)]].to_numpy()
    assert (np.diff(shown, axis=1) > 0).all()
    at_60 = curves[curves["age_years"].eq(60) & curves["structure"].eq("aorta")].set_index("sex")
    assert at_60.loc["female", "centile_50"] == pytest.approx(160, rel=0.03)
    assert at_60.loc["male", "centile_50"] == pytest.approx(200, rel=0.03)
    assert at_60.loc["male", "centile_97"] == pytest.approx(200 * (1 + 0.3 * 0.15 * 1.88) ** (1 / 0.3), rel=0.04)


def test_curves_and_scores_follow_from_the_parameters_in_the_csv(tmp_path):
    cohort = a_cohort()
    analysis = an_analysis(cohort)
    run(tmp_path, cohort, analysis)
    curves, z = pd.read_csv(tmp_path / "centiles.csv"), stats.norm.ppf(0.9)
    volume, hu = (curves[curves["measure"].eq(measure)] for measure in ("volume_ml", "hu_mean"))

    # formulas of the methods documentation
    of_volume = volume["location"] * (1 + volume["skew"] * volume["spread"] * z) ** (1 / volume["skew"])
    of_hu = hu["location"] + hu["spread"] * np.sinh((np.arcsinh(z) + hu["skew"]) / hu["tail"])

    np.testing.assert_allclose(of_volume, volume["centile_90"], rtol=1e-6)
    np.testing.assert_allclose(of_hu, hu["centile_90"], rtol=1e-9)


def test_scores_are_normal_and_proportions_below_the_curves_are_correct(tmp_path):
    cohort = a_cohort(1500)

    tables = run(tmp_path, cohort, an_analysis(cohort))

    whole = tables["calibration"][lambda t: t["band"].eq("all") & t["reason"].eq("ok")]
    assert len(whole) == 4
    assert not whole["misfit"].any()
    scores = tables["z-scores"].groupby("structure")["z"]
    assert scores.mean().tolist() == pytest.approx([0, 0], abs=0.02)
    assert scores.std().tolist() == pytest.approx([1, 1], abs=0.02)
    for percent in PERCENTS:
        assert (whole[f"below_{percent:02d}"] - percent).abs().max() < 3, percent
        assert whole[f"below_{percent:02d}_low"].lt(percent).all()
        assert whole[f"below_{percent:02d}_high"].gt(percent).all()


@pytest.mark.parametrize("kind", ["quartile", "decade"])
def test_age_bands_contain_each_patient_once(tmp_path, kind):
    cohort = a_cohort()

    calibration = run(tmp_path, cohort, an_analysis(cohort))["calibration"]

    fitted = calibration[calibration["reason"].eq("ok")]
    whole, parts = fitted[fitted["band"].eq("all")], fitted[fitted["band"].str.startswith(kind)]
    assert parts.groupby(KEYS)["n"].sum().to_dict() == whole.set_index(KEYS)["n"].to_dict()
    below = parts.assign(below=parts["below_25"] * parts["n"]).groupby(KEYS)["below"].sum()
    assert below.to_numpy() == pytest.approx((whole["below_25"] * whole["n"]).to_numpy())
    assert parts[["z1", "z2", "z3", "z4"]].notna().to_numpy().all() == (kind == "quartile")


@pytest.mark.parametrize("oldest", [9, 17])
def test_a_cohort_of_children_has_distinct_age_bands(tmp_path, oldest):
    cohort = a_cohort()
    cohort = cohort.assign(age_years=(cohort["age_years"] - 18) / 77.1 * oldest)

    calibration = run(tmp_path, cohort, an_analysis(cohort))["calibration"]

    aorta = calibration[calibration["structure"].eq("aorta") & calibration["measure"].eq("volume_ml")]
    bands = {
        "all",
        *(f"quartile_{number}" for number in range(1, 5)),
        *["decade_000", "decade_010"][: 1 + oldest // 10],
    }
    assert aorta.groupby("sex")["band"].agg(set).tolist() == [bands, bands]
    assert aorta["reason"].eq("ok").all()


def test_bands_contain_their_centiles_and_are_wider_in_smaller_cohorts(tmp_path):
    large, small = a_cohort(1500), a_cohort(650)

    widths = []
    for number, cohort in enumerate((large, small)):
        folder = tmp_path / str(number)
        folder.mkdir()
        curves = run(folder, cohort, an_analysis(cohort))["centiles"]
        for percent in PERCENTS:
            name = f"centile_{percent:02d}"
            assert curves[f"{name}_low"].lt(curves[name]).all()
            assert curves[f"{name}_high"].gt(curves[name]).all()
        widths.append((curves["centile_50_high"] - curves["centile_50_low"])[curves["age_years"].eq(60)].to_numpy())
    assert (widths[0] < widths[1]).all()


def test_extreme_centiles_require_more_patients(tmp_path):
    cohort = a_cohort(300)
    tables = run(tmp_path, cohort, an_analysis(cohort))

    curves = tables["centiles"]

    assert curves["extreme_reason"].eq("too_few").all()
    assert curves[["centile_03", "centile_03_low", "centile_97", "centile_97_high"]].isna().to_numpy().all()
    assert curves[["centile_10", "centile_10_low", "centile_90", "centile_90_high"]].notna().to_numpy().all()
    assert curves["uncertain"].any()


def test_the_candidates_are_listed_and_the_chosen_one_has_the_lowest_bic(tmp_path):
    cohort = a_cohort(1500)

    models = run(tmp_path, cohort, an_analysis(cohort))["models"]

    of_aorta = models[models["structure"].eq("aorta") & models["measure"].eq("volume_ml")]
    assert of_aorta.groupby("sex")["model"].agg(list).tolist() == [["bccg", "bccg_skew", "bct"]] * 2
    assert of_aorta["aic"].to_numpy() == pytest.approx((of_aorta["deviance"] + 2 * of_aorta["df"]).to_numpy(float))
    usable = of_aorta[of_aorta["status"].eq("ok")]
    assert usable.loc[usable.groupby("sex")["bic"].idxmin(), "chosen"].all()
    assert of_aorta["chosen"].sum() == 2
    assert of_aorta.loc[of_aorta["chosen"], "location_knots"].str.count(";").eq(3).all()
    assert set(models["label_set"]) == {"labels"}
    missing = models[models["structure"].eq("lung") & models["measure"].eq("volume_ml")]
    assert set(missing["status"]) == {"not_fitted"}
    assert set(missing["reason"]) == {"too_few"}


def test_a_skew_by_age_requires_500_patients_of_a_sex(tmp_path):
    cohort = a_cohort(700)

    models = run(tmp_path, cohort, an_analysis(cohort))["models"]

    by_age = models[models["model"].str.endswith("_skew") & models["reason"].eq("ok")]
    assert set(by_age["status"]) == {"few_patients"}
    assert by_age[["deviance", "df", "bic"]].isna().to_numpy().all()


def test_one_gross_outlier_does_not_move_the_curves(tmp_path):
    cohort = a_cohort().assign(sex="male")
    analysis = an_analysis(cohort)
    with_error = analysis.copy()
    with_error.loc[with_error.index[with_error["structure"].eq("lung")][5], "value"] = 9999.0

    found = []
    for number, values in enumerate((analysis, with_error)):
        folder = tmp_path / str(number)
        folder.mkdir()
        found.append(run(folder, cohort, values))

    before, after = (tables["centiles"].query("structure == 'lung' and age_years == 60") for tables in found)
    assert after["centile_97"].item() == pytest.approx(before["centile_97"].item(), abs=2)
    chosen = found[1]["models"].query("structure == 'lung' and chosen")
    assert chosen["n_outliers"].tolist() == [1]
    assert found[1]["z-scores"]["z"].max() > 30
    whole = found[1]["calibration"].query("structure == 'lung' and measure == 'hu_mean' and band == 'all'")
    assert not whole["misfit"].dropna().any()


def test_results_do_not_depend_on_the_number_of_processes():
    cohort = a_cohort(300)
    series = split(with_ages(an_analysis(cohort), cohort), ["aorta", "lung"])
    settings = centiles.CentileSettings(100, 300, [], 0.95)
    source = centiles.Source("labels", "0" * 16, None)

    one, two = (
        centiles.tables_of(centiles.outcomes_of(series, cohort, settings, threads), source) for threads in (1, 2)
    )

    for name, table in one.items():
        pd.testing.assert_frame_equal(table, two[name], check_exact=True)


def test_a_technical_covariate_moves_the_curves_to_the_mean_of_its_levels(tmp_path):
    cohort = a_cohort(1200).assign(kvp=np.tile([100.0, 120.0, 120.0], 400))
    analysis = an_analysis(cohort)
    shift = cohort.set_index("scan_id")["kvp"].eq(100) * 40.0
    hu = analysis["measure"].eq("hu_mean")
    analysis.loc[hu, "value"] += analysis.loc[hu, "scan_id"].map(shift)

    tables = run(tmp_path, cohort, analysis, centiles_covariates=["kvp"])

    curves = tables["centiles"].query("structure == 'lung' and age_years == 60")
    expected = -830 + 30 + 30 * np.sinh(0.4 / 0.95) + 20
    assert curves["centile_50"].tolist() == pytest.approx([expected, expected], abs=5)
    scores = tables["z-scores"].query("structure == 'lung'").set_index("scan_id")["z"]
    by_level = scores.groupby(cohort.set_index("scan_id")["kvp"]).mean()
    assert by_level.abs().max() < 0.05
    chosen = tables["models"].query("structure == 'lung' and chosen")
    assert set(chosen["levels"]) == {'{"kvp": [["100"], ["120"]]}'}


def test_an_unknown_technical_covariate_is_an_error():
    cohort = a_cohort(100).assign(phase="portal")

    with pytest.raises(ContractError, match="did you mean 'phase'"):
        centiles.level_columns(cohort, ["phas"], "aging.centiles_covariates")


def test_every_usable_value_of_known_age_and_sex_has_a_score(tmp_path):
    cohort = a_cohort()
    sex, age = cohort["sex"].mask(cohort.index < 5), cohort["age_years"].mask(cohort.index == 9)
    cohort = cohort.assign(sex=sex, age_years=age)

    scores = run(tmp_path, cohort, an_analysis(a_cohort()))["z-scores"]

    assert len(scores) == 2 * (N - 6)
    assert stats.norm.cdf(scores["z"]) * 100 == pytest.approx(scores["centile"].to_numpy())
    assert scores.groupby("structure")["z"].std().tolist() == pytest.approx([1, 1], abs=0.02)


def test_a_sex_with_too_few_patients_has_a_reason_and_no_curves(tmp_path):
    cohort = a_cohort(300, women=0.1)

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert reasons(tables["calibration"], "aorta", "volume_ml") == {"female": "too_few", "male": "ok"}
    assert reasons(tables["calibration"], "lung", "volume_ml") == {"female": "too_few", "male": "too_few"}
    assert set(tables["centiles"]["sex"]) == {"male"}
    assert len(tables["z-scores"]) == 2 * cohort["sex"].eq("male").sum()


def test_the_minimum_number_of_patients_is_a_setting(tmp_path):
    cohort = a_cohort(300, women=0.25)
    women = int(cohort["sex"].eq("female").sum())

    enough = run(tmp_path, cohort, an_analysis(cohort), centiles_n_min=women)["calibration"]
    more = run(tmp_path, cohort, an_analysis(cohort), centiles_n_min=women + 1)["calibration"]

    assert reasons(enough, "lung", "hu_mean")["female"] == "ok"
    assert reasons(more, "lung", "hu_mean")["female"] == "too_few"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.r_[0.0, np.arange(1.0, N)], "not_positive"),
        (np.full(N, 7.0), "all_equal"),
        (np.tile([100.0, 120.0], N // 2), "too_few_values"),
        (100 + a_cohort()["age_years"].to_numpy(), "deterministic"),
    ],
    ids=["a volume of 0", "equal volumes", "two volumes", "no variation"],
)
def test_volumes_without_a_model_have_a_row_with_the_reason(tmp_path, value, reason):
    cohort = a_cohort().assign(sex="male")

    tables = run(tmp_path, cohort, an_analysis(cohort, volume_ml=value))

    assert reasons(tables["calibration"], "aorta", "volume_ml") == {"female": "too_few", "male": reason}
    assert set(tables["centiles"]["structure"]) == {"lung"}


def test_two_distinct_ages_have_no_centile_curves(tmp_path):
    cohort = a_cohort()
    cohort = cohort.assign(age_years=np.where(cohort["age_years"] < 55, 40.0, 70.0))

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert set(reasons(tables["calibration"], "aorta", "volume_ml").values()) == {"few_ages"}


def test_a_small_study_has_empty_curves_and_every_reason(tmp_path):
    cohort = a_cohort(42)

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert (len(tables["centiles"]), len(tables["z-scores"])) == (0, 0)
    assert len(tables["calibration"]) == 8
    assert set(tables["calibration"]["reason"]) == {"too_few"}


def test_curves_span_the_ages_of_the_patients_and_count_nearby_patients(tmp_path):
    cohort = a_cohort()

    curves = run(tmp_path, cohort, an_analysis(cohort))["centiles"]

    men = curves[curves["structure"].eq("lung") & curves["sex"].eq("male")]
    ages = cohort.loc[cohort["sex"].eq("male"), "age_years"]
    assert men["age_years"].tolist() == list(range(int(np.ceil(ages.min())), int(ages.max()) + 1))
    assert men["n_near"].tolist() == [int((ages - year).abs().le(5).sum()) for year in men["age_years"]]
