"""Tests of the command `score`: z scores of new patients from stored centile models."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ctpop.cli import main
from ctpop.contracts import all_tables
from support.aging_commands import analysis_of
from support.config_files import config_option
from support.stored_models import write_model

LABELS = "label,structure,side,group,lower_bound_ml\n1,aorta,,vessels,\n2,lung,,chest,\n"
MODEL = "made_up-0123456789ab"
OUTPUTS = {"centiles": "centiles", "models": "centile_models", "calibration": "centile_calibration"}
OUTPUTS |= {"worms": "centile_worms", "z-scores": "z_scores"}


def a_cohort(n=600, prefix="s", seed=0):
    random = np.random.default_rng(seed)
    table = pd.DataFrame(dict.fromkeys(all_tables.COHORT.columns), index=range(n))
    return all_tables.COHORT.check(
        table.assign(
            scan_id=[f"{prefix}{number:03d}" for number in range(n)],
            patient_id=[f"p_{prefix}{number:03d}" for number in range(n)],
            age_years=random.uniform(18, 95, n).round(1),
            sex=np.where(random.random(n) < 0.5, "female", "male"),
            kvp=np.where(random.random(n) < 0.5, 100.0, 120.0),
        )
    )


def an_analysis(cohort, seed=1, shift=0.0):
    random = np.random.default_rng(seed)
    z = random.standard_normal((2, len(cohort))) + shift
    values = {
        ("aorta", "volume_ml"): (100 + cohort["age_years"]) * np.exp(0.15 * z[0]),
        ("lung", "hu_mean"): -830 + 0.5 * cohort["age_years"] + 30 * z[1] + 20 * cohort["kvp"].eq(100),
    }
    return analysis_of(cohort, values)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return the folder of a study with centile models, as the workflow writes it."""
    folder = tmp_path_factory.mktemp("study")
    tables, cohort = folder / "tables", a_cohort()
    tables.mkdir()
    (folder / "labels.csv").write_text(LABELS)
    all_tables.COHORT.write(cohort, tables / "cohort.parquet")
    all_tables.ANALYSIS.write(an_analysis(cohort), tables / "analysis.parquet")
    segments = pd.DataFrame(dict.fromkeys(all_tables.SEGMENTS.columns), index=cohort.index)
    segments = segments.assign(scan_id=cohort["scan_id"], status="segmented", model=MODEL)
    all_tables.SEGMENTS.write(segments, tables / "segments.parquet")
    config = {"structures": str(folder / "labels.csv"), "study": {"name": "first"}}
    (folder / "provenance.json").write_text(json.dumps({"config": config}))
    inputs = {"analysis": "analysis", "cohort": "cohort", "segments": "segments"} | OUTPUTS
    files = [part for name, file in inputs.items() for part in (f"--{name}", str(tables / f"{file}.parquet"))]
    settings = config_option(aging={"centiles_covariates": ["kvp"]})
    assert main(["centiles", *files, "--structures", str(folder / "labels.csv"), *settings]) == 0
    return folder


def score(study, folder, table, *options, expected=0):
    """Run the command and return the table `scores`, or None if an error is expected."""
    out = folder / "scores.parquet"
    assert main(["score", str(study), str(table), *map(str, options), "--out", str(out)]) == expected
    return all_tables.SCORES.read(out) if expected == 0 else None


def new_patients(folder, shift=0.0, n=60, prefix="n", seed=5):
    """Write the values and the registry of new patients as CSV and return both paths."""
    cohort = a_cohort(n, prefix, seed)
    values, registry = folder / f"{prefix}_values.csv", folder / f"{prefix}_registry.csv"
    an_analysis(cohort, seed + 1, shift).to_csv(values, index=False)
    cohort[["scan_id", "patient_id", "age_years", "sex", "kvp"]].to_csv(registry, index=False)
    return values, registry


def options_of(study, registry):
    labels = study / "labels.csv"
    return "--registry", registry, "--structures", labels, "--segmentation-model", MODEL


@pytest.mark.parametrize("place", ["", "tables/analysis.parquet"])
def test_the_scores_of_the_study_are_its_z_scores(study, tmp_path, place):
    scores = score(study, tmp_path, study / place)

    expected = all_tables.Z_SCORES.read(study / "tables" / "z_scores.parquet")
    keys = ["scan_id", "structure", "measure"]
    both = scores.merge(expected, on=keys, validate="one_to_one")
    assert len(both) == len(expected) == len(scores)
    np.testing.assert_allclose(both["z_x"], both["z_y"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(both["centile_x"], both["centile_y"], rtol=0, atol=1e-9)
    assert not scores["unknown_level"].any()
    assert scores["z_se"].eq(0).all()


def test_models_can_be_read_from_the_csv_copy(study, tmp_path):
    models = study / "tables" / "centile_models.csv"
    assert ",'-" in models.read_text()  # a list of numbers that begins with a minus sign

    scores = score(models, tmp_path, study)

    expected = all_tables.Z_SCORES.read(study / "tables" / "z_scores.parquet")
    np.testing.assert_allclose(scores["z"], expected["z"], rtol=0, atol=1e-9)


def test_the_scores_of_a_csv_copy_are_the_same(study, tmp_path):
    for name in ("analysis", "cohort"):
        pd.read_parquet(study / "tables" / f"{name}.parquet").to_csv(tmp_path / f"{name}.csv", index=False)

    scores = score(study, tmp_path, tmp_path / "analysis.csv", *options_of(study, tmp_path / "cohort.csv"))

    expected = all_tables.Z_SCORES.read(study / "tables" / "z_scores.parquet")
    np.testing.assert_allclose(scores["z"], expected["z"], rtol=0, atol=1e-9)


def test_ages_and_sexes_can_be_columns_of_the_values(study, tmp_path):
    values, registry = new_patients(tmp_path)
    by_registry = score(study, tmp_path, values, *options_of(study, registry))
    joined = pd.read_csv(values).merge(pd.read_csv(registry).drop(columns="kvp"), on="scan_id")
    joined.assign(unit=joined["measure"].map({"volume_ml": "mL", "hu_mean": "HU"})).to_csv(values, index=False)

    scores = score(study, tmp_path, values, *options_of(study, registry)[2:])

    volume = scores["measure"].eq("volume_ml")
    pd.testing.assert_series_equal(scores["age_years"], by_registry["age_years"])
    assert scores["unknown_level"].all()
    assert (scores.loc[volume, "z"] - by_registry.loc[volume, "z"]).abs().max() < 0.5


def test_a_table_of_measures_is_scored(study, tmp_path):
    values, registry = new_patients(tmp_path)
    expected = score(study, tmp_path, values, *options_of(study, registry))
    wide = pd.read_csv(values).pivot_table("value", ["scan_id", "structure"], "measure").reset_index()
    wide.assign(status="measured").to_csv(values, index=False)

    scores = score(study, tmp_path, values, *options_of(study, registry))

    pd.testing.assert_frame_equal(scores, expected)


def test_missing_scores_have_reasons_and_ages_outside_the_range_are_marked(study, tmp_path):
    values, registry = new_patients(tmp_path)
    table = pd.read_csv(registry)
    table.loc[0, "age_years"], table.loc[1, "sex"], table.loc[2, "age_years"], table.loc[3, "kvp"] = None, None, 110, 80
    table.to_csv(registry, index=False)
    rows = pd.read_csv(values)
    first = rows.index[rows["scan_id"].eq("n004") & rows["measure"].eq("volume_ml")][0]
    rows.loc[first, "value"] = 0.0
    extra = rows[rows["scan_id"].eq("n005")].assign(structure="spleen")
    pd.concat([rows, extra]).to_csv(values, index=False)

    scores = score(study, tmp_path, values, *options_of(study, registry)).set_index(["scan_id", "structure"])

    reasons = scores["reason"]
    assert (reasons["n000", "aorta"], reasons["n001", "aorta"]) == ("no_age", "no_sex")
    assert (reasons["n004", "aorta"], reasons["n005", "spleen"].unique()) == ("not_positive", ["no_curves"])
    assert scores.loc[reasons.ne("ok"), ["z", "centile", "z_se"]].isna().to_numpy().all()
    assert scores.loc["n002", "outside_age_range"].all()
    assert scores.loc["n002", "z"].notna().all()
    assert scores.loc[("n003", "lung"), "unknown_level"].all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--structures": "demo"}, "the label set is demo, but that of the models is labels"),
        ({"--segmentation-model": "other"}, f"is other, but that of the centile models is {MODEL}"),
        ({"--segmentation-model": None}, "the segmentation model is not known"),
        ({"--structures": None}, "the label set is not known"),
    ],
)
def test_another_label_set_or_model_is_refused_unless_it_is_allowed(study, tmp_path, capsys, changed, message):
    values, registry = new_patients(tmp_path)
    given = dict(zip(*[iter(options_of(study, registry))] * 2, strict=True)) | changed
    options = [part for name, value in given.items() if value is not None for part in (name, value)]

    score(study, tmp_path, values, *options, expected=1)
    assert message in " ".join(capsys.readouterr().err.split())

    assert len(score(study, tmp_path, values, *options, "--allow-other-model")) == 120


def test_values_in_another_unit_are_refused(study, tmp_path, capsys):
    values, registry = new_patients(tmp_path)
    pd.read_csv(values).assign(unit="mm3").to_csv(values, index=False)

    score(study, tmp_path, values, *options_of(study, registry), expected=1)

    assert "column 'unit' must be mL (volume_ml) or HU (hu_mean); found mm3" in capsys.readouterr().err


@pytest.mark.parametrize(("n", "adaptation"), [(24, "none"), (25, "offset"), (49, "offset"), (50, "offset_and_scale")])
def test_scores_are_adapted_with_enough_reference_patients(study, tmp_path, n, adaptation):
    values, registry = new_patients(tmp_path, shift=1.0, n=200)
    reference, of_reference = new_patients(tmp_path, shift=1.0, n=n, prefix="r", seed=9)
    options = options_of(study, registry)
    plain = score(study, tmp_path, values, *options)

    adapted = score(
        *(study, tmp_path, values, *options, "--reference", reference, "--reference-registry", of_reference)
    )

    shifts = all_tables.SITE_SHIFTS.read(tmp_path / "scores_site_shifts.parquet").set_index("structure")
    assert set(shifts["adaptation"]) == {adaptation}
    assert shifts["n"].tolist() == [n, n]
    assert shifts["shift"].sub(1).abs().max() < 0.5
    assert shifts["shift"].between(shifts["shift_low"], shifts["shift_high"]).all()
    shift, sd = (plain["structure"].map(shifts[name]) for name in ("shift", "sd"))
    scale = sd if adaptation == "offset_and_scale" else 1.0
    expected = plain["z"] if adaptation == "none" else (plain["z"] - shift) / scale
    np.testing.assert_allclose(adapted["z"], expected, rtol=1e-12)
    error = 0.0 * sd if adaptation == "none" else sd / np.sqrt(n) / scale
    np.testing.assert_allclose(adapted["z_se"], error, rtol=1e-12)


@pytest.mark.parametrize("same", ["scan_id", "patient_id"])
def test_reference_patients_must_not_be_scored(study, tmp_path, capsys, same):
    values, registry = new_patients(tmp_path)
    reference, of_reference = new_patients(tmp_path, prefix="r", seed=9)
    table = pd.read_csv(of_reference)
    if same == "patient_id":
        table.loc[0, "patient_id"] = "p_n007"
    else:
        table["scan_id"] = table["scan_id"].replace("r000", "n007")
        pd.read_csv(reference).replace("r000", "n007").to_csv(reference, index=False)
    table.to_csv(of_reference, index=False)

    options = ("--reference", reference, "--reference-registry", of_reference)
    score(study, tmp_path, values, *options_of(study, registry), *options, expected=1)

    assert "reference patients must not be scored" in " ".join(capsys.readouterr().err.split())


def test_a_score_follows_from_the_numbers_in_the_table(tmp_path):
    write_model(tmp_path / "models.parquet", "aorta")
    values = tmp_path / "values.csv"
    rows = [("a", 50, 100 * 2**0.5), ("b", 80, 200 * np.exp(0.2)), ("c", 90, 100.0)]
    pd.DataFrame(rows, columns=["scan_id", "age_years", "value"]).assign(
        structure="aorta", measure="volume_ml", sex="F"
    ).to_csv(values, index=False)

    scores = score(tmp_path / "models.parquet", tmp_path, values, "--allow-other-model")

    expected = [0, 1, np.log(100 / (200 * 2 ** (10 / 60))) / 0.2]
    assert scores["z"].tolist() == pytest.approx(expected, abs=1e-9)
    assert scores["outside_age_range"].tolist() == [False, False, True]
    assert scores["centile"].tolist() == pytest.approx((100 * stats.norm.cdf(expected)).tolist())


def test_models_without_curves_are_an_error(study, tmp_path, capsys):
    models = all_tables.CENTILE_MODELS_TABLE.read(study / "tables" / "centile_models.parquet")
    path = tmp_path / "centile_models.parquet"
    all_tables.CENTILE_MODELS_TABLE.write(models.assign(chosen=False), path)
    values, registry = new_patients(tmp_path)

    score(path, tmp_path, values, *options_of(study, registry), expected=1)

    assert "the table contains no fitted model" in capsys.readouterr().err
