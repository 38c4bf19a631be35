"""Tests of the viewer in a real browser: NiiVue displays the CT and masks of a scan without network access."""

import io
import json
import threading

import numpy as np
import pytest
from PIL import Image

from ctpop.stages.review import view
from ctpop.stages.review.page_server import Server
from ctpop.stages.review.scan_contents import shown_scan
from support.reviewing import HOSTILE, ReviewStudy


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = ReviewStudy(tmp_path_factory.mktemp("viewer"), scans=1).write()
    made.measure()
    config = {"study": {"registry": "registry.csv", "banner": HOSTILE}}
    (made.results / "provenance.json").write_text(json.dumps({"config": config}))
    return made


@pytest.fixture
def viewer(study, page):
    """Page of a scan, with its recorded requests."""
    contents = view.contents_of(shown_scan(study.results, "scan-001"), "liver", view.banner_of(study.results))
    with Server(contents) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        page.address, page.requests = server.address, []
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]", timeout=60_000)
        yield page
        server.shutdown()
        thread.join()


def drawn(page):
    """Return the colors of the canvas, shape (rows, columns, 3)."""
    page.wait_for_timeout(300)
    return np.asarray(Image.open(io.BytesIO(page.locator("#canvas").screenshot())).convert("RGB")).astype(int)


def shares(pixels):
    """Return the shares of gray pixels and of colored pixels."""
    spread = pixels.max(axis=2) - pixels.min(axis=2)
    return float(((spread < 8) & (pixels.max(axis=2) > 30)).mean()), float((spread > 40).mean())


def test_ct_and_masks_are_drawn(viewer):
    assert viewer.get_attribute("body", "data-ready") == "yes"
    gray, colored = shares(drawn(viewer))
    assert gray > 0.05
    assert colored > 0.01
    viewer.select_option("#which", "none")
    gray_without, colored_without = shares(drawn(viewer))
    assert gray_without > gray
    assert colored_without < colored / 2  # only the crosshair remains


def test_the_viewer_opens_at_the_requested_structure(viewer):
    assert viewer.input_value("#structure") == "liver"
    assert "Liver" in viewer.inner_text("#status")
    assert "HU" in viewer.inner_text("#status")
    viewer.select_option("#structure", "spleen")
    assert "Spleen" in viewer.inner_text("#status")


def test_a_single_structure_can_be_shown(viewer):
    _, all_of_them = shares(drawn(viewer))
    viewer.select_option("#which", "one")
    _, one = shares(drawn(viewer))

    assert 0 < one < all_of_them


def test_another_window_changes_the_image(viewer):
    viewer.select_option("#which", "none")
    before = drawn(viewer)
    viewer.select_option("#window", "lung")

    assert np.abs(drawn(viewer) - before).mean() > 5


def test_no_request_leaves_this_machine(viewer):
    assert {url.removeprefix(viewer.address) for url in viewer.requests if url.startswith("http")} == {
        *("", "viewer.css", "viewer.js", "niivue.js", "scan.json", "ct.nii.gz", "mask.nii.gz")
    }
    assert [url for url in viewer.requests if not url.startswith((viewer.address, "data:", "blob:"))] == []


def test_hostile_text_is_escaped(viewer):
    assert viewer.inner_text("#banner") == HOSTILE
    assert viewer.title() == "Scan scan-001"
    assert viewer.locator("#banner img").count() == 0
