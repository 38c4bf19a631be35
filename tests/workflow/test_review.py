"""Tests that a study of images includes the review gallery and that QC decisions do not redraw its images."""

import json
import shutil

import pandas as pd
import pytest

from support.studies import Study


@pytest.fixture
def copied(small, tmp_path):
    shutil.copytree(small.folder, tmp_path, dirs_exist_ok=True)
    return Study(tmp_path, small.config)


def pictures(study):
    return {path: path.stat().st_mtime_ns for path in (study.results / "report" / "review" / "images").rglob("*.webp")}


def cases_of(study):
    return pd.read_parquet(study.results / "tables" / "review_cases.parquet")


def test_every_case_of_the_gallery_has_a_small_image_and_the_page_has_a_banner(small):
    folder, cases = small.results / "report" / "review", cases_of(small)

    assert len(cases) > 3
    assert cases["image"].notna().all()
    assert {path.relative_to(folder).as_posix() for path in pictures(small)} == set(cases["image"])
    assert max(path.stat().st_size for path in pictures(small)) < 40_000
    assert {path.stem for path in (folder / "scans").iterdir()} == set(cases["scan_id"])
    assert '<p class="banner" role="note">synthetic</p>' in (folder / "index.html").read_text()
    assert 'href="review/index.html"' in (small.results / "report" / "index.html").read_text()
    assert small.planned() == {}


def test_flagged_masks_are_those_with_a_reason_of_the_rules(small):
    verdicts = pd.read_parquet(small.results / "tables" / "verdicts.parquet")
    measures = pd.read_parquet(small.results / "tables" / "measures.parquet")
    both = verdicts.merge(measures, on=["scan_id", "structure"])
    flagged = both[(both["rule_reason"] != "ok") & (both["n_voxels"].fillna(0) > 0)]

    found = cases_of(small)

    assert found["chosen"].eq("flagged").sum() == len(flagged)
    assert found["chosen"].eq("sample").sum() > 0


def test_masks_with_extreme_values_are_those_of_the_table(small):
    listed = pd.read_parquet(small.results / "tables" / "extremes.parquet")
    cases = cases_of(small)

    keys = set(zip(cases["scan_id"], cases["structure"], strict=True))
    assert set(zip(listed["scan_id"], listed["structure"], strict=True)) <= keys
    assert cases["chosen"].eq("extreme").any()


def test_an_extreme_value_on_the_page_of_a_structure_links_to_its_mask(small, page):
    page.goto((small.results / "report" / "structures" / "liver.html").as_uri())
    page.wait_for_selector("body[data-ready]")
    largest = page.locator("section:has(h2:text('Extreme values')) tr:has-text('largest') a >> nth=0")
    scan = largest.text_content()

    largest.click()

    page.wait_for_selector("#planes .outline[d^=M]", state="attached")
    assert page.text_content("#title") == f"Liver, scan {scan}"
    assert page.text_content("#reason") in {
        "Extreme value, not flagged",
        "Random sample, not flagged",
    }


def test_a_review_redraws_nothing_and_is_shown_by_the_gallery(small, reviewed):
    drawn_before, drawn_after = (
        {path.relative_to(study.folder): stamp for path, stamp in pictures(study).items()}
        for study in (small, reviewed.study)
    )

    assert drawn_before.items() <= drawn_after.items()
    script = (reviewed.study.results / "report" / "review" / "cases.js").read_text()
    data = json.loads(script[script.index("(") + 1 : script.rindex(")")])
    assert data["review"]["rows"] == [["demo-001", "*", "exclude", "metal", "AB", "2024-05-31"]]


def test_a_larger_sample_repeats_no_measurement_and_keeps_existing_images(copied):
    before = pictures(copied)
    larger = copied.changed("review", sample_share=0.6)

    planned = larger.planned()
    larger.run("gallery")

    after = ("gather_review", "gallery", "report", "runtime", "crate")  # the report prints all settings
    assert planned == {"review": 2, **dict.fromkeys(after, 1)}
    assert before.items() < pictures(larger).items()
    assert set(cases_of(copied)["image"]) == {f"images/{path.parent.name}/{path.name}" for path in pictures(larger)}
