"""Tests of the review gallery in a real browser: QC decisions by keyboard and their effect on the study."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctpop.contracts.all_tables import REVIEW
from ctpop.study.decisions import read_review
from support.reviewing import FORMULA, HOSTILE, ORGANS, ReviewStudy, rows_of

FLAGGED = 3  # truncated spleens, which are the first cases
EVERY = 18


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = ReviewStudy(tmp_path_factory.mktemp("gallery"))
    made.all(share=1.0)
    return made


@pytest.fixture
def gallery(study, page):
    """Gallery page, opened from disk, with its recorded requests."""
    page.requests = []
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto((study.gallery_folder / "index.html").as_uri())
    page.wait_for_selector("#planes .outline[d^=M]", state="attached")
    return page


def name_reviewer(page, name="AB"):
    page.fill("#reviewer", name)
    page.keyboard.press("Enter")


def text(page, selector):
    return page.inner_text(selector)


def open_link(page, study, fragment):
    """Open the gallery with a fragment, as a link from another page does.

    The function first opens an empty page: navigation within the gallery would only change the fragment, which the
    gallery overwrites.
    """
    page.goto("about:blank")
    page.goto(f"{(study.gallery_folder / 'index.html').as_uri()}#{fragment}")
    page.wait_for_selector("#planes .outline[d^=M]", state="attached")


def download(page, selector, folder):
    with page.expect_download() as waiting:
        page.click(selector)
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_ten_cases_are_reviewed_by_keyboard_and_change_the_usable_values(study, gallery, tmp_path):
    name_reviewer(gallery)
    for key in "2j1j3j" + "1j" * 7:
        gallery.keyboard.press(key)

    assert text(gallery, "#count") == f"10 of {EVERY} decided"
    review = download(gallery, "#download", tmp_path)
    unsure = download(gallery, "#download-unsure", tmp_path)
    rows = rows_of(review)

    assert (review.name, unsure.name) == ("review.csv", "unsure.csv")
    assert [row["decision"] for row in rows_of(unsure)] == ["unsure"]
    assert len(rows) == 9
    assert {row["reviewer"] for row in rows} == {"AB"}
    assert len(read_review(review, study.scan_ids, [], ORGANS.names)) == 9
    before = study.screen()
    after = study.screen(review).set_index(["scan_id", "structure"])
    assert before["reason"].value_counts().to_dict() == {"ok": EVERY - FLAGGED, "truncated": FLAGGED}
    assert after.loc[("scan-001", "spleen"), ["reason", "rule_reason", "reviewer"]].tolist() == [
        "reviewer_excluded",
        "truncated",
        "AB",
    ]
    assert after["reason"].value_counts().to_dict() == {
        "ok": EVERY - 10,
        "reviewer_kept": 8,
        "reviewer_excluded": 1,
        "truncated": 1,
    }
    assert after.loc[("scan-005", "spleen"), "reason"] == "truncated"  # unsure does not count as a decision
    study.screen()


def test_no_request_leaves_the_folder(study, gallery):
    for key in "mjjjjk":
        gallery.keyboard.press(key)
    gallery.wait_for_timeout(300)

    folder = study.gallery_folder.as_uri()
    assert len(gallery.requests) > 5
    assert [url for url in gallery.requests if not url.startswith((folder, "data:", "blob:"))] == []


def test_j_and_k_move_and_stop_at_both_ends(gallery):
    assert text(gallery, "#place") == f"Case 1 of {EVERY}"
    gallery.keyboard.press("k")
    assert text(gallery, "#place") == f"Case 1 of {EVERY}"
    for _ in range(EVERY + 3):
        gallery.keyboard.press("j")
    assert text(gallery, "#place") == f"Case {EVERY} of {EVERY}"
    assert gallery.is_disabled("#next")
    gallery.keyboard.press("k")
    assert text(gallery, "#place") == f"Case {EVERY - 1} of {EVERY}"


def test_a_decision_needs_a_reviewer(gallery):
    gallery.keyboard.press("2")

    assert "Enter the initials or number of the reviewer" in text(gallery, "#warning")
    assert text(gallery, "#decided") == "No decision"
    assert gallery.evaluate("document.activeElement.id") == "reviewer"


def test_keys_typed_into_a_field_do_not_set_a_decision(gallery):
    gallery.fill("#reviewer", "")
    gallery.type("#reviewer", "1j2")

    assert gallery.input_value("#reviewer") == "1j2"
    assert text(gallery, "#count") == f"0 of {EVERY} decided"
    assert text(gallery, "#place") == f"Case 1 of {EVERY}"


def test_decisions_persist_after_the_page_is_closed_and_can_be_undone(gallery):
    name_reviewer(gallery, "CD")
    gallery.fill("#why", "leaks into the stomach")
    gallery.keyboard.press("Enter")
    gallery.keyboard.press("2")
    gallery.reload()
    gallery.wait_for_selector("#planes .outline[d^=M]", state="attached")

    assert text(gallery, "#decided").startswith("Excluded by CD, 20")
    assert text(gallery, "#decided").endswith(": leaks into the stomach")
    assert gallery.get_attribute("[data-decision=exclude]", "aria-pressed") == "true"
    gallery.keyboard.press("u")
    assert text(gallery, "#decided") == "No decision"
    assert text(gallery, "#count") == f"0 of {EVERY} decided"


def test_filters_select_cases_by_structure_reason_or_decision(gallery):
    name_reviewer(gallery)
    gallery.select_option("#by-reason", "truncated")
    assert text(gallery, "#place") == f"Case 1 of {FLAGGED}"
    gallery.keyboard.press("1")
    gallery.select_option("#by-decision", "open")
    assert text(gallery, "#place") == f"Case 1 of {FLAGGED - 1}"
    gallery.select_option("#by-structure", "liver")
    assert text(gallery, "#title") == "No cases match the filters"
    gallery.keyboard.press("1")
    assert text(gallery, "#count") == f"1 of {EVERY} decided"
    gallery.select_option("#by-reason", "")
    assert text(gallery, "#place") == "Case 1 of 6"
    assert text(gallery, "#title").startswith("Liver, scan ")


def test_three_planes_are_drawn_with_outline_marks_scale_and_optional_masks_of_others(study, gallery):
    assert gallery.locator("#planes svg").count() == 3
    marks = gallery.eval_on_selector_all(
        "#planes .marks", "groups => groups.map(g => g.textContent.replace(/\\s+/g, ' ').trim())"
    )
    assert marks == ["R L A P", "R L S I", "A P S I"]
    gallery.select_option("#by-structure", "liver")
    gallery.wait_for_selector("#planes .others path", state="attached")
    assert not gallery.is_visible("#planes .others path >> nth=0")
    gallery.keyboard.press("m")
    assert gallery.is_visible("#planes .others path >> nth=0")
    assert "spleen" in text(gallery, "#neighbors") or "lung left" in text(gallery, "#neighbors")
    gallery.keyboard.press("o")
    assert not gallery.is_visible("#planes path.outline >> nth=0")
    assert "soft tissue, −160 to 240 HU" in text(gallery, "#window")


def test_the_outline_surrounds_the_organ(study, gallery, tmp_path):
    gallery.select_option("#by-structure", "liver")
    gallery.wait_for_function("document.querySelector('#window').textContent")
    [x, y, width, height] = gallery.evaluate(
        "(() => { const p = document.querySelector('#planes path.outline'); const b = p.getBBox();"
        " const s = p.ownerSVGElement.getBoundingClientRect().width / 640;"
        " return [b.x * s, b.y * s, b.width * s, b.height * s]; })()"
    )
    gallery.keyboard.press("o")  # pressed after the box is read because a hidden path has no bounding box
    shot = tmp_path / "axial.png"
    gallery.locator("#planes svg >> nth=0").screenshot(path=str(shot))
    shades = np.asarray(Image.open(shot).convert("L")).astype(int)
    left, right, top, bottom = (round(value) for value in (x, x + width, y, y + height))

    inside = shades[top + 5 : bottom - 5, left + 5 : right - 5]
    # in the window from -160 to 240 HU, 60 HU has a gray level of 140 and the surrounding fat (-90 HU) one of 45
    assert inside.mean() == pytest.approx(140, abs=8)
    assert shades[top + 5 : bottom - 5, right + 6 : right + 14].mean() == pytest.approx(45, abs=8)


def test_values_are_compared_with_the_cohort_and_the_histogram_has_all_voxels(study, gallery):
    gallery.select_option("#by-structure", "liver")
    gallery.wait_for_selector("#histogram .bars", state="attached")

    shown = text(gallery, "#values")
    assert "Volume: " in shown
    assert "percentile rank" in shown
    assert "among 6 usable values" in shown
    script = (study.gallery_folder / "scans" / "scan-001.js").read_text()
    content = json.loads(script[script.index("(") + 1 : script.rindex(")")])
    measures = pd.read_parquet(study.table("measures")).set_index(["scan_id", "structure"])
    for name, case in content["cases"].items():
        assert sum(case["histogram"]["counts"]) == measures.loc[("scan-001", name), "n_voxels"]


def test_earlier_decisions_are_shown_exported_and_can_be_changed(study, page, tmp_path):
    review = tmp_path / "given.csv"
    review.write_text(
        ",".join([*REVIEW.columns, "room"]) + "\n"
        "scan-001,spleen,keep,fine,XY,2024-05-31,3\n"
        "scan-002,*,exclude,metal,XY,2024-05-31,3\n"
        "scan-003,spleen,exclude,cut,XY,2024-05-31,\n"
    )
    page.goto(study.show(review).as_uri())
    decided = text(page, "#decided")
    name_reviewer(page)
    page.keyboard.press("2")
    rows = rows_of(download(page, "#download", tmp_path))
    study.show()

    assert decided == "Kept by XY, 2024-05-31; applied in this study: fine"
    assert [(row["scan_id"], row["structure"], row["decision"], row["reviewer"], row["room"]) for row in rows] == [
        ("scan-001", "spleen", "exclude", "AB", ""),
        ("scan-002", "*", "exclude", "XY", "3"),
        ("scan-003", "spleen", "exclude", "XY", ""),
    ]


def test_decisions_on_masks_that_have_changed_are_omitted_and_reported(study, gallery, tmp_path):
    name_reviewer(gallery)
    gallery.keyboard.press("2")
    gallery.evaluate(
        "(() => { const key = Object.keys(localStorage).find((name) => name.startsWith('ctpop:review:'));"
        " const all = JSON.parse(localStorage[key]); Object.values(all)[0].mask = 'f'.repeat(16);"
        " localStorage[key] = JSON.stringify(all); })()"
    )
    gallery.reload()

    assert "1 decision in this browser was omitted because its mask has changed" in text(gallery, "#warning")
    assert text(gallery, "#decided") == "No decision"
    assert rows_of(download(gallery, "#download", tmp_path)) == []


def test_hostile_text_is_escaped_on_the_page_and_in_the_exported_table(study, page, tmp_path):
    review = tmp_path / "given.csv"
    cells = pd.DataFrame([["scan-001", "spleen", "keep", FORMULA, HOSTILE, "2024-05-31"]], columns=list(REVIEW.columns))
    cells.to_csv(review, index=False)
    page.goto(study.show(review, banner=HOSTILE).as_uri())
    name_reviewer(page, FORMULA[:40])
    page.keyboard.press("j")
    page.fill("#why", f'{HOSTILE}, "quoted"')
    page.keyboard.press("Enter")
    page.keyboard.press("1")
    title = page.title()
    made = page.evaluate("document.querySelectorAll('img, a[href*=example]').length")
    decided = text(page, "#decided")
    path = download(page, "#download", tmp_path)
    study.show()

    assert text(page, ".banner") == HOSTILE
    assert title != "1"
    assert made == 0
    assert HOSTILE in decided
    first, second = rows_of(path)
    assert (first["reason"], first["reviewer"]) == (f"'{FORMULA}", HOSTILE)
    assert (second["reason"], second["reviewer"]) == (f'{HOSTILE}, "quoted"', f"'{FORMULA[:40]}")
    assert len(read_review(path, study.scan_ids, [], ORGANS.names)) == 2


def test_a_link_opens_a_case(gallery, study):
    open_link(gallery, study, "scan-004/liver")

    assert text(gallery, "#title") == "Liver, scan scan-004"
    assert "view scan-004 --structure liver" in text(gallery, "#closer")


def test_a_link_from_the_page_of_a_structure_selects_its_masks(gallery, study):
    open_link(gallery, study, "structure=liver")

    assert text(gallery, "#title").startswith("Liver, scan ")
    assert text(gallery, "#place") == "Case 1 of 6"
    assert gallery.input_value("#by-structure") == "liver"
    open_link(gallery, study, "structure=heart")
    assert "The gallery contains no mask of this structure" in text(gallery, "#warning")
    assert text(gallery, "#place") == f"Case 1 of {EVERY}"


def test_the_gallery_fits_a_phone(gallery):
    gallery.set_viewport_size({"width": 390, "height": 800})

    assert gallery.evaluate("document.documentElement.scrollWidth") <= 390
    widths = gallery.eval_on_selector_all(
        "#planes svg", "planes => planes.map(plane => plane.getBoundingClientRect().width)"
    )
    assert min(widths) > 330
    gallery.fill("#reviewer", "AB")
    gallery.click("[data-decision=keep]")
    assert text(gallery, "#decided").startswith("Kept by AB")


def test_a_screen_reader_finds_names_roles_and_headings(gallery):
    tree = gallery.locator("body").aria_snapshot()

    assert 'heading "Review of masks: toy" [level=1]' in tree
    assert 'img "axial plane"' in tree
    assert 'button "1 Keep"' in tree
    assert 'combobox "Structure"' in tree
    assert 'textbox "Reviewer' in tree
    nameless = gallery.evaluate(
        "[...document.querySelectorAll('button, input, select')]"
        ".filter(e => !(e.labels?.length || e.textContent.trim())).length"
    )
    assert nameless == 0


def test_a_gallery_without_cases_shows_a_message(page, tmp_path):
    study = ReviewStudy(tmp_path, scans=2).write()
    study.write_segments({1: 2})
    study.measure()
    study.screen()
    assert study.draw(share=0).empty

    page.goto(study.show().as_uri())

    assert text(page, "#title") == "No cases to review"
    page.keyboard.press("1")
    assert text(page, "#count") == "0 of 0 decided"
