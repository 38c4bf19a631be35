"""Tests of reading CT volumes and label maps: exact values, sides from the affine, and rejection with a reason."""

import gzip
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import CHUNK_VOXELS, LARGEST_HU, Grid, read_ct, read_grid, read_labels, sha256_of
from support.volumes import (
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
def test_an_invalid_ct_is_rejected_with_a_reason_and_without_its_folder(tmp_path, kind):
    bad = BAD_CTS[kind]
    folder = tmp_path / """smith  jane "o'hara" 1950-01-01"""
    folder.mkdir()

    error = refusal(read_ct, bad.save(folder / f"scan{bad.suffix}"))

    assert error.reason == bad.reason
    assert bad.words in error.detail
    assert "smith" not in error.detail
    assert "1950" not in error.detail
    assert len(error.detail.splitlines()) == 1


@pytest.mark.parametrize("change", [lambda content: content[:-9], lambda content: flip_byte(content, len(content) - 6)])
def test_the_checksum_after_the_last_voxel_of_a_large_file_is_verified(tmp_path, change):
    path = save(tmp_path / "scan.nii.gz", hu((160, 160, 160)))  # 8 MB, more than any intermediate buffer

    error = refusal(read_ct, damage(path, change))

    assert error.reason == "unreadable"


def test_a_file_with_data_after_its_voxels_is_verified_to_its_end(tmp_path):
    content = nib.Nifti1Image(hu(), affine()).to_bytes()
    path = write(tmp_path / "scan.nii.gz", content + hu((160, 160, 160)).tobytes())
    np.testing.assert_array_equal(read_ct(path).data, hu())

    error = refusal(read_ct, damage(path, lambda packed: flip_byte(packed, len(packed) - 6)))

    assert error.reason == "unreadable"


@pytest.mark.parametrize(("degrees", "accepted"), [(1.0, True), (-1.0, True), (1.3, False), (-1.3, False)])
def test_axes_can_deviate_from_a_right_angle_by_about_one_degree(tmp_path, degrees, accepted):
    where = affine()
    where[1, 2] = np.tan(np.deg2rad(degrees)) * SPACING_MM[2]
    path = save(tmp_path / "scan.nii.gz", hu(), where)

    if accepted:
        np.testing.assert_array_equal(read_ct(path).data, hu())
    else:
        assert refusal(read_ct, path).reason == "bad_geometry"


def test_a_missing_ct_is_reported(tmp_path):
    error = refusal(read_ct, tmp_path / "scan.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "scan.nii.gz does not exist")


def test_a_ct_path_below_a_file_is_reported_as_missing(tmp_path):
    error = refusal(read_ct, save(tmp_path / "scan.nii.gz", hu()) / "scan.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "scan.nii.gz does not exist")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [read_ct, read_grid, read_labels, sha256_of])
def test_a_named_pipe_is_rejected_without_waiting(tmp_path, read):
    os.mkfifo(tmp_path / "scan.nii.gz")

    error = refusal(read, tmp_path / "scan.nii.gz")

    assert (error.reason, error.detail) == ("unreadable", "scan.nii.gz is not a regular file")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [read_ct, sha256_of])
def test_an_endless_device_is_rejected(tmp_path, read):
    (tmp_path / "scan.nii").symlink_to("/dev/zero")

    assert refusal(read, tmp_path / "scan.nii").detail == "scan.nii is not a regular file"


ODD_PATHS = {
    "a folder": (lambda folder: folder / "scan.nii", "scan.nii: Is a directory"),
    "a name that is too long": (lambda folder: folder / f"{'n' * 300}.nii", f"{'n' * 300}.nii: File name too long"),
    "a link to itself": (lambda folder: folder / "loop.nii", "loop.nii: Too many levels of symbolic links"),
    "a name with a null byte": (lambda folder: folder / "a\0b.nii", "a\0b.nii: embedded null byte"),
}


@pytest.mark.parametrize("read", [read_ct, read_grid, sha256_of])
@pytest.mark.parametrize("kind", ODD_PATHS)
def test_a_path_that_cannot_be_opened_is_rejected_without_its_folder(tmp_path, kind, read):
    (tmp_path / "scan.nii").mkdir()
    (tmp_path / "loop.nii").symlink_to("loop.nii")
    at, words = ODD_PATHS[kind]

    error = refusal(read, at(tmp_path))

    assert (error.reason, error.detail) == ("unreadable", words)


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="requires /proc/self/mem")
@pytest.mark.parametrize("read", [read_ct, read_grid, sha256_of])
def test_a_disk_error_is_reported_without_the_folder(tmp_path, read):
    (tmp_path / "scan.nii").symlink_to("/proc/self/mem")  # the first page of a process is never mapped

    error = refusal(read, tmp_path / "scan.nii")

    assert (error.reason, error.detail) == ("not_read", "scan.nii: Input/output error")


# Changes of a file during reading


@contextmanager
def while_read(path, change):
    """Run `change` on a file as soon as this process has opened the file."""
    deadline = time.monotonic() + 20
    changed = []

    def is_open():
        return any(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())

    def wait():
        while not is_open() and time.monotonic() < deadline:
            time.sleep(0.0005)
        changed.append(is_open())
        change(path)

    waiting = threading.Thread(target=wait)
    waiting.start()
    yield
    waiting.join()
    assert changed == [True]


@pytest.fixture
def long_to_read(tmp_path):
    """A sparse CT of 256 MB, which can be changed during the time that reading requires."""
    path = save(tmp_path / "scan.nii", hu(), affine((1, 1, 1)), dim=[3, 512, 512, 512, 1, 1, 1, 1]).resolve()
    os.truncate(path, 352 + (256 << 20))
    return path


on_linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="requires /proc/self/fd")


@on_linux
def test_a_file_truncated_during_reading_is_rejected(long_to_read):
    with while_read(long_to_read, lambda path: os.truncate(path, 10_000)):
        error = refusal(read_ct, long_to_read)

    assert error.reason == "unreadable"
    assert error.detail in (
        "scan.nii is truncated: it ends before its 268435456 bytes of voxels",
        "scan.nii is truncated: too short for its 268435456 bytes of voxels",
        "scan.nii changed during reading",
    )


@on_linux
def test_a_file_overwritten_during_reading_is_rejected(long_to_read):
    def overwrite(path):
        with path.open("r+b") as file:
            file.seek(400)
            file.write(b"other voxels")

    with while_read(long_to_read, overwrite):
        error = refusal(read_ct, long_to_read)

    assert (error.reason, error.detail) == ("unreadable", "scan.nii changed during reading")


@on_linux
def test_a_file_removed_during_reading_is_read_completely(long_to_read):
    with while_read(long_to_read, Path.unlink):
        volume = read_ct(long_to_read)

    np.testing.assert_array_equal(volume.data[:8, 0, 0].astype(int), hu().ravel(order="F")[:8])
    assert refusal(read_ct, long_to_read).reason == "missing_file"


def test_a_scan_that_exceeds_the_memory_is_reported(long_to_read):
    limited = """
import resource, sys
from pathlib import Path
from ctpop.foundation.errors import ScanError
from ctpop.imaging.images import read_ct, read_labels
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
for read in (read_ct, read_labels):
    try:
        read(Path(sys.argv[1]))
    except ScanError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", limited, long_to_read], capture_output=True, text=True, check=True)

    assert done.stdout == "out_of_memory: scan.nii exceeds the available memory\n" * 2


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_values_and_data_type_are_those_of_the_file(tmp_path, dtype, suffix):
    values = (hu() % 100).astype(dtype)

    volume = read_ct(save(tmp_path / f"scan{suffix}", values))

    assert volume.data.dtype == dtype
    np.testing.assert_array_equal(volume.data, values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fractional_values_are_kept(tmp_path, dtype):
    values = hu().astype(dtype) + np.array(0.1, dtype)

    volume = read_ct(save(tmp_path / "scan.nii.gz", values))

    np.testing.assert_array_equal(volume.data, values)


def test_slope_and_intercept_are_applied(tmp_path):
    path = save(tmp_path / "scan.nii.gz", (hu() + 1024).astype(np.uint16), scl_slope=1, scl_inter=-1024)

    volume = read_ct(path)

    assert volume.data.dtype == np.float32
    np.testing.assert_array_equal(volume.data, hu())


def test_a_slope_other_than_1_scales_all_voxels(tmp_path):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu(), scl_slope=0.5, scl_inter=3))

    np.testing.assert_array_equal(volume.data, hu() / 2 + 3)


def test_a_volume_scaled_in_chunks_is_scaled_completely(tmp_path):
    shape = (200, 150, 150)
    assert np.prod(shape) > CHUNK_VOXELS

    volume = read_ct(save(tmp_path / "scan.nii", hu(shape), scl_slope=0.5, scl_inter=3))

    np.testing.assert_array_equal(volume.data, hu(shape) / 2 + 3)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_a_slope_of_0_or_nan_is_ignored(tmp_path, slope):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu(), scl_slope=slope, scl_inter=5))

    np.testing.assert_array_equal(volume.data, hu())


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("sign", [-1, 1])
def test_values_beyond_16_bits_do_not_overflow_and_larger_values_are_rejected(tmp_path, dtype, sign):
    values = hu().astype(dtype)
    values[1, 2, 3] = sign * LARGEST_HU

    assert read_ct(save(tmp_path / "scan.nii.gz", values)).data[1, 2, 3] == sign * 65536
    values[1, 2, 3] = sign * (LARGEST_HU + 1)
    assert refusal(read_ct, save(tmp_path / "scan.nii.gz", values)).reason == "bad_values"


@pytest.mark.parametrize(("dtype", "value"), [(np.int16, -32768), (np.int16, 32767), (np.uint16, 65535)])
def test_all_16_bit_values_are_kept(tmp_path, dtype, value):
    values = (hu() + 1000).astype(dtype)
    values[1, 2, 3] = value

    np.testing.assert_array_equal(read_ct(save(tmp_path / "scan.nii.gz", values)).data, values)


def test_a_big_endian_file_is_read_in_native_byte_order(tmp_path):
    big = nib.Nifti1Image(hu(), affine(), nib.Nifti1Header(endianness=">"), dtype=np.int16)
    nib.save(big, tmp_path / "scan.nii.gz")

    volume = read_ct(tmp_path / "scan.nii.gz")

    assert gzip.decompress((tmp_path / "scan.nii.gz").read_bytes())[:4] == (348).to_bytes(4, "big")
    assert volume.data.dtype == np.dtype("int16")
    np.testing.assert_array_equal(volume.data, hu())


def test_a_nifti_2_file_is_read(tmp_path):
    nib.save(nib.Nifti2Image(hu(), affine()), tmp_path / "scan.nii.gz")

    np.testing.assert_array_equal(read_ct(tmp_path / "scan.nii.gz").data, hu())


def test_the_header_specifies_the_position_of_the_voxels(tmp_path):
    image = nib.Nifti1Image(hu(), affine())
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a remark of 1000 bytes" * 50))
    path = write(tmp_path / "scan.nii.gz", image.to_bytes())

    assert nib.load(path).dataobj.offset > 1000
    np.testing.assert_array_equal(read_ct(path).data, hu())


@pytest.mark.parametrize("size", [0, 8, 24, 2**31 - 1, -1])
def test_an_invalid_extension_is_ignored(tmp_path, size):
    image = nib.Nifti1Image(hu(), affine())
    image.header.extensions.append(nib.nifti1.Nifti1Extension(2, b"not DICOM"))
    content = bytearray(image.to_bytes())
    content[352:356] = size.to_bytes(4, "little", signed=True)

    np.testing.assert_array_equal(read_ct(write(tmp_path / "scan.nii.gz", bytes(content))).data, hu())


@pytest.mark.parametrize("side", [1, -1])
def test_a_missing_side_of_the_qform_is_1_as_in_the_standard(tmp_path, side):
    image = nib.Nifti1Image(hu(), None)
    image.set_sform(None, 0)
    image.set_qform(affine() @ np.diag([1, 1, side, 1]), 1)
    given = read_grid(write(tmp_path / "given.nii.gz", image.to_bytes()))
    missing = read_grid(write(tmp_path / "missing.nii.gz", image.to_bytes(), pixdim=[0, *SPACING_MM, 0, 0, 0, 0]))

    assert (given.differs_from(missing) == "") == (side == 1)


def test_a_gzip_file_of_several_members_is_read_to_its_end(tmp_path):
    content = nib.Nifti1Image(hu(LARGE), affine()).to_bytes()
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(content[:9000]) + gzip.compress(content[9000:]))

    np.testing.assert_array_equal(read_ct(path).data, hu(LARGE))


def test_an_uppercase_file_extension_is_accepted(tmp_path):
    path = save(tmp_path / "scan.nii.gz", hu()).rename(tmp_path / "SCAN.NII.GZ")

    np.testing.assert_array_equal(read_ct(path).data, hu())


@pytest.mark.parametrize(("units", "unit"), [(1, "meters"), (1 | 8, "meters"), (3, "micrometers")])
def test_a_spacing_not_in_mm_is_rejected_with_the_unit_in_the_header(tmp_path, units, unit):
    scale = 0.001 if unit == "meters" else 1000
    path = save(tmp_path / "ct.nii.gz", hu(), np.diag([scale, scale, scale, 1]), xyzt_units=units)

    with pytest.raises(ScanError, match=f"the header specifies {unit}: store spacing and affine in mm"):
        read_ct(path)


@pytest.mark.parametrize("units", [0, 1, 2, 3])
def test_a_plausible_spacing_is_in_mm_regardless_of_the_unit_in_the_header(tmp_path, units):
    assert read_ct(save(tmp_path / "ct.nii.gz", hu(), xyzt_units=units)).grid.spacing_mm.tolist() == [1.5, 2.0, 4.0]


@pytest.mark.parametrize("edges", [(1, 1, 1), (0, 0, 0), (-1.5, 2, 4), (np.nan, 2, 4), (1.501, 2, 4)])
def test_unset_or_equal_voxel_edges_are_accepted(tmp_path, edges):
    path = save(tmp_path / "ct.nii.gz", hu(), pixdim=[1, *edges, 0, 0, 0, 0])

    assert read_ct(path).grid.spacing_mm.tolist() == [1.5, 2.0, 4.0]


@pytest.mark.parametrize("edges", [(1, 1, 5), (0.7, 0.7, 4.99), (0.706, 0.695, 5.04), (1, 0.7, 1)])
def test_voxel_edges_can_differ_by_one_percent(tmp_path, edges):
    path = save(tmp_path / "ct.nii.gz", hu(), affine((0.7, 0.7, 5)), pixdim=[1, *edges, 0, 0, 0, 0])

    assert read_ct(path).grid.spacing_mm == pytest.approx([0.7, 0.7, 5])


@pytest.mark.parametrize("edges", [(0.71, 0.7, 5), (1, 1, 5.06), (1, 0.8, 1), (0.7, 0.7, 4.94), (1, 1, np.inf)])
def test_voxel_edges_that_differ_by_more_are_rejected(tmp_path, edges):
    path = save(tmp_path / "ct.nii.gz", hu(), affine((0.7, 0.7, 5)), pixdim=[1, *edges, 0, 0, 0, 0])

    with pytest.raises(ScanError, match="pixdim and sform specify different voxel sizes"):
        read_ct(path)


@pytest.mark.parametrize(("thickness", "agrees"), [(4.99, True), (5.04, True), (5.06, False), (1.0, False)])
def test_qform_and_sform_can_differ_by_one_percent(tmp_path, thickness, agrees):
    image = nib.Nifti1Image(hu(), affine((0.7, 0.7, 5)))
    image.set_qform(affine((0.7, 0.7, thickness)), code=1)
    image.set_sform(affine((0.7, 0.7, 5)), code=1)
    image.to_filename(tmp_path / "ct.nii.gz")

    if agrees:
        assert read_ct(tmp_path / "ct.nii.gz").grid.spacing_mm == pytest.approx([0.7, 0.7, 5])
        return
    with pytest.raises(ScanError, match="qform and sform specify different voxel sizes"):
        read_ct(tmp_path / "ct.nii.gz")


def test_a_file_with_one_time_point_is_a_volume(tmp_path):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu()[..., None]))

    np.testing.assert_array_equal(volume.data, hu())


def test_a_single_slice_is_a_volume(tmp_path):
    volume = read_ct(save(tmp_path / "scan.nii.gz", hu()[:, :, :1]))

    np.testing.assert_array_equal(volume.data, hu()[:, :, :1])


def test_a_small_difference_between_qform_and_sform_is_accepted(tmp_path):
    image = nib.Nifti1Image(hu(), TURNED)
    image.set_sform(TURNED, 1)
    image.set_qform(affine(turned_degrees=(12, -18, 31)), 2)
    nib.save(image, tmp_path / "scan.nii.gz")

    grid = read_grid(tmp_path / "scan.nii.gz")

    np.testing.assert_allclose(grid.affine, TURNED, atol=1e-5)  # float32 in the header


def test_a_qform_without_an_sform_determines_the_grid(tmp_path):
    image = nib.Nifti1Image(hu(), None)
    image.set_sform(None, 0)
    image.set_qform(TURNED, 1)
    nib.save(image, tmp_path / "scan.nii.gz")

    np.testing.assert_allclose(read_ct(tmp_path / "scan.nii.gz").grid.affine, TURNED, atol=1e-5)


# Orientation


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_volume_is_read_in_ras_regardless_of_the_storage_order(tmp_path, codes):
    path = save_turned(tmp_path / "scan.nii.gz", hu(), codes)

    volume = read_ct(path)

    assert "".join(nib.aff2axcodes(nib.load(path).affine)) == codes
    np.testing.assert_array_equal(volume.data, hu())
    assert volume.grid.shape == SHAPE == read_grid(path).shape
    np.testing.assert_array_equal(volume.grid.affine, affine())
    np.testing.assert_array_equal(read_grid(path).affine, affine())


def test_the_left_side_of_a_flipped_scan_remains_left(tmp_path):
    left_kidney = np.zeros(SHAPE, np.uint8)
    left_kidney[0, 3, 3] = 1  # x = 0 is the leftmost voxel in RAS+

    as_scanner = save_turned(tmp_path / "lps.nii.gz", left_kidney, "LPS")

    assert stored(as_scanner)[-1, -4, 3] == 1
    assert read_labels(as_scanner).data[0, 3, 3] == 1


# The grid


def test_spacing_and_voxel_volume_are_computed_from_the_affine():
    grid = Grid(SHAPE, TURNED)

    np.testing.assert_allclose(grid.spacing_mm, SPACING_MM)
    assert grid.voxel_ml == pytest.approx(1.5 * 2 * 4 / 1000)


def test_the_volume_of_an_oblique_voxel_is_the_determinant():
    slanted = np.array([[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])  # edges 1, 1.41 and 1 mm

    assert Grid(SHAPE, slanted).voxel_ml == pytest.approx(0.001)


def test_equal_grids_do_not_differ():
    assert Grid(SHAPE, affine()).differs_from(Grid(SHAPE, affine())) == ""


def test_a_different_shape_is_a_different_grid():
    assert Grid(SHAPE, affine()).differs_from(Grid((8, 7, 5), affine())) == "shape (8, 7, 6) is not (8, 7, 5)"


@pytest.mark.parametrize(("shift_mm", "expected"), [(0.014, ""), (0.016, "corners are up to 0.016 mm apart")])
def test_grids_can_be_shifted_by_one_percent_of_the_shortest_edge(shift_mm, expected):
    shifted = affine(origin_mm=(ORIGIN_MM[0], ORIGIN_MM[1], ORIGIN_MM[2] + shift_mm))

    assert Grid(SHAPE, affine()).differs_from(Grid(SHAPE, shifted)) == expected


def test_a_difference_in_spacing_is_summed_over_the_slices():
    thicker = affine((1.5, 2.0, 4.001))  # 5 steps: 0.005 mm, 400 steps: 0.4 mm

    assert Grid((8, 7, 6), affine()).differs_from(Grid((8, 7, 6), thicker)) == ""
    assert "0.4 mm apart" in Grid((8, 7, 401), affine()).differs_from(Grid((8, 7, 401), thicker))


def test_a_mirrored_grid_is_a_different_grid():
    mirrored = affine() @ np.diag([-1, 1, 1, 1])

    assert "mm apart" in Grid(SHAPE, affine()).differs_from(Grid(SHAPE, mirrored))


# Label maps


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64"])
def test_labels_of_any_data_type_are_read_as_integers(tmp_path, dtype):
    volume = read_labels(save(tmp_path / "labels.nii.gz", labels().astype(dtype)))

    assert volume.data.dtype == np.uint8
    np.testing.assert_array_equal(volume.data, labels())


@pytest.mark.parametrize(("highest", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_labels_have_the_smallest_sufficient_data_type(tmp_path, highest, dtype):
    numbers = labels().astype(np.int32)
    numbers[4, 4, 4] = highest

    volume = read_labels(save(tmp_path / "labels.nii.gz", numbers))

    assert volume.data.dtype == dtype
    np.testing.assert_array_equal(volume.data, numbers)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.5, "labels must be whole numbers; number of other values: 1, such as 1.5"),
        (-1, "labels must be between 0 and 65535, found -1.0 to 3.0"),
        (65536, "labels must be between 0 and 65535, found 0.0 to 65536.0"),
        (np.nan, "labels must be between 0 and 65535, found nan to nan"),
        (np.inf, "labels must be between 0 and 65535, found 0.0 to inf"),
    ],
)
def test_invalid_labels_are_rejected(tmp_path, value, words):
    numbers = labels().astype(np.float64)
    numbers[4, 4, 4] = value

    error = refusal(read_labels, save(tmp_path / "labels.nii.gz", numbers))

    assert (error.reason, error.detail) == ("bad_values", words)


def test_an_empty_label_map_is_valid(tmp_path):
    volume = read_labels(save(tmp_path / "labels.nii.gz", np.zeros(SHAPE, np.uint8)))

    assert volume.data.max() == 0


@pytest.mark.parametrize("kind", [kind for kind, bad in BAD_CTS.items() if bad.reason != "bad_values"])
def test_invalid_label_maps_are_rejected_for_the_same_reasons_as_cts(tmp_path, kind):
    bad = BAD_CTS[kind]

    error = refusal(read_labels, bad.save(tmp_path / f"scan{bad.suffix}"))

    assert error.reason == bad.reason


# Checksums


def test_the_checksum_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")

    # SOURCE: FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_checksum_of_a_missing_file_is_a_scan_error(tmp_path):
    error = refusal(sha256_of, tmp_path / "scan.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "scan.nii.gz does not exist")


def test_the_checksum_of_a_folder_is_a_scan_error(tmp_path):
    error = refusal(sha256_of, tmp_path)

    assert (error.reason, error.detail) == ("unreadable", f"{tmp_path.name}: Is a directory")


def test_a_changed_byte_changes_the_checksum(tmp_path):
    path = save(tmp_path / "scan.nii.gz", hu())
    other = shutil.copy(path, tmp_path / "other.nii.gz")
    before = sha256_of(path)

    damage(other, lambda content: content + b"\0")

    assert sha256_of(other) != before == sha256_of(path)
