"""Tests that SimpleITK and nibabel read the same image from stored label maps."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from ctpop.imaging.images import read_ct
from ctpop.imaging.label_map_file import write_labels
from support.volumes import affine, hu, labels, save_turned

LPS_OF_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # in ITK, x points to the left and y to the back


def affine_of(image):
    """Return the affine matrix of an ITK image from voxels to RAS coordinates."""
    found = np.eye(4)
    found[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    found[:3, 3] = image.GetOrigin()
    return LPS_OF_RAS @ found


@pytest.mark.parametrize("codes", ["RAS", "LPS", "LAS", "PIR", "SAL"])
@pytest.mark.parametrize(("dtype", "highest"), [(np.uint8, 104), (np.uint16, 300)])
def test_simpleitk_reads_the_written_voxels_type_and_grid(tmp_path, codes, dtype, highest):
    where = affine((0.75, 1.5, 2.0), turned_degrees=(10, -20, 30))
    ct_path = save_turned(tmp_path / "scan.nii.gz", hu(), codes, where)
    numbers = labels(highest=104).astype(dtype)
    numbers[0, 0, 0] = highest

    write_labels(numbers, read_ct(ct_path), tmp_path / "labels.nii.gz", {"spleen": 1, "liver": 104})

    ours, ct = (SimpleITK.ReadImage(str(tmp_path / name)) for name in ("labels.nii.gz", "scan.nii.gz"))
    theirs = nib.load(tmp_path / "labels.nii.gz")
    assert ours.GetPixelID() == {np.uint8: SimpleITK.sitkUInt8, np.uint16: SimpleITK.sitkUInt16}[dtype]
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(ours).transpose(), np.asarray(theirs.dataobj))
    np.testing.assert_allclose(
        affine_of(ours), theirs.affine, atol=1e-4
    )  # the header stores quaternions and rows as float32
    np.testing.assert_allclose(affine_of(ours), affine_of(ct), atol=1e-4)
    np.testing.assert_array_equal(theirs.affine, nib.load(ct_path).affine)


def test_simpleitk_and_nibabel_agree_on_voxel_positions(tmp_path):
    ct_path = save_turned(tmp_path / "scan.nii.gz", hu(), "PIR")
    numbers = np.zeros(hu().shape, np.uint8)
    numbers[1, 2, 3] = 7

    write_labels(numbers, read_ct(ct_path), tmp_path / "labels.nii.gz", {"spleen": 7})

    image = SimpleITK.ReadImage(str(tmp_path / "labels.nii.gz"))
    [place] = np.argwhere(SimpleITK.GetArrayFromImage(image).transpose() == 7)
    world = LPS_OF_RAS[:3, :3] @ image.TransformIndexToPhysicalPoint([int(k) for k in place])
    np.testing.assert_allclose(world, (affine() @ [1, 2, 3, 1])[:3], atol=1e-4)
