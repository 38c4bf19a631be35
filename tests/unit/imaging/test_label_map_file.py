"""Tests of writing label maps: stored grid of the CT, label names, and reproducible bytes."""

import hashlib
import platform
import zlib
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pytest

from ctpop.imaging.images import read_ct, read_labels
from ctpop.imaging.label_map_file import label_table, write_labels
from support.volumes import ORIENTATIONS, affine, hu, labels, save, save_turned

NAMES = {"spleen": 1, "kidney_left": 2, "liver": 3}
TURNED = affine(turned_degrees=(10, -20, 30))


@pytest.fixture
def like(tmp_path):
    return read_ct(save(tmp_path / "scan.nii.gz", hu()))


def stored(path):
    return np.asarray(nib.load(path).dataobj)


def names_in(path):
    """Return the number and name of each label from the first extension, which TotalSegmentator reads."""
    content = nib.load(path).header.extensions[0].get_content()
    table = ElementTree.fromstring(content).find("VolumeInformation/LabelTable")
    return {int(label.get("Key")): label.text for label in table.iter("Label")}


# Voxels and grid


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_labels_are_stored_in_the_voxel_order_of_the_ct(tmp_path, codes):
    ct_path = save_turned(tmp_path / "scan.nii.gz", hu(), codes, TURNED)
    ct = read_ct(ct_path)
    positive = (ct.data > 0).astype(np.uint8)  # depends on attenuation, so any change of orientation is detected

    write_labels(positive, ct, tmp_path / "labels.nii.gz", NAMES)

    np.testing.assert_array_equal(stored(tmp_path / "labels.nii.gz"), stored(ct_path) > 0)
    np.testing.assert_array_equal(nib.load(tmp_path / "labels.nii.gz").affine, nib.load(ct_path).affine)
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.nii.gz").data, positive)


def test_qform_and_sform_specify_the_same_grid(tmp_path):
    like = read_ct(save(tmp_path / "scan.nii.gz", hu(), TURNED))

    write_labels(labels(), like, tmp_path / "labels.nii.gz", NAMES)

    header = nib.load(tmp_path / "labels.nii.gz").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 1)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)  # the quaternion is float32
    np.testing.assert_allclose(header.get_zooms(), (1.5, 2.0, 4.0), rtol=1e-6)
    assert header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(("highest", "dtype"), [(255, np.uint8), (60000, np.uint16)])
def test_labels_are_stored_with_their_data_type(tmp_path, like, highest, dtype):
    numbers = labels().astype(dtype)
    numbers[0, 0, 0] = highest

    write_labels(numbers, like, tmp_path / "labels.nii.gz", NAMES)

    assert nib.load(tmp_path / "labels.nii.gz").get_data_dtype() == dtype
    np.testing.assert_array_equal(stored(tmp_path / "labels.nii.gz"), numbers)


def test_a_large_map_is_stored_completely(tmp_path):
    shape = (130, 120, 110)
    like = read_ct(save(tmp_path / "scan.nii.gz", hu(shape)))

    write_labels(labels(shape, 104), like, tmp_path / "labels.nii.gz", NAMES)

    np.testing.assert_array_equal(stored(tmp_path / "labels.nii.gz"), labels(shape, 104))


def test_a_written_label_map_leaves_no_temporary_file(tmp_path, like):
    write_labels(labels(), like, tmp_path / "masks" / "scan.nii.gz", NAMES)

    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["scan.nii.gz"]


# Names


def test_names_are_stored_as_in_files_of_totalsegmentator(tmp_path, like):
    write_labels(labels(), like, tmp_path / "labels.nii.gz", NAMES)

    assert names_in(tmp_path / "labels.nii.gz") == {1: "spleen", 2: "kidney_left", 3: "liver"}


def test_names_are_stored_in_the_extension_of_caret_and_workbench(tmp_path, like):
    write_labels(labels(), like, tmp_path / "labels.nii.gz", NAMES)

    [table] = [found for found in nib.load(tmp_path / "labels.nii.gz").header.extensions if found.get_code() == 30]
    assert table.content == label_table(NAMES)


def test_special_characters_in_names_are_escaped(tmp_path, like):
    names = {"a<b>&c": 1, 'quoted "name"': 2, "]]>": 3, "Größe": 4}

    write_labels(labels(), like, tmp_path / "labels.nii.gz", names)

    assert names_in(tmp_path / "labels.nii.gz") == {number: name for name, number in names.items()}


def test_a_map_without_names_has_an_empty_table(tmp_path, like):
    write_labels(labels(), like, tmp_path / "labels.nii.gz", {})

    assert names_in(tmp_path / "labels.nii.gz") == {}
    np.testing.assert_array_equal(stored(tmp_path / "labels.nii.gz"), labels())


@pytest.mark.parametrize("length", range(16))
def test_the_label_table_is_padded_without_zeros(length):
    table = label_table({"x" * length: 1})

    assert (len(table) + 8) % 16 == 0
    assert b"\0" not in table
    assert ElementTree.fromstring(table).find("VolumeInformation/VolumeType").text == "Label"


def test_117_labels_have_distinct_colors_that_depend_only_on_the_number():
    def colors(names):
        table = ElementTree.fromstring(label_table(names))
        return {
            int(label.get("Key")): [float(label.get(c)) for c in ("Red", "Green", "Blue")]
            for label in table.iter("Label")
        }

    found = colors({f"part_{number}": number for number in range(1, 118)})

    assert len({tuple(color) for color in found.values()}) == 117
    assert all(0 <= part <= 1 for color in found.values() for part in color)
    assert all(max(abs(a - b) for a, b in zip(found[k], found[k + 1], strict=True)) > 0.2 for k in range(1, 117))
    assert colors({"other": 7}) == {7: found[7]}


# Bytes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_equal_labels_result_in_equal_bytes(tmp_path, like, dtype):
    numbers = labels().astype(dtype)

    write_labels(numbers, like, tmp_path / "one.nii.gz", NAMES)
    write_labels(np.asfortranarray(numbers), like, tmp_path / "two" / "other.nii.gz", dict(reversed(NAMES.items())))

    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two" / "other.nii.gz").read_bytes()


def test_the_stream_is_one_gzip_member_without_time_or_name(tmp_path, like):
    write_labels(labels(), like, tmp_path / "labels.nii.gz", NAMES)

    content = (tmp_path / "labels.nii.gz").read_bytes()
    unpacking = zlib.decompressobj(31)
    assert len(unpacking.decompress(content)) == len(nib.load(tmp_path / "labels.nii.gz").header.binaryblock) + 4 + (
        2 * (8 + len(label_table(NAMES))) + labels().size
    )
    assert (unpacking.eof, unpacking.unused_data) == (True, b"")
    assert content[:4] == b"\x1f\x8b\x08\x00"  # deflate, no flags and thus no name
    assert content[4:8] == bytes(4)  # no time


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the bytes were compared only on x86-64")
def test_the_bytes_do_not_depend_on_the_processor(tmp_path):
    """Detect a version of libdeflate with different output or output that depends on the processor."""
    shape = (96, 80, 64)
    blocks = np.kron(np.arange(60).reshape(4, 5, 3) % 7 * 11, np.ones((24, 16, 22), np.uint8))[:, :, :64]
    numbers = np.where(labels(shape, 30, seed=3) == 0, labels(shape, 104), blocks).astype(np.uint8)
    like = read_ct(save(tmp_path / "scan.nii.gz", hu(shape)))

    write_labels(numbers, like, tmp_path / "labels.nii.gz", NAMES)

    # SOURCE: identical on a processor with AVX-512 and with qemu-x86_64 -cpu qemu64 and Haswell
    digest = hashlib.sha256((tmp_path / "labels.nii.gz").read_bytes()).hexdigest()
    assert digest == "75739f5949ae660f0c0c937b08f4e12e33a74b71da18752560f32f25b15b2cdd"
