"""Tests of the evaluation in a study with and without references."""

import shutil

import numpy as np
import pandas as pd
import pytest

from support.solids import box
from support.studies import JOB, Study
from support.volumes import save, save_masks

SHAPE = (12, 10, 8)
NAMES = ("spleen", "liver")
SCANS = tuple(f"s{number}" for number in range(1, 7))


def label_map(shift):
    """Return a label map of two boxes, shifted along x (voxels of 1.5 mm)."""
    found = np.zeros(SHAPE, np.uint8)
    for label, begin in enumerate((1, 6), start=1):
        found[box(SHAPE, (begin + shift, 2, 2), (begin + shift + 3, 6, 6))] = label
    return found


def write_tables(folder):
    """Write the label set, the registry, and the references as folders of masks in the format of TotalSegmentator."""
    structures = pd.DataFrame({"label": (1, 2), "structure": NAMES, "side": None, "group": "organs"})
    structures.assign(lower_bound_ml=None).to_csv(folder / "organs.csv", index=False)
    rows = []
    for number, scan_id in enumerate(SCANS):
        save(folder / "predicted" / f"{scan_id}.nii.gz", label_map(0))
        save(folder / "other" / f"{scan_id}.nii.gz", label_map(number % 2))
        save_masks(
            folder / "references" / scan_id, {name: label_map(0) == label for label, name in enumerate(NAMES, 1)}
        )
        rows.append({"scan_id": scan_id, "age_years": 50 + number, "segmentation_path": f"predicted/{scan_id}.nii.gz"})
    pd.DataFrame(rows).assign(sex="female", complete=True, contrast=True).to_csv(folder / "registry.csv", index=False)
    references = pd.DataFrame({"scan_id": SCANS, "reference_path": [f"references/{scan_id}" for scan_id in SCANS]})
    references.to_csv(folder / "references.csv", index=False)


def small_study(folder, **evaluation):
    found = {"name": "mine", "start_from": "segmentations", "registry": str(folder / "registry.csv")}
    config = {"study": found, "structures": str(folder / "organs.csv"), "segment": {"shards": 1}}
    section = {"reference": str(folder / "references.csv"), "iterations": 1000, **evaluation}
    return Study(folder, {**config, **({"evaluate": section} if evaluation else {})})


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    write_tables(folder)
    study = small_study(folder, compare_with={"other": str(folder / "other")})
    study.run("evaluate")
    return study


@pytest.fixture
def copied(evaluated, tmp_path):
    shutil.copytree(evaluated.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


def planned(study, *targets):
    """Return the rules that a run of the entire study, or of targets, would execute."""
    return {rule for rule, _ in JOB.findall(study.run("--dry-run", *targets))} - {"all", "total"}


def table(study, name):
    return pd.read_parquet(study.results / "tables" / f"{name}.parquet")


def test_a_study_with_references_has_three_additional_tables(evaluated):
    evaluation = table(evaluated, "evaluation")
    assert evaluation["status"].eq("compared").all()
    assert len(evaluation) == 2 * len(SCANS) * len(NAMES)

    summary = table(evaluated, "evaluation_summary").set_index(["model", "structure"])
    assert summary.loc[("mine", "(overall)"), ["n", "dice_mean", "nsd_mean"]].to_list() == [6, 1, 1]
    assert summary.loc[("other", "liver"), "dice_mean"] == pytest.approx((3 * 1 + 3 * 2 / 3) / 6, rel=1e-12)

    compared = table(evaluated, "evaluation_comparison").set_index(["structure", "metric"])
    assert compared.loc[("(overall)", "dice"), ["n", "n_equal", "rank_biserial"]].to_list() == [6, 3, 1]
    assert (evaluated.results / "tables" / "evaluation_comparison.csv").is_file()
    assert "6 of 6 scans" in (evaluated.results / "logs" / "evaluate" / "evaluate.log").read_text()


def test_a_second_run_evaluates_nothing(evaluated):
    assert planned(evaluated, "evaluate") == set()


def test_the_evaluation_is_planned_only_with_references(copied):
    study = small_study(copied, compare_with={"other": str(copied / "other")})
    shutil.rmtree(study.results)

    assert "evaluate" in planned(study)
    assert "report" in planned(study)
    assert planned(study) - planned(small_study(copied)) == {"evaluate"}


def test_a_new_tolerance_reruns_only_the_evaluation(evaluated):
    assert planned(evaluated.changed("evaluate", tolerance_mm=1.0), "evaluate") == {"evaluate"}


def test_a_new_label_map_reruns_the_evaluation(copied):
    study = small_study(copied, compare_with={"other": str(copied / "other")})
    study.run("--touch", "evaluate")  # the folder was copied
    before = planned(study, "evaluate")

    save(copied / "other" / "new.nii.gz", label_map(2)).rename(copied / "other" / "s1.nii.gz")

    assert planned(study, "evaluate") - before == {"evaluate"}


def test_a_study_without_a_second_model_has_no_comparison(copied):
    study = small_study(copied, tolerance_mm=1.0)
    (study.results / "tables" / "evaluation_comparison.parquet").unlink()

    study.run("evaluate")

    assert set(table(study, "evaluation")["model"]) == {"mine"}
    assert not (study.results / "tables" / "evaluation_comparison.parquet").exists()


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"reference": "no.csv"}, "evaluate.reference: no.csv does not exist"),
        ({"compare_with": {"third": "missing"}}, "evaluate.compare_with: missing does not exist"),
        ({"tolerance_mm": 0}, "evaluate.tolerance_mm: 0 is less than or equal to the minimum of 0"),
        ({"structures": ["livre"]}, "evaluate.structures: label set"),
        ({"compare_with": {"mine": "x"}}, "mine is the name of this study"),
    ],
)
def test_invalid_settings_are_reported_before_the_run(evaluated, evaluation, message):
    printed = evaluated.changed("evaluate", **evaluation).run("--dry-run", succeeds=False)

    assert message in printed


def test_an_evaluation_requires_label_maps_and_references(evaluated):
    study = evaluated.changed("study", start_from="measures", measures="measures.csv")
    without = Study(study.folder, {**study.config, "evaluate": {"tolerance_mm": 2}})

    printed = without.run("--dry-run", succeeds=False)

    assert "evaluate: this section does not apply to start_from measures, which uses no label maps" in printed
    assert "evaluate.reference: this setting is missing" in printed
