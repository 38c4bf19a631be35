"""Existing segmentations are taken over as they are, on the grid of their CT, or refused."""

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
    """Return a mask that is true between two voxels, both included."""
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


def test_a_label_map_is_taken_over_with_the_numbers_of_the_label_set(tmp_path):
    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels()), ORGANS, None)

    np.testing.assert_array_equal(found.volume.data, labels())
    assert found.labels == {"spleen": 1, "kidney_left": 2, "liver": 3}
    assert found.detail is None


def test_a_label_map_may_lack_structures_and_still_know_them(tmp_path):
    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels(highest=1)), ORGANS, None)

    assert found.labels == {"spleen": 1, "kidney_left": 2, "liver": 3}


def test_a_number_that_the_label_set_does_not_name_is_refused(tmp_path):
    numbers = labels(highest=9)
    numbers[numbers == 8] = 0

    error = refusal(save(tmp_path / "labels.nii.gz", numbers))

    assert error.reason == "unknown_labels"
    assert error.detail == "labels.nii.gz has labels 4, 5, 6, 7, 9 that label set made_up does not name"


def test_a_mask_of_one_structure_in_place_of_a_label_map_is_refused(tmp_path):
    path = save(tmp_path / "mask.nii.gz", labels(highest=1))

    error = refusal(path, organs=label_sets.read("total_117"))

    assert error.reason == "unknown_labels"
    assert "label set total_117 would make it spleen: give a folder with the mask as STRUCTURE.nii.gz" in error.detail


@pytest.mark.parametrize("name", ["demo", "paper_104", "total_117", "a part"])
def test_a_mask_of_one_structure_is_refused_in_all_shipped_sets_and_parts_of_them(tmp_path, name):
    path = save(tmp_path / "mask.nii.gz", labels(highest=1))
    total = label_sets.read("total_117")
    organs = label_sets.LabelSet("mine", total.table.head(12)) if name == "a part" else label_sets.read(name)

    assert "has label 1 alone and names none" in refusal(path, organs=organs).detail


@pytest.mark.parametrize("first", ["brain", "body", "liver"])
def test_a_label_map_of_another_set_may_have_its_first_structure_alone(tmp_path, first):
    organs = label_set(first, *(f"lesion_{letter}" for letter in "abcdefghijkl"))

    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels(highest=1)), organs, None)

    assert found.labels == organs.label_of
    assert found.volume.data.max() == 1


def test_a_label_map_of_few_structures_or_with_several_labels_may_lack_others(tmp_path):
    total = label_sets.read("total_117")

    assert read_segmentation(save(tmp_path / "1.nii.gz", labels(highest=1)), ORGANS, None).labels == ORGANS.label_of
    assert read_segmentation(save(tmp_path / "2.nii.gz", labels(highest=2)), total, None).labels == total.label_of
    assert read_segmentation(save(tmp_path / "5.nii.gz", labels(highest=1) * 5), total, None).labels == total.label_of


def test_a_label_map_on_the_grid_of_its_ct_is_taken_over_however_the_two_are_stored(tmp_path):
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
def test_a_label_map_on_another_grid_than_its_ct_is_refused(tmp_path, shape, where, difference):
    ct = save(tmp_path / "ct.nii.gz", hu(shape), where)

    error = refusal(save(tmp_path / "labels.nii.gz", labels()), ct)

    assert error.reason == "grid_mismatch"
    assert error.detail.startswith("segmentation and CT do not share a grid: ")
    assert difference in error.detail


def test_a_ct_without_orientation_is_refused_with_its_segmentation(tmp_path):
    ct = save(tmp_path / "ct.nii.gz", hu(), sform_code=0)

    assert refusal(save(tmp_path / "labels.nii.gz", labels()), ct).reason == "bad_geometry"


def test_a_segmentation_that_is_not_there_is_missing(tmp_path):
    error = refusal(tmp_path / "labels.nii.gz")

    assert (error.reason, error.detail) == ("missing_file", "labels.nii.gz does not exist")


def test_a_path_that_cannot_even_be_looked_at_is_refused():
    too_long = Path(f"{'n' * 300}.nii.gz")

    error = refusal(too_long)

    assert (error.reason, error.detail) == ("unreadable", f"{too_long}: File name too long")
    with pytest.raises(ScanError, match="File name too long"):
        checksum(too_long)


def test_labels_between_whole_numbers_are_refused(tmp_path):
    assert refusal(save(tmp_path / "labels.nii.gz", labels() * np.float32(0.5))).reason == "bad_values"


def test_a_damaged_label_map_is_refused(tmp_path):
    bad = BAD_CTS["a gzip file cut at half its length"]

    assert refusal(bad.save(tmp_path / "scan.nii.gz")).reason == "unreadable"


@pytest.mark.parametrize(("dtype", "order"), [(np.uint8, "F"), (np.uint16, "C")])
def test_the_labels_that_occur_are_listed_once_and_in_order(dtype, order):
    image = np.zeros(SHAPE, dtype, order=order)
    image[0, 0, 0], image[3, 4, 5], image[7, 6, 5] = np.iinfo(dtype).max, 7, 7

    assert labels_in(image[:, ::-1]).tolist() == [0, 7, np.iinfo(dtype).max]
    assert labels_in(np.ones(SHAPE, dtype)).tolist() == [1]


# A folder of masks


def test_masks_become_one_label_map(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "kidney_left": KIDNEY})

    found = read_segmentation(folder, ORGANS, None)

    np.testing.assert_array_equal(found.volume.data, 1 * SPLEEN + 2 * KIDNEY)
    assert found.detail is None


def test_a_structure_without_a_file_is_not_known_and_one_with_an_empty_mask_is(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "liver": np.zeros(SHAPE, bool)})

    assert read_segmentation(folder, ORGANS, None).labels == {"spleen": 1, "liver": 3}


def test_a_voxel_in_two_masks_goes_to_the_highest_label_and_is_told(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER, "spleen": SPLEEN})

    found = read_segmentation(folder, ORGANS, None)

    assert found.volume.data[2, 2, 2] == 3
    assert np.count_nonzero(found.volume.data == 1) == 7
    assert found.detail == "1 voxels lie in more than one mask and went to the highest label"


def test_each_mask_counts_the_voxels_that_it_shares_whoever_has_them_in_the_end(tmp_path):
    masks = {"spleen": SPLEEN, "liver": LIVER, "kidney_left": block((2, 2, 2), (3, 2, 2))}
    folder = save_masks(tmp_path / "masks", masks)

    found = read_segmentation(folder, ORGANS, None)

    # (2, 2, 2) lies in all three, (3, 2, 2) in kidney and liver
    assert found.shared == {"spleen": 1, "kidney_left": 2, "liver": 2}
    assert found.detail.startswith("2 voxels lie in more than one mask and went to the highest label")


@pytest.mark.parametrize("seed", range(5))
def test_shared_voxels_are_those_of_brute_force(tmp_path, seed):
    random = np.random.default_rng(seed)
    organs = label_set(*"abcdef")
    masks = {name: random.random(SHAPE) < 0.2 for name in "abcdef"}
    together = sum(mask.astype(int) for mask in masks.values())

    found = read_segmentation(save_masks(tmp_path / "masks", masks), organs, None)

    assert found.shared == {name: np.count_nonzero(mask & (together > 1)) for name, mask in masks.items()}
    assert found.detail.startswith(f"{np.count_nonzero(together > 1)} voxels lie in more than one mask")


def test_a_structure_most_of_whose_mask_is_in_masks_of_higher_labels_has_no_volume(tmp_path):
    masks = {"spleen": block((2, 2, 2), (4, 2, 2)), "kidney_left": block((2, 2, 2), (3, 2, 2)), "liver": LIVER}
    folder = save_masks(tmp_path / "masks", masks)

    found = read_segmentation(folder, ORGANS, None)

    assert found.labels == {"liver": 3}
    assert found.covered == {
        "spleen": "3 of 3 voxels of the mask are in masks of higher labels, which have them",
        "kidney_left": "2 of 2 voxels of the mask are in masks of higher labels, which have them",
    }
    assert "2 structures, first spleen, have most of their voxels in masks of higher labels" in found.detail
    assert set(np.unique(found.volume.data)) == {0, 3}


def test_a_structure_half_of_whose_mask_is_in_other_masks_keeps_the_other_half(tmp_path):
    masks = {"spleen": block((1, 2, 2), (4, 2, 2)), "liver": block((3, 2, 2), (6, 2, 2))}
    more = {**masks, "spleen": block((2, 2, 2), (4, 2, 2))}

    half = read_segmentation(save_masks(tmp_path / "half", masks), ORGANS, None)
    most = read_segmentation(save_masks(tmp_path / "most", more), ORGANS, None)

    assert (half.covered, np.count_nonzero(half.volume.data == 1)) == ({}, 2)
    assert (list(most.covered), np.count_nonzero(most.volume.data == 1)) == (["spleen"], 0)


@pytest.mark.parametrize("name", ["liver.nrrd", "liver.NRRD", "liver.nii.gz.part", "liver.img"])
def test_images_of_a_folder_that_are_not_read_are_told(tmp_path, name):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN})
    (folder / name).touch()

    assert (
        read_segmentation(folder, ORGANS, None).detail == "1 images that are not NIfTI, or not complete, are not read"
    )


def test_masks_that_share_nothing_say_so_and_a_label_map_says_nothing(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "kidney_left": KIDNEY})
    single = save(tmp_path / "labels.nii.gz", labels())

    assert read_segmentation(folder, ORGANS, None).shared == {"spleen": 0, "kidney_left": 0}
    assert read_segmentation(single, ORGANS, None).shared is None


def test_files_that_name_no_structure_are_counted_and_left_alone(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "heart": LIVER, "lung": KIDNEY})
    (folder / "statistics.json").write_text("{}")

    found = read_segmentation(folder, ORGANS, None)

    np.testing.assert_array_equal(found.volume.data, 1 * SPLEEN)
    assert found.detail == "2 files name no structure of the label set"


def test_both_remarks_stand_in_one_detail(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "liver": LIVER, "heart": KIDNEY})

    assert read_segmentation(folder, ORGANS, None).detail == (
        "1 voxels lie in more than one mask and went to the highest label; 1 files name no structure of the label set"
    )


def test_a_mask_may_be_of_any_type_and_number(tmp_path):
    folder = tmp_path / "masks"
    save(folder / "spleen.nii.gz", SPLEEN * np.float64(255))

    np.testing.assert_array_equal(read_segmentation(folder, ORGANS, None).volume.data, 1 * SPLEEN)


def test_masks_in_plain_nifti_are_taken_over_too(tmp_path):
    save(tmp_path / "masks" / "spleen.nii", SPLEEN.astype(np.uint8))

    np.testing.assert_array_equal(read_segmentation(tmp_path / "masks", ORGANS, None).volume.data, 1 * SPLEEN)


def test_masks_that_are_stored_in_different_orientations_meet_on_one_grid(tmp_path):
    (tmp_path / "masks").mkdir()
    save_turned(tmp_path / "masks" / "spleen.nii.gz", SPLEEN.astype(np.uint8), "LPS")
    save_turned(tmp_path / "masks" / "kidney_left.nii.gz", KIDNEY.astype(np.uint8), "SAR")

    np.testing.assert_array_equal(
        read_segmentation(tmp_path / "masks", ORGANS, None).volume.data, 1 * SPLEEN + 2 * KIDNEY
    )


def test_masks_on_different_grids_are_refused(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN})
    save_masks(folder, {"liver": LIVER}, affine(origin_mm=(-30, -20, 140)))

    error = refusal(folder)

    assert error.reason == "grid_mismatch"
    assert error.detail == "mask liver.nii.gz is on another grid than the others: corners are up to 40 mm apart"


def test_a_folder_without_any_mask_of_the_label_set_is_missing(tmp_path):
    folder = save_masks(tmp_path / "masks", {"heart": SPLEEN})

    error = refusal(folder)

    assert str(error) == (
        "missing_file: masks has no mask named after a structure of made_up, as spleen.nii.gz;"
        " it has 1 other NIfTI files"
    )


def test_masks_in_a_subfolder_are_told(tmp_path):
    save_masks(tmp_path / "s1" / "segmentations", {"liver": LIVER})

    assert refusal(tmp_path / "s1").detail.endswith(
        "it has 0 other NIfTI files, and 1 in subfolders: segmentation_path must be the folder that has the masks"
    )


def test_an_empty_folder_is_missing(tmp_path):
    (tmp_path / "masks").mkdir()

    assert refusal(tmp_path / "masks").reason == "missing_file"


def test_one_damaged_mask_refuses_the_folder(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN, "liver": LIVER})
    damage(folder / "liver.nii.gz", flip_byte)

    error = refusal(folder)

    assert error.reason == "unreadable"
    assert error.detail.startswith("liver.nii.gz: ")


def test_a_folder_on_another_grid_than_its_ct_is_refused(tmp_path):
    folder = save_masks(tmp_path / "masks", {"spleen": SPLEEN})

    assert refusal(folder, save(tmp_path / "ct.nii.gz", hu((8, 7, 9)))).reason == "grid_mismatch"


def test_more_than_255_structures_do_not_wrap_around(tmp_path):
    many = label_set(*[f"part_{number}" for number in range(1, 301)])
    folder = save_masks(tmp_path / "masks", {"part_1": SPLEEN, "part_300": KIDNEY})

    found = read_segmentation(folder, many, None)

    np.testing.assert_array_equal(found.volume.data, 1 * SPLEEN + 300 * KIDNEY)


def test_a_compressed_mask_comes_before_a_plain_one_of_the_same_name(tmp_path):
    save(tmp_path / "spleen.nii", KIDNEY.astype(np.uint8))
    save(tmp_path / "spleen.nii.gz", SPLEEN.astype(np.uint8))

    assert mask_files(tmp_path) == {"spleen": tmp_path / "spleen.nii.gz"}


# Checksums


def test_the_checksum_of_a_folder_changes_with_each_mask_and_name_and_with_nothing_else(tmp_path):
    one = save_masks(tmp_path / "one", {"spleen": SPLEEN, "liver": LIVER})
    same = save_masks(tmp_path / "same", {"liver": LIVER, "spleen": SPLEEN})
    (same / "notes.txt").write_text("not a mask")
    renamed = save_masks(tmp_path / "renamed", {"spleen": SPLEEN, "kidney_left": LIVER})
    other = save_masks(tmp_path / "other", {"spleen": SPLEEN, "liver": KIDNEY})
    swapped = save_masks(tmp_path / "swapped", {"liver": SPLEEN, "spleen": LIVER})

    assert checksum(one) == checksum(same)
    assert len({checksum(folder) for folder in (one, renamed, other, swapped)}) == 4


def test_a_segmentation_in_a_wider_type_gives_the_same_labels(tmp_path):
    image = nib.Nifti1Image(labels().astype(np.float64), affine())
    nib.save(image, tmp_path / "labels.nii.gz")

    assert read_segmentation(tmp_path / "labels.nii.gz", ORGANS, None).volume.data.dtype == np.uint8


@pytest.mark.parametrize(
    ("where", "told"), [(np.eye(4), True), (np.diag([-1.0, -1, 1, 1]), True), (np.diag([1, 1, 1.5, 1]), False)]
)
def test_an_affine_that_states_nothing_is_told(tmp_path, where, told):
    found = read_segmentation(save(tmp_path / "labels.nii.gz", labels(), where), ORGANS, None)

    assert (found.detail is not None and "the affine is the identity" in found.detail) == told


# Names in the file


def named(path, data, names):
    volume = Volume(data, Grid(data.shape, affine()), affine())
    write_labels(data, volume, path, names)
    return path


def test_labels_are_read_by_the_names_in_the_file(tmp_path):
    labels = np.array([[[0, 1, 2, 3, 7]]], np.uint8)
    path = named(tmp_path / "other.nii.gz", labels, {"LIVER": 1, "spleen": 2, "tumour": 3, "aorta": 7, "heart": 9})

    found = read_segmentation(path, label_set("spleen", "liver", "heart", "kidney_left"), None)

    assert found.volume.data.tolist() == [[[0, 2, 1, 0, 0]]]
    assert found.labels == {"spleen": 1, "liver": 2, "heart": 3}
    assert found.detail == (
        "labels are read by the names in the file, which has other numbers than the label set;"
        " 2 labels of structures outside the label set are left out;"
        " 1 names are read in the spelling of the label set, such as LIVER as liver"
    )


def test_names_that_agree_with_the_label_set_change_nothing_but_what_is_known(tmp_path):
    path = named(tmp_path / "same.nii.gz", np.array([[[0, 1]]], np.uint8), {"spleen": 1})

    found = read_segmentation(path, label_set("spleen", "liver"), None)

    assert (found.labels, found.detail, found.volume.data.tolist()) == ({"spleen": 1}, None, [[[0, 1]]])


@pytest.mark.parametrize("name", ["Left Kidney", "KIDNEY_LEFT", "kidney-left", "left_kidney", "kidney left"])
def test_names_in_another_spelling_are_read_in_label_maps_and_folders(tmp_path, name):
    path = named(tmp_path / "map.nii.gz", np.array([[[0, 4]]], np.uint8), {name: 4})
    folder = save_masks(tmp_path / "masks", {name: KIDNEY})

    in_map, in_folder = read_segmentation(path, ORGANS, None), read_segmentation(folder, ORGANS, None)

    assert in_map.volume.data.tolist() == [[[0, 2]]]
    assert (in_map.labels, in_folder.labels) == ({"kidney_left": 2}, {"kidney_left": 2})
    np.testing.assert_array_equal(in_folder.volume.data == 2, KIDNEY)
    remark = f"1 names are read in the spelling of the label set, such as {name} as kidney_left"
    assert in_map.detail.endswith(remark)
    assert in_folder.detail == remark


def test_two_spellings_of_one_structure_are_refused(tmp_path):
    path = named(tmp_path / "map.nii.gz", np.array([[[0, 4, 5]]], np.uint8), {"Liver": 4, "liver": 5})
    folder = save_masks(tmp_path / "masks", {"Liver": LIVER, "liver": KIDNEY})

    for found in (refusal(path), refusal(folder)):
        assert str(found) == "unknown_labels: 'Liver' and 'liver' are two spellings of liver: keep one"


@pytest.mark.parametrize("name", ["total_117", "paper_104", "demo"])
def test_no_two_structures_of_a_shipped_label_set_are_spellings_of_one_another(name):
    known = label_sets.read(name)

    assert names_in_set([name.upper() for name in known.names], known) == {name.upper(): name for name in known.names}


def test_structures_of_a_label_set_with_the_same_words_are_told_apart_by_their_order():
    assert names_in_set(["A_B", "b_a", "B A"], label_set("a_b", "b_a")) == {"A_B": "a_b", "b_a": "b_a", "B A": "B A"}


def test_hidden_files_of_a_folder_do_not_count(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER})
    (folder / "._liver.nii.gz").write_bytes(b"Mac OS X")

    assert read_segmentation(folder, ORGANS, None).detail is None


def test_endings_of_masks_may_be_in_upper_case(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER})
    (folder / "liver.nii.gz").rename(folder / "liver.NII.GZ")

    assert read_segmentation(folder, ORGANS, None).labels == {"liver": 3}


def test_a_mask_that_is_there_twice_is_told(tmp_path):
    folder = save_masks(tmp_path / "masks", {"liver": LIVER})
    save(folder / "liver.nii", KIDNEY.astype(np.uint8))

    found = read_segmentation(folder, ORGANS, None)

    np.testing.assert_array_equal(found.volume.data == 3, LIVER)
    assert found.detail == "1 masks are there as .nii and .nii.gz, of which .nii.gz is read"


def test_a_segmentation_without_any_label_is_told(tmp_path):
    empty = save(tmp_path / "labels.nii.gz", np.zeros(SHAPE, np.uint8))
    folder = save_masks(tmp_path / "masks", {"liver": np.zeros(SHAPE)})

    assert read_segmentation(empty, ORGANS, None).detail == "no voxel has a label"
    assert read_segmentation(folder, ORGANS, None).detail == "no voxel has a label"


def test_a_mask_of_probabilities_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "masks").mkdir()
    save(tmp_path / "masks" / "liver.nii.gz", LIVER * np.float32(0.7))

    error = refusal(tmp_path / "masks")

    assert error.reason == "bad_values"
    assert error.detail.startswith("mask liver.nii.gz: labels must be whole numbers, found ")
    assert error.detail.endswith("threshold it at half of its maximum")


def test_a_label_without_a_name_in_the_file_is_refused(tmp_path):
    path = named(tmp_path / "odd.nii.gz", np.array([[[0, 1, 2]]], np.uint8), {"spleen": 1})

    error = refusal(path, organs=label_set("spleen", "liver"))

    assert str(error) == "unknown_labels: odd.nii.gz has labels 2 that its own list of names does not contain"


def test_a_file_that_names_nothing_of_the_label_set_is_refused(tmp_path):
    path = named(tmp_path / "odd.nii.gz", np.array([[[0, 1]]], np.uint8), {"tumour": 1})

    assert (
        refusal(path, organs=label_set("spleen")).detail
        == "odd.nii.gz names no structure of made_up; it names tumour, …"
    )


def test_a_part_becomes_the_structure_that_includes_it(tmp_path):
    path = named(tmp_path / "parts.nii.gz", np.array([[[0, 1, 2]]], np.uint8), {"sacrum": 1, "vertebrae_S1": 2})
    paper = label_sets.read("paper_104")

    found = read_segmentation(path, paper, None)

    assert set(found.volume.data.ravel().tolist()) == {0, paper.label_of["sacrum"]}


@pytest.mark.parametrize(
    "table", [b"<CaretExtension><Label Key='a'>x</Label></CaretExtension>", b"<CaretExtension><Label"]
)
def test_names_that_cannot_be_read_refuse_the_file(tmp_path, table):
    image = nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(0, table))
    nib.save(image, tmp_path / "odd.nii.gz")

    assert refusal(tmp_path / "odd.nii.gz", organs=label_set("spleen")).reason == "unreadable"


def test_a_mask_with_several_values_is_refused(tmp_path):
    soft = np.zeros((3, 3, 3), np.uint8)
    soft[1] = [[10, 128, 255]] * 3
    (tmp_path / "masks").mkdir()
    nib.save(nib.Nifti1Image(soft, np.eye(4)), tmp_path / "masks" / "spleen.nii.gz")

    error = refusal(tmp_path / "masks", organs=label_set("spleen"))

    assert error.reason == "bad_values"
    assert error.detail.startswith(
        "mask spleen.nii.gz has several values beside 0 (10, 128, 255), as after interpolation"
    )
