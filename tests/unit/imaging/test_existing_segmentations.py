"""Tests of existing segmentations: they are used unchanged, on the grid of their CT, or rejected."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ctpop.foundation.errors import ScanError
from ctpop.imaging.existing_segmentations import checksum, labels_in, mask_files, read_segmentation
from ctpop.imaging.images import Grid, Volume
from ctpop.imaging.label_map_file import write_labels
from ctpop.imaging.structure_names import names_in_set
from ctpop.study import label_sets
from support.volumes import (
    BAD_CTS,
    SHAPE,
    affine,
    damage,
    flip_byte,
    hu,
    label_set,
    labels,
    save,
    save_masks,
    save_turned,
)

ORGANS = label_set("spleen", "kidney_left", "liver")


def block(*corners):
    """Return a mask that is true between two voxels, inclusive."""
    mask = np.zeros(SHAPE, bool)
    (a, b, c), (d, e, f) = corners
    mask[a : d + 1, b : e + 1, c : f + 1] = True
    return mask


SPLEEN = block((1, 1, 1), (2, 2, 2))
KIDNEY = block((4, 4, 4), (5, 5, 5))
LIVER = block((2, 2, 2), (6, 2, 2))  # shares voxel (2, 2, 2) with the spleen


def refusal(path, ct_path=None, organs=ORGANS):
    with pytest.raises(ScanError) as refused:
        read_segmentation(path, organs, ct_path)
    return refused.value


# One label map


def test_a_label_map_is_read_with_the_numbers_of_the_label_set(tmp_path):
    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels()), ORGANS, None)

    np.testing.assert_array_equal(found.volume.data, labels())
    assert found.labels == {"spleen": 1, "kidney_left": 2, "liver": 3}
    assert found.detail is None


def test_structures_without_voxels_remain_in_the_labels(tmp_path):
    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels(highest=1)), ORGANS, None)

    assert found.labels == {"spleen": 1, "kidney_left": 2, "liver": 3}


def test_a_label_outside_the_label_set_is_rejected(tmp_path):
    numbers = labels(highest=9)
    numbers[numbers == 8] = 0

    error = refusal(save(tmp_path / "labels.nii.gz", numbers))

    assert error.reason == "unknown_labels"
    assert error.detail == "labels.nii.gz has labels that are not in label set made_up: 4, 5, 6, 7, 9"


def test_a_mask_of_one_structure_instead_of_a_label_map_is_rejected(tmp_path):
    path = save(tmp_path / "mask.nii.gz", labels(highest=1))

    error = refusal(path, organs=label_sets.read("total_117"))

    assert error.reason == "unknown_labels"
    assert "in label set total_117, label 1 is spleen. Set segmentation_path to a folder" in error.detail


@pytest.mark.parametrize("name", ["demo", "paper_104", "total_117", "a part"])
def test_a_mask_of_one_structure_is_rejected_for_label_sets_of_the_package(tmp_path, name):
    path = save(tmp_path / "mask.nii.gz", labels(highest=1))
    total = label_sets.read("total_117")
    organs = label_sets.LabelSet("mine", total.table.head(12)) if name == "a part" else label_sets.read(name)

    assert "contains only label 1 and no names" in refusal(path, organs=organs).detail


@pytest.mark.parametrize("first", ["brain", "body", "liver"])
def test_a_custom_label_set_allows_a_map_with_only_the_first_structure(tmp_path, first):
    organs = label_set(first, *(f"lesion_{letter}" for letter in "abcdefghijkl"))

    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels(highest=1)), organs, None)

    assert found.labels == organs.label_of
    assert found.volume.data.max() == 1


def test_a_label_map_with_few_structures_or_several_labels_is_accepted(tmp_path):
    total = label_sets.read("total_117")

    assert read_segmentation(save(tmp_path / "1.nii.gz", labels(highest=1)), ORGANS, None).labels == ORGANS.label_of
    assert read_segmentation(save(tmp_path / "2.nii.gz", labels(highest=2)), total, None).labels == total.label_of
    assert read_segmentation(save(tmp_path / "5.nii.gz", labels(highest=1) * 5), total, None).labels == total.label_of


def test_storage_order_does_not_affect_the_comparison_of_grids(tmp_path):
    ct = save_turned(tmp_path / "ct.nii.gz", hu(), "LPS")
    path = save_turned(tmp_path / "labels.nii.gz", labels(), "PIR")

    np.testing.assert_array_equal(read_segmentation(path, ORGANS, ct).volume.data, labels())


@pytest.mark.parametrize(
    ("shape", "where", "difference"),
    [
        ((8, 7, 5), affine(), "shape (8, 7, 6) is not (8, 7, 5)"),
        (SHAPE, affine(origin_mm=(-30, -20, 104)), "corners are up to 4 mm apart"),
        (SHAPE, affine((1.5, 2.0, 5.0)), "corners are up to 5 mm apart"),
        (SHAPE, affine(turned_degrees=(0, 0, 10)), "mm apart"),
    ],
)
def test_a_label_map_with_a_different_grid_is_rejected(tmp_path, shape, where, difference):
    ct = save(tmp_path / "ct.nii.gz", hu(shape), where)

    error = refusal(save(tmp_path / "labels.nii.gz", labels()), ct)

    assert error.reason == "grid_mismatch"
    assert error.detail.startswith("the segmentation and the CT have different grids: ")
    assert difference in error.detail


def test_a_ct_without_orientation_is_rejected(tmp_path):
    ct = save(tmp_path / "ct.nii.gz", hu(), sform_code=0)

    assert refusal(save(tmp_path / "labels.nii.gz", labels()), ct).reason == "bad_geometry"


def test_a_missing_segmentation_is_reported(tmp_path):
    error = refusal(tmp_path / "labels.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "labels.nii.gz does not exist")


def test_an_invalid_path_is_rejected():
    too_long = Path(f"{'n' * 300}.nii.gz")

    error = refusal(too_long)

    assert (error.reason, error.detail) == ("unreadable", f"{too_long}: File name too long")
    with pytest.raises(ScanError, match="File name too long"):
        checksum(too_long)


def test_labels_that_are_not_whole_numbers_are_rejected(tmp_path):
    assert refusal(save(tmp_path / "labels.nii.gz", labels() * np.float32(0.5))).reason == "bad_values"


def test_a_damaged_label_map_is_rejected(tmp_path):
    bad = BAD_CTS["a gzip file cut at half its length"]

    assert refusal(bad.save(tmp_path / "scan.nii.gz")).reason == "unreadable"


@pytest.mark.parametrize(("dtype", "order"), [(np.uint8, "F"), (np.uint16, "C")])
def test_labels_are_listed_once_in_ascending_order(dtype, order):
    image = np.zeros(SHAPE, dtype, order=order)
    image[0, 0, 0], image[3, 4, 5], image[7, 6, 5] = np.iinfo(dtype).max, 7, 7

    assert labels_in(image[:, ::-1]).tolist() == [0, 7, np.iinfo(dtype).max]
    assert labels_in(np.ones(SHAPE, dtype)).tolist() == [1]


# A folder of masks


def test_masks_are_merged_into_a_label_map(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "kidney_left": KIDNEY})

    found = read_segmentation(folder, ORGANS, None)

    np.testing.assert_array_equal(found.volume.data, 1 * SPLEEN + 2 * KIDNEY)
    assert found.detail is None


def test_a_structure_without_a_file_is_omitted_and_an_empty_mask_is_kept(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "liver": np.zeros(SHAPE, bool)})

    assert read_segmentation(folder, ORGANS, None).labels == {"spleen": 1, "liver": 3}


def test_a_voxel_in_two_masks_receives_the_highest_label_and_is_reported(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER, "spleen": SPLEEN})

    found = read_segmentation(folder, ORGANS, None)

    assert found.volume.data[2, 2, 2] == 3
    assert np.count_nonzero(found.volume.data == 1) == 7
    assert found.detail == "voxels in more than one mask, which received the highest label: 1"


def test_shared_voxels_are_counted_for_each_mask(tmp_path):
    masks = {"spleen": SPLEEN, "liver": LIVER, "kidney_left": block((2, 2, 2), (3, 2, 2))}
    folder = save_masks(tmp_path / "masks", masks)

    found = read_segmentation(folder, ORGANS, None)

    # (2, 2, 2) is in all three masks, (3, 2, 2) in those of kidney and liver
    assert found.shared == {"spleen": 1, "kidney_left": 2, "liver": 2}
    assert found.detail.startswith("voxels in more than one mask, which received the highest label: 2")


@pytest.mark.parametrize("seed", range(5))
def test_shared_voxels_match_an_independent_count(tmp_path, seed):
    random = np.random.default_rng(seed)
    organs = label_set(*"abcdef")
    masks = {name: random.random(SHAPE) < 0.2 for name in "abcdef"}
    together = sum(mask.astype(int) for mask in masks.values())

    found = read_segmentation(save_masks(tmp_path / "masks", masks), organs, None)

    assert found.shared == {name: np.count_nonzero(mask & (together > 1)) for name, mask in masks.items()}
    n_shared = np.count_nonzero(together > 1)
    assert found.detail.startswith(f"voxels in more than one mask, which received the highest label: {n_shared}")


def test_a_structure_mostly_in_masks_of_higher_labels_is_omitted(tmp_path):
    masks = {"spleen": block((2, 2, 2), (4, 2, 2)), "kidney_left": block((2, 2, 2), (3, 2, 2)), "liver": LIVER}
    folder = save_masks(tmp_path / "masks", masks)

    found = read_segmentation(folder, ORGANS, None)

    assert found.labels == {"liver": 3}
    assert found.covered == {
        "spleen": "3 of 3 voxels of the mask are also in masks of higher labels, which have priority",
        "kidney_left": "2 of 2 voxels of the mask are also in masks of higher labels, which have priority",
    }
    assert "structures with most of their voxels in masks of higher labels: 2 (first: spleen)" in found.detail
    assert set(np.unique(found.volume.data)) == {0, 3}


def test_a_structure_with_half_of_its_mask_in_other_masks_keeps_the_other_half(tmp_path):
    masks = {"spleen": block((1, 2, 2), (4, 2, 2)), "liver": block((3, 2, 2), (6, 2, 2))}
    more = {**masks, "spleen": block((2, 2, 2), (4, 2, 2))}

    half = read_segmentation(save_masks(tmp_path / "half", masks), ORGANS, None)
    most = read_segmentation(save_masks(tmp_path / "most", more), ORGANS, None)

    assert (half.covered, np.count_nonzero(half.volume.data == 1)) == ({}, 2)
    assert (list(most.covered), np.count_nonzero(most.volume.data == 1)) == (["spleen"], 0)


@pytest.mark.parametrize("name", ["liver.nrrd", "liver.NRRD", "liver.nii.gz.part", "liver.img"])
def test_images_that_are_not_read_are_reported(tmp_path, name):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN})
    (folder / name).touch()

    assert (
        read_segmentation(folder, ORGANS, None).detail
        == "images that are incomplete or not in NIfTI format and are not read: 1"
    )


def test_counts_of_shared_voxels_are_available_only_for_masks(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "kidney_left": KIDNEY})
    single = save(tmp_path / "labels.nii.gz", labels())

    assert read_segmentation(folder, ORGANS, None).shared == {"spleen": 0, "kidney_left": 0}
    assert read_segmentation(single, ORGANS, None).shared is None


def test_files_of_other_structures_are_counted_and_ignored(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "heart": LIVER, "lung": KIDNEY})
    (folder / "statistics.json").write_text("{}")

    found = read_segmentation(folder, ORGANS, None)

    np.testing.assert_array_equal(found.volume.data, 1 * SPLEEN)
    assert found.detail == "files that are not named after a structure of the label set: 2"


def test_the_detail_contains_both_remarks(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "liver": LIVER, "heart": KIDNEY})

    assert read_segmentation(folder, ORGANS, None).detail == (
        "voxels in more than one mask, which received the highest label: 1;"
        " files that are not named after a structure of the label set: 1"
    )


def test_a_mask_can_have_any_data_type_and_value(tmp_path):
    folder = tmp_path / "masks"
    save(folder / "spleen.nii.gz", SPLEEN * np.float64(255))

    np.testing.assert_array_equal(read_segmentation(folder, ORGANS, None).volume.data, 1 * SPLEEN)


def test_uncompressed_masks_are_read(tmp_path):
    save(tmp_path / "masks" / "spleen.nii", SPLEEN.astype(np.uint8))

    np.testing.assert_array_equal(read_segmentation(tmp_path / "masks", ORGANS, None).volume.data, 1 * SPLEEN)


def test_masks_with_different_storage_orders_are_merged(tmp_path):
    (tmp_path / "masks").mkdir()
    save_turned(tmp_path / "masks" / "spleen.nii.gz", SPLEEN.astype(np.uint8), "LPS")
    save_turned(tmp_path / "masks" / "kidney_left.nii.gz", KIDNEY.astype(np.uint8), "SAR")

    np.testing.assert_array_equal(
        read_segmentation(tmp_path / "masks", ORGANS, None).volume.data, 1 * SPLEEN + 2 * KIDNEY
    )


def test_masks_on_different_grids_are_rejected(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN})
    save_masks(folder, {"liver": LIVER}, affine(origin_mm=(-30, -20, 140)))

    error = refusal(folder)

    assert error.reason == "grid_mismatch"
    assert error.detail == ("the grid of mask liver.nii.gz differs from the other masks: corners are up to 40 mm apart")


def test_a_folder_without_masks_of_the_label_set_is_reported(tmp_path):
    folder = save_masks(tmp_path / "masks", {"heart": SPLEEN})

    error = refusal(folder)

    assert str(error) == (
        "missing_file: masks contains no mask named after a structure of made_up, such as spleen.nii.gz;"
        " number of other NIfTI files: 1"
    )


def test_masks_in_a_subfolder_are_reported(tmp_path):
    save_masks(tmp_path / "s1" / "segmentations", {"liver": LIVER})

    assert refusal(tmp_path / "s1").detail.endswith(
        "number of other NIfTI files: 0, in subfolders: 1. Set segmentation_path to the folder that contains the masks"
    )


def test_an_empty_folder_is_reported(tmp_path):
    (tmp_path / "masks").mkdir()

    assert refusal(tmp_path / "masks").reason == "missing_file"


def test_a_folder_with_a_damaged_mask_is_rejected(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "liver": LIVER})
    damage(folder / "liver.nii.gz", flip_byte)

    error = refusal(folder)

    assert error.reason == "unreadable"
    assert error.detail.startswith("liver.nii.gz: ")


def test_a_folder_with_a_different_grid_is_rejected(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN})

    assert refusal(folder, save(tmp_path / "ct.nii.gz", hu((8, 7, 9)))).reason == "grid_mismatch"


def test_more_than_255_structures_do_not_overflow(tmp_path):
    many = label_set(*[f"part_{number}" for number in range(1, 301)])
    folder = save_masks(tmp_path / "masks", {"part_1": SPLEEN, "part_300": KIDNEY})

    found = read_segmentation(folder, many, None)

    np.testing.assert_array_equal(found.volume.data, 1 * SPLEEN + 300 * KIDNEY)


def test_a_compressed_mask_has_priority_over_an_uncompressed_mask(tmp_path):
    save(tmp_path / "spleen.nii", KIDNEY.astype(np.uint8))
    save(tmp_path / "spleen.nii.gz", SPLEEN.astype(np.uint8))

    assert mask_files(tmp_path) == {"spleen": tmp_path / "spleen.nii.gz"}


# Checksums


def test_the_checksum_of_a_folder_depends_only_on_names_and_masks(tmp_path):
    one = save_masks(tmp_path / "one", {"spleen": SPLEEN, "liver": LIVER})
    same = save_masks(tmp_path / "same", {"liver": LIVER, "spleen": SPLEEN})
    (same / "notes.txt").write_text("not a mask")
    renamed = save_masks(tmp_path / "renamed", {"spleen": SPLEEN, "kidney_left": LIVER})
    other = save_masks(tmp_path / "other", {"spleen": SPLEEN, "liver": KIDNEY})
    swapped = save_masks(tmp_path / "swapped", {"liver": SPLEEN, "spleen": LIVER})

    assert checksum(one) == checksum(same)
    assert len({checksum(folder) for folder in (one, renamed, other, swapped)}) == 4


def test_a_segmentation_of_a_wider_data_type_is_converted(tmp_path):
    image = nib.Nifti1Image(labels().astype(np.float64), affine())
    nib.save(image, tmp_path / "labels.nii.gz")

    assert read_segmentation(tmp_path / "labels.nii.gz", ORGANS, None).volume.data.dtype == np.uint8


@pytest.mark.parametrize(
    ("where", "reported"), [(np.eye(4), True), (np.diag([-1.0, -1, 1, 1]), True), (np.diag([1, 1, 1.5, 1]), False)]
)
def test_an_identity_affine_is_reported(tmp_path, where, reported):
    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels(), where), ORGANS, None)

    assert (found.detail is not None and "the affine is the identity" in found.detail) == reported


# Names in the file


def named(path, data, names):
    volume = Volume(data, Grid(data.shape, affine()), affine())
    write_labels(data, volume, path, names)
    return path


def test_structures_are_identified_by_the_names_in_the_file(tmp_path):
    labels = np.array([[[0, 1, 2, 3, 7]]], np.uint8)
    path = named(tmp_path / "other.nii.gz", labels, {"LIVER": 1, "spleen": 2, "tumor": 3, "aorta": 7, "heart": 9})

    found = read_segmentation(path, label_set("spleen", "liver", "heart", "kidney_left"), None)

    assert found.volume.data.tolist() == [[[0, 2, 1, 0, 0]]]
    assert found.labels == {"spleen": 1, "liver": 2, "heart": 3}
    assert found.detail == (
        "structures are identified by the names in the file because its label numbers differ from the label set;"
        " labels of structures that are not in the label set and are ignored: 2;"
        " names changed to the spelling of the label set: 1, such as LIVER to liver"
    )


def test_names_equal_to_the_label_set_only_limit_the_labels(tmp_path):
    path = named(tmp_path / "same.nii.gz", np.array([[[0, 1]]], np.uint8), {"spleen": 1})

    found = read_segmentation(path, label_set("spleen", "liver"), None)

    assert (found.labels, found.detail, found.volume.data.tolist()) == ({"spleen": 1}, None, [[[0, 1]]])


@pytest.mark.parametrize("name", ["Left Kidney", "KIDNEY_LEFT", "kidney-left", "left_kidney", "kidney left"])
def test_names_with_different_spelling_are_matched(tmp_path, name):
    path = named(tmp_path / "map.nii.gz", np.array([[[0, 4]]], np.uint8), {name: 4})
    folder = save_masks(tmp_path / "masks", {name: KIDNEY})

    in_map, in_folder = read_segmentation(path, ORGANS, None), read_segmentation(folder, ORGANS, None)

    assert in_map.volume.data.tolist() == [[[0, 2]]]
    assert (in_map.labels, in_folder.labels) == ({"kidney_left": 2}, {"kidney_left": 2})
    np.testing.assert_array_equal(in_folder.volume.data == 2, KIDNEY)
    remark = f"names changed to the spelling of the label set: 1, such as {name} to kidney_left"
    assert in_map.detail.endswith(remark)
    assert in_folder.detail == remark


def test_two_spellings_of_a_structure_are_rejected(tmp_path):
    path = named(tmp_path / "map.nii.gz", np.array([[[0, 4, 5]]], np.uint8), {"Liver": 4, "liver": 5})
    folder = save_masks(tmp_path / "masks", {"Liver": LIVER, "liver": KIDNEY})

    for found in (refusal(path), refusal(folder)):
        assert str(found) == "unknown_labels: 'Liver' and 'liver' are two spellings of liver; keep one"


@pytest.mark.parametrize("name", ["total_117", "paper_104", "demo"])
def test_structures_of_label_sets_of_the_package_have_distinct_names(name):
    known = label_sets.read(name)

    assert names_in_set([name.upper() for name in known.names], known) == {name.upper(): name for name in known.names}


def test_structures_with_the_same_words_are_distinguished_by_word_order():
    assert names_in_set(["A_B", "b_a", "B A"], label_set("a_b", "b_a")) == {"A_B": "a_b", "b_a": "b_a", "B A": "B A"}


def test_hidden_files_are_ignored(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER})
    (folder / "._liver.nii.gz").write_bytes(b"Mac OS X")

    assert read_segmentation(folder, ORGANS, None).detail is None


def test_uppercase_file_extensions_are_accepted(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER})
    (folder / "liver.nii.gz").rename(folder / "liver.NII.GZ")

    assert read_segmentation(folder, ORGANS, None).labels == {"liver": 3}


def test_a_mask_present_in_two_files_is_reported(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER})
    save(folder / "liver.nii", KIDNEY.astype(np.uint8))

    found = read_segmentation(folder, ORGANS, None)

    np.testing.assert_array_equal(found.volume.data == 3, LIVER)
    assert found.detail == "masks present as both .nii and .nii.gz, of which .nii.gz is read: 1"


def test_an_empty_segmentation_is_reported(tmp_path):
    empty = save(tmp_path / "labels.nii.gz", np.zeros(SHAPE, np.uint8))
    folder = save_masks(tmp_path / "masks", {"liver": np.zeros(SHAPE)})

    assert read_segmentation(empty, ORGANS, None).detail == "no voxel has a label"
    assert read_segmentation(folder, ORGANS, None).detail == "no voxel has a label"


def test_a_mask_of_probabilities_is_rejected_with_a_remedy(tmp_path):
    (tmp_path / "masks").mkdir()
    save(tmp_path / "masks" / "liver.nii.gz", LIVER * np.float32(0.7))

    error = refusal(tmp_path / "masks")

    assert error.reason == "bad_values"
    assert error.detail.startswith("mask liver.nii.gz: labels must be whole numbers; number of other values: ")
    assert error.detail.endswith("threshold it at half of its maximum")


def test_a_label_without_a_name_in_the_file_is_rejected(tmp_path):
    path = named(tmp_path / "odd.nii.gz", np.array([[[0, 1, 2]]], np.uint8), {"spleen": 1})

    error = refusal(path, organs=label_set("spleen", "liver"))

    assert str(error) == "unknown_labels: odd.nii.gz has labels that are not in the list of names in its header: 2"


def test_a_file_without_structures_of_the_label_set_is_rejected(tmp_path):
    path = named(tmp_path / "odd.nii.gz", np.array([[[0, 1]]], np.uint8), {"tumor": 1})

    assert (
        refusal(path, organs=label_set("spleen")).detail
        == "odd.nii.gz names no structure of made_up; its names include tumor"
    )


def test_a_part_is_assigned_to_its_structure(tmp_path):
    path = named(tmp_path / "parts.nii.gz", np.array([[[0, 1, 2]]], np.uint8), {"sacrum": 1, "vertebrae_S1": 2})
    paper = label_sets.read("paper_104")

    found = read_segmentation(path, paper, None)

    assert set(found.volume.data.ravel().tolist()) == {0, paper.label_of["sacrum"]}


@pytest.mark.parametrize(
    "table", [b"<CaretExtension><Label Key='a'>x</Label></CaretExtension>", b"<CaretExtension><Label"]
)
def test_a_file_with_unreadable_names_is_rejected(tmp_path, table):
    image = nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(0, table))
    nib.save(image, tmp_path / "odd.nii.gz")

    assert refusal(tmp_path / "odd.nii.gz", organs=label_set("spleen")).reason == "unreadable"


def test_a_mask_with_several_values_is_rejected(tmp_path):
    soft = np.zeros((3, 3, 3), np.uint8)
    soft[1] = [[10, 128, 255]] * 3
    (tmp_path / "masks").mkdir()
    nib.save(nib.Nifti1Image(soft, np.eye(4)), tmp_path / "masks" / "spleen.nii.gz")

    error = refusal(tmp_path / "masks", organs=label_set("spleen"))

    assert error.reason == "bad_values"
    assert error.detail.startswith(
        "mask spleen.nii.gz has several nonzero values (10, 128, 255), possibly due to interpolation"
    )
