"""Test of the path from the index page to a structure, its masks, and QC decisions that screening reads."""

import shutil

import pytest

from ctpop.study.decisions import read_review
from support import study_tables
from support.reported import pages_of
from support.reviewing import ORGANS, ReviewStudy

REVIEWED = 10


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A gallery of synthetic scans next to the pages of a study with the same structures."""
    folder = tmp_path_factory.mktemp("masks")
    for name in ("scans", "tables"):
        (folder / name).mkdir()
    made = ReviewStudy(folder / "scans")
    made.all(share=1.0)
    pages_of(folder / "tables", study_tables.registry(30), ORGANS)
    shutil.copytree(folder / "tables" / "report", made.gallery_folder.parent, dirs_exist_ok=True)
    return made


def test_ten_masks_are_rated_by_keyboard_starting_from_the_index_page(study, page, tmp_path):
    page.goto((study.gallery_folder.parent / "index.html").as_uri())
    page.wait_for_selector("body[data-ready]")
    page.fill("#all-structures-filters input", "spleen")
    page.click("#all-structures tbody a >> nth=0")
    page.wait_for_selector("h1:has-text('Spleen')")
    page.click("a[href='../review/index.html#structure=spleen']")
    page.wait_for_selector("#place:has-text('Case 1 of 6')")
    page.select_option("#by-structure", "")
    page.fill("#reviewer", "AB")
    page.keyboard.press("Enter")
    for key in "2j" * REVIEWED:
        page.keyboard.press(key)
    with page.expect_download() as waiting:
        page.click("#download")
    waiting.value.save_as(tmp_path / "review.csv")

    review = read_review(tmp_path / "review.csv", study.scan_ids, [], ORGANS.names)
    assert list(review["decision"]) == ["exclude"] * REVIEWED
    assert study.screen(tmp_path / "review.csv")["reason"].eq("reviewer_excluded").sum() == REVIEWED
    page.click("a[href='../index.html']")
    page.wait_for_selector("h1:has-text('Aging study')")
