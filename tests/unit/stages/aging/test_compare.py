"""Tests of the comparison of two studies."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts import all_tables
from ctpop.contracts.effects import AGE_MODELS
from ctpop.figures import forest
from ctpop.foundation.errors import ContractError
from ctpop.stages.aging import compare, compared_studies, shared_patients
from support import age_models


def config(name="one", confidence=0.95, banner=None, structures="paper_104", margin=0.1):
    study = {"name": name, **({"banner": banner} if banner else {})}
    aging = {"confidence": confidence, "alpha": 1e-4, "equivalence_margin": margin}
    return {"study": study, "structures": structures, "aging": aging}


def rows(*results, family="structures"):
    columns = ["structure", "measure", "n", "n_patients", "rho", "ci_low", "ci_high"]
    return pd.DataFrame(list(results), columns=columns).assign(family=family)


def study(*results, groups=(), members=None, models=(), values=None, **options):
    table = pd.concat([rows(*results), rows(*groups, family="groups")], ignore_index=True)
    curves = age_models.table_of(*models)
    scans = scans_of()
    return compared_studies.ComparedStudy(
        options.get("name", "one"), config(**options), table, members or {}, scans, curves, values
    )


def scans_of(*scans, **columns):
    names = ["scan_id", "patient_id", "images_digest", "mask_sha256", "age_years", "sex"]
    return pd.DataFrame({"scan_id": list(scans), **columns}, dtype="str").reindex(columns=names)


def liver(rho, width=0.1, n=100, name="liver", measure="volume_ml"):
    return (name, measure, n, n, rho, rho - width, rho + width)


def curve(slope=-9.0, n=400, ages=(20, 90), seed=0, spread=17.0, sexes=("female", "male"), **options):
    """Return a row of `age_models` for simulated patients with a straight line (units per decade)."""
    random = np.random.default_rng(seed)
    age = random.uniform(*ages, n)
    values = slope * (age - 50) / 10 + spread * random.standard_normal(n)
    if options.get("measure") == "volume_ml":
        values = np.exp(values)
    sex = random.choice(list(sexes), n) if sexes else None
    knots = age_models.KNOTS if np.ptp(ages) >= 25 else age_models.LINE
    return age_models.model_row(values, age, sex, **{"knots": knots, **options})


def compared(first, second, margin=None):
    found = all_tables.COMPARISON.check(compare.compare(first, second, margin))
    assert not found.duplicated(["structure", "measure", "adjusted_for"]).any()
    return found.set_index(["structure", "measure", "adjusted_for"])


def only(first, second, margin=None):
    """Return the row without covariates of the only structure."""
    return compared(first, second, margin).xs("none", level="adjusted_for").iloc[0]


HU = {"measure": "hu_mean"}


def test_the_difference_of_effects_is_the_second_minus_the_first_in_the_common_age_range():
    models = curve(-9, ages=(20, 90)), curve(-6, ages=(50, 80), seed=1)

    row = only(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.3, **HU), models=models[1:]))

    low, high = max(each["age_low"] for each in models), min(each["age_high"] for each in models)
    assert (row["window_low"], row["window_high"]) == (low, high)
    assert (row["n_a"], row["age_mean_a"], row["age_sd_b"]) == (400, models[0]["age_mean"], models[1]["age_sd"])
    assert row["share_women_a"] == models[0]["n_female"] / 400
    assert (row["counterpart"], row["reason"], row["sex"], row["unit"]) == (
        "same",
        "ok",
        "standardized",
        "HU per decade",
    )
    assert row["difference"] == pytest.approx(row["effect_b"] - row["effect_a"])
    assert row["effect_low_a"] < row["effect_a"] < row["effect_high_a"]
    assert row["difference_low"] < row["inner_low"] < row["difference"] < row["inner_high"] < row["difference_high"]
    spread = math.sqrt((models[0]["residual_sd"] ** 2 + models[1]["residual_sd"] ** 2) / 2)  # equal sizes
    assert (row["residual_sd"], row["margin_high"]) == pytest.approx((spread, 0.1 * spread))
    assert row["margin_low"] == -row["margin_high"]
    assert row["smallest_margin"] == pytest.approx(max(abs(row["inner_low"]), abs(row["inner_high"])))
    assert row["smallest_margin_sd"] == pytest.approx(row["smallest_margin"] / spread)
    assert row["p"] == pytest.approx(10 ** row["log10_p"])
    assert pd.isna(row["df"])  # one scan per patient: normal quantile


def test_volumes_are_compared_on_the_logarithmic_scale_in_percent():
    volume = {"measure": "volume_ml", "spread": 0.2}
    models = curve(-0.05, **volume), curve(-0.05, seed=1, **volume)

    row = only(study(liver(-0.7), models=models[:1]), study(liver(-0.7), models=models[1:]))

    effects = [math.log1p(row[f"effect_{name}"] / 100) for name in "ab"]
    assert row["difference"] == pytest.approx(100 * math.expm1(effects[1] - effects[0]))
    assert row["unit"] == "percent per decade"
    assert row["margin_high"] == pytest.approx(100 * math.expm1(0.1 * row["residual_sd"]))
    assert row["margin_low"] == pytest.approx(100 * math.expm1(-0.1 * row["residual_sd"]))


@pytest.mark.parametrize(
    ("slope", "n", "outcome", "note"),
    [
        (-9, 20000, "equivalent", True),
        (-4, 20000, "different", True),
        (-9, 40, "inconclusive", False),
        (-7.3, 20000, "inconclusive", True),
    ],
)
def test_outcomes_of_effects(slope, n, outcome, note):
    first, second = curve(n=20000), curve(slope, n=n, seed=1)

    row = only(study(liver(-0.7, **HU), models=[first]), study(liver(-0.7, **HU), models=[second]))

    assert (row["outcome"], pd.isna(row["note"])) == (outcome, note)


def test_a_wider_margin_is_an_option():
    first, second = study(liver(-0.7, **HU), models=[curve()]), study(liver(-0.7, **HU), models=[curve(seed=1)])

    assert only(first, second)["outcome"] == "inconclusive"
    wide = only(first, second, margin=1.0)
    assert (wide["outcome"], wide["margin_sd"]) == ("equivalent", 1.0)
    smallest = only(first, second)["smallest_margin_sd"]
    assert only(first, second, smallest * 1.001)["outcome"] == "equivalent"
    assert only(first, second, smallest * 0.999)["outcome"] == "inconclusive"


def test_different_margins_require_the_option():
    first, second = study(liver(0.2)), study(liver(0.2), name="two", margin=0.2)

    with pytest.raises(ContractError, match=r"margins of the studies differ: 0.1 in one and 0.2 in two.*--margin 0.1"):
        compare.compare(first, second)
    assert only(first, second, 0.3)["margin_sd"] == 0.3


def test_several_scans_per_patient_have_a_t_quantile():
    models = [{**curve(seed=seed), "n_patients": patients, "df": 30.0} for seed, patients in ((0, 400), (1, 100))]

    row = only(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.7, **HU), models=models[1:]))

    errors = [(row[f"effect_high_{name}"] - row[f"effect_low_{name}"]) / (2 * 2.0422725) for name in "ab"]
    df = (errors[0] ** 2 + errors[1] ** 2) ** 2 / (errors[1] ** 4 / 30)  # the first study has the normal quantile
    assert row["df"] == pytest.approx(df, rel=1e-6)
    assert row["difference_high"] - row["difference"] > 1.96 * math.hypot(*errors)


@pytest.mark.parametrize(
    ("first", "second", "sex", "reason"),
    [
        (("female", "male"), ("male",), "male", "ok"),
        (("female",), ("female",), "female", "ok"),
        (None, None, "all", "ok"),
        (("female",), ("male",), None, "sexes_differ"),
        (None, ("female", "male"), None, "sexes_differ"),
    ],
)
def test_only_the_same_sexes_are_compared(first, second, sex, reason):
    models = [curve(seed=seed, sexes=sexes) for seed, sexes in enumerate((first, second))]

    row = only(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.7, **HU), models=models[1:]))

    assert row["reason"] == reason
    assert row["sex"] == sex if sex else pd.isna(row["sex"])
    assert (row["outcome"] == "not_comparable") == (sex is None)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (curve(ages=(85, 95)), "short_overlap"),
        (age_models.missing_row(), "no_model"),
        (curve(structure="spleen"), "no_model"),
    ],
)
def test_effects_without_a_common_basis_are_not_compared(second, reason):
    row = only(study(liver(-0.7, **HU), models=[curve()]), study(liver(-0.7, **HU), models=[second]))

    assert (row["outcome"], row["reason"]) == ("not_comparable", reason)
    assert row[["difference", "p", "margin_low", "window_low", "effect_a"]].isna().all()


def test_only_models_with_the_same_covariates_are_compared():
    first = [curve(), curve(adjusted_for="kvp"), curve(adjusted_for="height_cm")]
    second = [curve(seed=1), curve(adjusted_for="kvp", seed=1), curve(adjusted_for="height_cm + kvp", seed=1)]

    found = compared(study(liver(-0.7, **HU), models=first), study(liver(-0.7, **HU), models=second))

    assert found.index.get_level_values("adjusted_for").tolist() == ["kvp", "none"]
    adjusted = found.loc[("liver", "hu_mean", "kvp")]
    assert (adjusted["reason"], adjusted["rho_reason"]) == ("ok", "adjusted")
    assert adjusted[["rho_a", "n_rho_a", "rho_difference", "rho_uniform_a"]].isna().all()
    assert found["p_bonferroni"].tolist() == pytest.approx(found["p"].tolist())  # one test per family


def test_studies_with_different_knots_are_comparable():
    models = curve(), curve(seed=1, knots=(30.0, 50.0, 70.0))

    row = only(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.7, **HU), models=models[1:]))

    assert (row["reason"], row["form_a"], row["form_b"]) == ("ok", "spline", "spline")


def test_a_damaged_curve_is_rejected():
    damaged = {**curve(), "coefficients": "1;2;3"}

    with pytest.raises(ContractError, match=r"liver hu_mean: 4 knots and 2 curves require 8 coefficients .* found 3"):
        compare.compare(study(liver(-0.7, **HU), models=[damaged]), study(liver(-0.7, **HU), models=[curve()]))


def similar(**options):
    """Return curves of two studies with similar ages."""
    return [curve(seed=seed, n=2000, **options) for seed in (0, 1)]


def test_correlations_in_similar_ages_are_compared():
    first, second = similar()

    row = only(study(liver(0.2, **HU), models=[first]), study(liver(0.5, **HU), models=[second]))

    errors = [(math.atanh(r + 0.1) - math.atanh(r - 0.1)) / (2 * 1.959963985) for r in (0.2, 0.5)]
    assert (row["rho_reason"], row["rho_difference"]) == ("ok", pytest.approx(0.3))
    assert row["rho_z"] == pytest.approx((math.atanh(0.5) - math.atanh(0.2)) / math.hypot(*errors), rel=1e-9)
    assert row["rho_difference_low"] == pytest.approx(0.3 - math.hypot(0.1, 0.1))
    assert row["rho_difference_high"] == pytest.approx(0.3 + math.hypot(0.1, 0.1))
    assert (row["n_rho_a"], row["n_patients_rho_b"]) == (100, 100)
    assert row["p_rho"] == pytest.approx(10 ** row["log10_p_rho"])
    assert row["rho_uniform_reason"] == "no_values"


@pytest.mark.parametrize(
    ("mean", "sd", "reason"),
    [(0, 1.09, "ok"), (2.9, 1, "ok"), (0, 1.11, "ages_differ"), (3.1, 1, "ages_differ"), (0, 1 / 1.11, "ages_differ")],
)
def test_correlations_in_different_ages_have_no_test(mean, sd, reason):
    first = curve()
    second = {**curve(seed=1), "age_mean": first["age_mean"] + mean, "age_sd": first["age_sd"] * sd}

    row = only(study(liver(0.2, **HU), models=[first]), study(liver(0.5, **HU), models=[second]))

    assert row["rho_reason"] == reason
    assert row[["rho_difference", "rho_difference_low", "rho_z", "p_rho"]].isna().all() == (reason != "ok")
    assert (row["rho_a"], row["rho_b"]) == (0.2, 0.5)


def observations(ages, seed=0, patients=None):
    """Return the values of single scans with a slope of -9 HU per decade."""
    random = np.random.default_rng(seed)
    age = random.uniform(*ages, 3000)
    values = -0.9 * age + 17 * random.standard_normal(3000)
    table = {"structure": "liver", "measure": "hu_mean", "value": values, "age_years": age}
    return pd.DataFrame(table).assign(patient=np.arange(3000) if patients is None else patients)


def with_values(ages, seed=0, **options):
    values = observations(ages, seed)
    model = age_models.model_row(values["value"], values["age_years"], None)
    return study(liver(-0.5, **HU), models=[model], values=values, **options)


def test_correlations_for_uniform_ages_do_not_depend_on_the_age_range():
    row = only(with_values((18, 100)), with_values((40, 80), seed=1))

    assert row["rho_reason"] == "ages_differ"
    assert (row["rho_uniform_reason"], row["outcome"]) == ("ok", "equivalent")
    assert row["rho_uniform_a"] == pytest.approx(row["rho_uniform_b"], abs=0.05)
    assert row["rho_uniform_difference_low"] < 0 < row["rho_uniform_difference_high"]
    assert row["n_window_a"] < 3000
    assert 0.9 * row["n_window_a"] < row["effective_a"] <= row["n_window_a"]
    assert row["rho_window_low_b"] < row["rho_window_b"] < row["rho_window_high_b"]


def test_an_age_range_without_patients_has_no_correlation_for_uniform_ages():
    second = with_values((40, 80), seed=1)
    values = second.values
    gap = study(
        liver(-0.5, **HU), models=second.models.to_dict("records"), values=values[~values["age_years"].between(48, 62)]
    )

    row = only(with_values((18, 100)), gap)

    assert row["rho_uniform_reason"] == "empty_age_range"
    assert row[["rho_uniform_b", "rho_uniform_difference"]].isna().all()
    assert pd.notna(row["rho_uniform_a"])
    assert pd.notna(row["rho_window_b"])


def test_structures_of_only_one_study_have_rows_without_a_difference():
    found = compared(study(liver(0.2), liver(0.1, name="spleen")), study(liver(0.2), liver(0.3, name="heart")))

    assert found["counterpart"].droplevel(["measure", "adjusted_for"]).to_dict() == {
        "heart": "only_in_b",
        "liver": "same",
        "spleen": "only_in_a",
    }
    assert found["outcome"].eq("not_comparable").all()
    heart = found.loc[("heart", "volume_ml", "none")]
    assert (heart["rho_b"], heart["reason"], heart["rho_reason"]) == (0.3, "not_counterpart", "not_counterpart")
    assert pd.isna(heart["n_rho_a"])


def test_the_sacrum_of_one_generation_is_compared_with_sacrum_and_s1_of_the_other():
    names = ["sacrum", "sacrum_v1"]
    models = [curve(structure=name, measure="volume_ml", spread=0.2, slope=-0.05) for name in names]
    v1 = study(
        liver(-0.5, name="sacrum"),
        groups=[liver(-0.5, name="sacrum_v1")],
        members={"sacrum_v1": frozenset({"sacrum"})},
        models=models,
    )
    v2 = study(
        liver(-0.4, name="sacrum"),
        liver(-0.3, name="vertebrae_S1"),
        groups=[liver(-0.45, name="sacrum_v1")],
        members={"sacrum_v1": frozenset({"sacrum", "vertebrae_S1"})},
        models=models,
    )

    found = compared(v1, v2)

    assert found["counterpart"].droplevel(["measure", "adjusted_for"]).to_dict() == {
        "sacrum": "other_extent",
        "sacrum_v1": "same",
        "vertebrae_S1": "only_in_b",
    }
    compared_names = found.index[found["difference"].notna()].get_level_values("structure").tolist()
    assert compared_names == ["sacrum_v1"]
    assert compared(v1, v1).loc[("sacrum", "volume_ml", "none"), "counterpart"] == "same"


def test_groups_with_different_members_are_not_compared():
    whole = study(groups=[liver(0.2, name="ribs")], members={"ribs": frozenset({"rib_left_1", "rib_left_2"})})
    part = study(groups=[liver(0.3, name="ribs")], members={"ribs": frozenset({"rib_left_1"})})

    row = only(whole, part)

    assert (row["counterpart"], row["reason"], row["rho_b"]) == ("other_members", "not_counterpart", 0.3)
    assert only(whole, whole)["counterpart"] == "same"


def test_p_values_are_adjusted_separately_over_structures_and_groups():
    names = ["liver", "spleen", "aorta"]

    def of(seed):
        models = [curve(seed=seed, structure=name) for name in [*names, "ribs"]]
        results = [liver(0.2, name=name, **HU) for name in names]
        return study(*results, groups=[liver(0.2, name="ribs", **HU)], models=models)

    found = compared(of(0), of(1)).xs("none", level="adjusted_for")

    p = found.loc[("liver", "hu_mean"), "p"]
    assert found.loc[("liver", "hu_mean"), "p_bonferroni"] == pytest.approx(min(1, 3 * p))
    assert found.loc[("ribs", "hu_mean"), "p_bonferroni"] == pytest.approx(p)


def test_a_correlation_missing_in_one_study_is_not_compared():
    missing = ("liver", "hu_mean", 3, 3, math.nan, math.nan, math.nan)
    first, second = similar()

    row = only(study(missing, models=[first]), study(liver(0.2, **HU), models=[second]))

    assert (row["counterpart"], row["n_rho_a"], row["rho_reason"]) == ("same", 3, "no_interval")
    assert row["reason"] == "ok"  # the effects do not depend on the correlations


def test_studies_with_different_confidence_levels_are_rejected():
    with pytest.raises(ContractError, match=r"confidence levels of the studies differ: 0.95 in one and 0.9 in two"):
        compare.compare(study(liver(0.2)), study(liver(0.2), name="two", confidence=0.9))


@pytest.mark.parametrize("margin", ["0", "-1", "wide", "inf"])
def test_invalid_margins_are_rejected(margin, capsys):
    with pytest.raises(SystemExit):
        main(["compare", "one", "two", f"--margin={margin}"])
    assert "is not a number above 0" in capsys.readouterr().err


def test_a_page_is_full_and_repeats_its_heading():
    names = [f"s{number}" for number in range(100)]

    pages = forest.pages_of([("spine", names), ("ribs", ["r"])])

    assert [len(block[1]) for page in pages for block in page] == [57, 43, 1]
    assert [block[0] for block in pages[1]] == ["spine", "ribs"]
    assert [name for page in pages for _, block in page for name in block] == [*names, "r"]


def test_a_heading_is_never_the_last_row_of_a_page():
    pages = forest.pages_of([("one", [f"s{number}" for number in range(56)]), ("two", ["x"])])

    assert [[heading for heading, _ in page] for page in pages] == [["one"], ["two"]]


def test_different_banners_contain_the_names_of_their_studies():
    synthetic = study(liver(0.2), name="a", banner="synthetic")

    assert compared_studies.banner_of((synthetic, study(liver(0.2), name="b", banner="synthetic"))) == "synthetic"
    assert compared_studies.banner_of((synthetic, study(liver(0.2), name="b"))) == "a: synthetic"
    assert compared_studies.banner_of((study(liver(0.2)), study(liver(0.2), name="b"))) is None


def results(folder, name, rho, scans, margin=0.1):
    """Write the result tables of a study with three structures and one group."""
    tables = folder / name / "tables"
    kidneys = ["kidney_left", "kidney_right"]
    table = pd.concat(
        [
            rows(
                *(
                    liver(rho, name=each, measure=measure)
                    for each in ["liver", *kidneys]
                    for measure in all_tables.MEASURES
                )
            ),
            rows(*(liver(rho, name="kidneys", measure=measure) for measure in all_tables.MEASURES), family="groups"),
        ]
    )
    tables.mkdir(parents=True)
    table.to_parquet(tables / "associations.parquet")  # contains only the columns that the command reads
    slopes = {"hu_mean": {"slope": -20 * rho, "spread": 17.0}, "volume_ml": {"slope": rho / 10, "spread": 0.2}}
    models = [
        curve(structure=each, measure=measure, seed=len(name) + number, n=200 + number, **slopes[measure])
        for number, each in enumerate(["liver", *kidneys, "kidneys"])
        for measure in all_tables.MEASURES
    ]
    AGE_MODELS.write(age_models.table_of(*models), tables / "age_models.parquet")
    members = pd.DataFrame({"group": "kidneys", "structure": kidneys, "in_label_set": True})
    all_tables.GROUP_MEMBERS.write(members, tables / "group_members.parquet")
    patients = pd.DataFrame({"scan_id": scans}).reindex(columns=list(all_tables.COHORT.columns))
    all_tables.COHORT.write(patients.astype(all_tables.COHORT.empty().dtypes.to_dict()), tables / "cohort.parquet")
    settings = config(name=name, banner="synthetic", structures="demo", margin=margin)
    (folder / name / "provenance.json").write_text(json.dumps({"config": settings}))
    return folder / name


def test_the_command_writes_reproducible_tables_and_figures(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    results(tmp_path / "results", "one", 0.1, ["a", "b"])
    results(tmp_path / "results", "two", 0.6, ["c", "d"])

    assert main(["compare", "one", "results/two", "--dpi", "80"]) == 0

    out = tmp_path / "results" / "one_and_two"
    found = all_tables.COMPARISON.read(out / "comparison.parquet")
    outcomes = found["outcome"].value_counts()
    assert len(found) == 8
    assert f"8 rows = {outcomes.get('equivalent', 0)} equivalent, {outcomes['different']} different" in caplog.text
    assert "margin 0.1 residual SD per decade" in caplog.text
    assert found["rho_difference"].dropna().round(9).eq(0.5).all()
    names = {path.name for path in (out / "figures").iterdir()}
    assert names == {
        f"{kind}_{measure}_p01.{suffix}"
        for kind in ("forest", "forest_rho")
        for measure in all_tables.MEASURES
        for suffix in ("pdf", "svg", "png", "csv")
    }
    drawn = pd.read_csv(out / "figures" / "forest_volume_ml_p01.csv")
    assert drawn["structure"].tolist() == ["kidney_right", "kidney_left", "liver", "kidneys"]
    figure = (out / "figures" / "forest_volume_ml_p01.svg").read_text()
    assert "synthetic" in figure
    assert all(words in figure for words in ("Abdomen and pelvis", "Left kidney", "Kidneys", "% per decade"))
    assert main(["compare", "one", "two", "--dpi", "80", "--out", "again"]) == 0
    for path in out.rglob("*.*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(out)).read_bytes()


def test_the_margin_of_the_command_replaces_the_settings_of_the_studies(tmp_path, capsys):
    places = [results(tmp_path, name, 0.1, [name], margin) for name, margin in (("one", 0.1), ("two", 0.2))]
    asked = ["compare", *map(str, places), "--dpi", "80", "--formats", "png", "--out", str(tmp_path / "out")]

    assert main(asked) == 1
    assert "the margins of the studies differ: 0.1 in one and 0.2 in two" in capsys.readouterr().err
    assert main([*asked, "--margin", "5"]) == 0

    found = all_tables.COMPARISON.read(tmp_path / "out" / "comparison.parquet")
    assert found["margin_sd"].eq(5).all()
    assert found["outcome"].eq("equivalent").all()


def test_results_of_an_earlier_version_are_rejected_with_the_command_to_run(tmp_path, capsys):
    places = [results(tmp_path, name, 0.1, [name]) for name in ("one", "two")]
    for ending in ("parquet", "csv"):
        (tmp_path / "two" / "tables" / f"age_models.{ending}").unlink()

    assert main(["compare", *map(str, places), "--out", str(tmp_path / "out")]) == 1

    error = capsys.readouterr().err
    assert "two: the table age_models is missing; an earlier version of ctpop wrote these results" in error
    assert "snakemake --profile profiles/local --configfile my_study.yaml" in error


def test_age_curves_are_read_from_a_copy_as_csv(tmp_path):
    places = [results(tmp_path, name, 0.1, [name]) for name in ("one", "two")]
    expected = compare.compare(*(compared_studies.read_study(place) for place in places))

    (places[1] / "tables" / "age_models.parquet").unlink()

    found = compare.compare(*(compared_studies.read_study(place) for place in places))
    pd.testing.assert_frame_equal(found, expected)


def test_values_of_single_scans_are_read_if_available(tmp_path):
    place = results(tmp_path, "one", 0.1, ["a", "b"])
    values = {"scan_id": ["a"], "structure": "liver", "measure": "hu_mean", "value": 50.0}
    all_tables.ANALYSIS.write(pd.DataFrame(values), place / "tables" / "analysis.parquet")
    cohort = all_tables.COHORT.read(place / "tables" / "cohort.parquet").assign(age_years=[60.0, 70.0])
    all_tables.COHORT.write(cohort, place / "tables" / "cohort.parquet")

    found = compared_studies.read_study(place).values

    assert found[["structure", "value", "age_years", "patient"]].to_numpy().tolist() == [["liver", 50.0, 60.0, 0]]


def test_studies_that_share_some_patients_are_compared_with_a_warning_and_flagged(tmp_path, caplog):
    places = [results(tmp_path, name, 0.1, scans) for name, scans in (("one", ["a", "b"]), ("two", ["b", "c"]))]

    assert main(["compare", *map(str, places), "--dpi", "80", "--out", str(tmp_path / "out")]) == 0

    assert "1 scan and 1 patient are in both studies: the studies are not independent" in caplog.text
    found = all_tables.COMPARISON.read(tmp_path / "out" / "comparison.parquet")
    assert found[["n_shared_scans", "n_shared_patients"]].eq(1).all(axis=None)
    assert not found["independent"].any()


def test_studies_of_the_same_patients_are_rejected_with_a_remedy(tmp_path, capsys):
    places = [results(tmp_path, name, 0.1, scans) for name, scans in (("one", ["a", "b"]), ("two", ["a", "b", "c"]))]

    assert main(["compare", *map(str, places), "--dpi", "80", "--out", str(tmp_path / "out")]) == 1

    error = capsys.readouterr().err
    assert "all patients of one or of two are also in the other study (2 patients)" in error
    assert "cohort: {criteria: [{name: site_a" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (scans_of("a", "b"), scans_of("c", "d"), (0, 0, False)),
        (scans_of("a", "b"), scans_of("b", "c"), (1, 1, False)),
        (scans_of("a", "b", patient_id=["p", "p"]), scans_of("c", "d", patient_id=["p", "q"]), (0, 1, True)),
        (scans_of("a", "b", patient_id=["p", "q"]), scans_of("c", "d", patient_id=["q", "r"]), (0, 1, False)),
        (scans_of("a", "b", images_digest=["x", "y"]), scans_of("c", "d", images_digest=["y", "z"]), (1, 1, False)),
        (scans_of("a", "b", mask_sha256=["x", None]), scans_of("c", "d", mask_sha256=["x", None]), (1, 1, False)),
        (scans_of("a", "b", patient_id=["p", None]), scans_of("c", "d", patient_id=["p", None]), (0, 1, False)),
        (scans_of(), scans_of("c"), (0, 0, False)),
    ],
)
def test_shared_scans_and_patients_are_found_by_ids_and_checksums(first, second, expected):
    found = shared_patients.shared(first, second)

    assert (found.scans, found.patients, found.all_of_one) == expected
    assert shared_patients.shared(second, first) == found


@pytest.mark.parametrize(
    ("facts", "shared"),
    [
        ({"sex": ["male", "male", "male"]}, True),
        ({"sex": ["male", "female", "male"]}, False),
        ({"age_years": [60, 70, 50]}, True),
        ({"age_years": [60.5, 69.5, 51]}, True),
        ({"age_years": [60, 40, 80]}, False),
    ],
)
def test_scans_with_equal_ids_and_contradictory_ages_or_sexes_are_different(facts, shared):
    one = scans_of("1", "2", "3", sex=["male"] * 3, age_years=["60", "70", "50"])
    other = one.assign(**{name: pd.Series(values, dtype="str") for name, values in facts.items()})

    assert shared_patients.shared(one, other).all_of_one == shared


def test_patients_with_equal_ids_can_be_older_in_the_other_study():
    one = scans_of("a", "b", patient_id=["1", "2"], age_years=["60", "70"])
    other = scans_of("c", "d", patient_id=["1", "2"], age_years=["65", "74"])

    assert shared_patients.shared(one, other).patients == 2


def test_checksums_of_label_maps_are_read_if_available(tmp_path):
    for name, scan in (("one", "a"), ("two", "b")):
        tables = results(tmp_path, name, 0.1, [scan]) / "tables"
        row = {"scan_id": scan, "status": "existing", "mask_path": "m.nii.gz", "mask_sha256": "0" * 64}
        segments = pd.DataFrame([row]).reindex(columns=list(all_tables.SEGMENTS.columns))
        all_tables.SEGMENTS.write(
            segments.astype(all_tables.SEGMENTS.empty().dtypes.to_dict()), tables / "segments.parquet"
        )

    scans = [shared_patients.read_scans(tmp_path / name / "tables") for name in ("one", "two")]

    assert shared_patients.shared(*scans).scans == 1


def test_a_folder_that_is_not_a_study_is_rejected(tmp_path, capsys):
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1
    assert "does not contain a finished study; missing: provenance.json, tables/ass" in capsys.readouterr().err


def test_a_folder_of_exported_tables_is_rejected_with_the_command_for_such_tables(tmp_path, capsys):
    (tmp_path / "age_models.csv").write_text("", encoding="utf-8")

    assert main(["compare", str(tmp_path), str(tmp_path)]) == 1
    assert "For exported tables, enter both folders after `ctpop pool`" in capsys.readouterr().err


STYLE = forest.ForestStyle(("x", "y"), 0.95, "synthetic")
BLOCKS = [("abdomen", ["liver"])]


def drawn(table, quantity, measure="hu_mean"):
    return forest.draw(forest.source(table, BLOCKS, measure), BLOCKS, measure, quantity, STYLE)


def words_of(figure):
    return [text.get_text() for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]]


def dots_of(figure):
    """Return the positions and the fill colors of all markers."""
    lines = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "o"]
    return {round(float(np.ravel(line.get_xdata())[0]), 9): line.get_markerfacecolor() for line in lines}


@pytest.mark.parametrize("quantity", [forest.EFFECT, forest.RHO], ids=["effect", "rho"])
def test_a_figure_states_patient_counts_if_patients_have_several_scans(quantity):
    first, second = similar()
    shown = compare.compare(study(liver(0.2, **HU), models=[first]), study(liver(0.5, **HU), models=[second]))
    n = [int(shown[f"{quantity.n}_{name}"].iloc[0]) for name in "ab"]

    assert {"n", f"{n[0]:,} / {n[1]:,}"} <= set(words_of(drawn(shown, quantity)))
    repeated = shown.assign(**{f"{quantity.n_patients}_a": 7})
    assert {"Scans (patients)", f"{n[0]:,} (7) / {n[1]:,} ({n[1]:,})"} <= set(words_of(drawn(repeated, quantity)))


@pytest.mark.parametrize(("slope", "n", "color"), [(-9, 20000, "#4c9a79"), (-3, 20000, "#b2402f"), (-9, 40, "#ffffff")])
def test_the_forest_plot_draws_both_effects_and_the_difference_in_the_color_of_the_outcome(slope, n, color):
    models = curve(n=20000), curve(slope, n=n, seed=1)
    shown = compare.compare(study(liver(0.2, **HU), models=models[:1]), study(liver(0.5, **HU), models=models[1:]))

    figure = drawn(shown, forest.EFFECT)

    expected = shown[["effect_a", "effect_b", "difference"]].iloc[0].round(9).tolist()
    assert sorted(dots_of(figure)) == sorted(expected)
    assert dots_of(figure)[expected[2]] == color
    bands = [patch for axes in figure.axes for patch in axes.patches if patch.get_width() > 0]
    assert shown["margin_high"].iloc[0] in [pytest.approx(band.get_x() + band.get_width()) for band in bands]


def test_the_forest_plot_of_correlations_has_no_difference_in_different_ages():
    models = curve(), curve(ages=(55, 74), seed=1)
    shown = compare.compare(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.3, **HU), models=models[1:]))

    assert sorted(dots_of(drawn(shown, forest.RHO))) == [-0.7, -0.3]
    alike = compare.compare(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.3, **HU), models=models[:1]))
    assert sorted(dots_of(drawn(alike, forest.RHO))) == [-0.7, -0.3, 0.4]


def test_rows_without_a_result_are_drawn_without_markers():
    models = curve(), curve(ages=(85, 95), seed=1)
    shown = compare.compare(study(liver(-0.7, **HU), models=models[:1]), study(liver(-0.3, **HU), models=models[1:]))

    assert dots_of(drawn(shown, forest.EFFECT)) == {}
