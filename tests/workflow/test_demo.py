"""Tests of the demo: its tables, figures, pages, and reruns."""

import hashlib
import json

import pandas as pd
import pytest

from support.studies import REPO

FIGURES = ("cohort_flow", "flow", "structure_flow_p01", "age_by_sex", "figure6", "spearman_overview", "truth")
KNOWN_EFFECTS = [
    ("hip_left", "hu_mean", -1),
    ("hip_right", "hu_mean", -1),
    ("autochthon_left", "hu_mean", -1),
    ("autochthon_right", "hu_mean", -1),
    ("iliopsoas_left", "volume_ml", -1),
    ("iliopsoas_right", "volume_ml", -1),
    ("aorta", "volume_ml", 1),
]


def table(study, name):
    return pd.read_parquet(study.results / "tables" / f"{name}.parquet")


def test_the_three_criteria_include_35_of_40_scans(demo):
    flow = table(demo, "flow")

    assert list(flow["criterion"]) == ["age_known", "complete", "contrast_enhanced"]
    assert list(flow["n_before"]) == [40, 38, 37]
    assert list(flow["n_removed"]) == [2, 1, 2]
    assert flow["n_after"].iloc[-1] == 35 == len(table(demo, "cohort"))


def test_the_registry_in_the_repository_is_the_one_that_is_drawn(demo):
    drawn = demo.folder / "cohort" / "registry.csv"

    assert drawn.read_bytes() == (REPO / "demo" / "registry.csv").read_bytes()


def test_a_scan_that_fails_two_criteria_has_two_rows_and_counts_once(demo):
    exclusions = table(demo, "exclusions")

    assert list(exclusions.loc[exclusions["scan_id"] == "demo-017", "criterion"]) == ["age_known", "complete"]
    assert exclusions["scan_id"].nunique() == 5


def test_every_scan_of_the_cohort_has_a_row_and_the_unreadable_one_its_reason(demo):
    segments = table(demo, "segments").set_index("scan_id")

    assert sorted(segments.index) == sorted(table(demo, "cohort")["scan_id"])
    assert segments.loc["demo-021", "status"] == "unreadable"
    assert "ended before" in segments.loc["demo-021", "detail"]
    assert (segments["status"].drop("demo-021") == "segmented").all()


def test_each_scan_and_structure_has_measures_and_a_verdict(demo):
    measures, verdicts = table(demo, "measures"), table(demo, "verdicts")

    assert len(measures) == len(verdicts) == 35 * 20
    assert set(verdicts.loc[verdicts["scan_id"] == "demo-021", "reason"]) == {"not_segmented"}


def test_the_patient_without_a_spleen_has_a_measured_absence(demo):
    measures = table(demo, "measures").set_index(["scan_id", "structure"])
    verdicts = table(demo, "verdicts").set_index(["scan_id", "structure"])

    spleen = measures.loc[("demo-025", "spleen")]
    reason = verdicts.loc[("demo-025", "spleen"), "reason"]
    # The model can segment a few voxels of the absent spleen; the lower bound then excludes them.
    assert (spleen["n_voxels"], reason) == (0, "absent") or reason == "below_bound"


def test_structures_at_the_border_of_the_truncated_scan_are_truncated_and_those_inside_are_not(demo):
    verdicts = table(demo, "verdicts").set_index(["scan_id", "structure"])["reason"]

    assert verdicts["demo-033", "iliopsoas_left"] == "truncated"
    assert verdicts["demo-033", "hip_right"] == "truncated"
    assert verdicts["demo-033", "liver"] == "ok"


@pytest.mark.parametrize(("structure", "measure", "sign"), KNOWN_EFFECTS)
def test_simulated_age_effects_are_found_with_their_sign_and_the_true_value_is_in_the_interval(
    demo, structure, measure, sign
):
    row = table(demo, "compare_truth").set_index(["structure", "measure"]).loc[(structure, measure)]

    assert row["rho_true"] * sign > 0
    assert row["rho_measured"] * sign > 0
    assert row["ci_low"] <= row["rho_true"] <= row["ci_high"]
    assert row["truth_inside"]


def test_all_figures_and_pages_exist_and_contain_the_banner_synthetic(demo):
    for name in FIGURES:
        for suffix in ("pdf", "svg", "png"):
            assert (demo.results / "figures" / f"{name}.{suffix}").stat().st_size > 1000
    for drawing in (demo.results / "figures").glob("*.svg"):
        assert "synthetic" in drawing.read_text(), drawing.name
    for page in ("index.html", "methods.md"):
        assert "synthetic" in (demo.results / "report" / page).read_text()


def test_a_second_run_has_nothing_to_do(demo):
    assert demo.planned() == {}


def test_another_alpha_reruns_the_statistics_and_the_report_only(demo):
    after = ("aging", "effects", "repeats", "published", "report", "runtime", "crate")
    assert demo.changed("aging", alpha=0.001).planned() == dict.fromkeys(after, 1)


def test_another_bound_reruns_from_the_screening_on(demo):
    changed = demo.changed("screen", lower_bound_ml={"spleen": 80})

    statistics = ("adjust", "effects", "aging", "missing", "centiles", "repeats", "published")
    after = ("screen", "contrast", *statistics, "report", "runtime", "crate")
    gallery = {"review": 4, "gather_review": 1, "gallery": 1}
    assert changed.planned() == {**dict.fromkeys(after, 1), **gallery}


def test_a_patient_too_many_for_four_shards_touches_one_shard_and_splits_one(demo):
    registry = demo.folder / "cohort" / "registry.csv"
    before = registry.read_text()
    try:
        registry.write_text(before + "new-1,patient-new,44,female,images/demo-001.nii.gz,true,true,24\n")
        planned = demo.planned()
    finally:
        registry.write_text(before)

    assert planned["cohort"] == 1
    assert planned["segment"] == planned["measure"] == 1 + 2


@pytest.mark.parametrize("name", ["strobe", "claim"])
def test_each_section_that_a_checklist_names_exists(demo, name):
    given = pd.read_csv(REPO / "workflow" / "ctpop" / "resources" / "checklists" / f"{name}.csv", keep_default_na=False)
    made = pd.read_csv(demo.results / "report" / f"{name}.csv", keep_default_na=False)

    assert made["answered_in"].ne("").sum() > 10
    assert list(made["answered_in"]) == list(given["answered_in"])


def test_inputs_are_recorded_with_their_checksums(demo):
    inputs = json.loads((demo.results / "provenance.json").read_text())["inputs"]
    masks = sorted(table(demo, "segments")["mask_sha256"].dropna())

    registry = demo.folder / "cohort" / "registry.csv"
    assert inputs["registry"]["sha256"] == hashlib.sha256(registry.read_bytes()).hexdigest()
    together = hashlib.sha256("".join(f"{digest}\n" for digest in masks).encode()).hexdigest()
    assert inputs["label_maps"] == {"name": "masks", "files": 34, "sha256": together}
    assert inputs["images_and_models"]["files"] == 34
    assert {"structures", "groups", "published_results", "truth"} <= set(inputs)
    assert all(found["sha256"] for found in inputs.values())
