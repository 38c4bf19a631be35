"""Tests of `evaluate`: rows of scans and structures, means with intervals, and the comparison of two models."""

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctpop.cli import main
from ctpop.contracts.all_tables import COHORT, EXCLUSIONS
from ctpop.contracts.evaluation import EVALUATION, EVALUATION_COMPARISON, EVALUATION_SUMMARY, OVERALL
from ctpop.foundation.errors import ContractError
from ctpop.imaging.images import read_labels
from ctpop.imaging.label_map_store import LabelMapNote, LabelMapStore
from ctpop.stages.evaluate.command import EvaluationSettings, comparison_table, summary_table
from ctpop.stages.evaluate.patient_counts import PatientCounts, read_patients
from ctpop.study.configuration import validated
from support import study_tables
from support.config_files import config_option
from support.solids import box
from support.volumes import affine, damage, flip_byte, save, save_masks

SHAPE = (12, 10, 8)
NAMES = ("spleen", "liver", "heart")
NOT_KNOWN = PatientCounts()
SETTINGS = EvaluationSettings(tolerance_mm=3.0, confidence=0.95, iterations=1000, seed=1)


def slab(begin, end):
    return box(SHAPE, (begin, 2, 2), (end, 6, 6))


def label_map(**masks):
    found = np.zeros(SHAPE, np.uint8)
    for name, mask in masks.items():
        found[mask] = NAMES.index(name) + 1
    return found


def write_label_set(folder):
    path = folder / "organs.csv"
    rows = [{"label": label, "structure": name, "group": "organs"} for label, name in enumerate(NAMES, start=1)]
    pd.DataFrame(rows).assign(side=None, lower_bound_ml=None).to_csv(path, index=False)
    return path


def validation_set(folder, scans, **references):
    """Write references, one label map per scan unless another path is given, and the CSV file of their paths."""
    rows = []
    for scan_id, found in scans.items():
        save(folder / "references" / f"{scan_id}.nii.gz", found)
        rows.append({"scan_id": scan_id, "reference_path": references.get(scan_id, f"references/{scan_id}.nii.gz")})
    pd.DataFrame(rows).to_csv(folder / "references.csv", index=False)


def predict(folder, name, scans):
    for scan_id, found in scans.items():
        save(folder / name / f"{scan_id}.nii.gz", found)
    return f"{name}={folder / name}"


def evaluate(folder, *predictions, settings=None, out="tables", more=()):
    names = ["evaluation", "summary", *(["comparison"] if len(predictions) == 2 else [])]
    outputs = [part for name in names for part in (f"--{name}", str(folder / out / f"{name}.parquet"))]
    return main(
        [
            *("evaluate", "--reference", str(folder / "references.csv"), "--predictions", *predictions),
            *("--structures", str(write_label_set(folder)), *config_option(evaluate=settings or {}), *outputs, *more),
        ]
    )


def tables(folder, *names, out="tables"):
    found = [pd.read_parquet(folder / out / f"{name}.parquet") for name in names]
    return found[0] if len(found) == 1 else found


def cell(table, column, **keys):
    rows = table
    for name, value in keys.items():
        rows = rows[rows[name].eq(value)]
    assert len(rows) == 1
    return rows[column].iloc[0]


# One model


@pytest.fixture
def three(tmp_path):
    """Return a study of three scans without a heart: exact, shifted, and without prediction."""
    validation_set(tmp_path, {scan: label_map(spleen=slab(1, 5), liver=slab(6, 10)) for scan in ("s1", "s2", "s3")})
    shifted = label_map(spleen=slab(2, 6), liver=slab(6, 10))
    maps = {"s1": label_map(spleen=slab(1, 5), liver=slab(6, 10)), "s2": shifted}
    return tmp_path, predict(tmp_path, "mine", maps)


def test_every_scan_and_structure_has_a_row(three):
    folder, mine = three

    assert evaluate(folder, mine) == 0

    table = EVALUATION.read(folder / "tables" / "evaluation.parquet")
    assert list(zip(table["scan_id"], table["structure"], table["status"], strict=True)) == [
        ("s1", "heart", "absent"),
        ("s1", "liver", "compared"),
        ("s1", "spleen", "compared"),
        ("s2", "heart", "absent"),
        ("s2", "liver", "compared"),
        ("s2", "spleen", "compared"),
        ("s3", "heart", "missing_file"),
        ("s3", "liver", "missing_file"),
        ("s3", "spleen", "missing_file"),
    ]
    assert cell(table, "dice", scan_id="s2", structure="spleen") == 0.75
    assert cell(table, "nsd", scan_id="s2", structure="spleen") == 1
    assert cell(table, "n_predicted_voxels", scan_id="s2", structure="heart") == 0
    assert table.loc[table["scan_id"].eq("s3"), "detail"].eq("prediction: s3.nii.gz does not exist").all()
    assert table.loc[table["scan_id"].eq("s3"), ["dice", "nsd", "n_reference_voxels"]].isna().all(axis=None)
    assert set(table["model"]) == {"mine"}


def test_the_summary_contains_counts_and_means(three):
    folder, mine = three

    evaluate(folder, mine)

    summary = EVALUATION_SUMMARY.read(folder / "tables" / "summary.parquet").set_index("structure")
    assert list(summary.index) == [OVERALL, "heart", "liver", "spleen"]
    assert summary["n"].to_dict() == {OVERALL: 2, "heart": 0, "liver": 2, "spleen": 2}
    assert summary["n_absent"].to_dict() == {OVERALL: 2, "heart": 2, "liver": 0, "spleen": 0}
    assert summary["n_failed"].to_dict() == {OVERALL: 3, "heart": 1, "liver": 1, "spleen": 1}
    assert summary.loc["spleen", "dice_mean"] == 0.875
    assert (summary.loc["spleen", "dice_ci_low"], summary.loc["spleen", "dice_ci_high"]) == (0.75, 1.0)
    assert summary.loc[OVERALL, "dice_mean"] == (1 + 0.875) / 2
    assert summary.loc["heart"].filter(like="_mean").isna().all()


def test_progress_and_status_counts_are_logged(three, caplog):
    folder, mine = three
    caplog.set_level(logging.INFO)

    evaluate(folder, mine)

    messages = [record.getMessage() for record in caplog.records if record.name == "ctpop.stages.evaluate.command"]
    assert messages[0] == "scans: 3, structures: 3, models: mine"
    assert [line.split(" in ")[0] for line in messages if "of 3 scans" in line] == ["3 of 3 scans"]
    assert "s3, model mine: not compared: missing_file: prediction: s3.nii.gz does not exist" in messages
    assert messages[-1] == "scans: 3, models: 1, structures: 3; rows by status: 2 absent, 4 compared, 3 missing_file"


def test_two_runs_result_in_identical_files(three):
    folder, mine = three
    other = predict(folder, "other", {"s2": label_map(spleen=slab(1, 5)), "s3": label_map(liver=slab(3, 9))})

    for out in ("one", "two"):
        evaluate(folder, mine, other, out=out)

    first, second = ({path.name: path.read_bytes() for path in (folder / out).iterdir()} for out in ("one", "two"))
    assert len(first) == 6
    assert first == second


def test_the_seed_changes_only_the_interval():
    random = np.random.default_rng(5)
    table = evaluation_of({"mine": {f"s{n}": {"liver": random.random()} for n in range(20)}})

    one, two = (
        summary_table(table, ["liver"], EvaluationSettings(3.0, 0.95, 1000, seed), NOT_KNOWN) for seed in (1, 2)
    )

    assert one["dice_mean"].equals(two["dice_mean"])
    assert (one["dice_ci_low"] != two["dice_ci_low"]).all()


def test_intervals_do_not_depend_on_other_structures():
    random = np.random.default_rng(6)
    scans = {f"s{n}": {"liver": random.random(), "spleen": random.random()} for n in range(9)}
    alone = {scan: {"liver": values["liver"]} for scan, values in scans.items()}

    both = summary_table(evaluation_of({"mine": scans}), ["spleen", "liver"], SETTINGS, NOT_KNOWN)
    one = summary_table(evaluation_of({"mine": alone}), ["liver"], SETTINGS, NOT_KNOWN)

    columns = ["dice_mean", "dice_ci_low", "dice_ci_high"]
    liver = [frame.loc[frame["structure"].eq("liver"), columns].to_numpy() for frame in (both, one)]
    np.testing.assert_array_equal(*liver)


def registry_of(folder, excluded=(), **patients):
    """Write the included and excluded scans of a study with their patients, and return the options."""
    rows = study_tables.registry(len(patients)).assign(scan_id=list(patients), patient_id=list(patients.values()))
    out = rows["scan_id"].isin(excluded)
    COHORT.write(rows[~out], folder / "cohort.parquet")
    failed = rows.loc[out, ["scan_id", "patient_id"]].assign(criterion="age_known", order=1, found=None, limit="known")
    EXCLUSIONS.write(failed.astype({"found": "str"}), folder / "exclusions.parquet")
    return ["--cohort", str(folder / "cohort.parquet"), "--exclusions", str(folder / "exclusions.parquet")]


def test_patients_and_scans_are_counted(three):
    folder, mine = three

    assert evaluate(folder, mine, more=registry_of(folder, s1="p", s2="p", s3="q")) == 0

    summary = EVALUATION_SUMMARY.read(folder / "tables" / "summary.parquet").set_index("structure")
    assert summary.loc["liver", ["n", "n_patients", "n_failed", "n_patients_failed"]].to_list() == [2, 1, 1, 1]
    assert summary.loc["heart", ["n", "n_patients", "n_absent", "n_patients_absent"]].to_list() == [0, 0, 2, 1]
    assert summary.loc[OVERALL, ["n", "n_patients", "n_failed", "n_patients_failed"]].to_list() == [2, 1, 3, 1]


def test_counts_are_equal_with_one_scan_per_patient(three):
    folder, mine = three

    assert evaluate(folder, mine, more=registry_of(folder, s1="p", s2="q", s3="r")) == 0

    summary = EVALUATION_SUMMARY.read(folder / "tables" / "summary.parquet").query(f"structure != '{OVERALL}'")
    for name in ("", "_only_in_reference", "_only_in_prediction", "_absent", "_unknown", "_failed"):
        assert summary[f"n_patients{name}"].eq(summary[f"n{name}"]).all()


def test_patient_counts_are_missing_without_a_cohort(three):
    folder, mine = three

    assert evaluate(folder, mine) == 0

    summary = EVALUATION_SUMMARY.read(folder / "tables" / "summary.parquet")
    columns = [name for name in EVALUATION_SUMMARY.columns if name.startswith("n_patients")]
    assert len(columns) == 6
    assert summary[columns].isna().all().all()
    assert all("--cohort" in EVALUATION_SUMMARY.columns[name].missing for name in columns)


def test_patients_of_excluded_and_unknown_scans_are_counted(tmp_path):
    options = registry_of(tmp_path, excluded=["s2"], s1="p", s2="p", s3=None, s4=None)

    patients = read_patients(["s1", "s2", "s3", "s4", "elsewhere"], *map(Path, options[1::2]))

    assert patients.among(["s1", "s2"]) == 1
    assert patients.among(["s3", "s4", "elsewhere"]) == 3
    assert patients.among([]) == 0


def test_only_chosen_structures_are_evaluated(three):
    folder, mine = three

    evaluate(folder, mine, settings={"structures": ["liver"]})

    assert set(tables(folder, "evaluation")["structure"]) == {"liver"}
    assert list(tables(folder, "summary")["structure"]) == [OVERALL, "liver"]


def test_the_settings_determine_the_tolerance(three):
    folder, mine = three

    evaluate(folder, mine, settings={"tolerance_mm": 1.0})

    assert cell(tables(folder, "evaluation"), "nsd", scan_id="s2", structure="spleen") < 1


# Scans that cannot be compared


def test_invalid_files_do_not_affect_other_scans(tmp_path):
    exact = label_map(spleen=slab(1, 5))
    scans = dict.fromkeys(("good", "broken_reference", "broken_prediction", "shifted", "unknown"), exact)
    validation_set(tmp_path, scans)
    mine = predict(tmp_path, "mine", scans)
    damage(tmp_path / "references" / "broken_reference.nii.gz", flip_byte)
    damage(tmp_path / "mine" / "broken_prediction.nii.gz", lambda content: content[: len(content) // 2])
    save(tmp_path / "mine" / "shifted.nii.gz", exact, affine(origin_mm=(0, 0, 0)))
    save(tmp_path / "mine" / "unknown.nii.gz", exact * 9)

    assert evaluate(tmp_path, mine) == 0

    table = tables(tmp_path, "evaluation")
    spleen = table[table["structure"].eq("spleen")].set_index("scan_id")
    assert spleen["status"].to_dict() == {
        "broken_prediction": "unreadable",
        "broken_reference": "unreadable",
        "good": "compared",
        "shifted": "grid_mismatch",
        "unknown": "unknown_labels",
    }
    assert spleen.loc["broken_reference", "detail"].startswith("reference: broken_reference.nii.gz")
    assert spleen.loc["broken_prediction", "detail"].startswith("prediction: broken_prediction.nii.gz")
    assert cell(tables(tmp_path, "summary"), "n_failed", structure="spleen") == 4


def test_a_damaged_reference_fails_for_both_models(tmp_path):
    exact = label_map(spleen=slab(1, 5))
    validation_set(tmp_path, {"s1": exact, "s2": exact})
    damage(tmp_path / "references" / "s1.nii.gz", flip_byte)
    mine, other = (predict(tmp_path, name, {"s1": exact, "s2": exact}) for name in ("mine", "other"))
    damage(tmp_path / "other" / "s2.nii.gz", flip_byte)

    evaluate(tmp_path, mine, other)

    table = tables(tmp_path, "evaluation")
    spleen = table[table["structure"].eq("spleen")].set_index(["model", "scan_id"])["status"]
    assert spleen.to_dict() == {
        ("mine", "s1"): "unreadable",
        ("mine", "s2"): "compared",
        ("other", "s1"): "unreadable",
        ("other", "s2"): "unreadable",
    }


def test_remarks_about_mask_folders_are_in_the_detail(tmp_path):
    masks = {"spleen": slab(1, 5), "liver": slab(4, 9), "appendix": slab(0, 1)}
    save_masks(tmp_path / "masks", masks)
    validation_set(tmp_path, {"s1": label_map()}, s1="masks")
    mine = predict(tmp_path, "mine", {"s1": label_map(spleen=slab(1, 4), liver=slab(4, 9))})

    evaluate(tmp_path, mine)

    table = tables(tmp_path, "evaluation").set_index("structure")
    assert table["status"].to_dict() == {"heart": "not_in_reference", "liver": "compared", "spleen": "compared"}
    assert table.loc["liver", "detail"] == (
        "reference: voxels in more than one mask, which received the highest label: 16;"
        " files that are not named after a structure of the label set: 1"
    )


def test_an_unsegmented_scan_has_the_status_of_the_study(tmp_path):
    validation_set(tmp_path, dict.fromkeys(("s1", "s2"), label_map(spleen=slab(1, 5))))
    volume = read_labels(tmp_path / "references" / "s1.nii.gz")
    store = LabelMapStore(tmp_path / "masks")
    for scan_id in ("s1", "s2"):
        store.keep(scan_id, volume, LabelMapNote("f" * 64, "", {"spleen": 1}))
    segments = {"scan_id": ["s1", "s2"], "status": ["segmented", "out_of_memory"], "detail": [None, "too large"]}
    nothing = dict.fromkeys(("mask_path", "mask_sha256", "model"))
    pd.DataFrame({**segments, **nothing}).to_parquet(tmp_path / "segments.parquet")

    evaluate(tmp_path, f"mine={store.folder}", more=("--segments", str(tmp_path / "segments.parquet")))

    table = tables(tmp_path, "evaluation").set_index(["scan_id", "structure"])
    assert table.loc[("s1", "spleen"), "status"] == "compared"
    assert table.loc[("s1", "liver"), "status"] == "not_in_model"
    assert table.loc[("s2", "spleen"), ["status", "detail"]].to_list() == ["out_of_memory", "prediction: too large"]
    assert cell(tables(tmp_path, "summary"), "n_unknown", structure="liver") == 1


# Two models, on tables


def evaluation_of(models):
    """Return a table `evaluation` from {model: {scan: {structure: Dice or None}}}; NSD is the square of Dice."""
    rows = [
        {
            "model": model,
            "scan_id": scan_id,
            "structure": structure,
            "status": "absent" if dice is None else "compared",
            "dice": np.nan if dice is None else dice,
            "nsd": np.nan if dice is None else dice**2,
        }
        for model, scans in models.items()
        for scan_id, values in scans.items()
        for structure, dice in values.items()
    ]
    return EVALUATION.check(pd.DataFrame(rows).reindex(columns=list(EVALUATION.columns)))


def comparison(models, names=("liver", "spleen"), patients=NOT_KNOWN):
    compared = comparison_table(evaluation_of(models), ("a", "b"), list(names), SETTINGS, patients)
    return EVALUATION_COMPARISON.check(compared).set_index(["structure", "metric"])


def test_scans_with_values_of_both_models_are_paired():
    a = {"s1": {"liver": 0.9}, "s2": {"liver": 0.8}, "s3": {"liver": None}, "s4": {"liver": 0.7}}
    b = {"s1": {"liver": 0.6}, "s2": {"liver": 0.9}, "s3": {"liver": 0.5}, "s4": {"liver": 0.7}}

    row = comparison({"a": a, "b": b}, ["liver"]).loc[("liver", "dice")]

    assert (row["n"], row["n_equal"]) == (3, 1)
    assert row["mean_difference"] == pytest.approx(0.2 / 3, abs=1e-15)
    assert row["median_difference"] == 0
    assert (row["w"], row["p"]) == (
        2,
        1.0,
    )  # of ranks 1 and 2, the larger is positive, as in half of all sign assignments
    assert row["rank_biserial"] == pytest.approx(1 / 3, abs=1e-15)


def test_patients_of_pairs_and_of_equal_pairs_are_counted():
    a = {"s1": {"liver": 0.9}, "s2": {"liver": 0.8}, "s3": {"liver": 0.7}, "s4": {"liver": 0.7}}
    b = {**a, "s1": {"liver": 0.6}}
    patients = PatientCounts(pd.Series([0, 0, 1, 1], index=list(a)))

    row = comparison({"a": a, "b": b}, ["liver"], patients).loc[("liver", "dice")]

    assert row[["n", "n_patients", "n_equal", "n_patients_equal"]].to_list() == [4, 2, 3, 2]
    assert comparison({"a": a, "b": b}, ["liver"])["n_patients"].isna().all()


def test_a_scan_counts_once_for_all_structures():
    # Model a is better for three structures in s1 and worse for one structure in s2: one scan each
    a = {"s1": {"x": 0.9, "y": 0.9, "z": 0.9}, "s2": {"x": 0.5, "y": None, "z": None}}
    b = {"s1": {"x": 0.8, "y": 0.8, "z": 0.8}, "s2": {"x": 0.6, "y": None, "z": 0.4}}

    row = comparison({"a": a, "b": b}, "xyz").loc[(OVERALL, "dice")]

    assert row["n"] == 2
    assert row["mean_difference"] == pytest.approx(0.0, abs=1e-15)
    assert row["rank_biserial"] == 0


def test_p_is_exact_if_one_model_is_better_in_all_scans():
    a = {f"s{n}": {"liver": 0.8 + n / 100} for n in range(10)}
    b = {f"s{n}": {"liver": 0.8 - n / 90} for n in range(10)}
    a["s0"]["liver"] = 0.81

    table = comparison({"a": a, "b": b}, ["liver"])

    row = table.loc[("liver", "dice")]
    assert row["p"] == pytest.approx(2 / 2**10, rel=1e-12)
    assert row["rank_biserial"] == 1
    assert row["ci_low"] > 0
    assert table.loc[("liver", "nsd"), "w"] == 55


def test_rows_without_differences_contain_only_counts():
    a = {"s1": {"liver": 0.9, "spleen": 0.5}, "s2": {"liver": None, "spleen": 0.6}}
    b = {"s1": {"liver": None, "spleen": 0.5}, "s2": {"liver": 0.9, "spleen": 0.6}}

    table = comparison({"a": a, "b": b})

    results = ["mean_difference", "ci_low", "w", "p", "p_bonferroni", "rank_biserial"]
    assert table.loc[("liver", "dice"), "n"] == 0
    assert table.loc[("liver", "dice"), results].isna().all()
    assert table.loc[("spleen", "dice"), ["n", "n_equal"]].to_list() == [2, 2]
    assert table.loc[("spleen", "dice"), "mean_difference"] == 0
    assert table.loc[("spleen", "dice"), ["w", "p", "p_bonferroni", "rank_biserial"]].isna().all()


def test_structures_and_overall_are_separate_families():
    random = np.random.default_rng(1)
    scans = [f"s{n}" for n in range(8)]
    a, b = (
        {scan: {"liver": better + random.random() / 4, "spleen": random.random()} for scan in scans}
        for better in (0.5, 0.2)
    )

    table = comparison({"a": a, "b": b})

    plain, adjusted = table["p"], table["p_bonferroni"]
    np.testing.assert_allclose(adjusted.drop(OVERALL), np.minimum(4 * plain.drop(OVERALL), 1), rtol=1e-12)
    np.testing.assert_allclose(adjusted[OVERALL], np.minimum(2 * plain[OVERALL], 1), rtol=1e-12)


def test_two_models_are_compared_from_files(tmp_path):
    exact = label_map(spleen=slab(1, 5))
    scans = [f"s{n}" for n in range(6)]
    validation_set(tmp_path, dict.fromkeys(scans, exact))
    mine = predict(tmp_path, "mine", dict.fromkeys(scans, exact))
    other = predict(tmp_path, "other", dict.fromkeys(scans, label_map(spleen=slab(3, 7))))

    evaluate(tmp_path, mine, other)

    summary, compared = tables(tmp_path, "summary", "comparison")
    assert cell(summary, "dice_mean", model="other", structure=OVERALL) == 0.5
    assert cell(compared, "mean_difference", structure="spleen", metric="dice") == 0.5
    assert cell(compared, "p", structure=OVERALL, metric="dice") == pytest.approx(2 / 2**6, rel=1e-12)
    assert cell(compared, "n_equal", structure="spleen", metric="nsd") == 6  # a shift of 3 mm is within the tolerance
    assert set(zip(compared["model_a"], compared["model_b"], strict=True)) == {("mine", "other")}


# Invalid options


@pytest.mark.parametrize(
    ("predictions", "more", "words"),
    [
        (["a=x", "a=y"], ["--comparison", "c.parquet"], "one or two models with different names, found a, a"),
        (["a=x", "b=y", "c=z"], ["--comparison", "c.parquet"], "one or two models with different names"),
        (["a=x", "b=y"], [], "--comparison: the option is required for two models"),
        (["a=x"], ["--comparison", "c.parquet"], "--comparison: the option is required for two models"),
        (["a=x"], config_option(evaluate={"structures": ["livre"]}), "livre; use structures of label set demo"),
        (
            ["a=x"],
            config_option(evaluate={"tolerance": 3}),
            "evaluate.tolerance: unknown key; did you mean",
        ),
        (["a=x"], [], "references.csv: the table of reference masks does not exist"),
    ],
)
def test_invalid_options_are_reported_before_reading(tmp_path, capsys, predictions, more, words):
    outputs = ["--evaluation", str(tmp_path / "e.parquet"), "--summary", str(tmp_path / "s.parquet")]

    code = main(
        [
            *("evaluate", "--reference", str(tmp_path / "references.csv"), "--predictions", *predictions),
            *("--structures", "demo", *outputs, *more),
        ]
    )

    assert code == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("study", "evaluation", "words"),
    [
        ({}, {}, "evaluate.reference: this setting is missing; set it to the path of the CSV file"),
        (
            {"start_from": "measures", "measures": "m.csv"},
            {"reference": "r.csv"},
            "does not apply to start_from measures, which uses no label maps",
        ),
        (
            {},
            {"reference": "r.csv", "compare_with": {"x": "masks"}},
            "evaluate.compare_with: x is the name of this study",
        ),
        ({}, {"reference": "r.csv", "compare_with": {"y": "a", "z": "b"}}, "evaluate.compare_with: "),
        ({}, {"reference": "r.csv", "compare_with": {"my model": "a"}}, "'my model' does not match"),
        ({}, {"reference": "r.csv", "structures": ["livre"]}, "does not contain livre; did you mean 'liver'?"),
    ],
)
def test_an_invalid_section_is_reported(study, evaluation, words):
    found = {"name": "x", "start_from": "segmentations", "registry": "registry.csv", **study}

    with pytest.raises(ContractError, match=re.escape(words)):
        validated({"study": found, "structures": "demo", "evaluate": evaluation})


def test_the_default_settings_are_those_of_the_paper():
    study = {"name": "x", "start_from": "segmentations", "registry": "registry.csv"}
    config = {"study": study, "structures": "demo"}

    filled = validated({**config, "evaluate": {"reference": "r.csv"}})["evaluate"]

    assert "evaluate" not in validated(config)
    assert (filled["tolerance_mm"], filled["iterations"], filled["confidence"]) == (3, 10000, 0.95)
    assert (filled["compare_with"], filled["structures"]) == ({}, [])


@pytest.mark.parametrize("text", ["results/masks", "=masks", "mine=", "my model=masks"])
def test_an_invalid_model_option_is_rejected(text, capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--predictions", text])

    assert f"argument --predictions: '{text}' is not of the form NAME=FOLDER" in capsys.readouterr().err
