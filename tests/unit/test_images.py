"""CT volumes and label maps are read whole and exact, or refused with a reason; sides follow from the affine."""

import gzip
import shutil

import nibabel as nib
import numpy as np
import pytest

from ctpop.errors import ScanError
from ctpop.images import Grid, read_ct, read_grid, read_labels, sha256_of, write_labels
from volumes import (
    BAD_CTS,
    LARGE,
    ORIENTATIONS,
    ORIGIN_MM,
    SHAPE,
    SPACING_MM,
    affine,
    damage,
    flip_byte,
    hu,
    labels,
    save,
    save_turned,
    write,
)

TURNED = affine(turned_degrees=(10, -20, 30))


def refusal(read, path):
    with pytest.raises(ScanError) as refused:
        read(path)
    return refused.value


def stored(path):
    return np.asarray(nib.load(path).dataobj)


# Reading a CT


@pytest.mark.parametrize("kind", BAD_CTS)
def test_a_ct_that_cannot_be_used_is_refused_with_a_reason_and_without_its_folder(tmp_path, kind):
    bad = BAD_CTS[kind]
    folder = tmp_path / "doe  jane 1950-01-01"
    folder.mkdir()

    error = refusal(read_ct, bad.save(folder / f"scan{bad.suffix}"))

    assert error.reason == bad.reason
    assert bad.words in error.detail
    assert "doe" not in error.detail
    assert "1950" not in error.detail
    assert len(error.detail.splitlines()) == 1


@pytest.mark.parametrize("change", [lambda content: content[:-9], lambda content: flip_byte(content, len(content) - 6)])
def test_a_checksum_behind_the_last_voxel_of_a_large_file_is_verified_too(tmp_path, change):
    path = save(tmp_path / "scan.nii.gz", hu((160, 160, 160)))  # 8 MB, more than any buffer in between

    error = refusal(read_ct, damage(path, change))

    assert error.reason == "unreadable"


def test_a_file_that_goes_on_after_its_last_voxel_is_verified_to_its_end(tmp_path):
    content = nib.Nifti1Image(hu(), affine()).to_bytes()
    path = write(tmp_path / "scan.nii.gz", content + hu((160, 160, 160)).tobytes())
    np.testing.assert_array_equal(read_ct(path).data, hu())

    error = refusal(read_ct, damage(path, lambda packed: flip_byte(packed, len(packed) - 6)))

    assert error.reason == "unreadable"


@pytest.mark.parametrize(("degrees", "accepted"), [(1.0, True), (-1.0, True), (1.3, False), (-1.3, False)])
def test_axes_may_miss_the_right_angle_by_a_little_more_than_a_degree(tmp_path, degrees, accepted):
    where = affine()
    where[1, 2] = np.tan(np.deg2rad(degrees)) * SPACING_MM[2]
    path = save(tmp_path / "scan.nii.gz", hu(), where)

    if accepted:
        np.testing.assert_array_equal(read_ct(path).data, hu())
    else:
        assert refusal(read_ct, path).reason == "bad_geometry"


def test_a_ct_that_is_not_there_is_missing(tmp_path):
    error = refusal(read_ct, tmp_path / "scan.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "scan.nii.gz does not exist")


def test_a_folder_in_place_of_a_ct_is_a_missing_file(tmp_path):
    assert refusal(read_ct, tmp_path).reason == "missing_file"


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_values_and_type_are_those_of_the_file(tmp_path, dtype, suffix):
    values = (hu() % 100).astype(dtype)

    volume = read_ct(save(tmp_path / f"scan{suffix}", values))

    assert volume.data.dtype == dtype
    np.testing.assert_array_equal(volume.data, values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_between_whole_numbers_are_kept(tmp_path, dtype):
    values = hu().astype(dtype) + np.array(0.1, dtype)

    volume = read_ct(save(tmp_path / "scan.nii.gz", values))

    np.testing.assert_array_equal(volume.data, values)


def test_a_stored_slope_and_intercept_give_hounsfield_units(tmp_path):
    path = save(tmp_path / "scan.nii.gz", (hu() + 1024).astype(np.uint16), scl_slope=1, scl_inter=-1024)

    volume = read_ct(path)

    assert volume.data.dtype == np.float32
    np.testing.assert_array_equal(volume.data, hu())


def test_a_slope_that_is_not_one_scales_every_voxel(tmp_path):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu(), scl_slope=0.5, scl_inter=3))

    np.testing.assert_array_equal(volume.data, hu() / 2 + 3)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_a_slope_of_zero_or_nothing_means_that_values_are_not_scaled(tmp_path, slope):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu(), scl_slope=slope, scl_inter=5))

    np.testing.assert_array_equal(volume.data, hu())


def test_values_beyond_16_bits_do_not_wrap_around(tmp_path):
    values = hu().astype(np.int32)
    values[1, 2, 3] = 2_000_000_000

    volume = read_ct(save(tmp_path / "scan.nii.gz", values))

    assert volume.data[1, 2, 3] == 2_000_000_000


def test_a_big_endian_file_gives_the_same_values_in_the_order_of_this_machine(tmp_path):
    big = nib.Nifti1Image(hu(), affine(), nib.Nifti1Header(endianness=">"), dtype=np.int16)
    nib.save(big, tmp_path / "scan.nii.gz")

    volume = read_ct(tmp_path / "scan.nii.gz")

    assert gzip.decompress((tmp_path / "scan.nii.gz").read_bytes())[:4] == (348).to_bytes(4, "big")
    assert volume.data.dtype == np.dtype("int16")
    np.testing.assert_array_equal(volume.data, hu())


def test_a_nifti_2_file_is_read_like_a_nifti_1_file(tmp_path):
    nib.save(nib.Nifti2Image(hu(), affine()), tmp_path / "scan.nii.gz")

    np.testing.assert_array_equal(read_ct(tmp_path / "scan.nii.gz").data, hu())


def test_voxels_begin_where_the_header_says(tmp_path):
    image = nib.Nifti1Image(hu(), affine())
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a remark of 1000 bytes" * 50))
    path = write(tmp_path / "scan.nii.gz", image.to_bytes())

    assert nib.load(path).dataobj.offset > 1000
    np.testing.assert_array_equal(read_ct(path).data, hu())


def test_a_gzip_file_of_several_members_is_read_to_its_end(tmp_path):
    content = nib.Nifti1Image(hu(LARGE), affine()).to_bytes()
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(content[:9000]) + gzip.compress(content[9000:]))

    np.testing.assert_array_equal(read_ct(path).data, hu(LARGE))


def test_an_upper_case_suffix_is_the_same_suffix(tmp_path):
    path = save(tmp_path / "scan.nii.gz", hu()).rename(tmp_path / "SCAN.NII.GZ")

    np.testing.assert_array_equal(read_ct(path).data, hu())


def test_one_time_point_is_a_volume(tmp_path):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu()[..., None]))

    np.testing.assert_array_equal(volume.data, hu())


def test_a_single_slice_with_three_axes_is_a_volume(tmp_path):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu()[:, :, :1]))

    np.testing.assert_array_equal(volume.data, hu()[:, :, :1])


def test_two_forms_that_agree_are_accepted_and_a_slight_difference_is_no_contradiction(tmp_path):
    image = nib.Nifti1Image(hu(), TURNED)
    image.set_sform(TURNED, 1)
    image.set_qform(affine(turned_degrees=(12, -18, 31)), 2)
    nib.save(image, tmp_path / "scan.nii.gz")

    grid = read_grid(tmp_path / "scan.nii.gz")

    np.testing.assert_allclose(grid.affine, TURNED, atol=1e-5)  # float32 in the header


def test_a_qform_alone_gives_the_grid(tmp_path):
    image = nib.Nifti1Image(hu(), None)
    image.set_sform(None, 0)
    image.set_qform(TURNED, 1)
    nib.save(image, tmp_path / "scan.nii.gz")

    np.testing.assert_allclose(read_ct(tmp_path / "scan.nii.gz").grid.affine, TURNED, atol=1e-5)


# Orientation


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_however_it_is_stored_a_volume_is_read_in_ras_on_the_same_grid(tmp_path, codes):
    path = save_turned(tmp_path / "scan.nii.gz", hu(), codes)

    volume = read_ct(path)

    assert "".join(nib.aff2axcodes(nib.load(path).affine)) == codes
    np.testing.assert_array_equal(volume.data, hu())
    assert volume.grid.shape == SHAPE == read_grid(path).shape
    np.testing.assert_array_equal(volume.grid.affine, affine())
    np.testing.assert_array_equal(read_grid(path).affine, affine())


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_labels_go_back_to_the_voxels_that_they_came_from(tmp_path, codes):
    ct_path = save_turned(tmp_path / "scan.nii.gz", hu(), codes, TURNED)
    ct = read_ct(ct_path)
    positive = (ct.data > 0).astype(np.uint8)  # marks voxels by their attenuation, so that no turn goes unseen

    write_labels(positive, ct, tmp_path / "labels.nii.gz")

    np.testing.assert_array_equal(stored(tmp_path / "labels.nii.gz"), stored(ct_path) > 0)
    np.testing.assert_array_equal(nib.load(tmp_path / "labels.nii.gz").affine, nib.load(ct_path).affine)
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.nii.gz").data, positive)


def test_the_left_of_a_flipped_scan_stays_left(tmp_path):
    left_kidney = np.zeros(SHAPE, np.uint8)
    left_kidney[0, 3, 3] = 1  # x = 0 is the leftmost voxel in RAS+

    as_scanner = save_turned(tmp_path / "lps.nii.gz", left_kidney, "LPS")

    assert stored(as_scanner)[-1, -4, 3] == 1
    assert read_labels(as_scanner).data[0, 3, 3] == 1


# The grid


def test_spacing_and_voxel_volume_follow_from_the_affine():
    grid = Grid(SHAPE, TURNED)

    np.testing.assert_allclose(grid.spacing_mm, SPACING_MM)
    assert grid.voxel_ml == pytest.approx(1.5 * 2 * 4 / 1000)


def test_the_volume_of_a_slanted_voxel_is_less_than_the_product_of_its_edges():
    slanted = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])  # edges 1, 1.41 and 1 mm

    assert Grid(SHAPE, slanted).voxel_ml == pytest.approx(0.001)


def test_equal_grids_do_not_differ():
    assert Grid(SHAPE, affine()).differs_from(Grid(SHAPE, affine())) == ""


def test_another_shape_is_another_grid():
    assert Grid(SHAPE, affine()).differs_from(Grid((8, 7, 5), affine())) == "shape (8, 7, 6) is not (8, 7, 5)"


@pytest.mark.parametrize(("shift_mm", "expected"), [(0.014, ""), (0.016, "corners are up to 0.016 mm apart")])
def test_a_shift_of_a_hundredth_of_the_shortest_edge_is_the_most_that_passes(shift_mm, expected):
    shifted = affine(origin_mm=(ORIGIN_MM[0], ORIGIN_MM[1], ORIGIN_MM[2] + shift_mm))

    assert Grid(SHAPE, affine()).differs_from(Grid(SHAPE, shifted)) == expected


def test_a_spacing_that_adds_up_over_the_slices_is_another_grid():
    thicker = affine((1.5, 2.0, 4.001))  # 5 steps: 0.005 mm, 400 steps: 0.4 mm

    assert Grid((8, 7, 6), affine()).differs_from(Grid((8, 7, 6), thicker)) == ""
    assert "0.4 mm apart" in Grid((8, 7, 401), affine()).differs_from(Grid((8, 7, 401), thicker))


def test_a_mirrored_grid_is_another_grid():
    mirrored = affine() @ np.diag([-1, 1, 1, 1])

    assert "mm apart" in Grid(SHAPE, affine()).differs_from(Grid(SHAPE, mirrored))


# Label maps


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64"])
def test_labels_of_any_type_are_read_as_the_integers_they_are(tmp_path, dtype):
    volume = read_labels(save(tmp_path / "labels.nii.gz", labels().astype(dtype)))

    assert volume.data.dtype == np.uint8
    np.testing.assert_array_equal(volume.data, labels())


@pytest.mark.parametrize(("highest", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_labels_take_the_smallest_type_that_holds_them(tmp_path, highest, dtype):
    numbers = labels().astype(np.int32)
    numbers[4, 4, 4] = highest

    volume = read_labels(save(tmp_path / "labels.nii.gz", numbers))

    assert volume.data.dtype == dtype
    np.testing.assert_array_equal(volume.data, numbers)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.5, "labels must be whole numbers"),
        (-1, "labels must be between 0 and 65535, found -1.0 to 3.0"),
        (65536, "labels must be between 0 and 65535, found 0.0 to 65536.0"),
        (np.nan, "labels must be between 0 and 65535, found nan to nan"),
        (np.inf, "labels must be between 0 and 65535, found 0.0 to inf"),
    ],
)
def test_labels_that_are_no_labels_are_refused(tmp_path, value, words):
    numbers = labels().astype(np.float64)
    numbers[4, 4, 4] = value

    error = refusal(read_labels, save(tmp_path / "labels.nii.gz", numbers))

    assert (error.reason, error.detail) == ("bad_values", words)


def test_a_label_map_without_labels_is_a_label_map(tmp_path):
    volume = read_labels(save(tmp_path / "labels.nii.gz", np.zeros(SHAPE, np.uint8)))

    assert volume.data.max() == 0


@pytest.mark.parametrize("kind", [kind for kind, bad in BAD_CTS.items() if bad.reason != "bad_values"])
def test_a_label_map_is_refused_for_what_a_ct_is_refused_for(tmp_path, kind):
    bad = BAD_CTS[kind]

    error = refusal(read_labels, bad.save(tmp_path / f"scan{bad.suffix}"))

    assert error.reason == bad.reason


@pytest.mark.parametrize("highest", [255, 60000])
def test_the_same_labels_give_the_same_bytes_under_any_name(tmp_path, highest):
    like = read_ct(save(tmp_path / "scan.nii.gz", hu()))
    numbers = labels().astype(np.uint16 if highest > 255 else np.uint8)
    numbers[0, 0, 0] = highest

    write_labels(numbers, like, tmp_path / "one.nii.gz")
    write_labels(np.asfortranarray(numbers), like, tmp_path / "two" / "other.nii.gz")

    one = (tmp_path / "one.nii.gz").read_bytes()
    assert one == (tmp_path / "two" / "other.nii.gz").read_bytes()
    assert one[4:8] == bytes(4)  # the gzip header's time
    assert nib.load(tmp_path / "one.nii.gz").get_data_dtype() == numbers.dtype
    np.testing.assert_array_equal(stored(tmp_path / "one.nii.gz"), numbers)


def test_a_written_label_map_leaves_no_temporary_file(tmp_path):
    like = read_ct(save(tmp_path / "scan.nii.gz", hu()))

    write_labels(labels(), like, tmp_path / "masks" / "scan.nii.gz")

    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["scan.nii.gz"]


def test_programs_that_prefer_the_qform_see_the_same_grid(tmp_path):
    like = read_ct(save(tmp_path / "scan.nii.gz", hu(), TURNED))

    write_labels(labels(), like, tmp_path / "labels.nii.gz")

    header = nib.load(tmp_path / "labels.nii.gz").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)  # the quaternion is float32


# Checksums


def test_the_checksum_is_that_of_sha256sum(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")

    # SOURCE: FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_checksum_of_a_file_that_is_not_there_is_a_scan_error(tmp_path):
    error = refusal(sha256_of, tmp_path / "scan.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "scan.nii.gz does not exist")


def test_the_checksum_of_a_folder_is_a_scan_error(tmp_path):
    error = refusal(sha256_of, tmp_path)

    assert error.reason == "unreadable"
    assert str(tmp_path.parent) not in error.detail


def test_a_file_that_changes_by_one_byte_is_another_file(tmp_path):
    path = save(tmp_path / "scan.nii.gz", hu())
    other = shutil.copy(path, tmp_path / "other.nii.gz")
    before = sha256_of(path)

    damage(other, lambda content: content + b"\0")

    assert sha256_of(other) != before == sha256_of(path)
