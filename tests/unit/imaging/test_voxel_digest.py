"""Tests of the voxel digest: it identifies an image and does not depend on storage."""

import numpy as np
import pytest

from ctpop.imaging.images import read_ct
from ctpop.imaging.voxel_digest import voxel_digest
from support.volumes import ORIENTATIONS, SPACING_MM, affine, hu, save, save_turned


def digest_of(path):
    return voxel_digest(read_ct(path), "ct")


@pytest.mark.parametrize("codes", ORIENTATIONS[::7])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_storage_does_not_change_the_digest(tmp_path, codes, suffix, dtype):
    plain = save(tmp_path / "plain.nii", hu())
    stored = save_turned(tmp_path / f"stored{suffix}", hu().astype(dtype), codes)

    assert digest_of(stored) == digest_of(plain)


def test_header_scaling_and_origin_do_not_change_the_digest(tmp_path):
    plain = save(tmp_path / "plain.nii", hu())
    scaled = save(
        tmp_path / "scaled.nii",
        (hu() + 1024).astype(np.int16),
        affine(origin_mm=(0, 0, 0)),
        scl_slope=1,
        scl_inter=-1024,
    )

    assert digest_of(scaled) == digest_of(plain)


def test_a_change_of_a_voxel_the_shape_or_the_spacing_changes_the_digest(tmp_path):
    other = hu()
    other[3, 4, 5] += 1
    found = [
        digest_of(save(tmp_path / "a.nii", hu())),
        digest_of(save(tmp_path / "b.nii", other)),
        digest_of(save(tmp_path / "c.nii", hu().reshape(8, 6, 7))),
        digest_of(save(tmp_path / "d.nii", hu(), affine((*SPACING_MM[:2], 4.5)))),
        digest_of(save(tmp_path / "e.nii", hu()[::-1])),
        digest_of(save(tmp_path / "f.nii", hu() + np.float32(0.5))),
    ]

    assert len(set(found)) == len(found)
