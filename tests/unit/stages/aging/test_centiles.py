"""Tests of the stage that fits centile curves: curves, calibration, and z scores, or a reason."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.contracts import all_tables
from support.aging_commands import analysis_of, written_tables

N = 700
TABLES = {"centiles": "CENTILES", "calibration": "CENTILE_CALIBRATION", "z-scores": "Z_SCORES"}
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
    every = calibration[calibration["age_from"].eq(0) & calibration["age_to"].eq(120)]
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
    volume, hu = (curves[curves["model"].eq(model)] for model in ("bccg", "shash"))

    # formulas of the methods documentation
    of_volume = volume["location"] * (1 + volume["skew"] * volume["spread"] * z) ** (1 / volume["skew"])
    of_hu = hu["location"] + hu["spread"] * np.sinh((np.arcsinh(z) + hu["skew"]) / hu["tail"])

    np.testing.assert_allclose(of_volume, volume["centile_90"], rtol=1e-6)
    np.testing.assert_allclose(of_hu, hu["centile_90"], rtol=1e-9)


def test_scores_are_normal_and_proportions_below_the_curves_are_correct(tmp_path):
    cohort = a_cohort(1500)

    tables = run(tmp_path, cohort, an_analysis(cohort))

    whole = tables["calibration"][lambda t: t["age_from"].eq(0) & t["n"].gt(0)]
    assert len(whole) == 4
    assert whole["z_mean"].abs().max() < 0.02
    assert (whole["z_sd"] - 1).abs().max() < 0.02
    for percent in (3, 10, 25, 50, 75, 90, 97):
        assert (whole[f"below_{percent:02d}"] - percent).abs().max() < 3, percent


def test_age_bands_contain_each_patient_once(tmp_path):
    cohort = a_cohort()

    calibration = run(tmp_path, cohort, an_analysis(cohort))["calibration"]

    fitted = calibration[calibration["reason"].eq("ok")]
    whole = fitted["age_to"].eq(120)
    keys = ["structure", "measure", "sex"]
    assert fitted[~whole].groupby(keys)["n"].sum().to_dict() == fitted[whole].set_index(keys)["n"].to_dict()
    assert set(fitted.loc[~whole, "age_to"] - fitted.loc[~whole, "age_from"]) == {10}
    weighted = fitted[~whole].assign(z=lambda t: t["z_mean"] * t["n"]).groupby(keys)["z"].sum()
    assert weighted.to_numpy() == pytest.approx((fitted[whole]["z_mean"] * fitted[whole]["n"]).to_numpy(), abs=1e-6)


@pytest.mark.parametrize("age", [0.0, 5.0, 9.9])
def test_the_age_band_of_children_has_separate_rows(tmp_path, age):
    cohort = a_cohort()
    cohort.loc[0, "age_years"] = age

    calibration = run(tmp_path, cohort, an_analysis(cohort))["calibration"]

    bands = calibration.loc[calibration["age_from"].eq(0), ["structure", "measure", "sex", "age_to", "n"]]
    of_child = bands[bands["sex"].eq(cohort.loc[0, "sex"]) & bands["structure"].eq("aorta")]
    numbers = of_child.groupby("age_to")["n"].max()
    assert numbers[10] == 1
    assert numbers[120] > 300


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
    [(np.r_[0.0, np.arange(1.0, N)], "not_positive"), (np.full(N, 7.0), "all_equal")],
    ids=["a volume of 0", "equal volumes"],
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
