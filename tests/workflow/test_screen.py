"""Tests of changed rules, bounds, and reviews, which repeat screening and the following stages without the images."""

import shutil

import pandas as pd
import pytest

from support.studies import Study

RERUN = {
    **dict.fromkeys(("screen", "contrast", "published", "report", "runtime"), 1),
    **dict.fromkeys(("adjust", "effects", "aging", "missing", "centiles", "repeats"), 1),
    **{"review": 2, "gather_review": 1, "gallery": 1, "crate": 1},
}


def verdicts_of(study):
    return pd.read_parquet(study.results / "tables" / "verdicts.parquet")


def test_a_review_repeats_screening_and_the_following_stages(reviewed):
    study, verdicts = reviewed.study, verdicts_of(reviewed.study)

    assert reviewed.planned == RERUN
    assert study.planned() == {}
    assert set(verdicts.loc[verdicts["reason"] == "reviewer_excluded", "scan_id"]) == {"demo-001"}
    assert not pd.read_parquet(study.results / "tables" / "analysis.parquet")["scan_id"].eq("demo-001").any()
    page = (study.results / "report" / "index.html").read_text()
    assert '<tr><th scope="row">Excluded by a reviewer</th><td>6</td><td>1</td><td>5</td></tr>' in page
    assert "Excluded by a reviewer (n = 1)" in page


def test_every_change_of_the_review_repeats_screening_and_the_following_stages(reviewed, tmp_path):
    shutil.copytree(reviewed.study.folder, tmp_path, dirs_exist_ok=True)
    study = Study(tmp_path, reviewed.study.config)
    with (tmp_path / "review.csv").open("a") as review:
        review.write("demo-002,liver,exclude,leak,CD,2024-06-01\n")

    assert study.planned() == RERUN
    study.run("screen")
    verdicts = verdicts_of(study)
    excluded = verdicts[verdicts["reason"] == "reviewer_excluded"]
    assert set(excluded["scan_id"]) == {"demo-001", "demo-002"}
    assert list(excluded.loc[excluded["scan_id"] == "demo-002", "structure"]) == ["liver"]


@pytest.mark.parametrize("settings", [{"rules": "strict"}, {"rules": "own.yaml"}])
def test_changed_rules_repeat_screening_and_the_following_stages(small, settings):
    (small.folder / "own.yaml").write_text("rules: {truncated: {drops: [volume_ml]}}")

    assert small.changed("screen", **settings).planned() == RERUN


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rules": "broken.yaml"}, "rules.truncated.drops: missing key"),
        ({"review": "missing.csv"}, "missing.csv"),
    ],
)
def test_invalid_rules_are_reported_before_the_run(small, settings, expected):
    (small.folder / "broken.yaml").write_text("rules: {truncated: {}}")

    printed = small.changed("screen", **settings).run("--dry-run", succeeds=False)

    assert expected in printed
    assert "Traceback" not in printed


def test_failures_and_flow_agree_with_the_verdicts(small):
    tables = small.results / "tables"
    verdicts, failures = verdicts_of(small), pd.read_parquet(tables / "failures.parquet").set_index("structure")
    flow = pd.read_parquet(tables / "structure_flow.parquet")

    assert failures["n_usable_volume"].to_dict() == verdicts.groupby("structure")["usable_volume"].sum().to_dict()
    assert flow.groupby(["structure", "measure"])["n_before"].max().eq(6).all()
    last = flow[flow["order"] == flow["order"].max()].set_index(["structure", "measure"])["n_after"]
    assert last.xs("hu_mean", level="measure").to_dict() == verdicts.groupby("structure")["usable_hu"].sum().to_dict()
