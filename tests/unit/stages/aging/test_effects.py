"""Tests of the stage that computes effects of age: every row contains a result or a reason."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from ctpop.contracts import all_tables
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import age_models, effects
from ctpop.stages.aging.age_series import split
from ctpop.stages.aging.samples import with_positions
from ctpop.stats.covariates import covariates_of
from ctpop.stats.splines import natural_basis
from ctpop.study.configuration import chosen
from support.aging_commands import analysis_of, written_tables

N = 400
LABELS = "label,structure,side,group,lower_bound_ml\n1,aorta,,vessels,\n2,spleen,,abdomen,\n"
TABLES = {name.replace("_", "-"): name.upper() for name in effects.WRITTEN}
RESULTS = {
    "age_effects": ["effect", "ci_low", "ci_high", "effect_sd", "log10_p", "p", "p_bonferroni", "q_bh"],
    "sex_differences": ["difference", "ci_low", "ci_high", "difference_sd", "ci_low_sd", "log10_p", "p", "q_bh"],
    "age_models": ["coefficients", "covariance", "residual_sd", "df", "knots", "age_low"],
    "body_size": ["exponent", "ci_low", "log10_p", "p_square", "index_effect", "index_median_female"],
}
BOTH = ["female", "male", "standardized", "difference"]


def a_cohort(n=N, seed=0, **columns):
    """Return a cohort in which men are taller and height decreases with age."""
    random = np.random.default_rng(seed)
    age = random.integers(20, 91, n).astype(float)
    male = random.random(n) < 0.5
    height = (163 + 13 * male - 0.08 * age + 6.5 * random.standard_normal(n)).round(1)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    patients = {"scan_id": [f"s{number:03d}" for number in range(n)], "age_years": age}
    own = {"sex": np.where(male, "male", "female"), "height_cm": height.astype(str), **columns}
    return all_tables.COHORT.check(table.assign(**patients, **own))


def an_analysis(cohort, seed=1, **values):
    """Return aortic volumes proportional to height^2 that grow by 5% per decade, and splenic attenuation that falls.

    Attenuation of the spleen falls by 6 HU per decade, and the volumes of men are 20% larger.
    """
    random = np.random.default_rng(seed)
    n, age = len(cohort), cohort["age_years"].fillna(50)
    tall = pd.to_numeric(cohort["height_cm"]).fillna(170) if "height_cm" in cohort else pd.Series(170.0, range(n))
    growth = 1.05 ** ((age - 50) / 10) * (tall / 170) ** 2 * np.where(cohort["sex"].eq("male"), 1.2, 1)
    columns = {
        ("aorta", "volume_ml"): 150 * growth * np.exp(0.1 * random.standard_normal(n)),
        ("spleen", "hu_mean"): 120 - 0.6 * age + 10 * random.standard_normal(n),
        **{("aorta", measure): each for measure, each in values.items()},
    }
    return analysis_of(cohort, columns)


def run(folder, cohort, analysis, **settings):
    """Run the command and return the tables that it writes by name."""
    found = written_tables("effects", folder, LABELS, TABLES, cohort, analysis, settings)
    return {name.replace("-", "_"): table for name, table in found.items()}


def rows_of(table, structure, measure=None, **more):
    found = table[table["structure"].eq(structure)]
    for column, value in {**({"measure": measure} if measure else {}), **more}.items():
        found = found[found[column].eq(value)]
    return found


def row(*args, **more):
    [only] = rows_of(*args, **more).to_dict("records")
    return only


def numbers(text):
    return np.array([float(part) for part in text.split(";")])


def test_effects_have_the_simulated_size(tmp_path):
    cohort = a_cohort()

    tables = run(tmp_path, cohort, an_analysis(cohort))

    for form, window in (("spline", "30-80"), ("spline", "55-75"), ("line", "all")):
        adjusted = {"adjusted_for": "height_cm", "form": form, "window": window}
        aorta = row(tables["age_effects"], "aorta", "volume_ml", sex="standardized", **adjusted)
        spleen = row(tables["age_effects"], "spleen", "hu_mean", sex="standardized", **adjusted)
        difference = row(tables["age_effects"], "aorta", "volume_ml", sex="difference", **adjusted)
        assert aorta["ci_low"] < 5 < aorta["ci_high"]
        assert aorta["unit"] == "percent per decade"
        assert spleen["ci_low"] < -6 < spleen["ci_high"]
        assert (spleen["unit"], spleen["reason"]) == ("HU per decade", "ok")
        assert spleen["effect_sd"] == pytest.approx(-0.6, abs=0.15)
        assert difference["ci_low"] < 0 < difference["ci_high"]
    men = row(tables["sex_differences"], "aorta", "volume_ml", adjusted_for="height_cm", form="line")
    assert men["ci_low"] < 20 < men["ci_high"]
    assert men["difference_sd"] == pytest.approx(1.82, abs=0.4)
    assert men["ci_low_sd"] < men["difference_sd"] < men["ci_high_sd"]
    assert men["age_years"] == 50
    size = row(tables["body_size"], "aorta")
    assert size["ci_low"] < 2 < size["ci_high"]
    assert size["p"] < 1e-6 < size["p_square"]
    assert size["index_ci_low"] < 5 < size["index_ci_high"]
    assert abs(size["rho_index_female"]) < 0.2 < size["rho_volume_female"]


def test_every_structure_measure_model_and_age_range_has_a_row(tmp_path):
    cohort = a_cohort()

    written = run(tmp_path, cohort, an_analysis(cohort))

    assert len(written["detectable_effects"]) == 2 * 2 * 2
    tables = {name: written[name] for name in effects.TABLES}
    assert {name: len(table) for name, table in tables.items()} == {
        **{"age_effects": 4 * 2 * (2 + 1) * 4, "age_models": 4 * 2 * 2, "sex_differences": 4 * 2 * 2, "body_size": 2}
    }
    assert set(tables["age_effects"]["adjusted_for"]) == {"none", "height_cm"}
    for name, table in tables.items():
        empty = table[table["n"].eq(0)]
        assert len(empty), name
        assert set(empty["reason"]) == {"too_few"}
        assert empty[RESULTS[name]].isna().all().all(), name
        complete = table[table["reason"].eq("ok")]
        assert complete[[column for column in RESULTS[name] if column != "q_bh"]].notna().all().all()


def test_the_crude_line_is_that_of_a_formula_in_statsmodels(tmp_path):
    cohort = a_cohort()
    analysis = an_analysis(cohort)
    frame = pd.DataFrame({"y": np.log(analysis.query("structure == 'aorta'")["value"].to_numpy())})
    frame = frame.assign(t=(cohort["age_years"] - 50) / 10, male=cohort["sex"].eq("male").astype(float))
    fit = smf.ols("y ~ male * t", frame).fit(cov_type="HC3", use_t=True)

    tables = run(tmp_path, cohort, analysis, confidence=0.9)

    women = row(tables["age_effects"], "aorta", "volume_ml", adjusted_for="none", form="line", sex="female")
    low, high = fit.conf_int(0.1).loc["t"]
    expected = 100 * np.expm1([fit.params["t"], low, high])
    assert [women["effect"], women["ci_low"], women["ci_high"]] == pytest.approx(expected)
    assert women["p"] == pytest.approx(fit.pvalues["t"])
    men = row(tables["sex_differences"], "aorta", "volume_ml", adjusted_for="none", form="line")
    assert men["difference"] == pytest.approx(100 * np.expm1(fit.params["male"]))
    assert men["difference_sd"] == pytest.approx(fit.params["male"] / np.sqrt(fit.scale))


def test_effects_in_any_age_range_can_be_computed_from_the_models(tmp_path):
    cohort = a_cohort()

    tables = run(tmp_path, cohort, an_analysis(cohort))

    for adjusted_for, form, window in (("none", "spline", "30-80"), ("height_cm", "spline", "55-75")):
        kept = {"adjusted_for": adjusted_for, "form": form}
        model = row(tables["age_models"], "spleen", "hu_mean", **kept)
        effect = row(tables["age_effects"], "spleen", "hu_mean", **kept, window=window, sex="standardized")
        knots, heights = numbers(model["knots"]), numbers(model["coefficients"])
        upper = np.zeros((8, 8))
        upper[np.triu_indices(8)] = numbers(model["covariance"])
        covariance = upper + np.triu(upper, 1).T
        low, high = map(float, window.split("-"))
        ends = natural_basis(np.array([low, high]), knots)
        slope = np.tile((ends[1] - ends[0]) / ((high - low) / 10), 2) / 2
        assert (model["sexes"], len(knots)) == ("female;male", 4)
        assert slope @ heights == pytest.approx(effect["effect"])
        assert effect["ci_high"] - effect["effect"] == pytest.approx(
            stats.t.ppf(0.975, model["df"]) * np.sqrt(slope @ covariance @ slope)
        )
        assert effect["effect_sd"] == pytest.approx(effect["effect"] / model["residual_sd"])


def test_families_are_tests_of_the_same_kind(tmp_path):
    cohort = a_cohort()
    random = np.random.default_rng(5)

    table = run(tmp_path, cohort, an_analysis(cohort, hu_mean=random.standard_normal(N)))["age_effects"]

    same = table[table["p"].notna()].groupby(["adjusted_for", "sex", "form", "window"])
    assert same["p"].count().eq(3).all()
    for _, family in same:
        assert family["p_bonferroni"].tolist() == pytest.approx((3 * family["p"]).clip(upper=1).tolist())
        assert family["q_bh"].ge(family["p"]).all()
        assert family["q_bh"].le(family["p_bonferroni"] + 1e-12).all()


@pytest.mark.parametrize(
    ("settings", "sex", "reason"),
    [
        ({"windows": [[10, 80]]}, "standardized", "ages_outside"),
        ({"windows": [[30, 89.5]]}, "female", "ages_outside"),
        ({"windows": [[50, 52]]}, "male", "too_few"),
        ({"windows": [[50, 52]]}, "difference", "too_few"),
        ({"windows": [[30, 80]]}, "female", "ok"),
    ],
)
def test_an_age_range_without_enough_patients_has_a_reason(tmp_path, settings, sex, reason):
    cohort = a_cohort()

    table = run(tmp_path, cohort, an_analysis(cohort), **settings)["age_effects"]

    found = row(table, "spleen", "hu_mean", adjusted_for="none", form="spline", sex=sex)
    assert found["reason"] == reason
    assert np.isnan(found["effect"]) == (reason != "ok")
    assert found["n"] == found["n_patients"] == (cohort["sex"].eq(sex).sum() if sex in {"female", "male"} else N)
    low, high = settings["windows"][0]
    inside = cohort["age_years"].between(low, high) & (cohort["sex"].eq(sex) | (sex not in {"female", "male"}))
    assert found["n_window"] == inside.sum()


def test_one_sex_has_the_effects_of_this_sex_only(tmp_path):
    cohort = a_cohort().assign(sex="female")

    tables = run(tmp_path, cohort, an_analysis(cohort))

    reasons = {
        sex: row(tables["age_effects"], "spleen", "hu_mean", adjusted_for="none", form="line", sex=sex)["reason"]
        for sex in BOTH
    }
    assert reasons == {"female": "ok", "male": "one_sex", "standardized": "one_sex", "difference": "one_sex"}
    assert set(rows_of(tables["sex_differences"], "spleen", "hu_mean")["reason"]) == {"one_sex"}
    assert row(tables["age_models"], "spleen", "hu_mean", adjusted_for="none", form="line")["sexes"] == "female"
    size = row(tables["body_size"], "aorta")
    assert (size["reason"], size["n_male"]) == ("ok", 0)
    assert np.isnan(size["rho_index_male"])


@pytest.mark.parametrize("known", [0, 40], ids=["in no scan", "in a tenth of the scans"])
def test_a_cohort_with_unrecorded_sex_has_one_curve_for_all_patients(tmp_path, known):
    cohort = a_cohort()
    cohort = cohort.assign(sex=cohort["sex"].where(cohort.index < known))

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert set(tables["age_effects"]["sex"]) == {"all"}
    found = row(tables["age_effects"], "spleen", "hu_mean", adjusted_for="none", form="spline", window="30-80")
    assert (found["n"], found["n_left_out"], found["reason"]) == (N, 0, "ok")
    assert found["ci_low"] < -6 < found["ci_high"]
    assert row(tables["age_models"], "spleen", "hu_mean", adjusted_for="none", form="line")["sexes"] == "all"
    assert set(tables["sex_differences"].query("n > 0")["reason"]) == {"one_sex"}


def test_scans_without_sex_or_a_covariate_are_counted(tmp_path):
    cohort = a_cohort()
    gaps = cohort.assign(
        sex=cohort["sex"].mask(cohort.index < 20), height_cm=cohort["height_cm"].mask(cohort.index.isin(range(10, 40)))
    )

    models = run(tmp_path, gaps, an_analysis(cohort))["age_models"]

    found = rows_of(models, "spleen", "hu_mean", form="line").set_index("adjusted_for")
    assert found["n"].to_dict() == {"none": 380, "height_cm": 360}
    assert found["n_left_out"].to_dict() == {"none": 20, "height_cm": 40}
    assert (found["n_female"] + found["n_male"]).eq(found["n"]).all()


def test_excluded_scans_do_not_affect_the_results(tmp_path):
    cohort = a_cohort()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    unknown = cohort.assign(sex=cohort["sex"].mask(cohort.index < 30))

    gaps = run(tmp_path / "a", unknown, an_analysis(cohort))
    fewer = run(tmp_path / "b", cohort[30:], an_analysis(cohort)[lambda t: t["scan_id"].ge("s030")])

    for name in ("age_effects", "sex_differences", "body_size"):
        shown = gaps[name].columns[~gaps[name].columns.str.contains("left_out")]
        pd.testing.assert_frame_equal(gaps[name][shown], fewer[name][shown])


def test_a_sex_with_too_few_patients_is_not_in_the_model(tmp_path):
    cohort = a_cohort()
    cohort = cohort.assign(sex=np.where(cohort.index < 5, "male", "female"))

    tables = run(tmp_path, cohort, an_analysis(cohort))

    found = rows_of(tables["age_effects"], "spleen", "hu_mean", adjusted_for="none", form="line").set_index("sex")
    assert found["reason"].to_dict()["female"] == "ok"
    assert found["reason"].to_dict()["difference"] == "one_sex"
    assert found.loc["female", ["n", "n_left_out"]].tolist() == [395, 5]
    assert found.loc["male", "n"] == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hu_mean": np.full(N, 3.0)}, "all_equal"),
        ({"hu_mean": np.where(np.arange(N) < 8, np.arange(N), np.nan)}, "too_few"),
        ({"volume_ml": np.where(np.arange(N) == 7, 0.0, 5.0 + np.arange(N))}, "not_positive"),
    ],
    ids=["equal values", "few values", "a volume of 0"],
)
def test_values_that_cannot_be_modeled_have_rows_with_the_reason(tmp_path, changes, reason):
    cohort = a_cohort()

    tables = run(tmp_path, cohort, an_analysis(cohort, **changes))

    [measure] = changes
    for name in ("age_effects", "age_models", "sex_differences"):
        found = rows_of(tables[name], "aorta", measure)
        assert set(found["reason"]) == {reason}
        assert found[RESULTS[name]].isna().all().all()
    if measure == "volume_ml":
        assert row(tables["body_size"], "aorta")["reason"] == reason


def test_equal_ages_have_no_effects(tmp_path):
    cohort = a_cohort().assign(age_years=50.0)

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert set(rows_of(tables["age_effects"], "spleen", "hu_mean")["reason"]) == {"all_equal"}
    assert row(tables["body_size"], "aorta")["reason"] == "all_equal"


def test_two_distinct_ages_have_a_line_but_no_curve(tmp_path):
    cohort = a_cohort()
    cohort = cohort.assign(age_years=np.where(cohort["age_years"] < 55, 30.0, 80.0))

    tables = run(tmp_path, cohort, an_analysis(cohort))

    line, curve = (
        row(tables["age_models"], "spleen", "hu_mean", adjusted_for="none", form=f) for f in ("line", "spline")
    )
    assert (line["reason"], curve["reason"]) == ("ok", "ok")
    assert line["knots"] == curve["knots"] == "25;85"
    assert np.isnan(curve["log10_p_nonlinear"])
    effect = row(tables["age_effects"], "spleen", "hu_mean", adjusted_for="none", window="30-80", sex="male")
    assert effect["reason"] == "ok"


def test_a_short_age_range_has_a_line_and_no_effect_outside(tmp_path):
    cohort = a_cohort()
    cohort = cohort.assign(age_years=55 + (cohort["age_years"] - 20) * 20 / 70)

    tables = run(tmp_path, cohort, an_analysis(cohort), windows=[[58, 72], [55, 75]])

    found = rows_of(tables["age_effects"], "spleen", "hu_mean", adjusted_for="none", form="spline", sex="standardized")
    assert found.set_index("window")["reason"].to_dict() == {"58-72": "ok", "55-75": "ages_outside"}
    assert row(tables["age_models"], "spleen", "hu_mean", adjusted_for="none", form="spline")["knots"] == "25;85"
    assert set(rows_of(tables["sex_differences"], "spleen", "hu_mean")["reason"]) == {"ages_outside"}


def test_a_covariate_determined_by_age_explains_the_effect(tmp_path):
    cohort = a_cohort()
    born = cohort.assign(year=(2020 - cohort["age_years"]).astype(int).astype(str))

    tables = run(tmp_path, born, an_analysis(cohort))

    found = rows_of(tables["age_models"], "spleen", "hu_mean").set_index(["adjusted_for", "form"])["reason"]
    assert found["height_cm + year"].eq("explained").all()
    assert found["none"].eq("ok").all()


def test_a_redundant_covariate_is_named_and_does_not_change_the_results(tmp_path):
    cohort = a_cohort()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    inches = cohort.assign(height_in=(pd.to_numeric(cohort["height_cm"]) / 2.54).astype(str))

    once = run(tmp_path / "a", cohort, an_analysis(cohort), covariates=["height_cm"])
    both = run(tmp_path / "b", inches, an_analysis(cohort), covariates=["height_cm", "height_in"])

    first, second = (
        row(table["age_models"], "spleen", "hu_mean", adjusted_for=name, form="spline")
        for table, name in ((once, "height_cm"), (both, "height_cm + height_in"))
    )
    assert second["omitted"] == "height_in"
    assert pd.isna(first["omitted"])
    np.testing.assert_allclose(numbers(second["coefficients"]), numbers(first["coefficients"]), rtol=1e-8)


def test_without_covariates_only_crude_effects_are_listed(tmp_path):
    cohort = a_cohort()

    tables = run(tmp_path, cohort, an_analysis(cohort), covariates=[])

    assert set(tables["age_effects"]["adjusted_for"]) == {"none"}
    assert row(tables["body_size"], "aorta")["reason"] == "ok"  # height is in the registry


@pytest.mark.parametrize("heights", [None, "missing"])
def test_body_size_requires_the_height(tmp_path, heights):
    cohort = a_cohort()
    cohort = cohort.drop(columns="height_cm") if heights is None else cohort.assign(height_cm=[None] * N)

    tables = run(tmp_path, cohort, an_analysis(cohort))

    assert row(tables["body_size"], "aorta")["reason"] == "no_height"
    assert row(tables["age_models"], "aorta", "volume_ml", adjusted_for="none", form="line")["reason"] == "ok"


def test_several_scans_per_patient_widen_the_intervals(tmp_path):
    cohort = a_cohort()
    people = np.arange(N) // 4
    age = cohort["age_years"].to_numpy()[4 * people]
    sex = cohort["sex"].to_numpy()[4 * people]
    ids = pd.Series([f"p{number}" for number in people], dtype="str")
    repeated = cohort.assign(age_years=age, sex=sex, patient_id=ids)
    random = np.random.default_rng(2)
    hu = 120 - 0.6 * age + 10 * random.standard_normal(N)[people] + 3 * random.standard_normal(N)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    by_patient = run(tmp_path / "a", repeated, an_analysis(repeated, hu_mean=hu))
    by_scan = run(tmp_path / "b", repeated.assign(patient_id=cohort["patient_id"]), an_analysis(repeated, hu_mean=hu))

    kept = {"adjusted_for": "none", "form": "line", "sex": "standardized"}
    clustered, naive = (row(tables["age_effects"], "aorta", "hu_mean", **kept) for tables in (by_patient, by_scan))
    assert (clustered["n"], clustered["n_patients"], naive["n_patients"]) == (N, 100, N)
    assert clustered["effect"] == pytest.approx(naive["effect"])
    widths = [found["ci_high"] - found["ci_low"] for found in (clustered, naive)]
    assert 1.6 < widths[0] / widths[1] < 2.6
    model = row(by_patient["age_models"], "aorta", "hu_mean", adjusted_for="none", form="line")
    assert 20 < model["df"] < 100


def test_effects_with_one_scan_per_patient_are_those_of_the_first_scans(tmp_path):
    cohort = a_cohort()
    people = np.arange(N) // 4
    first = np.arange(0, N, 4)
    age, sex = cohort["age_years"].to_numpy()[first][people] + np.arange(N) % 4, cohort["sex"].to_numpy()[first][people]
    ids = pd.Series([f"p{number}" for number in people], dtype="str")
    repeated = cohort.assign(age_years=age, sex=sex, patient_id=ids)
    hu = 120 - 0.6 * age + 10 * np.random.default_rng(2).standard_normal(N)
    for name in "ab":
        (tmp_path / name).mkdir()

    several = run(tmp_path / "a", repeated, analysis_of(repeated, {("aorta", "hu_mean"): hu}))["age_effects"]
    once = repeated.iloc[first].reset_index(drop=True)
    expected = run(tmp_path / "b", once, analysis_of(once, {("aorta", "hu_mean"): hu[first]}))["age_effects"]

    names = ["effect", "ci_low", "ci_high"]
    found = several[[f"{name}_one_scan" for name in names]].to_numpy(dtype=float)
    assert np.isfinite(found).any()
    np.testing.assert_allclose(found, expected[names].to_numpy(dtype=float), rtol=1e-10)
    assert expected["effect_one_scan"].isna().all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"knots": [25, 65, 45]}, "aging.knots: the ages must increase, found"),
        ({"childhood_knots": [15, 5]}, "aging.childhood_knots: the ages must increase, found"),
        ({"windows": [[80, 30]]}, "aging.windows: lower limit 80 is not below upper limit 30"),
        ({"windows": [[30, 80], [30, 80]]}, "aging.windows: an age range is listed twice"),
    ],
)
def test_impossible_settings_are_rejected(settings, message):
    standard = vars(chosen(effects.EffectSettings, "aging", None))

    with pytest.raises(ContractError, match=message.replace("[", r"\[")):
        effects.checked(effects.EffectSettings(**{**standard, **settings}))


@pytest.mark.parametrize(
    ("youngest", "knots", "warned"),
    [(2, {"childhood_knots": []}, True), (2, {}, False), (18, {"childhood_knots": []}, False)],
)
def test_growth_below_the_first_knot_is_reported(caplog, youngest, knots, warned):
    standard = vars(chosen(effects.EffectSettings, "aging", None))
    ages = pd.Series([*np.linspace(youngest, 90, 200), np.nan])

    effects.warn_of_growth(ages, effects.EffectSettings(**{**standard, **knots}))

    assert ("growth in children" in caplog.text) == warned


def test_knots_in_childhood_remove_the_bias_by_growth(tmp_path):
    random = np.random.default_rng(3)
    ages = np.concatenate([random.uniform(1, 18, 300), random.uniform(18, 90, 900)])
    cohort = a_cohort(1200).assign(age_years=ages)
    growth = 1.05 ** ((ages - 50) / 10) * np.clip(0.4 + 0.6 * ages / 16, 0, 1)
    volumes = 150 * growth * np.exp(0.1 * random.standard_normal(1200))
    values = analysis_of(cohort, {("aorta", "volume_ml"): volumes})
    of_adults = {"adjusted_for": "none", "sex": "standardized", "window": "55-75"}

    biased, default = (
        row(run(tmp_path, cohort, values, covariates=[], **knots)["age_effects"], "aorta", "volume_ml", **of_adults)
        for knots in ({"childhood_knots": []}, {})
    )

    assert biased["ci_high"] < 5
    assert default["ci_low"] < 5 < default["ci_high"]


def test_models_are_shared_by_series_with_the_same_scans_only():
    cohort = a_cohort()
    random = np.random.default_rng(3)
    values = {("aorta", "hu_mean"): random.standard_normal(N), ("spleen", "hu_mean"): random.standard_normal(N)}
    values["spleen", "volume_ml"] = np.where(np.arange(N) < 20, np.nan, 5 + random.random(N))
    settings = chosen(effects.EffectSettings, "aging", None)
    known = effects.effect_cohort(cohort, covariates_of(cohort, None, []), 0.5)

    series = split(with_positions(analysis_of(cohort, values), cohort), ["aorta", "spleen"])
    models = {
        (each.structure, each.measure, curve.form, curve.name["adjusted_for"]): curve.model
        for each in series
        for curve in effects.curves_of(each, known, settings)
    }

    for form in age_models.FORMS:
        for adjusted_for in ("none", "height_cm"):
            first, second, fewer = (
                models[name, measure, form, adjusted_for]
                for name, measure in (("aorta", "hu_mean"), ("spleen", "hu_mean"), ("spleen", "volume_ml"))
            )
            assert first is second
            assert fewer is not first
            assert len(fewer.model.order) == N - 20


def test_equal_input_yields_equal_bytes(tmp_path):
    cohort = a_cohort(scanner=["A", "B"] * (N // 2))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        run(tmp_path / name, cohort, an_analysis(cohort))
        age_models._STORE.clear()

    for table in TABLES:
        first, second = ((tmp_path / name / f"{table}.parquet").read_bytes() for name in ("first", "second"))
        assert first == second


def test_small_categories_are_combined(tmp_path):
    cohort = a_cohort()
    scanner = pd.Series(np.where(cohort.index < 12, np.array(list("BCDEFG"))[cohort.index % 6], "A"))

    def model(column, **settings):
        chosen = {"covariates": ["scanner"], **settings}
        tables = run(tmp_path, cohort.assign(scanner=column), an_analysis(cohort), **chosen)
        return row(tables["age_models"], "spleen", "hu_mean", adjusted_for="scanner", form="line")

    combined, two = model(scanner), model(scanner.where(scanner.eq("A"), "B"))
    assert (combined["coefficients"], combined["df"]) == (two["coefficients"], two["df"])
    assert model(scanner, category_n_min=1)["df"] == combined["df"] - 5
    all_small = model(scanner, category_n_min=N)
    assert (all_small["omitted"], all_small["df"]) == ("scanner", combined["df"] + 1)
