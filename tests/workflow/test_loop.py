"""Test of a review cycle: from the report to a structure, its masks, a review, and the changed study."""

import shutil

import pytest

from support.studies import Study

IMAGE_STAGES = {"cohort", "segment", "measure", "convert", "gather_segments", "gather_measures"}
REVIEWED = 10


@pytest.fixture
def study(small, tmp_path):
    """Return a copy of the small study, whose gallery contains more than ten cases."""
    shutil.copytree(small.folder, tmp_path, dirs_exist_ok=True)
    return Study(tmp_path, small.config)


def open_page(study, page):
    page.goto((study.results / "report" / "index.html").as_uri())
    page.wait_for_selector("body[data-ready]")


def headline(page, words):
    """Return a number in the header of the page."""
    return int(page.inner_text(f".key div:has(dt:text-is('{words}')) dd").replace(",", ""))


def open_masks_of_a_kidney(page):
    """Sort by rho, filter structures, open the first structure, and follow its link to the gallery."""
    page.locator("#all-structures thead th >> nth=4").click()
    page.wait_for_selector("#all-structures thead th:nth-child(5)[aria-sort=descending]")
    page.fill("#all-structures-filters input", "kidney")
    page.click("#all-structures tbody a >> nth=0")
    page.wait_for_selector("h1:has-text('kidney')")
    page.click("a[href*='review/index.html#structure=kidney_']")
    page.wait_for_selector("#place:not(:empty)")


def exclude_by_keyboard(page, number, path):
    """Exclude the first cases of the gallery, and save the decisions."""
    page.select_option("#by-structure", "")
    page.fill("#reviewer", "AB")
    page.keyboard.press("Enter")
    for key in "2j" * number:
        page.keyboard.press(key)
    with page.expect_download() as waiting:
        page.click("#download")
    waiting.value.save_as(path)


def test_reviewed_masks_change_the_flow_without_processing_images(study, page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    open_page(study, page)
    flow, usable = page.inner_text("#flow table"), headline(page, "usable volumes")
    open_masks_of_a_kidney(page)
    exclude_by_keyboard(page, REVIEWED, study.folder / "review.csv")
    reviewed = study.changed("screen", review="review.csv")
    planned = set(reviewed.planned())
    reviewed.run()
    open_page(reviewed, page)

    assert len((study.folder / "review.csv").read_text().splitlines()) == 1 + REVIEWED
    assert {"screen", "aging", "report", "gallery"} <= planned
    assert planned & IMAGE_STAGES == set()
    assert "Excluded by a reviewer" not in flow
    assert "Excluded by a reviewer" in page.inner_text("#flow table")
    assert headline(page, "usable volumes") < usable
    assert {url.split(":")[0] for url in requests} <= {"file", "data", "blob"}
