"""Tests of the real test data: licenses are included, and unpacked masks equal the originals."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from support.real_data import DATA, S0327, masks_of_s0327, write_meta
from support.studies import REPO

LARGEST_BYTES = 6_000_000  # all files together
FOLDERS = sorted(path for path in DATA.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_folder_has_a_license_and_is_listed_in_notice_and_readme(folder):
    assert any(path.name.startswith("LICENSE") for path in folder.iterdir())
    assert f"- {folder.name}: " in (REPO / "NOTICE").read_text(encoding="utf-8")
    assert f"| `{folder.name}/` | " in (DATA / "README.md").read_text(encoding="utf-8")


def test_all_real_data_together_are_small():
    assert len(FOLDERS) == 4
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < LARGEST_BYTES


def test_each_unpacked_mask_is_the_original_in_every_byte():
    masks = pd.read_csv(S0327 / "masks.csv").set_index("structure")

    found = {
        name: (hashlib.sha256(content).hexdigest(), np.count_nonzero(np.frombuffer(content, np.uint8, offset=352)))
        for name, content in masks_of_s0327()
    }

    assert found == dict(zip(masks.index, zip(masks["sha256"], masks["voxels"], strict=True), strict=True))
    assert len(found) == 117
    assert sum(number == 0 for _, number in found.values()) == 9


def test_the_table_as_it_is_downloaded_has_every_row_and_all_columns_but_the_comments(tmp_path):
    shipped = pd.read_csv(DATA / "totalsegmentator_dataset" / "totalsegmentator_dataset_1228.tsv", sep="\t", dtype=str)

    path = write_meta(tmp_path / "dataset")

    assert path.read_bytes().startswith(b"\xef\xbb\xbfimage_id;age;gender;institute;study_type;split;")
    downloaded = pd.read_csv(path, sep=";", dtype=str, encoding="utf-8-sig")
    pd.testing.assert_frame_equal(downloaded, shipped.drop(columns="Comments"))
