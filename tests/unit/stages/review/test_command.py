"""Tests of the commands `review` and `gallery`: images of flagged masks, reuse of images, and unreadable scans."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ctpop.contracts.all_tables import EXTREMES
from ctpop.stages.review.plane_pictures import OUTSIDE
from support.reviewing import ORGANS, ReviewStudy

HEADER = "scan_id,structure,decision,reason,reviewer,date\n"


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory):
    study = ReviewStudy(tmp_path_factory.mktemp("review")).write()
    study.measure()
    study.screen()
    study.draw()
    return study


@pytest.fixture
def study(drawn_once, tmp_path):
    shutil.copytree(drawn_once.folder, tmp_path, dirs_exist_ok=True)
    return ReviewStudy(tmp_path)


def test_every_flagged_mask_and_no_other_mask_has_an_image_and_a_script(drawn_once):
    cases = pd.read_parquet(drawn_once.table("review_cases"))

    flagged = ["scan-001", "scan-003", "scan-005"]
    assert list(cases["scan_id"]) == flagged
    assert set(cases["structure"]) == {"spleen"}
    assert set(cases["chosen"]) == {"flagged"}
    assert set(drawn_once.pictures()) == {
        *(f"images/{scan}/spleen.webp" for scan in flagged),
        *(f"scans/{scan}.js" for scan in flagged),
    }


def test_images_are_smaller_than_40_kilobytes(drawn_once):
    assert 0 < max(len(content) for _, content in drawn_once.pictures().values()) < 40_000


def test_a_random_sample_of_unflagged_masks_is_included(study):
    cases = study.draw(share=1.0)

    assert len(cases) == len(study.scan_ids) * len(ORGANS.names)
    assert cases["chosen"].value_counts().to_dict() == {"sample": 15, "flagged": 3}


def test_a_review_does_not_redraw_images(study):
    before = study.pictures()
    review = study.folder / "review.csv"
    review.write_text(HEADER + "scan-001,spleen,exclude,cut,AB,2024-05-31\nscan-002,*,exclude,metal,AB,2024-05-31\n")

    assert (study.screen(review)["reason"] == "reviewer_excluded").sum() == 4
    cases = study.draw()

    assert list(cases["scan_id"]) == ["scan-001", "scan-003", "scan-005"]
    assert study.pictures() == before


def test_masks_with_extreme_values_are_drawn_in_addition_to_flagged_masks(study):
    cases = study.draw(extremes=True)

    listed = EXTREMES.read(study.table("extremes"))
    extreme = cases[cases["chosen"].eq("extreme")]
    assert set(zip(extreme["scan_id"], extreme["structure"], strict=True)) == set(
        zip(listed["scan_id"], listed["structure"], strict=True)
    )
    assert cases["chosen"].eq("flagged").sum() == 3
    assert all((study.gallery_folder / image).is_file() for image in cases["image"])


def test_existing_images_require_neither_ct_nor_label_map(study):
    before = study.pictures()
    shutil.rmtree(study.folder / "ct")
    shutil.rmtree(study.results / "masks")

    assert study.draw()["image"].notna().all()
    assert study.pictures() == before


def test_additional_cases_of_a_scan_are_drawn_and_existing_images_are_kept(study):
    before = study.pictures()
    study.draw(share=1.0)
    after = study.pictures()

    images = {name: found for name, found in before.items() if name.startswith("images/")}
    assert {name: after[name] for name in images} == images
    assert len(after) == len(study.scan_ids) * (len(ORGANS.names) + 1)


def test_a_missing_image_is_drawn_again_with_the_same_bytes(study):
    excluded = study.gallery_folder / "images" / "scan-001" / "spleen.webp"
    before = excluded.read_bytes()
    excluded.unlink()

    study.draw()

    assert excluded.read_bytes() == before


@pytest.mark.parametrize("content", ["", "gallery.receive({", "no script at all", 'gallery.receive({"cases": 3});'])
def test_a_damaged_script_is_written_again(study, content):
    script = study.gallery_folder / "scans" / "scan-001.js"
    before = script.read_bytes()
    script.write_text(content)

    study.draw()

    assert script.read_bytes() == before


def test_a_changed_label_map_is_drawn_again(study):
    before = study.pictures()
    study.write_segments({1: 5})
    study.measure()
    study.screen()

    study.draw()

    after = study.pictures()
    assert {name for name in after if after[name] != before[name]} == {
        "images/scan-001/spleen.webp",
        "scans/scan-001.js",
    }
    assert after["images/scan-001/spleen.webp"][1] == after["images/scan-005/spleen.webp"][1]


def test_a_scan_that_cannot_be_read_has_a_row_with_the_reason_and_the_others_are_drawn(study):
    shutil.rmtree(study.gallery_folder)
    (study.folder / "ct" / "scan-003.nii.gz").write_bytes(b"broken")

    cases = study.draw().set_index("scan_id")

    assert cases["image"].notna().to_dict() == {"scan-001": True, "scan-003": False, "scan-005": True}
    assert cases.loc["scan-003", "detail"].startswith("unreadable: scan-003.nii.gz")
    assert str(study.folder) not in cases.loc["scan-003", "detail"]


def test_a_mask_without_a_ct_is_drawn_on_a_black_background(study):
    study.registry.write_text(study.registry.read_text().replace("ct/scan-001.nii.gz", ""))
    study.measure()
    study.screen()

    cases = study.draw().set_index("scan_id")

    path = study.gallery_folder / cases.loc["scan-001", "image"]
    script = (study.gallery_folder / "scans" / "scan-001.js").read_text()
    case = json.loads(script[script.index("(") + 1 : script.rindex(")")])["cases"]["spleen"]
    assert set(np.unique(Image.open(path).convert("L"))) <= {0, 1, 71, OUTSIDE, 73}  # WebP is lossy
    assert all(outline.startswith("M") for outline in case["outline"])
    assert case["histogram"] == {}


def test_included_structures_are_drawn_as_part_of_the_structure(study):
    before = case_of(study, "scan-001")
    known = ORGANS.table[ORGANS.table["structure"].ne("liver")]
    known.assign(includes=known["structure"].map({"spleen": "liver"})).to_csv(study.structures, index=False)
    study.measure()
    study.screen()

    cases = study.draw(share=1.0)

    after = case_of(study, "scan-001")
    assert "liver" not in set(cases["structure"])
    assert any("liver" in paths for paths in before["others"])
    assert not any("liver" in paths for paths in after["others"])
    assert sum(after["histogram"]["counts"]) > sum(before["histogram"]["counts"])


def test_a_registry_with_other_column_names_is_supported(study):
    shutil.rmtree(study.gallery_folder)
    text = study.registry.read_text()
    study.registry.write_text(text.replace("scan_id", "Accession", 1).replace("ct_path", "Volume", 1))
    reading = {"columns": {"Accession": "scan_id", "Volume": "ct_path"}}

    assert study.draw(reading=reading)["image"].notna().all()


def case_of(study, scan_id, structure="spleen"):
    """Return the data of a case in the script of its scan."""
    script = (study.gallery_folder / "scans" / f"{scan_id}.js").read_text()
    return json.loads(script[script.index("(") + 1 : script.rindex(")")])["cases"][structure]


def test_two_runs_draw_the_same_bytes(study):
    before = {name: content for name, (_, content) in study.pictures().items()}
    shutil.rmtree(study.gallery_folder)

    study.draw()

    assert {name: content for name, (_, content) in study.pictures().items()} == before


def test_the_page_shows_the_names_of_the_label_set(study):
    study.draw()
    ORGANS.table.assign(name=["spleen (spl)", "liver (hep)", "left lung (pul)"]).to_csv(study.structures, index=False)

    study.show()

    assert '"spleen":"Spleen (spl)"' in (study.gallery_folder / "cases.js").read_text()


def test_the_page_is_not_written_if_an_image_is_missing(study, capsys):
    (study.gallery_folder / "images" / "scan-003" / "spleen.webp").unlink()

    with pytest.raises(AssertionError):
        study.show()

    errors = capsys.readouterr().err
    assert "missing images: 1 of 3, including images/scan-003/spleen.webp" in errors
    assert "snakemake --forcerun review" in errors
